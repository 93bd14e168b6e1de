//! Asynchronous events, dumps, and routines.

use std::time::{Duration, Instant as Clock};

use eyas_sinsp::plugin::{AsyncQueue, AsyncSettings, MetricValue, Plugin, Pool};
use eyas_testing::test;

use crate::build::{Messages, NoTables, load, start, started};

/// What the plugin logs of events that the host refuses, in the order in which it sends them.
const REFUSALS: [&str; 3] = [
    "Warning probe: incompatible async event 'tock' produced by plugin: probe",
    "Warning probe: malformed async event produced by plugin: probe",
    "Warning probe: async events of plugin 'probe' can have no thread associated with open event source 'probe'",
];

#[test]
fn events_are_taken_while_the_handler_is_set_and_refused_if_they_are_wrong() {
    let library = load(&["SOURCING", "ASYNC"]).unwrap();
    let messages = Messages::default();
    let mut instance = start(&library, "", messages.log()).unwrap();
    messages.take();
    let queue = AsyncQueue::new(AsyncSettings::new(messages.log()).with_source(7, "probe"));
    instance.async_events().unwrap().start(queue.sender(library.info().clone())).unwrap();
    assert_eq!(messages.take(), REFUSALS);
    let event = queue.take_before(0).unwrap();
    assert_eq!((event.ts, event.tid), (None, -1));
    assert!(event.body.ends_with(b"tick\0data"));
    assert!(queue.take_before(0).is_none());
    instance.async_events().unwrap().stop().unwrap();
}

#[test]
fn a_handler_that_is_refused_is_an_error() {
    let (library, mut instance) = started(&["SOURCING", "ASYNC", "NO_HANDLER"]);
    let queue = AsyncQueue::new(AsyncSettings::new(Messages::default().log()).with_source(7, "probe"));
    let events = instance.async_events().unwrap();
    assert_eq!(
        events.start(queue.sender(library.info().clone())).unwrap_err().to_string(),
        "the handler is refused"
    );
    assert_eq!(events.stop().unwrap_err().to_string(), "the handler is refused");
    assert_eq!(events.dump_state(&mut |_| Ok(())).unwrap_err().to_string(), "the dump is refused");
}

#[test]
fn a_dump_has_the_events_as_the_plugin_gives_them() {
    let library = load(&["SOURCING", "ASYNC"]).unwrap();
    let messages = Messages::default();
    let mut instance = start(&library, "", messages.log()).unwrap();
    messages.take();
    let mut seen = Vec::new();
    let events = instance.async_events().unwrap();
    events
        .dump_state(&mut |event| {
            seen.push((event.ts, event.plugin_id, event.name.to_vec(), event.data.to_vec()));
            Ok(())
        })
        .unwrap();
    // The inspector refuses the second one.
    let event = |name: &[u8]| (None, 77, name.to_vec(), b"data".to_vec());
    assert_eq!(seen, [event(b"tick"), event(b"tock")]);
    assert_eq!(messages.take(), [""; 0]);
}

#[test]
fn routines_run_until_they_end() {
    let (_library, mut instance) = started(&["LISTENING"]);
    let pool = Pool::default();
    instance.listening().unwrap().capture_open(&pool, &mut NoTables).unwrap();
    let began = Clock::now();
    while instance.metrics()[0].value != MetricValue::Uint(3) {
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", instance.metrics());
        std::thread::yield_now();
    }
    instance.listening().unwrap().capture_close(&pool, &mut NoTables).unwrap();
    pool.finish();
    assert_eq!(instance.metrics()[0].value, MetricValue::Uint(3));
}

#[test]
fn without_a_pool_there_are_no_routines() {
    let (_library, mut instance) = started(&["LISTENING"]);
    let pool = Pool::default();
    pool.finish();
    let error = instance.listening().unwrap().capture_open(&pool, &mut NoTables).unwrap_err();
    assert_eq!(error.to_string(), "no routine");
}

#[test]
fn a_flood_of_events_is_bounded_and_ends_with_the_plugin() {
    let library = load(&["SOURCING", "ASYNC", "FLOOD"]).unwrap();
    let messages = Messages::default();
    let mut instance = start(&library, "", messages.log()).unwrap();
    let queue = AsyncQueue::new(AsyncSettings::new(messages.log()).with_source(7, "probe"));
    instance.async_events().unwrap().start(queue.sender(library.info().clone())).unwrap();
    let began = Clock::now();
    while queue.lost() < 10_000 {
        assert!(began.elapsed() < Duration::from_secs(60));
        std::thread::yield_now();
    }
    instance.async_events().unwrap().stop().unwrap();
    drop(instance);
    // Another instance of the same library has its static counters; its two threads go on for a while.
    let mut other = start(&library, "", messages.log()).unwrap();
    let mut counters = || {
        let metrics = other.metrics();
        [0, 1, 2].map(|at: usize| match metrics[at].value {
            MetricValue::Uint(value) => value,
            _ => unreachable!(),
        })
    };
    while counters()[2] != 2 {
        assert!(began.elapsed() < Duration::from_secs(120));
        std::thread::yield_now();
    }
    let [taken, refused, _] = counters();
    assert!(refused >= 1990, "{refused}");
    // What is lost is no error for who sends it.
    let waiting = std::iter::from_fn(|| queue.take_before(u64::MAX)).count() as u64;
    assert_eq!((waiting, queue.lost()), (4096, taken - 4096));
    // One message for all that is lost.
    let full = messages.take().into_iter().filter(|text| text.ends_with("async event queue is full"));
    assert_eq!(full.count(), 1);
}
