//! New processes and threads.

use eyas_events::{EventType, param};
use eyas_scap::RawEvent;

use super::described;
use super::identity::CAPS_IN_NEW_NAMESPACE;
use super::measure::set_memory;
use super::values::{comm, complete_cgroups, has_other_cgroups, list, text, update_cgroups};
use crate::state::Current;
use crate::state::proc_query::{ProcQuery, find_thread};
use crate::state::{Layouts, State, Thread, ThreadFlags, ThreadKey};

/// Maximum age of an added child, or of a seen exit, to belong to this clone, ns.
const SAME_CLONE: u64 = 2_000_000_000;

/// The four rows have the same parameters in the same order.
use param::SYSCALL_CLONE_20_X as c;

pub(super) fn clone(
    state: &mut State,
    raw: &RawEvent<'_>,
    now: &mut Current,
    query: &mut Option<ProcQuery<'_>>,
) {
    match raw.int(c::res) {
        Some(0) => child(state, raw, now, query),
        Some(tid) if tid > 0 => {
            caller(state, raw, now, query, tid);
            described::made(state, raw, now);
        }
        _ => {}
    }
}

/// Sets the facts of an event, of the child or of its creator, about the new process.
fn describe(thread: &mut Thread, raw: &RawEvent<'_>, layouts: &Layouts) {
    thread.exe = text(raw, c::exe);
    thread.comm = comm(raw.text(c::comm), &thread.exe);
    thread.set_args(list(raw.param(c::args).unwrap_or_default()));
    thread.fdlimit = raw.int(c::fdlimit).unwrap_or(-1);
    set_memory(&mut thread.activity, raw, [c::pgft_maj, c::pgft_min, c::vm_size, c::vm_rss, c::vm_swap]);
    thread.uid = raw.uint(c::uid).map_or(u32::MAX, |v| v as u32);
    thread.gid = raw.uint(c::gid).map_or(u32::MAX, |v| v as u32);
    update_cgroups(thread, raw.param(c::cgroups), layouts);
    thread.clone_ts = raw.ts;
}

/// Copies what a new thread inherits from its creator.
fn copy_inherited(child: &mut Thread, donor: &Thread) {
    child.executable = donor.executable.clone();
    child.loginuid = donor.loginuid;
    (child.real_uid, child.saved_uid, child.securebits) = (donor.real_uid, donor.saved_uid, donor.securebits);
    child.caps = donor.caps;
    if child.flags.contains(ThreadFlags::NEWUSER) {
        (child.caps, child.securebits) = (CAPS_IN_NEW_NAMESPACE, 0);
    }
    if child.flags.contains(ThreadFlags::THREAD) {
        child.exec_ts = donor.exec_ts;
    }
}

/// Completes a new thread with inherited data from its creator. If the creator is in doubt, the thread is,
/// too.
fn complete_child(state: &mut State, child: &mut Thread, donor: ThreadKey) {
    let Some(maker) = state.threads.at(donor) else { return };
    copy_inherited(child, maker);
    if maker.container.is_some() {
        complete_cgroups(child, &maker.cgroups, &state.layouts);
    }
    (child.sure_after, child.inherits_doubt) = (maker.sure_after, state.threads.is_doubted(maker));
    if !child.flags.contains(ThreadFlags::THREAD) {
        let mut session = state.threads.session(maker);
        if enters_pid_namespace(child, maker) {
            // The creator's process group has no id in the new namespace.
            session.vpgid = 0;
        }
        child.session = Some(Box::new(session));
        child.env = state.threads.main_of(maker).unwrap_or(maker).env.clone();
    }
    state.threads.inherit_files(child, donor, child.flags.contains(ThreadFlags::FILES));
    state.threads.inherit_directories(child, donor, child.flags.contains(ThreadFlags::FS));
}

/// Whether a new process is in another pid namespace than its creator.
fn enters_pid_namespace(child: &Thread, maker: &Thread) -> bool {
    child.vpid == 1 || child.in_pid_namespace() && !maker.in_pid_namespace()
}

fn flags_of(raw: &RawEvent<'_>) -> ThreadFlags {
    ThreadFlags::from_bits_retain(raw.uint(c::flags).unwrap_or(0) as u32)
}

