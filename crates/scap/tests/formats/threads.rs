//! Lists of threads.

use eyas_scap::ThreadEntry;

use crate::build::Bytes;
use crate::{ORDERS, snapshot};

/// A thread with a value of its own in every field.
fn thread() -> ThreadEntry {
    ThreadEntry {
        tid: 1,
        pid: 2,
        ptid: 3,
        sid: 4,
        vpgid: 5,
        pgid: 6,
        comm: b"comm".to_vec(),
        exe: b"exe".to_vec(),
        exepath: b"/bin/exe".to_vec(),
        args: b"-a\0-b\0".to_vec(),
        env: b"A=1\0B=2".to_vec(),
        cwd: b"/tmp/".to_vec(),
        root: b"/jail".to_vec(),
        cgroups: b"cpu=/a\0memory=/b\0".to_vec(),
        fdlimit: 7,
        flags: 8,
        uid: 9,
        gid: 10,
        loginuid: 11,
        vmsize_kb: 12,
        vmrss_kb: 13,
        vmswap_kb: 14,
        pfmajor: 15,
        pfminor: 16,
        vtid: 17,
        vpid: 18,
        pidns_init_start_ts: 19,
        clone_ts: 0,
        tty: 20,
        exe_writable: true,
        exe_upper_layer: true,
        exe_lower_layer: true,
        exe_from_memfd: true,
        caps: [21, 22, 23],
        exe_ino: 24,
        exe_ino_ctime: 25,
        exe_ino_mtime: 26,
    }
}

/// What a list of this version says about the thread; the rest as where nothing is reported.
fn known(version: u8) -> ThreadEntry {
    let (t, none) = (thread(), ThreadEntry::default());
    let from = |since: u8| version >= since;
    let text = |since, text: &[u8]| if from(since) { text.to_vec() } else { Vec::new() };
    ThreadEntry {
        sid: if from(6) { t.sid } else { none.sid },
        vpgid: if from(8) { t.vpgid } else { none.vpgid },
        exepath: text(7, &t.exepath),
        env: text(3, &t.env),
        cgroups: text(4, &t.cgroups),
        root: text(5, &t.root),
        vmsize_kb: if from(2) { t.vmsize_kb } else { 0 },
        vmrss_kb: if from(2) { t.vmrss_kb } else { 0 },
        vmswap_kb: if from(2) { t.vmswap_kb } else { 0 },
        pfmajor: if from(2) { t.pfmajor } else { 0 },
        pfminor: if from(2) { t.pfminor } else { 0 },
        vtid: if from(4) { t.vtid } else { none.vtid },
        vpid: if from(4) { t.vpid } else { none.vpid },
        tid: t.tid,
        pid: t.pid,
        ptid: t.ptid,
        comm: t.comm,
        exe: t.exe,
        args: t.args,
        cwd: t.cwd,
        fdlimit: t.fdlimit,
        flags: t.flags,
        uid: t.uid,
        gid: t.gid,
        ..none
    }
}

#[test]
fn thread_lists_of_every_version() {
    let types: [&[u32]; 8] = [
        &[0x202, 0x8000_abcd],
        &[0x207, 0x8013_abcd],
        &[0x209, 0x8014_abcd],
        &[0x210],
        &[0x211],
        &[0x212],
        &[0x213],
        &[0x214],
    ];
    for big in ORDERS {
        for (version, types) in (1..).zip(types) {
            for ty in types {
                let found = snapshot(big, |capture| {
                    let mut body = Bytes::new(big);
                    body.thread(version, &thread()).thread(version, &thread());
                    capture.block(*ty, &body.out);
                });
                assert_eq!(found.threads, [known(version), known(version)], "version {version}, big: {big}");
            }
        }
    }
}

/// The tail of version 9, field by field, and what each sets.
type Field = (fn(&mut Bytes, &ThreadEntry), fn(&mut ThreadEntry, &ThreadEntry));
const TAIL: [Field; 14] = [
    (
        |b, t| {
            b.u64(t.pidns_init_start_ts);
        },
        |to, t| to.pidns_init_start_ts = t.pidns_init_start_ts,
    ),
    (
        |b, t| {
            b.u32(t.tty);
        },
        |to, t| to.tty = t.tty,
    ),
    (
        |b, t| {
            b.u32(t.loginuid);
        },
        |to, t| to.loginuid = t.loginuid,
    ),
    (
        |b, t| {
            b.u8(t.exe_writable.into());
        },
        |to, t| to.exe_writable = t.exe_writable,
    ),
    (
        |b, t| {
            b.u64(t.caps[0]);
        },
        |to, t| to.caps[0] = t.caps[0],
    ),
    (
        |b, t| {
            b.u64(t.caps[1]);
        },
        |to, t| to.caps[1] = t.caps[1],
    ),
    (
        |b, t| {
            b.u64(t.caps[2]);
        },
        |to, t| to.caps[2] = t.caps[2],
    ),
    (
        |b, t| {
            b.u8(t.exe_upper_layer.into());
        },
        |to, t| to.exe_upper_layer = t.exe_upper_layer,
    ),
    (
        |b, t| {
            b.u64(t.exe_ino);
        },
        |to, t| to.exe_ino = t.exe_ino,
    ),
    (
        |b, t| {
            b.u64(t.exe_ino_ctime);
        },
        |to, t| to.exe_ino_ctime = t.exe_ino_ctime,
    ),
    (
        |b, t| {
            b.u64(t.exe_ino_mtime);
        },
        |to, t| to.exe_ino_mtime = t.exe_ino_mtime,
    ),
    (
        |b, t| {
            b.u8(t.exe_from_memfd.into());
        },
        |to, t| to.exe_from_memfd = t.exe_from_memfd,
    ),
    (
        |b, t| {
            b.u8(t.exe_lower_layer.into());
        },
        |to, t| to.exe_lower_layer = t.exe_lower_layer,
    ),
    (
        |b, t| {
            b.i64(t.pgid);
        },
        |to, t| to.pgid = t.pgid,
    ),
];

/// A list of version 9 with these fields of the tail, and `more` bytes that nobody knows.
fn ninth(big: bool, tail: &[Field], more: usize) -> Vec<ThreadEntry> {
    let found = snapshot(big, |capture| {
        let mut body = Bytes::new(big);
        for _ in 0..2 {
            body.sized(true, |entry| {
                entry.thread(9, &thread());
                tail.iter().for_each(|(put, _)| put(entry, &thread()));
                entry.raw(&vec![0xee; more]);
            });
        }
        capture.block(0x215, &body.out);
    });
    found.threads
}

#[test]
fn thread_lists_of_version_9_with_as_much_of_their_tail_as_they_have() {
    // Before two fields came in between, the tail had at most 29 bytes; after, it never had as few.
    const BEFORE: usize = 2;
    for big in ORDERS {
        for len in 0..=5 {
            let tail = &TAIL[BEFORE..BEFORE + len];
            let mut want = known(9);
            tail.iter().for_each(|(_, set)| set(&mut want, &thread()));
            assert_eq!(ninth(big, tail, 0), [want.clone(), want], "{len} old fields, big: {big}");
        }
        for len in 6..=TAIL.len() {
            let mut want = known(9);
            TAIL[..len].iter().for_each(|(_, set)| set(&mut want, &thread()));
            assert_eq!(ninth(big, &TAIL[..len], 0), [want.clone(), want], "{len} fields, big: {big}");
        }
        assert_eq!(ninth(big, &TAIL, 57), [thread(), thread()], "with what is not known yet");
    }
}
