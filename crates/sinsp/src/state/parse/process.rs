//! Birth, programs, directories and death of processes.

use eyas_events::{EventType, FlagTable, param};
use eyas_scap::RawEvent;

use super::measure::set_memory;
use super::{Current, Lookup, find, take_enter};
use crate::path::{self, Base};
use crate::state::container::id_of_cgroups;
use crate::state::thread::split_nul;
use crate::state::{State, Text, Thread, ThreadFlags, ThreadKey};

/// A child that was already added, or an exit that was already seen, belongs to this clone if it is no
/// older than this, ns.
const SAME_CLONE: u64 = 2_000_000_000;

/// The four rows have the same parameters in the same places.
use param::SYSCALL_CLONE_20_X as c;
use param::SYSCALL_EXECVE_19_X as x;

pub(super) fn clone(state: &mut State, raw: &RawEvent<'_>, now: &mut Current, lookup: &mut Lookup<'_>) {
    match raw.int(c::res) {
        Some(0) => child(state, raw, now, lookup),
        Some(tid) if tid > 0 => caller(state, raw, now, lookup, tid),
        _ => {}
    }
}

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
fn tell_cgroups(thread: &mut Thread, bytes: Option<&[u8]>) {
    if let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) {
        set_cgroups(thread, bytes);
    }
}

fn text(raw: &RawEvent<'_>, index: usize) -> Text {
    raw.text(index).unwrap_or_default().into()
}

/// The command name: the executable's if there is none of its own.
fn comm(name: Option<&[u8]>, exe: &Text) -> Text {
    name.filter(|name| *name != &**exe).map_or_else(|| exe.clone(), Text::from)
}

/// What the event says about the new process, whoever sent it.
fn describe(thread: &mut Thread, raw: &RawEvent<'_>) {
    thread.exe = text(raw, c::exe);
    thread.comm = comm(raw.text(c::comm), &thread.exe);
    thread.set_args(list(raw.param(c::args).unwrap_or_default()));
    thread.fdlimit = raw.int(c::fdlimit).unwrap_or(-1);
    set_memory(&mut thread.activity, raw, [c::pgft_maj, c::pgft_min, c::vm_size, c::vm_rss, c::vm_swap]);
    thread.uid = raw.uint(c::uid).map_or(u32::MAX, |v| v as u32);
    thread.gid = raw.uint(c::gid).map_or(u32::MAX, |v| v as u32);
    tell_cgroups(thread, raw.param(c::cgroups));
    thread.clone_ts = raw.ts;
}

/// What a new thread has from the one it was made by; what is doubtful there is doubtful here.
fn inherit(child: &mut Thread, donor: &Thread) {
    child.sure_after = donor.sure_after;
    child.exepath = donor.exepath.clone();
    child.exe_writable = donor.exe_writable;
    child.exe_upper_layer = donor.exe_upper_layer;
    child.exe_lower_layer = donor.exe_lower_layer;
    child.exe_from_memfd = donor.exe_from_memfd;
    child.root = donor.root.clone();
    (child.sid, child.vpgid, child.pgid) = (donor.sid, donor.vpgid, donor.pgid);
    (child.tty, child.loginuid, child.caps) = (donor.tty, donor.loginuid, donor.caps);
    (child.exe_ino, child.exe_ctime, child.exe_mtime) = (donor.exe_ino, donor.exe_ctime, donor.exe_mtime);
    child.exe_ctime_to_clone = donor.exe_ctime_to_clone;
    child.pidns_start_to_exe_ctime = donor.pidns_start_to_exe_ctime;
    if child.flags.contains(ThreadFlags::THREAD) {
        child.exec_ts = donor.exec_ts;
    }
}

/// Files, directory and environment of a new process: copies of its maker's.
fn inherit_process(state: &State, child: &mut Thread, donor: &Thread) {
    if let Some(fds) = state.threads.fds(donor) {
        child.fds = fds.clone();
    }
    let main = state.threads.main_of(donor).unwrap_or(donor);
    child.cwd = main.cwd.clone();
    child.env = main.env.clone();
}

fn flags_of(raw: &RawEvent<'_>) -> ThreadFlags {
    let flags = ThreadFlags::from_bits_retain(raw.uint(c::flags).unwrap_or(0) as u32);
    if flags.contains(ThreadFlags::THREAD) { flags | ThreadFlags::FILES } else { flags }
}

