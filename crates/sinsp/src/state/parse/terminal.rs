//! Controlling terminals of processes.
//!
//! A terminal is identified only by its device number, which terminals of several containers may share.

use eyas_events::param::SYSCALL_IOCTL_3_X as ioctl;
use eyas_scap::RawEvent;

use crate::state::Current;
use crate::state::{Session, State, Thread, ThreadKey};

const TIOCSCTTY: u64 = 0x540e;
const TIOCNOTTY: u64 = 0x5422;
/// Argument of `TIOCSCTTY`: another session loses the terminal.
const STEAL: u64 = 1;

/// Handles an open: a session leader without a terminal gets the opened one.
pub(super) fn opened(state: &mut State, raw: &RawEvent<'_>, now: &Current) {
    if let (Some(key), Some(terminal)) = (now.thread, raw.terminal()) {
        set(state, key, terminal);
    }
}

/// After an ioctl.
pub(super) fn control(state: &mut State, raw: &RawEvent<'_>, now: &Current) {
    let (Some(key), Some(0)) = (now.thread, raw.int(ioctl::res)) else { return };
    match raw.uint(ioctl::request) {
        Some(TIOCSCTTY) => {
            let Some(terminal) = raw.terminal() else { return };
            if raw.uint(ioctl::argument) == Some(STEAL) {
                let is_other = |other: &Session, own: &Session| other.sid != own.sid;
                remove_terminal(state, key, terminal, is_other);
            }
            set(state, key, terminal);
        }
        Some(TIOCNOTTY) => {
            release_terminal(state, key);
            set(state, key, 0);
        }
        _ => {}
    }
}

/// Handles the end of a leader: the other processes of its session lose the terminal.
pub(super) fn release_terminal(state: &mut State, leader: ThreadKey) {
    let Some(thread) = state.threads.at(leader) else { return };
    let session = state.threads.session(thread);
    let leads = session.is_led_by(thread.pid, thread.vpid) || session.is_led_by(thread.pid, thread.pid);
    if session.tty != 0 && leads {
        remove_terminal(state, leader, session.tty, |other, own| other.sid == own.sid);
    }
}

/// Removes the terminal of processes in the same container, selected by their sessions and that of one
/// process.
fn remove_terminal(
    state: &mut State,
    from: ThreadKey,
    terminal: u32,
    is_meant: impl Fn(&Session, &Session) -> bool,
) {
    let threads = &state.threads;
    let Some(process) = threads.at(from) else { return };
    let own = threads.session(process);
    let loses = |thread: &&Thread| {
        let session = threads.session(thread);
        session.tty == terminal
            && thread.pid != process.pid
            && thread.container == process.container
            && is_meant(&session, &own)
    };
    let losers: Vec<i64> = threads.iter().filter(loses).map(|thread| thread.tid).collect();
    for key in losers.into_iter().filter_map(|tid| state.threads.key(tid)).collect::<Vec<_>>() {
        set(state, key, 0);
    }
}

fn set(state: &mut State, key: ThreadKey, terminal: u32) {
    if let Some(thread) = state.threads.at(key) {
        let session = Session { tty: terminal, ..state.threads.session(thread) };
        state.threads.set_session(key, session);
    }
}
