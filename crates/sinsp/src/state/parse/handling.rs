//! The handling of each event type, as one table.

use eyas_events::{EventFlags, EventType, ParamType, param};
use eyas_scap::RawEvent;

/// The handling of an event type.
#[derive(Clone, Copy)]
pub(super) struct Handling {
    pub(super) who: Who,
    /// Index of the parameter with the event's descriptor.
    pub(super) fd: Option<u8>,
    pub(super) family: Family,
}

/// The descriptor that the event works on, if its type has one.
pub(crate) fn descriptor(raw: &RawEvent<'_>) -> Option<i64> {
    let handling = HANDLING.get(usize::from(raw.ty.0))?;
    raw.int(usize::from(handling.fd?))
}

/// When the result of a call is its descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FromResult {
    /// The number is that of a parameter.
    Never,
    /// The number is the result of a successful call or that of the parameter, and that of the parameter if the call failed.
    OfSuccess,
    /// The number is the result; -1 if the call failed.
    Always,
}

/// The sources of the number of an event's descriptor: the position of a parameter, -1 if there is none, and the result. `None` for
/// types with another source.
pub(crate) fn number_sources(ty: EventType) -> Option<(Option<u8>, FromResult)> {
    use EventType as E;
    let handling = HANDLING.get(usize::from(ty.0))?;
    let from_result = match (ty, handling.family) {
        // The last of two descriptors.
        (E::SYSCALL_PIPE_X | E::SYSCALL_PIPE2_X | E::SOCKET_SOCKETPAIR_X, _) => return None,
        (E::SOCKET_SOCKET_X | E::SOCKET_ACCEPT_5_X | E::SOCKET_ACCEPT4_6_X, _) => FromResult::Always,
        (E::SYSCALL_MOVE_MOUNT_X, _) => FromResult::Never,
        (_, Family::Open | Family::Mount) => FromResult::Always,
        (_, Family::Duplicate | Family::Special) => FromResult::OfSuccess,
        _ => FromResult::Never,
    };
    Some((handling.fd, from_result))
}

/// Whether events of this type may change the state.
pub fn changes_state(ty: EventType) -> bool {
    HANDLING.get(usize::from(ty.0)).is_some_and(|handling| !matches!(handling.family, Family::Nothing))
}

/// Handling by event code.
pub(super) static HANDLING: [Handling; EventType::COUNT] = handling();

const fn handling() -> [Handling; EventType::COUNT] {
    let mut table = [Handling { who: Who::Nobody, fd: None, family: Family::Nothing }; EventType::COUNT];
    let mut code = 0;
    while code < EventType::COUNT {
        let ty = EventType(code as u16);
        table[code] = Handling { who: who(ty), fd: fd_param(ty), family: family(ty) };
        code += 1;
    }
    table
}

const fn fd_param(ty: EventType) -> Option<u8> {
    if let EventType::SYSCALL_SPLICE_X = ty {
        // Data moves from one descriptor to the other; the event belongs to the destination.
        return Some(param::SYSCALL_SPLICE_X::fd_out as u8);
    }
    let Some(info) = ty.info() else { return None };
    if !info.flags.contains(EventFlags::USES_FD) {
        return None;
    }
    // If the result is a descriptor, it comes first.
    let mut index = if !info.params.is_empty() && is_result(info.params[0].name) { 1 } else { 0 };
    while index < info.params.len() {
        if matches!(info.params[index].ty, ParamType::FD | ParamType::FD32) {
            return Some(index as u8);
        }
        index += 1;
    }
    None
}

const fn is_result(name: &str) -> bool {
    matches!(name.as_bytes(), b"res")
}

/// The way to find the thread of an event.
#[derive(Clone, Copy)]
pub(super) enum Who {
    /// Events without a thread.
    Nobody,
    /// Only if known.
    Known,
    /// The thread is looked up in /proc; if that fails, an entry with only the id is added.
    Anybody,
}

