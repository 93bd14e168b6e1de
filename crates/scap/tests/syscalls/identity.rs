//! Users, groups, capabilities. A separate thread makes the calls, because they change only the caller.

use eyas_events::EventType;
use eyas_testing::test;

use crate::call::{apart, at, call};
use crate::capture::capture;
use crate::want::{Want, int};

/// A call with these ids, which its parameters repeat.
fn sets(ty: EventType, number: i64, ids: &[(&str, i64)]) {
    apart(|| {
        let mut live = capture(&[ty]);
        let mut args = [0; 3];
        args.iter_mut().zip(ids).for_each(|(arg, (_, id))| *arg = *id);
        let res = call(number, args);
        assert_eq!(res, 0);
        let wants: Vec<(&str, Want)> = std::iter::once(("res", int(res)))
            .chain(ids.iter().map(|(name, id)| (*name, int(*id))))
            .collect();
        live.saw(ty, &wants);
    });
}

#[test]
fn of_users() {
    sets(EventType::SYSCALL_SETUID_X, libc::SYS_setuid, &[("uid", 1001)]);
    sets(EventType::SYSCALL_SETREUID_X, libc::SYS_setreuid, &[("ruid", 1002), ("euid", -1)]);
    sets(
        EventType::SYSCALL_SETRESUID_X,
        libc::SYS_setresuid,
        &[("ruid", 1003), ("euid", -1), ("suid", 1004)],
    );
}

#[test]
fn of_groups() {
    sets(EventType::SYSCALL_SETGID_X, libc::SYS_setgid, &[("gid", 1001)]);
    sets(EventType::SYSCALL_SETREGID_X, libc::SYS_setregid, &[("rgid", 1002), ("egid", -1)]);
    sets(
        EventType::SYSCALL_SETRESGID_X,
        libc::SYS_setresgid,
        &[("rgid", 1003), ("egid", -1), ("sgid", 1004)],
    );
}

#[test]
fn of_file_systems() {
    let types = [EventType::SYSCALL_SETFSUID_X, EventType::SYSCALL_SETFSGID_X];
    apart(|| {
        let mut live = capture(&types);
        // They return what it was before.
        assert_eq!(call(libc::SYS_setfsgid, [1002]), 0);
        live.saw(EventType::SYSCALL_SETFSGID_X, &[("res", int(0)), ("fsgid", int(1002))]);
        assert_eq!(call(libc::SYS_setfsuid, [1001]), 0);
        live.saw(EventType::SYSCALL_SETFSUID_X, &[("res", int(0)), ("fsuid", int(1001))]);
        assert_eq!(call(libc::SYS_setfsuid, [-1]), 1001);
        live.saw(EventType::SYSCALL_SETFSUID_X, &[("res", int(1001)), ("fsuid", int(-1))]);
    });
}

#[test]
fn queries_of_an_id_report_it() {
    apart(|| {
        let types = [
            EventType::SYSCALL_GETUID_X,
            EventType::SYSCALL_GETEUID_X,
            EventType::SYSCALL_GETGID_X,
            EventType::SYSCALL_GETEGID_X,
        ];
        let mut live = capture(&types);
        assert_eq!(call(libc::SYS_setresgid, [2001, 2002, 2003]), 0);
        assert_eq!(call(libc::SYS_setresuid, [1001, 1002, 1003]), 0);
        let calls = [libc::SYS_getuid, libc::SYS_geteuid, libc::SYS_getgid, libc::SYS_getegid];
        let names = [("uid", 1001), ("euid", 1002), ("gid", 2001), ("egid", 2002)];
        for ((ty, number), (name, id)) in types.into_iter().zip(calls).zip(names) {
            assert_eq!(call(number, []), id);
            live.saw(ty, &[(name, int(id))]);
        }
    });
}

#[test]
fn queries_of_all_ids_report_each() {
    apart(|| {
        let types = [EventType::SYSCALL_GETRESUID_X, EventType::SYSCALL_GETRESGID_X];
        let mut live = capture(&types);
        assert_eq!(call(libc::SYS_setresgid, [2001, 2002, 2003]), 0);
        assert_eq!(call(libc::SYS_setresuid, [1001, 1002, 1003]), 0);
        let mut ids = [0_u32; 3];
        let all = [at(&raw mut ids[0]), at(&raw mut ids[1]), at(&raw mut ids[2])];
        let res = call(libc::SYS_getresuid, all);
        let wants = [("res", int(res)), ("ruid", int(1001)), ("euid", int(1002)), ("suid", int(1003))];
        live.saw(EventType::SYSCALL_GETRESUID_X, &wants);
        let res = call(libc::SYS_getresgid, all);
        let wants = [("res", int(res)), ("rgid", int(2001)), ("egid", int(2002)), ("sgid", int(2003))];
        live.saw(EventType::SYSCALL_GETRESGID_X, &wants);
    });
}

