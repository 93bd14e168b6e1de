//! Events from the running kernel.
//!
//! [`Source::open`] loads the probe, attaches it, and only then takes the snapshot: events that happen
//! meanwhile wait in the rings, so that nothing is lost between the two.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use eyas_bpf::{LOSS, Probe, Ring};
use eyas_events::filter::{Filter, UnusedFiles};
use eyas_events::{EventType, HEADER_LEN, Hook, SyscallCode};
use rustix::time::{ClockId, clock_gettime};

use crate::io_uring::Mark;
use crate::proc::known::Known;
use crate::{Advance, Error, EventSource, Loss, RawEvent, Snapshot, Stats, Suspects, proc};

mod idle;
mod joined;
mod merge;
mod unseen;

pub use eyas_bpf::{
    Attach, CpuDrops, Error as ProbeError, ExcludedThreads, Features, HookMethod, HookSource, Order,
    Payloads, ProbeForm, ProbeOptions, ProgramRuns, Published, Tampering, Verdicts,
};
use idle::{IdleWait, Wait};
use joined::{Handling, WaitingDecisions};
use merge::{Merge, Queue};
use unseen::UnseenLosses;

/// Options of the capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Options of the probe. By default they exclude this process, so that a program does not capture its
    /// own output.
    pub probe: ProbeOptions,
    /// Whether the snapshot uses the kernel's iterators of threads and open files, if it has them. `/proc`
    /// takes longer.
    pub iterators: bool,
    /// Options of the snapshot.
    pub proc: proc::Options,
}

impl Default for Options {
    fn default() -> Self {
        ProbeOptions { exclude_pid: Some(std::process::id()), ..ProbeOptions::default() }.into()
    }
}

impl From<ProbeOptions> for Options {
    fn from(probe: ProbeOptions) -> Self {
        Self { probe, iterators: true, proc: proc::Options::default() }
    }
}

/// Size in bytes of each CPU's ring by Falco's presets, from 1 (1 MiB) to 10 (512 MiB); 4 is the default.
pub const fn ring_bytes(preset: u8) -> Option<usize> {
    match preset {
        1..=10 => Some(1 << (19 + preset)),
        _ => None,
    }
}

/// Ends a capture, from another thread or a signal handler.
#[derive(Clone, Debug)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Stops the source: it captures nothing more, delivers the events in the rings, and then returns
    /// [`Advance::End`].
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A live capture.
///
/// Its first item is the snapshot. When it is stopped, it delivers the events in the rings before it ends.
/// Then exactly `produced = delivered + filtered + drops`.
pub struct Source {
    probe: Probe,
    /// Whether the filter rejects events that open and close plain files.
    unused_files: UnusedFiles,
    merge: Merge<Ring>,
    options: proc::Options,
    /// Whether the snapshot uses the kernel's iterators.
    iterators: bool,
    /// The captured calls.
    interest: Option<Vec<SyscallCode>>,
    phase: Phase,
    stop: Arc<AtomicBool>,
    idle: IdleWait,
    /// Losses before the current item.
    losses: Vec<Loss>,
    unseen: UnseenLosses,
    /// Decisions of security hooks that wait for the events of their calls; `None` if decisions are not
    /// captured.
    joined: Option<Box<WaitingDecisions>>,
    /// Number of events that were left in the rings on purpose.
    left: u64,
    /// Number of decisions that were attached to the events of their calls.
    kept: u64,
}

enum Phase {
    /// Before the snapshot.
    Begin,
    Capture,
    /// Nothing more is captured, and the rings are drained.
    Drain,
    End,
}

impl Queue for Ring {
    #[inline]
    fn head(&self) -> Option<&[u8]> {
        self.peek()
    }

    #[inline]
    fn pop(&mut self) {
        self.consume();
    }

    #[inline]
    fn is_claimed(&self) -> bool {
        self.is_claimed()
    }
}

