//! What may be asked of the probe.

use eyas_events::SyscallCode;

use crate::Error;
use crate::ring::MAX_CPUS;

/// How large a ring may be.
const RING_BYTES: std::ops::RangeInclusive<usize> = 4 << 10..=1 << 30;
/// Largest part of a buffer that is captured, bytes.
const MAX_SNAPLEN: u32 = 65_000;

/// How to capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeOptions {
    /// Size of each CPU's ring in bytes: a power of two from 4 KiB to 1 GiB.
    pub ring_bytes: usize,
    /// How much of an I/O buffer is captured, bytes; at most 65,000.
    pub snaplen: u32,
    /// More of what goes through sockets of some ports and protocols.
    pub payloads: Option<Payloads>,
    /// Leaves out calls that fail.
    pub drop_failed: bool,
    /// What is captured; `None` for every system call and the life of processes.
    pub interest: Option<Vec<SyscallCode>>,
    /// A process that is left out, such as the one that captures.
    pub exclude_pid: Option<u32>,
    /// Threads that are left out.
    pub quiet: ExcludedThreads,
    /// CPUs with a number from here on get no ring: what happens there is counted as lost. At most 1,024.
    pub max_cpus: u32,
    /// How programs get to the tracepoints.
    pub attach: Attach,
    /// Whether requests of `io_uring` are captured as the calls that they stand for, where the kernel has the tracepoints
    /// (Linux 6.0).
    pub io_uring: bool,
}

/// How programs get to tracepoints: as BTF programs, which costs least, or by perf events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attach {
    /// By perf events where the kernel preempts BTF programs, as Linux does since 7.0, and lets this process have such
    /// events.
    #[default]
    Auto,
    /// As BTF programs. Where the kernel preempts them it skips some, which [`Probe::misses`](crate::Probe::misses)
    /// counts.
    Btf,
    /// By perf events (Linux 5.13).
    Perf,
}

impl ProbeOptions {
    pub(super) fn check(&self) -> Result<(), Error> {
        let setting = |what, given, expected| Err(Error::Setting { what, given, expected });
        if !self.ring_bytes.is_power_of_two() || !RING_BYTES.contains(&self.ring_bytes) {
            let expected = "a power of two from 4 KiB to 1 GiB";
            return setting("the ring size in bytes", self.ring_bytes as u64, expected);
        }
        if self.snaplen > MAX_SNAPLEN {
            return setting("the snaplen in bytes", self.snaplen.into(), "at most 65000");
        }
        if !(1..=MAX_CPUS).contains(&(self.max_cpus as usize)) {
            return setting("the number of CPUs", self.max_cpus.into(), "from 1 to 1024");
        }
        Ok(())
    }
}

/// Which events find room in a ring that fills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As long as there is any: those that change what is known of the system.
    #[default]
    First = 0,
    /// Up to seven eighths of the ring.
    Second = 1,
    /// Up to three quarters of the ring.
    Last = 2,
}

/// More than [`ProbeOptions::snaplen`] is captured of payloads that go through sockets: 2,000 bytes of HTTP, MySQL,
/// PostgreSQL, MongoDB and statsd, 512 of DNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payloads {
    /// Ports, at either end, of which 16,000 bytes are captured, whatever they carry.
    pub full: Option<std::ops::RangeInclusive<u16>>,
    /// The port of statsd; 8125 by default.
    pub statsd_port: u16,
}

impl Default for Payloads {
    fn default() -> Self {
        Self { full: None, statsd_port: 8125 }
    }
}

/// Threads that are left out, in the kernel, with the children that they make meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExcludedThreads {
    /// By their names, of which the kernel keeps 15 bytes.
    pub comms: Vec<String>,
    /// By their ids, or those of their processes.
    pub tids: Vec<u32>,
}

impl Default for ProbeOptions {
    fn default() -> Self {
        Self {
            ring_bytes: 8 << 20,
            snaplen: 80,
            payloads: None,
            drop_failed: false,
            interest: None,
            exclude_pid: None,
            quiet: ExcludedThreads::default(),
            max_cpus: MAX_CPUS as u32,
            attach: Attach::Auto,
            io_uring: true,
        }
    }
}