/// Handles the event of a thread's creator.
fn caller(
    state: &mut State,
    raw: &RawEvent<'_>,
    now: &mut Current,
    query: &mut Option<ProcQuery<'_>>,
    child_tid: i64,
) {
    now.thread = now.thread.or_else(|| find_thread(state, raw.tid, raw.ts, query));
    let Some(key) = now.thread else { return };
    let vtid = raw.int(c::vtid).unwrap_or(raw.tid);
    let was_valid = repair(state, key, raw, vtid);
    let flags = flags_of(raw);
    let Some(caller) = state.threads.at(key) else { return };
    let namespaced = caller.vtid != caller.tid;
    if namespaced || flags.intersects(ThreadFlags::CHILD_IN_PIDNS | ThreadFlags::NEWPID) {
        // The result is the child's id in another namespace.
        if let Some(child) = was_valid.then(|| made_by_namespaced(state, key, child_tid, raw.ts)).flatten() {
            attribute(state, key, child, flags);
        }
        return;
    }
    if let Some(there) = state.threads.key(child_tid)
        && state.threads.at(there).is_some_and(|t| t.flags.contains(ThreadFlags::INVERTED))
    {
        if was_valid && state.threads.at(there).is_some_and(|t| is_same_clone(t, raw.ts)) {
            attribute(state, key, there, flags);
        }
        return;
    }
    if flags.contains(ThreadFlags::VFORK)
        || raw.ty == EventType::SYSCALL_VFORK_20_X
        || state.threads.exited_recently(child_tid, raw.tid, raw.ts, SAME_CLONE)
    {
        return;
    }
    if let Some(there) = state.threads.key(child_tid) {
        state.stats.threads_removed += state.threads.replace(there);
    }
    let empty = state.empty();
    let Some(caller) = state.threads.at(key) else { return };
    let mut child = Thread::unknown(child_tid, &empty);
    child.flags = flags;
    child.maker = caller.tid;
    if flags.contains(ThreadFlags::THREAD) {
        (child.pid, child.ptid) = (caller.pid, caller.ptid);
    } else {
        child.pid = child_tid;
        child.ptid = if flags.contains(ThreadFlags::PARENT) { caller.ptid } else { caller.tid };
    }
    (child.vtid, child.vpid) = (child.tid, child.pid);
    child.pidns_start = state.machine.boot_ts;
    describe(&mut child, raw, &state.layouts);
    if was_valid {
        complete_child(state, &mut child, key);
    } else {
        fill_names(state, key, raw);
    }
    if let Some(key) = state.add_thread(child) {
        state.threads.link(key);
    }
}

/// Whether the thread was created, and had its event, shortly before `ts`.
fn is_same_clone(thread: &Thread, ts: u64) -> bool {
    thread.clone_ts != 0 && ts.saturating_sub(thread.clone_ts) < SAME_CLONE
}

/// The thread that `maker` created shortly before, by its id in the creator's pid namespace. This is needed
/// only for threads whose creator may differ from that in their own event.
fn made_by_namespaced(state: &State, maker: ThreadKey, number: i64, ts: u64) -> Option<ThreadKey> {
    let maker = state.threads.at(maker)?;
    let is_it = |key: &ThreadKey| {
        state.threads.at(*key).is_some_and(|t| {
            t.vtid == number
                && t.maker != maker.tid
                && t.flags.contains(ThreadFlags::INVERTED)
                && is_same_clone(t, ts)
        })
    };
    let parent = state.threads.key(maker.ptid);
    let mut threads = state.threads.members(maker);
    threads.find(is_it).or_else(|| state.threads.children(parent?).find(is_it))
}

/// Sets the creator of a thread whose own event came first, because that event may have suggested another
/// creator.
fn attribute(state: &mut State, maker: ThreadKey, child: ThreadKey, flags: ThreadFlags) {
    let (Some(donor), Some(known)) = (state.threads.at(maker), state.threads.at(child)) else { return };
    let shared = flags & (ThreadFlags::FS | ThreadFlags::FILES);
    let is_right = known.maker == donor.tid && known.flags.contains(shared);
    if is_right || (known.flags.contains(ThreadFlags::THREAD) && has_same_heritage(state, known, donor)) {
        return;
    }
    let (maker_tid, has_acted) = (donor.tid, known.activity.last_event_ts > known.clone_ts);
    if !has_acted {
        let Some(mut thread) = state.threads.detach(child) else { return };
        thread.maker = maker_tid;
        thread.flags |= shared;
        complete_child(state, &mut thread, maker);
        if let Some(key) = state.threads.add(thread) {
            state.threads.link(key);
        }
        return;
    }
    // It may have changed its own data since.
    let has_executed = known.flags.contains(ThreadFlags::NAME_CHANGED);
    if shared.contains(ThreadFlags::FILES) && !has_executed {
        state.threads.join_files(child, maker);
    }
    if shared.contains(ThreadFlags::FS) {
        state.threads.join_directories(child, maker);
    }
}

