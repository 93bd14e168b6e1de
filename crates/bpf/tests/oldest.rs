//! Tests the probe in the form for the oldest kernels, which have no task storage, on any kernel that loads
//! it. Needs root.

use std::collections::HashSet;
use std::process::{Command, ExitCode};
use std::sync::Barrier;

use libbpf_rs::query::MapInfoIter;
use libbpf_rs::{MapCore, MapHandle};

use eyas_bpf::{Probe, ProbeOptions};
use eyas_testing::{own_bpf_maps, test};

fn main() -> ExitCode {
    eyas_testing::main()
}

/// Environment variable that makes the probe work without features of newer kernels.
const OLDEST: &str = "EYAS_BPF_OLDEST";
/// The name of `kept_calls_by_tid`, as truncated by the kernel.
const MAP: &str = "kept_calls_by_t";
const THREADS: usize = 50;

#[test]
fn the_map_of_saved_arguments_has_no_entry_of_an_ended_thread() {
    if std::env::var_os(OLDEST).is_none() {
        let own = std::env::current_exe().unwrap();
        let mut again = Command::new(own);
        again
            .args(["--exact", "the_map_of_saved_arguments_has_no_entry_of_an_ended_thread"])
            .env(OLDEST, "1");
        let output = again.output().unwrap();
        return assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    let _turn = eyas_testing::live_turn();
    let (_probe, _rings) =
        Probe::open(&ProbeOptions { ring_bytes: 4096, ..ProbeOptions::default() }).unwrap();
    let own = own_bpf_maps();
    let mut maps = MapInfoIter::default().filter(|map| map.name.to_string_lossy() == MAP).map(|map| map.id);
    let id = maps.find(|id| own.contains(id)).expect("threads have something kept in a map");
    let map = MapHandle::from_map_id(id).unwrap();
    let kept =
        || -> HashSet<u32> { map.keys().map(|key| u32::from_ne_bytes(key.try_into().unwrap())).collect() };
    // All threads live when the map is read first, and none at the second time.
    let (open, end) = (Barrier::new(THREADS + 1), Barrier::new(THREADS + 1));
    let (tids, during) = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    let _ = std::fs::File::open("/nonexistent");
                    open.wait();
                    end.wait();
                    rustix::thread::gettid().as_raw_nonzero().get() as u32
                })
            })
            .collect();
        open.wait();
        let during = kept();
        end.wait();
        (threads.into_iter().map(|thread| thread.join().unwrap()).collect::<HashSet<u32>>(), during)
    });
    assert_eq!(tids.len(), THREADS);
    assert!(tids.is_subset(&during), "{:?} had nothing kept", tids.difference(&during));
    // The last of them may still be exiting.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !kept().is_disjoint(&tids) && std::time::Instant::now() < until {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(kept().is_disjoint(&tids), "{:?} are kept", kept().intersection(&tids));
}
