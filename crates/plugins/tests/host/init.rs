//! Initialisation, configuration, messages, metrics, and the end.

use std::sync::Arc;

use eyas_plugins::EVENT_SCHEMA;
use eyas_sinsp::plugin::{Metric, MetricValue, Version};
use eyas_testing::test;

use crate::build::{Messages, load, start, started};

fn quiet() -> eyas_sinsp::plugin::Log {
    Arc::new(|_, _| {})
}

/// Why a plugin does not start.
fn refusal(library: &eyas_plugins::Library, config: &str) -> String {
    start(library, config, quiet()).map(drop).unwrap_err().to_string()
}

#[test]
fn a_plugin_that_fails_is_destroyed_and_says_why() {
    let library = load(&["PARSING"]).unwrap();
    let messages = Messages::default();
    let error = start(&library, "fail", messages.log()).map(drop).unwrap_err();
    assert_eq!(error.to_string(), "could not initialize plugin: the config asks to fail");
    let all = messages.take();
    assert_eq!(
        all,
        [
            "Info probe: initializing plugin...",
            "Warning part: has tables",
            "Info probe: destroying plugin..."
        ]
    );
    assert_eq!(refusal(&library, "unset"), "could not initialize plugin: rc is left as it was");
    assert_eq!(refusal(&library, "odd"), "could not initialize plugin: no such result");
    assert_eq!(
        refusal(&library, "nothing"),
        "could not initialize plugin: plugin handle or 'get_last_error' function not defined"
    );
}

#[test]
fn tables_are_for_plugins_that_extract_or_parse() {
    for (definitions, text) in [
        (&["PARSING"][..], "Warning part: has tables"),
        (&["EXTRACTION"], "Warning part: has tables"),
        (&["SOURCING"], "Warning part: has no tables"),
        (&["ASYNC"], "Warning part: has no tables"),
        (&["LISTENING"], "Warning part: has no tables"),
    ] {
        let messages = Messages::default();
        drop(start(&load(definitions).unwrap(), "", messages.log()).unwrap());
        let all = messages.take();
        assert_eq!(
            (all[1].as_str(), all[2].as_str()),
            (text, "Info probe: destroying plugin..."),
            "{definitions:?}"
        );
    }
}

#[test]
fn a_configuration_is_checked_before_the_plugin_gets_it() {
    let schema = r#"SCHEMA="{\"properties\":{\"count\":{\"type\":\"integer\"}}}""#;
    let library = load(&["PARSING", schema]).unwrap();
    assert_eq!(
        refusal(&library, r#"{"count":"x"}"#),
        "error in plugin probe init config: In <root>[count], Value type not permitted by 'type' constraint."
    );
    assert_eq!(refusal(&library, "count"), "error in plugin probe: init config is not a valid json");
    let mut instance = start(&library, r#"{"count":3}"#, quiet()).unwrap();
    assert_eq!(instance.set_config(r#"{"count":4}"#), Ok(true));
    assert!(instance.set_config(r#"{"count":"x"}"#).unwrap_err().to_string().contains("<root>[count]"));
    drop(instance);
    let (_, mut instance) = started(&["PARSING"]);
    assert_eq!(instance.set_config("refused").unwrap_err().to_string(), "the new config is refused");
    let (_, mut instance) = started(&["PARSING", "plugin_set_config=plugin_no_config"]);
    assert_eq!(instance.set_config("refused"), Ok(false));
}

#[test]
fn metrics_have_their_types() {
    let (_library, mut instance) = started(&["PARSING"]);
    let metric = |name: &str, is_monotonic, value| Metric { name: name.into(), is_monotonic, value };
    let expected = [
        metric("calls", true, MetricValue::Uint(0)),
        metric("fields", true, MetricValue::Uint(0)),
        metric("half", false, MetricValue::Double(0.5)),
    ];
    assert_eq!(instance.metrics(), expected);
    let (_library, mut instance) = started(&["PARSING", "plugin_get_metrics=plugin_no_metrics"]);
    assert_eq!(instance.metrics(), []);
}

#[test]
fn plugins_of_system_calls_know_the_schema_of_the_events() {
    let check = |definitions: &[&str], in_use: [u32; 3]| {
        let (_library, instance) = started(definitions);
        instance.check_event_schema(Version(in_use)).map_err(|error| error.to_string())
    };
    assert_eq!(check(&["PARSING", "EVENT_SCHEMA=\"3.69.0\""], [3, 69, 0]), Ok(()));
    assert_eq!(check(&["PARSING", "EVENT_SCHEMA=\"4.5.1\""], EVENT_SCHEMA.0), Ok(()));
    assert_eq!(
        check(&["PARSING"], EVENT_SCHEMA.0).unwrap_err(),
        "plugin probe required event schema version '3.0.0' not compatible with the event schema version in use '4.5.1': \
         major versions disagree"
    );
    assert!(
        check(&["PARSING", "EVENT_SCHEMA=\"invalid.version\""], [3, 0, 0])
            .unwrap_err()
            .contains("invalid.version")
    );
    // Those that see only events of plugins may be of any.
    for of_plugins in [
        &["SOURCING", "EXTRACTION"][..],
        &["EXTRACTION", "EXTRACT_SOURCES=\"[\\\"foo\\\"]\"", "EVENT_SCHEMA=\"2.0.0\""],
        &["EXTRACTION", "EXTRACT_TYPES=322"],
        &["SOURCING"],
    ] {
        assert_eq!(check(of_plugins, EVENT_SCHEMA.0), Ok(()), "{of_plugins:?}");
    }
    assert!(check(&["EXTRACTION", "EXTRACT_TYPES=322,3"], EVENT_SCHEMA.0).is_err());
}
