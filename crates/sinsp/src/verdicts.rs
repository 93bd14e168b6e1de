//! Periods in which a missing alert does not mean that nothing happened.

use eyas_fields::CodeSet;
use eyas_scap::{Loss, Suspects};

/// Losses that are at most this far apart, ns, belong to one window.
const GAP: u64 = 50_000_000;
/// A longer window, ns, is reported in parts.
const MAX_WINDOW: u64 = 1_000_000_000;

/// A period in which events were lost, or in which the state was in doubt after a loss: see
/// [`crate::Inspector::loss_windows`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LossWindow {
    /// Its beginning, ns since the epoch.
    pub since: u64,
    /// Its end, ns since the epoch.
    pub until: u64,
    /// Number of lost events.
    pub events: u64,
    /// Types and thread groups of the lost events. If the events change the state, all thread groups whose
    /// state they may have changed.
    pub of: Suspects,
    /// Whether some lost events change the state, so that other events may have been tested with a wrong
    /// state.
    pub changes_state: bool,
    /// Number of suspected known threads.
    pub threads: u64,
}

impl LossWindow {
    /// Whether a rule that events with these codes can match may have missed one.
    pub fn concerns(&self, codes: &CodeSet) -> bool {
        self.changes_state || self.of.types().any(|ty| codes.contains(ty.0))
    }
}

/// Collects windows from losses.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    open: Option<LossWindow>,
    done: Vec<LossWindow>,
}

impl Windows {
    /// Adds a loss; `reach` contains the thread groups whose state is in doubt after it.
    pub(crate) fn note(&mut self, loss: &Loss, reach: Option<Suspects>) {
        let mut of = loss.of;
        if let Some(reach) = &reach {
            of.merge(reach);
        }
        let next = LossWindow {
            since: loss.since,
            until: loss.until,
            events: loss.events,
            of,
            changes_state: reach.is_some(),
            threads: 0,
        };
        match &mut self.open {
            Some(open) if open.changes_state || loss.since <= open.until + GAP => {
                (open.since, open.until) = (open.since.min(next.since), open.until.max(next.until));
                open.events += next.events;
                open.of.merge(&next.of);
                open.changes_state |= next.changes_state;
            }
            _ => self.done.extend(self.open.replace(next)),
        }
    }

    /// Takes the finished windows, and the part so far of a long one.
    pub(crate) fn take(&mut self, ts: u64, is_in_doubt: bool) -> Vec<LossWindow> {
        if let Some(open) = &mut self.open {
            let goes_on = open.changes_state && is_in_doubt;
            if open.changes_state {
                open.until = open.until.max(ts);
            }
            if goes_on && ts.saturating_sub(open.since) >= MAX_WINDOW {
                self.done.push(*open);
                (open.since, open.until, open.events) = (ts, ts, 0);
            } else if !goes_on && (open.changes_state || ts > open.until + GAP) {
                self.done.extend(self.open.take());
            }
        }
        std::mem::take(&mut self.done)
    }

    /// Takes all windows.
    pub(crate) fn end(&mut self, ts: u64) -> Vec<LossWindow> {
        if let Some(open) = self.open.as_mut().filter(|open| open.changes_state) {
            open.until = open.until.max(ts);
        }
        self.done.extend(self.open.take());
        std::mem::take(&mut self.done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyas_events::EventType;

    fn loss(since: u64, until: u64) -> Loss {
        let mut of = Suspects::NONE;
        of.note(EventType::SYSCALL_GETEGID_X, 7);
        Loss { cpu: 0, since, until, events: 1, of }
    }

    fn spans(windows: &[LossWindow]) -> Vec<(u64, u64, u64)> {
        windows.iter().map(|window| (window.since, window.until, window.events)).collect()
    }

    #[test]
    fn losses_in_quick_succession_are_one_window() {
        let mut windows = Windows::default();
        windows.note(&loss(100, 200), None);
        windows.note(&loss(150 + GAP, 160 + GAP), None);
        assert_eq!(windows.take(170 + GAP, false), []);
        windows.note(&loss(3 * GAP, 3 * GAP), None);
        assert_eq!(spans(&windows.take(3 * GAP, false)), [(100, 160 + GAP, 2)]);
        assert_eq!(spans(&windows.end(9 * GAP)), [(3 * GAP, 3 * GAP, 1)]);
        let mut codes = CodeSet::empty(EventType::COUNT);
        windows.note(&loss(1, 2), None);
        let window = windows.end(3)[0];
        assert!(!window.concerns(&codes));
        codes.insert(EventType::SYSCALL_GETEGID_X.0);
        assert!(window.concerns(&codes));
    }

    #[test]
    fn a_window_of_state_changes_lasts_until_nothing_is_in_doubt() {
        let mut windows = Windows::default();
        let loss = loss(100, 200);
        windows.note(&loss, Some(loss.of));
        assert_eq!(windows.take(500, true), []);
        assert_eq!(spans(&windows.take(MAX_WINDOW + 100, true)), [(100, MAX_WINDOW + 100, 1)]);
        let rest = windows.take(MAX_WINDOW + 900, false);
        assert_eq!(spans(&rest), [(MAX_WINDOW + 100, MAX_WINDOW + 900, 0)]);
        assert!(rest[0].of.may_be_of(7) && rest[0].concerns(&CodeSet::empty(EventType::COUNT)));
        assert_eq!(windows.end(MAX_WINDOW + 1000), []);
    }
}
