use super::*;
use std::path::PathBuf;

use parse::{Stat, Status};

#[test]
fn a_command_name_may_hold_parentheses_and_blanks() {
    let mut text =
        b"42 (a) R (b) S 1 40 39 34816 -1 4194304 101 0 7 0 1 2 3 4 20 0 1 0 1329461 3133440".to_vec();
    text.extend_from_slice(b" 390 18446744073709551615\n");
    let stat = Stat::parse(&text).unwrap();
    assert_eq!(stat.comm, b"a) R (b");
    assert_eq!((stat.pgid, stat.sid, stat.tty), (40, 39, 34816));
    assert_eq!((stat.minor_faults, stat.major_faults, stat.start), (101, 7, 1_329_461));
    assert_eq!(Stat::parse(b"42 (sh"), None);
    assert_eq!(Stat::parse(b""), None);
}

#[test]
fn the_innermost_ids_are_the_virtual_ones() {
    let text = b"Name:\tx\nTgid:\t50\nPPid:\t4\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t9 10 \n\
        NStgid:\t50\t7\t2\nNSpid:\t51\t8\t3\nNSpgid:\t50\t7\t1\nNSsid:\t50\t7\t0\nVmSize:\t  3060 kB\nVmRSS:\t17 kB\n\
        CapInh:\t0000000000000000\nCapPrm:\t000001ffffffffff\nCapEff:\t0000000000000002\n";
    let status = Status::parse(text).unwrap();
    assert_eq!((status.vpid, status.vtid, status.vpgid), (Some(2), Some(3), Some(1)));
    // The leader of the session is outside the innermost namespace.
    assert_eq!(status.vsid, Some(7));
    assert_eq!((status.uid, status.gid), ((1, 2), (5, 6)));
    assert_eq!(status.groups, [9, 10]);
    assert_eq!(status.vm, [3060, 17, 0]);
    assert_eq!(status.caps, [0, 0x1ff_ffff_ffff, 2]);
    assert_eq!(Status::parse(b"Name:\tx\n"), None);
}

#[test]
fn control_groups_of_both_versions() {
    let v1 = b"9:name=systemd:/x\n4:memory:/docker/ab\n2:cpu,cpuacct:/c\n7:blkio:/b\n8:pids:/p\n0::/u\n";
    let expected = "cpuset=/u\0cpu=/c\0cpuacct=/c\0io=/b\0memory=/docker/ab\0pids=/p\0";
    assert_eq!(parse::cgroups(v1), expected.as_bytes());
    let v2 = parse::cgroups(b"0::/system.slice/a:b.service\n");
    assert!(v2.starts_with(b"cpuset=/system.slice/a:b.service\0cpu="));
    assert_eq!(parse::cgroups(b"junk\n\n1:\n"), b"");
}

#[test]
fn command_lines_and_limits() {
    assert_eq!(parse::command_line(b"a\0b\0c"), (b"a".to_vec(), b"b\0c\0".to_vec()));
    assert_eq!(parse::command_line(b"a\0"), (b"a".to_vec(), b"".to_vec()));
    assert_eq!(parse::command_line(b""), (b"".to_vec(), b"".to_vec()));
    let limits = b"Limit  Soft Limit  Hard Limit  Units\nMax open files            1024    524288   files\n";
    assert_eq!(parse::open_files(limits), Some(1024));
    assert_eq!(parse::open_files(b"Max open files  unlimited unlimited files"), Some(u64::MAX));
}

#[test]
fn numbers_end_where_their_type_does() {
    assert_eq!(parse::decimal(b"18446744073709551615"), Some(u64::MAX));
    assert_eq!(parse::decimal(b"18446744073709551616"), None);
    assert_eq!(parse::decimal(b"-1"), None);
    assert_eq!(parse::decimal(b""), None);
    assert_eq!(parse::bracketed(b"net:[4026531833]"), Some(4_026_531_833));
    assert_eq!(parse::bracketed(b"net:[40"), None);
}

#[test]
fn a_root_without_proc_is_an_error_that_names_it() {
    let options = Options { root: PathBuf::from("/nonexistent"), ..Options::default() };
    let error = snapshot(&options).unwrap_err().to_string();
    assert!(error.starts_with("cannot read /nonexistent/proc: "), "{error}");
    assert!(thread(&options, 1).is_none());
}
