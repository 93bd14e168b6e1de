//! Programs, directories, limits and exits of processes.

use eyas_events::{EventType, FlagTable, param};
use eyas_scap::RawEvent;

use super::enter::take_enter;
use super::measure::set_memory;
use super::values::{comm, exepath, list, text, update_cgroups};
use crate::path::{self, Base};
use crate::state::{Current, PendingChange};
use crate::state::{State, Text, Thread, ThreadFlags, ThreadKey};

/// Both rows have the same parameters at the same positions.
use param::SYSCALL_EXECVE_19_X as x;

pub(super) fn execve(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    let enter = take_enter(state, raw, now);
    if raw.int(x::res).is_none_or(|res| res < 0) {
        return;
    }
    let Some(key) = now.thread else { return };
    state.threads.revive(key);
    let boot = state.machine.boot_ts;
    let old_path = enter.as_ref().and_then(|enter| exec_path(state, key, &enter.as_raw()));
    state.reuse.recycle(enter);
    let was_valid = state.threads.at(key).is_some_and(Thread::is_valid);
    if let Some(pid) = raw.int(x::pid) {
        state.threads.set_pid(key, pid);
    }
    let Some(thread) = state.threads.at_mut(key) else { return };
    let kept = thread.flags & (ThreadFlags::INVERTED | ThreadFlags::CLOSED);
    thread.exe = text(raw, x::exe);
    thread.exec_ts = raw.ts;
    thread.comm = comm(raw.text(x::comm), &thread.exe);
    thread.set_args(list(raw.param(x::args).unwrap_or_default()));
    if !was_valid {
        thread.ptid = raw.int(x::ptid).unwrap_or(-1);
        if !thread.in_pid_namespace() {
            (thread.vtid, thread.vpid) = (thread.tid, thread.pid);
        }
    }
    thread.fdlimit = raw.int(x::fdlimit).unwrap_or(thread.fdlimit);
    set_memory(&mut thread.activity, raw, [x::pgft_maj, x::pgft_min, x::vm_size, x::vm_rss, x::vm_swap]);
    thread.env = list(raw.param(x::env).unwrap_or_default());
    update_cgroups(thread, raw.param(x::cgroups), &state.layouts);
    if let Some(path) = raw.text(x::trusted_exepath).map(|path| exepath(path).into()).or(old_path) {
        thread.executable.path = path;
    }
    if let Some(loginuid) = raw.uint(x::loginuid) {
        thread.loginuid = loginuid as u32;
    }
    if let Some(flags) = raw.uint(x::flags) {
        let has = |name: u32| flags as u32 & name != 0;
        thread.executable.is_writable = has(const { FlagTable::EXECVE_FLAGS.value("EXE_WRITABLE") });
        thread.executable.in_upper_layer = has(const { FlagTable::EXECVE_FLAGS.value("EXE_UPPER_LAYER") });
        thread.executable.from_memfd = has(const { FlagTable::EXECVE_FLAGS.value("EXE_FROM_MEMFD") });
        thread.executable.in_lower_layer = has(const { FlagTable::EXECVE_FLAGS.value("EXE_LOWER_LAYER") });
    }
    for (slot, index) in thread.caps.iter_mut().zip([x::cap_inheritable, x::cap_permitted, x::cap_effective])
    {
        *slot = raw.uint(index).unwrap_or(*slot);
    }
    if let Some(ino) = raw.uint(x::exe_ino) {
        thread.executable.ino = ino;
    }
    if let Some(ctime) = raw.uint(x::exe_ino_ctime) {
        thread.executable.ctime = ctime;
        thread.executable.ctime_to_clone =
            if thread.clone_ts == 0 { 0 } else { (thread.clone_ts as i64).wrapping_sub(ctime as i64) };
        let start = if thread.pidns_start == 0 { boot } else { thread.pidns_start };
        thread.executable.pidns_start_to_ctime = if ctime > start { (ctime - start) as i64 } else { 0 };
    }
    thread.executable.mtime = raw.uint(x::exe_ino_mtime).unwrap_or(thread.executable.mtime);
    thread.securebits &= !super::identity::KEEP_CAPS;
    if let Some(uid) = raw.uint(x::uid) {
        thread.uid = uid as u32;
    }
    thread.saved_uid = thread.uid;
    if let Some(gid) = raw.uint(x::gid) {
        thread.gid = gid as u32;
    }
    thread.flags = kept | ThreadFlags::NAME_CHANGED;
    if !was_valid {
        state.threads.link(key);
    }
    set_session(state, key, raw);
    if let Some(executing) = raw.executing_tid().and_then(|tid| state.threads.key(tid)) {
        state.threads.join_files(key, executing);
        state.threads.join_directories(key, executing);
    }
    super::directory::set_directories(state, key, raw);
    state.threads.unshare_files(key);
    if let Some(files) = state.threads.fds_mut(key) {
        files.exec();
    }
    // The descriptor of the executed file, for an interpreter of binfmt_misc.
    super::described::made(state, raw, now);
    for sibling in state.threads.siblings(key) {
        state.stats.threads_removed += state.threads.remove(sibling);
    }
}

