//! Closes that fail: of files whose file system reports errors at the close, and requests that other ones cancel.

use std::path::Path;

use super::opened::path;
use super::opened::ring::{Entry, LINKED, Ring};
use super::{Made, at, call, open};

/// Descriptors that are closed, and one that stays open. No other call uses these numbers.
const BY_CALL: i64 = 1500;
const BY_REQUEST: i64 = 1501;
const BY_CANCELLED: i64 = 1502;

const CLOSE: u8 = 19;
const READ: u8 = 22;

pub fn make(made: &mut Made, dir: &Path) {
    let mut ring = Ring::new(0, 0);
    if let Some(error) = ring.as_ref().err() {
        made.lack(&["file whose close is cancelled"], *error);
    }
    with_failing_file(dir, |file| {
        let mut numbers = vec![BY_CALL];
        numbers.extend(ring.is_ok().then_some(BY_REQUEST));
        for number in numbers {
            call(libc::SYS_dup3, [file, number, 0]);
            let result = match &mut ring {
                Ok(ring) if number == BY_REQUEST => ring.one(Entry::new(CLOSE, number)),
                _ => call(libc::SYS_close, [number]),
            };
            assert_eq!(result, -i64::from(libc::EIO), "{number}");
        }
    });
    if let Ok(ring) = &mut ring {
        let file = open(c"/etc/hosts", libc::O_RDONLY);
        made.add("file whose close is cancelled", call(libc::SYS_dup3, [file, BY_CANCELLED, 0]));
        call(libc::SYS_close, [file]);
        // The descriptor of the first request is not open.
        let fails = Entry { flags: LINKED, ..Entry::new(READ, 1999) };
        let completions = ring.run(&[fails, Entry::new(CLOSE, BY_CANCELLED)], 2);
        assert!(completions.iter().any(|completion| completion.res == -libc::ECANCELED), "{completions:?}");
    }
}

/// Lets `then` use an open file of a FUSE file system, which returns an error whenever the file is closed. Nothing happens if the
/// system lacks FUSE.
fn with_failing_file(dir: &Path, then: impl FnOnce(i64)) {
    let device = open(c"/dev/fuse", libc::O_RDWR);
    if device < 0 {
        return println!("no FUSE: error {}", -device);
    }
    let place = path(dir, b"plain");
    let options =
        std::ffi::CString::new(format!("fd={device},rootmode=100000,user_id=0,group_id=0")).unwrap();
    let fuse = at(c"fuse".as_ptr());
    let result = call(libc::SYS_mount, [fuse, at(place.as_ptr()), fuse, 0, at(options.as_ptr())]);
    if result < 0 {
        call(libc::SYS_close, [device]);
        return println!("no FUSE: error {}", -result);
    }
    let server = std::thread::spawn(move || while serve(device) {});
    let file = open(&place, libc::O_RDONLY);
    assert!(file >= 0, "error {}", -file);
    then(file);
    call(libc::SYS_close, [file]);
    // The last use of the file system, so the server ends.
    assert_eq!(call(libc::SYS_umount2, [at(place.as_ptr()), 0]), 0);
    server.join().unwrap();
    call(libc::SYS_close, [device]);
}

/// Replies to one request of the kernel. Returns false after the last one.
fn serve(device: i64) -> bool {
    let mut request = [0_u32; 16 << 10];
    if call(libc::SYS_read, [device, at(request.as_mut_ptr()), 64 << 10]) < 0 {
        return false;
    }
    let request = std::hint::black_box(request);
    const FORGET: u32 = 2;
    const GETATTR: u32 = 3;
    const OPEN: u32 = 14;
    const FLUSH: u32 = 25;
    const INIT: u32 = 26;
    let mut content = [0_u32; 26];
    let words = match request[1] {
        FORGET => return true,
        INIT => {
            // The version of the protocol, and the largest write.
            content[..2].copy_from_slice(&[7, 31]);
            content[5] = 4096;
            16
        }
        GETATTR => {
            // The mode, and the number of links.
            content[19] = libc::S_IFREG | 0o600;
            content[20] = 1;
            26
        }
        OPEN => 4,
        _ => 0,
    };
    let error = if request[1] == FLUSH { -libc::EIO } else { 0 };
    let mut reply = vec![16 + 4 * words as u32, error as u32, request[2], request[3]];
    reply.extend(&content[..words]);
    call(libc::SYS_write, [device, at(reply.as_ptr()), 4 * reply.len() as i64]);
    true
}
