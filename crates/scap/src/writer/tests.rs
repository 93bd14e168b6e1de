use std::net::IpAddr;

use eyas_events::EventType;
use eyas_events::param::{SYSCALL_CLOSE_X, SYSCALL_OPENAT_2_X};

use super::*;
use crate::{
    Advance, EventBuilder, EventSource, FdDetail, FdEntry, Group, Interface, MachineInfo, Next, OwnedEvent,
    Reader, ThreadEntry, User,
};

#[path = "../../tests/sink/mod.rs"]
mod sink;

use sink::Sink;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn snapshot() -> Snapshot {
    let details = vec![
        FdDetail::File { open_flags: 4099, path: b"/etc/a".to_vec(), dev: 0x801, mount_id: 0 },
        FdDetail::Other { type_code: 2, name: b"/etc".to_vec() },
        FdDetail::Socket { local: (ip("1.2.3.4"), 5), remote: (ip("6.7.8.9"), 80), l4: 2 },
        FdDetail::Socket { local: (ip("fe80::1"), 5), remote: (ip("::2"), 80), l4: 3 },
        FdDetail::ServerSocket { addr: (ip("0.0.0.0"), 22), l4: 2 },
        FdDetail::ServerSocket { addr: (ip("::"), 22), l4: 2 },
        FdDetail::Unix { source: 7, destination: 8, path: b"/run/x".to_vec() },
        FdDetail::Other { type_code: 21, name: b"/proc/9".to_vec() },
    ];
    let entry = |(detail, fd)| {
        let entry = FdEntry::new(fd, 100, detail);
        // Also of those whose flags a capture does not show.
        FdEntry { close_on_exec: entry.close_on_exec || fd % 2 == 1, ..entry }
    };
    let fds = details.into_iter().zip(0..).map(entry).collect();
    let thread = ThreadEntry {
        tid: 9,
        pid: 9,
        ptid: 1,
        sid: 2,
        vpgid: 3,
        pgid: 4,
        comm: b"cat".to_vec(),
        exe: b"cat".to_vec(),
        exepath: b"/bin/cat".to_vec(),
        args: b"-v\0".to_vec(),
        env: b"A=b\0".to_vec(),
        cwd: b"/root/".to_vec(),
        root: b"/".to_vec(),
        cgroups: b"cpu=/x\0".to_vec(),
        fdlimit: 1024,
        flags: 5,
        uid: 6,
        gid: 7,
        loginuid: 8,
        vmsize_kb: 9,
        vmrss_kb: 10,
        vmswap_kb: 11,
        pfmajor: 12,
        pfminor: 13,
        vtid: 14,
        vpid: 15,
        pidns_init_start_ts: 16,
        clone_ts: 0,
        tty: 17,
        exe_writable: true,
        exe_upper_layer: false,
        exe_lower_layer: true,
        exe_from_memfd: true,
        caps: [18, 19, 20],
        exe_ino: 21,
        exe_ino_ctime: 22,
        exe_ino_mtime: 23,
    };
    let interface = |addr: &str| Interface {
        name: b"eth0".to_vec(),
        addr: ip(addr),
        netmask: ip(addr),
        broadcast: ip(addr),
        link_speed: 10,
    };
    Snapshot {
        machine: Some(MachineInfo {
            cpus: 2,
            memory: 3,
            max_pid: 4,
            hostname: b"host".to_vec(),
            boot_ts: 5,
            flags: 0,
        }),
        interfaces: vec![interface("10.0.0.1"), interface("fe80::1")],
        users: vec![User {
            uid: 1,
            gid: 2,
            name: b"eve".to_vec(),
            home: b"/home/eve".to_vec(),
            shell: b"/bin/sh".to_vec(),
        }],
        groups: vec![Group { gid: 2, name: b"eves".to_vec() }],
        threads: vec![thread, ThreadEntry { tid: 10, pid: 10, ptid: 9, ..ThreadEntry::default() }],
        fds: vec![(9, fds), (10, Vec::new())],
        metadata: Vec::new(),
    }
}

fn read(bytes: Vec<u8>) -> (Vec<Snapshot>, Vec<OwnedEvent>) {
    let mut reader = Reader::from_reader(io::Cursor::new(bytes)).unwrap();
    let (mut snapshots, mut events) = (Vec::new(), Vec::new());
    loop {
        match reader.next().unwrap() {
            Next::Snapshot(snapshot) => snapshots.push(*snapshot),
            Next::Event(event) => events.push(OwnedEvent::from(event)),
            Next::Idle => {}
            Next::End => return (snapshots, events),
        }
    }
}

