//! Events from the running kernel.
//!
//! [`Source::open`] loads the probe, attaches it, and only then takes the snapshot: what happens meanwhile
//! waits in the rings, so that nothing is lost between the two.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use eyas_bpf::{LOSS, Probe, ProbeOptions, Ring};
use eyas_events::{EventType, HEADER_LEN, SyscallCode};
use rustix::time::{ClockId, clock_gettime};

use crate::proc::known::Known;
use crate::{Advance, Error, EventSource, Loss, RawEvent, Snapshot, Stats, proc};

mod merge;

pub use eyas_bpf::{CpuDrops, Payloads, Quiet};
use merge::{Merge, Queue};

/// How to capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Size of each CPU's ring in bytes, a power of two from 4 KiB to 1 GiB.
    pub ring_bytes: usize,
    /// How much of an I/O buffer is captured, bytes; at most 65,000.
    pub snaplen: u32,
    /// More of payloads by port and protocol, if wanted (Falco's dynamic snaplen).
    pub payloads: Option<Payloads>,
    /// Whether calls that fail are left out.
    pub drop_failed: bool,
    /// The system calls and tracepoints that are captured; `None` for all system calls and the life of
    /// processes, without scheduling, signals and page faults.
    pub interest: Option<Vec<SyscallCode>>,
    /// Whether this process is left out, so that a program does not see itself print what it sees.
    pub exclude_self: bool,
    /// Threads that are left out, in the kernel already.
    pub quiet: Quiet,
    /// What the snapshot holds.
    pub proc: proc::Options,
}

/// Size in bytes of each CPU's ring by Falco's presets, from 1 (1 MiB) to 10 (512 MiB); 4 is the default.
pub const fn ring_bytes(preset: u8) -> Option<usize> {
    match preset {
        1..=10 => Some(1 << (19 + preset)),
        _ => None,
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ring_bytes: 8 << 20,
            snaplen: 80,
            payloads: None,
            drop_failed: false,
            interest: None,
            exclude_self: true,
            quiet: Quiet::default(),
            proc: proc::Options::default(),
        }
    }
}

/// Ends a capture from another thread or a signal handler's.
#[derive(Clone, Debug)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks the source to end: it captures no more, delivers what waits in the rings, and says
    /// [`Advance::End`].
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A live capture.
///
/// Its first item is the snapshot. Stopped, it delivers what the rings still hold before it ends, so that
/// then `produced = delivered + drops` holds exactly.
pub struct Source {
    probe: Probe,
    merge: Merge<Ring>,
    /// Time of boot, ns since the epoch, as the probe adds it to its clock.
    boot_ts: u64,
    options: proc::Options,
    phase: Phase,
    stop: Arc<AtomicBool>,
    /// How long to wait the next time that there is nothing.
    pause: Duration,
    /// Frames that no probe of ours writes.
    malformed: u64,
    /// What was lost before the item at hand.
    losses: Vec<Loss>,
}

enum Phase {
    /// The snapshot has not been taken yet.
    Begin,
    Capture,
    /// Nothing more is captured; the rings are emptied.
    Drain,
    End,
}

const SHORT_PAUSE: Duration = Duration::from_micros(500);
const LONG_PAUSE: Duration = Duration::from_millis(1);

impl Queue for Ring {
    #[inline]
    fn head(&self) -> Option<&[u8]> {
        self.peek()
    }

    #[inline]
    fn pop(&mut self) {
        self.consume();
    }
}

impl Source {
    /// Loads the probe and attaches it.
    ///
    /// # Errors
    /// The kernel or the permissions of this process do not allow it: the sentence says what is missing and
    /// what helps.
    pub fn open(options: Options) -> Result<Self, Error> {
        let Options { ring_bytes, snaplen, payloads, drop_failed, interest, exclude_self, quiet, proc } =
            options;
        let exclude_pid = exclude_self.then(std::process::id);
        let options =
            ProbeOptions { ring_bytes, snaplen, payloads, drop_failed, interest, exclude_pid, quiet };
        let (probe, rings) = Probe::open(&options).map_err(|error| Error::Live(error.to_string()))?;
        let ns = |id| {
            let time = clock_gettime(id);
            (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
        };
        Ok(Self {
            probe,
            merge: Merge::new(rings),
            boot_ts: ns(ClockId::Realtime).saturating_sub(ns(ClockId::Boottime)),
            options: proc,
            phase: Phase::Begin,
            stop: Arc::default(),
            pause: SHORT_PAUSE,
            malformed: 0,
            losses: Vec::new(),
        })
    }

    /// Changes what is captured from now on; `None` as in [`Options::interest`].
    ///
    /// # Errors
    /// The kernel lacks a tracepoint that is asked for, or refuses to attach a program.
    pub fn set_interest(&mut self, interest: Option<&[SyscallCode]>) -> Result<(), Error> {
        self.probe.set_interest(interest).map_err(|error| Error::Live(error.to_string()))
    }

    /// Changes which threads are left out from now on.
    ///
    /// # Errors
    /// There are more than the kernel has room for.
    pub fn set_quiet(&mut self, quiet: &Quiet) -> Result<(), Error> {
        self.probe.set_quiet(quiet).map_err(|error| Error::Live(error.to_string()))
    }

    /// From now on captures the first `1/ratio` of each second, and calls that carry state: `drop` events say where
    /// the rest begins and ends. 1: everything.
    ///
    /// # Errors
    /// The ratio is not from 1 to 1,000,000.
    pub fn set_sampling(&mut self, ratio: u32) -> Result<(), Error> {
        self.probe.set_sampling(ratio).map_err(|error| Error::Live(error.to_string()))
    }

    /// Attaches a program that does nothing to the end of every call, or takes it away: for measurements.
    #[doc(hidden)]
    pub fn set_empty(&mut self, attached: bool) -> Result<(), Error> {
        self.probe.set_empty(attached).map_err(|error| Error::Live(error.to_string()))
    }

    /// What ends this capture.
    pub fn stop_handle(&self) -> Stop {
        Stop(Arc::clone(&self.stop))
    }

    /// Losses by cause and CPU.
    pub fn drops(&self) -> Vec<CpuDrops> {
        self.probe.drops()
    }

    /// The system as it is now, by the kernel's own lists of threads and open files where it has them, which take a
    /// fraction of the time that `/proc` takes for them.
    ///
    /// # Errors
    /// `/proc` cannot be listed.
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        // What the kernel does not list is in `/proc`, too.
        let known = self.listed().unwrap_or_else(|_| Known::new(&self.options));
        proc::snapshot_with(&self.options, known)
    }

