//! Sessions and process groups.

use eyas_events::{EventType, param};
use eyas_scap::RawEvent;

use crate::state::Current;
use crate::state::{Session, State, Thread, ThreadKey};

/// Maximum number of relatives that a search by an id of a pid namespace visits.
const MAX_RELATIVES: usize = 4096;

pub(super) fn apply(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    let (Some(key), Some(res)) = (now.thread, raw.int(0).filter(|res| *res >= 0)) else { return };
    match raw.ty {
        EventType::SYSCALL_SETSID_X => setsid(state, key, res),
        _ => setpgid(state, raw, key),
    }
}

/// Handles a new session, which has a new group and no terminal.
fn setsid(state: &mut State, key: ThreadKey, sid: i64) {
    let Some(thread) = state.threads.at(key) else { return };
    state.threads.set_session(key, Session { sid, vpgid: sid, pgid: thread.pid, tty: 0 });
}

/// Handles `setpgid`: moves the process, or a child of it, to a group of its session.
fn setpgid(state: &mut State, raw: &RawEvent<'_>, key: ThreadKey) {
    use param::SYSCALL_SETPGID_X as p;
    let (pid, pgid) = (raw.int(p::pid).unwrap_or(0), raw.int(p::pgid).unwrap_or(0));
    let Some(caller) = state.threads.at(key) else { return };
    let target = if pid == 0 { Some(key) } else { process(state, caller, key, pid) };
    let Some(target) = target else { return };
    let Some(moved) = state.threads.at(target) else { return };
    let mut session = state.threads.session(moved);
    let (vpgid, on_host) = match pgid {
        0 => (moved.vpid, moved.pid),
        number if number == number_of(caller, moved) => (moved.vpid, moved.pid),
        number => group(state, caller, key, number),
    };
    (session.vpgid, session.pgid) = (vpgid, on_host);
    state.threads.set_session(target, session);
}

/// The id of a process in the caller's pid namespace.
fn number_of(caller: &Thread, process: &Thread) -> i64 {
    if caller.in_pid_namespace() { process.vpid } else { process.pid }
}

/// The process with this id in the caller's pid namespace: the caller or a child.
fn process(state: &State, caller: &Thread, key: ThreadKey, number: i64) -> Option<ThreadKey> {
    if !caller.in_pid_namespace() {
        return state.threads.key(number);
    }
    let is_it = |key: &ThreadKey| state.threads.at(*key).is_some_and(|thread| thread.vpid == number);
    if caller.vpid == number {
        return Some(key);
    }
    children(state, caller).find(is_it)
}

/// Children of all threads of the process.
fn children<'a>(state: &'a State, caller: &'a Thread) -> impl Iterator<Item = ThreadKey> + 'a {
    let threads = &state.threads;
    threads.members(caller).flat_map(|member| threads.children(member)).take(MAX_RELATIVES)
}

/// The group with this id in the caller's pid namespace: its ids there and on the host; -1 if unknown.
fn group(state: &State, caller: &Thread, key: ThreadKey, number: i64) -> (i64, i64) {
    let threads = &state.threads;
    let namespaced = caller.in_pid_namespace();
    if !namespaced && let Some(leader) = threads.get(number) {
        return (leader.vpid, leader.pid);
    }
    let siblings = threads.parent_of(caller).into_iter().flat_map(|parent| children(state, parent));
    let relatives = std::iter::once(key).chain(children(state, caller)).chain(siblings);
    let known = relatives.filter_map(|key| threads.at(key)).filter(|t| t.in_pid_namespace() == namespaced);
    for relative in known {
        let session = threads.session(relative);
        let (ids, group) = ((relative.vpid, relative.pid), (session.vpgid, session.pgid));
        let (id, group_id) = if namespaced { (ids.0, group.0) } else { (ids.1, group.1) };
        if id == number {
            return ids;
        }
        if group_id == number {
            return group;
        }
    }
    (number, if namespaced { -1 } else { number })
}
