//! System calls that rules and the state need.

use std::collections::BTreeSet;

use eyas_events::{Category, EventFlags, EventType, SyscallCode, ia32_calls, syscalls};
use eyas_fields::CodeSet;

/// System calls that the probe sends as events of these codes.
///
/// If the codes include the generic event, the result includes all calls that it is used for.
pub fn syscalls_of(codes: &CodeSet) -> Vec<SyscallCode> {
    let sent = |ty: EventType| codes.contains(ty.0);
    let mut list: Vec<SyscallCode> = calls_sent_as(sent).collect();
    if sent(EventType::PROCEXIT_1_E) {
        list.push(SyscallCode::SCHED_PROCESS_EXIT);
    }
    if sent(EventType::TASK_RENAME_X) {
        // The two ways to give a thread a name are captured together.
        list.push(SyscallCode::PRCTL);
    }
    list
}

/// System calls that the state of threads, files and users needs.
///
/// Calls that report only the ends of sockets without a connection are too expensive for every packet; they
/// are in [`frequent_syscalls_of_state`].
pub fn syscalls_of_state() -> Vec<SyscallCode> {
    let mut list: Vec<SyscallCode> = changing().filter(|code| !is_frequent(*code)).collect();
    list.push(SyscallCode::SCHED_PROCESS_EXIT);
    list
}

/// System calls that also change the state, but are so frequent that they are captured only on request.
pub fn frequent_syscalls_of_state() -> Vec<SyscallCode> {
    changing().filter(|code| is_frequent(*code)).collect()
}

/// The minimum set of system calls by which events of the given calls have their process and file: calls
/// that create and change processes, and, if the given calls need them, calls on sockets and closes.
///
/// Names of files that other calls opened are then unknown. This is Falco's `base_syscalls.repair`.
pub fn syscalls_to_repair(wanted: &[SyscallCode]) -> Vec<SyscallCode> {
    use SyscallCode as S;
    const PROCESSES: [S; 23] = [
        S::CLONE,
        S::CLONE3,
        S::FORK,
        S::VFORK,
        S::EXECVE,
        S::EXECVEAT,
        S::CHDIR,
        S::FCHDIR,
        S::CHROOT,
        S::CAPSET,
        S::SETUID,
        S::SETUID32,
        S::SETGID,
        S::SETGID32,
        S::SETRESUID,
        S::SETRESUID32,
        S::SETRESGID,
        S::SETRESGID32,
        S::SETREUID,
        S::SETPGID,
        S::SETSID,
        S::PRCTL,
        S::SCHED_PROCESS_EXIT,
    ];
    let any = |of: &[Category]| {
        let class = |code: SyscallCode| Some(code.info()?.exit.info()?.category);
        wanted
            .iter()
            .filter_map(|code| class(*code))
            .any(|found| of.iter().any(|of| of.class() == found.class()))
    };
    let mut list: BTreeSet<SyscallCode> = PROCESSES.into_iter().collect();
    let net = any(&[Category::NET]);
    if net {
        list.extend([S::SOCKET, S::GETSOCKOPT]);
    }
    if wanted.iter().any(|code| matches!(*code, S::ACCEPT | S::ACCEPT4 | S::LISTEN)) {
        list.insert(S::BIND);
    }
    if net || any(&[Category::FILE, Category::IO_READ, Category::IO_WRITE, Category::IO_OTHER]) {
        list.insert(S::CLOSE);
    }
    list.into_iter().collect()
}

/// System calls whose events change threads, files or users.
fn changing() -> impl Iterator<Item = SyscallCode> {
    calls_sent_as(|ty: EventType| {
        // As in the reference's table, with additional calls that the reference does not track.
        is_followed_here(ty)
            || ty.info().is_some_and(|info| {
                info.flags
                    .intersects(EventFlags::MODIFIES_STATE | EventFlags::CREATES_FD | EventFlags::DESTROYS_FD)
            })
    })
}

const fn is_followed_here(ty: EventType) -> bool {
    use EventType as E;
    matches!(
        ty,
        E::SYSCALL_SETPGID_X
            | E::SOCKET_LISTEN_X
            | E::SYSCALL_UNSHARE_X
            | E::SYSCALL_SETNS_X
            | E::SYSCALL_RENAME_X
            | E::SYSCALL_RENAMEAT_X
            | E::SYSCALL_RENAMEAT2_X
    )
}

/// System calls that the probe sends as events of some types. Some calls of 32-bit programs have a separate
/// type.
fn calls_sent_as(wanted: impl Fn(EventType) -> bool) -> impl Iterator<Item = SyscallCode> {
    let native = syscalls().map(|call| (call.code, call.exit));
    let own = ia32_calls().map(|call| (call.code, call.exit)).filter(|(code, exit)| {
        *exit != EventType::GENERIC_X && code.info().is_some_and(|info| info.exit != *exit)
    });
    native.chain(own).filter(move |(_, exit)| wanted(*exit)).map(|(code, _)| code)
}

fn is_frequent(code: SyscallCode) -> bool {
    matches!(
        code.info().map(|call| call.exit),
        Some(
            EventType::SOCKET_SENDTO_X
                | EventType::SOCKET_SENDMSG_X
                | EventType::SOCKET_SENDMMSG_X
                | EventType::SOCKET_RECVFROM_X
                | EventType::SOCKET_RECVMSG_X
                | EventType::SOCKET_RECVMMSG_X
                | EventType::SOCKET_GETSOCKOPT_X
        )
    )
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
        assert!(frequent_syscalls_of_state().contains(&SyscallCode::RECVFROM));
    }

    #[test]
    fn a_repair_adds_what_the_wanted_calls_need() {
        use SyscallCode as S;
        let list = syscalls_to_repair(&[S::GETPID]);
        assert!(list.contains(&S::EXECVE) && list.contains(&S::SCHED_PROCESS_EXIT));
        assert!(![S::CLOSE, S::SOCKET, S::BIND, S::OPENAT].iter().any(|code| list.contains(code)));
        assert!(syscalls_to_repair(&[S::UNLINK]).contains(&S::CLOSE));
        let list = syscalls_to_repair(&[S::CONNECT]);
        assert!(list.contains(&S::SOCKET) && list.contains(&S::CLOSE) && !list.contains(&S::BIND));
        assert!(syscalls_to_repair(&[S::ACCEPT4]).contains(&S::BIND));
    }

    #[test]
    fn codes_name_their_system_calls() {
        let mut codes = CodeSet::empty(EventType::COUNT);
        codes.insert(EventType::SYSCALL_READ_X.0);
        assert_eq!(syscalls_of(&codes), [SyscallCode::READ]);
        // Only of 32-bit programs.
        let mut codes = CodeSet::empty(EventType::COUNT);
        codes.insert(EventType::SYSCALL_UMOUNT_1_X.0);
        codes.insert(EventType::SOCKET_SEND_X.0);
        assert_eq!(syscalls_of(&codes), [SyscallCode::UMOUNT, SyscallCode::SEND]);
        assert!(syscalls_of_state().contains(&SyscallCode::UMOUNT));
    }
}