const fn who(ty: EventType) -> Who {
    match ty {
        EventType::CONTAINER_JSON_2_E
        | EventType::CONTAINER_JSON_E
        | EventType::USER_ADDED_E
        | EventType::USER_DELETED_E
        | EventType::GROUP_ADDED_E
        | EventType::GROUP_DELETED_E
        | EventType::PLUGINEVENT_E
        | EventType::ASYNCEVENT_E
        | EventType::CPU_HOTPLUG_E
        | EventType::DROP_E
        | EventType::DROP_X => Who::Nobody,
        EventType::SYSCALL_CLONE_20_X
        | EventType::SYSCALL_FORK_20_X
        | EventType::SYSCALL_VFORK_20_X
        | EventType::SYSCALL_CLONE3_X
        | EventType::PROCEXIT_1_E
        | EventType::TASK_RENAME_X
        | EventType::PROCINFO_E
        | EventType::PAGE_FAULT_E
        | EventType::SCHEDSWITCH_6_E => Who::Known,
        _ => Who::Anybody,
    }
}

/// Event types that change the same part of the state.
#[derive(Clone, Copy)]
pub(super) enum Family {
    Nothing,
    Clone,
    Exec,
    Exit,
    Prctl,
    Directory,
    Rename,
    Move,
    Session,
    Limit,
    Memory,
    Identity,
    Switch,
    CpuTime,
    Kept,
    Open,
    Close,
    Duplicate,
    Control,
    Link,
    Mount,
    Special,
    Network,
    Meta,
}

const fn family(ty: EventType) -> Family {
    let families = [of_process(ty), of_files(ty), of_network(ty), of_metadata(ty)];
    let mut at = 0;
    while at < families.len() {
        if !matches!(families[at], Family::Nothing) {
            return families[at];
        }
        at += 1;
    }
    Family::Nothing
}

const fn of_process(ty: EventType) -> Family {
    use EventType as E;
    match ty {
        ty if ty.creates_thread() => Family::Clone,
        E::SYSCALL_EXECVE_19_X | E::SYSCALL_EXECVEAT_X => Family::Exec,
        E::PROCEXIT_1_E => Family::Exit,
        E::SYSCALL_PRCTL_X => Family::Prctl,
        E::TASK_RENAME_X => Family::Rename,
        E::SYSCALL_CHDIR_X
        | E::SYSCALL_FCHDIR_X
        | E::SYSCALL_GETCWD_X
        | E::SYSCALL_CHROOT_X
        | E::SYSCALL_PIVOT_ROOT_X
        | E::SYSCALL_MOUNT_X
        | E::SYSCALL_UMOUNT_1_X
        | E::SYSCALL_UMOUNT2_X => Family::Directory,
        E::SYSCALL_RENAME_X | E::SYSCALL_RENAMEAT_X | E::SYSCALL_RENAMEAT2_X => Family::Move,
        E::SYSCALL_SETSID_X | E::SYSCALL_SETPGID_X => Family::Session,
        E::SYSCALL_GETRLIMIT_X | E::SYSCALL_SETRLIMIT_X | E::SYSCALL_PRLIMIT_X => Family::Limit,
        E::SYSCALL_BRK_4_X | E::SYSCALL_MMAP_X | E::SYSCALL_MMAP2_X | E::SYSCALL_MUNMAP_X => Family::Memory,
        ty if ty.changes_credentials() => Family::Identity,
        E::SCHEDSWITCH_6_E => Family::Switch,
        E::PROCINFO_E => Family::CpuTime,
        ty if is_kept(ty) => Family::Kept,
        _ => Family::Nothing,
    }
}

const fn of_files(ty: EventType) -> Family {
    use EventType as E;
    match ty {
        E::SYSCALL_OPEN_X
        | E::SYSCALL_OPENAT_2_X
        | E::SYSCALL_OPENAT2_X
        | E::SYSCALL_CREAT_X
        | E::SYSCALL_OPEN_BY_HANDLE_AT_X => Family::Open,
        E::SYSCALL_CLOSE_X | E::SYSCALL_CLOSE_RANGE_X => Family::Close,
        E::SYSCALL_DUP_1_X | E::SYSCALL_DUP2_X | E::SYSCALL_DUP3_X | E::SYSCALL_FCNTL_X => Family::Duplicate,
        E::SYSCALL_IOCTL_3_X => Family::Control,
        E::SYSCALL_LINKAT_2_X => Family::Link,
        E::SYSCALL_FSOPEN_X
        | E::SYSCALL_FSPICK_X
        | E::SYSCALL_FSMOUNT_X
        | E::SYSCALL_OPEN_TREE_X
        | E::SYSCALL_OPEN_TREE_ATTR_X
        | E::SYSCALL_MOVE_MOUNT_X => Family::Mount,
        ty if makes_special(ty) => Family::Special,
        _ => Family::Nothing,
    }
}

