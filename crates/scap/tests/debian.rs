//! Debian's sysdig (0.29.3) reads captures that are written here, and prints the same as for the original.

use eyas_testing::{Dir, test};
use std::path::Path;
use std::process::Command;

use eyas_events::EventType;
use eyas_events::param::{SYSCALL_CREAT_X, SYSCALL_OPEN_X, SYSCALL_READ_X};
use eyas_scap::{EventBuilder, FdDetail, FdEntry, MachineInfo, Reader, Snapshot, ThreadEntry, Writer};

mod memory;

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

/// Debian's; not ours of the same name.
const PROGRAM: &str = "/usr/bin/sysdig";

/// Ignores the test where Debian's package is missing.
fn need_sysdig() {
    if !Path::new(PROGRAM).exists() {
        eyas_testing::ignore(format_args!("needs {PROGRAM} of Debian's package sysdig"));
    }
}

/// What it prints, and whether it could read the capture.
fn printed(capture: &Path) -> (String, bool) {
    let output = Command::new(PROGRAM).env("TZ", "UTC").arg("-r").arg(capture).output().unwrap();
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.success())
}

/// Frame by frame, as they are.
fn copy(from: &Path, to: &Path, compress: bool) {
    memory::copy(Reader::open(from).unwrap().raw(), Writer::create(to, compress).unwrap());
}

#[test]
fn a_copy_prints_as_the_original() {
    need_sysdig();
    let files = std::fs::read_dir(eyas_testing::data_or_ignore("captures/upstream")).unwrap();
    let folder = Dir::new("debian-copy");
    let (mut same, mut lines) = (0, 0);
    for path in files.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        let (original, could) = printed(&path);
        for compress in [false, true] {
            let out = folder.join("copy");
            copy(&path, &out, compress);
            let (found, can) = printed(&out);
            if could {
                assert_eq!(found, original, "{}", path.display());
                lines += found.lines().count();
                same += 1;
            }
            // One it cannot read itself, for it does not skip options; in the copy there are none.
            assert!(can, "{}", path.display());
        }
    }
    println!("{same} copies, {lines} lines");
    assert!(same >= 2 * 14 && lines > 10_000, "{same} copies, {lines} lines");
}

#[test]
fn old_events_made_here_print_as_it_prints_them() {
    need_sysdig();
    let folder = Dir::new("debian-made");
    let path = folder.join("made.scap");
    let thread = ThreadEntry {
        tid: 100,
        pid: 100,
        ptid: 1,
        comm: b"cat".to_vec(),
        exe: b"/bin/cat".to_vec(),
        exepath: b"/bin/cat".to_vec(),
        cwd: b"/root/".to_vec(),
        ..ThreadEntry::default()
    };
    let file = FdDetail::File { open_flags: 1, path: b"/etc/hosts".to_vec(), dev: 1, mount_id: 0 };
    let snapshot = Snapshot {
        machine: Some(MachineInfo { cpus: 2, hostname: b"host".to_vec(), ..MachineInfo::default() }),
        threads: vec![thread],
        fds: vec![(100, vec![FdEntry::new(3, 7, file)])],
        ..Snapshot::default()
    };
    let event = |ts: u64, ty| EventBuilder::new(ty).ts(1_000_000_000 * ts).tid(100).cpu(1);
    let events = [
        event(1, EventType::SYSCALL_READ_E).int(0, 3).uint(1, 4096),
        event(2, EventType::SYSCALL_READ_X)
            .int(SYSCALL_READ_X::res, 5)
            .bytes(SYSCALL_READ_X::data, b"hello")
            .truncate(2),
        event(3, EventType::SYSCALL_OPEN_E).truncate(0),
        event(4, EventType::SYSCALL_OPEN_X)
            .int(SYSCALL_OPEN_X::fd, 4)
            .text(SYSCALL_OPEN_X::name, b"notes")
            .uint(SYSCALL_OPEN_X::flags, 1)
            .uint(SYSCALL_OPEN_X::mode, 0)
            .truncate(4),
        // What it does not know stands beside what it knows: parameters of truncate, the path of what was opened.
        event(4, EventType::SYSCALL_TRUNCATE_X).int(0, 0).text(1, b"/etc/hosts"),
        event(4, EventType::SYSCALL_CREAT_X)
            .int(SYSCALL_CREAT_X::fd, 5)
            .text(SYSCALL_CREAT_X::name, b"/tmp/link")
            .uint(SYSCALL_CREAT_X::mode, 0o600)
            .uint(SYSCALL_CREAT_X::dev, 1)
            .text(SYSCALL_CREAT_X::creat_flags + 1, b"/etc/hosts"),
        event(5, EventType::SYSCALL_CLOSE_E).int(0, 4),
        event(6, EventType::SYSCALL_CLOSE_X).int(0, 0).truncate(1),
    ];
    let mut writer = Writer::create(&path, true).unwrap();
    writer.snapshot(&snapshot).unwrap();
    events.into_iter().for_each(|event| writer.event(&event.build().as_raw()).unwrap());
    writer.finish().unwrap();
    let lines = "\
1 00:00:01.000000000 1 cat (100) > read fd=3(<f>/etc/hosts) size=4096 
2 00:00:02.000000000 1 cat (100) < read res=5 data=hello 
3 00:00:03.000000000 1 cat (100) > open 
4 00:00:04.000000000 1 cat (100) < open fd=4(<f>/root/notes) name=notes(/root/notes) flags=1(O_RDONLY) mode=0 
5 00:00:04.000000000 1 cat (100) < truncate 
6 00:00:04.000000000 1 cat (100) < creat fd=5(<f>/tmp/link) name=/tmp/link mode=0600 dev=1 
7 00:00:05.000000000 1 cat (100) > close fd=4(<f>/root/notes) 
8 00:00:06.000000000 1 cat (100) < close res=0 
";
    assert_eq!(printed(&path), (lines.into(), true));
}
