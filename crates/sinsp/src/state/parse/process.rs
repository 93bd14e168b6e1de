//! Programs, directories, limits and death of processes.

use eyas_events::{EventType, FlagTable, param};
use eyas_scap::RawEvent;

use super::measure::set_memory;
use super::{Current, Rest, take_enter};
use crate::path::{self, Base};
use crate::state::container::id_of_cgroups;
use crate::state::thread::split_nul;
use crate::state::{State, Text, Thread, ThreadFlags, ThreadKey};

/// Both rows have the same parameters in the same places.
use param::SYSCALL_EXECVE_19_X as x;

/// A list as the kernel sends it, each entry ended by NUL.
pub(in crate::state) fn list(bytes: &[u8]) -> Text {
    bytes.into()
}

/// The path without what the kernel appends to the name of a deleted file.
pub(in crate::state) fn exepath(path: &[u8]) -> &[u8] {
    path.strip_suffix(b" (deleted)").unwrap_or(path)
}

/// Sets the control groups under the names that the fields use, and the container that they tell.
///
/// A malformed element discards the update.
pub(in crate::state) fn set_cgroups(thread: &mut Thread, bytes: &[u8]) {
    let mut out = Vec::with_capacity(bytes.len());
    for group in split_nul(bytes) {
        let Some(at) = group.iter().position(|b| *b == b'=') else { return };
        let (name, path) = group.split_at(at);
        let name = name.strip_suffix(b"_cgroup").unwrap_or(name);
        out.extend_from_slice(match name {
            b"perf" => b"perf_event",
            b"mem" => b"memory",
            b"io" => b"blkio",
            name => name,
        });
        out.extend_from_slice(path);
        out.push(0);
    }
    if *thread.cgroups == *out {
        return;
    }
    let id = id_of_cgroups(&out);
    if thread.container.as_deref() != id {
        thread.container = id.map(Text::from);
    }
    thread.cgroups = out.into();
}

/// As [`set_cgroups`]; an event that does not tell them leaves them as they are.
pub(super) fn tell_cgroups(thread: &mut Thread, bytes: Option<&[u8]>) {
    if let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) {
        set_cgroups(thread, bytes);
    }
}

pub(super) fn text(raw: &RawEvent<'_>, index: usize) -> Text {
    raw.text(index).unwrap_or_default().into()
}

/// The command name: the executable's if there is none of its own.
pub(super) fn comm(name: Option<&[u8]>, exe: &Text) -> Text {
    name.filter(|name| *name != &**exe).map_or_else(|| exe.clone(), Text::from)
}

pub(super) fn execve(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    let enter = take_enter(state, raw, now);
    if raw.int(x::res).is_none_or(|res| res < 0) {
        return;
    }
    let Some(key) = now.thread else { return };
    state.threads.revive(key);
    let boot = state.machine.boot_ts;
    let old_path = enter.as_ref().and_then(|enter| exec_path(state, key, &enter.as_raw()));
    state.reuse.give_back(enter);
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
    tell_cgroups(thread, raw.param(x::cgroups));
    if let Some(path) = raw.text(x::trusted_exepath).map(|path| exepath(path).into()).or(old_path) {
        thread.exepath = path;
    }
    if let Some(loginuid) = raw.uint(x::loginuid) {
        thread.loginuid = loginuid as u32;
    }
    if let Some(flags) = raw.uint(x::flags) {
        let has = |name: u32| flags as u32 & name != 0;
        thread.exe_writable = has(const { FlagTable::EXECVE_FLAGS.value("EXE_WRITABLE") });
        thread.exe_upper_layer = has(const { FlagTable::EXECVE_FLAGS.value("EXE_UPPER_LAYER") });
        thread.exe_from_memfd = has(const { FlagTable::EXECVE_FLAGS.value("EXE_FROM_MEMFD") });
        thread.exe_lower_layer = has(const { FlagTable::EXECVE_FLAGS.value("EXE_LOWER_LAYER") });
    }
    for (slot, index) in thread.caps.iter_mut().zip([x::cap_inheritable, x::cap_permitted, x::cap_effective])
    {
        *slot = raw.uint(index).unwrap_or(*slot);
    }
    if let Some(ino) = raw.uint(x::exe_ino) {
        thread.exe_ino = ino;
    }
    if let Some(ctime) = raw.uint(x::exe_ino_ctime) {
        thread.exe_ctime = ctime;
        thread.exe_ctime_to_clone =
            if thread.clone_ts == 0 { 0 } else { (thread.clone_ts as i64).wrapping_sub(ctime as i64) };
        let start = if thread.pidns_start == 0 { boot } else { thread.pidns_start };
        thread.pidns_start_to_exe_ctime = if ctime > start { (ctime - start) as i64 } else { 0 };
    }
    thread.exe_mtime = raw.uint(x::exe_ino_mtime).unwrap_or(thread.exe_mtime);
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
    set_directories(state, key, raw);
    state.threads.unshare_files(key);
    if let Some(files) = state.threads.fds_mut(key) {
        files.exec();
    }
    for sibling in state.threads.siblings(key) {
        state.stats.threads_removed += state.threads.remove(sibling);
    }
}

