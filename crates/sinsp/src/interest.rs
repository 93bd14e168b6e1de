//! Which system calls rules and state need.

use eyas_events::{EventFlags, EventType, SyscallCode, syscalls};
use eyas_fields::CodeSet;

/// System calls that are sent as events of these codes.
///
/// The generic event stands for many calls: where it is among the codes, all of them are.
pub fn syscalls_of(codes: &CodeSet) -> Vec<SyscallCode> {
    let sent = |ty: EventType| codes.contains(ty.0);
    let mut list: Vec<SyscallCode> = syscalls().filter(|s| sent(s.exit)).map(|s| s.code).collect();
    if sent(EventType::PROCEXIT_1_E) {
        list.push(SyscallCode::SCHED_PROCESS_EXIT);
    }
    list
}

/// System calls without which threads, files and users are not known.
pub fn syscalls_of_state() -> Vec<SyscallCode> {
    let changes = |ty: EventType| {
        ty.info().is_some_and(|info| {
            info.flags
                .intersects(EventFlags::MODIFIES_STATE | EventFlags::CREATES_FD | EventFlags::DESTROYS_FD)
        })
    };
    // These tell the ends of sockets that never connected; at every packet, they are not worth it.
    let frequent = |ty: EventType| {
        matches!(
            ty,
            EventType::SOCKET_SENDTO_X
                | EventType::SOCKET_SENDMSG_X
                | EventType::SOCKET_SENDMMSG_X
                | EventType::SOCKET_RECVFROM_X
                | EventType::SOCKET_RECVMSG_X
                | EventType::SOCKET_RECVMMSG_X
                | EventType::SOCKET_GETSOCKOPT_X
        )
    };
    let mut list: Vec<SyscallCode> =
        syscalls().filter(|s| changes(s.exit) && !frequent(s.exit)).map(|s| s.code).collect();
    list.push(SyscallCode::SCHED_PROCESS_EXIT);
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_needs_the_life_of_processes_and_files() {
        let list = syscalls_of_state();
        for code in [SyscallCode::EXECVE, SyscallCode::CLONE, SyscallCode::OPENAT, SyscallCode::CLOSE] {
            assert!(list.contains(&code), "{code:?}");
        }
        assert!(!list.contains(&SyscallCode::READ) && !list.contains(&SyscallCode::RECVFROM));
    }

    #[test]
    fn codes_name_their_system_calls() {
        let mut codes = CodeSet::empty(EventType::COUNT);
        codes.insert(EventType::SYSCALL_READ_X.0);
        assert_eq!(syscalls_of(&codes), [SyscallCode::READ]);
    }
}
