//! The probe loaded into the kernel.

use std::mem::MaybeUninit;
use std::os::fd::AsFd;

use eyas_events::{Arch, SyscallCode, syscalls};
use libbpf_rs::skel::{OpenSkel, SkelBuilder};
use libbpf_rs::{Link, MapCore, MapFlags, MapHandle, MapType, OpenObject};
use rustix::time::{ClockId, clock_gettime};

use crate::ring::Ring;
use crate::{Error, features};

#[allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::undocumented_unsafe_blocks,
    unused,
    unsafe_op_in_unsafe_fn
)]
mod skel {
    include!(concat!(env!("OUT_DIR"), "/probe.skel.rs"));
}

use skel::{ProbeSkel, ProbeSkelBuilder};

/// Largest part of a buffer that is captured, bytes.
const MAX_SNAPLEN: u32 = 65_000;
/// CPUs that the counters have room for.
const MAX_CPUS: usize = 1024;

/// How to capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeOptions {
    /// Size of each CPU's ring in bytes: a power of two, at least a page.
    pub ring_bytes: usize,
    /// How much of an I/O buffer is captured, bytes; at most 65,000.
    pub snaplen: u32,
    /// Leaves out calls that fail.
    pub drop_failed: bool,
    /// What is captured; `None` for every system call and the life of processes.
    pub interest: Option<Vec<SyscallCode>>,
    /// A process that is left out, such as the one that captures.
    pub exclude_pid: Option<u32>,
}

impl Default for ProbeOptions {
    fn default() -> Self {
        Self { ring_bytes: 8 << 20, snaplen: 80, drop_failed: false, interest: None, exclude_pid: None }
    }
}

/// Frames of one CPU: how many were made, and lost why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuDrops {
    /// Frames made, the lost ones included.
    pub produced: u64,
    /// Lost because the ring was full.
    pub buffer: u64,
    /// Lost because they exceeded 64 KiB.
    pub too_large: u64,
    /// Lost because the CPU has no memory to build frames in.
    pub other: u64,
}

/// The programs, loaded and attached; dropped, they are gone.
pub struct Probe {
    /// Before the skeleton: links go first.
    links: Vec<Link>,
    skel: ProbeSkel<'static>,
    /// What the skeleton borrows from: after it, so that it is dropped later.
    _object: Box<MaybeUninit<OpenObject>>,
    cpus: usize,
}

// SAFETY: the skeleton's pointers are to memory that the probe owns; libbpf has no thread affinity.
unsafe impl Send for Probe {}

impl std::fmt::Debug for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Probe").field("cpus", &self.cpus).finish_non_exhaustive()
    }
}

fn kernel(step: &'static str) -> impl Fn(libbpf_rs::Error) -> Error {
    move |cause| Error::Kernel { step, cause: format!("{cause:#}") }
}

