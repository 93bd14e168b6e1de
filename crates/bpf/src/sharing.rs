//! What threads share, as kcmp(2) returns it.

/// Data that a thread may share with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Open files.
    Files,
    /// Working and root directory.
    Directories,
}

/// Whether two threads share data. `None` if the call fails, for example because one has ended.
pub fn share(one: u32, other: u32, what: Sharing) -> Option<bool> {
    let what = match what {
        Sharing::Files => 2,
        Sharing::Directories => 3,
    };
    // SAFETY: the call has numbers as arguments, and no effect.
    let result = unsafe { libc::syscall(libc::SYS_kcmp, one, other, what, 0_u64, 0_u64) };
    match result {
        0 => Some(true),
        1.. => Some(false),
        _ => None,
    }
}
