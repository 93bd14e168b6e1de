//! Counters of produced and lost events.

use std::os::fd::{AsFd, AsRawFd};

use eyas_events::EventType;
use libbpf_rs::libbpf_sys::{bpf_obj_get_info_by_fd, bpf_prog_info};

use super::Probe;
use super::options::Order;
use crate::programs::{Miss, miss_of};
use crate::ring::{Counter, MAX_CPUS};

/// Counters of one CPU: produced and lost frames, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CpuDrops {
    /// Produced frames, including lost ones.
    pub produced: u64,
    /// Filtered frames.
    pub filtered: u64,
    /// Events that the probe filtered out because of a verdict on their process.
    pub by_process: u64,
    /// Lost because the ring was full.
    pub buffer: u64,
    /// Lost because they exceeded the maximum size of a frame, 64 KiB.
    pub scratch: u64,
    /// Lost because a program interrupted another on its CPU, or because the CPU has no ring.
    pub bug: u64,
    /// Parameters left empty because user memory could not be read; no event is lost.
    pub page_faults: u64,
}

/// How often the kernel skipped a program because the same or another one was running on that CPU: any program of the
/// probe, also those for requests of `io_uring` and at security hooks. The counters of CPUs do not include these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Misses {
    /// Skipped programs that make events: at most this number of events was lost, because some may not have
    /// been needed.
    pub events: u64,
    /// Skipped programs that keep values when a call begins, or while it runs: the event contains the values at the
    /// end, and the requested path instead of the kernel's.
    pub beginnings: u64,
}

/// Number and time of a program's runs since it was loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProgramRuns {
    /// Name of the program.
    pub name: String,
    /// Number of runs.
    pub count: u64,
    /// Total time, ns.
    pub time_ns: u64,
}

impl Probe {
    /// Runs of each program, also of those of security hooks. The kernel counts them while `kernel.bpf_stats_enabled` is set, which costs
    /// time at each run; otherwise both numbers are 0.
    pub fn runs(&self) -> Vec<ProgramRuns> {
        let runs = |name: String, info: Option<bpf_prog_info>| {
            let info = info.unwrap_or_default();
            ProgramRuns { name, count: info.run_cnt, time_ns: info.run_time_ns }
        };
        let own = self
            .programs()
            .map(|program| runs(program.name().to_string_lossy().into_owned(), info(&program)));
        let hooks = self.hook_programs().map(|(name, program)| runs(name.to_owned(), info(&program)));
        own.chain(hooks).collect()
    }

    /// Losses on each CPU that no frame of the type [`LOSS`](crate::LOSS) has reported yet: the number of
    /// events, and the time of the first. On a CPU without a ring, no frame ever reports them.
    pub fn pending_losses(&self) -> impl Iterator<Item = (usize, u64, u64)> {
        let of = |cpu| (cpu, self.counters.pending_losses(cpu), self.counters.get(cpu, Counter::LostSince));
        self.states().map(of).filter(|(_, lost, _)| *lost > 0)
    }

    /// Whether frames of the CPU report its losses.
    pub fn has_ring(&self, cpu: usize) -> bool {
        self.counters.has_ring(cpu)
    }

    /// Counters by CPU. If some CPUs cannot have a ring, the last entry contains their sum.
    pub fn drops(&self) -> Vec<CpuDrops> {
        let drops = self.states().map(|cpu| {
            let get = |counter| self.counters.get(cpu, counter);
            CpuDrops {
                produced: get(Counter::Made) + get(Counter::Unclaimed),
                filtered: get(Counter::Filtered),
                by_process: get(Counter::ByProcess),
                buffer: get(Counter::Full),
                scratch: get(Counter::TooLarge),
                bug: get(Counter::Unclaimed),
                page_faults: get(Counter::Faults),
            }
        });
        drops.collect()
    }

    /// Changes which events are still accepted while a ring fills up. At first all are equal.
    pub fn set_order(&mut self, of: impl Fn(EventType) -> Order) {
        if let Some(order) = self.skel.maps.bss_order_data.as_deref_mut() {
            for (slot, ty) in order.order_of.iter_mut().zip(0..) {
                *slot = of(EventType(ty)) as u8;
            }
        }
    }

    /// Numbers of events lost because a ring was full, by type, without zeros.
    pub fn full_by_type(&self) -> Vec<(EventType, u64)> {
        let Some(full) = self.skel.maps.bss_full_data.as_deref() else { return Vec::new() };
        let counts = full.full_by_type.iter().zip(0_u16..).map(|(count, ty)| {
            // SAFETY: a number that this process has mapped; programs write it.
            (EventType(ty), unsafe { std::ptr::read_volatile(count) })
        });
        counts.filter(|(_, count)| *count > 0).collect()
    }

    /// Programs that the kernel skipped; 0 if it does not count them (before Linux 5.12, and for some
    /// programs before 6.7).
    pub fn misses(&self) -> Misses {
        let own = self.programs().map(|program| (miss_of(program.name()), recursion_misses(&program)));
        let hooks = self.hook_programs().map(|(_, program)| (Miss::Event, recursion_misses(&program)));
        let before = Misses { events: self.missed_hooks, ..Misses::default() };
        own.chain(hooks).fold(before, |misses, (miss, count)| match miss {
            Miss::Event => Misses { events: misses.events + count, ..misses },
            Miss::Values => Misses { beginnings: misses.beginnings + count, ..misses },
            Miss::Nothing => misses,
        })
    }

    /// The CPUs with their own state, and the common state of all others, if there are any.
    fn states(&self) -> impl Iterator<Item = usize> {
        (0..self.cpus).chain(self.has_more_cpus.then_some(MAX_CPUS))
    }
}

/// How often the kernel skipped the program.
pub(super) fn recursion_misses(program: &impl AsFd) -> u64 {
    info(program).map_or(0, |info| info.recursion_misses)
}

/// The kernel's facts about the program.
fn info(program: &impl AsFd) -> Option<bpf_prog_info> {
    // SAFETY: numbers and arrays of such, which may be 0. Older kernels want what they do not know, padding too, to be 0.
    let mut info: bpf_prog_info = unsafe { std::mem::zeroed() };
    let mut len = size_of::<bpf_prog_info>() as u32;
    // SAFETY: the kernel writes no more than `len` bytes, which is how large the structure is.
    let failed =
        unsafe { bpf_obj_get_info_by_fd(program.as_fd().as_raw_fd(), (&raw mut info).cast(), &raw mut len) };
    (failed == 0).then_some(info)
}
