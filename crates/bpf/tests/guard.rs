//! The probe detects manipulation by other programs. Needs root and a kernel that loads the probe.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::RawFd;

use eyas_bpf::{ExcludedThreads, Probe, ProbeOptions, Tampering};
use eyas_events::SyscallCode;
use eyas_testing::{own_bpf_maps, test};
use libbpf_rs::query::{MapInfo, MapInfoIter};
use libbpf_rs::{MapCore, MapFlags, MapHandle};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

/// The maps that this process has opened since `before`. Others may have probes, too.
fn maps_since(before: &BTreeSet<u32>) -> impl Iterator<Item = MapInfo> {
    let new: BTreeSet<u32> = own_bpf_maps().difference(before).copied().collect();
    MapInfoIter::default().filter(move |map| new.contains(&map.id))
}

/// A probe that excludes this process, and its map with this name.
fn probe(name: &str) -> (Probe, MapHandle) {
    open(name, true)
}

/// Like [`probe`], for an interest that may grow.
fn open(name: &str, fixed_interest: bool) -> (Probe, MapHandle) {
    let before = own_bpf_maps();
    let options = ProbeOptions {
        ring_bytes: 4096,
        exclude_pid: Some(std::process::id()),
        interest: Some(vec![SyscallCode::OPENAT]),
        fixed_interest,
        io_uring: false,
        excluded_threads: ExcludedThreads { comms: vec!["noisy".into()], ..ExcludedThreads::default() },
        ..ProbeOptions::default()
    };
    let (probe, _rings) = Probe::open(&options).unwrap();
    let map = maps_since(&before).find(|map| map.name.to_string_lossy().ends_with(name)).unwrap();
    (probe, MapHandle::from_map_id(map.id).unwrap())
}

/// Changes a byte of a map of one value, as another process can.
fn change(map: &MapHandle, at: impl Fn(&[u8]) -> usize) -> Vec<u8> {
    let key = 0_u32.to_ne_bytes();
    let old = map.lookup(&key, MapFlags::ANY).unwrap().unwrap();
    let mut new = old.clone();
    new[at(&old)] ^= 1;
    map.update(&key, &new, MapFlags::ANY).unwrap();
    old
}

#[test]
fn an_unchanged_probe_reports_no_tampering() {
    let _lock = eyas_testing::live_turn();
    let (mut probe, _) = open(".bss", false);
    for _ in 0..5 {
        assert_eq!(probe.tampering(), []);
    }
    probe.set_sampling(7).unwrap();
    probe.set_interest(Some(&[SyscallCode::CHDIR, SyscallCode::CONNECT])).unwrap();
    probe.set_excluded_threads(&ExcludedThreads::default()).unwrap();
    assert_eq!(probe.tampering(), [], "what this process sets is as it is set");
    probe.stop().unwrap();
    assert_eq!(probe.tampering(), [], "it is over");
}

#[test]
fn settings_that_others_change_are_restored() {
    let _lock = eyas_testing::live_turn();
    let (mut probe, map) = probe(".bss");
    // The table of calls: openat is not wanted any more.
    let old = change(&map, |bss| bss.iter().rposition(|byte| *byte == 1).unwrap());
    assert_eq!(probe.tampering(), [Tampering::Settings]);
    assert_eq!(map.lookup(&0_u32.to_ne_bytes(), MapFlags::ANY).unwrap().unwrap(), old);
    assert_eq!(probe.tampering(), []);
    drop(probe);
    let (mut probe, map) = self::probe(".data");
    let pid = std::process::id().to_ne_bytes();
    change(&map, |data| data.windows(4).position(|bytes| bytes == pid).unwrap());
    assert_eq!(probe.tampering(), [Tampering::Settings]);
    assert_eq!(probe.tampering(), []);
}

#[test]
fn excluded_names_that_others_change_are_restored() {
    let _lock = eyas_testing::live_turn();
    let (mut probe, map) = probe("quiet_comms");
    let mut name = [0; 16];
    name[..4].copy_from_slice(b"evil");
    map.update(&name, &[1], MapFlags::ANY).unwrap();
    assert_eq!(probe.tampering(), [Tampering::ExcludedNames]);
    assert_eq!((map.keys().count(), probe.tampering()), (1, vec![]));
    let noisy = map.keys().next().unwrap();
    map.delete(&noisy).unwrap();
    assert_eq!(probe.tampering(), [Tampering::ExcludedNames]);
    assert_eq!((map.keys().collect::<Vec<_>>(), probe.tampering()), (vec![noisy], vec![]));
}

