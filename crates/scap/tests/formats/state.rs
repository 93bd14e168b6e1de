//! Open files, interfaces, users and the machine.

use std::net::IpAddr;

use eyas_scap::{FdDetail, FdEntry, Group, Interface, MachineInfo, User};

use crate::build::{Bytes, read};
use crate::{ORDERS, snapshot};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn open_files_of_both_versions() {
    let file = |dev| FdDetail::File { open_flags: 4099, path: b"/etc/a".to_vec(), dev, mount_id: 0 };
    let mut details = vec![
        file(0),
        FdDetail::Socket { local: (ip("1.2.3.4"), 5), remote: (ip("6.7.8.9"), 80), l4: 2 },
        FdDetail::Socket { local: (ip("fe80::1"), 5), remote: (ip("::2"), 80), l4: 3 },
        FdDetail::ServerSocket { addr: (ip("0.0.0.0"), 22), l4: 2 },
        FdDetail::ServerSocket { addr: (ip("::"), 22), l4: 2 },
        FdDetail::Unix { source: 7, destination: 8, path: b"/run/x".to_vec() },
    ];
    for type_code in [0, 1, 2, 7, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20, 21] {
        let name = if type_code == 0 { Vec::new() } else { format!("name of {type_code}").into_bytes() };
        details.push(FdDetail::Other { type_code, name });
    }
    let list: Vec<FdEntry> =
        details.into_iter().zip(0..).map(|(detail, fd)| FdEntry::new(fd, 1 << 40, detail)).collect();
    for big in ORDERS {
        for ty in [0x203, 0x8001_abcd] {
            let found = snapshot(big, |capture| {
                let mut body = Bytes::new(big);
                body.i64(77);
                list.iter().for_each(|fd| {
                    body.fd(fd);
                });
                capture.block(ty, &body.out);
            });
            assert_eq!(found.fds, [(77, list.clone())], "version 1, big: {big}");
        }
        let found = snapshot(big, |capture| {
            let mut body = Bytes::new(big);
            body.i64(77);
            list.iter().for_each(|fd| {
                body.sized(true, |entry| {
                    entry.fd(fd);
                });
            });
            // With a device, with more than is known, and of an unknown type.
            body.sized(true, |entry| {
                entry.fd(&list[0]).u32(0x801);
            });
            body.sized(true, |entry| {
                entry.fd(&list[0]).u32(0x801).raw(b"more");
            });
            body.sized(true, |entry| {
                entry.i64(5).u64(6).u8(99).raw(b"whatever");
            });
            capture.block(0x218, &body.out);
        });
        let with_dev = FdEntry::new(0, 1 << 40, file(0x801));
        let unknown = FdDetail::Other { type_code: 10, name: b"unknown-type:[99]".to_vec() };
        let want = [&list[..], &[with_dev.clone(), with_dev, FdEntry::new(5, 6, unknown)]].concat();
        assert_eq!(found.fds, [(77, want)], "version 2, big: {big}");
        // What has no length cannot be skipped.
        let mut capture = Bytes::new(big);
        capture.section(1, &[]);
        let mut body = Bytes::new(big);
        body.i64(77).i64(5).u64(6).u8(99);
        capture.block(0x203, &body.out);
        let error = read(&capture.out).error.unwrap();
        assert!(error.contains("open files block (0x203) at byte 28") && error.contains("99"), "{error}");
    }
}

#[test]
fn interfaces_users_and_the_machine_of_both_versions() {
    let interface = |addr: &str, link_speed| Interface {
        name: b"eth0".to_vec(),
        addr: ip(addr),
        netmask: ip(addr),
        broadcast: ip(addr),
        link_speed,
    };
    let interfaces = [
        (1, interface("10.0.0.1", 1000)),
        (2, interface("fe80::1", 1000)),
        (3, interface("10.0.0.2", 0)),
        (4, interface("fe80::2", 0)),
    ];
    let user = User {
        uid: 1000,
        gid: 1001,
        name: b"eve".to_vec(),
        home: b"/home/eve".to_vec(),
        shell: b"/bin/sh".to_vec(),
    };
    let group = Group { gid: 1001, name: b"eves".to_vec() };
    let machine = MachineInfo {
        cpus: 2,
        memory: 1 << 33,
        max_pid: 4_194_304,
        hostname: b"host".to_vec(),
        boot_ts: 1_700_000_000_000_000_000,
        flags: 3,
    };
    let put_group = |body: &mut Bytes| {
        body.u8(1).u32(group.gid).text(&group.name);
    };
    for big in ORDERS {
        for (first_version, il, ul, mi) in [
            (true, 0x205, 0x206, 0x201),
            (true, 0x8011_abcd, 0x8012_abcd, 0x8002_abcd),
            (false, 0x219, 0x220, 0x201),
        ] {
            let found = snapshot(big, |capture| {
                let mut body = Bytes::new(big);
                body.u32(machine.cpus).u64(machine.memory).u64(machine.max_pid);
                body.raw(b"host").raw(&[0; 124]).u64(machine.boot_ts).u64(machine.flags).u64(0).u64(0);
                capture.block(mi, &body.out);
                let mut body = Bytes::new(big);
                for (ty, interface) in &interfaces {
                    match first_version {
                        true => body.interface(*ty, interface),
                        false => body.sized(false, |entry| {
                            entry.interface(*ty, interface).raw(b"more");
                        }),
                    };
                }
                capture.block(il, &body.out);
                let mut body = Bytes::new(big);
                if first_version {
                    put_group(body.user(&user).user(&user));
                } else {
                    body.sized(true, |entry| {
                        entry.user(&user);
                    });
                    body.sized(true, |entry| {
                        entry.user(&user).raw(b"more");
                    });
                    body.sized(true, put_group);
                }
                capture.block(ul, &body.out);
            });
            assert_eq!(found.interfaces, interfaces.clone().map(|(_, interface)| interface));
            assert_eq!(
                (&found.users[..], &found.groups[..]),
                (&[user.clone(), user.clone()][..], &[group.clone()][..])
            );
            assert_eq!(found.machine, Some(machine.clone()));
        }
    }
}