impl Source {
    /// Loads the probe and attaches it.
    ///
    /// # Errors
    /// The kernel or the permissions of this process do not allow it. The message names what is missing,
    /// and a remedy.
    pub fn open(options: impl Into<Options>) -> Result<Self, Error> {
        let Options { probe: options, iterators, proc } = options.into();
        let (probe, rings) = Probe::open(&options)?;
        let mut unseen = UnseenLosses::default();
        // Losses so far happened before the first read.
        unseen.check(&probe, now(&probe), 0, &mut Vec::new());
        Ok(Self {
            probe,
            unused_files: UnusedFiles::NONE,
            merge: Merge::new(rings),
            options: proc,
            iterators,
            interest: options.interest,
            phase: Phase::Begin,
            stop: Arc::default(),
            idle: IdleWait::default(),
            losses: Vec::new(),
            unseen,
            joined: None,
            left: 0,
            kept: 0,
        })
    }

    /// Changes which calls are captured from now on; `None` as in [`ProbeOptions::interest`].
    ///
    /// # Errors
    /// The kernel lacks a needed tracepoint, or refuses to attach a program. With
    /// [`ProbeOptions::fixed_interest`], a call needs a program that was not loaded; nothing changes.
    pub fn set_interest(&mut self, interest: Option<&[SyscallCode]>) -> Result<(), Error> {
        let done = self.probe.set_interest(interest);
        if !matches!(done, Err(ProbeError::NotLoaded { .. })) {
            self.interest = interest.map(<[_]>::to_vec);
            if let Some(joined) = &mut self.joined {
                joined.set_interest(interest);
            }
        }
        Ok(done?)
    }

    /// Starts or stops (`None`) to capture decisions of the kernel's security hooks; returns the method that
    /// the kernel supports. A decision during a captured call is attached to the call's event
    /// ([`RawEvent::decision`]); any other one is a separate event of the type `LSM_X`.
    ///
    /// # Errors
    /// The kernel refuses to share the probe's memory with the programs for hooks.
    pub fn set_hooks(&mut self, source: Option<HookSource>) -> Result<HookMethod, Error> {
        let method = self.probe.set_hooks(source)?;
        self.joined = (method != HookMethod::Tracepoints)
            .then(|| Box::new(WaitingDecisions::new(self.probe.sees_requests())));
        if let Some(joined) = &mut self.joined {
            joined.set_interest(self.interest.as_deref());
        }
        Ok(method)
    }

    /// The method by which decisions of security hooks are captured, and the number of hooks.
    pub fn hooks(&self) -> (HookMethod, usize) {
        (self.probe.hook_method(), self.hooked().count())
    }