/// The event of the one who made a thread.
fn caller(state: &mut State, raw: &RawEvent<'_>, now: &mut Current, lookup: &mut Lookup<'_>, child_tid: i64) {
    now.thread = now.thread.or_else(|| find(state, raw.tid, lookup));
    let Some(key) = now.thread else { return };
    let vtid = raw.int(c::vtid).unwrap_or(raw.tid);
    let was_valid = repair(state, key, raw, vtid);
    let flags = flags_of(raw);
    let Some(caller) = state.threads.at(key) else { return };
    let namespaced = caller.vtid != caller.tid;
    let someone_elses = flags.intersects(
        ThreadFlags::CHILD_IN_PIDNS | ThreadFlags::NEWPID | ThreadFlags::PARENT | ThreadFlags::VFORK,
    );
    if someone_elses
        || namespaced
        || raw.ty == EventType::SYSCALL_VFORK_20_X
        || state.threads.exited_recently(child_tid, raw.tid, raw.ts, SAME_CLONE)
    {
        return;
    }
    if let Some(there) = state.threads.key(child_tid) {
        if state.threads.at(there).is_some_and(|t| t.flags.contains(ThreadFlags::INVERTED)) {
            return;
        }
        state.stats.threads_removed += state.threads.replace(there);
    }
    let empty = state.empty();
    let Some(caller) = state.threads.at(key) else { return };
    let mut child = Thread::unknown(child_tid, &empty);
    child.flags = flags;
    if flags.contains(ThreadFlags::THREAD) {
        (child.pid, child.ptid) = (caller.pid, caller.ptid);
    } else {
        (child.pid, child.ptid) = (child_tid, caller.tid);
    }
    (child.vtid, child.vpid) = (child.tid, child.pid);
    child.pidns_start = state.machine.boot_ts;
    describe(&mut child, raw);
    if was_valid {
        inherit(&mut child, caller);
        if !flags.contains(ThreadFlags::THREAD) {
            inherit_process(state, &mut child, caller);
        }
    } else {
        dress(state, key, raw);
    }
    if let Some(key) = state.add_thread(child) {
        state.threads.link(key);
    }
}

/// Gives an entry with unknown ids those of the event; answers whether they were known before.
fn repair(state: &mut State, key: ThreadKey, raw: &RawEvent<'_>, vtid: i64) -> bool {
    let Some(thread) = state.threads.at_mut(key) else { return false };
    if thread.is_valid() {
        return true;
    }
    thread.pid = raw.int(c::pid).unwrap_or(-1);
    thread.ptid = raw.int(c::ptid).unwrap_or(-1);
    (thread.vtid, thread.vpid) = (vtid, raw.int(c::vpid).unwrap_or(-1));
    state.threads.link(key);
    false
}

/// Gives an entry about which nothing was known the names of the event.
fn dress(state: &mut State, key: ThreadKey, raw: &RawEvent<'_>) {
    if let Some(thread) = state.threads.at_mut(key) {
        thread.exe = text(raw, c::exe);
        thread.comm = comm(raw.text(c::comm), &thread.exe);
        thread.set_args(list(raw.param(c::args).unwrap_or_default()));
    }
}

