//! Event sources.

use eyas_events::EventType;
use eyas_scap::RawEvent;
use eyas_sinsp::plugin::{Batch, Flow, Instance, OpenParam, PluginEvent};
use eyas_testing::test;

use crate::build::started;

/// Asks for batches until the end; each is its result and its events' data.
fn batches(
    instance: &mut dyn Instance,
    params: &str,
    most: usize,
) -> Vec<(Result<Flow, String>, Vec<String>)> {
    let mut stream = instance.sourcing().unwrap().open(params).unwrap();
    let mut all = Vec::new();
    while all.len() < most {
        let mut batch = Batch::default();
        let flow = stream.next_batch(&mut batch).map_err(|error| error.to_string());
        let text = |at| {
            let event = batch.get(at).unwrap();
            assert_eq!((event.tid, event.ty), (-1, EventType::PLUGINEVENT_E));
            String::from_utf8_lossy(&event.body[12..]).into_owned()
        };
        let events = (0..batch.len()).map(text).collect();
        let is_over = !matches!(flow, Ok(Flow::More | Flow::Idle));
        all.push((flow, events));
        if is_over {
            break;
        }
    }
    all
}

fn texts(events: &[&str]) -> Vec<String> {
    events.iter().map(|&text| text.to_owned()).collect()
}

#[test]
fn every_event_of_every_batch_arrives() {
    let (_library, mut instance) = started(&["SOURCING"]);
    let mut of = |params, most| batches(&mut *instance, params, most);
    let both = texts(&["hello", "world"]);
    assert_eq!(of("two", 9), [(Ok(Flow::More), both.clone()), (Ok(Flow::End), vec![])]);
    assert_eq!(of("eof", 9), [(Ok(Flow::End), both.clone())]);
    assert_eq!(of("fails", 9), [(Err("it fails as asked".into()), both)]);
    assert_eq!(of("timeout", 2), [(Ok(Flow::Idle), vec![]), (Ok(Flow::More), texts(&["hello"]))]);
    assert_eq!(of("own id", 1), [(Ok(Flow::More), texts(&["hello"]))]);
    assert_eq!(of("odd result", 9), [(Err("no such result".into()), vec![])]);
}

#[test]
fn a_source_that_does_not_open_says_why() {
    let (_library, mut instance) = started(&["SOURCING"]);
    let sourcing = instance.sourcing().unwrap();
    let mut refusal = |params| sourcing.open(params).map(drop).unwrap_err().to_string();
    assert_eq!(refusal("refuse"), "open refused as asked");
    assert_eq!(refusal("unset"), "rc is left as it was");
    assert_eq!(refusal("a\0b"), "the open parameters have a NUL");
}

#[test]
fn times_are_those_of_the_plugin_or_none() {
    let (_library, mut instance) = started(&["SOURCING"]);
    for (params, ts) in [("given ts", Some(123_456_789)), ("own id", None)] {
        let mut batch = Batch::default();
        instance.sourcing().unwrap().open(params).unwrap().next_batch(&mut batch).unwrap();
        assert_eq!(batch.get(0).unwrap().ts, ts);
    }
}

#[test]
fn sources_without_an_id_send_events_of_any_type_but_their_own() {
    let definitions = ["SOURCING", "NO_ID", "NO_SOURCE"];
    let (_library, mut instance) = started(&definitions);
    let mut batch = Batch::default();
    let error = instance.sourcing().unwrap().open("own id").unwrap().next_batch(&mut batch).map(drop);
    // The number that the plugin has in its code is that of another.
    assert_eq!((error, batch.get(0).unwrap().tid), (Ok(()), -1));
    let error = instance.sourcing().unwrap().open("two").unwrap().next_batch(&mut batch).unwrap_err();
    assert_eq!(error.to_string(), "malformed plugin event produced by plugin (no ID): 'probe'");
}

#[test]
fn progress_suggestions_and_texts_come_from_the_plugin() {
    let (_library, mut instance) = started(&["SOURCING"]);
    let sourcing = instance.sourcing().unwrap();
    assert_eq!(sourcing.open("two").unwrap().progress(), Some((85.31, String::new())));
    let suggested =
        OpenParam { value: "two".into(), description: "two events".into(), separator: String::new() };
    assert_eq!(sourcing.open_params(), Ok(vec![suggested]));
    let body = [&4u32.to_le_bytes()[..], &2u32.to_le_bytes(), &7u32.to_le_bytes(), b"hi"].concat();
    let raw = RawEvent::from_parts(1, -1, EventType::PLUGINEVENT_E, 0, 2, &body).unwrap();
    let mut text = Vec::new();
    sourcing.event_text(&PluginEvent { raw, num: 3, source: "probe" }, &mut text);
    assert_eq!(String::from_utf8_lossy(&text), "3 of probe: hi");
}
