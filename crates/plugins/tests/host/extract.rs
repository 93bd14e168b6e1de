//! Extraction of fields.

use std::ops::Range;

use bumpalo::Bump;
use eyas_events::EventType;
use eyas_fields::Value;
use eyas_plugins::Library;
use eyas_scap::RawEvent;
use eyas_sinsp::plugin::{FieldValues, Instance, MetricValue, Plugin, PluginEvent, Request, Wanted};
use eyas_testing::test;

use crate::build::{NoTables, started};

/// A request: a field, a key, an index.
type Ask = (&'static str, Option<&'static str>, Option<u64>);

const fn plain(name: &'static str) -> Ask {
    (name, None, None)
}

fn wanted(library: &Library, (name, key, index): Ask) -> Wanted {
    let field = library.info().fields.iter().position(|field| field.name == name).unwrap();
    Wanted { field, key: key.map(Into::into), index }
}

/// Runs a body with an event of this data.
fn with_event<R>(data: &[u8], body: impl FnOnce(&PluginEvent<'_>) -> R) -> R {
    let len = (data.len() as u32).to_le_bytes();
    let bytes = [&4u32.to_le_bytes()[..], &len, &7u32.to_le_bytes(), data].concat();
    let raw = RawEvent::from_parts(1, -1, EventType::PLUGINEVENT_E, 0, 2, &bytes).unwrap();
    body(&PluginEvent { raw, num: 3, source: "probe" })
}

/// Extracts from an event with the data `hello`; each value as Rust writes it.
fn extract(library: &Library, instance: &mut dyn Instance, asks: &[Ask]) -> Vec<String> {
    let wanted: Vec<Wanted> = asks.iter().map(|ask| wanted(library, *ask)).collect();
    let mut values = FieldValues::default();
    with_event(b"hello", |event| {
        let mut request = Request::new(&wanted, &mut values);
        instance.extraction().unwrap().extract(event, &mut request, &mut NoTables).unwrap();
    });
    let bump = Bump::new();
    let text = |value: &Value<'_>| match value {
        Value::Str(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Ip(ip) => ip.to_string(),
        other => format!("{other:?}"),
    };
    let shown = |at| match values.get(at, &bump) {
        None => "-".to_owned(),
        Some(Value::List(all)) => all.iter().map(text).collect::<Vec<_>>().join(","),
        Some(value) => text(&value),
    };
    (0..asks.len()).map(shown).collect()
}

/// The plugin's counters of calls and of fields.
fn counters(instance: &mut dyn Instance) -> [u64; 2] {
    let metrics = instance.metrics();
    [0, 1].map(|at: usize| match metrics[at].value {
        MetricValue::Uint(value) => value,
        _ => unreachable!(),
    })
}

#[test]
fn old_plugins_get_one_field_per_call() {
    let (library, mut instance) = started(&["SOURCING", "EXTRACTION"]);
    let shared = |index| ("p.shared", None, Some(index));
    let asks = [plain("p.text"), shared(4), plain("p.fails"), shared(5), plain("p.list")];
    assert_eq!(extract(&library, &mut *instance, &asks), ["hello", "4", "-", "5", "a,b,c"]);
    assert_eq!(counters(&mut *instance), [5, 5]);
}

#[test]
fn all_fields_come_in_one_call_each_once() {
    let (library, mut instance) = started(&["SOURCING", "EXTRACTION", "GO"]);
    let asks = ["p.text", "p.num", "p.list", "p.bool", "p.ips", "p.none"].map(plain);
    let values = extract(&library, &mut *instance, &asks);
    assert_eq!(values, ["hello", "Uint(3)", "a,b,c", "Bool(true)", "10.0.0.1,::1", "-"]);
    assert_eq!(counters(&mut *instance), [1, 6]);
}

#[test]
fn arguments_are_keys_or_numbers_or_both() {
    let (library, mut instance) = started(&["SOURCING", "EXTRACTION", "GO"]);
    let asks = [
        plain("p.arg"),
        ("p.arg", Some("ab"), None),
        ("p.arg", Some("5"), Some(5)),
        ("p.arg", None, Some(6)),
        // A field without a key gets none.
        ("p.num", Some("ab"), None),
    ];
    let values = extract(&library, &mut *instance, &asks);
    assert_eq!(values, ["absent null -1", "given ab -1", "given 5 5", "given null 6", "Uint(3)"]);
}

#[test]
fn a_failed_field_does_not_affect_the_others() {
    let (library, mut instance) = started(&["SOURCING", "EXTRACTION", "GO"]);
    let asks = ["p.text", "p.none", "p.fails", "p.num", "p.none", "p.list"].map(plain);
    let expected = ["hello", "-", "-", "Uint(3)", "-", "a,b,c"];
    for _ in 0..3 {
        assert_eq!(extract(&library, &mut *instance, &asks), expected);
    }
    // Once it is known: the others together, and this one by itself.
    let before = counters(&mut *instance);
    extract(&library, &mut *instance, &asks);
    let after = counters(&mut *instance);
    assert_eq!([after[0] - before[0], after[1] - before[1]], [2, 6]);
}

#[test]
fn failed_fields_are_requested_again_one_by_one() {
    let (library, mut instance) = started(&["SOURCING", "EXTRACTION", "GO"]);
    for _ in 0..3 {
        assert_eq!(extract(&library, &mut *instance, &[plain("p.fails"); 3]), ["-"; 3]);
    }
}

#[test]
fn fields_that_share_a_value_buffer_are_requested_one_by_one() {
    let (library, mut instance) = started(&["SOURCING", "EXTRACTION", "GO"]);
    let shared = |index| ("p.shared", None, Some(index));
    let asks = [plain("p.text"), shared(4), plain("p.num"), shared(5), shared(6)];
    for _ in 0..3 {
        assert_eq!(extract(&library, &mut *instance, &asks), ["hello", "4", "Uint(3)", "5", "6"]);
    }
}

#[test]
fn malformed_values_are_refused() {
    let (library, mut instance) = started(&["SOURCING", "EXTRACTION", "GO"]);
    let asks = ["p.null_array", "p.null_text", "p.crooked", "p.endless", "p.short_ip", "p.bytes", "p.num"]
        .map(plain);
    let values = extract(&library, &mut *instance, &asks);
    assert_eq!(extract(&library, &mut *instance, &[plain("p.many")]), ["a"], "it has one value");
    assert_eq!(values, ["-", "-", "-", "-", "-", "\u{fffd}\u{1}z", "Uint(3)"]);
}

#[test]
fn places_of_values_are_those_in_the_event() {
    let (library, mut instance) = started(&["SOURCING", "EXTRACTION", "GO"]);
    let wanted = [wanted(&library, plain("p.text")), wanted(&library, plain("p.num"))];
    let (mut values, mut places) = (FieldValues::default(), Vec::new());
    with_event(b"hello", |event| {
        let mut request = Request::new(&wanted, &mut values).with_offsets(&mut places);
        instance.extraction().unwrap().extract(event, &mut request, &mut NoTables).unwrap();
    });
    let of_text = Range { start: 38, end: 43 };
    assert_eq!(places, [vec![of_text], vec![]]);
}

#[test]
fn types_are_those_that_the_plugin_names() {
    let (_library, mut instance) = started(&["SOURCING", "EXTRACTION", "EXTRACT_TYPES=3,322"]);
    assert_eq!(instance.extraction().unwrap().event_types(), Some(vec![3, 322]));
    let (_library, mut instance) = started(&["SOURCING", "EXTRACTION", "GO"]);
    assert_eq!(instance.extraction().unwrap().event_types(), None);
}