/// The event of the new thread itself.
fn child(state: &mut State, raw: &RawEvent<'_>, now: &mut Current, lookup: &mut Lookup<'_>) {
    if let Some(there) = now.thread {
        let fresh = state
            .threads
            .at(there)
            .is_some_and(|t| t.clone_ts != 0 && raw.ts.saturating_sub(t.clone_ts) < SAME_CLONE);
        if fresh {
            return;
        }
        state.stats.threads_removed += state.threads.replace(there);
        now.thread = None;
    }
    let empty = state.empty();
    let mut child = Thread::unknown(raw.tid, &empty);
    child.flags = flags_of(raw) | ThreadFlags::INVERTED;
    child.pid = raw.int(c::pid).unwrap_or(-1);
    child.ptid = raw.int(c::ptid).unwrap_or(-1);
    child.vtid = raw.int(c::vtid).unwrap_or(child.tid);
    child.vpid = raw.int(c::vpid).unwrap_or(-1);
    let is_thread = child.flags.contains(ThreadFlags::THREAD);
    let boot = state.machine.boot_ts;
    child.pidns_start = boot;
    let namespaced = child.flags.intersects(ThreadFlags::CHILD_IN_PIDNS | ThreadFlags::NEWPID);
    if namespaced || child.tid != child.vtid {
        child.pidns_start += raw.uint(c::pidns_init_start_ts).unwrap_or(0);
    }
    describe(&mut child, raw);
    let donor = if is_thread { child.pid } else { child.ptid };
    let donor = state.threads.key(donor).or_else(|| find(state, donor, lookup));
    if let Some(donor) = donor {
        if state.threads.at(donor).is_some_and(Thread::is_valid) {
            if let Some(donor) = state.threads.at(donor) {
                inherit(&mut child, donor);
                if !is_thread {
                    inherit_process(state, &mut child, donor);
                }
            }
        } else if is_thread {
            // A leader's two ids are one.
            repair(state, donor, raw, child.vpid);
            dress(state, donor, raw);
        }
    }
    let key = state.add_thread(child);
    if let Some(key) = key {
        state.threads.link(key);
    }
    now.thread = key;
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
    let Some(thread) = state.threads.at_mut(key) else { return };
    let kept = thread.flags & (ThreadFlags::INVERTED | ThreadFlags::CLOSED);
    let was_valid = thread.is_valid();
    thread.exe = text(raw, x::exe);
    thread.exec_ts = raw.ts;
    thread.comm = comm(raw.text(x::comm), &thread.exe);
    thread.set_args(list(raw.param(x::args).unwrap_or_default()));
    thread.pid = raw.int(x::pid).unwrap_or(thread.pid);
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
    thread.tty = raw.uint(x::tty).map_or(thread.tty, |tty| tty as u32);
    if let Some(path) = raw.text(x::trusted_exepath).map(|path| exepath(path).into()).or(old_path) {
        thread.exepath = path;
    }
    thread.vpgid = raw.int(x::vpgid).unwrap_or(thread.vpgid);
    thread.pgid = raw.int(x::pgid).unwrap_or(-1);
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
    if let Some(uid) = raw.uint(x::uid) {
        thread.uid = uid as u32;
    }
    if let Some(gid) = raw.uint(x::gid) {
        thread.gid = gid as u32;
    }
    thread.fds.exec();
    thread.flags = kept | ThreadFlags::NAME_CHANGED;
    if !was_valid {
        state.threads.link(key);
    }
    for sibling in state.threads.siblings(key) {
        state.stats.threads_removed += state.threads.remove(sibling);
    }
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
        now.exits = true;
    }
}

pub(super) fn prctl(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    use param::SYSCALL_PRCTL_X as p;
    const SET: u64 = FlagTable::PRCTL_OPTIONS.value("PR_SET_CHILD_SUBREAPER") as u64;
    const GET: u64 = FlagTable::PRCTL_OPTIONS.value("PR_GET_CHILD_SUBREAPER") as u64;
    if !matches!(raw.uint(p::option), Some(SET | GET)) || raw.int(p::res).is_none_or(|res| res < 0) {
        return;
    }
    if let Some(group) = now.thread.and_then(|key| state.threads.group_of(key)) {
        group.reaper = raw.int(p::arg2_int).unwrap_or(0) != 0;
    }
}

pub(super) fn directory(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    if raw.int(0).is_none_or(|res| res < 0) {
        return;
    }
    let Some(key) = now.thread else { return };
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
        if let Some(thread) = state.threads.at_mut(key) {
            thread.root = out[..].into();
        }
    } else if let Some(main) = state.threads.main_key(key).and_then(|main| state.threads.at_mut(main)) {
        if out.last() != Some(&b'/') {
            out.push(b'/');
        }
        if *main.cwd != *out {
            main.cwd = out[..].into();
        }
    }
    state.scratch = out;
}

pub(super) fn setsid(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    let sid = raw.int(param::SYSCALL_SETSID_X::res).filter(|sid| *sid >= 0);
    if let (Some(sid), Some(thread)) = (sid, now.thread.and_then(|key| state.threads.at_mut(key))) {
        thread.sid = sid;
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
