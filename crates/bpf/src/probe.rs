//! The probe loaded into the kernel.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

#[cfg(target_arch = "x86_64")]
use eyas_events::EventType;
use eyas_events::{Arch, SyscallCode, SyscallFlags, syscalls};
use libbpf_rs::skel::{OpenSkel, Skel, SkelBuilder};
use libbpf_rs::{ErrorKind, Link, MapCore, MapFlags, Object, OpenObject, ProgramMut};
use rustix::time::{ClockId, clock_gettime};

use crate::bell::Bell;
use crate::error::{Error, kernel};
use crate::features::Need;
use crate::listing::{self, OpenFile};
use crate::programs::{
    Attachment, CALLED, DATAGRAMS, EMPTY_AT_BEGINNING, EMPTY_AT_END, ENTER_ALL, ENTER_CLOSE, ENTER_EACH,
    ENTER_IA32, Extra, FILES, FREED, Form, HOOKS, Interest, PAGE_IN, PROGRAMS, Part, Program, QUIET,
    REQUESTS, SILENT, TASKS, TOUCHES,
};
use crate::ring::{self, Counters, Ring};
use crate::skel::{ProbeSkel, ProbeSkelBuilder};
use crate::tracepoints::Tracepoints;
use crate::{cgroup, features, functions};

mod account;
mod classes;
mod filter;
mod filters;
mod guard;
mod hook_method;
mod hooks;
mod load;
mod maps;
mod options;
mod random;
mod requests;
mod sealed;
mod setup;
mod sleep;
mod verdicts;

pub use account::{CpuDrops, Misses, ProgramRuns};
pub use guard::Tampering;
pub use hook_method::{HookMethod, HookSource};
pub use options::{Attach, ExcludedThreads, Order, Payloads, ProbeOptions};
pub use verdicts::{Published, Verdicts};

/// Maximum length of a thread's name in the kernel, with its NUL.
const COMM_LEN: usize = 16;
/// The loaded and attached programs. Dropping it unloads them.
pub struct Probe {
    /// Links by the names of their programs. They are dropped before the skeleton.
    links: Vec<(&'static str, Link)>,
    /// The loaded programs.
    parts: Vec<Object>,
    /// The maps. The programs share them.
    skel: ProbeSkel<'static>,
    /// The object that the skeleton borrows; it is dropped after the skeleton.
    _object: Box<MaybeUninit<OpenObject>>,
    cpus: usize,
    /// Whether the machine has further CPUs, which have no ring.
    has_more_cpus: bool,
    counters: Counters,
    /// Programs at the beginning of calls.
    enter: &'static [Program],
    /// The tracepoints in tracefs, if available.
    tracepoints: Option<Tracepoints>,
    /// The form in which the programs were loaded.
    form: Form,
    /// The programs that were not loaded because the first interest did not need them.
    not_loaded: Vec<&'static Program>,
    bell: Bell,
    /// Time of boot, ns since the epoch.
    boot_time: u64,
    /// Whether programs can be attached to kernel functions, if that was tried.
    has_hooks: bool,
    /// The way in which decisions of security hooks are captured.
    hook_method: HookMethod,
    /// How often the kernel skipped programs at security hooks that are detached now.
    missed_hooks: u64,
    /// The last settings.
    sealed: sealed::Sealed,
    filters: filters::Filters,
    /// Set at the first request.
    verdicts: Option<Verdicts>,
}

// SAFETY: the skeleton's pointers are to memory that the probe owns; libbpf has no thread affinity.
unsafe impl Send for Probe {}

impl std::fmt::Debug for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Probe").field("cpus", &self.cpus).finish_non_exhaustive()
    }
}

