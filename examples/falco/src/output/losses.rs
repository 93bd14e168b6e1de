//! Alerts that an output has lost, and the reports about them: at once, then once a minute, and at the end.

use std::fmt;
use std::mem::discriminant;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Zoned;

use super::text::counted;

/// Minimum time between two reports of an ongoing problem.
const SILENCE: Duration = Duration::from_secs(60);
/// After this time without a loss, an output is treated as working again.
const CALM: Duration = Duration::from_secs(5);

/// Why alerts were lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The queue was full.
    QueueFull,
    /// The output could not deliver them.
    Failed(String),
    /// They were still waiting at the end, after so many milliseconds without progress; and why, if that is known.
    Undelivered {
        /// Milliseconds.
        ms: u128,
        /// What the output waited for.
        why: Option<String>,
    },
}

/// Alerts that an output has lost.
#[derive(Default)]
pub struct Losses(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    all: u64,
    queue_full: u64,
    trouble: Option<Trouble>,
    /// Time of the last report.
    said_at: Option<Instant>,
}

/// A period of losses that belong together.
struct Trouble {
    since: Zoned,
    lost: u64,
    last: Instant,
    /// For each kind of reason, the last reason and the number of lost alerts.
    reasons: Vec<(Reason, u64)>,
    /// Number of lost alerts that were reported.
    reported: u64,
    /// Lost and delivered alerts at the last check.
    seen: (u64, u64),
}

impl Losses {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // No data is left half updated while the lock is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts lost alerts.
    pub fn add(&self, count: u64, reason: Reason) {
        if count == 0 {
            return;
        }
        let mut inner = self.lock();
        inner.all += count;
        if reason == Reason::QueueFull {
            inner.queue_full += count;
        }
        let new = || Trouble {
            since: Zoned::now(),
            lost: 0,
            last: Instant::now(),
            reasons: Vec::new(),
            reported: 0,
            seen: (0, 0),
        };
        let trouble = inner.trouble.get_or_insert_with(new);
        trouble.lost += count;
        trouble.last = Instant::now();
        let kind = discriminant(&reason);
        match trouble.reasons.iter_mut().find(|(known, _)| discriminant(known) == kind) {
            Some(known) => *known = (reason, known.1 + count),
            None => trouble.reasons.push((reason, count)),
        }
    }

    /// Alerts lost so far, and how many of them because the queue was full.
    pub fn counts(&self) -> (u64, u64) {
        let inner = self.lock();
        (inner.all, inner.queue_full)
    }

    /// The reasons of the last losses, in words.
    pub fn reasons(&self) -> String {
        let inner = self.lock();
        let reasons = inner.trouble.iter().flat_map(|trouble| &trouble.reasons);
        reasons.map(|(reason, _)| reason.to_string()).collect::<Vec<_>>().join("; ")
    }

    /// The report that is due now, if any: the lost alerts with time and reasons, or that the output works
    /// again. `delivered` is the number of alerts that the output has delivered so far.
    pub fn report(&self, unit: &str, delivered: u64, is_over: bool) -> Option<Report> {
        let mut inner = self.lock();
        let waits = inner.said_at.is_some_and(|at| at.elapsed() < SILENCE);
        let trouble = inner.trouble.as_mut()?;
        if trouble.seen.0 < trouble.lost {
            trouble.seen = (trouble.lost, delivered);
        }
        if trouble.lost > trouble.reported && (is_over || !waits) {
            trouble.reported = trouble.lost;
            let text = trouble.text(unit);
            inner.said_at = Some(Instant::now());
            return Some(Report::Lost(text));
        }
        let works = delivered > trouble.seen.1 && trouble.last.elapsed() >= CALM;
        if works && trouble.lost == trouble.reported && !is_over {
            let text = format!("works again; {}", trouble.text(unit));
            inner.trouble = None;
            return Some(Report::Works(text));
        }
        None
    }
}

/// A report about an output.
#[derive(Debug, PartialEq, Eq)]
pub enum Report {
    /// Alerts are lost.
    Lost(String),
    /// No more are.
    Works(String),
}

impl Trouble {
    fn text(&self, unit: &str) -> String {
        let is_of_today = self.since.date() == Zoned::now().date();
        let since = self.since.strftime(if is_of_today { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" });
        let lost = counted(self.lost, unit);
        match self.reasons.as_slice() {
            [(reason, _)] => format!("{lost} lost since {since}, {reason}"),
            several => {
                let each: Vec<String> =
                    several.iter().map(|(reason, lost)| format!("{lost}, {reason}")).collect();
                format!("{lost} lost since {since}: {}", each.join("; "))
            }
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::QueueFull => out.write_str("its queue is full (outputs_queue.capacity)"),
            Self::Failed(why) => out.write_str(why),
            Self::Undelivered { ms, why } => {
                write!(out, "not delivered within {ms} ms at the end of the run (output_timeout)")?;
                why.iter().try_for_each(|why| write!(out, ": {why}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of the report without the time.
    fn shown(report: Option<Report>) -> String {
        let (Some(Report::Lost(text)) | Some(Report::Works(text))) = report else { return String::new() };
        let (before, after) = text.split_once(" since ").unwrap();
        format!("{before}{}", &after["12:34:56".len()..])
    }

    #[test]
    fn losses_are_reported_at_once_then_rarely_and_at_the_end() {
        let losses = Losses::default();
        assert_eq!(losses.report("alert", 0, false), None);
        losses.add(1, Reason::Failed("disk full".into()));
        assert_eq!(shown(losses.report("alert", 0, false)), "1 alert lost, disk full");
        losses.add(2, Reason::QueueFull);
        assert_eq!(losses.report("alert", 0, false), None);
        losses.lock().said_at = Instant::now().checked_sub(SILENCE);
        assert_eq!(
            shown(losses.report("alert", 0, false)),
            "3 alerts lost: 1, disk full; 2, its queue is full (outputs_queue.capacity)"
        );
        losses.add(4, Reason::Undelivered { ms: 2000, why: None });
        assert!(
            shown(losses.report("alert", 0, true))
                .starts_with("7 alerts lost: 1, disk full; 2, its queue is full")
        );
        assert_eq!(losses.report("alert", 0, true), None);
        assert_eq!(losses.counts(), (7, 2));
    }

    #[test]
    fn the_end_of_a_failure_is_reported() {
        let losses = Losses::default();
        losses.add(3, Reason::Failed("disk full".into()));
        losses.lock().trouble.as_mut().unwrap().last = Instant::now().checked_sub(CALM).unwrap();
        assert_eq!(shown(losses.report("alert", 7, false)), "3 alerts lost, disk full");
        assert_eq!(losses.report("alert", 7, false), None, "none was delivered since");
        assert_eq!(shown(losses.report("alert", 8, false)), "works again; 3 alerts lost, disk full");
        assert_eq!(losses.report("alert", 9, false), None);
        losses.add(1, Reason::Failed("disk full".into()));
        assert_eq!(losses.report("alert", 9, false), None, "not every minute anew");
    }
}
