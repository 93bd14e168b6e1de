use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// A bounded queue from a slow thread to the event thread. Checking an empty queue costs one load.
#[derive(Debug)]
pub(crate) struct Mailbox<T> {
    letters: Receiver<T>,
    ready: Arc<AtomicBool>,
}

/// The other end.
#[derive(Debug)]
pub(crate) struct Sender<T> {
    letters: SyncSender<T>,
    ready: Arc<AtomicBool>,
}

pub(crate) fn mailbox<T>(bound: usize) -> (Sender<T>, Mailbox<T>) {
    let (sender, letters) = sync_channel(bound);
    let ready = Arc::new(AtomicBool::new(false));
    (Sender { letters: sender, ready: ready.clone() }, Mailbox { letters, ready })
}

impl<T> Sender<T> {
    /// Sends without waiting; returns `false` if there is no room, or the receiver is gone.
    pub(crate) fn send(&self, letter: T) -> bool {
        let sent = self.letters.try_send(letter).is_ok();
        self.ready.store(true, Ordering::Release);
        sent
    }
}

impl<T> Mailbox<T> {
    #[inline]
    pub(crate) fn take(&self) -> Option<T> {
        if self.ready.load(Ordering::Relaxed) { self.look() } else { None }
    }

    /// Clears the flag before it receives, so an item that arrives in between sets it again.
    #[cold]
    fn look(&self) -> Option<T> {
        self.ready.swap(false, Ordering::AcqRel);
        let letter = self.letters.try_recv().ok();
        if letter.is_some() {
            self.ready.store(true, Ordering::Relaxed);
        }
        letter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_arrives_once_and_in_order() {
        let (sender, mailbox) = mailbox(4);
        let writer = std::thread::spawn(move || {
            for number in 0..10_000 {
                while !sender.send(number) {
                    std::thread::yield_now();
                }
            }
        });
        let mut next = 0;
        while next < 10_000 {
            match mailbox.take() {
                Some(number) => {
                    assert_eq!(number, next);
                    next += 1;
                }
                None => std::thread::yield_now(),
            }
        }
        writer.join().unwrap();
        assert_eq!(mailbox.take(), None);
    }
}
