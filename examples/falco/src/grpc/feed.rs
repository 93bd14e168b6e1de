//! Alerts between the output and the clients.
//!
//! While there are subscribers, each gets every alert. Without subscribers, alerts wait for the next
//! client. All queues are bounded: if there is no room, the oldest alert is dropped and counted. All queues
//! hold the newest alerts and share them, so many slow subscribers take no more memory than one.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use prost::bytes::Bytes;
use tonic::{Status, Streaming};

use crate::log::{Level, log};
use crate::output::Limits;

/// Subscribers at once.
const MAX_SUBSCRIBERS: usize = 64;

/// Alerts for clients.
#[derive(Default)]
pub struct Feed {
    inner: Mutex<Inner>,
}

struct Inner {
    limits: Limits,
    /// Alerts that arrived without a subscriber.
    waiting: Backlog,
    subscribers: BTreeMap<u64, Slot>,
    /// Number of the next subscriber.
    next: u64,
    lost: Lost,
    /// There is no server in this run.
    is_off: bool,
    /// No more alerts and clients will come.
    is_over: bool,
}

impl Default for Inner {
    fn default() -> Self {
        // The output sets the real limits before its first alert.
        let limits = Limits { alerts: 1, bytes: 0, gather: std::time::Duration::ZERO };
        let (waiting, subscribers, lost) = Default::default();
        Self { limits, waiting, subscribers, next: 0, lost, is_off: false, is_over: false }
    }
}

/// Alerts that did not reach all their receivers, each counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// No client requested them in time.
    pub unfetched: u64,
    /// A client read too slowly.
    pub unread: u64,
}

/// An alert, encoded.
struct Item {
    bytes: Bytes,
    /// Whether the alert was counted as lost.
    is_lost: AtomicBool,
}

/// Alerts that wait.
#[derive(Default)]
struct Backlog {
    items: VecDeque<Arc<Item>>,
    bytes: usize,
}

/// A subscriber's part.
struct Slot {
    backlog: Backlog,
    waker: Option<Waker>,
    client: String,
    sent: u64,
    lost: u64,
}

impl Backlog {
    fn push(&mut self, item: Arc<Item>) {
        self.bytes += item.bytes.len();
        self.items.push_back(item);
    }

    fn pop(&mut self) -> Option<Arc<Item>> {
        let item = self.items.pop_front()?;
        self.bytes -= item.bytes.len();
        Some(item)
    }

    /// Puts alerts that were taken before at the front.
    fn put_back(&mut self, mut taken: Self) {
        self.bytes += taken.bytes;
        taken.items.append(&mut self.items);
        self.items = taken.items;
    }

    /// Removes the oldest alerts beyond the limits, but always keeps one. Returns the number of removed
    /// alerts, and how many of them were not counted as lost before.
    fn trim(&mut self, limits: Limits) -> (u64, u64) {
        let (mut all, mut new) = (0, 0);
        while self.items.len() > limits.alerts.max(1) || (self.bytes > limits.bytes && self.items.len() > 1) {
            let Some(item) = self.pop() else { break };
            all += 1;
            new += u64::from(item.mark_lost());
        }
        (all, new)
    }

    /// Removes all alerts. Returns how many of them were not counted as lost before.
    fn discard_all(&mut self) -> u64 {
        std::mem::take(self).items.iter().map(|item| u64::from(item.mark_lost())).sum()
    }
}

impl Item {
    /// Counts the alert as lost. Returns whether it was not counted before.
    fn mark_lost(&self) -> bool {
        !self.is_lost.swap(true, Ordering::Relaxed)
    }
}

impl Feed {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing is left half done where the lock is held.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the limits of each queue.
    pub fn set_limits(&self, limits: Limits) {
        self.lock().limits = limits;
    }

    /// Records that there is no server in this run.
    pub fn switch_off(&self) {
        self.lock().is_off = true;
    }

    /// Whether [`Feed::switch_off`] was called.
    pub fn is_off(&self) -> bool {
        self.lock().is_off
    }

    /// Adds an encoded alert. Returns the alerts lost since the last call.
    pub fn push(&self, bytes: Bytes) -> Lost {
        let item = Arc::new(Item { bytes, is_lost: AtomicBool::new(false) });
        let mut wakers = Vec::new();
        let mut inner = self.lock();
        let Inner { limits, waiting, subscribers, lost, .. } = &mut *inner;
        if subscribers.is_empty() {
            waiting.push(item);
            lost.unfetched += waiting.trim(*limits).1;
        } else {
            for slot in subscribers.values_mut() {
                slot.backlog.push(Arc::clone(&item));
                let (all, new) = slot.backlog.trim(*limits);
                slot.lost += all;
                lost.unread += new;
                wakers.extend(slot.waker.take());
            }
        }
        let lost = std::mem::take(lost);
        drop(inner);
        wakers.into_iter().for_each(Waker::wake);
        lost
    }

