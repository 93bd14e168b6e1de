//! Descriptors that a program had before the capture began, and uses afterwards.

use std::io::BufRead;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::fd::AsRawFd;

use crate::maker::opened::{close, send, to_send};
use crate::maker::{at, call, ioctl, open};

/// Environment variable that makes the test program this one: an empty directory.
pub const ENV: &str = "EYAS_EARLY_KINDS";

/// The name of a process with copies of the descriptors.
pub const CHILD: &str = "child";

/// A socket that is bound to a port that the kernel chooses.
fn bound(family: i32, ty: i32) -> i64 {
    let socket = call(libc::SYS_socket, [family.into(), ty.into(), 0]);
    let mut address = [0_u8; 28];
    address[0] = family as u8;
    let length = match family {
        libc::AF_INET => {
            address[4..8].copy_from_slice(&[127, 0, 0, 1]);
            16
        }
        _ => 28,
    };
    call(libc::SYS_bind, [socket, at(address.as_ptr()), length]);
    socket
}

/// Makes the descriptors at the first order, and uses them at the second.
pub fn run() -> ! {
    let mut lines = std::io::stdin().lock().lines();
    lines.next();
    let socket = |family: i32, ty: i32| call(libc::SYS_socket, [family.into(), ty.into(), 0]);
    let (tcp, udp) = (libc::SOCK_STREAM, libc::SOCK_DGRAM);
    let sockets = [
        ("TCP socket that connects", socket(libc::AF_INET, tcp)),
        ("TCP socket for IPv6 that connects", socket(libc::AF_INET6, tcp)),
        ("UDP socket that connects", socket(libc::AF_INET, udp)),
        ("TCP socket that listens", socket(libc::AF_INET, tcp)),
        ("TCP socket that stays unused", socket(libc::AF_INET, tcp)),
        ("Unix socket that stays unused", socket(libc::AF_UNIX, tcp)),
        ("netlink socket", socket(libc::AF_NETLINK, libc::SOCK_RAW)),
        ("TCP socket that is sent", socket(libc::AF_INET, tcp)),
    ];
    // Descriptors of sockets that are used through one of them, and sockets that are bound and used later.
    let copied = |fd: i64| call(libc::SYS_dup, [fd]);
    let copies = [
        ("copy of a TCP socket", copied(sockets[0].1)),
        ("copy of a UDP socket", copied(sockets[2].1)),
        ("copy of a socket that listens", copied(sockets[3].1)),
        ("copy of a Unix socket", copied(sockets[5].1)),
    ];
    let bound = [
        ("bound TCP socket", bound(libc::AF_INET, tcp)),
        ("bound TCP socket for IPv6", bound(libc::AF_INET6, tcp)),
        ("bound TCP socket that listens", bound(libc::AF_INET, tcp)),
        ("bound TCP socket that connects", bound(libc::AF_INET, tcp)),
        ("bound UDP socket", bound(libc::AF_INET, udp)),
        ("bound UDP socket that connects", bound(libc::AF_INET, udp)),
    ];
    let bound_copies = [
        ("copy of a bound socket", copied(bound[0].1)),
        ("copy of a bound socket that listens", copied(bound[2].1)),
        ("copy of a bound socket that connects", copied(bound[3].1)),
        ("copy of a bound UDP socket that connects", copied(bound[5].1)),
    ];
    // With copies of all of them, until this program ends.
    let child = call(libc::SYS_clone, [libc::SIGCHLD.into(), 0, 0, 0, 0]);
    if child == 0 {
        call(libc::SYS_prctl, [libc::PR_SET_PDEATHSIG.into(), libc::SIGKILL.into(), 0, 0, 0]);
        loop {
            call(libc::SYS_pause, []);
        }
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let receiver = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let dir = std::env::var_os(ENV).unwrap().into_string().unwrap();
    let fifo = std::ffi::CString::new(format!("{dir}/fifo")).unwrap();
    call(libc::SYS_mknodat, [-100, at(fifo.as_ptr()), (libc::S_IFIFO | 0o600).into(), 0]);
    let pipe = open(&fifo, libc::O_RDWR);
    let notices = call(libc::SYS_fanotify_init, [1, 0]);
    let named = std::ffi::CString::new(dir).unwrap();
    const OPEN_OF_CHILDREN: i64 = 0x0800_0020;
    call(libc::SYS_fanotify_mark, [notices, 1, OPEN_OF_CHILDREN, -100, at(named.as_ptr())]);
    println!("done");
    lines.next();
    let port = |address: std::net::SocketAddr| address.port().to_be_bytes();
    let to = |port: [u8; 2]| [[2, 0], port, [127, 0], [0, 1], [0; 2], [0; 2], [0; 2], [0; 2]].concat();
    let connect =
        |fd: i64, address: &[u8]| call(libc::SYS_connect, [fd, at(address.as_ptr()), address.len() as i64]);
    connect(sockets[0].1, &to(port(listener.local_addr().unwrap())));
    let six = TcpListener::bind("[::1]:0");
    if let Ok(six) = &six {
        let mut address = [0_u8; 28];
        address[0] = libc::AF_INET6 as u8;
        address[2..4].copy_from_slice(&port(six.local_addr().unwrap()));
        address[23] = 1;
        connect(sockets[1].1, &address);
    }
    connect(sockets[2].1, &to(port(receiver.local_addr().unwrap())));
    call(libc::SYS_listen, [sockets[3].1, 5]);
    call(libc::SYS_listen, [bound[2].1, 5]);
    connect(bound[3].1, &to(port(listener.local_addr().unwrap())));
    connect(bound[5].1, &to(port(receiver.local_addr().unwrap())));
    // A socket from before the capture that comes with a message is used through the new descriptor.
    let (_, [one, other]) = to_send();
    send(one, &[sockets[7].1]);
    let mut control = [0_u8; 64];
    let mut byte = [0_u8];
    let part = [at(byte.as_mut_ptr()), 1];
    let header = [0, 0, at(&part), 1, at(control.as_mut_ptr()), 64, 0];
    call(libc::SYS_recvmsg, [other, at(&header), 0]);
    let received = i32::from_le_bytes(*std::hint::black_box(control)[16..].first_chunk().unwrap());
    // The state names the ends of a pair, and /proc does not.
    close([one, other]);
    connect(received.into(), &to(port(listener.local_addr().unwrap())));
    // FIONBIO, so that a kernel without the notice does not block.
    ioctl(notices, 0x5421, at(&1_i32));
    let plain = std::ffi::CString::new([named.as_bytes(), b"/plain"].concat()).unwrap();
    call(libc::SYS_close, [open(&plain, libc::O_RDWR | libc::O_CREAT)]);
    let mut record = [0_u32; 64];
    call(libc::SYS_read, [notices, at(record.as_mut_ptr()), 256]);
    // SAFETY: it is alive.
    let found = unsafe { std::ptr::read_volatile(&raw const record[4]) };
    println!("{received} received TCP socket\n{child} {CHILD}");
    for (what, fd) in sockets.into_iter().chain(copies).chain(bound).chain(bound_copies) {
        println!("{fd} {what}");
    }
    println!("{pipe} named pipe\n{notices} fanotify\n{found} file of fanotify");
    println!("{} listener\n{} receiver\ndone", listener.as_raw_fd(), receiver.as_raw_fd());
    lines.next();
    std::process::exit(0)
}