impl Probe {
    /// Loads and attaches the programs; also returns the rings, one for each CPU.
    ///
    /// # Errors
    /// A setting is out of range, or the kernel lacks a feature or refuses a step. The message contains a
    /// remedy.
    pub fn open(options: &ProbeOptions) -> Result<(Self, Vec<Ring>), Error> {
        options.check()?;
        features::check()?;
        if std::env::var_os("EYAS_BPF_LOG").is_none() {
            libbpf_rs::set_print(None);
        }
        let possible = features::possible_cpus();
        let cpus = possible.min(options.max_cpus as usize);
        let types = features::Types::of_kernel();
        let tracepoints = Tracepoints::find();
        let form = setup::form(options.attach, tracepoints.is_some(), &types)?;
        let may_sleep = options.sleepable_reads
            && types.sleepable_rcu_guards_tracepoints()
            && Self::tracepoints_may_sleep();
        let enter = if tracepoints.is_none() || form != Form::Plain { ENTER_ALL } else { ENTER_EACH };
        let mut object = Box::new(MaybeUninit::uninit());
        // SAFETY: the box is kept beside the skeleton and dropped after it, so that what the skeleton
        // borrows stays where it is for as long as the skeleton lives.
        let storage: &'static mut MaybeUninit<OpenObject> =
            unsafe { &mut *std::ptr::from_mut(object.as_mut()) };
        let mut open = ProbeSkelBuilder::default().open(storage).map_err(kernel("open its programs"))?;
        let plan = setup::plan(cpus, options.ring_bytes);
        setup::configure(&mut open, &types, form, cpus, &plan)?;
        let first = Interest(options.interest.as_deref());
        let is_wanted = |row: &Program| !options.fixed_interest || first.needs(row);
        let may_see = |row: &Program| is_wanted(row) && row.need.is_some_and(|need| types.have(need));
        if !options.io_uring || !REQUESTS.iter().any(may_see) {
            setup::leave_out_requests(&mut open)?;
        }
        let requests = REQUESTS.iter().chain([&SILENT]).chain(&FREED);
        let called = CALLED.iter().filter(|_| form != Form::Preempted);
        let (loaded, not_loaded): (Vec<_>, Vec<_>) = for_calls(enter)
            .chain(requests)
            .chain(called)
            .filter(|row| options.io_uring || row.extra != Some(Extra::Requests))
            .partition(|row| is_wanted(row));
        open.open_object_mut().progs_mut().for_each(|mut program| program.set_autoload(false));
        let refused = |cause: libbpf_rs::Error| match cause.kind() {
            ErrorKind::PermissionDenied => features::refused(&types),
            _ => types.too_old().unwrap_or_else(|| kernel("load its programs")(cause)),
        };
        let mut skel = open.load().map_err(refused)?;
        let wanted: Vec<&'static Program> = loaded
            .into_iter()
            .chain(for_all())
            .filter(|row| row.need.is_none_or(|need| types.have(need)))
            .chain(may_sleep.then_some(&PAGE_IN))
            .collect();
        let parts = Part::ALL.map(|part| wanted.iter().copied().filter(|row| row.part == part).collect());
        let parts: Vec<_> = parts.into_iter().filter(|rows: &Vec<_>| !rows.is_empty()).collect();
        let parts = load::Maps::of(skel.object()).load_parts(&parts, form).map_err(refused)?;
        connect(&parts, form, &skel)?;
        let bell = Bell::new(skel.maps.bss_sleep.as_fd(), skel.maps.bell.as_fd())?;
        let boot_time = boot_time();
        let (counters, rings) =
            ring::map(skel.maps.bss_cpus.as_fd(), skel.maps.ring_segments.as_fd(), &plan)?;
        maps::close(skel.object());
        setup::set_options(&mut skel, options, boot_time, cpus);
        let mut probe = Self {
            links: Vec::new(),
            parts,
            skel,
            _object: object,
            cpus,
            has_more_cpus: possible > cpus,
            counters,
            enter,
            tracepoints,
            form,
            not_loaded,
            bell,
            boot_time,
            has_hooks: true,
            hook_method: HookMethod::default(),
            missed_hooks: 0,
            sealed: sealed::Sealed::default(),
            filters: filters::Filters::default(),
            verdicts: None,
        };
        probe.set_excluded_threads(&options.excluded_threads)?;
        probe.set_interest(options.interest.as_deref())?;
        Ok((probe, rings))
    }

