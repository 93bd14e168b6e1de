//! What the programs know before they run: sizes of maps, features of the kernel, options.

use super::options::{Attach, ProbeOptions};
use super::{classes, random};
use crate::error::{Error, kernel};
use crate::features::{self, Need, Types};
use crate::programs::Form;
use crate::ring::Plan;
use crate::skel::{OpenProbeSkel, ProbeSkel};

/// Maximum size of the ring of an offline CPU, bytes, because it may come online.
const SPARE_RING: usize = 256 << 10;
/// Maximum number of such CPUs with a ring; some machines report hundreds that never come online.
const SPARE_CPUS: usize = 32;

/// The form in which the programs are attached to tracepoints.
///
/// # Errors
/// The kernel lacks what the requested form needs.
pub(super) fn form(attach: Attach, has_tracefs: bool, types: &Types) -> Result<Form, Error> {
    Ok(match (attach, has_tracefs) {
        (Attach::Auto | Attach::Perf, true) if types.tracepoints_preempt() => Form::Preempted,
        (Attach::Btf | Attach::Auto, _) => Form::Plain,
        (Attach::Perf, true) => types.allow_perf().map(|()| Form::Perf)?,
        (Attach::Perf, false) => return Err(Error::NoTracefs),
    })
}

/// Rings of `ring_bytes` for online CPUs, and smaller ones for CPUs that may come online.
pub(super) fn plan(cpus: usize, ring_bytes: usize) -> Plan {
    let online = features::online_cpus();
    let mut spare = 0;
    Plan::new((0..cpus as u32).map(|cpu| {
        if online.as_ref().is_none_or(|online| online.contains(&cpu)) {
            return ring_bytes;
        }
        spare += 1;
        if spare <= SPARE_CPUS { ring_bytes.min(SPARE_RING) } else { 0 }
    }))
}

/// Sizes and chooses the maps, and sets the constants of the programs.
///
/// # Errors
/// libbpf refuses a step.
pub(super) fn configure(
    open: &mut OpenProbeSkel<'_>,
    types: &Types,
    form: Form,
    cpus: usize,
    plan: &Plan,
) -> Result<(), Error> {
    open.maps.scratches.set_max_entries(cpus as u32 + 1).map_err(kernel("size its memory"))?;
    open.maps.lost_by_cpu.set_max_entries(cpus as u32 + 1).map_err(kernel("size its memory"))?;
    open.maps.ring_segments.set_max_entries(plan.segments as u32).map_err(kernel("size its rings"))?;
    let has_task_storage = types.have_task_storage();
    if let Some(rodata) = open.maps.rodata_data.as_deref_mut() {
        rodata.has_task_pointer = u8::from(types.have_task_pointer());
        rodata.has_task_storage = u8::from(has_task_storage);
        rodata.completes_by_entry = u8::from(types.completes_by_entry());
        rodata.follows_freed = u8::from(types.have(Need::FreedRequests));
        rodata.lacks_hooks = u8::from(types.have(Need::NoKprobes));
        rodata.own_cpus = cpus as u32;
        let is_held = form == Form::Preempted;
        rodata.hooks_hold_cpu = u8::from(is_held);
        rodata.hooks_are_preempted = u8::from(!is_held && types.rcu_preempts());
        rodata.programs_are_preempted = u8::from(!is_held && types.tracepoints_preempt());
        rodata.class_of = classes::classes();
        rodata.open_keys = random::numbers();
        rodata.kind_keys = random::numbers();
    }
    let maps = &mut open.maps;
    for (map, is_used) in [
        (&mut maps.kept_calls, has_task_storage),
        (&mut maps.kept_paths, has_task_storage),
        (&mut maps.kept_calls_by_tid, !has_task_storage),
        (&mut maps.kept_paths_by_tid, !has_task_storage),
        (&mut maps.entries_of_calls, has_task_storage),
        (&mut maps.touches, has_task_storage),
        (&mut maps.mounts_before, has_task_storage),
        (&mut maps.entries_by_tid, !has_task_storage),
    ] {
        map.set_autocreate(is_used).map_err(kernel("choose its memory"))?;
    }
    Ok(())
}

/// Empties the maps for requests of `io_uring`.
///
/// # Errors
/// libbpf refuses a step.
pub(super) fn leave_out_requests(open: &mut OpenProbeSkel<'_>) -> Result<(), Error> {
    // Programs at kernel functions refer to these maps, which stay empty. Kernels without such
    // requests warn about memory that a program allocates while it runs.
    for map in [&mut open.maps.requests, &mut open.maps.entries_of_requests] {
        map.set_map_flags(0).map_err(kernel("size its memory"))?;
        map.set_max_entries(1).map_err(kernel("size its memory"))?;
    }
    Ok(())
}

/// Sets the options that the loaded programs read.
pub(super) fn set_options(skel: &mut ProbeSkel<'_>, options: &ProbeOptions, boot_time: u64, cpus: usize) {
    if let Some(data) = skel.maps.data_data.as_deref_mut() {
        data.snaplen = options.snaplen;
        data.page_to_kb = (rustix::param::page_size() >> 10).trailing_zeros();
        data.own_pid = options.exclude_pid.unwrap_or(u32::MAX);
        data.statsd_port = options.payloads.as_ref().map_or(0, |payloads| payloads.statsd_port);
    }
    if let Some(bss) = skel.maps.bss_data.as_deref_mut() {
        bss.boot_time = boot_time;
        bss.iterator_slot = cpus as u32;
        bss.drop_failed = u8::from(options.drop_failed);
        bss.snaplen_by_protocol = u8::from(options.payloads.is_some());
        if let Some(full) = options.payloads.as_ref().and_then(|payloads| payloads.full.as_ref()) {
            (bss.first_full_port, bss.last_full_port) = (*full.start(), *full.end());
        }
    }
}
