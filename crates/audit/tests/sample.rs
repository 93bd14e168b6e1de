//! Tests a small audit log with its own rules.

use std::path::{Path, PathBuf};

mod common;

use common::{SOURCE, engine, events, plugins};
use eyas_fields::{Field, FieldSource, Schema, Value};
use eyas_rules::{AlertOptions, Engine};
use eyas_sinsp::EventView;
use eyas_sinsp::plugin::{PluginSchema, PluginSet};

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sample").join(name)
}

/// The alerts of a file.
fn alerts(set: &PluginSet, engine: &Engine, log: &Path) -> Vec<String> {
    let options = AlertOptions::default().with_zone(jiff::tz::TimeZone::UTC.into());
    let (mut evaluator, mut found, mut alerts) = (engine.evaluator(), Vec::new(), Vec::new());
    events(set, Some(engine), log, |event| {
        evaluator.matches(event, &mut found).unwrap();
        alerts.extend(found.drain(..).map(|hit| engine.alert(hit, event, &options).to_text()));
    });
    alerts
}

/// A field by its text, such as `ka.uri.param[command]`.
fn field(schema: &PluginSchema, text: &str) -> Field {
    let (name, arg) = match text.strip_suffix(']').and_then(|text| text.split_once('[')) {
        Some((name, arg)) => (name, Some(arg)),
        None => (text, None),
    };
    schema.resolve(name, arg).unwrap()
}

/// A value in the format of outputs.
fn shown(event: &EventView<'_>, field: &Field) -> String {
    fn text(value: &Value<'_>) -> String {
        match value {
            Value::Str(text) => String::from_utf8_lossy(text).into_owned(),
            Value::List(items) => format!("({})", items.iter().map(text).collect::<Vec<_>>().join(",")),
            other => format!("{other:?}"),
        }
    }
    event.get(field).map_or("<NA>".into(), |value| text(&value))
}

#[test]
fn rules_of_the_source_match_its_events() {
    let set = plugins();
    let engine = engine(&set, &[&sample("rules.yaml")]);
    let expected = [
        "10:00:00.000500000: Warning pod=web images=(registry.example/shop/web,registry.example/log) user=dana",
        "10:00:01.000000000: Notice command=cat pod=web code=101 time=2026-03-01T10:00:01.000000000+0000",
        "10:00:02.000000000: Error role=all reason=Forbidden plugin=k8saudit second=(*)",
        "10:00:03.000000000: Warning configmap=settings as=robot \
         object={\\\"note\\\":\\\"line\\\\nbreak\\\",\\\"key\\\":\\\"aws_access_key_id=AKIA\\\"}",
    ];
    assert_eq!(alerts(&set, &engine, &sample("audit.jsonl")), expected);
}

#[test]
fn fields_are_what_the_event_says() {
    let set = plugins();
    let schema = set.schema(SOURCE);
    let of_first = [
        ("ka.auditid", "a-1"),
        ("ka.auth.reason", "RBAC: \"developers\""),
        ("ka.user.groups", "(developers,system:authenticated)"),
        ("ka.sourceips", "(10.1.2.3)"),
        ("ka.sourceips[0]", "(10.1.2.3)"),
        ("ka.sourceips[1]", "<NA>"),
        ("ka.useragent", "kubectl/v1.31.0"),
        ("ka.response.code", "201"),
        ("ka.req.pod.host_network", "true"),
        ("ka.req.pod.host_pid", "<NA>"),
        ("ka.req.pod.run_as_user", "1000"),
        ("ka.req.pod.containers.image", "(registry.example/shop/web:2.1,registry.example/log@sha256:00ff)"),
        ("ka.req.pod.containers.image[1]", "(registry.example/log@sha256:00ff)"),
        ("ka.req.container.image", "registry.example/shop/web:2.1"),
        ("ka.req.container.image.repository", "registry.example/shop/web"),
        ("ka.req.pod.containers.privileged", "(true,false)"),
        ("ka.req.container.privileged", "true"),
        ("ka.req.pod.containers.eff_run_as_user", "(0,1000)"),
        ("ka.req.pod.containers.eff_run_as_group", "(0,0)"),
        ("ka.req.pod.containers.run_as_user", "<NA>"),
        ("ka.req.pod.containers.run_as_user[0]", "(0)"),
        ("ka.req.pod.containers.host_port", "(80)"),
        ("ka.req.pod.volumes.hostpath", "(/etc)"),
        ("ka.req.volume.hostpath[/etc]", "true"),
        ("ka.req.volume.hostpath[/e*]", "true"),
        ("ka.req.volume.hostpath[/var*]", "false"),
        ("ka.req.pod.volumes.volume_type", "(hostPath,emptyDir)"),
        ("ka.req.role.rules", "<NA>"),
        ("ka.req.binding.subject.has_name[x]", "N/A"),
        ("ka.uri.param[command]", "<NA>"),
        ("json.value[/objectRef/name]", "web"),
        ("jevt.value[/requestObject/spec/containers/1/name]", "log"),
        ("jevt.value[/responseStatus]", r#"{"metadata":{},"code":201}"#),
        ("json.rawtime", "1772359200000500000"),
        ("evt.pluginname", "k8saudit"),
        ("evt.source", SOURCE),
    ];
    let fields: Vec<_> = of_first.iter().map(|(text, _)| field(&schema, text)).collect();
    let rules = ["apiGroups", "nonResourceURLs", "verbs", "resources"]
        .map(|key| field(&schema, &format!("ka.req.role.rules.{key}")));
    let object = field(&schema, "jevt.obj");
    let mut numbers = 0;
    events(&set, None, &sample("audit.jsonl"), |event| {
        numbers += 1;
        if event.num() == 1 {
            for ((text, expected), field) in of_first.iter().zip(&fields) {
                assert_eq!(shown(event, field), *expected, "{text}");
            }
            assert!(shown(event, &object).starts_with("{\n  \"kind\": \"Event\",\n  \"apiVersion\""));
        }
        if event.num() == 3 {
            let of_role = rules.each_ref().map(|field| shown(event, field));
            assert_eq!(of_role, ["(,apps)", "(/healthz)", "(get,*,get)", "(pods,secrets,*)"]);
        }
    });
    assert_eq!(numbers, 4);
}