/// Whether the call makes a pipe without a name.
pub(crate) const fn makes_pipe(ty: EventType) -> bool {
    matches!(ty, EventType::SYSCALL_PIPE_X | EventType::SYSCALL_PIPE2_X)
}

/// Whether the call makes a descriptor of a file that has no path, such as a pipe.
const fn makes_special(ty: EventType) -> bool {
    use EventType as E;
    matches!(
        ty,
        E::SYSCALL_PIPE_X
            | E::SYSCALL_PIPE2_X
            | E::SYSCALL_EVENTFD_X
            | E::SYSCALL_EVENTFD2_X
            | E::SYSCALL_SIGNALFD_X
            | E::SYSCALL_SIGNALFD4_X
            | E::SYSCALL_TIMERFD_CREATE_X
            | E::SYSCALL_INOTIFY_INIT_X
            | E::SYSCALL_INOTIFY_INIT1_X
            | E::SYSCALL_EPOLL_CREATE_X
            | E::SYSCALL_EPOLL_CREATE1_X
            | E::SYSCALL_BPF_2_X
            | E::SYSCALL_USERFAULTFD_X
            | E::SYSCALL_IO_URING_SETUP_X
            | E::SYSCALL_MEMFD_CREATE_X
            | E::SYSCALL_MEMFD_SECRET_X
            | E::SYSCALL_FANOTIFY_INIT_X
            | E::SYSCALL_PERF_EVENT_OPEN_X
            | E::SYSCALL_LANDLOCK_CREATE_RULESET_X
            | E::SYSCALL_MQ_OPEN_X
            | E::SYSCALL_SECCOMP_X
            | E::SYSCALL_PIDFD_OPEN_X
            | E::SYSCALL_PIDFD_GETFD_X
    )
}

const fn of_network(ty: EventType) -> Family {
    use EventType as E;
    match ty {
        E::SOCKET_SOCKET_X
        | E::SOCKET_SOCKETPAIR_X
        | E::SOCKET_GETSOCKOPT_X
        | E::SOCKET_BIND_X
        | E::SOCKET_LISTEN_X
        | E::SOCKET_CONNECT_X
        | E::SOCKET_ACCEPT_5_X
        | E::SOCKET_ACCEPT4_6_X
        | E::SOCKET_SHUTDOWN_X
        | E::SOCKET_SENDTO_X
        | E::SOCKET_SENDMSG_X
        | E::SOCKET_SENDMMSG_X
        | E::SOCKET_SEND_X
        | E::SOCKET_RECVFROM_X
        | E::SOCKET_RECVMSG_X
        | E::SOCKET_RECVMMSG_X
        | E::SOCKET_RECV_X => Family::Network,
        ty if is_transfer(ty) => Family::Network,
        _ => Family::Nothing,
    }
}

/// Of containers, users and groups.
const fn of_metadata(ty: EventType) -> Family {
    use EventType as E;
    match ty {
        E::CONTAINER_JSON_E
        | E::CONTAINER_JSON_2_E
        | E::USER_ADDED_E
        | E::USER_DELETED_E
        | E::GROUP_ADDED_E
        | E::GROUP_DELETED_E
        | E::ASYNCEVENT_E => Family::Meta,
        _ => Family::Nothing,
    }
}

/// The coarse kind of change that an event type makes.
pub(in crate::state) enum Change {
    /// Only the time of the thread's last activity.
    Nothing,
    /// Memory, page faults and CPU time.
    Usage,
    /// Whether a socket is connected.
    Written,
    /// Whether a socket is connected, and names from DNS replies.
    Read,
    /// Anything else.
    Other,
}

/// The change that an event type makes.
pub(in crate::state) fn change(ty: EventType) -> Change {
    let Some(Handling { who, family, .. }) = HANDLING.get(usize::from(ty.0)) else { return Change::Other };
    match (who, family) {
        (Who::Nobody, _) => Change::Other,
        (_, Family::Nothing) => Change::Nothing,
        (_, Family::Memory | Family::Switch | Family::CpuTime) => Change::Usage,
        // These events report no ends.
        (_, Family::Network) if ty.is_plain_read() => Change::Read,
        (_, Family::Network) if is_transfer(ty) => Change::Written,
        _ => Change::Other,
    }
}

