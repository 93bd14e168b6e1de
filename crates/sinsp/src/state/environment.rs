//! Environments that events contain only in part.

use eyas_events::EventType;
use eyas_scap::RawEvent;

use super::proc_query::ProcQuery;
use super::{Current, State, split_nul};

/// An environment in an event that is at least this long may be cut, bytes.
const WHOLE: usize = 4095;

impl State {
    /// Looks up the environment of a process that has executed a program, if its event may contain only the
    /// beginning. The process may be another one by now, or have changed its environment, so the beginning
    /// must be equal.
    #[inline]
    pub(crate) fn complete_environment(
        &mut self,
        event: &RawEvent<'_>,
        current: &Current,
        ask: ProcQuery<'_>,
    ) {
        if matches!(event.ty, EventType::SYSCALL_EXECVE_19_X | EventType::SYSCALL_EXECVEAT_X) {
            self.complete(current, ask);
        }
    }

    #[cold]
    fn complete(&mut self, current: &Current, ask: ProcQuery<'_>) {
        let Some(key) = current.thread else { return };
        let Some(thread) = self.threads.at(key).filter(|thread| thread.env.len() >= WHOLE) else { return };
        let Some((entry, _)) = ask(thread.tid) else { return };
        let begins_alike = split_nul(&entry.env).next() == split_nul(&thread.env).next();
        if begins_alike
            && entry.env.len() > thread.env.len()
            && let Some(thread) = self.threads.at_mut(key)
        {
            thread.env = entry.env.into();
        }
    }
}
