//! Data that a call carries: its thread, its kind, and its number within that kind.

use std::collections::HashMap;

use eyas_events::SyscallCode;

/// What is captured.
pub const CODES: [SyscallCode; 8] = [
    SyscallCode::OPENAT,
    SyscallCode::WRITE,
    SyscallCode::SENDTO,
    SyscallCode::UNLINKAT,
    SyscallCode::CONNECT,
    SyscallCode::GETPPID,
    SyscallCode::EXECVE,
    SyscallCode::SCHED_PROCESS_EXIT,
];

/// Kinds of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Open,
    Write,
    Send,
    Unlink,
    /// Carries its number as a port.
    Connect,
    /// Carries nothing.
    GetParent,
    /// Of a program that does not exist.
    FailedExec,
    /// By a child of the thread.
    Exec,
    /// Carries nothing.
    Exit,
    /// An open by a request of `io_uring`.
    Request,
}

pub const KINDS: [Kind; 10] = [
    Kind::Open,
    Kind::Write,
    Kind::Send,
    Kind::Unlink,
    Kind::Connect,
    Kind::GetParent,
    Kind::FailedExec,
    Kind::Exec,
    Kind::Exit,
    Kind::Request,
];

/// How often each thread made calls of each kind.
pub type Made = HashMap<(i64, Kind), u64>;

/// What the maker prints: a thread, and a number for each kind, in a line.
pub fn parse(text: &str) -> Made {
    let mut made = Made::new();
    for line in text.lines() {
        let mut words = line.split(' ').map(|word| word.parse::<u64>().unwrap());
        let tid = words.next().unwrap() as i64;
        KINDS.into_iter().zip(words).for_each(|(kind, count)| *made.entry((tid, kind)).or_default() += count);
    }
    made
}

/// The text that a call carries, followed by `pad` bytes that identify the thread.
pub fn text(tid: i64, kind: Kind, number: u64, pad: usize) -> Vec<u8> {
    let mut text = format!("/x/{tid}/{}/{number}/", kind as u8).into_bytes();
    // A component of a path has at most 255 bytes.
    text.extend((1..=pad).map(|at| if at % 200 == 0 { b'/' } else { letter(tid) }));
    text
}

/// The byte that identifies the thread.
pub fn letter(tid: i64) -> u8 {
    b'a' + (tid % 26) as u8
}

/// Port of the call of that number.
pub fn port(number: u64) -> u16 {
    1024 + (number % 60_000) as u16
}

/// A text read again: thread, kind, number, and what follows.
pub fn read(text: &[u8]) -> Option<(i64, Kind, u64, &[u8])> {
    let mut parts = text.strip_prefix(b"/x/")?.splitn(4, |byte| *byte == b'/');
    let mut number = || std::str::from_utf8(parts.next()?).ok()?.parse::<u64>().ok();
    let (tid, kind, count) = (number()? as i64, number()?, number()?);
    Some((tid, *KINDS.get(kind as usize)?, count, parts.next()?))
}