/// Whether a thread would have the same inherited data if `maker` had created it.
fn has_same_heritage(state: &State, thread: &Thread, maker: &Thread) -> bool {
    state.threads.share_files(thread, maker)
        && state.threads.share_directories(thread, maker)
        && thread.caps == maker.caps
}

/// Sets unknown ids of an entry from the event; returns whether they were known before.
fn repair(state: &mut State, key: ThreadKey, raw: &RawEvent<'_>, vtid: i64) -> bool {
    if state.threads.at(key).is_some_and(Thread::is_valid) {
        return true;
    }
    let Some(thread) = state.threads.at_mut(key) else { return false };
    thread.pid = raw.int(c::pid).unwrap_or(-1);
    thread.ptid = raw.int(c::ptid).unwrap_or(-1);
    (thread.vtid, thread.vpid) = (vtid, raw.int(c::vpid).unwrap_or(-1));
    state.threads.link(key);
    false
}

/// Sets the names of an unknown entry from the event.
fn fill_names(state: &mut State, key: ThreadKey, raw: &RawEvent<'_>) {
    if let Some(thread) = state.threads.at_mut(key) {
        thread.exe = text(raw, c::exe);
        thread.comm = comm(raw.text(c::comm), &thread.exe);
        thread.set_args(list(raw.param(c::args).unwrap_or_default()));
    }
}

/// Handles the event of the new thread itself.
fn child(state: &mut State, raw: &RawEvent<'_>, now: &mut Current, query: &mut Option<ProcQuery<'_>>) {
    if let Some(there) = now.thread {
        if state.threads.at(there).is_some_and(|t| is_same_clone(t, raw.ts)) {
            // The creator's event reports the creator's name and cgroups. The new thread may have been created in others, or moved.
            let (name, cgroups) = (raw.text(c::comm), raw.param(c::cgroups));
            let differs = |thread: &Thread| {
                has_other_cgroups(thread, cgroups) || name.is_some_and(|name| *name != *thread.comm)
            };
            if state.threads.at(there).is_some_and(differs)
                && let Some(thread) = state.threads.at_mut(there)
            {
                thread.comm = comm(name, &thread.exe);
                update_cgroups(thread, cgroups, &state.layouts);
            }
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
        child.pidns_start = child.pidns_start.saturating_add(raw.uint(c::pidns_init_start_ts).unwrap_or(0));
    }
    describe(&mut child, raw, &state.layouts);
    let donor = match likely_maker(state, &child) {
        Some(maker) => Some(maker),
        None => match if is_thread { child.pid } else { child.ptid } {
            donor if donor == child.tid => None,
            donor => state.threads.key(donor).or_else(|| find_thread(state, donor, raw.ts, query)),
        },
    };
    if let Some(donor) = donor {
        if let Some(maker) = state.threads.at(donor).filter(|donor| donor.is_valid()) {
            child.maker = maker.tid;
            complete_child(state, &mut child, donor);
        } else if is_thread {
            // A leader's thread id is its process id.
            repair(state, donor, raw, child.vpid);
            fill_names(state, donor, raw);
        }
    }
    let key = state.add_thread(child);
    if let Some(key) = key {
        state.threads.link(key);
    }
    now.thread = key;
}

/// Maximum number of children that a search visits.
const MAX_CHILDREN: usize = 4096;

/// The likely creator of a thread that was made with `CLONE_PARENT`: the child of the same parent that it
/// is a copy of.
fn likely_maker(state: &State, child: &Thread) -> Option<ThreadKey> {
    if !child.flags.contains(ThreadFlags::PARENT) || child.flags.contains(ThreadFlags::THREAD) {
        return None;
    }
    let parent = state.threads.key(child.ptid)?;
    let is_alike = |other: &&Thread| {
        !other.is_dead() && (&other.exe, &other.comm, &other.args) == (&child.exe, &child.comm, &child.args)
    };
    let siblings = state
        .threads
        .children(parent)
        .take(MAX_CHILDREN)
        .filter_map(|key| Some((key, state.threads.at(key)?)));
    siblings
        .filter(|(_, other)| is_alike(other))
        .max_by_key(|(_, other)| other.activity.last_access_ts)
        .map(|(key, _)| key)
}
