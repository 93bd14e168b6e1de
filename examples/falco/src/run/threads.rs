//! A replay on several threads.
//!
//! The capture is read and decompressed once. Every thread tracks the state of the whole capture, which is
//! cheap, but tests only every n-th stretch of events. Alerts are collected from the threads in turn. So
//! alerts and their order do not depend on the number of threads.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use anyhow::{Context, Result, bail};
use eyas::rules::Match;
use eyas::scap::{EventSource, Reader, Stats};
use eyas::sinsp::{Config, Inspector, Step};

use super::judge::{Judge, Limit, Totals};
use super::turns::{Retired, Turns};
use crate::metrics::{Alerts, Sample, Samples};
use crate::output::{Batch, Outputs};
use crate::signals::Signals;

/// Number of events in a stretch.
const STRETCH: u64 = 4096;
/// Number of stretches by which a thread may be ahead.
const DEPTH: usize = 8;

/// Results of a thread for a stretch.
enum Message {
    Stretch { alerts: Batch, matches: Vec<Match>, failure: Option<Box<Failure>> },
    End { outcome: Result<()>, events: u64, stats: Stats, last: Option<Box<Sample>> },
}

/// Why the thread of this stretch stopped.
struct Failure {
    error: anyhow::Error,
    events: u64,
    stats: Stats,
}

pub(super) fn run(
    parts: Vec<(Reader, Config)>,
    turns: &Turns<'_>,
    limit: Limit,
    signals: &Signals,
    samples: Option<&Samples>,
    outputs: &mut Outputs,
    totals: &mut Totals,
) -> Result<()> {
    let count = parts.len();
    // Called before a thread publishes a sample, because every sample has alerts.
    count_alerts(turns, samples, totals);
    thread::scope(|scope| {
        let mut receivers = Vec::with_capacity(count);
        for (own, (reader, config)) in parts.into_iter().enumerate() {
            let (send, receive) = sync_channel(DEPTH);
            let (own, count) = (own as u64, count as u64);
            let worker = Worker { own, count, send, limit, signals, turns, samples };
            let builder = thread::Builder::new().name(format!("judge {own}"));
            builder
                .spawn_scoped(scope, move || worker.run(reader, config))
                .context("can't start a thread of --threads")?;
            receivers.push(receive);
        }
        collect(&receivers, turns, samples, outputs, totals)
    })
}

/// Collects the stretches in order until the next thread has no more.
fn collect(
    receivers: &[Receiver<Message>],
    turns: &Turns<'_>,
    samples: Option<&Samples>,
    outputs: &mut Outputs,
    totals: &mut Totals,
) -> Result<()> {
    for (stretch, receiver) in (0..).zip(receivers.iter().cycle()) {
        match receiver.recv() {
            Ok(Message::Stretch { mut alerts, matches, failure }) => {
                for Retired { before, change } in turns.collected(stretch) {
                    totals.counts.close(before.rules());
                    if let Some(change) = change {
                        outputs.change(change);
                    }
                }
                matches.into_iter().for_each(|hit| totals.counts.count(hit));
                count_alerts(turns, samples, totals);
                outputs.batch().append(&mut alerts);
                outputs.offer();
                if let Some(failure) = failure {
                    (totals.events, totals.stats) = (failure.events, failure.stats);
                    return Err(failure.error);
                }
                if outputs.has_no_receiver() {
                    return Ok(());
                }
            }
            Ok(Message::End { outcome, events, stats, last }) => {
                if let (Some(samples), Some(last)) = (samples, last) {
                    samples.publish(*last);
                }
                (totals.events, totals.stats) = (events, stats);
                return outcome;
            }
            Err(_) => bail!("a thread of the replay has failed"),
        }
    }
    Ok(())
}

/// Adds the alerts so far to samples.
fn count_alerts(turns: &Turns<'_>, samples: Option<&Samples>, totals: &Totals) {
    if let Some(samples) = samples {
        samples.count(Alerts::new(&turns.last(), &totals.counts));
    }
}

struct Worker<'a> {
    own: u64,
    count: u64,
    send: SyncSender<Message>,
    limit: Limit,
    signals: &'a Signals,
    turns: &'a Turns<'a>,
    samples: Option<&'a Samples>,
}

impl Worker<'_> {
    fn run(mut self, mut reader: Reader, config: Config) {
        let mut inspector = Inspector::new(config);
        let (mut alerts, mut matches) = (Batch::default(), Vec::new());
        let (mut at, mut events) = (0, 0);
        let mut judge = Judge::new(self.turns.begin(0, &mut alerts));
        inspector.set_needs(judge.needs());
        judge.prepare(&mut inspector);
        let mut failed = None;
        let outcome = loop {
            if self.signals.stop.is_set() {
                break Ok(());
            }
            let step = inspector.next(&mut reader);
            match &step {
                Ok(Step::Event(event)) => {
                    events += 1;
                    if self.limit.is_over(event.event().ts) {
                        break Ok(());
                    }
                    let stretch = event.num() / STRETCH;
                    for past in at..stretch {
                        let (alerts, matches) = (std::mem::take(&mut alerts), std::mem::take(&mut matches));
                        let message = Message::Stretch { alerts, matches, failure: None };
                        if self.is_own(past) && self.send.send(message).is_err() {
                            // No more results are needed: no output is left, or another thread has reached
                            // the end.
                            return;
                        }
                    }
                    if self.is_own(stretch) {
                        if at != stretch
                            && let Err(error) = judge.replace_if_other(self.turns.begin(stretch, &mut alerts))
                        {
                            break Err(error);
                        }
                        at = stretch;
                        if let Err(error) = judge.judge(event, &mut alerts, |hit, _| matches.push(hit)) {
                            failed = Some(error);
                            break Ok(());
                        }
                    }
                    at = stretch;
                }
                Ok(Step::Idle) => {}
                Ok(Step::End) => break Ok(()),
                Err(_) => {}
            }
            if let Err(error) = step {
                // A stream may end at any byte once a signal requested the end of the program.
                break if self.signals.stop.is_set() { Ok(()) } else { Err(error.into()) };
            }
            if std::mem::take(&mut judge.needs_changed) {
                judge.prepare(&mut inspector);
                inspector.set_needs(judge.needs());
            }
            // All threads have the same state, so one sample suffices.
            if self.own == 0
                && let Some(samples) = self.samples
                && samples.is_requested()
            {
                samples.publish(Sample::take(events + inspector.skipped(), &mut reader, &inspector));
            }
        };
        judge.add_counts();
        let stats = reader.stats();
        events += inspector.skipped();
        let last = self.samples.map(|_| Box::new(Sample::take(events, &mut reader, &inspector)));
        // As above.
        let failure = failed.map(|error| Box::new(Failure { error, events, stats }));
        if self.is_own(at) && self.send.send(Message::Stretch { alerts, matches, failure }).is_err() {
            return;
        }
        let _ = self.send.send(Message::End { outcome, events, stats, last });
    }

    fn is_own(&self, stretch: u64) -> bool {
        stretch % self.count == self.own
    }
}
