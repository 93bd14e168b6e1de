//! Options of the probe.

use eyas_events::SyscallCode;

use crate::Error;
use crate::ring::MAX_CPUS;

/// Allowed sizes of a ring.
const RING_BYTES: std::ops::RangeInclusive<usize> = 4 << 10..=1 << 30;
/// Maximum captured part of a buffer, bytes.
const MAX_SNAPLEN: u32 = 65_000;

/// Options of the capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeOptions {
    /// Size of each CPU's ring in bytes: a power of two from 4 KiB to 1 GiB.
    pub ring_bytes: usize,
    /// Captured part of an I/O buffer, bytes; at most 65,000.
    pub snaplen: u32,
    /// Larger captured parts for sockets of some ports and protocols.
    pub payloads: Option<Payloads>,
    /// Whether to leave out failed calls.
    pub drop_failed: bool,
    /// Captured calls; `None` for every system call, and the start and end of processes.
    pub interest: Option<Vec<SyscallCode>>,
    /// Whether `interest` never grows: the probe then loads only the programs that it needs, which takes the
    /// kernel's verifier less time. [`Probe::set_interest`](crate::Probe::set_interest) refuses calls that
    /// need others.
    pub fixed_interest: bool,
    /// An excluded process, such as the capturing one.
    pub exclude_pid: Option<u32>,
    /// Excluded threads.
    pub excluded_threads: ExcludedThreads,
    /// CPUs with this number or a larger one get no ring; their events are counted as lost. At most 1,024.
    pub max_cpus: u32,
    /// The way to attach programs to tracepoints.
    pub attach: Attach,
    /// Whether `io_uring` requests are captured as the corresponding calls, if the kernel has the
    /// tracepoints (Linux 6.0).
    pub io_uring: bool,
    /// Whether arguments in memory that is not resident are paged in when their call ends, if the kernel has
    /// sleepable tracepoints (Linux 7.1). Otherwise they are empty.
    pub sleepable_reads: bool,
}

/// The way to attach programs to tracepoints: as BTF programs, which costs least, or by perf events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attach {
    /// By perf events if the kernel preempts BTF programs, as Linux does since 7.0, and allows this process
    /// to open such events.
    #[default]
    Auto,
    /// As BTF programs. If the kernel preempts them, it skips some, which
    /// [`Probe::misses`](crate::Probe::misses) counts.
    Btf,
    /// By perf events (Linux 5.13).
    Perf,
}

impl ProbeOptions {
    /// The default options for a capture of these calls only, with [`fixed_interest`](Self::fixed_interest).
    #[must_use]
    pub fn only(interest: impl Into<Vec<SyscallCode>>) -> Self {
        Self { interest: Some(interest.into()), fixed_interest: true, ..Self::default() }
    }

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

/// Which events are still accepted while a ring fills up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Until the ring is full: events that change the state.
    #[default]
    First = 0,
    /// Until the ring is seven eighths full.
    Second = 1,
    /// Until the ring is three quarters full.
    Last = 2,
}

/// Captures more than [`ProbeOptions::snaplen`] of socket payloads: 2,000 bytes of HTTP, MySQL, PostgreSQL,
/// MongoDB and statsd, 512 of DNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payloads {
    /// Ports, at either end, for which 16,000 bytes are captured, whatever the protocol.
    pub full: Option<std::ops::RangeInclusive<u16>>,
    /// The port of statsd; 8125 by default.
    pub statsd_port: u16,
}

impl Default for Payloads {
    fn default() -> Self {
        Self { full: None, statsd_port: 8125 }
    }
}

/// Threads that the probe excludes, with the children that they create meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExcludedThreads {
    /// Names, of which the kernel keeps 15 bytes.
    pub comms: Vec<String>,
    /// Thread ids, or process ids.
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
            fixed_interest: false,
            exclude_pid: None,
            excluded_threads: ExcludedThreads::default(),
            max_cpus: MAX_CPUS as u32,
            attach: Attach::Auto,
            io_uring: true,
            sleepable_reads: false,
        }
    }
}
