//! Tables through the C interface: a plugin that offers a table, and plugins that use it and the
//! inspector's tables. They log every mismatch.

use std::sync::Arc;

use eyas_events::EventType;
use eyas_plugins::{Library, Options};
use eyas_scap::{EventBuilder, Snapshot, ThreadEntry};
use eyas_sinsp::plugin::{MetricValue, Plugin, PluginSet, Scope};
use eyas_sinsp::{Config, Inspector};
use eyas_testing::test;

use crate::build::{Messages, compile};

fn plugin(definitions: &[&str]) -> Arc<dyn Plugin> {
    let path = compile("tables.c", definitions);
    let library = Library::load(&path, &Options::default().with_allow_writable(true)).unwrap();
    std::fs::remove_file(&path).unwrap();
    Arc::new(library)
}

/// Runs the plugin that offers a table, and one that uses it, with these configurations: both parse two events of an inspector
/// that knows one process. Returns the messages, and the counters of the first one.
fn run(owner: &str, user: &str) -> (Vec<String>, Vec<MetricValue>) {
    let mut set = PluginSet::default();
    let rounds = "ROUNDS=1000";
    set.add(plugin(&["OWNER", rounds]), owner).unwrap();
    set.add(plugin(&["NAME=\"user\"", rounds]), user).unwrap();
    let messages = Messages::default();
    let plugins = set.start(Scope::Capture, &messages.log()).unwrap();
    let mut inspector = Inspector::new(Config::default().with_plugins(plugins));
    let init = ThreadEntry {
        tid: 1,
        pid: 1,
        comm: b"init".to_vec(),
        args: b"-x\0".to_vec(),
        env: b"A=1\0B=2\0".to_vec(),
        cgroups: b"cpu=/a\0".to_vec(),
        ..ThreadEntry::default()
    };
    inspector.load(Snapshot { threads: vec![init], ..Snapshot::default() });
    let event = EventBuilder::new(EventType::SYSCALL_CLOSE_X).tid(1).ts(1).build();
    for _ in 0..2 {
        inspector.process(event.as_raw());
    }
    let metrics = inspector.plugins().unwrap().metrics();
    let of_owner = metrics.into_iter().filter(|(name, _)| name == "keeper").map(|(_, metric)| metric.value);
    (messages.take(), of_owner.collect())
}

#[test]
fn a_plugin_reads_and_writes_threads_and_their_subtables() {
    assert_eq!(run("threads", "user").0, [""; 0]);
}

#[test]
fn a_plugin_uses_the_table_of_another_one_and_releases_it() {
    let (messages, counters) = run("user", "user");
    assert_eq!(messages, [""; 0]);
    // Two events were parsed, and no entry is left: what the user has not given back, the host has.
    assert_eq!(counters, [MetricValue::Uint(2), MetricValue::Int(0)]);
}

#[test]
fn the_errors_of_a_table_are_those_of_its_owner() {
    let (messages, counters) = run("user", "clear");
    assert_eq!(messages, [""; 0]);
    assert_eq!(counters, [MetricValue::Uint(2), MetricValue::Int(0)]);
}
