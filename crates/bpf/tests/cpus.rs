//! CPUs without a ring. Needs root and a kernel that loads the probe.

use eyas_bpf::{Probe, ProbeOptions};
use eyas_events::SyscallCode;
use eyas_testing::test;

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

#[test]
fn events_on_a_cpu_without_a_ring_are_counted_as_lost() {
    let _turn = eyas_testing::live_turn();
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    if cpus < 2 {
        eyas_testing::ignore("it takes two CPUs");
    }
    let options =
        ProbeOptions { ring_bytes: 1 << 20, max_cpus: 1, ..ProbeOptions::only([SyscallCode::GETPPID]) };
    let (mut probe, mut rings) = Probe::open(&options).unwrap();
    assert_eq!(rings.len(), 1);
    for cpu in [0, cpus - 1] {
        let mut only = rustix::thread::CpuSet::new();
        only.set(cpu);
        rustix::thread::sched_setaffinity(None, &only).unwrap();
        (0..1000).for_each(|_| _ = rustix::process::getppid());
    }
    probe.stop().unwrap();
    let mut delivered = 0;
    while rings[0].peek().is_some() {
        rings[0].consume();
        delivered += 1;
    }
    let drops = probe.drops();
    let (first, others) = (drops[0], drops[1]);
    assert!(delivered >= 1000 && others.bug >= 1000, "{drops:?}");
    assert_eq!((first.produced, first.bug, others.produced), (delivered, 0, others.bug));
    let pending_losses: Vec<_> = probe.pending_losses().collect();
    assert_eq!(pending_losses.len(), 1);
    assert_eq!((pending_losses[0].1, probe.has_ring(pending_losses[0].0)), (others.bug, false));
}
