//! Changes of the state by events, one file per family.

use eyas_scap::{FdEntry, RawEvent, is_direct};

use super::proc_query::{ProcQuery, find_thread};
use super::{Current, PendingChange, State};
use enter::remember_enter;
pub(crate) use file::{has_closed, is_unnamed};
pub use handling::changes_state;
pub(crate) use handling::makes_or_ends_threads;
pub(super) use handling::{Change, change};
use handling::{Family, HANDLING, Who};
pub(crate) use handling::{FromResult, number_sources};
pub(crate) use handling::{ProcessChange, changes_process};
pub(crate) use handling::{
    changes_only_if_successful, changes_only_sockets, descriptor, is_copy, is_kept, is_transfer, makes_pipe,
};

mod birth;
mod described;
mod directory;
mod enter;
pub(super) mod file;
mod handling;
mod identity;
mod measure;
mod meta;
mod mount;
pub(super) mod network;
mod prctl;
mod process;
mod session;
mod terminal;
pub(super) mod values;

/// Applies an event to the state, and sets `now` to its subject.
#[inline]
pub(crate) fn apply(
    state: &mut State,
    raw: &RawEvent<'_>,
    mut query: Option<ProcQuery<'_>>,
    now: &mut Current,
) {
    let Some(handling) = HANDLING.get(usize::from(raw.ty.0)) else { return };
    now.thread = match handling.who {
        Who::Nobody => None,
        Who::Known => state.threads.lookup(raw.tid),
        Who::Anybody => {
            state.threads.lookup(raw.tid).or_else(|| find_thread(state, raw.tid, raw.ts, &mut query))
        }
    };
    now.fd = handling.fd.and_then(|index| raw.int(usize::from(index)));
    if let Some(entry) = raw.direct_fd() {
        describe(state, now, entry);
    }
    if raw.has_bases() {
        file::take_bases(state, raw, now);
    }
    if state.unused_files.plain && file::has_path(raw.ty) {
        file::take_path(state, raw, now);
    }
    if !matches!(handling.family, Family::Nothing) && !raw.was_skipped_by_seccomp() {
        dispatch(handling.family, state, raw, now, &mut query);
    }
    if let Some(activity) = now.thread.and_then(|key| state.threads.activity_mut(key)) {
        activity.last_access_ts = raw.ts;
        activity.last_event_ts = raw.ts;
        // An exit event ends the wait for any enter event.
        if activity.enter.is_some() && raw.ty.is_exit() {
            let enter = activity.enter.take();
            state.reuse.recycle(enter);
        }
    }
}

/// Adds the described file of a direct descriptor, because the event that put it into the ring's table may
/// be unknown.
#[cold]
fn describe(state: &mut State, now: &Current, entry: FdEntry) {
    let (Some(key), Some(num)) = (now.thread, now.fd.filter(|num| is_direct(*num))) else { return };
    let Some(thread) = state.threads.at(key) else { return };
    let (tid, ino) = (thread.tid, entry.ino);
    let known = state.threads.fds(thread).and_then(|fds| fds.get(num));
    // A known event has more facts: the role of a socket, the requested path.
    if known.is_none_or(|known| known.ino != 0 && known.ino != ino) {
        state.load_fds(tid, vec![FdEntry { fd: num, ..entry }]);
    }
}

fn dispatch(
    family: Family,
    state: &mut State,
    raw: &RawEvent<'_>,
    now: &mut Current,
    query: &mut Option<ProcQuery<'_>>,
) {
    match family {
        Family::Nothing => {}
        Family::Clone => {
            // The last active thread created the new one.
            if let Some(activity) = now.thread.and_then(|key| state.threads.activity_mut(key)) {
                activity.last_access_ts = raw.ts;
            }
            birth::clone(state, raw, now, query);
        }
        Family::Exec => process::execve(state, raw, now),
        Family::Exit => process::exit(state, raw, now),
        Family::Prctl => prctl::apply(state, raw, now),
        Family::Rename => prctl::renamed(state, raw, now),
        Family::Directory => directory::apply(state, raw, now),
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
            file::leave(state, raw, now, query.is_some());
        }
        Family::Close => file::close(state, raw, now),
        Family::Duplicate => file::duplicate(state, raw, now, query.is_some()),
        Family::Control => {
            file::control(state, raw, now);
            terminal::control(state, raw, now);
            described::complete(state, raw, now);
            described::added(state, raw, query.is_some());
        }
        Family::Link => file::linked(state, raw, now),
        Family::Mount => {
            mount::apply(state, raw, now);
            described::complete(state, raw, now);
        }
        Family::Special => described::special(state, raw, now),
        Family::Network => network::apply(state, raw, now, query),
        Family::Meta => meta::apply(state, raw, now),
    }
}

/// Makes the changes that wait until rules saw the event with time `ts`.
pub(crate) fn finish(state: &mut State, ts: u64, now: &mut Current) {
    let pending = std::mem::take(&mut now.pending);
    if let PendingChange::Container { id, is_gone } = &pending
        && *is_gone
    {
        state.remove_container(id);
    }
    let bases = std::mem::take(&mut now.bases);
    let Some(key) = now.thread else { return };
    if !bases.is_empty() {
        file::drop_bases(state, key, bases);
    }
    match pending {
        PendingChange::Nothing | PendingChange::Container { .. } => {}
        PendingChange::Rename(num, name, opened) => file::rename(state, key, num, name, opened, ts),
        PendingChange::Close(num, second) => {
            [Some(num), second].into_iter().flatten().for_each(|num| file::remove(state, key, num));
        }
        PendingChange::Restore(num, fd) => {
            if let Some(table) = state.threads.fds_mut(key) {
                table.replace_file(num, fd);
            }
        }
        PendingChange::Exit => {
            let Some(thread) = state.threads.at(key) else { return };
            let (tid, ptid) = (thread.tid, thread.ptid);
            state.threads.remember_exit(tid, ptid, ts);
            state.stats.threads_removed += state.threads.remove(key);
        }
    }
}