#[test]
fn excluded_ids_that_others_change_are_restored() {
    let _lock = eyas_testing::live_turn();
    let (mut probe, map) = probe("quiet_tids");
    // A change by the probe itself: the child of an excluded thread.
    let set = |tids: Vec<u32>| ExcludedThreads { tids, ..ExcludedThreads::default() };
    let mut sleeper = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let shell = "read l; sleep 60 & echo $!; read l; kill $!";
    let mut parent = std::process::Command::new("sh");
    let parent = parent.args(["-c", shell]).stdin(std::process::Stdio::piped());
    let mut parent = parent.stdout(std::process::Stdio::piped()).spawn().unwrap();
    // The kernel counts the time of a start in ticks.
    std::thread::sleep(std::time::Duration::from_millis(30));
    probe.set_excluded_threads(&set(vec![parent.id()])).unwrap();
    let mut input = parent.stdin.take().unwrap();
    input.write_all(b"\n").unwrap();
    let mut child = String::new();
    BufReader::new(parent.stdout.take().unwrap()).read_line(&mut child).unwrap();
    let child: u32 = child.trim().parse().unwrap();
    let keys = |map: &MapHandle| {
        let mut ids: Vec<u32> = map.keys().map(|key| u32::from_ne_bytes(key.try_into().unwrap())).collect();
        ids.sort_unstable();
        ids
    };
    let mut both = vec![parent.id(), child];
    both.sort_unstable();
    assert_eq!((probe.tampering(), keys(&map)), (vec![], both.clone()));
    // What others do.
    map.update(&sleeper.id().to_ne_bytes(), &[1], MapFlags::ANY).unwrap();
    assert_eq!((probe.tampering(), keys(&map)), (vec![Tampering::ExcludedIds], both.clone()));
    map.delete(&parent.id().to_ne_bytes()).unwrap();
    assert_eq!((probe.tampering(), keys(&map)), (vec![Tampering::ExcludedIds], both));
    assert_eq!(probe.tampering(), []);
    drop(input);
    parent.wait().unwrap();
    assert_eq!(probe.tampering(), [], "threads that end are no longer left out");
    // No thread is excluded.
    probe.set_excluded_threads(&ExcludedThreads::default()).unwrap();
    assert_eq!((probe.tampering(), keys(&map)), (vec![], vec![]));
    map.update(&sleeper.id().to_ne_bytes(), &[1], MapFlags::ANY).unwrap();
    assert_eq!((probe.tampering(), keys(&map)), (vec![Tampering::ExcludedIds], vec![]));
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
}

#[test]
fn writing_or_freezing_a_map_is_refused_or_reported() {
    let _lock = eyas_testing::live_turn();
    let before = own_bpf_maps();
    let (mut probe, _) = probe("quiet_tids");
    assert_eq!(probe.tampering(), []);
    let mut seen = Vec::new();
    for info in maps_since(&before) {
        let name = info.name.to_string_lossy().into_owned();
        let map = MapHandle::from_map_id(info.id).unwrap();
        let value = vec![1; info.value_size as usize];
        // Programs count in these.
        if name.contains(".bss.") {
            assert!(map.freeze().is_err(), "{name}");
            continue;
        }
        let written = map.update(&vec![0; info.key_size as usize], &value, MapFlags::ANY);
        let frozen = map.freeze();
        seen.push(name.clone());
        match name.as_str() {
            // Changes there are detected or have no effect. This process has these maps mapped, so they
            // cannot be frozen.
            name if name.contains(".bss") || name.ends_with(".data") => assert!(frozen.is_err(), "{name}"),
            "quiet_comms" | "quiet_tids" | "fences" | "filters" | "verdicts" => {
                assert!(frozen.is_ok(), "{name}")
            }
            "bell" => assert!(written.is_err(), "{name}"),
            name => assert!(written.is_err() && frozen.is_err(), "{name}"),
        }
    }
    assert!(seen.iter().any(|name| name == "ring_segments"), "{seen:?}");
    let found = probe.tampering();
    for map in ["quiet_comms", "quiet_tids", "fences", "filters", "verdicts"] {
        assert!(found.contains(&Tampering::Frozen { map }), "{found:?}");
    }
    for what in [Tampering::Settings, Tampering::ExcludedNames, Tampering::ExcludedIds] {
        assert!(found.contains(&what), "{found:?}");
    }
}

#[test]
fn programs_that_others_detach_are_reported() {
    let _lock = eyas_testing::live_turn();
    let (mut probe, _) = probe(".bss");
    // As a tracer of this process could.
    let fds = std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| {
        let entry = entry.ok()?;
        let link = std::fs::read_link(entry.path()).ok()?;
        let fd: RawFd = entry.file_name().to_str()?.parse().ok()?;
        link.to_str()?.contains("link").then_some(fd)
    });
    for fd in fds.collect::<Vec<_>>() {
        // SAFETY: the probe's links own them; afterwards they are only queried for their kind.
        unsafe { rustix::io::close(fd) };
    }
    let found = probe.tampering();
    assert!(found.iter().any(|found| matches!(found, Tampering::Detached { .. })), "{found:?}");
    assert!(found.contains(&Tampering::Silent), "{found:?}");
    // Dropping the probe would close them again.
    std::mem::forget(probe);
}
