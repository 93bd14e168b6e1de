//! Numbers of file types in captures.

pub(crate) const DIRECTORY: u8 = 2;
pub(crate) const PIPE: u8 = 7;
pub(crate) const EVENT: u8 = 9;
pub(crate) const UNSUPPORTED: u8 = 10;
pub(crate) const SIGNALFD: u8 = 11;
pub(crate) const EVENTPOLL: u8 = 12;
pub(crate) const INOTIFY: u8 = 13;
pub(crate) const TIMERFD: u8 = 14;
pub(crate) const NETLINK: u8 = 15;
pub(crate) const BPF: u8 = 17;
pub(crate) const USERFAULTFD: u8 = 18;
pub(crate) const IO_URING: u8 = 19;
pub(crate) const MEMFD: u8 = 20;
pub(crate) const PIDFD: u8 = 21;
