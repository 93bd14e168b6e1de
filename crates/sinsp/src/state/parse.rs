//! What each event changes, one file per family.

use eyas_events::{EventFlags, EventType, ParamType};
use eyas_scap::{FdEntry, OwnedEvent, RawEvent, ThreadEntry};

use super::{State, Thread, ThreadKey};

pub(super) mod file;
mod identity;
mod measure;
mod meta;
pub(super) mod network;
pub(super) mod process;

/// Asks the running system about a thread that nobody knows; never in a replay.
pub(crate) type Lookup<'a> = Option<&'a mut dyn FnMut(i64) -> Option<(ThreadEntry, Vec<FdEntry>)>>;

/// What the event is about, and what remains to be done after the rules saw it.
#[derive(Debug, Default)]
pub(crate) struct Current {
    /// Its thread.
    pub(crate) thread: Option<ThreadKey>,
    /// Its descriptor.
    pub(crate) fd: Option<i64>,
    /// Of a context switch: how long its thread ran, ns.
    pub(crate) ran: u64,
    /// Of an event about CPU time: ticks of the thread since the last such event, as user and in the kernel.
    pub(crate) ticks: [u64; 2],
    /// The thread exits.
    pub(crate) exits: bool,
    /// Descriptors that it closes.
    pub(crate) closes: Closes,
}

impl Current {
    /// Whether something remains to be done after the rules saw the event.
    pub(crate) fn leaves_work(&self) -> bool {
        self.exits || !matches!(self.closes, Closes::None)
    }
}

/// Descriptors that go when the event was seen.
#[derive(Debug, Default)]
pub(crate) enum Closes {
    #[default]
    None,
    One(i64),
    Many(Vec<i64>),
}

/// Index of the descriptor that events of a type work on.
const FD_PARAM: [Option<u8>; EventType::COUNT] = fd_params();

const fn fd_params() -> [Option<u8>; EventType::COUNT] {
    let mut table = [None; EventType::COUNT];
    let mut code = 0;
    while code < EventType::COUNT {
        if let Some(info) = EventType(code as u16).info()
            && info.flags.contains(EventFlags::USES_FD)
        {
            // The result comes first where it is a descriptor itself.
            let mut index = if !info.params.is_empty() && is_result(info.params[0].name) { 1 } else { 0 };
            while index < info.params.len() {
                if matches!(info.params[index].ty, ParamType::FD | ParamType::FD32) {
                    table[code] = Some(index as u8);
                    break;
                }
                index += 1;
            }
        }
        code += 1;
    }
    table
}

const fn is_result(name: &str) -> bool {
    matches!(name.as_bytes(), b"res")
}

/// How the thread of an event is found.
enum Who {
    /// Events of no thread.
    Nobody,
    /// Only if known.
    Known,
    /// Asked of /proc, else an entry about which only the id is known.
    Anybody,
}

fn who(ty: EventType) -> Who {
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
        | EventType::PROCINFO_E
        | EventType::PAGE_FAULT_E
        | EventType::SCHEDSWITCH_6_E => Who::Known,
        _ => Who::Anybody,
    }
}

/// Whether events of this type only complete those of their call's end: the path or address that was asked for.
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

pub(crate) fn apply(state: &mut State, raw: &RawEvent<'_>, mut lookup: Lookup<'_>, now: &mut Current) {
    let known = match who(raw.ty) {
        Who::Nobody => None,
        Who::Known => state.threads.lookup(raw.tid),
        Who::Anybody => state.threads.lookup(raw.tid).or_else(|| find(state, raw.tid, &mut lookup)),
    };
    now.thread = known;
    now.fd = None;
    if let Some(index) = FD_PARAM.get(usize::from(raw.ty.0)).copied().flatten() {
        now.fd = raw.int(usize::from(index));
    }
    if let Some(activity) = known.and_then(|key| state.threads.activity_mut(key)) {
        activity.last_access_ts = raw.ts;
    }
    dispatch(state, raw, now, &mut lookup);
    if let Some(activity) = now.thread.and_then(|key| state.threads.activity_mut(key)) {
        activity.last_event_ts = raw.ts;
        // A call that ends ends the wait for whichever began.
        if activity.enter.is_some() && raw.ty.is_exit() {
            let enter = activity.enter.take();
            state.reuse.give_back(enter);
        }
    }
}

/// Asks /proc for a thread, else adds an entry about which only the id is known.
fn find(state: &mut State, tid: i64, lookup: &mut Lookup<'_>) -> Option<ThreadKey> {
    if let Some(lookup) = lookup {
        state.stats.proc_lookups += 1;
        if let Some((entry, fds)) = lookup(tid) {
            return state.load_thread(entry, fds);
        }
    }
    state.stats.failed_thread_lookups += 1;
    let empty = state.empty();
    let mut thread = Thread::unknown(tid, &empty);
    thread.comm = std::sync::Arc::from(&b"<NA>"[..]);
    thread.exe = thread.comm.clone();
    thread.cmdline = thread.comm.clone();
    state.add_thread(thread)
}

