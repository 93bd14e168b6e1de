//! What each event changes, one file per family.

use eyas_events::EventType;
use eyas_scap::{FdEntry, OwnedEvent, RawEvent, ThreadEntry};

use super::{State, Text, Thread, ThreadKey};
pub(crate) use handling::is_kept;
use handling::{Family, HANDLING, Who};

mod birth;
pub(super) mod file;
mod handling;
mod identity;
mod measure;
mod meta;
mod mount;
pub(super) mod network;
mod prctl;
pub(super) mod process;
mod session;
mod terminal;

/// Asks the running system about a thread.
pub(crate) type Ask<'a> = &'a mut dyn FnMut(i64) -> Option<(ThreadEntry, Vec<FdEntry>)>;

/// Whom to ask about a thread that no event has reported; nobody in a replay.
pub(crate) type Lookup<'a> = Option<Ask<'a>>;

/// What the event is about.
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
    /// What remains to be done after the rules saw it.
    pub(crate) rest: Rest,
}

/// What an event changes only after the rules saw it.
#[derive(Debug, Default)]
pub(crate) enum Rest {
    #[default]
    Nothing,
    /// The thread is gone.
    Exit,
    /// The descriptor is closed.
    Close(i64),
    /// The descriptor's file has another name: the one that was asked for, and the kernel's.
    Rename(i64, Text, Option<Text>),
    /// The container that it reports, which may be gone.
    Container { id: Text, is_gone: bool },
}

/// The descriptor that the event works on, if it is of a type that does.
pub(crate) fn descriptor(raw: &RawEvent<'_>) -> Option<i64> {
    let handling = HANDLING.get(usize::from(raw.ty.0))?;
    raw.int(usize::from(handling.fd?))
}

#[inline]
pub(crate) fn apply(state: &mut State, raw: &RawEvent<'_>, mut lookup: Lookup<'_>, now: &mut Current) {
    let Some(handling) = HANDLING.get(usize::from(raw.ty.0)) else { return };
    now.thread = match handling.who {
        Who::Nobody => None,
        Who::Known => state.threads.lookup(raw.tid),
        Who::Anybody => state.threads.lookup(raw.tid).or_else(|| find(state, raw.tid, raw.ts, &mut lookup)),
    };
    now.fd = handling.fd.and_then(|index| raw.int(usize::from(index)));
    if !matches!(handling.family, Family::Nothing) {
        dispatch(handling.family, state, raw, now, &mut lookup);
    }
    if let Some(activity) = now.thread.and_then(|key| state.threads.activity_mut(key)) {
        activity.last_access_ts = raw.ts;
        activity.last_event_ts = raw.ts;
        // A call that ends ends the wait for whichever began.
        if activity.enter.is_some() && raw.ty.is_exit() {
            let enter = activity.enter.take();
            state.reuse.give_back(enter);
        }
    }
}

/// Asks /proc for a thread, else adds an entry about which only the id is known. A thread that finds no room is not asked
/// for, nor is one beyond the budget: its next event asks again.
fn find(state: &mut State, tid: i64, ts: u64, lookup: &mut Lookup<'_>) -> Option<ThreadKey> {
    if state.threads.is_full() {
        state.stats.threads_rejected += 1;
        return None;
    }
    if let Some(lookup) = lookup {
        if !state.lookups.take(ts) {
            state.stats.proc_lookups_deferred += 1;
            return None;
        }
        state.stats.proc_lookups += 1;
        if let Some((entry, fds)) = lookup(tid) {
            state.know_leader(&entry, lookup);
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

fn dispatch(
    family: Family,
    state: &mut State,
    raw: &RawEvent<'_>,
    now: &mut Current,
    lookup: &mut Lookup<'_>,
) {
    match family {
        Family::Nothing => {}
        Family::Clone => {
            // Who made a thread is told by who was active last.
            if let Some(activity) = now.thread.and_then(|key| state.threads.activity_mut(key)) {
                activity.last_access_ts = raw.ts;
            }
            birth::clone(state, raw, now, lookup);
        }
        Family::Exec => process::execve(state, raw, now),
        Family::Exit => process::exit(state, raw, now),
        Family::Prctl => prctl::apply(state, raw, now),
        Family::Rename => prctl::renamed(state, raw, now),
        Family::Directory => process::directory(state, raw, now),
        Family::Move => file::moved(state, raw, now),
        Family::Session => session::apply(state, raw, now),
        Family::Limit => process::rlimit(state, raw, now),
        Family::Memory => measure::memory(state, raw, now),
        Family::Identity => identity::apply(state, raw, now),
        Family::Switch => measure::switched(state, raw, now),
        Family::CpuTime => measure::cpu_time(state, raw, now),
        Family::Kept => remember_enter(state, raw, now),
        Family::Open => {
            file::open(state, raw, now);
            terminal::opened(state, raw, now);
        }
        Family::Close => file::close(state, raw, now),
        Family::Duplicate => file::duplicate(state, raw, now),
        Family::Control => {
            file::control(state, raw, now);
            terminal::control(state, raw, now);
        }
        Family::Link => file::linked(state, raw, now),
        Family::Mount => mount::apply(state, raw, now),
        Family::Special => file::special(state, raw, now),
        Family::Network => network::apply(state, raw, now, lookup),
        Family::Meta => meta::apply(state, raw, now),
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
    let rest = std::mem::take(&mut now.rest);
    if let Rest::Container { id, is_gone } = &rest
        && *is_gone
    {
        state.remove_container(id);
    }
    let Some(key) = now.thread else { return };
    match rest {
        Rest::Nothing | Rest::Container { .. } => {}
        Rest::Rename(num, name, opened) => file::rename(state, key, num, name, opened, ts),
        Rest::Close(num) => file::remove(state, key, num),
        Rest::Exit => {
            let Some(thread) = state.threads.at(key) else { return };
            let (tid, ptid) = (thread.tid, thread.ptid);
            state.threads.remember_exit(tid, ptid, ts);
            state.stats.threads_removed += state.threads.remove(key);
        }
    }
}
