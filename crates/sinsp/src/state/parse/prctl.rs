//! `prctl`, and other ways to name a thread.

use eyas_events::{FlagTable, param};
use eyas_scap::RawEvent;

use super::identity::KEEP_CAPS;
use crate::state::Current;
use crate::state::{State, ThreadKey};

/// Maximum length of a thread's name, bytes.
const MAX_NAME: usize = 15;

pub(super) fn apply(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    use param::SYSCALL_PRCTL_X as p;
    const fn option(name: &str) -> u64 {
        FlagTable::PRCTL_OPTIONS.value(name) as u64
    }
    const SET_SUBREAPER: u64 = option("PR_SET_CHILD_SUBREAPER");
    const GET_SUBREAPER: u64 = option("PR_GET_CHILD_SUBREAPER");
    const SET_NAME: u64 = option("PR_SET_NAME");
    const GET_NAME: u64 = option("PR_GET_NAME");
    const SET_KEEPCAPS: u64 = option("PR_SET_KEEPCAPS");
    const SET_SECUREBITS: u64 = option("PR_SET_SECUREBITS");
    let Some(key) = now.thread.filter(|_| raw.int(p::res).is_some_and(|res| res >= 0)) else { return };
    let number = raw.int(p::arg2_int).unwrap_or(0);
    match raw.uint(p::option) {
        Some(SET_SUBREAPER | GET_SUBREAPER) => {
            if let Some(group) = state.threads.group_of(key) {
                group.reaper = number != 0;
            }
        }
        Some(SET_NAME | GET_NAME) => {
            if let Some(name) = raw.param(p::arg2_str).filter(|name| !name.is_empty()) {
                rename(state, key, name);
            }
        }
        Some(SET_KEEPCAPS) => {
            set_securebits(state, key, |bits| if number == 0 { bits & !KEEP_CAPS } else { bits | KEEP_CAPS });
        }
        Some(SET_SECUREBITS) => set_securebits(state, key, |_| number as u8),
        _ => {}
    }
}

/// Handles a name that a thread of the process wrote to `/proc` for itself or another thread.
pub(super) fn renamed(state: &mut State, raw: &RawEvent<'_>, now: &Current) {
    if let (Some(key), Some(name)) = (now.thread, raw.text(param::TASK_RENAME_X::comm)) {
        rename(state, key, name);
    }
}

fn set_securebits(state: &mut State, key: ThreadKey, new: impl Fn(u8) -> u8) {
    let Some(bits) = state.threads.at(key).map(|thread| new(thread.securebits)) else { return };
    state.threads.set_securebits(key, bits);
}

/// Sets the name of a thread, which ends at a NUL and at the kernel's maximum length.
pub(super) fn rename(state: &mut State, key: ThreadKey, name: &[u8]) {
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    let name = &name[..name.len().min(MAX_NAME)];
    if state.threads.at(key).is_none_or(|thread| *thread.comm == *name) {
        return;
    }
    if let Some(thread) = state.threads.at_mut(key) {
        thread.comm = name.into();
        let args = thread.args.clone();
        thread.set_args(args);
    }
}
