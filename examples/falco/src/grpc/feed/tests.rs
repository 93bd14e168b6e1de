use std::task::Wake;

use super::*;

fn feed(alerts: usize, bytes: usize) -> Arc<Feed> {
    let feed = Arc::<Feed>::default();
    feed.set_limits(Limits { alerts, bytes, gather: std::time::Duration::ZERO });
    feed
}

/// Adds alerts. Returns the losses.
fn push(feed: &Feed, alerts: &[&'static str]) -> Lost {
    let mut lost = Lost::default();
    for alert in alerts {
        let more = feed.push(Bytes::from_static(alert.as_bytes()));
        lost.unfetched += more.unfetched;
        lost.unread += more.unread;
    }
    lost
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The next alert, or an empty text if none waits. `None` at the end of the stream.
fn next(stream: &mut (impl Stream<Item = Result<Bytes, Status>> + Unpin)) -> Option<String> {
    let waker = Waker::noop();
    match Pin::new(stream).poll_next(&mut Context::from_waker(waker)) {
        Poll::Pending => Some(String::new()),
        Poll::Ready(item) => item.map(|bytes| String::from_utf8(bytes.unwrap().to_vec()).unwrap()),
    }
}

fn all(stream: &mut (impl Stream<Item = Result<Bytes, Status>> + Unpin)) -> Vec<String> {
    std::iter::from_fn(|| next(stream).filter(|alert| !alert.is_empty())).collect()
}

fn subscribe(feed: &Arc<Feed>) -> Subscription {
    feed.subscribe("a test", None).unwrap()
}

const NONE: Lost = Lost { unfetched: 0, unread: 0 };

#[test]
fn waiting_alerts_are_fetched_once() {
    let feed = feed(10, 100);
    assert_eq!(push(&feed, &["a", "b"]), NONE);
    let mut fetch = feed.fetch();
    push(&feed, &["c"]);
    assert_eq!(all(&mut fetch), ["a", "b"]);
    assert_eq!(next(&mut fetch), None, "it ends");
    assert_eq!(all(&mut feed.fetch()), ["c"]);
    assert_eq!(next(&mut feed.fetch()), None);
}

#[test]
fn alerts_that_a_client_did_not_take_wait_for_the_next() {
    let feed = feed(3, 100);
    push(&feed, &["a", "b", "c"]);
    let mut fetch = feed.fetch();
    assert_eq!(next(&mut fetch).unwrap(), "a");
    push(&feed, &["d", "e"]);
    drop(fetch);
    // Three alerts fit.
    assert_eq!(push(&feed, &[]), NONE);
    let mut subscription = subscribe(&feed);
    assert_eq!(
        push(&feed, &["f"]),
        Lost { unfetched: 1, unread: 1 },
        "b as it was put back, c before it was read"
    );
    assert_eq!(next(&mut subscription).unwrap(), "d");
    drop(subscription);
    assert_eq!(all(&mut feed.fetch()), ["e", "f"]);
}

#[test]
fn every_subscriber_has_every_alert() {
    let feed = feed(10, 100);
    push(&feed, &["old"]);
    let (mut one, mut two) = (subscribe(&feed), subscribe(&feed));
    push(&feed, &["a", "b"]);
    assert_eq!(all(&mut one), ["old", "a", "b"]);
    drop(one);
    assert_eq!(all(&mut two), ["a", "b"]);
    assert_eq!(next(&mut feed.fetch()), None, "nobody needs to fetch what subscribers have");
    push(&feed, &["c"]);
    let three = subscribe(&feed);
    drop(three);
    assert_eq!(all(&mut two), ["c"]);
}

#[test]
fn a_slow_subscriber_loses_the_oldest_alerts_and_each_counts_once() {
    let feed = feed(2, 100);
    let (mut slow, mut slower, mut fast) = (subscribe(&feed), subscribe(&feed), subscribe(&feed));
    let mut lost = Lost::default();
    for alert in ["a", "b", "c", "d", "e"] {
        lost.unread += push(&feed, &[alert]).unread;
        assert_eq!(all(&mut fast), [alert]);
    }
    assert_eq!(lost, Lost { unfetched: 0, unread: 3 });
    assert_eq!(all(&mut slow), ["d", "e"]);
    assert_eq!(feed.unread(), 2);
    assert_eq!(feed.clear(), Lost { unfetched: 0, unread: 2 });
    assert_eq!((all(&mut slower).len(), feed.unread()), (0, 0));
    assert_eq!(feed.clear(), NONE);
}

#[test]
fn the_size_of_queues_is_bounded_and_one_alert_always_fits() {
    let feed = feed(10, 5);
    assert_eq!(push(&feed, &["aa", "bb"]), NONE);
    assert_eq!(push(&feed, &["cc"]).unfetched, 1);
    assert_eq!(push(&feed, &["much too long"]).unfetched, 2);
    assert_eq!(all(&mut feed.fetch()), ["much too long"]);
    push(&feed, &["a", "b"]);
    assert_eq!(feed.clear().unfetched, 2);
}

#[test]
fn a_subscriber_is_woken_by_alerts_and_by_the_end() {
    let feed = feed(10, 100);
    let mut subscription = subscribe(&feed);
    for is_last in [false, true] {
        let woken = Arc::<Woken>::default();
        let waker = Waker::from(Arc::clone(&woken));
        let poll = Pin::new(&mut subscription).poll_next(&mut Context::from_waker(&waker));
        assert!(poll.is_pending() && !woken.0.load(Ordering::Relaxed));
        if is_last {
            feed.end()
        } else {
            _ = push(&feed, &["a"])
        };
        assert!(woken.0.load(Ordering::Relaxed));
        assert_eq!(next(&mut subscription).as_deref(), if is_last { None } else { Some("a") });
    }
    assert!(feed.subscribe("a test", None).is_err());
}

#[test]
fn the_number_of_subscribers_is_limited() {
    let feed = feed(10, 100);
    let all: Vec<_> = (0..MAX_SUBSCRIBERS).map(|_| subscribe(&feed)).collect();
    let error = feed.subscribe("a test", None).err().unwrap();
    assert_eq!(error.code(), tonic::Code::ResourceExhausted);
    drop(all);
    subscribe(&feed);
}
