//! User and group identities.

use super::row::*;

syscalls! {
    78 QUOTACTL "quotactl" x86_64(179) aarch64(60) => 191 SYSCALL_QUOTACTL_X (USER | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        special: CHARBUF NA = user_str(1),
        quotafilepath: CHARBUF NA = CUSTOM,
        dqb_bhardlimit: UINT64 DEC = CUSTOM,
        dqb_bsoftlimit: UINT64 DEC = CUSTOM,
        dqb_curspace: UINT64 DEC = CUSTOM,
        dqb_ihardlimit: UINT64 DEC = CUSTOM,
        dqb_isoftlimit: UINT64 DEC = CUSTOM,
        dqb_btime: RELTIME DEC = CUSTOM,
        dqb_itime: RELTIME DEC = CUSTOM,
        dqi_bgrace: RELTIME DEC = CUSTOM,
        dqi_igrace: RELTIME DEC = CUSTOM,
        dqi_flags: FLAGS8 DEC [flags QUOTACTL_DQI_FLAGS] = CUSTOM,
        quota_fmt_out: FLAGS8 DEC [flags QUOTACTL_QUOTA_FMTS] = CUSTOM,
        cmd: FLAGS16 DEC [flags QUOTACTL_CMDS] = CUSTOM,
        r#type: FLAGS8 DEC [flags QUOTACTL_TYPES] = CUSTOM,
        id: UINT32 DEC = CUSTOM,
        quota_fmt: FLAGS8 DEC [flags QUOTACTL_QUOTA_FMTS] = CUSTOM,
    }
    114 CAPGET "capget" x86_64(125) aarch64(90)
    119 GETUID "getuid" x86_64(102) aarch64(174) => 203 SYSCALL_GETUID_X (USER | SYSCALL) (NONE) {
        uid: UID DEC = RET,
    }
    120 GETGID "getgid" x86_64(104) aarch64(176) => 207 SYSCALL_GETGID_X (USER | SYSCALL) (NONE) {
        gid: GID DEC = RET,
    }
    121 GETEUID "geteuid" x86_64(107) aarch64(175) => 205 SYSCALL_GETEUID_X (USER | SYSCALL) (NONE) {
        euid: UID DEC = RET,
    }
    122 GETEGID "getegid" x86_64(108) aarch64(177) => 209 SYSCALL_GETEGID_X (USER | SYSCALL) (NONE) {
        egid: GID DEC = RET,
    }
    123 SETREUID "setreuid" x86_64(113) aarch64(145) => 427 SYSCALL_SETREUID_X (USER | SYSCALL) (MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        ruid: UID DEC = arg_u32(0),
        euid: UID DEC = arg_u32(1),
    }
    124 SETREGID "setregid" x86_64(114) aarch64(143) => 429 SYSCALL_SETREGID_X (USER | SYSCALL) (MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        rgid: UID DEC = arg_u32(0),
        egid: UID DEC = arg_u32(1),
    }
    125 GETGROUPS "getgroups" x86_64(115) aarch64(158)
    126 SETGROUPS "setgroups" x86_64(116) aarch64(159)
    128 SETRESUID "setresuid" x86_64(117) aarch64(147)
    => 193 SYSCALL_SETRESUID_X (USER | SYSCALL) (MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        ruid: UID DEC = arg_u32(0),
        euid: UID DEC = arg_u32(1),
        suid: UID DEC = arg_u32(2),
    }
    129 GETRESUID "getresuid" x86_64(118) aarch64(148) => 211 SYSCALL_GETRESUID_X (USER | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        ruid: UID DEC = user_u32(0),
        euid: UID DEC = user_u32(1),
        suid: UID DEC = user_u32(2),
    }
    130 SETRESGID "setresgid" x86_64(119) aarch64(149)
    => 195 SYSCALL_SETRESGID_X (USER | SYSCALL) (MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        rgid: GID DEC = arg_u32(0),
        egid: GID DEC = arg_u32(1),
        sgid: GID DEC = arg_u32(2),
    }
    131 GETRESGID "getresgid" x86_64(120) aarch64(150) => 213 SYSCALL_GETRESGID_X (USER | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        rgid: GID DEC = user_u32(0),
        egid: GID DEC = user_u32(1),
        sgid: GID DEC = user_u32(2),
    }
    133 SETUID "setuid" x86_64(105) aarch64(146)
    => 199 SYSCALL_SETUID_X (USER | SYSCALL) (MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        uid: UID DEC = arg_u32(0),
    }
    134 SETGID "setgid" x86_64(106) aarch64(144)
    => 201 SYSCALL_SETGID_X (USER | SYSCALL) (MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        gid: GID DEC = arg_u32(0),
    }
    135 SETFSUID "setfsuid" x86_64(122) aarch64(151) => 565 SYSCALL_SETFSUID_X (USER | SYSCALL) (MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        fsuid: UID DEC = arg_u32(0),
    }
    136 SETFSGID "setfsgid" x86_64(123) aarch64(152) => 567 SYSCALL_SETFSGID_X (USER | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        fsgid: GID DEC = arg_u32(0),
    }
    305 SETUID32 "setuid32" x86_64(-) aarch64(-)
    306 GETUID32 "getuid32" x86_64(-) aarch64(-)
    307 SETGID32 "setgid32" x86_64(-) aarch64(-)
    308 GETEUID32 "geteuid32" x86_64(-) aarch64(-)
    309 GETGID32 "getgid32" x86_64(-) aarch64(-)
    310 SETRESUID32 "setresuid32" x86_64(-) aarch64(-)
    311 SETRESGID32 "setresgid32" x86_64(-) aarch64(-)
    312 GETRESUID32 "getresuid32" x86_64(-) aarch64(-)
    313 GETRESGID32 "getresgid32" x86_64(-) aarch64(-)
    334 GETEGID32 "getegid32" x86_64(-) aarch64(-)
}