    /// The security hooks whose decisions are captured.
    pub fn hooked(&self) -> impl Iterator<Item = &'static Hook> {
        self.probe.hooks()
    }

    /// Whether `io_uring` requests are captured: the kernel has loaded the programs for them.
    pub fn sees_requests(&self) -> bool {
        self.probe.sees_requests()
    }

    /// Whether events of sent, and of received, datagrams (UDP) have the kernel's own copies of addresses. Otherwise another
    /// thread may change such an address during the call. Both are false for calls that are not captured.
    pub fn keeps_datagram_addresses(&self) -> [bool; 2] {
        self.probe.keeps_datagram_addresses()
    }

    /// Whether arguments in memory that is not resident are paged in: [`ProbeOptions::sleepable_reads`] is
    /// set, and the kernel has loaded the program for it.
    pub fn pages_in(&self) -> bool {
        self.probe.pages_in()
    }

    /// Whether programs at the tracepoints of calls may sleep on this kernel, to page in memory.
    pub fn tracepoints_may_sleep() -> bool {
        Probe::tracepoints_may_sleep()
    }

    /// Changes which threads are excluded from now on.
    ///
    /// # Errors
    /// There are too many threads for the kernel's maps.
    pub fn set_excluded_threads(&mut self, threads: &ExcludedThreads) -> Result<(), Error> {
        Ok(self.probe.set_excluded_threads(threads)?)
    }

    /// From now on captures the first `1/ratio` of each second, and calls that change the state; `drop`
    /// events mark the beginning and the end of the omitted rest. 1 means everything.
    ///
    /// # Errors
    /// The ratio is not from 1 to 1,000,000.
    pub fn set_sampling(&mut self, ratio: u32) -> Result<(), Error> {
        Ok(self.probe.set_sampling(ratio)?)
    }

    /// Changes which events the probe still accepts while a ring fills up. By default all are equal.
    pub fn set_order(&mut self, of: impl Fn(EventType) -> Order) {
        self.probe.set_order(of);
    }

    /// Sets the filter in the kernel: events that it rejects are not sent; `None` for no filter.
    /// One in `sample` such events is still delivered, and marked ([`RawEvent::is_sample`]); 0 means none.
    /// The old filter may have decided about earlier events.
    ///
    /// # Errors
    /// The kernel refuses; then no event is filtered.
    pub fn set_filter(&mut self, filter: Option<&Filter>, sample: u32) -> Result<(), Error> {
        let done = self.probe.set_filter(filter, sample);
        self.unused_files = filter.filter(|_| done.is_ok()).map(Filter::unused_files).unwrap_or_default();
        Ok(done?)
    }

    /// Turns the filter off until [`Source::set_filter`] is called again, for example while rules are
    /// replaced.
    ///
    /// # Errors
    /// As for [`Source::set_filter`].
    pub fn pause_filter(&mut self) -> Result<(), Error> {
        Ok(self.probe.set_filter(None, 0)?)
    }

    /// Stops filtering events of the type.
    pub fn send_all(&mut self, ty: EventType) {
        self.probe.send_all(ty);
    }

    /// Numbers of filtered events by type, without zeros.
    pub fn filtered_by_type(&self) -> Vec<(EventType, u64)> {
        self.probe.filtered_by_type()
    }

    /// The verdicts on processes for the filter ([`Filter::depends_on_processes`]). A new filter removes all
    /// verdicts.
    ///
    /// # Errors
    /// The kernel does not map them.
    pub fn verdicts(&mut self) -> Result<Verdicts, Error> {
        Ok(self.probe.verdicts()?)
    }

    /// Time on the clock of events.
    pub fn now(&self) -> u64 {
        now(&self.probe)
    }

    /// Attaches or detaches empty programs, for measurements: at the end of every call, and at the beginning of opens and closes.
    #[doc(hidden)]
    pub fn set_empty(&mut self, at_end: bool, at_beginning: bool) -> Result<(), Error> {
        Ok(self.probe.set_empty(at_end, at_beginning)?)
    }

    /// Changes that other processes made to the probe: see [`Probe::tampering`].
    pub fn tampering(&mut self) -> Vec<Tampering> {
        match self.phase {
            Phase::Begin | Phase::Capture => self.probe.tampering(),
            Phase::Drain | Phase::End => Vec::new(),
        }
    }

    /// A handle that ends this capture.
    pub fn stop_handle(&self) -> Stop {
        Stop(Arc::clone(&self.stop))
    }

    /// Losses by cause and CPU.
    pub fn drops(&self) -> Vec<CpuDrops> {
        self.probe.drops()
    }

    /// Numbers of events lost because a ring was full, by type, without zeros.
    pub fn full_by_type(&self) -> Vec<(EventType, u64)> {
        self.probe.full_by_type()
    }

    /// Number of runs of each program of the probe, if the kernel counts them (`kernel.bpf_stats_enabled`).
    pub fn runs(&self) -> Vec<ProgramRuns> {
        self.probe.runs()
    }

    /// A snapshot of the system now. It uses the kernel's iterators of threads and open files, if the
    /// kernel has them, which take a fraction of the time of `/proc`.
    ///
    /// # Errors
    /// `/proc` cannot be listed.
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        // Everything else is read from `/proc`.
        let known = self.listed().unwrap_or_else(|_error| {
            #[cfg(feature = "tracing")]
            tracing::warn!(error = %_error, "the kernel does not list threads and files; /proc is read for them");
            Known::new(&self.options)
        });
        proc::snapshot_with(&self.options, known)
    }

    fn listed(&self) -> Result<Known, eyas_bpf::Error> {
        let mut known = Known::new(&self.options);
        if !self.iterators {
            return Ok(known);
        }
        if self.options.fds {
            self.probe.files(|file| known.add_file(&file))?;
        }
        self.probe.tasks(|frame| {
            let event = parse(frame)
                .and_then(|(ts, tid, ty, nparams, body)| RawEvent::from_parts(ts, tid, ty, 0, nparams, body));
            if let Some(event) = event {
                known.add_thread(&event, self.probe.boot_time());
            }
        })?;
        Ok(known)
    }

    /// Captures nothing more.
    fn close(&mut self) -> Result<(), Error> {
        self.phase = Phase::Drain;
        self.merge.close();
        Ok(self.probe.stop()?)
    }

    /// Ends the capture: there are no more events.
    fn end(&mut self) {
        self.phase = Phase::End;
        self.unseen.check(&self.probe, now(&self.probe), 0, &mut self.losses);
        let until = now(&self.probe);
        let last = |(cpu, events, since)| Loss::unknown(cpu as u16, since, until, events);
        let pending_losses = self.probe.pending_losses().filter(|(cpu, ..)| self.probe.has_ring(*cpu));
        self.losses.extend(pending_losses.map(last));
    }

    /// Waits for an event, for a limited time; returns whether there is one.
    #[cold]
    fn wait(&mut self) -> bool {
        let was_listening = self.idle.is_listening();
        let wait = self.idle.next_wait();
        match wait {
            Wait::Sleep(time) => std::thread::sleep(time),
            Wait::Listen(time) => {
                if !was_listening {
                    self.probe.listen();
                }
                let begun = Instant::now();
                if self.probe.wait(time) {
                    self.idle.note_bell(begun.elapsed());
                }
            }
        }
        let found = self.find();
        match found {
            true => self.note_found(Some(wait)),
            false => self.idle.note_nothing(wait),
        }
        found
    }

    #[inline]
    fn note_found(&mut self, wait: Option<Wait>) {
        if self.idle.note_events(wait) {
            self.probe.stop_listening();
        }
    }

    /// Finds the next event.
    fn find(&mut self) -> bool {
        while self.merge.next(|| now(&self.probe)).is_some() {
            match self.merge.current().and_then(|(cpu, frame)| loss(cpu, frame)) {
                Some(loss) => self.losses.push(loss),
                None if self.is_waiting_decision() => self.kept += 1,
                None => return true,
            }
        }
        false
    }

    /// Whether the next item is a decision that waits for the event of its call. If it is an event, its
    /// waiting decision becomes available.
    #[inline]
    fn is_waiting_decision(&mut self) -> bool {
        let Some(joined) = &mut self.joined else { return false };
        let event = self.merge.current().and_then(|(cpu, frame)| event(cpu, frame));
        event.is_some_and(|event| joined.receive(&event) == Handling::Waits)
    }

    /// Checks regularly for losses that no ring reports.
    #[inline]
    fn check_for_unseen_losses(&mut self) {
        let now = self.merge.checked_at();
        if self.unseen.is_due(now) {
            let cpu = self.current().map_or(0, |event| event.cpu);
            self.unseen.check(&self.probe, now, cpu, &mut self.losses);
        }
    }

    /// Number of events in malformed parts of the rings, which were skipped.
    fn skipped(&self) -> u64 {
        let rings = self.merge.queues().iter().zip(self.probe.drops());
        let of = |(ring, drops): (&Ring, CpuDrops)| match (ring.skipped().times, &self.phase) {
            (0, _) => 0,
            // They can be counted only when the ring is empty.
            (_, Phase::End) => {
                let published = drops.produced - drops.filtered - drops.buffer - drops.scratch - drops.bug;
                published.saturating_sub(ring.events())
            }
            (times, _) => times,
        };
        rings.map(of).sum()
    }
}

