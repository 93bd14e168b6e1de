//! Files that were opened by a path, sockets that were used in unusual ways, and descriptors from reads, messages and rings.

use std::ffi::CString;
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, IntoRawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{Made, at, call, ioctl, open};

#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../../../../scap/tests/syscalls/ring.rs"]
pub mod ring;

use ring::{Entry, Ring};

const RDWR: i32 = libc::O_RDWR;
const PATH: i32 = libc::O_PATH;

/// The error for a request that the kernel's rings lack.
pub const NO_REQUEST: i64 = -(libc::EINVAL as i64);

/// Makes all of them below an empty directory.
pub fn make(made: &mut Made, dir: &Path) {
    files(made, dir);
    odd_names(made, dir);
    reopened(made, dir);
    by_handles(made, dir);
    internet(made);
    unix(made, dir);
    fanotify(made, dir);
    faults(made);
    messages(made);
    requests(made, dir);
    numbers(made);
    #[cfg(target_arch = "x86_64")]
    of_32_bits(made);
    #[cfg(not(target_arch = "x86_64"))]
    made.lack(OF_32_BITS, -i64::from(libc::ENOSYS));
}

/// Handles of an open file, a namespace and a process, each opened.
fn by_handles(made: &mut Made, dir: &Path) {
    const EMPTY: i64 = libc::AT_EMPTY_PATH as i64;
    // FD_PIDFS_ROOT, FD_NSFS_ROOT
    let (processes, namespaces) = (-10_002, -10_003);
    let file = open(&path(dir, b"plain"), RDWR | libc::O_CREAT);
    let namespace = open(c"/proc/self/ns/uts", libc::O_RDONLY);
    let process = call(libc::SYS_pidfd_open, [std::process::id().into(), 0]);
    let directory = open(&path(dir, b""), libc::O_RDONLY | libc::O_DIRECTORY);
    for (what, fd, below, flags) in [
        ("file by a handle", file, directory, libc::O_RDONLY),
        ("namespace by a handle", namespace, namespaces, libc::O_CLOEXEC),
        // With O_CLOEXEC, `/proc` shows that flag for all copies.
        ("process by a handle", process, processes, libc::O_RDONLY),
    ] {
        // Room for bytes, kind, and the handle.
        let (mut handle, mut mount) = ([0_u32; 34], 0_i32);
        handle[0] = 128;
        let result = call(
            libc::SYS_name_to_handle_at,
            [fd, at(c"".as_ptr()), at(&raw mut handle), at(&raw mut mount), EMPTY],
        );
        let opened = match result {
            0 => call(libc::SYS_open_by_handle_at, [below, at(&handle), flags.into()]),
            error => error,
        };
        made.add(what, opened);
    }
    close([file, namespace, process, directory]);
}

pub fn path(dir: &Path, name: &[u8]) -> CString {
    CString::new([dir.as_os_str().as_bytes(), b"/", name].concat()).unwrap()
}

pub fn close<const N: usize>(fds: [i64; N]) {
    for fd in fds {
        call(libc::SYS_close, [fd]);
    }
}

fn files(made: &mut Made, dir: &Path) {
    let [plain, fifo, socket, link] =
        [&b"plain"[..], b"fifo", b"socket", b"link"].map(|name| path(dir, name));
    made.add("new file", open(&plain, RDWR | libc::O_CREAT));
    let append = libc::O_WRONLY | libc::O_APPEND | libc::O_DSYNC | libc::O_NONBLOCK;
    made.add("file with flags", open(&plain, append));
    call(libc::SYS_mknodat, [-100, at(fifo.as_ptr()), (libc::S_IFIFO | 0o600).into(), 0]);
    made.add("named pipe", open(&fifo, RDWR));
    made.add("reader of a named pipe", open(&fifo, libc::O_RDONLY | libc::O_NONBLOCK));
    made.add("path of a named pipe", open(&fifo, PATH));
    call(libc::SYS_mknodat, [-100, at(socket.as_ptr()), (libc::S_IFSOCK | 0o600).into(), 0]);
    made.add("path of a socket", open(&socket, PATH));
    call(libc::SYS_symlinkat, [at(plain.as_ptr()), -100, at(link.as_ptr())]);
    made.add("symbolic link", open(&link, PATH | libc::O_NOFOLLOW));
    made.add("file by a link", open(&link, libc::O_RDONLY));
    made.add("path of a directory", open(&path(dir, b""), PATH));
    made.add("directory", open(&path(dir, b"."), libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC));
    made.add("unnamed file", open(&path(dir, b"."), RDWR | libc::O_TMPFILE));
    made.add("creat", call(85, [at(path(dir, b"created").as_ptr()), 0o600]));
    let how = [RDWR as u64 | libc::O_CLOEXEC as u64, 0, 0];
    made.add("openat2", call(libc::SYS_openat2, [-100, at(plain.as_ptr()), at(&how), 24]));
    made.add("character device", open(c"/dev/null", RDWR));
    made.add("file of proc", open(c"/proc/self/status", libc::O_RDONLY));
    made.add("file of sysfs", open(c"/sys/kernel/uevent_seqnum", libc::O_RDONLY));
    made.add("namespace", open(c"/proc/self/ns/uts", libc::O_RDONLY));
    let gone = path(dir, b"gone");
    made.add("removed file", open(&gone, RDWR | libc::O_CREAT | libc::O_EXCL));
    call(libc::SYS_unlinkat, [-100, at(gone.as_ptr()), 0]);
    made.add("tree", call(libc::SYS_open_tree, [-100, at(path(dir, b"").as_ptr()), libc::O_CLOEXEC.into()]));
}