fn dispatch(state: &mut State, raw: &RawEvent<'_>, now: &mut Current, lookup: &mut Lookup<'_>) {
    use EventType as E;
    match raw.ty {
        E::SYSCALL_CLONE_20_X | E::SYSCALL_FORK_20_X | E::SYSCALL_VFORK_20_X | E::SYSCALL_CLONE3_X => {
            process::clone(state, raw, now, lookup);
        }
        E::SYSCALL_EXECVE_19_X | E::SYSCALL_EXECVEAT_X => process::execve(state, raw, now),
        E::PROCEXIT_1_E => process::exit(state, raw, now),
        E::SYSCALL_PRCTL_X => process::prctl(state, raw, now),
        E::SYSCALL_CHDIR_X | E::SYSCALL_FCHDIR_X | E::SYSCALL_GETCWD_X | E::SYSCALL_CHROOT_X => {
            process::directory(state, raw, now);
        }
        E::SYSCALL_SETSID_X => process::setsid(state, raw, now),
        E::SYSCALL_GETRLIMIT_X | E::SYSCALL_SETRLIMIT_X | E::SYSCALL_PRLIMIT_X => {
            process::rlimit(state, raw, now);
        }
        E::SYSCALL_BRK_4_X | E::SYSCALL_MMAP_X | E::SYSCALL_MMAP2_X | E::SYSCALL_MUNMAP_X => {
            measure::memory(state, raw, now);
        }
        E::SYSCALL_SETUID_X
        | E::SYSCALL_SETREUID_X
        | E::SYSCALL_SETRESUID_X
        | E::SYSCALL_SETGID_X
        | E::SYSCALL_SETREGID_X
        | E::SYSCALL_SETRESGID_X
        | E::SYSCALL_CAPSET_X
        | E::SYSCALL_UNSHARE_X
        | E::SYSCALL_SETNS_X => identity::apply(state, raw, now),
        E::SCHEDSWITCH_6_E => measure::switched(state, raw, now),
        E::PROCINFO_E => measure::cpu_time(state, raw, now),
        ty if is_kept(ty) => remember_enter(state, raw, now),
        E::SYSCALL_OPEN_X
        | E::SYSCALL_OPENAT_2_X
        | E::SYSCALL_OPENAT2_X
        | E::SYSCALL_CREAT_X
        | E::SYSCALL_OPEN_BY_HANDLE_AT_X => file::open(state, raw, now),
        E::SYSCALL_CLOSE_X | E::SYSCALL_CLOSE_RANGE_X => file::close(state, raw, now),
        E::SYSCALL_DUP_1_X | E::SYSCALL_DUP2_X | E::SYSCALL_DUP3_X | E::SYSCALL_FCNTL_X => {
            file::duplicate(state, raw, now);
        }
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
        | E::SYSCALL_PIDFD_OPEN_X
        | E::SYSCALL_PIDFD_GETFD_X => file::special(state, raw, now),
        E::SOCKET_SOCKET_X
        | E::SOCKET_SOCKETPAIR_X
        | E::SOCKET_BIND_X
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
        | E::SOCKET_RECV_X
        | E::SYSCALL_READ_X
        | E::SYSCALL_READV_X
        | E::SYSCALL_PREAD_X
        | E::SYSCALL_PREADV_X
        | E::SYSCALL_WRITE_X
        | E::SYSCALL_WRITEV_X
        | E::SYSCALL_PWRITE_X
        | E::SYSCALL_PWRITEV_X => network::apply(state, raw, now, lookup),
        E::CONTAINER_JSON_E
        | E::CONTAINER_JSON_2_E
        | E::USER_ADDED_E
        | E::USER_DELETED_E
        | E::GROUP_ADDED_E
        | E::GROUP_DELETED_E => meta::apply(state, raw),
        _ => {}
    }
}

/// Keeps an enter event for the exit event of its thread: what user memory held before the call.
fn remember_enter(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    if let Some(activity) = now.thread.and_then(|key| state.threads.activity_mut(key)) {
        match &mut activity.enter {
            Some(enter) => enter.assign(*raw),
            none => *none = Some(state.reuse.keep(raw)),
        }
    }
}

/// The enter event that belongs to this exit event; it is used once, and then given back to [`super::Reuse`].
fn take_enter(state: &mut State, raw: &RawEvent<'_>, now: &Current) -> Option<Box<OwnedEvent>> {
    let activity = state.threads.activity_mut(now.thread?)?;
    activity.enter.take().filter(|enter| {
        let ty = enter.as_raw().ty;
        ty.0 + 1 == raw.ty.0
            || (ty == EventType::SYSCALL_EXECVEAT_E && raw.ty == EventType::SYSCALL_EXECVE_19_X)
    })
}

/// Does what was left for after the rules saw the event.
pub(crate) fn finish(state: &mut State, ts: u64, now: &mut Current) {
    let (closes, exits) = (std::mem::take(&mut now.closes), std::mem::take(&mut now.exits));
    let Some(key) = now.thread else { return };
    if !matches!(closes, Closes::None) {
        file::finish_close(state, key, closes);
    }
    if exits && let Some(thread) = state.threads.at(key) {
        let (tid, ptid) = (thread.tid, thread.ptid);
        state.threads.remember_exit(tid, ptid, ts);
        state.stats.threads_removed += state.threads.remove(key);
    }
}
