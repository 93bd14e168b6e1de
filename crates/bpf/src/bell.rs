//! The bell, which wakes this process: `bell` of `bpf/ring.h`.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::mm::ProtFlags;

use crate::Error;
use crate::ring::Mapping;

/// A BPF ring buffer that only shows whether it has data.
pub(crate) struct Bell {
    /// Not 0 while the next program that publishes an event must ring.
    asleep: Mapping,
    /// Positions up to which the ring was read, and written.
    consumer: Mapping,
    producer: Mapping,
    fd: OwnedFd,
}

impl Bell {
    pub(crate) fn new(asleep: BorrowedFd<'_>, bell: BorrowedFd<'_>) -> Result<Self, Error> {
        let fd = bell
            .try_clone_to_owned()
            .map_err(|error| Error::Kernel { step: "map its rings", cause: error.to_string() })?;
        Ok(Self {
            asleep: Mapping::new(asleep, 0, 1, ProtFlags::READ | ProtFlags::WRITE)?,
            consumer: Mapping::new(bell, 0, 1, ProtFlags::READ | ProtFlags::WRITE)?,
            producer: Mapping::new(bell, 1, 1, ProtFlags::READ)?,
            fd,
        })
    }

    /// Requests the bell at the next event.
    pub(crate) fn listen(&self) {
        self.consume();
        self.asleep.first().store(1, Ordering::SeqCst);
    }

    /// Takes that back.
    pub(crate) fn stop_listening(&self) {
        self.asleep.first().store(0, Ordering::SeqCst);
    }

    /// Sleeps until it rings, a signal arrives, or the time is over; returns whether it rang.
    pub(crate) fn wait(&self, time: Duration) -> bool {
        let time = Timespec { tv_sec: time.as_secs() as i64, tv_nsec: time.subsec_nanos().into() };
        let mut fds = [PollFd::new(&self.fd, PollFlags::IN)];
        let rang = poll(&mut fds, Some(&time)).is_ok_and(|ready| ready > 0);
        if rang {
            self.stop_listening();
            self.consume();
        }
        rang
    }

    fn consume(&self) {
        let end = self.producer.first().load(Ordering::Acquire);
        self.consumer.first().store(end, Ordering::Release);
    }
}
