//! Decisions of security hooks that wait for the event of their call or request.
//!
//! The kernel decides before the call ends, so a decision comes before the call's event, and after the
//! thread's previous event. A decision waits if it is part of a captured call of the hook, or of
//! `io_uring_enter` while requests of such calls are captured. Any other decision is a separate event.

use std::collections::{HashMap, HashSet};

use eyas_events::{EventType, Hook, SyscallCode, hook_of};

use crate::{Decision, RawEvent};

/// Maximum number of threads with waiting decisions, and of decisions of a thread. Any further decision is
/// a separate event.
const MAX_THREADS: usize = 16_384;
const MAX_WAITING: usize = 64;

/// How an event is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handling {
    /// It is a decision that waits.
    Waits,
    /// It is shown.
    Shown,
}

/// A waiting event.
struct Waiting {
    hook: &'static Hook,
    /// Whether it belongs to a request, which may complete after others.
    of_request: bool,
    verdict: i64,
    body: Vec<u8>,
}

/// Waiting decisions by thread.
pub(super) struct WaitingDecisions {
    by_thread: HashMap<i64, Vec<Waiting>>,
    /// Captured event types; `None` for all.
    captured: Option<HashSet<EventType>>,
    sees_requests: bool,
    ready: Vec<u8>,
}

impl WaitingDecisions {
    pub(super) fn new(sees_requests: bool) -> Self {
        Self { by_thread: HashMap::new(), captured: None, sees_requests, ready: Vec::new() }
    }

    /// Sets the captured calls; `None` for all.
    pub(super) fn set_interest(&mut self, interest: Option<&[SyscallCode]>) {
        self.captured = interest.map(|codes| codes.iter().map(|code| code.exit()).collect());
    }

    /// The decision for the last event: the body of an event of a hook.
    #[inline]
    pub(super) fn ready(&self) -> &[u8] {
        &self.ready
    }

    /// Takes the next event.
    pub(super) fn receive(&mut self, event: &RawEvent<'_>) -> Handling {
        self.ready.clear();
        if event.ty == EventType::LSM_X {
            return if self.keep(event).is_some() { Handling::Waits } else { Handling::Shown };
        }
        if !self.by_thread.is_empty() {
            self.join(event);
        }
        Handling::Shown
    }

    /// Keeps a decision until the event of its call comes; `None` if there will be none.
    fn keep(&mut self, event: &RawEvent<'_>) -> Option<()> {
        let decision: Decision<'_> = event.decision()?;
        let (hook, during) = (hook_of(decision.number())?, decision.during()?);
        let is_captured = |call: &SyscallCode| {
            self.captured.as_ref().is_none_or(|captured| captured.contains(&call.exit()))
        };
        let of_request = during == EventType::SYSCALL_IO_URING_ENTER_X;
        let is_expected = match of_request {
            true => self.sees_requests && hook.calls.iter().any(is_captured),
            false => hook.calls.iter().any(|call| call.exit() == during),
        };
        if !is_expected || (self.by_thread.len() >= MAX_THREADS && !self.by_thread.contains_key(&event.tid)) {
            return None;
        }
        let waiting = self.by_thread.entry(event.tid).or_default();
        let verdict = decision.verdict();
        // A call may call the same hook several times; the first decision is kept, or the one that denied.
        if !of_request
            && let Some(same) =
                waiting.iter_mut().find(|one| !one.of_request && one.hook.number == hook.number)
        {
            if same.verdict != 0 || verdict == 0 {
                return None;
            }
            (same.verdict, same.body) = (verdict, event.body().to_vec());
            return Some(());
        }
        if waiting.len() >= MAX_WAITING {
            return None;
        }
        waiting.push(Waiting { hook, of_request, verdict, body: event.body().to_vec() });
        Some(())
    }

    /// Takes the decision for this event. The end of a call removes all decisions of the call.
    fn join(&mut self, event: &RawEvent<'_>) {
        let Some(waiting) = self.by_thread.get_mut(&event.tid) else { return };
        let is_request = event.io_uring().is_some();
        let belongs = |one: &Waiting| {
            one.of_request == is_request && one.hook.calls.iter().any(|call| call.exit() == event.ty)
        };
        if let Some(at) = waiting.iter().position(belongs) {
            self.ready = waiting.remove(at).body;
        }
        let ends_requests = event.ty == EventType::SYSCALL_IO_URING_ENTER_X;
        let is_over = event.ty == EventType::PROCEXIT_1_E;
        waiting
            .retain(|one| !is_over && if one.of_request { is_request || !ends_requests } else { is_request });
        if waiting.is_empty() {
            self.by_thread.remove(&event.tid);
        }
    }
}

#[cfg(test)]
mod tests;