impl Probe {
    /// Loads and attaches the programs; answers the rings too, one for each CPU.
    ///
    /// # Errors
    /// A setting is out of range, or the kernel lacks something or refuses: the sentence says what helps.
    pub fn open(options: &ProbeOptions) -> Result<(Self, Vec<Ring>), Error> {
        let page = rustix::param::page_size();
        if !options.ring_bytes.is_power_of_two() || options.ring_bytes < page || options.ring_bytes > 1 << 30
        {
            let given = options.ring_bytes as u64;
            let expected = "a power of two from one page to 1 GiB";
            return Err(Error::Setting { what: "the ring size in bytes", given, expected });
        }
        if options.snaplen > MAX_SNAPLEN {
            let (what, given) = ("the snaplen in bytes", u64::from(options.snaplen));
            return Err(Error::Setting { what, given, expected: "at most 65000" });
        }
        features::check()?;
        if std::env::var_os("EYAS_BPF_LOG").is_none() {
            libbpf_rs::set_print(None);
        }
        let cpus = features::possible_cpus().min(MAX_CPUS);
        let mut object = Box::new(MaybeUninit::uninit());
        // SAFETY: the box is kept beside the skeleton and dropped after it, so that what the skeleton
        // borrows stays where it is for as long as the skeleton lives.
        let storage: &'static mut MaybeUninit<OpenObject> =
            unsafe { &mut *std::ptr::from_mut(object.as_mut()) };
        let mut open = ProbeSkelBuilder::default().open(storage).map_err(kernel("open its programs"))?;
        open.maps.scratches.set_max_entries(cpus as u32).map_err(kernel("size its memory"))?;
        open.maps.rings.set_max_entries(cpus as u32).map_err(kernel("size its rings"))?;
        let mut skel = open.load().map_err(kernel("load its programs"))?;

        let mut rings = Vec::with_capacity(cpus);
        for cpu in 0..cpus as u32 {
            let opts = libbpf_rs::libbpf_sys::bpf_map_create_opts {
                sz: size_of::<libbpf_rs::libbpf_sys::bpf_map_create_opts>() as _,
                ..Default::default()
            };
            let ring = MapHandle::create(
                MapType::RingBuf,
                Some("eyas_ring"),
                0,
                0,
                options.ring_bytes as u32,
                &opts,
            )
            .map_err(kernel("make a ring buffer"))?;
            let fd = std::os::fd::AsRawFd::as_raw_fd(&ring.as_fd());
            skel.maps
                .rings
                .update(&cpu.to_ne_bytes(), &fd.to_ne_bytes(), MapFlags::ANY)
                .map_err(kernel("hand over a ring buffer"))?;
            rings.push(Ring::map(ring.as_fd(), options.ring_bytes)?);
        }
        if let Some(data) = skel.maps.data_data.as_deref_mut() {
            data.snaplen = options.snaplen;
        }
        if let Some(bss) = skel.maps.bss_data.as_deref_mut() {
            bss.boot_time = boot_time();
            bss.own_pid = options.exclude_pid.unwrap_or(0);
            bss.drop_failed = u8::from(options.drop_failed);
        }
        let mut probe = Self { links: Vec::new(), skel, _object: object, cpus };
        probe.set_interest(options.interest.as_deref());
        let programs = &probe.skel.progs;
        for program in [&programs.sys_exit, &programs.sched_process_exec, &programs.sched_process_exit] {
            probe.links.push(program.attach_trace().map_err(kernel("attach its programs"))?);
        }
        Ok((probe, rings))
    }

    /// Changes what is captured from now on; `None` for everything.
    pub fn set_interest(&mut self, interest: Option<&[SyscallCode]>) {
        let arch = if cfg!(target_arch = "aarch64") { Arch::Aarch64 } else { Arch::X86_64 };
        let wanted = |code: SyscallCode| interest.is_none_or(|list| list.contains(&code));
        let Some(bss) = self.skel.maps.bss_data.as_deref_mut() else { return };
        let mut table = [0; 512];
        for info in syscalls() {
            if let Some(slot) = info.number(arch).and_then(|n| table.get_mut(usize::from(n))) {
                *slot = u8::from(wanted(info.code));
            }
        }
        bss.interest = table;
        bss.want_exec = u8::from(wanted(SyscallCode::EXECVE) || wanted(SyscallCode::EXECVEAT));
        bss.want_exit = u8::from(wanted(SyscallCode::SCHED_PROCESS_EXIT));
    }

    /// Captures nothing more; frames that were made stay in the rings.
    pub fn stop(&mut self) {
        self.links.clear();
        if let Some(bss) = self.skel.maps.bss_data.as_deref_mut() {
            bss.stopped = 1;
        }
    }

    /// Counters by CPU.
    pub fn drops(&self) -> Vec<CpuDrops> {
        let Some(bss) = self.skel.maps.bss_data.as_deref() else { return Vec::new() };
        let read = |counter: &u64| {
            // SAFETY: a valid, aligned place in memory that the kernel writes at the same time.
            unsafe { std::ptr::read_volatile(counter) }
        };
        let drops = bss.counters.iter().take(self.cpus).map(|cpu| CpuDrops {
            produced: read(&cpu.produced),
            buffer: read(&cpu.full),
            too_large: read(&cpu.too_large),
            other: read(&cpu.no_scratch),
        });
        drops.collect()
    }
}

/// What is added to the time since boot: ns since the epoch.
fn boot_time() -> u64 {
    let ns = |id| {
        let time = clock_gettime(id);
        time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
    };
    ns(ClockId::Realtime).saturating_sub(ns(ClockId::Boottime))
}
