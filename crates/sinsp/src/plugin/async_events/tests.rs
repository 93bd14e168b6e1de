use std::sync::atomic::AtomicUsize;

use super::*;
use crate::plugin::{Capabilities, Version};

fn info(sources: &[&str]) -> Arc<PluginInfo> {
    let mut info = PluginInfo::new("ticker", Version([1, 0, 0]));
    info.capabilities = Capabilities { async_events: true, ..Capabilities::default() };
    info.async_names = vec!["tick".into()];
    info.async_sources = sources.iter().map(|&name| name.to_owned()).collect();
    Arc::new(info)
}

fn event(ts: Option<u64>, data: &[u8]) -> AsyncEvent<'_> {
    AsyncEvent { ts, tid: -1, plugin_id: 77, name: b"tick", data }
}

fn quiet() -> Log {
    Arc::new(|_, _| {})
}

/// The data after the three lengths, the id and the name.
fn data(queued: &QueuedEvent) -> &[u8] {
    &queued.body[21..]
}

#[test]
fn events_come_by_time_and_those_without_one_first() {
    let queue = AsyncQueue::new(AsyncSettings::new(quiet()));
    let sender = queue.sender(info(&[]));
    for (ts, text) in [(Some(20), "c"), (Some(10), "a"), (Some(10), "b"), (None, "first")] {
        sender.send(&event(ts, text.as_bytes())).unwrap();
    }
    let order: Vec<String> = std::iter::from_fn(|| queue.take_before(15))
        .map(|event| String::from_utf8_lossy(data(&event)).into_owned())
        .collect();
    assert_eq!(order, ["first", "a", "b"]);
    assert!(queue.take_before(19).is_none(), "its time has not come");
    assert_eq!(data(&queue.take_before(20).unwrap()), b"c");
}

#[test]
fn a_flood_is_bounded_counted_and_logged_once() {
    let warnings = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&warnings);
    let log: Log = Arc::new(move |severity, text| {
        assert_eq!((severity, text), (Severity::Warning, "async event queue is full"));
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let queue = AsyncQueue::new(AsyncSettings::new(log));
    let sender = queue.sender(info(&[]));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1250).for_each(|_| sender.send(&event(None, b"")).unwrap()));
        }
    });
    assert_eq!(std::iter::from_fn(|| queue.take_before(0)).count(), MAX_QUEUED);
    assert_eq!(queue.lost(), 5000 - MAX_QUEUED as u64);
    assert_eq!(warnings.load(Ordering::Relaxed), 1);
}

#[test]
fn events_of_the_future_are_lost_with_a_warning() {
    let queue = AsyncQueue::new(AsyncSettings { now: || 1000, ..AsyncSettings::new(quiet()) });
    let sender = queue.sender(info(&[]));
    sender.send(&event(Some(1001 + MAX_AHEAD), b"")).unwrap();
    assert_eq!((queue.lost(), queue.take_before(u64::MAX)), (1, None));
    sender.send(&event(Some(1000 + MAX_AHEAD), b"")).unwrap();
    assert!(queue.take_before(u64::MAX).is_some());
}

#[test]
fn undeclared_events_are_refused_with_falco_s_messages() {
    let refusal = |info, settings: AsyncSettings, event: &AsyncEvent<'_>| {
        AsyncQueue::new(settings).sender(info).send(event).unwrap_err().to_string()
    };
    let probe = || AsyncSettings::new(quiet()).with_source(998, "probe");
    assert_eq!(
        refusal(info(&[]), probe(), &AsyncEvent { name: b"tock", ..event(None, b"") }),
        "incompatible async event 'tock' produced by plugin: ticker"
    );
    assert_eq!(
        refusal(info(&["syscall"]), probe(), &event(None, b"")),
        "async events of plugin 'ticker' are not compatible with open event source 'probe'"
    );
    assert_eq!(
        refusal(info(&[]), probe(), &AsyncEvent { tid: 3, ..event(None, b"") }),
        "async events of plugin 'ticker' can have no thread associated with open event source 'probe'"
    );
}

#[test]
fn the_host_enters_the_id_of_the_open_source() {
    let queue = AsyncQueue::new(AsyncSettings::new(quiet()).with_source(998, "probe"));
    queue.sender(info(&[])).send(&event(None, b"x")).unwrap();
    let queued = queue.take_before(0).unwrap();
    assert_eq!(queued.body, [&[4, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0xe6, 3, 0, 0][..], b"tick\0x"].concat());
}

#[test]
fn events_are_bounded_in_bytes_and_each_loss_is_logged_once() {
    let warnings = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&warnings);
    let log: Log = Arc::new(move |_, _| {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let queue = AsyncQueue::new(AsyncSettings { now: || 1000, ..AsyncSettings::new(log) });
    let sender = queue.sender(info(&[]));
    let large = vec![0; MAX_ASYNC_BYTES];
    for _ in 0..10 {
        sender.send(&event(None, &large)).unwrap();
        sender.send(&event(Some(u64::MAX), b"")).unwrap();
    }
    assert_eq!((queue.lost(), warnings.load(Ordering::Relaxed)), (20, 2));
    // As many as fit, whose bytes are free again when they were taken.
    let fits = &large[..MAX_ASYNC_BYTES - 4];
    for _ in 0..2 {
        (0..1000).for_each(|_| sender.send(&event(None, fits)).unwrap());
        let kept = std::iter::from_fn(|| queue.take_before(0)).count();
        assert!((200..=256).contains(&kept), "{kept}");
    }
}