    /// Changes which calls are captured from now on; `None` for everything except the most frequent events:
    /// scheduling, signals, page faults.
    ///
    /// # Errors
    /// The kernel lacks a needed tracepoint, or refuses to attach a program. With
    /// [`ProbeOptions::fixed_interest`], a call needs a program that was not loaded; nothing changes.
    pub fn set_interest(&mut self, interest: Option<&[SyscallCode]>) -> Result<(), Error> {
        let done = self.apply_interest(interest);
        self.seal();
        done
    }

    fn apply_interest(&mut self, interest: Option<&[SyscallCode]>) -> Result<(), Error> {
        let arch = if cfg!(target_arch = "aarch64") { Arch::Aarch64 } else { Arch::X86_64 };
        let interest = Interest(interest);
        if let Some(missing) = self.not_loaded.iter().find(|row| interest.needs(row)) {
            return Err(Error::NotLoaded { program: missing.name });
        }
        if let Some(bss) = self.skel.maps.bss_data.as_deref_mut() {
            bss.reports_names = u8::from(interest.has(SyscallCode::PRCTL));
            let mut table = [0; 512];
            for info in syscalls() {
                if let Some(slot) = info.number(arch).and_then(|n| table.get_mut(usize::from(n))) {
                    *slot = interest.table_value(info.code, info.flags);
                }
            }
            bss.interest = table;
            #[cfg(target_arch = "x86_64")]
            {
                bss.ia32_interest = ia32_interest(&interest);
            }
        }
        // Without it, events of 32-bit programs have the values at the end.
        let _ = self.attach(&ENTER_IA32, interest.needs(&ENTER_IA32) && self.is_loaded(&ENTER_IA32));
        self.attach_to_last_requests()?;
        // Programs at the beginning of calls are attached first, so that every captured exit has its
        // beginning, and the one that pages in arguments before the one that reads them.
        for program in [&PAGE_IN].into_iter().chain(self.enter).chain(PROGRAMS) {
            self.attach(program, interest.needs(program))?;
        }
        self.attach_to_entries(&interest);
        self.attach_to_datagrams(&interest);
        self.attach_to_requests(&interest)
    }

    /// Attaches the programs that keep the other ends of datagrams, in the first way that the kernel allows. Without them,
    /// events have the addresses that are in the program's memory when the call ends.
    fn attach_to_datagrams(&mut self, interest: &Interest<'_>) {
        let mut keeps = 0;
        for (ways, bit) in DATAGRAMS.iter().zip([1, 2]) {
            for way in ways {
                let wanted = keeps & bit == 0 && way.iter().any(|program| interest.needs(program));
                let done = wanted
                    && way
                        .iter()
                        .all(|program| self.is_loaded(program) && self.attach(program, true).is_ok());
                keeps |= if done { bit } else { 0 };
                if !done {
                    self.links.retain(|(name, _)| way.iter().all(|program| program.name != *name));
                }
            }
        }
        if let Some(bss) = self.skel.maps.bss_data.as_deref_mut() {
            bss.keeps_peers = keeps;
        }
    }

    /// Whether events of sent, and of received, datagrams (UDP) have the kernel's own copies of addresses. Otherwise another
    /// thread may change such an address during the call. Both are false for calls that are not captured.
    pub fn keeps_datagram_addresses(&self) -> [bool; 2] {
        let keeps = self.skel.maps.bss_data.as_deref().map_or(0, |bss| bss.keeps_peers);
        [keeps & 1 != 0, keeps & 2 != 0]
    }

    /// Attaches the programs that find the directory entries of calls: hooks, if the kernel has them,
    /// otherwise those on change times. Without both, events have only the requested paths.
    fn attach_to_entries(&mut self, interest: &Interest<'_>) {
        if self.has_hooks {
            self.has_hooks = HOOKS.iter().all(|hook| self.attach(hook, interest.needs(hook)).is_ok());
        }
        if !self.has_hooks {
            self.links.retain(|(name, _)| HOOKS.iter().all(|hook| hook.name != *name));
        }
        for touch in TOUCHES {
            // Kernels before 6.13 have no such function.
            let _ = self.attach(touch, !self.has_hooks && interest.needs(touch));
        }
    }