events! {
    190 SYSCALL_QUOTACTL_E "quotactl" (USER | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        cmd: FLAGS16 DEC [flags QUOTACTL_CMDS],
        r#type: FLAGS8 DEC [flags QUOTACTL_TYPES],
        id: UINT32 DEC,
        quota_fmt: FLAGS8 DEC [flags QUOTACTL_QUOTA_FMTS],
    }
    192 SYSCALL_SETRESUID_E "setresuid" (USER | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        ruid: UID DEC,
        euid: UID DEC,
        suid: UID DEC,
    }
    194 SYSCALL_SETRESGID_E "setresgid" (USER | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        rgid: GID DEC,
        egid: GID DEC,
        sgid: GID DEC,
    }
    198 SYSCALL_SETUID_E "setuid" (USER | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        uid: UID DEC,
    }
    200 SYSCALL_SETGID_E "setgid" (USER | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        gid: GID DEC,
    }
    202 SYSCALL_GETUID_E "getuid" (USER | SYSCALL) (OLD_VERSION) {}
    204 SYSCALL_GETEUID_E "geteuid" (USER | SYSCALL) (OLD_VERSION) {}
    206 SYSCALL_GETGID_E "getgid" (USER | SYSCALL) (OLD_VERSION) {}
    208 SYSCALL_GETEGID_E "getegid" (USER | SYSCALL) (OLD_VERSION) {}
    210 SYSCALL_GETRESUID_E "getresuid" (USER | SYSCALL) (OLD_VERSION) {}
    212 SYSCALL_GETRESGID_E "getresgid" (USER | SYSCALL) (OLD_VERSION) {}
    426 SYSCALL_SETREUID_E "setreuid" (USER | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {}
    428 SYSCALL_SETREGID_E "setregid" (USER | SYSCALL) (OLD_VERSION) {}
}
