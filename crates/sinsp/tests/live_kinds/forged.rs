//! A program whose sockets have names that look like lines of other sockets in `/proc/net/unix`.

use std::io::BufRead;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixListener;

use crate::maker::{at, call};

/// Environment variable that makes the test program this one: an empty directory.
pub const ENV: &str = "EYAS_FORGED";

/// The name that none of the sockets has.
pub const FORGED: &str = "/run/forged.sock";

/// Makes the sockets at the first order.
pub fn run() -> ! {
    let mut lines = std::io::stdin().lock().lines();
    lines.next();
    let dir = std::path::PathBuf::from(std::env::var_os(ENV).unwrap());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let unix = UnixListener::bind(dir.join("true")).unwrap();
    let unused = call(libc::SYS_socket, [libc::AF_INET.into(), libc::SOCK_STREAM.into(), 0]);
    let sockets = [
        ("Unix listener", unix.as_raw_fd()),
        ("TCP client", client.as_raw_fd()),
        ("TCP listener", listener.as_raw_fd()),
        ("unused TCP socket", unused as RawFd),
    ];
    for (what, fd) in sockets {
        println!("{} of {what}", forge(inode(fd)));
        println!("{fd} {what}");
    }
    println!("done");
    lines.next();
    std::process::exit(0)
}

fn inode(fd: RawFd) -> u64 {
    let link = std::fs::read_link(format!("/proc/self/fd/{fd}")).unwrap().display().to_string();
    link.trim_start_matches("socket:[").trim_end_matches(']').parse().unwrap()
}

/// A socket with an abstract name that continues with the line of another one.
fn forge(inode: u64) -> i64 {
    let socket = call(libc::SYS_socket, [libc::AF_UNIX.into(), libc::SOCK_STREAM.into(), 0]);
    let line = format!("\nffff888000000001: 00000002 00000000 00010000 0001 01 {inode} {FORGED}");
    let address = [&[libc::AF_UNIX as u8, 0, 0][..], line.as_bytes()].concat();
    assert_eq!(call(libc::SYS_bind, [socket, at(address.as_ptr()), address.len() as i64]), 0);
    socket
}
