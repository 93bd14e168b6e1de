//! Enter events, kept for the exit events of their threads.

use eyas_events::EventType;
use eyas_scap::{OwnedEvent, RawEvent};

use crate::state::{Current, State};

/// Keeps an enter event for the exit event of its thread: it shows the user memory before the call.
pub(super) fn remember_enter(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    state.has_beginnings = true;
    if let Some(activity) = now.thread.and_then(|key| state.threads.activity_mut(key)) {
        match &mut activity.enter {
            Some(enter) => enter.assign(*raw),
            none => *none = Some(state.reuse.keep(raw)),
        }
    }
}

/// Takes the enter event of this exit event; it is used once, and then returned to `Reuse`.
pub(super) fn take_enter(state: &mut State, raw: &RawEvent<'_>, now: &Current) -> Option<Box<OwnedEvent>> {
    let activity = state.threads.activity_mut(now.thread?)?;
    activity.enter.take().filter(|enter| {
        let ty = enter.as_raw().ty;
        ty.0 + 1 == raw.ty.0
            || (ty == EventType::SYSCALL_EXECVEAT_E && raw.ty == EventType::SYSCALL_EXECVE_19_X)
    })
}
