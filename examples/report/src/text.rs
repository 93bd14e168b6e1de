//! Writes a report as text.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

use jiff::Timestamp;

use crate::activity::{Activity, Things};
use crate::alerts::Collected;
use crate::passes::Span;
use crate::processes::{Involved, Key, Processes};

/// Maximum number of process names for a file or a connection.
const MAX_NAMED: usize = 8;

/// All contents of a report.
pub struct Report<'a> {
    /// Name of the file.
    pub name: &'a str,
    pub span: &'a Span,
    pub alerts: &'a Collected,
    pub processes: &'a Processes,
    pub involved: &'a Involved,
    pub activity: &'a Activity,
}

impl Display for Report<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "Incident report of {}\n", self.name)?;
        writeln!(f, "{}\n", self.sentence())?;
        self.alerts(f)?;
        if self.alerts.alerts.is_empty() {
            return self.losses(f);
        }
        self.tree(f)?;
        self.timeline(f)?;
        self.things(f, "Files changed or executed", &self.activity.changed)?;
        self.things(f, "Files read", &self.activity.read)?;
        self.things(f, "Connections", &self.activity.connections)?;
        self.losses(f)
    }
}

impl Report<'_> {
    /// A sentence about the report.
    pub fn sentence(&self) -> String {
        let Some(first) = self.alerts.alerts.first() else {
            return format!(
                "No rule has an alert in this capture of {} events, {}: run falco with the rules that raised the alert \
                 (-r FILE).",
                self.span.events,
                seconds(self.span.last - self.span.first)
            );
        };
        let all = self.alerts.alerts.len() as u64 + self.alerts.more;
        let rules: BTreeSet<&str> = self.alerts.alerts.iter().map(|alert| alert.rule.as_str()).collect();
        let gravest = self.alerts.alerts.iter().min_by_key(|a| (a.priority as u8, a.num)).unwrap_or(first);
        let who = gravest.process.map_or_else(
            || "an unknown process".to_owned(),
            |key| {
                let process = self.processes.get(key);
                let place = match process.map_or("", |p| &p.container) {
                    "" => "on the host".to_owned(),
                    id => format!("in container {id}"),
                };
                let user = process.map_or("unknown", |p| p.user.as_str());
                format!("`{}` (process {}, user {user}, {place})", self.processes.name(key), key.0)
            },
        );
        let origin = self.processes.origin(&self.involved.alerting);
        let origin =
            origin.map(|key| format!(", all from `{}` (process {})", self.processes.name(key), key.0));
        format!(
            "{} of {} in {}{}; the gravest is {}, {}, by {who} at {}.",
            count(all, "alert"),
            count(rules.len() as u64, "rule"),
            seconds(self.span.last - self.span.first),
            origin.unwrap_or_default(),
            gravest.priority.name(),
            gravest.rule,
            time(gravest.ts),
        )
    }

    fn alerts(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.alerts.alerts.is_empty() {
            return Ok(());
        }
        heading(f, "Alerts")?;
        for alert in &self.alerts.alerts {
            let (at, priority) = (time(alert.ts), alert.priority.name());
            writeln!(f, "{at}  {priority}  {} (event {})", alert.rule, alert.num)?;
            writeln!(f, "    {}", alert.message)?;
        }
        more(f, self.alerts.more, "alert")?;
        writeln!(f)
    }

    fn tree(&self, f: &mut Formatter<'_>) -> fmt::Result {
        heading(f, "Processes (* raised an alert)")?;
        let shown: BTreeSet<Key> = self.involved.active.union(&self.involved.ancestors).copied().collect();
        let is_root = |key: &&Key| self.processes.parent(**key).is_none_or(|parent| !shown.contains(&parent));
        for root in shown.iter().filter(is_root) {
            self.branch(f, *root, &shown, 0)?;
        }
        writeln!(f)
    }

    fn branch(&self, f: &mut Formatter<'_>, key: Key, shown: &BTreeSet<Key>, depth: usize) -> fmt::Result {
        let mut below = vec![(key, depth)];
        while let Some((key, depth)) = below.pop() {
            if let Some(process) = self.processes.get(key) {
                let mark = if self.involved.alerting.contains(&key) { "*" } else { " " };
                let indent = "  ".repeat(depth.min(40));
                let commands = process.commands.join(" -> ");
                let place = match process.container.as_str() {
                    "" => String::new(),
                    id => format!(" container={id}"),
                };
                let ended = if process.ended { " (ended)" } else { "" };
                writeln!(f, "{mark} {indent}{} {commands} [{}{place}]{ended}", key.0, process.user)?;
            }
            let mut children: Vec<Key> = self.processes.children(key, shown).collect();
            children.reverse();
            below.extend(children.into_iter().map(|child| (child, depth + 1)));
        }
        Ok(())
    }

    fn timeline(&self, f: &mut Formatter<'_>) -> fmt::Result {
        heading(f, &format!("Timeline (seconds from {})", time(self.span.first)))?;
        let mut alerts = self.alerts.alerts.iter().peekable();
        let at = |ts: u64| {
            let ns = ts.saturating_sub(self.span.first);
            format!("{:>4}.{:06}", ns / 1_000_000_000, ns % 1_000_000_000 / 1000)
        };
        for step in &self.activity.timeline {
            while let Some(alert) = alerts.next_if(|alert| alert.ts < step.ts) {
                writeln!(f, "{}  ALERT {}", at(alert.ts), alert.rule)?;
            }
            writeln!(f, "{}  {} ({}) {}", at(step.ts), step.name, step.process.0, step.text)?;
        }
        for alert in alerts {
            writeln!(f, "{}  ALERT {}", at(alert.ts), alert.rule)?;
        }
        more(f, self.activity.more, "step")?;
        writeln!(f)
    }

    fn things(&self, f: &mut Formatter<'_>, title: &str, things: &Things) -> fmt::Result {
        heading(f, title)?;
        if things.all.is_empty() {
            writeln!(f, "none")?;
        }
        for (name, touched) in &things.all {
            let ways: Vec<&str> = touched.ways.iter().copied().collect();
            let by: Vec<String> = touched.by.iter().take(MAX_NAMED).map(|key| key.0.to_string()).collect();
            write!(f, "{name}  {} by {}", ways.join(", "), by.join(", "))?;
            match touched.by.len().saturating_sub(MAX_NAMED) {
                0 => writeln!(f)?,
                more => writeln!(f, " and {more} more")?,
            }
        }
        more(f, things.more, "entry")?;
        writeln!(f)
    }

    fn losses(&self, f: &mut Formatter<'_>) -> fmt::Result {
        heading(f, "Losses")?;
        match self.span.lost {
            0 => writeln!(f, "none that the capture reports")?,
            lost => writeln!(f, "{} lost before they reached the file", count(lost, "event"))?,
        }
        if let Some(why) = &self.span.broken {
            writeln!(f, "the file breaks off: {why}")?;
        }
        writeln!(
            f,
            "{} in the file, {} of them by the processes above",
            count(self.span.events, "event"),
            self.activity.events
        )
    }
}

fn heading(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    writeln!(f, "{text}\n{}", "-".repeat(text.chars().count()))
}

/// Writes the number of items that are not shown.
fn more(f: &mut Formatter<'_>, count: u64, what: &str) -> fmt::Result {
    match (count, what) {
        (0, _) => Ok(()),
        (n, "entry") => writeln!(f, "... and {n} more"),
        (n, what) => writeln!(f, "... and {n} more {what}s"),
    }
}

fn count(n: u64, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

fn seconds(ns: u64) -> String {
    format!("{}.{:03} s", ns / 1_000_000_000, ns % 1_000_000_000 / 1_000_000)
}

/// Formats a time in UTC, so that the report does not depend on the machine.
pub fn time(ts: u64) -> String {
    let time = Timestamp::from_nanosecond(ts.into()).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}