    /// The loaded programs.
    fn programs(&self) -> impl Iterator<Item = ProgramMut<'_>> {
        loaded_of(&self.parts)
    }

    /// Whether the program is loaded.
    fn is_loaded(&self, row: &Program) -> bool {
        let (name, _) = row.form(self.form);
        self.programs().any(|program| program.name() == name)
    }

    /// Attaches or detaches a program.
    fn attach(&mut self, row: &'static Program, wanted: bool) -> Result<(), Error> {
        let is_attached = self.links.iter().any(|(name, _)| *name == row.name);
        match (is_attached, wanted) {
            (true, false) => self.links.retain(|(name, _)| *name != row.name),
            (false, true) => {
                let (name, attachment) = row.form(self.form);
                let found = self.programs().find(|program| program.name() == name);
                match found {
                    Some(program) => {
                        let links = match (&self.tracepoints, attachment) {
                            (Some(tracepoints), Attachment::Perf(tracepoint)) => tracepoints
                                .attach(&program, tracepoint)
                                .map(|link| vec![link])
                                .map_err(|cause| Error::Kernel { step: "attach its programs", cause })?,
                            (_, Attachment::Functions(list)) => {
                                functions::attach(&program, list).map_err(kernel("attach its programs"))?
                            }
                            (_, Attachment::SomeFunctions(list)) => functions::attach_to_some(&program, list),
                            (_, Attachment::RootCgroup) => {
                                vec![cgroup::attach(&program).map_err(kernel("attach its programs"))?]
                            }
                            _ => vec![program.attach().map_err(kernel("attach its programs"))?],
                        };
                        self.links.extend(links.into_iter().map(|link| (row.name, link)));
                    }
                    // Calls that this architecture does not have.
                    _ => {
                        let Some(Need::Tracepoint(name)) = row.need else {
                            return Ok(());
                        };
                        return Err(Error::NoTracepoint { name });
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Changes which threads are excluded from now on.
    ///
    /// # Errors
    /// There are too many for the maps: more than 1,024 names or 8,192 ids.
    pub fn set_excluded_threads(&mut self, threads: &ExcludedThreads) -> Result<(), Error> {
        let since = maps::ticks();
        let done = self.apply_excluded_threads(threads);
        self.sealed.ids = maps::ExcludedIds::new(&threads.tids, since);
        self.seal();
        done
    }

    fn apply_excluded_threads(&mut self, threads: &ExcludedThreads) -> Result<(), Error> {
        let maps = &self.skel.maps;
        for map in [&maps.quiet_comms as &dyn MapCore, &maps.quiet_tids] {
            let old: Vec<Vec<u8>> = map.keys().collect();
            for key in old {
                map.delete(&key).map_err(kernel("change which threads are left out"))?;
            }
        }
        for comm in &threads.comms {
            let mut key = [0; COMM_LEN];
            let bytes = comm.as_bytes();
            let len = bytes.len().min(COMM_LEN - 1);
            key[..len].copy_from_slice(&bytes[..len]);
            let put = maps.quiet_comms.update(&key, &[1], MapFlags::ANY);
            put.map_err(kernel("leave out threads by name"))?;
        }
        for tid in &threads.tids {
            let put = maps.quiet_tids.update(&tid.to_ne_bytes(), &[1], MapFlags::ANY);
            put.map_err(kernel("leave out threads by id"))?;
        }
        let any = *threads != ExcludedThreads::default();
        if let Some(bss) = self.skel.maps.bss_data.as_deref_mut() {
            bss.any_quiet_comm = u8::from(!threads.comms.is_empty());
            bss.any_quiet_tid = u8::from(any);
        }
        self.update_slow_path_flag();
        QUIET.iter().try_for_each(|program| self.attach(program, any))?;
        if !any {
            // A BPF program may have added some meanwhile.
            let map = &self.skel.maps.quiet_tids;
            let left: Vec<Vec<u8>> = map.keys().collect();
            left.iter().for_each(|key| drop(map.delete(key)));
        }
        Ok(())
    }

    /// Sets the flag that shows programs whether any setting needs more than the table of calls.
    fn update_slow_path_flag(&mut self) {
        let maps = &mut self.skel.maps;
        let samples = maps.data_data.as_deref().is_some_and(|data| data.sampling_ratio > 1);
        if let Some(bss) = maps.bss_data.as_deref_mut() {
            let others = [bss.stopped, bss.drop_failed, bss.any_quiet_comm, bss.any_quiet_tid];
            bss.is_choosy = u8::from(samples || others.contains(&1));
        }
    }

    /// From now on captures the first `1/ratio` of each second, and calls that change the state; 1 means
    /// everything.
    ///
    /// # Errors
    /// The ratio is not from 1 to 1,000,000.
    pub fn set_sampling(&mut self, ratio: u32) -> Result<(), Error> {
        if !(1..=1_000_000).contains(&ratio) {
            let (what, given) = ("the sampling ratio", u64::from(ratio));
            return Err(Error::Setting { what, given, expected: "from 1 to 1000000" });
        }
        if let Some(data) = self.skel.maps.data_data.as_deref_mut() {
            data.sampling_ratio = ratio;
        }
        self.update_slow_path_flag();
        self.seal();
        Ok(())
    }

    /// Calls `each` with every open file of every process, one process after another. Returns whether the
    /// kernel supports that. A process that starts or ends meanwhile may be missing.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn files(&self, each: impl FnMut(OpenFile<'_>)) -> Result<bool, Error> {
        let Some(link) = self.iterator(&FILES)? else { return Ok(false) };
        listing::files(&link, each).map(|()| true)
    }

    /// Calls `each` with a frame of the type `ITER_TASK_E` for every thread, in the order of their ids.
    /// Returns whether the kernel supports that (Linux 5.18). The frame has two parameters after those of
    /// its row. The first is the inode of the thread's network namespace, 32 bits. The second is a byte
    /// with bits for gaps: 1, the thread is exiting; 2, its arguments or environment could not be read, or
    /// are a title that the program wrote over them; 4, a path or cgroup is too long. A kernel thread has
    /// no parameters at all.
    ///
    /// Arguments, environment, program and working directory are empty if the leader of the thread's
    /// process has them.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn tasks(&self, each: impl FnMut(&[u8])) -> Result<bool, Error> {
        let Some(link) = self.iterator(&TASKS)? else { return Ok(false) };
        listing::tasks(&link, each).map(|()| true)
    }

    /// An iterator, ready for reading, if the kernel has it and it shows every process.
    fn iterator(&self, row: &Program) -> Result<Option<Link>, Error> {
        let found = self.programs().find(|program| program.name() == row.name);
        match found {
            Some(program) if features::sees_every_process() => {
                program.attach().map(Some).map_err(kernel("attach its programs"))
            }
            _ => Ok(None),
        }
    }

    /// Attaches or detaches empty programs, to measure the minimum cost of programs: at the end of every call, and at the
    /// beginning of opens and closes.
    #[doc(hidden)]
    pub fn set_empty(&mut self, at_end: bool, at_beginning: bool) -> Result<(), Error> {
        self.attach(&EMPTY_AT_END, at_end)?;
        for program in &EMPTY_AT_BEGINNING {
            self.attach(program, at_beginning)?;
        }
        self.seal();
        Ok(())
    }

    /// Stops the capture. When it returns, no BPF program runs any more: existing frames stay in the rings,
    /// no others come, and the counters are final.
    ///
    /// # Errors
    /// The kernel does not wait for its programs, so some events may still come.
    pub fn stop(&mut self) -> Result<(), Error> {
        if let Some(bss) = self.skel.maps.bss_data.as_deref_mut() {
            bss.stopped = 1;
        }
        self.update_slow_path_flag();
        self.detach_hooks();
        self.links.clear();
        self.wait_for_programs()
    }

    /// Makes the next published event wake [`Probe::wait`]. A program that is publishing an event at this
    /// moment may miss that, so check the rings again a moment later, before a long wait.
    pub fn listen(&self) {
        self.bell.listen();
    }

    /// Cancels [`Probe::listen`].
    pub fn stop_listening(&self) {
        self.bell.stop_listening();
    }

    /// Sleeps until an event is published after [`Probe::listen`], a signal arrives, or the time is over;
    /// returns whether it was an event. Later events do not wake it before the next [`Probe::listen`].
    pub fn wait(&self, time: Duration) -> bool {
        self.bell.wait(time)
    }

    /// The time of boot, which converts the time since boot to that of events, ns since the epoch.
    pub fn boot_time(&self) -> u64 {
        self.boot_time
    }
}

/// The programs of these objects that were loaded.
fn loaded_of(parts: &[Object]) -> impl Iterator<Item = ProgramMut<'_>> {
    parts.iter().flat_map(Object::progs_mut).filter(|program| program.autoload())
}

/// The interest in the calls of 32-bit programs.
#[cfg(target_arch = "x86_64")]
fn ia32_interest(interest: &Interest<'_>) -> [u8; crate::ia32::PLACES] {
    let mut table = [0; crate::ia32::PLACES];
    for (slot, call) in table.iter_mut().zip(crate::ia32::places()) {
        let Some(call) = call else { continue };
        // Some have a special event although no 64-bit call has their name.
        let own = if call.exit == EventType::GENERIC_X { SyscallFlags::NONE } else { SyscallFlags::USED };
        *slot = interest.table_value(call.code, call.code.info().map_or(own, |info| info.flags | own));
    }
    table
}

/// Puts the programs that others call into the maps of such programs.
fn connect(parts: &[Object], form: Form, skel: &ProbeSkel<'_>) -> Result<(), Error> {
    for program in loaded_of(parts) {
        let mut rows = CALLED.iter().chain(&FREED).map(|row| row.form(form));
        let (map, index): (&dyn MapCore, u32) = match rows.find(|(name, _)| program.name() == *name) {
            Some((_, Attachment::Called(index))) => (&skel.maps.called_programs, index),
            Some((_, Attachment::CalledAtExit)) => (&skel.maps.called_at_exit, 0),
            _ => continue,
        };
        map.update(&index.to_ne_bytes(), &program.as_fd().as_raw_fd().to_ne_bytes(), MapFlags::ANY)
            .map_err(kernel("connect its programs"))?;
    }
    Ok(())
}

/// The programs that some calls need, with these at the beginning of calls.
fn for_calls(enter: &'static [Program]) -> impl Iterator<Item = &'static Program> {
    let datagrams = DATAGRAMS.as_flattened().iter().copied().flatten();
    // The program at the beginning of all calls sees those of 32-bit programs, too.
    let narrow = has_each(enter).then_some(&ENTER_IA32);
    PROGRAMS.iter().chain(enter).chain(narrow).chain(HOOKS).chain(TOUCHES).chain(datagrams)
}

/// Whether these programs at the beginning of calls are those at the tracepoint of each call.
fn has_each(enter: &[Program]) -> bool {
    enter.len() == ENTER_EACH.len()
}

/// The programs that are loaded whatever is captured.
fn for_all() -> impl Iterator<Item = &'static Program> {
    QUIET.iter().chain([&ENTER_CLOSE, &TASKS, &FILES, &EMPTY_AT_END]).chain(&EMPTY_AT_BEGINNING)
}

/// The time of boot, ns since the epoch.
fn boot_time() -> u64 {
    let ns = |id| {
        let time = clock_gettime(id);
        time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
    };
    // The two clocks are read one after another; the shortest interval gives the best result.
    let times = (0..5).map(|_| (ns(ClockId::Boottime), ns(ClockId::Realtime), ns(ClockId::Boottime)));
    let best = times.min_by_key(|(before, _, after)| after - before);
    best.map_or(0, |(before, now, after)| now.saturating_sub(before + (after - before) / 2))
}
