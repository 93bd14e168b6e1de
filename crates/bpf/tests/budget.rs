//! Verification cost of the programs. Needs root and a kernel that loads the probe.

use eyas_testing::{own_bpf_programs, test};

use eyas_bpf::{Features, HookSource, Probe, ProbeOptions};
use libbpf_rs::query::{ProgInfoIter, ProgInfoQueryOptions};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

/// Maximum number of instructions that the verifier may process for one program; the kernel allows a
/// million.
const INSTRUCTIONS: u32 = 600_000;
/// Maximum number of functions of one program; the kernel allows 256.
const FUNCTIONS: usize = 200;

#[test]
fn programs_stay_within_the_verifier_s_budget() {
    let _lock = eyas_testing::live_turn();
    let options = ProbeOptions { ring_bytes: 4096, sleepable_reads: true, ..ProbeOptions::default() };
    let (mut probe, _rings) = Probe::open(&options).unwrap();
    // What the kernel's types say it has, its verifier accepts.
    assert_eq!(probe.sees_requests(), Features::detect().io_uring.is_some());
    assert_eq!(probe.sees_silent_requests(), Features::detect().shows_silent_requests);
    let method = probe.set_hooks(Some(HookSource::Auto)).unwrap();
    println!("\nhooks: {method}, {}", probe.hooks().count());
    // What that is found by works.
    assert!(["sys_exit", "sched_switch"].iter().all(|tracepoint| Probe::loads_at(tracepoint, false)));
    let may_sleep = Probe::tracepoints_may_sleep();
    println!("sleepable: {}", if may_sleep { "yes" } else { "no" });
    assert_eq!(probe.pages_in(), may_sleep);
    let names = [
        "decide_",
        "sys_",
        "enter_",
        "request_",
        "process_",
        "sched_",
        "quiet_",
        "kept_",
        "page_in",
        "peer_",
        "datagram_",
        "dump_",
        "signal_deliver",
        "fault_",
        "task_",
        "hook_",
        "touch_",
        "uring_",
    ];
    let options = ProgInfoQueryOptions::default().include_jited_func_lens(true);
    let own = own_bpf_programs();
    let ours: Vec<_> = ProgInfoIter::with_query_opts(options)
        .filter(|program| own.contains(&program.id))
        .filter(|program| names.iter().any(|name| program.name.to_string_lossy().starts_with(name)))
        .collect();
    assert!(ours.len() >= 7, "{} programs", ours.len());
    for program in &ours {
        let (name, functions) = (program.name.to_string_lossy(), program.jited_func_lens.len());
        println!("{name}: {} instructions verified, {functions} functions", program.verified_insns);
        // Before Linux 5.16, the kernel reports 0.
        assert!(program.verified_insns < INSTRUCTIONS, "{name}");
        assert!((1..FUNCTIONS).contains(&functions), "{name}");
    }
}
