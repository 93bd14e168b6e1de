//! What was made, and what was lost.

use std::os::fd::{AsFd, AsRawFd};

use eyas_events::EventType;
use libbpf_rs::libbpf_sys::{bpf_obj_get_info_by_fd, bpf_prog_info};
use libbpf_rs::skel::Skel;

use super::Probe;
use super::options::Order;
use crate::programs::PROGRAMS;
use crate::ring::{Counter, MAX_CPUS};

/// Frames of one CPU: how many were made, and lost why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuDrops {
    /// Frames made, the lost ones included.
    pub produced: u64,
    /// Left out by the filter.
    pub filtered: u64,
    /// Those of them that the filter left out by a verdict on their process.
    pub by_process: u64,
    /// Lost because the ring was full.
    pub buffer: u64,
    /// Lost because they exceeded the memory that frames are built in, 64 KiB.
    pub scratch: u64,
    /// Lost because a program interrupted another on its CPU, or the CPU can have no ring.
    pub bug: u64,
    /// Parameters left empty because user memory could not be read; nothing is lost but they.
    pub page_faults: u64,
}

/// How often the kernel did not run a program where it should have, since the same or another program was at work on that
/// CPU. No CPU's counters know of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Misses {
    /// Programs that make events: as many events were lost, or fewer, as not every one may have been of interest.
    pub events: u64,
    /// Programs that keep arguments when a call begins: the event then has them as they were at its end.
    pub beginnings: u64,
}

/// How often a program of the probe ran, and for how long, since it was loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProgramRuns {
    /// Name of the program.
    pub name: String,
    /// How often it ran.
    pub count: u64,
    /// How long it ran in all, ns.
    pub time_ns: u64,
}

impl Probe {
    /// How often each program ran. The kernel counts that while `kernel.bpf_stats_enabled` is set, which costs time at each
    /// run; else both numbers are 0.
    pub fn runs(&self) -> Vec<ProgramRuns> {
        let programs = self.skel.object().progs().filter(|program| program.autoload());
        let runs = programs.map(|program| {
            let info = info(&program).unwrap_or_default();
            ProgramRuns {
                name: program.name().to_string_lossy().into_owned(),
                count: info.run_cnt,
                time_ns: info.run_time_ns,
            }
        });
        runs.collect()
    }

    /// What was lost on each CPU that no frame of the type [`LOSS`](crate::LOSS) reports yet: how many events, and when
    /// the first of them. On a CPU without a ring none ever will.
    pub fn pending_losses(&self) -> impl Iterator<Item = (usize, u64, u64)> {
        let of = |cpu| (cpu, self.counters.pending_losses(cpu), self.counters.get(cpu, Counter::LostSince));
        self.states().map(of).filter(|(_, lost, _)| *lost > 0)
    }

    /// Whether frames of that CPU report its losses.
    pub fn has_ring(&self, cpu: usize) -> bool {
        self.counters.has_ring(cpu)
    }

    /// Counters by CPU; where there are more CPUs than can have a ring, the last ones are those of all of them.
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

    /// Changes which events find room in a ring that fills. At first all are equal.
    pub fn set_order(&mut self, of: impl Fn(EventType) -> Order) {
        if let Some(order) = self.skel.maps.bss_order_data.as_deref_mut() {
            for (slot, ty) in order.order_of.iter_mut().zip(0..) {
                *slot = of(EventType(ty)) as u8;
            }
        }
    }

    /// Events lost because a ring was full, by their type: those that are not 0.
    pub fn full_by_type(&self) -> Vec<(EventType, u64)> {
        let Some(full) = self.skel.maps.bss_full_data.as_deref() else { return Vec::new() };
        let counts = full.full_by_type.iter().zip(0_u16..).map(|(count, ty)| {
            // SAFETY: a number that this process has mapped; programs write it.
            (EventType(ty), unsafe { std::ptr::read_volatile(count) })
        });
        counts.filter(|(_, count)| *count > 0).collect()
    }

    /// What the kernel did not run; nothing where it does not count that (before Linux 5.12, and of some programs before 6.7).
    pub fn misses(&self) -> Misses {
        let mut misses = Misses::default();
        for program in self.skel.object().progs().filter(|program| program.autoload()) {
            let name = program.name();
            if PROGRAMS.iter().any(|row| row.is(name)) {
                misses.events += recursion_misses(&program);
            } else if self.enter.iter().any(|row| row.is(name)) {
                misses.beginnings += recursion_misses(&program);
            }
        }
        misses
    }

    /// The CPUs with a state of their own, and what stands for all others, if there are any.
    fn states(&self) -> impl Iterator<Item = usize> {
        (0..self.cpus).chain(self.has_more_cpus.then_some(MAX_CPUS))
    }
}

/// How often the kernel did not run the program.
fn recursion_misses(program: &impl AsFd) -> u64 {
    info(program).map_or(0, |info| info.recursion_misses)
}

/// What the kernel knows of the program.
fn info(program: &impl AsFd) -> Option<bpf_prog_info> {
    // SAFETY: numbers and arrays of such, which may be 0. Older kernels want what they do not know, padding too, to be 0.
    let mut info: bpf_prog_info = unsafe { std::mem::zeroed() };
    let mut len = size_of::<bpf_prog_info>() as u32;
    // SAFETY: the kernel writes no more than `len` bytes, which is how large the structure is.
    let failed =
        unsafe { bpf_obj_get_info_by_fd(program.as_fd().as_raw_fd(), (&raw mut info).cast(), &raw mut len) };
    (failed == 0).then_some(info)
}