/// Time on the probe's clock.
fn now(probe: &Probe) -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    probe.boot_time() + (time.tv_sec as u64) * 1_000_000_000 + time.tv_nsec as u64
}

/// The loss that a frame reports, if it is a loss frame.
fn loss(cpu: usize, frame: &[u8]) -> Option<Loss> {
    let (since, _, ty, _, body) = parse(frame)?;
    if ty.0 != LOSS {
        return None;
    }
    // Skips five lengths.
    let (events, body) = body.get(10..)?.split_first_chunk()?;
    let (last, what) = body.split_first_chunk()?;
    let (cpu, events) = (cpu as u16, u32::from_ne_bytes(*events).into());
    let until = u64::from_ne_bytes(*last).max(since);
    Some(Loss { cpu, since, until, events, of: Suspects::parse(what, events)? })
}

/// The `io_uring` request of the event in a frame, in the upper half of the number of parameters.
#[inline]
fn mark(frame: &[u8]) -> Mark {
    Mark(frame.get(24..).and_then(|bytes| bytes.first_chunk()).map_or(0, |bytes| u16::from_ne_bytes(*bytes)))
}

/// The event in a frame.
#[inline]
fn event(cpu: usize, frame: &[u8]) -> Option<RawEvent<'_>> {
    let (ts, tid, ty, nparams, body) = parse(frame)?;
    let mut event = RawEvent::from_checked(ts, tid, ty, cpu as u16, nparams, body);
    event.mark = mark(frame);
    Some(event)
}