/// Sets process group and terminal of a process that executes a program.
fn set_session(state: &mut State, key: ThreadKey, raw: &RawEvent<'_>) {
    let Some(thread) = state.threads.at(key) else { return };
    let mut session = state.threads.session(thread);
    session.tty = raw.uint(x::tty).map_or(session.tty, |tty| tty as u32);
    session.vpgid = raw.int(x::vpgid).unwrap_or(session.vpgid);
    session.pgid = raw.int(x::pgid).unwrap_or(-1);
    state.threads.set_session(key, session);
}

/// Text for a value that the kernel could not read.
const UNREAD: &[u8] = b"<NA>";

/// The executable's path from an enter event, for captures without it in the exit event.
fn exec_path(state: &State, key: ThreadKey, enter: &RawEvent<'_>) -> Option<Text> {
    let thread = state.threads.at(key)?;
    let mut out = Vec::new();
    match enter.ty {
        EventType::SYSCALL_EXECVE_19_E => match enter.text(param::SYSCALL_EXECVE_19_E::filename)? {
            UNREAD => out.extend_from_slice(UNREAD),
            name => path::resolve(Base::Path(state.threads.cwd(thread)), name, &mut out),
        },
        EventType::SYSCALL_EXECVEAT_E => {
            use param::SYSCALL_EXECVEAT_E as p;
            const EMPTY_PATH: u64 = FlagTable::EXECVEAT_FLAGS.value("AT_EMPTY_PATH") as u64;
            let name = enter.text(p::pathname).unwrap_or(UNREAD);
            // The executed file is the descriptor's file.
            let itself = enter.uint(p::flags).unwrap_or(0) & EMPTY_PATH != 0;
            let base = super::file::base(state, thread, enter.int(p::dirfd));
            let relative = name.first() != Some(&b'/');
            match base {
                Base::Path(path::UNKNOWN) if relative => out.extend_from_slice(UNREAD),
                Base::Path(dir) | Base::File(dir) if itself => path::resolve(Base::Path(dir), b"", &mut out),
                _ if name == UNREAD => out.extend_from_slice(UNREAD),
                base => path::resolve(base, name, &mut out),
            }
        }
        _ => return None,
    }
    Some(exepath(&out).into())
}

pub(super) fn exit(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    if let Some(key) = now.thread {
        let reaper = raw.int(param::PROCEXIT_1_E::reaper_tid).unwrap_or(-1);
        state.threads.exited(key, reaper);
        now.pending = PendingChange::Exit;
        if state.threads.group_of(key).is_none_or(|group| group.alive == 0) {
            super::terminal::release_terminal(state, key);
        }
    }
}

pub(super) fn rlimit(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    const NOFILE: u64 = FlagTable::RLIMIT_RESOURCES.value("RLIMIT_NOFILE") as u64;
    let (resource, limit, pid) = match raw.ty {
        EventType::SYSCALL_GETRLIMIT_X => {
            use param::SYSCALL_GETRLIMIT_X as p;
            (raw.uint(p::resource), raw.int(p::cur), 0)
        }
        EventType::SYSCALL_SETRLIMIT_X => {
            use param::SYSCALL_SETRLIMIT_X as p;
            (raw.uint(p::resource), raw.int(p::cur), 0)
        }
        _ => {
            use param::SYSCALL_PRLIMIT_X as p;
            (raw.uint(p::resource), raw.int(p::newcur), raw.int(p::pid).unwrap_or(0))
        }
    };
    if resource != Some(NOFILE) || raw.int(0) != Some(0) {
        return;
    }
    let key = if pid == 0 { now.thread } else { state.threads.key(pid) };
    let main = key.and_then(|key| state.threads.main_key(key)).and_then(|main| state.threads.at_mut(main));
    if let (Some(limit), Some(main)) = (limit.filter(|l| *l >= 0), main) {
        main.fdlimit = limit;
    }
}