    /// Length of the longest queue of a subscriber.
    pub fn unread(&self) -> usize {
        let inner = self.lock();
        inner.subscribers.values().map(|slot| slot.backlog.items.len()).max().unwrap_or(0)
    }

    /// Ends the output: waiting alerts are lost. Returns the alerts lost since the last call.
    pub fn clear(&self) -> Lost {
        let mut inner = self.lock();
        let Inner { waiting, subscribers, lost, .. } = &mut *inner;
        lost.unfetched += waiting.discard_all();
        for slot in subscribers.values_mut() {
            slot.lost += slot.backlog.items.len() as u64;
            lost.unread += slot.backlog.discard_all();
        }
        std::mem::take(lost)
    }

    /// Ends the server. Calls end when they have sent the alerts that wait for them.
    pub fn end(&self) {
        let mut inner = self.lock();
        inner.is_over = true;
        let wakers: Vec<_> = inner.subscribers.values_mut().filter_map(|slot| slot.waker.take()).collect();
        drop(inner);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Takes the waiting alerts for one client.
    pub fn fetch(self: &Arc<Self>) -> Fetch {
        let taken = std::mem::take(&mut self.lock().waiting);
        Fetch { feed: Arc::clone(self), taken }
    }

    /// Adds a subscriber, which gets the waiting alerts and all later ones. The client's requests have no
    /// content, but must be read.
    ///
    /// # Errors
    /// There are too many subscribers, or the program ends.
    pub fn subscribe(
        self: &Arc<Self>,
        client: &str,
        requests: Option<Streaming<()>>,
    ) -> Result<Subscription, Status> {
        let mut inner = self.lock();
        if inner.is_over {
            return Err(Status::unavailable("the program ends"));
        }
        if inner.subscribers.len() >= MAX_SUBSCRIBERS {
            return Err(Status::resource_exhausted(format!(
                "there are {MAX_SUBSCRIBERS} subscribers already"
            )));
        }
        let number = inner.next;
        inner.next += 1;
        let backlog = std::mem::take(&mut inner.waiting);
        let slot = Slot { backlog, waker: None, client: client.to_owned(), sent: 0, lost: 0 };
        inner.subscribers.insert(number, slot);
        drop(inner);
        log(Level::Debug, &format!("grpc: {client} subscribes to alerts"));
        Ok(Subscription { feed: Arc::clone(self), number, requests })
    }

    /// Alerts that a client did not receive wait for the next client.
    fn put_back(&self, inner: &mut Inner, taken: Backlog) {
        if inner.is_over {
            return;
        }
        inner.waiting.put_back(taken);
        let limits = inner.limits;
        inner.lost.unfetched += inner.waiting.trim(limits).1;
    }

    fn unsubscribe(&self, number: u64) {
        let mut inner = self.lock();
        let Some(slot) = inner.subscribers.remove(&number) else { return };
        // The other subscribers have these alerts, too.
        if inner.subscribers.is_empty() {
            self.put_back(&mut inner, slot.backlog);
        }
        drop(inner);
        let Slot { client, sent, lost, .. } = slot;
        match lost {
            0 => log(Level::Debug, &format!("grpc: {client} has left after {sent} alerts")),
            _ => log(
                Level::Warning,
                &format!(
                    "grpc: {client} has left: it took {sent} alerts, and read too slowly for {lost} others"
                ),
            ),
        }
    }
}

/// Alerts of a call of `get`.
pub struct Fetch {
    feed: Arc<Feed>,
    taken: Backlog,
}

impl Stream for Fetch {
    type Item = Result<Bytes, Status>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.taken.pop().map(|item| Ok(item.bytes.clone())))
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        let taken = std::mem::take(&mut self.taken);
        if !taken.items.is_empty() {
            self.feed.put_back(&mut self.feed.lock(), taken);
        }
    }
}

/// Alerts of a call of `sub`.
pub struct Subscription {
    feed: Arc<Feed>,
    number: u64,
    /// `None` once the client has closed its request stream; it still gets alerts.
    requests: Option<Streaming<()>>,
}

impl Stream for Subscription {
    type Item = Result<Bytes, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        while let Some(requests) = &mut self.requests {
            match Pin::new(requests).poll_next(cx) {
                Poll::Pending => break,
                Poll::Ready(Some(Ok(()))) => {}
                Poll::Ready(None) => self.requests = None,
                Poll::Ready(Some(Err(error))) => {
                    self.requests = None;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
        let mut inner = self.feed.lock();
        let is_over = inner.is_over;
        let Some(slot) = inner.subscribers.get_mut(&self.number) else { return Poll::Ready(None) };
        if let Some(item) = slot.backlog.pop() {
            slot.sent += 1;
            return Poll::Ready(Some(Ok(item.bytes.clone())));
        }
        if is_over {
            return Poll::Ready(None);
        }
        slot.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.feed.unsubscribe(self.number);
    }
}

#[cfg(test)]
mod tests;