fn odd_names(made: &mut Made, dir: &Path) {
    let create = RDWR | libc::O_CREAT;
    for name in [
        &b"new\nline"[..],
        b"\xff\xfe\x80",
        b"tab\t\x1b[31m",
        b" (deleted)",
        "\u{1f980}".as_bytes(),
        b"pipe:[1]",
    ] {
        made.add("odd name", open(&path(dir, name), create));
    }
    // As long as a path can be.
    let mut deep = dir.as_os_str().as_bytes().to_vec();
    while deep.len() < 4095 - 250 {
        deep.extend([b"/".as_slice(), &[b'p'; 200]].concat());
        call(libc::SYS_mkdirat, [-100, at(CString::new(deep.clone()).unwrap().as_ptr()), 0o700]);
    }
    deep.resize(4093, b'/');
    deep.extend(b"ff");
    made.add("long path", open(&CString::new(deep).unwrap(), create));
    for name in [&b"memory\nname"[..], b"\xff", &[b'm'; 249], b""] {
        let name = CString::new(name).unwrap();
        made.add("memfd with an odd name", call(libc::SYS_memfd_create, [at(name.as_ptr()), 0]));
    }
}

/// Files that are opened again by their descriptors.
fn reopened(made: &mut Made, dir: &Path) {
    let mut again = |what: &str, fd: i64, flags: i32| {
        let path = CString::new(format!("/proc/self/fd/{fd}")).unwrap();
        made.add(what, open(&path, flags));
        call(libc::SYS_close, [fd]);
    };
    again("file again", open(&path(dir, b"plain"), libc::O_RDONLY), RDWR);
    again("memfd again", call(libc::SYS_memfd_create, [at(c"again".as_ptr()), 0]), libc::O_RDONLY);
    again("removed file again", open(&path(dir, b"."), RDWR | libc::O_TMPFILE), libc::O_RDONLY);
    let mut ends = [0_i32; 2];
    call(libc::SYS_pipe2, [at(ends.as_mut_ptr()), 0]);
    again("pipe again", ends[0].into(), RDWR | libc::O_NONBLOCK);
    again("namespace again", open(c"/proc/self/ns/ipc", libc::O_RDONLY), libc::O_RDONLY);
    call(libc::SYS_close, [ends[1].into()]);
}

