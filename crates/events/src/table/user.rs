//! User and group identities.

use super::row::*;

events! {
    190 SYSCALL_QUOTACTL_E "quotactl" (USER | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        cmd: FLAGS16 DEC [flags QUOTACTL_CMDS],
        r#type: FLAGS8 DEC [flags QUOTACTL_TYPES],
        id: UINT32 DEC,
        quota_fmt: FLAGS8 DEC [flags QUOTACTL_QUOTA_FMTS],
    }
    191 SYSCALL_QUOTACTL_X "quotactl" (USER | SYSCALL) (CONVERTER_MANAGED) {
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
    192 SYSCALL_SETRESUID_E "setresuid" (USER | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        ruid: UID DEC,
        euid: UID DEC,
        suid: UID DEC,
    }
    193 SYSCALL_SETRESUID_X "setresuid" (USER | SYSCALL) (MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        ruid: UID DEC = arg_u32(0),
        euid: UID DEC = arg_u32(1),
        suid: UID DEC = arg_u32(2),
    }
    194 SYSCALL_SETRESGID_E "setresgid" (USER | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        rgid: GID DEC,
        egid: GID DEC,
        sgid: GID DEC,
    }
    195 SYSCALL_SETRESGID_X "setresgid" (USER | SYSCALL) (MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        rgid: GID DEC = arg_u32(0),
        egid: GID DEC = arg_u32(1),
        sgid: GID DEC = arg_u32(2),
    }
    198 SYSCALL_SETUID_E "setuid" (USER | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        uid: UID DEC,
    }
    199 SYSCALL_SETUID_X "setuid" (USER | SYSCALL) (MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        uid: UID DEC = arg_u32(0),
    }
    200 SYSCALL_SETGID_E "setgid" (USER | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        gid: GID DEC,
    }
    201 SYSCALL_SETGID_X "setgid" (USER | SYSCALL) (MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        gid: GID DEC = arg_u32(0),
    }
    202 SYSCALL_GETUID_E "getuid" (USER | SYSCALL) (OLD_VERSION) {}
    203 SYSCALL_GETUID_X "getuid" (USER | SYSCALL) (NONE) {
        uid: UID DEC = RET,
    }
    204 SYSCALL_GETEUID_E "geteuid" (USER | SYSCALL) (OLD_VERSION) {}
    205 SYSCALL_GETEUID_X "geteuid" (USER | SYSCALL) (NONE) {
        euid: UID DEC = RET,
    }
    206 SYSCALL_GETGID_E "getgid" (USER | SYSCALL) (OLD_VERSION) {}
    207 SYSCALL_GETGID_X "getgid" (USER | SYSCALL) (NONE) {
        gid: GID DEC = RET,
    }
    208 SYSCALL_GETEGID_E "getegid" (USER | SYSCALL) (OLD_VERSION) {}
    209 SYSCALL_GETEGID_X "getegid" (USER | SYSCALL) (NONE) {
        egid: GID DEC = RET,
    }
    210 SYSCALL_GETRESUID_E "getresuid" (USER | SYSCALL) (OLD_VERSION) {}
    211 SYSCALL_GETRESUID_X "getresuid" (USER | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        ruid: UID DEC = user_u32(0),
        euid: UID DEC = user_u32(1),
        suid: UID DEC = user_u32(2),
    }
    212 SYSCALL_GETRESGID_E "getresgid" (USER | SYSCALL) (OLD_VERSION) {}
    213 SYSCALL_GETRESGID_X "getresgid" (USER | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        rgid: GID DEC = user_u32(0),
        egid: GID DEC = user_u32(1),
        sgid: GID DEC = user_u32(2),
    }
    426 SYSCALL_SETREUID_E "setreuid" (USER | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {}
    427 SYSCALL_SETREUID_X "setreuid" (USER | SYSCALL) (MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        ruid: UID DEC = arg_u32(0),
        euid: UID DEC = arg_u32(1),
    }
    428 SYSCALL_SETREGID_E "setregid" (USER | SYSCALL) (OLD_VERSION) {}
    429 SYSCALL_SETREGID_X "setregid" (USER | SYSCALL) (MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        rgid: UID DEC = arg_u32(0),
        egid: UID DEC = arg_u32(1),
    }
    565 SYSCALL_SETFSUID_X "setfsuid" (USER | SYSCALL) (MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        fsuid: UID DEC = arg_u32(0),
    }
    567 SYSCALL_SETFSGID_X "setfsgid" (USER | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        fsgid: GID DEC = arg_u32(0),
    }
}