/// Process group and terminal of a process that executes a program.
fn set_session(state: &mut State, key: ThreadKey, raw: &RawEvent<'_>) {
    let Some(thread) = state.threads.at(key) else { return };
    let mut session = state.threads.session(thread);
    session.tty = raw.uint(x::tty).map_or(session.tty, |tty| tty as u32);
    session.vpgid = raw.int(x::vpgid).unwrap_or(session.vpgid);
    session.pgid = raw.int(x::pgid).unwrap_or(-1);
    state.threads.set_session(key, session);
}

/// What stands for a text that the kernel could not read.
const UNREAD: &[u8] = b"<NA>";

/// The executable's path from an enter event, for captures that do not carry it.
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
            // The file is the descriptor's own.
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
        now.rest = Rest::Exit;
        if state.threads.group_of(key).is_none_or(|group| group.alive == 0) {
            super::terminal::give_up(state, key);
        }
    }
}

/// Sets the directories that the kernel says the thread has now; returns whether it does.
pub(super) fn set_directories(state: &mut State, key: ThreadKey, raw: &RawEvent<'_>) -> bool {
    let (cwd, root) = match raw.ty {
        EventType::SYSCALL_CHDIR_X => (raw.kernel_path(param::SYSCALL_CHDIR_X::path), None),
        EventType::SYSCALL_CHROOT_X => (None, raw.kernel_path(param::SYSCALL_CHROOT_X::path)),
        _ => (raw.kernel_cwd(), raw.kernel_root()),
    };
    if let Some(root) = root {
        state.threads.set_root(key, root);
    }
    if let Some(cwd) = cwd {
        let mut out = std::mem::take(&mut state.scratch);
        out.clear();
        out.extend_from_slice(cwd);
        if out.last() != Some(&b'/') {
            out.push(b'/');
        }
        state.threads.set_cwd(key, &out);
        state.scratch = out;
    }
    cwd.is_some() || root.is_some()
}

pub(super) fn directory(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    if raw.int(0).is_none_or(|res| res < 0) {
        return;
    }
    let Some(key) = now.thread else { return };
    if set_directories(state, key, raw) {
        return;
    }
    let Some(thread) = state.threads.at(key) else { return };
    let path: Text = match raw.ty {
        EventType::SYSCALL_CHDIR_X => text(raw, param::SYSCALL_CHDIR_X::path),
        EventType::SYSCALL_GETCWD_X => text(raw, param::SYSCALL_GETCWD_X::path),
        EventType::SYSCALL_CHROOT_X => text(raw, param::SYSCALL_CHROOT_X::path),
        _ => {
            let fd = raw.int(param::SYSCALL_FCHDIR_X::fd).and_then(|n| state.threads.fds(thread)?.get(n));
            match fd {
                Some(fd) => fd.name.clone(),
                None => return,
            }
        }
    };
    let mut out = std::mem::take(&mut state.scratch);
    path::resolve(Base::Path(state.threads.cwd(thread)), &path, &mut out);
    if raw.ty == EventType::SYSCALL_CHROOT_X {
        state.threads.set_root(key, &out);
    } else {
        if out.last() != Some(&b'/') {
            out.push(b'/');
        }
        state.threads.set_cwd(key, &out);
    }
    state.scratch = out;
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