fn internet(made: &mut Made) {
    use libc::{AF_INET, AF_INET6, AF_NETLINK, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM};
    let socket =
        |family: i32, ty: i32, protocol: i64| call(libc::SYS_socket, [family.into(), ty.into(), protocol]);
    for (family, version) in [(AF_INET, "IPv4"), (AF_INET6, "IPv6")] {
        made.add(&format!("unused TCP socket, {version}"), socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        made.add(&format!("unused UDP socket, {version}"), socket(family, SOCK_DGRAM, 0));
        made.add(&format!("unused UDP-Lite socket, {version}"), socket(family, SOCK_DGRAM, 136));
        made.add(&format!("raw socket, {version}"), socket(family, SOCK_RAW, 255));
        made.add(&format!("raw socket for TCP, {version}"), socket(family, SOCK_RAW, 6));
        made.add(&format!("unused MPTCP socket, {version}"), socket(family, SOCK_STREAM, 262));
    }
    let lite = made.add("bound UDP-Lite socket", socket(AF_INET, SOCK_DGRAM, 136));
    let loopback = [2_u8, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    call(libc::SYS_bind, [lite, at(&loopback), 16]);
    made.add("raw socket for ICMP", socket(AF_INET, SOCK_RAW, 1));
    made.add("netlink socket", socket(AF_NETLINK, SOCK_RAW, 0));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let server = listener.accept().unwrap().0;
    let six = TcpListener::bind("[::1]:0").or_else(|_| TcpListener::bind("127.0.0.1:0")).unwrap();
    let client_six = TcpStream::connect(six.local_addr().unwrap()).unwrap();
    let server_six = six.accept().unwrap().0;
    let unbound = call(libc::SYS_socket, [AF_INET.into(), SOCK_STREAM.into(), 0]);
    call(libc::SYS_listen, [unbound, 5]);
    made.add("listener that was never bound", unbound);
    let datagram = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let connected = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    connected.connect(datagram.local_addr().unwrap()).unwrap();
    for (what, fd) in [
        ("TCP listener", listener.into_raw_fd()),
        ("TCP client", client.into_raw_fd()),
        ("TCP server", server.into_raw_fd()),
        ("TCP listener, IPv6", six.into_raw_fd()),
        ("TCP client, IPv6", client_six.into_raw_fd()),
        ("TCP server, IPv6", server_six.into_raw_fd()),
        ("connected UDP socket", connected.into_raw_fd()),
    ] {
        made.add(what, fd.into());
    }
    drop(datagram);
}

fn unix(made: &mut Made, dir: &Path) {
    use std::os::unix::net::{UnixDatagram, UnixListener};
    let socket = |ty: i32| call(libc::SYS_socket, [libc::AF_UNIX.into(), ty.into(), 0]);
    made.add("unused Unix socket", socket(libc::SOCK_STREAM));
    made.add("unused Unix datagram socket", socket(libc::SOCK_DGRAM | libc::SOCK_CLOEXEC));
    let listener = UnixListener::bind(dir.join("listens here")).unwrap();
    made.add("Unix listener", listener.into_raw_fd().into());
    let named = UnixDatagram::bind(dir.join("datagrams")).unwrap();
    made.add("named Unix datagram socket", named.into_raw_fd().into());
}

/// fanotify with the opens of some files, which were read by nobody yet; negative if the kernel lacks it.
pub fn notices(made: &mut Made, dir: &Path, flags: i64) -> i64 {
    const OPEN: i64 = 0x20;
    const ON_CHILDREN: i64 = 0x0800_0000;
    let notices =
        made.add("fanotify with files", call(libc::SYS_fanotify_init, [flags, libc::O_RDONLY.into()]));
    let dir = path(dir, b"");
    if notices >= 0 {
        let marked = call(libc::SYS_fanotify_mark, [notices, 1, OPEN | ON_CHILDREN, -100, at(dir.as_ptr())]);
        if marked < 0 {
            made.lack(&["file of fanotify", "pidfd of fanotify"], marked);
            return marked;
        }
    } else {
        made.lack(&["file of fanotify", "pidfd of fanotify"], notices);
    }
    for name in [&b"plain"[..], b"odd", b"plain"] {
        let name = CString::new([dir.as_bytes(), name].concat()).unwrap();
        call(libc::SYS_close, [open(&name, RDWR | libc::O_CREAT)]);
    }
    notices
}

/// Adds the descriptors in what was read from fanotify.
pub fn add_found(made: &mut Made, records: &[u8]) {
    let number = |at: usize| i32::from_le_bytes(*records[at..].first_chunk().unwrap());
    let mut start = 0;
    while start + 24 <= records.len() {
        let length = number(start) as usize;
        made.add("file of fanotify", number(start + 16).into());
        if length >= 32 && records[start + 24] == 4 {
            made.add("pidfd of fanotify", number(start + 28).into());
        }
        start += length;
    }
}

/// Descriptors that a read from fanotify makes: a file for each event, and a pidfd.
fn fanotify(made: &mut Made, dir: &Path) {
    const PIDFD: i64 = 0x80;
    for (flags, reads) in
        [(1, libc::SYS_read), (PIDFD | 1, libc::SYS_read), (1, libc::SYS_readv), (1, libc::SYS_preadv2)]
    {
        let notices = notices(made, dir, flags);
        if notices < 0 {
            continue;
        }
        let mut records = [0_u8; 512];
        let vector = [at(records.as_mut_ptr()), 512];
        let length = match reads {
            libc::SYS_readv => call(reads, [notices, at(&vector), 1]),
            // At the file's own position.
            libc::SYS_preadv2 => call(reads, [notices, at(&vector), 1, -1, 0, 0]),
            _ => call(reads, [notices, vector[0], vector[1]]),
        };
        let records = std::hint::black_box(records);
        add_found(made, &records[..length.max(0) as usize]);
    }
    fails_at_second_record(made, dir);
}

/// A read from fanotify whose buffer can take one record: the kernel makes its descriptor, and then the read fails.
fn fails_at_second_record(made: &mut Made, dir: &Path) {
    const PAGE: i64 = 4096;
    const RECORD: i64 = 24;
    let notices = notices(made, dir, 1);
    if notices < 0 {
        return;
    }
    let pages = call(libc::SYS_mmap, [0, 2 * PAGE, 3, 0x22, -1, 0]);
    let last = pages + PAGE;
    call(libc::SYS_mprotect, [last, PAGE, libc::PROT_READ.into()]);
    let buffer = last - RECORD;
    assert_eq!(call(libc::SYS_read, [notices, buffer, 512]), -i64::from(libc::EFAULT));
    // SAFETY: the record is in the first page.
    let record: [u8; RECORD as usize] = unsafe { std::ptr::read_volatile(buffer as *const _) };
    add_found(made, &record);
}

/// The descriptor for a child that a read from a userfaultfd makes.
fn faults(made: &mut Made) {
    const API: i64 = 0xc018_aa3f;
    const FORKS: u64 = 2;
    let faults = call(libc::SYS_userfaultfd, [libc::O_NONBLOCK.into()]);
    let api = [0xaa_u64, FORKS, 0];
    let result = if faults < 0 { faults } else { ioctl(faults, API, at(&api)) };
    if result < 0 {
        let kinds = [
            "userfaultfd of a child",
            "userfaultfd of a child whose message fails",
            "userfaultfd with events",
        ];
        return made.lack(&kinds, result);
    }
    let page = call(libc::SYS_mmap, [0, 4096, 3, 0x22, -1, 0]);
    let range = [page as u64, 4096, 1, 0];
    ioctl(faults, 0xc020_aa00, at(&range));
    let mut message = [0_u64; 4];
    assert_eq!(read_fork(faults, at(message.as_mut_ptr())), 32);
    // SAFETY: it is alive.
    let fd = unsafe { std::ptr::read_volatile(&raw const message[1]) };
    made.add("userfaultfd of a child", (fd as u32).into());
    made.add("userfaultfd with events", faults);
    // The kernel makes the descriptor before it writes the message, which fails.
    let next = call(libc::SYS_fcntl, [faults, libc::F_DUPFD.into(), 0]);
    close([next]);
    assert_eq!(read_fork(faults, unwritable()), -i64::from(libc::EFAULT));
    made.add("userfaultfd of a child whose message fails", next);
}

/// Reads the message of a fork. The fork waits for that, so another thread makes it.
fn read_fork(faults: i64, message: i64) -> i64 {
    let forks = std::thread::spawn(|| {
        let child = call(libc::SYS_clone, [libc::SIGCHLD.into(), 0, 0, 0, 0]);
        if child == 0 {
            call(libc::SYS_exit_group, [0]);
        }
        call(libc::SYS_wait4, [child, 0, 0, 0]);
    });
    let result = loop {
        match call(libc::SYS_read, [faults, message, 32]) {
            result if result == -i64::from(libc::EAGAIN) => std::thread::yield_now(),
            result => break result,
        }
    };
    forks.join().unwrap();
    result
}

/// A page that programs and the kernel can only read.
fn unwritable() -> i64 {
    call(libc::SYS_mmap, [0, 4096, libc::PROT_READ.into(), 0x22, -1, 0])
}

/// Sends descriptors in one message.
pub fn send(socket: i64, fds: &[i64]) {
    let mut control = [0_u8; 64];
    let length = 16 + 4 * fds.len();
    control[..16].copy_from_slice(&[length as u8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
    for (place, fd) in control[16..length].chunks_mut(4).zip(fds) {
        place.copy_from_slice(&(*fd as i32).to_le_bytes());
    }
    let byte = [b'x'];
    let part = [at(byte.as_ptr()), 1];
    let header = [0, 0, at(&part), 1, at(control.as_ptr()), length.next_multiple_of(8) as i64, 0];
    call(libc::SYS_sendmsg, [socket, at(&header), 0]);
}

/// Adds the descriptors in the control data of a message.
pub fn add_received(made: &mut Made, control: &[u8; 64]) {
    let length = u64::from_le_bytes(*control.first_chunk().unwrap()) as usize;
    for fd in control[16..length.clamp(16, 64)].chunks_exact(4) {
        made.add("descriptor of a message", i32::from_le_bytes(*fd.first_chunk().unwrap()).into());
    }
}

/// Files to send, and a pair of sockets.
pub fn to_send() -> ([i64; 5], [i64; 2]) {
    let mut pair = [0_i32; 2];
    call(libc::SYS_socketpair, [libc::AF_UNIX.into(), libc::SOCK_STREAM.into(), 0, at(pair.as_mut_ptr())]);
    let sent = [
        open(c"/etc/passwd", libc::O_RDONLY),
        call(libc::SYS_eventfd2, [0, 0]),
        call(libc::SYS_memfd_create, [at(c"sent".as_ptr()), 0]),
        open(c"/etc", libc::O_RDONLY),
        open(c"/etc/hosts", PATH),
    ];
    (sent, pair.map(i64::from))
}

/// Several descriptors in one message, of which some do not fit.
fn messages(made: &mut Made) {
    let (sent, [one, other]) = to_send();
    for (space, flags) in [(64, 0), (64, libc::MSG_CMSG_CLOEXEC), (24, 0)] {
        send(one, &sent);
        let (mut byte, mut got) = ([0_u8], [0_u8; 64]);
        let part = [at(byte.as_mut_ptr()), 1];
        let header = [0, 0, at(&part), 1, at(got.as_mut_ptr()), space, 0];
        call(libc::SYS_recvmsg, [other, at(&header), flags.into()]);
        add_received(made, &std::hint::black_box(got));
    }
    failed_messages(made, [one, other], &sent);
    close(sent);
    sent_sockets(made, [one, other]);
    close([one, other]);
}

/// Descriptors of messages whose receiving calls fail.
fn failed_messages(made: &mut Made, [one, other]: [i64; 2], sent: &[i64]) {
    for number in [libc::SYS_recvmsg, libc::SYS_recvmmsg] {
        send(one, &sent[..1]);
        let flags_or_count = i64::from(number == libc::SYS_recvmmsg);
        let fd = receive_into_unwritable(|header| call(number, [other, header, flags_or_count, 0, 0]));
        made.add("descriptor of a message that fails", fd);
    }
}

/// The descriptor of a message whose receiving call fails, because the kernel cannot write to the header. `receive` gets its address
/// and returns the result.
pub fn receive_into_unwritable(receive: impl FnOnce(i64) -> i64) -> i64 {
    let (mut byte, mut control) = ([0_u8], [0_u8; 64]);
    let part = [at(byte.as_mut_ptr()), 1];
    let header = [0, 0, at(&part), 1, at(control.as_mut_ptr()), 64, 0, 0];
    let page = call(libc::SYS_mmap, [0, 4096, 3, 0x22, -1, 0]);
    // SAFETY: the page was just mapped.
    unsafe { std::ptr::copy_nonoverlapping(header.as_ptr(), page as *mut i64, header.len()) };
    call(libc::SYS_mprotect, [page, 4096, libc::PROT_READ.into()]);
    assert_eq!(receive(page), -i64::from(libc::EFAULT));
    call(libc::SYS_munmap, [page, 4096]);
    i32::from_le_bytes(*std::hint::black_box(&control)[16..].first_chunk().unwrap()).into()
}

/// Sockets that are used through a descriptor that came with a message; then the first one is used as well.
fn sent_sockets(made: &mut Made, [one, other]: [i64; 2]) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port().to_be_bytes();
    let address = [[2, 0], port, [127, 0], [0, 1], [0; 2], [0; 2], [0; 2], [0; 2]].concat();
    for (what, ty) in [("TCP", libc::SOCK_STREAM), ("UDP", libc::SOCK_DGRAM)] {
        let socket = call(libc::SYS_socket, [libc::AF_INET.into(), ty.into(), 0]);
        send(one, &[socket]);
        let (mut byte, mut control) = ([0_u8], [0_u8; 64]);
        let part = [at(byte.as_mut_ptr()), 1];
        let header = [0, 0, at(&part), 1, at(control.as_mut_ptr()), 64, 0];
        call(libc::SYS_recvmsg, [other, at(&header), 0]);
        let received = i32::from_le_bytes(*std::hint::black_box(control)[16..].first_chunk().unwrap());
        call(libc::SYS_connect, [received.into(), at(address.as_ptr()), 16]);
        made.add(&format!("{what} socket that was sent"), socket);
        made.add(&format!("{what} socket that was received"), received.into());
    }
    made.add("listener for a sent socket", listener.into_raw_fd().into());
}

/// Descriptors that requests of a ring make.
fn requests(made: &mut Made, dir: &Path) {
    let mut ring = match Ring::new(0, 0) {
        Ok(ring) => ring,
        Err(error) => {
            let kinds = [
                "file of a request",
                "socket of a request",
                "socket accepted by a request",
                "client of a request",
                "listener of a request",
                "pipe of a request",
            ];
            return made.lack(&kinds, error);
        }
    };
    let (openat, socket, accept, pipe) = (18, 45, 13, 62);
    let plain = path(dir, b"plain");
    made.add("file of a request", ring.one(Entry::new(openat, -100).addr(plain.as_ptr())));
    if ring.has(socket) {
        let entry = Entry { offset: libc::SOCK_STREAM as u64, ..Entry::new(socket, libc::AF_INET.into()) };
        made.add("socket of a request", ring.one(entry));
    } else {
        made.lack(&["socket of a request"], NO_REQUEST);
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    made.add("socket accepted by a request", ring.one(Entry::new(accept, listener.as_raw_fd().into())));
    made.add("client of a request", client.into_raw_fd().into());
    made.add("listener of a request", listener.into_raw_fd().into());
    if ring.has(pipe) {
        let mut ends = [0_i32; 2];
        ring.one(Entry::new(pipe, 0).addr(ends.as_mut_ptr()));
        // SAFETY: it is alive.
        let ends = unsafe { std::ptr::read_volatile(&raw const ends) };
        for fd in ends {
            made.add("pipe of a request", fd.into());
        }
    } else {
        made.lack(&["pipe of a request"], NO_REQUEST);
    }
}

/// Copies with chosen numbers and bits.
fn numbers(made: &mut Made) {
    let file = open(c"/etc/passwd", libc::O_RDONLY);
    made.add("copy with a large number", call(libc::SYS_dup3, [file, 1000, libc::O_CLOEXEC.into()]));
    made.add("copy above a number", call(libc::SYS_fcntl, [file, libc::F_DUPFD.into(), 900]));
    let own = call(libc::SYS_pidfd_open, [std::process::id().into(), 0]);
    made.add("copy by a pidfd", call(libc::SYS_pidfd_getfd, [own, file, 0]));
    let on = 1_i32;
    ioctl(made.add("copy to be closed", call(libc::SYS_dup, [file])), libc::FIOCLEX as i64, at(&on));
    let range = call(libc::SYS_fcntl, [file, libc::F_DUPFD.into(), 1010]);
    // CLOSE_RANGE_CLOEXEC
    call(libc::SYS_close_range, [1010, 1020, 4]);
    made.add("copy in a range", range);
    close([file, own]);
}

const OF_32_BITS: &[&str] = &[
    "open of 32 bits",
    "openat of 32 bits",
    "epoll of 32 bits",
    "dup of 32 bits",
    "socketcall of 32 bits",
    "memfd of 32 bits",
    "pipe of 32 bits",
];

/// Descriptors that calls of 32-bit programs make.
#[cfg(target_arch = "x86_64")]
fn of_32_bits(made: &mut Made) {
    use crate::maker::{call_32, low_page};
    let Some(low) = low_page() else {
        return made.lack(OF_32_BITS, -i64::from(libc::ENOSYS));
    };
    // SAFETY: the page was just mapped.
    let page = unsafe { std::slice::from_raw_parts_mut(low as *mut u8, 4096) };
    page[..12].copy_from_slice(b"/etc/passwd\0");
    page[32..44].copy_from_slice(&[2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    made.add("open of 32 bits", call_32(5, [low, 0, 0]));
    made.add("openat of 32 bits", call_32(295, [-100, low, libc::O_CLOEXEC.into()]));
    let epoll = made.add("epoll of 32 bits", call_32(329, [0; 3]));
    made.add("dup of 32 bits", call_32(41, [epoll, 0, 0]));
    made.add("socketcall of 32 bits", call_32(102, [1, low + 32, 0]));
    made.add("memfd of 32 bits", call_32(356, [low, 0, 0]));
    if call_32(331, [low + 64, libc::O_CLOEXEC.into(), 0]) == 0 {
        for at in [64, 68] {
            made.add("pipe of 32 bits", i32::from_le_bytes(*page[at..].first_chunk().unwrap()).into());
        }
    }
}