    fn listed(&self) -> Result<Known, eyas_bpf::Error> {
        let mut known = Known::new(&self.options);
        if self.options.fds {
            self.probe.files(|file| known.add_file(&file))?;
        }
        self.probe.tasks(|frame| {
            let event = parse(frame)
                .and_then(|(ts, tid, ty, nparams, body)| RawEvent::from_parts(ts, tid, ty, 0, nparams, body));
            if let Some(event) = event {
                known.add_thread(&event, self.boot_ts);
            }
        })?;
        Ok(known)
    }

    /// Finds the next frame that makes sense.
    fn find(&mut self) -> bool {
        while self.merge.next(|| now(self.boot_ts)).is_some() {
            if let Some(loss) = self.merge.current().and_then(|(cpu, frame)| loss(cpu, frame)) {
                self.losses.push(loss);
                continue;
            }
            if self.current().is_some_and(|event| event.adds_up()) {
                return true;
            }
            self.malformed += 1;
        }
        false
    }
}

/// Time on the probe's clock.
fn now(boot_ts: u64) -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    boot_ts + (time.tv_sec as u64) * 1_000_000_000 + time.tv_nsec as u64
}

/// What a frame says was lost, if it is one that does.
fn loss(cpu: usize, frame: &[u8]) -> Option<Loss> {
    let (since, _, ty, _, body) = parse(frame)?;
    if ty.0 != LOSS {
        return None;
    }
    let events = u32::from_ne_bytes(body.get(2..6)?.try_into().ok()?);
    Some(Loss { cpu: cpu as u16, since, events: events.into() })
}

/// Header and body of a frame: time, thread, length, type, number of parameters.
fn parse(frame: &[u8]) -> Option<(u64, i64, EventType, u32, &[u8])> {
    let ts = u64::from_ne_bytes(*frame.first_chunk()?);
    let tid = i64::from_ne_bytes(frame.get(8..16)?.try_into().ok()?);
    let length = u32::from_ne_bytes(frame.get(16..20)?.try_into().ok()?) as usize;
    let ty = u16::from_ne_bytes(frame.get(20..22)?.try_into().ok()?);
    let nparams = u32::from_ne_bytes(frame.get(22..26)?.try_into().ok()?);
    Some((ts, tid, EventType(ty), nparams, frame.get(HEADER_LEN..length)?))
}

impl EventSource for Source {
    fn advance(&mut self) -> Result<Advance, Error> {
        self.losses.clear();
        match self.phase {
            Phase::Begin => {
                // The probe is at work already: what happens during the scan comes after it.
                self.phase = Phase::Capture;
                return Ok(Advance::Snapshot(Box::new(self.snapshot()?)));
            }
            Phase::Capture if self.stop.load(Ordering::Relaxed) => {
                self.probe.stop();
                self.phase = Phase::Drain;
            }
            Phase::End => return Ok(Advance::End),
            Phase::Capture | Phase::Drain => {}
        }
        let mut found = self.find();
        if !found {
            // A program that was at work when the capture stopped has the pause to finish.
            std::thread::sleep(self.pause);
            found = self.find();
        }
        self.pause = if found { SHORT_PAUSE } else { LONG_PAUSE };
        if !found && matches!(self.phase, Phase::Drain) {
            self.phase = Phase::End;
            let last = |(cpu, events, since)| Loss { cpu: cpu as u16, since, events: u64::from(events) };
            self.losses.extend(self.probe.untold().map(last));
            return Ok(Advance::End);
        }
        Ok(if found { Advance::Event } else { Advance::Idle })
    }

    #[inline]
    fn current(&self) -> Option<RawEvent<'_>> {
        let (cpu, frame) = self.merge.current()?;
        let (ts, tid, ty, nparams, body) = parse(frame)?;
        Some(RawEvent::from_checked(ts, tid, ty, cpu as u16, nparams, body))
    }

    fn losses(&self) -> &[Loss] {
        &self.losses
    }

    fn behind(&self) -> u64 {
        self.current().map_or(0, |event| now(self.boot_ts).saturating_sub(event.ts))
    }

    fn stats(&mut self) -> Stats {
        let mut stats = Stats { drops_other: self.malformed, ..Stats::default() };
        for cpu in self.probe.drops() {
            stats.produced += cpu.produced;
            stats.drops_buffer += cpu.buffer;
            stats.drops_too_large += cpu.scratch;
            stats.drops_other += cpu.bug;
            stats.page_faults += cpu.page_faults;
        }
        stats
    }
}
