//! Requests of `io_uring`: scripts of events, and the state after them.

use eyas_events::{EventType as E, param};
use eyas_scap::{EventBuilder, IoUring};

mod script;

use script::{at, close, exec, see, system, write_and_read};

/// Index 2 in the table of a ring.
const DIRECT: i64 = (1 << 62) + 2;

fn request(opcode: u8, is_polled: bool) -> IoUring {
    IoUring { opcode, is_polled, is_presumed: false }
}

fn open(second: u64, fd: i64) -> EventBuilder {
    use param::SYSCALL_OPENAT_2_X as p;
    at(second, E::SYSCALL_OPENAT_2_X, 10)
        .int(p::fd, fd)
        .int(p::dirfd, -100)
        .text(p::name, b"/etc/shadow")
        .uint(p::flags, 1)
        .io_uring(request(18, true))
}

fn read(second: u64, fd: i64) -> EventBuilder {
    use param::SYSCALL_READ_X as p;
    at(second, E::SYSCALL_READ_X, 10).int(p::res, 1).int(p::fd, fd).io_uring(request(22, false))
}

const FIELDS: [&str; 5] =
    ["evt.type", "evt.is_io_uring", "io_uring.opcode", "io_uring.sqpoll", "io_uring.presumed"];

#[test]
fn an_event_says_of_which_request_it_is() {
    let mut inspector = system();
    assert_eq!(see(&mut inspector, open(1, 7), &FIELDS), ["openat", "true", "openat", "true", "false"]);
    assert_eq!(see(&mut inspector, read(2, 7), &FIELDS), ["read", "true", "read", "false", "false"]);
    assert_eq!(see(&mut inspector, close(3, 10, 7), &FIELDS), ["close", "false", "<NA>", "<NA>", "<NA>"]);
    let unknown = EventBuilder::io_uring(read(4, 3), request(250, false));
    assert_eq!(see(&mut inspector, unknown, &FIELDS[1..3]), ["true", "<NA>"]);
}

#[test]
fn files_in_a_ring_s_table_are_known_and_are_no_descriptors() {
    let mut inspector = system();
    let fields = ["fd.name", "proc.fdopencount"];
    assert_eq!(see(&mut inspector, open(1, DIRECT), &fields), ["/etc/shadow", "1"]);
    assert_eq!(see(&mut inspector, read(2, DIRECT), &fields), ["/etc/shadow", "1"]);
    // Another index is another file, and so is a descriptor whose number is the index.
    assert_eq!(see(&mut inspector, read(3, DIRECT + 1), &fields), ["", "1"]);
    assert_eq!(see(&mut inspector, read(4, 2), &fields), ["", "1"]);
    let range = at(5, E::SYSCALL_CLOSE_RANGE_X, 10).int(0, 0).int(1, 4).int(2, -1);
    see(&mut inspector, range, &[]);
    assert_eq!(see(&mut inspector, read(6, DIRECT), &["fd.name"]), ["/etc/shadow"]);
    assert_eq!(see(&mut inspector, close(7, 10, DIRECT), &["fd.name"]), ["/etc/shadow"]);
    assert_eq!(see(&mut inspector, read(8, DIRECT), &["fd.name"]), [""]);
}

#[test]
fn a_ring_that_goes_takes_its_table_along() {
    for closes in [true, false] {
        let mut inspector = system();
        see(&mut inspector, at(1, E::SYSCALL_IO_URING_SETUP_X, 10).int(0, 5), &[]);
        see(&mut inspector, open(2, DIRECT), &[]);
        assert_eq!(see(&mut inspector, read(3, DIRECT), &["fd.name"]), ["/etc/shadow"]);
        let end = if closes { close(4, 10, 5) } else { exec(4, 10, b"true", b"") };
        see(&mut inspector, end, &[]);
        assert_eq!(see(&mut inspector, read(5, DIRECT), &["fd.name"]), [""], "{closes}");
    }
}

/// The probe's description of a file, after an event's parameters.
fn description(path: &[u8]) -> Vec<u8> {
    let mut out = 2_i32.to_le_bytes().to_vec();
    out.extend(1_u32.to_le_bytes());
    out.extend(77_u64.to_le_bytes());
    out.extend(0x801_u32.to_le_bytes());
    out.extend([0o100_600, path.len() as u16].map(u16::to_le_bytes).concat());
    out.extend_from_slice(path);
    out
}

