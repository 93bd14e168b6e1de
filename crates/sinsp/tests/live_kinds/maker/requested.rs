//! Descriptors that requests of a ring make from others: by reads, by messages, and from the ring's own table.

use std::path::Path;

use super::opened::ring::{Answer, BY_SLOT, Entry, Ring};
use super::opened::{
    NO_REQUEST, add_found, add_received, close, notices, path, receive_into_unwritable, send, to_send,
};
use super::{Made, at, call, open};

const FAILED_MESSAGE: &str = "descriptor of a request that fails";
const READ: u8 = 22;
const READV: u8 = 1;
const RECVMSG: u8 = 10;
const PROVIDE_BUFFERS: u8 = 31;
const INSTALL: u8 = 54;
/// Flag of an entry: the kernel chooses a buffer of a group.
const CHOOSES_BUFFER: u8 = 32;
/// Flag of a request to receive: until it is cancelled.
const REPEATED: u16 = 2;

pub fn make(made: &mut Made, dir: &Path) {
    let mut ring = match Ring::new(0, 0) {
        Ok(ring) => ring,
        Err(error) => {
            let kinds = [
                "fanotify with files",
                "file of fanotify",
                "descriptor of a message",
                "descriptor of a request that fails",
                "installed file",
            ];
            return made.lack(&kinds, error);
        }
    };
    reads(made, &mut ring, dir);
    messages(made, &mut ring);
    installed(made, &mut ring, dir);
}

fn reads(made: &mut Made, ring: &mut Ring, dir: &Path) {
    for kind in ["read", "vectors", "slot", "another thread"] {
        let notices = notices(made, dir, 1);
        if notices < 0 {
            return;
        }
        let mut records = [0_u8; 512];
        let vector = [at(records.as_mut_ptr()), 512];
        let plain = Entry::new(READ, notices).addr(records.as_mut_ptr()).len(512);
        let entry = match kind {
            "vectors" => Entry::new(READV, notices).addr(&vector).len(1),
            "slot" => {
                ring.table(8, &[-1, -1, -1, notices]);
                Entry { fd: 3, flags: BY_SLOT, ..plain }
            }
            "another thread" => Entry { flags: super::opened::ring::ASYNC, ..plain },
            _ => plain,
        };
        let length = ring.one(entry);
        let records = std::hint::black_box(records);
        add_found(made, &records[..length.max(0) as usize]);
    }
    // Removes the table.
    ring.register(3, 0, 0);
}

fn messages(made: &mut Made, ring: &mut Ring) {
    let (sent, [one, other]) = to_send();
    for flags in [0, libc::MSG_CMSG_CLOEXEC as u32] {
        send(one, &sent);
        let (mut byte, mut got) = ([0_u8], [0_u8; 64]);
        let part = [at(byte.as_mut_ptr()), 1];
        let header = [0, 0, at(&part), 1, at(got.as_mut_ptr()), 64, 0];
        ring.one(Entry { op_flags: flags, ..Entry::new(RECVMSG, other).addr(&header).len(1) });
        add_received(made, &std::hint::black_box(got));
    }
    send(one, &sent[..1]);
    let fd = receive_into_unwritable(|header| {
        ring.one(Entry { addr: header as u64, ..Entry::new(RECVMSG, other).len(1) })
    });
    made.add(FAILED_MESSAGE, fd);
    repeated(made, ring, &sent, [one, other]);
    close(sent);
    close([one, other]);
}

/// Each message has a header of 16 bytes, the control data and one byte in a buffer of its own.
fn repeated(made: &mut Made, ring: &mut Ring, sent: &[i64], [one, other]: [i64; 2]) {
    const SIZE: usize = 128;
    let mut buffers = [[0_u8; SIZE]; 4];
    let provided = Entry { buffer: 7, ..Entry::new(PROVIDE_BUFFERS, 4).addr(buffers.as_mut_ptr()).len(SIZE) };
    let result = ring.one(provided);
    if result < 0 {
        return made.lack(&["descriptor of a message"], result);
    }
    let header = [0_u64, 0, 0, 0, 0, 64, 0];
    let entry = Entry::new(RECVMSG, other).addr(&header).len(1);
    ring.submit(&[Entry { priority: REPEATED, flags: CHOOSES_BUFFER, buffer: 7, user_data: 5, ..entry }]);
    for _ in 0..2 {
        send(one, sent);
        let Answer { res, flags, .. } = ring.wait(1)[0];
        // Before Linux 6.0, the kernel refuses it.
        if res == -libc::EINVAL {
            return made.lack(&["descriptor of a message"], res.into());
        }
        assert!(res > 80, "{res}");
        let buffer = std::hint::black_box(&buffers)[(flags >> 16) as usize];
        add_received(made, buffer[16..80].try_into().unwrap());
    }
    // IORING_OP_ASYNC_CANCEL of that request, which then completes, too.
    ring.run(&[Entry { addr: 5, ..Entry::new(14, -1) }], 2);
}

/// Files of the ring's table become descriptors; an exec closes them unless the request says otherwise.
fn installed(made: &mut Made, ring: &mut Ring, dir: &Path) {
    if !ring.has(INSTALL) {
        return made.lack(&["installed file"], NO_REQUEST);
    }
    let file = open(&path(dir, b"plain"), libc::O_RDONLY);
    ring.table(2, &[file]);
    call(libc::SYS_close, [file]);
    for stays_open in [0, 1] {
        let entry = Entry { flags: BY_SLOT, op_flags: stays_open, ..Entry::new(INSTALL, 0) };
        made.add("installed file", ring.one(entry));
    }
}
