//! The bodies of a section's first blocks.

use std::net::IpAddr;

use crate::snapshot::CLOSED_BY_EXEC;
use crate::{FdDetail, FdEntry, Group, Interface, MachineInfo, ThreadEntry, User};

/// Maximum length of most texts; readers refuse longer ones.
const TEXT: usize = 1023;
/// Maximum length of a list of arguments, variables or cgroups.
const LIST: usize = 4096;
/// Maximum length of a text about a user.
const USER: usize = 255;

fn text(out: &mut Vec<u8>, text: &[u8], limit: usize) {
    let text = &text[..text.len().min(limit)];
    out.extend_from_slice(&(text.len() as u16).to_le_bytes());
    out.extend_from_slice(text);
}

fn address(out: &mut Vec<u8>, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => out.extend_from_slice(&ip.octets()),
        IpAddr::V6(ip) => out.extend_from_slice(&ip.octets()),
    }
}

/// Writes an entry after its length, which includes itself.
fn entry(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    body(out);
    let length = (out.len() - start) as u32;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

macro_rules! put {
    ($out:expr, $($value:expr),* $(,)?) => {
        $($out.extend_from_slice(&$value.to_le_bytes());)*
    };
}

pub(super) fn section(out: &mut Vec<u8>) {
    put!(out, 0x1A2B_3C4D_u32, 1u16, 2u16, u64::MAX);
}

pub(super) fn machine(out: &mut Vec<u8>, machine: &MachineInfo) {
    put!(out, machine.cpus, machine.memory, machine.max_pid);
    let mut name = [0; 128];
    // A NUL stays at the end.
    let length = machine.hostname.len().min(name.len() - 1);
    name[..length].copy_from_slice(&machine.hostname[..length]);
    out.extend_from_slice(&name);
    put!(out, machine.boot_ts, machine.flags, 0u64, 0u64);
}

pub(super) fn interfaces(out: &mut Vec<u8>, interfaces: &[Interface]) {
    for interface in interfaces {
        let start = out.len();
        let name = &interface.name[..interface.name.len().min(TEXT)];
        let ty: u16 = if interface.addr.is_ipv4() { 1 } else { 2 };
        // Unlike everywhere else, this length does not include itself.
        put!(out, 0u32, ty, name.len() as u16);
        for ip in [interface.addr, interface.netmask, interface.broadcast] {
            address(out, ip);
        }
        put!(out, interface.link_speed);
        out.extend_from_slice(name);
        let length = (out.len() - start - 4) as u32;
        out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    }
}

pub(super) fn users(out: &mut Vec<u8>, users: &[User], groups: &[Group]) {
    for user in users {
        entry(out, |out| {
            put!(out, 0u8, user.uid, user.gid);
            [&user.name, &user.home, &user.shell].into_iter().for_each(|part| text(out, part, USER));
        });
    }
    for group in groups {
        entry(out, |out| {
            put!(out, 1u8, group.gid);
            text(out, &group.name, USER);
        });
    }
}

pub(super) fn threads(out: &mut Vec<u8>, threads: &[ThreadEntry]) {
    for thread in threads {
        entry(out, |out| thread_body(out, thread));
    }
}

fn thread_body(out: &mut Vec<u8>, t: &ThreadEntry) {
    put!(out, t.tid, t.pid, t.ptid, t.sid, t.vpgid);
    [&t.comm, &t.exe, &t.exepath].into_iter().for_each(|part| text(out, part, TEXT));
    text(out, &t.args, LIST);
    text(out, &t.cwd, TEXT);
    put!(out, t.fdlimit, t.flags, t.uid, t.gid, t.vmsize_kb, t.vmrss_kb, t.vmswap_kb, t.pfmajor, t.pfminor);
    text(out, &t.env, LIST);
    put!(out, t.vtid, t.vpid);
    text(out, &t.cgroups, LIST);
    text(out, &t.root, TEXT);
    put!(out, t.pidns_init_start_ts, t.tty, t.loginuid, u8::from(t.exe_writable));
    put!(out, t.caps[0], t.caps[1], t.caps[2], u8::from(t.exe_upper_layer));
    put!(out, t.exe_ino, t.exe_ino_ctime, t.exe_ino_mtime);
    put!(out, u8::from(t.exe_from_memfd), u8::from(t.exe_lower_layer), t.pgid);
}

pub(super) fn fds(out: &mut Vec<u8>, tid: i64, fds: &[FdEntry]) {
    put!(out, tid);
    for fd in fds {
        entry(out, |out| {
            put!(out, fd.fd, fd.ino);
            detail(out, &fd.detail);
            // The flags of a file show it.
            if fd.close_on_exec && !FdEntry::new(fd.fd, fd.ino, fd.detail.clone()).close_on_exec {
                out.extend_from_slice(CLOSED_BY_EXEC);
            }
        });
    }
}

fn detail(out: &mut Vec<u8>, detail: &FdDetail) {
    match detail {
        FdDetail::Socket { local, remote, l4 } => {
            let (from, to) = match (local.0, remote.0) {
                (IpAddr::V4(_), IpAddr::V4(_)) => (local.0, remote.0),
                (a, b) => (wide(a), wide(b)),
            };
            put!(out, if from.is_ipv4() { 3u8 } else { 4 });
            address(out, from);
            address(out, to);
            put!(out, local.1, remote.1, *l4);
        }
        FdDetail::ServerSocket { addr, l4 } => {
            put!(out, if addr.0.is_ipv4() { 5u8 } else { 6 });
            address(out, addr.0);
            put!(out, addr.1, *l4);
        }
        FdDetail::Unix { source, destination, path } => {
            put!(out, 8u8, *source, *destination);
            text(out, path, TEXT);
        }
        FdDetail::File { open_flags, path, dev, .. } => {
            put!(out, 16u8, *open_flags);
            text(out, path, TEXT);
            put!(out, *dev);
        }
        FdDetail::Other { type_code, name } => {
            put!(out, *type_code);
            text(out, name, TEXT);
        }
    }
}

fn wide(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().into(),
        IpAddr::V6(_) => ip,
    }
}