#[test]
fn what_was_put_into_a_table_unseen_is_described() {
    let described = |path: &[u8]| read(1, DIRECT).bytes(4, &description(path)).described();
    let mut inspector = system();
    assert_eq!(see(&mut inspector, described(b"/etc/passwd"), &["fd.name"]), ["/etc/passwd"]);
    assert_eq!(see(&mut inspector, read(2, DIRECT), &["fd.name"]), ["/etc/passwd"]);
    // Its index is no descriptor of the process.
    assert_eq!(see(&mut inspector, read(2, 2), &["fd.name", "proc.fdopencount"]), ["", "1"]);
    // A file that an event put into the table keeps its name.
    see(&mut inspector, open(3, DIRECT), &[]);
    assert_eq!(see(&mut inspector, described(b"/other/name"), &["fd.name"]), ["/etc/shadow"]);
}

#[test]
fn a_file_of_a_table_becomes_a_descriptor_that_an_exec_closes_unless_the_request_says_otherwise() {
    use param::SYSCALL_DUP_1_X as p;
    const O_CLOEXEC: u32 = eyas_events::FlagTable::FILE_FLAGS.value("O_CLOEXEC");
    let install = |installed: Option<u32>| {
        let event = at(2, E::SYSCALL_DUP_1_X, 10).int(p::res, 7).int(p::oldfd, DIRECT);
        let mut what = description(b"/etc/shadow");
        if let Some(flags) = installed {
            let made = [&7_i32.to_le_bytes()[..], &flags.to_le_bytes(), &description(b"/etc/shadow")[8..]];
            what.extend(made.concat());
        }
        event.bytes(2, &what).io_uring(request(54, false)).described()
    };
    // Older captures do not describe the descriptor.
    for (installed, after) in [(None, ""), (Some(1 | O_CLOEXEC), ""), (Some(1), "/etc/shadow")] {
        let mut inspector = system();
        see(&mut inspector, open(1, DIRECT), &[]);
        see(&mut inspector, install(installed), &[]);
        assert_eq!(see(&mut inspector, read(3, 7), &["fd.name"]), ["/etc/shadow"]);
        see(&mut inspector, exec(4, 10, b"true", b""), &[]);
        assert_eq!(see(&mut inspector, read(5, 7), &["fd.name"]), [after], "{installed:?}");
    }
}

/// A request to close a descriptor.
fn close_by_request(second: u64, fd: i64, result: i64) -> EventBuilder {
    use param::SYSCALL_CLOSE_X as p;
    at(second, E::SYSCALL_CLOSE_X, 10).int(p::res, result).int(p::fd, fd).io_uring(request(19, false))
}

#[test]
fn a_close_that_fails_has_closed_its_descriptor_only_if_the_kernel_did() {
    const EIO: i64 = -5;
    let mut inspector = system();
    see(&mut inspector, open(1, 7), &[]);
    see(&mut inspector, close_by_request(2, 7, EIO), &[]);
    assert_eq!(see(&mut inspector, read(3, 7), &["fd.name"]), ["/etc/shadow"]);
    // The event of the close still shows the file.
    let closed = close_by_request(4, 7, EIO).closed_with_error();
    assert_eq!(see(&mut inspector, closed, &["fd.name", "evt.res"]), ["/etc/shadow", "EIO"]);
    assert_eq!(see(&mut inspector, read(5, 7), &["fd.name"]), [""]);
}

#[test]
fn captures_contain_requests() {
    let events = [
        open(1, 7),
        read(2, 7),
        close(3, 10, 7),
        read(4, DIRECT).bytes(4, &description(b"/a")).described(),
        close_by_request(5, 7, -5),
        close_by_request(6, 7, -5).closed_with_error(),
    ];
    write_and_read(events, |wrote, read| {
        assert_eq!(read.io_uring(), wrote.io_uring());
        assert_eq!(read.closed_with_error(), wrote.closed_with_error());
        assert!(!read.was_skipped_by_seccomp());
        assert_eq!(read.params().collect::<Vec<_>>(), wrote.params().collect::<Vec<_>>());
        assert_eq!(read.direct_fd(), wrote.direct_fd());
    });
}