#[test]
fn capabilities() {
    apart(|| {
        let mut live = capture(&[EventType::SYSCALL_CAPSET_X]);
        // Version 3; effective, permitted, inheritable, for 32 capabilities each.
        let header = [0x2008_0522_u32, 0];
        let sets = [1_u32 << 5, 1 << 5 | 1 << 7, 1 << 7, 0, 1 << 6, 0];
        let res = call(libc::SYS_capset, [at(&header), at(&sets)]);
        assert_eq!(res, 0);
        live.saw(
            EventType::SYSCALL_CAPSET_X,
            &[
                ("res", int(0)),
                ("cap_inheritable", int(1_i64 << 7)),
                ("cap_permitted", int(1_i64 << 38 | 1 << 5 | 1 << 7)),
                ("cap_effective", int(1_i64 << 5)),
            ],
        );
    });
}

/// `Q_GETINFO` and the like, for users.
fn command(name: u32) -> i64 {
    i64::from(name << 8)
}

#[test]
fn quotas() {
    use crate::want::{bytes, empty, flags};
    use eyas_events::FlagTable;

    let mut live = capture(&[EventType::SYSCALL_QUOTACTL_X]);
    let special = c"/dev/nonexistent";
    let wants = |res, file: Want, block: [i64; 7], info: [i64; 3], fmt_out, cmd, id, fmt| {
        let [bhard, bsoft, space, ihard, isoft, btime, itime] = block;
        let [bgrace, igrace, how] = info;
        [
            ("res", int::<i64>(res)),
            ("special", bytes(special.to_bytes_with_nul())),
            ("quotafilepath", file),
            ("dqb_bhardlimit", int(bhard)),
            ("dqb_bsoftlimit", int(bsoft)),
            ("dqb_curspace", int(space)),
            ("dqb_ihardlimit", int(ihard)),
            ("dqb_isoftlimit", int(isoft)),
            ("dqb_btime", int(btime)),
            ("dqb_itime", int(itime)),
            ("dqi_bgrace", int(bgrace)),
            ("dqi_igrace", int(igrace)),
            ("dqi_flags", int(how)),
            ("quota_fmt_out", flags(&FlagTable::QUOTACTL_QUOTA_FMTS, &[fmt_out])),
            ("cmd", flags(&FlagTable::QUOTACTL_CMDS, &[cmd])),
            ("type", flags(&FlagTable::QUOTACTL_TYPES, &["USRQUOTA"])),
            ("id", int::<i64>(id)),
            ("quota_fmt", flags(&FlagTable::QUOTACTL_QUOTA_FMTS, &[fmt])),
        ]
    };
    let none = "QFMT_NOT_USED";
    let quotactl = |cmd, id, data| call(libc::SYS_quotactl, [cmd, at(special.as_ptr()), id, data]);

    // Limits on blocks and the time are said to be valid, those on inodes are not.
    let block = [11_u64, 12, 13, 14, 15, 16, 17, 18, 1 | 2 | 16];
    let res = quotactl(command(0x80_0008), 42, at(&block));
    live.saw(
        EventType::SYSCALL_QUOTACTL_X,
        &wants(res, empty(), [11, 12, 13, 0, 0, 17, 0], [0; 3], none, "Q_SETQUOTA", 42, none),
    );
    let info = [21_u64, 22, 1 | 7 << 32];
    let res = quotactl(command(0x80_0006), 0, at(&info));
    live.saw(
        EventType::SYSCALL_QUOTACTL_X,
        &wants(res, empty(), [0; 7], [21, 22, 1], none, "Q_SETINFO", 0, none),
    );
    let res = quotactl(command(0x80_0002), 2, at(c"/aquota.user".as_ptr()));
    live.saw(
        EventType::SYSCALL_QUOTACTL_X,
        &wants(res, bytes(b"/aquota.user\0"), [0; 7], [0; 3], none, "Q_QUOTAON", 0, "QFMT_VFS_V0"),
    );
    let format = 4_u32;
    let res = quotactl(command(0x80_0004), 0, at(&format));
    live.saw(
        EventType::SYSCALL_QUOTACTL_X,
        &wants(res, empty(), [0; 7], [0; 3], "QFMT_VFS_V1", "Q_GETFMT", 0, none),
    );
}