/// Whether events of this type read or write. They change the state of sockets, and what their file decides
/// ([`RawEvent::has_more_params`]).
pub(crate) const fn is_transfer(ty: EventType) -> bool {
    ty.is_plain_read() || ty.is_plain_write()
}

/// Whether a failed call of this type changes only the time of the thread's last activity
/// ([`has_closed`](super::file::has_closed) has the exception).
pub(crate) fn changes_only_if_successful(ty: EventType) -> bool {
    use EventType as E;
    let makes_or_binds_socket = matches!(
        ty,
        E::SOCKET_SOCKET_X
            | E::SOCKET_SOCKETPAIR_X
            | E::SOCKET_ACCEPT_5_X
            | E::SOCKET_ACCEPT4_6_X
            | E::SOCKET_BIND_X
    );
    let handling = HANDLING.get(usize::from(ty.0));
    makes_or_binds_socket
        || handling.is_some_and(|handling| {
            matches!(
                handling.family,
                Family::Clone
                    | Family::Exec
                    | Family::Prctl
                    | Family::Directory
                    | Family::Move
                    | Family::Session
                    | Family::Limit
                    | Family::Open
                    | Family::Close
                    | Family::Duplicate
                    | Family::Link
                    | Family::Special
            )
        })
}

/// Whether calls of this type make sockets, or change only sockets. Received messages may contain other files, and an option may be a
/// descriptor.
pub(crate) fn changes_only_sockets(ty: EventType) -> bool {
    use EventType as E;
    let family = HANDLING.get(usize::from(ty.0)).map(|handling| handling.family);
    let may_make_others =
        matches!(ty, E::SOCKET_GETSOCKOPT_X | E::SOCKET_RECVMSG_X | E::SOCKET_RECVMMSG_X) || is_transfer(ty);
    matches!(family, Some(Family::Network)) && !may_make_others
}

/// Whether calls of this type copy a descriptor.
pub(crate) fn is_copy(ty: EventType) -> bool {
    let family = HANDLING.get(usize::from(ty.0)).map(|handling| handling.family);
    matches!(family, Some(Family::Duplicate)) || ty == EventType::SYSCALL_PIDFD_GETFD_X
}

/// How events of a type change processes, apart from files, directories, terminals, sessions and limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProcessChange {
    /// A new process or thread exists: the one whose call returns 0.
    Birth,
    /// The caller's process changes.
    Own,
    /// The caller's process changes, and its descendants show the change.
    Shown,
}

/// How events of this type change processes.
pub(crate) fn changes_process(ty: EventType) -> Option<ProcessChange> {
    match HANDLING.get(usize::from(ty.0))?.family {
        Family::Clone => Some(ProcessChange::Birth),
        Family::Identity => Some(ProcessChange::Own),
        Family::Exec | Family::Exit | Family::Prctl | Family::Rename => Some(ProcessChange::Shown),
        _ => None,
    }
}

/// Whether threads are made or end with events of this type, or become others.
#[inline]
pub(crate) fn makes_or_ends_threads(ty: EventType) -> bool {
    let family = HANDLING.get(usize::from(ty.0)).map(|handling| handling.family);
    matches!(family, Some(Family::Clone | Family::Exec | Family::Exit))
}

/// Whether enter events of this type only complete their exit events, with the requested path or address.
#[inline]
pub(crate) const fn is_kept(ty: EventType) -> bool {
    use EventType as E;
    matches!(
        ty,
        E::SYSCALL_OPEN_E
            | E::SYSCALL_OPENAT_2_E
            | E::SYSCALL_OPENAT2_E
            | E::SYSCALL_CREAT_E
            | E::SOCKET_CONNECT_E
            | E::SYSCALL_EXECVE_19_E
            | E::SYSCALL_EXECVEAT_E
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_that_are_descriptors_come_first() {
        let mut count = 0;
        for ty in (0..EventType::COUNT as u16).map(EventType) {
            if number_sources(ty).is_some_and(|(_, from)| from != FromResult::Never) {
                assert_eq!(RawEvent::result_index(ty), Some(0), "{ty:?}");
                count += 1;
            }
        }
        assert!(count > 30, "{count}");
    }
}