#[test]
fn a_written_capture_reads_back_the_same() {
    let mut events = [
        EventBuilder::new(EventType::SYSCALL_OPENAT_2_X)
            .ts(1)
            .tid(9)
            .cpu(3)
            .text(SYSCALL_OPENAT_2_X::name, b"/etc/passwd")
            .build(),
        EventBuilder::new(EventType::SYSCALL_CLOSE_X).ts(2).tid(9).int(SYSCALL_CLOSE_X::fd, 4).build(),
        // Longer than an ordinary event may be.
        EventBuilder::new(EventType::ASYNCEVENT_E).ts(3).bytes(2, &[7; 100_000]).build(),
    ];
    events[1].state_only = true;
    for compress in [false, true] {
        let out = Sink::default();
        let mut writer = Writer::new(out.clone(), compress);
        for _ in 0..2 {
            writer.snapshot(&snapshot()).unwrap();
            events.iter().for_each(|event| writer.event(&event.as_raw()).unwrap());
        }
        writer.finish().unwrap();
        let bytes = out.take();
        assert_eq!(bytes.starts_with(&[0x1f, 0x8b]), compress);
        let (snapshots, found) = read(bytes);
        assert_eq!(snapshots, [snapshot(), snapshot()]);
        assert_eq!(found, [&events[..], &events[..]].concat());
    }
}

#[test]
fn an_event_that_is_too_long_is_refused_with_both_sides() {
    let event = EventBuilder::new(EventType::SYSCALL_READ_X).bytes(1, &[0; 65_535]).build();
    let error = Writer::new(io::sink(), false).event(&event.as_raw()).unwrap_err().to_string();
    assert!(error.contains("65569 bytes, the format allows 65520"), "{error}");
}

/// The losses before each event of a capture, with the time of the event and whether it is shown, and its counters.
fn losses(bytes: Vec<u8>) -> (Vec<(u64, bool, Vec<Loss>)>, crate::Stats) {
    let mut reader = Reader::from_reader(io::Cursor::new(bytes)).unwrap();
    let mut found = Vec::new();
    loop {
        match reader.advance().unwrap() {
            Advance::Event => {
                let event = reader.current().unwrap();
                found.push((event.ts, !event.state_only, reader.losses().to_vec()));
            }
            Advance::End => return (found, reader.stats()),
            Advance::Snapshot(_) | Advance::Idle => assert!(reader.losses().is_empty()),
        }
    }
}

#[test]
fn losses_are_read_before_the_next_event() {
    let mut of = crate::Suspects::NONE;
    of.note(EventType::SYSCALL_CLOSE_X, 42);
    let known = Loss { cpu: 1, since: 2, until: 3, events: 4, of };
    let close = |ts: u64| EventBuilder::new(EventType::SYSCALL_CLOSE_X).ts(ts).int(0, 0).int(1, 3).build();
    let huge = EventBuilder::new(EventType::ASYNCEVENT_E).ts(30).bytes(2, &[7; 100_000]).build();
    let full = EventBuilder::new(EventType::SYSCALL_WRITE_X).ts(40).bytes(1, &[7; 65_400]).build();
    let sink = Sink::default();
    let mut writer = Writer::new(sink.clone(), false);
    writer.snapshot(&snapshot()).unwrap();
    writer.event(&close(10).as_raw()).unwrap();
    writer.losses(&[known]);
    writer.losses(&[Loss { until: 9, events: 1, ..known }, Loss::unknown(0, 5, 6, 7)]);
    writer.event(&close(20).as_raw()).unwrap();
    writer.losses(&[known]);
    writer.event(&huge.as_raw()).unwrap();
    // The option does not fit into this event's block.
    writer.losses(&[known]);
    writer.event(&full.as_raw()).unwrap();
    writer.event(&close(50).as_raw()).unwrap();
    // More losses than fit with one event, and no event after them.
    let many: Vec<Loss> = (0..300).map(|cpu| Loss { cpu, until: 60, ..known }).collect();
    writer.losses(&many);
    writer.finish().unwrap();
    let (found, stats) = losses(sink.take());
    let joined = Loss {
        until: 9,
        events: 5,
        of: {
            let mut of = of;
            of.merge(&known.of);
            of
        },
        ..known
    };
    let expected = [
        (10, true, vec![]),
        (20, true, vec![joined, Loss::unknown(0, 5, 6, 7)]),
        (30, true, vec![known]),
        (40, true, vec![]),
        (50, true, vec![known]),
        (60, false, many[..128].to_vec()),
        (60, false, many[128..256].to_vec()),
        (60, false, many[256..].to_vec()),
    ];
    assert_eq!(found, expected);
    assert_eq!((stats.drops(), stats.produced), (12 + 4 + 4 + 1200, 8 + 12 + 4 + 4 + 1200));
}