/// Header and body of a frame: time, thread, length, type, number of parameters.
fn parse(frame: &[u8]) -> Option<(u64, i64, EventType, u32, &[u8])> {
    let ts = u64::from_ne_bytes(*frame.first_chunk()?);
    let tid = i64::from_ne_bytes(frame.get(8..16)?.try_into().ok()?);
    let length = u32::from_ne_bytes(frame.get(16..20)?.try_into().ok()?) as usize;
    let ty = u16::from_ne_bytes(frame.get(20..22)?.try_into().ok()?);
    let nparams = u16::from_ne_bytes(*frame.get(22..)?.first_chunk()?).into();
    Some((ts, tid, EventType(ty), nparams, frame.get(HEADER_LEN..length)?))
}

impl EventSource for Source {
    fn advance(&mut self) -> Result<Advance, Error> {
        self.losses.clear();
        match self.phase {
            Phase::Begin => {
                // The probe captures already, so events during the scan come after the snapshot.
                self.phase = Phase::Capture;
                return Ok(Advance::Snapshot(Box::new(self.snapshot()?)));
            }
            Phase::Capture if self.stop.load(Ordering::Relaxed) => self.close()?,
            Phase::End => return Ok(Advance::End),
            Phase::Capture | Phase::Drain => {}
        }
        let mut found = self.find();
        if !found && matches!(self.phase, Phase::Drain) {
            self.end();
            return Ok(Advance::End);
        }
        match found {
            true => self.note_found(None),
            false => found = self.wait(),
        }
        if matches!(self.phase, Phase::Capture) {
            self.check_for_unseen_losses();
        }
        if !self.losses.is_empty() {
            self.idle.note_loss();
        }
        Ok(if found { Advance::Event } else { Advance::Idle })
    }

    #[inline]
    fn current(&self) -> Option<RawEvent<'_>> {
        let (cpu, frame) = self.merge.current()?;
        let event = event(cpu, frame)?;
        Some(match &self.joined {
            Some(joined) => event.with_decided(joined.ready()),
            None => event,
        })
    }

    fn stop(&mut self) -> bool {
        self.stop.store(true, Ordering::Relaxed);
        true
    }

    fn finish(&mut self) -> Result<(), Error> {
        if matches!(self.phase, Phase::Begin | Phase::Capture) {
            self.close()?;
        }
        while matches!(self.phase, Phase::Drain) {
            match self.find() {
                true => self.left += 1,
                false => self.end(),
            }
        }
        Ok(())
    }

    fn losses(&self) -> &[Loss] {
        &self.losses
    }

    fn unused_files(&self) -> UnusedFiles {
        self.unused_files
    }

    fn lag(&self) -> u64 {
        self.current().map_or(0, |event| now(&self.probe).saturating_sub(event.ts))
    }

    fn stats(&mut self) -> Stats {
        let misses = self.probe.misses();
        let mut stats = Stats {
            produced: misses.events,
            drops_missed: misses.events,
            missed_beginnings: misses.beginnings,
            drops_other: self.skipped(),
            filtered: self.left + self.kept,
            ..Stats::default()
        };
        for cpu in self.probe.drops() {
            stats.produced += cpu.produced;
            stats.filtered += cpu.filtered;
            stats.drops_buffer += cpu.buffer;
            stats.drops_too_large += cpu.scratch;
            stats.drops_other += cpu.bug;
            stats.page_faults += cpu.page_faults;
        }
        stats
    }
}
