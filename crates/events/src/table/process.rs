//! Processes, threads, signals and what they may do.

use super::row::*;

events! {
    12 SYSCALL_EXECVE_8_E "execve" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {}
    13 SYSCALL_EXECVE_8_X "execve" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        res: ERRNO DEC,
        exe: CHARBUF NA,
        args: BYTEBUF NA,
        tid: PID DEC,
        pid: PID DEC,
        ptid: PID DEC,
        cwd: CHARBUF NA,
        fdlimit: UINT64 DEC,
    }
    14 SYSCALL_CLONE_11_E "clone" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {}
    15 SYSCALL_CLONE_11_X "clone" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        res: PID DEC,
        exe: CHARBUF NA,
        args: BYTEBUF NA,
        tid: PID DEC,
        pid: PID DEC,
        ptid: PID DEC,
        cwd: CHARBUF NA,
        fdlimit: INT64 DEC,
        flags: FLAGS32 HEX [flags CLONE_FLAGS],
        uid: UINT32 DEC,
        gid: UINT32 DEC,
    }
    126 SYSCALL_SIGNALFD_E "signalfd" (SIGNAL | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        mask: UINT32 HEX,
        flags: UINT8 HEX,
    }
    127 SYSCALL_SIGNALFD_X "signalfd" (SIGNAL | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: FD DEC = RET,
        fd: FD DEC = arg_s32(0),
        mask: UINT32 HEX = ZERO,
        flags: UINT8 HEX = ZERO,
    }
    128 SYSCALL_KILL_E "kill" (SIGNAL | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        pid: PID DEC,
        sig: SIGTYPE DEC,
    }
    129 SYSCALL_KILL_X "kill" (SIGNAL | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        pid: PID DEC = arg_s32(0),
        sig: SIGTYPE DEC = arg_u8(1),
    }
    130 SYSCALL_TKILL_E "tkill" (SIGNAL | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        tid: PID DEC,
        sig: SIGTYPE DEC,
    }
    131 SYSCALL_TKILL_X "tkill" (SIGNAL | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        tid: PID DEC = arg_s32(0),
        sig: SIGTYPE DEC = arg_u8(1),
    }
    132 SYSCALL_TGKILL_E "tgkill" (SIGNAL | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        pid: PID DEC,
        tid: PID DEC,
        sig: SIGTYPE DEC,
    }
    133 SYSCALL_TGKILL_X "tgkill" (SIGNAL | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        pid: PID DEC = arg_s32(0),
        tid: PID DEC = arg_s32(1),
        sig: SIGTYPE DEC = arg_u8(2),
    }
    140 SYSCALL_GETRLIMIT_E "getrlimit" (PROCESS | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        resource: ENUMFLAGS8 DEC [flags RLIMIT_RESOURCES],
    }
    141 SYSCALL_GETRLIMIT_X "getrlimit" (PROCESS | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        cur: INT64 DEC = CUSTOM,
        max: INT64 DEC = CUSTOM,
        resource: ENUMFLAGS8 DEC [flags RLIMIT_RESOURCES] = map(FlagMap::RLIMIT_RESOURCE, 0),
    }
    142 SYSCALL_SETRLIMIT_E "setrlimit" (PROCESS | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        resource: ENUMFLAGS8 DEC [flags RLIMIT_RESOURCES],
    }
    143 SYSCALL_SETRLIMIT_X "setrlimit" (PROCESS | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        cur: INT64 DEC = CUSTOM,
        max: INT64 DEC = CUSTOM,
        resource: ENUMFLAGS8 DEC [flags RLIMIT_RESOURCES] = map(FlagMap::RLIMIT_RESOURCE, 0),
    }
    144 SYSCALL_PRLIMIT_E "prlimit" (PROCESS | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        pid: PID DEC,
        resource: ENUMFLAGS8 DEC [flags RLIMIT_RESOURCES],
    }
    145 SYSCALL_PRLIMIT_X "prlimit" (PROCESS | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        newcur: INT64 DEC = CUSTOM,
        newmax: INT64 DEC = CUSTOM,
        oldcur: INT64 DEC = CUSTOM,
        oldmax: INT64 DEC = CUSTOM,
        pid: INT64 DEC = arg_s32(0),
        resource: ENUMFLAGS8 DEC [flags RLIMIT_RESOURCES] = map(FlagMap::RLIMIT_RESOURCE, 1),
    }
    154 SYSCALL_EXECVE_13_E "execve" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {}
    155 SYSCALL_EXECVE_13_X "execve" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        res: ERRNO DEC,
        exe: CHARBUF NA,
        args: BYTEBUF NA,
        tid: PID DEC,
        pid: PID DEC,
        ptid: PID DEC,
        cwd: CHARBUF NA,
        fdlimit: UINT64 DEC,
        pgft_maj: UINT64 DEC,
        pgft_min: UINT64 DEC,
        vm_size: UINT32 DEC,
        vm_rss: UINT32 DEC,
        vm_swap: UINT32 DEC,
    }
    156 SYSCALL_CLONE_16_E "clone" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {}
    157 SYSCALL_CLONE_16_X "clone" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        res: PID DEC,
        exe: CHARBUF NA,
        args: BYTEBUF NA,
        tid: PID DEC,
        pid: PID DEC,
        ptid: PID DEC,
        cwd: CHARBUF NA,
        fdlimit: INT64 DEC,
        pgft_maj: UINT64 DEC,
        pgft_min: UINT64 DEC,
        vm_size: UINT32 DEC,
        vm_rss: UINT32 DEC,
        vm_swap: UINT32 DEC,
        flags: FLAGS32 HEX [flags CLONE_FLAGS],
        uid: UINT32 DEC,
        gid: UINT32 DEC,
    }
    168 SYSCALL_PTRACE_E "ptrace" (PROCESS | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        request: ENUMFLAGS16 DEC [flags PTRACE_REQUESTS],
        pid: PID DEC,
    }
    169 SYSCALL_PTRACE_X "ptrace" (PROCESS | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        addr: DYN HEX [dynamic PTRACE] = CUSTOM,
        data: DYN HEX [dynamic PTRACE] = CUSTOM,
        request: ENUMFLAGS16 DEC [flags PTRACE_REQUESTS] = CUSTOM,
        pid: PID DEC = arg_s32(1),
    }
    172 SYSCALL_EXECVE_14_E "execve" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {}
    173 SYSCALL_EXECVE_14_X "execve" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        res: ERRNO DEC,
        exe: CHARBUF NA,
        args: BYTEBUF NA,
        tid: PID DEC,
        pid: PID DEC,
        ptid: PID DEC,
        cwd: CHARBUF NA,
        fdlimit: UINT64 DEC,
        pgft_maj: UINT64 DEC,
        pgft_min: UINT64 DEC,
        vm_size: UINT32 DEC,
        vm_rss: UINT32 DEC,
        vm_swap: UINT32 DEC,
        env: BYTEBUF NA,
    }
    182 SYSCALL_FORK_E "fork" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {}
    183 SYSCALL_FORK_X "fork" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        res: PID DEC,
        exe: CHARBUF NA,
        args: BYTEBUF NA,
        tid: PID DEC,
        pid: PID DEC,
        ptid: PID DEC,
        cwd: CHARBUF NA,
        fdlimit: INT64 DEC,
        pgft_maj: UINT64 DEC,
        pgft_min: UINT64 DEC,
        vm_size: UINT32 DEC,
        vm_rss: UINT32 DEC,
        vm_swap: UINT32 DEC,
        flags: FLAGS32 HEX [flags CLONE_FLAGS],
        uid: UINT32 DEC,
        gid: UINT32 DEC,
    }
    184 SYSCALL_VFORK_E "vfork" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {}
    185 SYSCALL_VFORK_X "vfork" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        res: PID DEC,
        exe: CHARBUF NA,
        args: BYTEBUF NA,
        tid: PID DEC,
        pid: PID DEC,
        ptid: PID DEC,
        cwd: CHARBUF NA,
        fdlimit: INT64 DEC,
        pgft_maj: UINT64 DEC,
        pgft_min: UINT64 DEC,
        vm_size: UINT32 DEC,
        vm_rss: UINT32 DEC,
        vm_swap: UINT32 DEC,
        flags: FLAGS32 HEX [flags CLONE_FLAGS],
        uid: UINT32 DEC,
        gid: UINT32 DEC,
    }
    214 SYSCALL_EXECVE_15_E "execve" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {}
    215 SYSCALL_EXECVE_15_X "execve" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        res: ERRNO DEC,
        exe: CHARBUF NA,
        args: BYTEBUF NA,
        tid: PID DEC,
        pid: PID DEC,
        ptid: PID DEC,
        cwd: CHARBUF NA,
        fdlimit: UINT64 DEC,
        pgft_maj: UINT64 DEC,
        pgft_min: UINT64 DEC,
        vm_size: UINT32 DEC,
        vm_rss: UINT32 DEC,
        vm_swap: UINT32 DEC,
        comm: CHARBUF NA,
        env: BYTEBUF NA,
    }
    216 SYSCALL_CLONE_17_E "clone" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {}
    217 SYSCALL_CLONE_17_X "clone" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        res: PID DEC,
        exe: CHARBUF NA,
        args: BYTEBUF NA,
        tid: PID DEC,
        pid: PID DEC,
        ptid: PID DEC,
        cwd: CHARBUF NA,
        fdlimit: INT64 DEC,
        pgft_maj: UINT64 DEC,
        pgft_min: UINT64 DEC,
        vm_size: UINT32 DEC,
        vm_rss: UINT32 DEC,
        vm_swap: UINT32 DEC,
        comm: CHARBUF NA,
        flags: FLAGS32 HEX [flags CLONE_FLAGS],
        uid: UINT32 DEC,
        gid: UINT32 DEC,
    }
    218 SYSCALL_FORK_17_E "fork" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {}
    219 SYSCALL_FORK_17_X "fork" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        res: PID DEC,
        exe: CHARBUF NA,
        args: BYTEBUF NA,
        tid: PID DEC,
        pid: PID DEC,
        ptid: PID DEC,
        cwd: CHARBUF NA,
        fdlimit: INT64 DEC,
        pgft_maj: UINT64 DEC,
        pgft_min: UINT64 DEC,
        vm_size: UINT32 DEC,
        vm_rss: UINT32 DEC,
        vm_swap: UINT32 DEC,
        comm: CHARBUF NA,
        flags: FLAGS32 HEX [flags CLONE_FLAGS],
        uid: UINT32 DEC,
        gid: UINT32 DEC,
    }
    220 SYSCALL_VFORK_17_E "vfork" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {}
    221 SYSCALL_VFORK_17_X "vfork" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        res: PID DEC,
        exe: CHARBUF NA,
        args: BYTEBUF NA,
        tid: PID DEC,
        pid: PID DEC,
        ptid: PID DEC,
        cwd: CHARBUF NA,
        fdlimit: INT64 DEC,
        pgft_maj: UINT64 DEC,
        pgft_min: UINT64 DEC,
        vm_size: UINT32 DEC,
        vm_rss: UINT32 DEC,
        vm_swap: UINT32 DEC,
        comm: CHARBUF NA,
        flags: FLAGS32 HEX [flags CLONE_FLAGS],
        uid: UINT32 DEC,
        gid: UINT32 DEC,
    }
    222 SYSCALL_CLONE_20_E "clone" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {}
    223 SYSCALL_CLONE_20_X "clone" (PROCESS | SYSCALL) (MODIFIES_STATE | CONVERTER_MANAGED) {
        res: PID DEC = RET,
        exe: CHARBUF NA = CUSTOM,
        args: BYTEBUF NA = CUSTOM,
        tid: PID DEC = CUSTOM,
        pid: PID DEC = CUSTOM,
        ptid: PID DEC = CUSTOM,
        cwd: CHARBUF NA = EMPTY,
        fdlimit: INT64 DEC = CUSTOM,
        pgft_maj: UINT64 DEC = CUSTOM,
        pgft_min: UINT64 DEC = CUSTOM,
        vm_size: UINT32 DEC = CUSTOM,
        vm_rss: UINT32 DEC = CUSTOM,
        vm_swap: UINT32 DEC = CUSTOM,
        comm: CHARBUF NA = CUSTOM,
        cgroups: BYTEBUF NA = CUSTOM,
        flags: FLAGS32 HEX [flags CLONE_FLAGS] = CUSTOM,
        uid: UINT32 DEC = CUSTOM,
        gid: UINT32 DEC = CUSTOM,
        vtid: PID DEC = CUSTOM,
        vpid: PID DEC = CUSTOM,
        pidns_init_start_ts: UINT64 DEC = CUSTOM,
    }
    224 SYSCALL_FORK_20_E "fork" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {}
    225 SYSCALL_FORK_20_X "fork" (PROCESS | SYSCALL) (MODIFIES_STATE | CONVERTER_MANAGED) {
        res: PID DEC = RET,
        exe: CHARBUF NA = CUSTOM,
        args: BYTEBUF NA = CUSTOM,
        tid: PID DEC = CUSTOM,
        pid: PID DEC = CUSTOM,
        ptid: PID DEC = CUSTOM,
        cwd: CHARBUF NA = EMPTY,
        fdlimit: INT64 DEC = CUSTOM,
        pgft_maj: UINT64 DEC = CUSTOM,
        pgft_min: UINT64 DEC = CUSTOM,
        vm_size: UINT32 DEC = CUSTOM,
        vm_rss: UINT32 DEC = CUSTOM,
        vm_swap: UINT32 DEC = CUSTOM,
        comm: CHARBUF NA = CUSTOM,
        cgroups: BYTEBUF NA = CUSTOM,
        flags: FLAGS32 HEX [flags CLONE_FLAGS] = CUSTOM,
        uid: UINT32 DEC = CUSTOM,
        gid: UINT32 DEC = CUSTOM,
        vtid: PID DEC = CUSTOM,
        vpid: PID DEC = CUSTOM,
        pidns_init_start_ts: UINT64 DEC = CUSTOM,
    }
    226 SYSCALL_VFORK_20_E "vfork" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {}
    227 SYSCALL_VFORK_20_X "vfork" (PROCESS | SYSCALL) (MODIFIES_STATE | CONVERTER_MANAGED) {
        res: PID DEC = RET,
        exe: CHARBUF NA = CUSTOM,
        args: BYTEBUF NA = CUSTOM,
        tid: PID DEC = CUSTOM,
        pid: PID DEC = CUSTOM,
        ptid: PID DEC = CUSTOM,
        cwd: CHARBUF NA = EMPTY,
        fdlimit: INT64 DEC = CUSTOM,
        pgft_maj: UINT64 DEC = CUSTOM,
        pgft_min: UINT64 DEC = CUSTOM,
        vm_size: UINT32 DEC = CUSTOM,
        vm_rss: UINT32 DEC = CUSTOM,
        vm_swap: UINT32 DEC = CUSTOM,
        comm: CHARBUF NA = CUSTOM,
        cgroups: BYTEBUF NA = CUSTOM,
        flags: FLAGS32 HEX [flags CLONE_FLAGS] = CUSTOM,
        uid: UINT32 DEC = CUSTOM,
        gid: UINT32 DEC = CUSTOM,
        vtid: PID DEC = CUSTOM,
        vpid: PID DEC = CUSTOM,
        pidns_init_start_ts: UINT64 DEC = CUSTOM,
    }
    230 SYSCALL_EXECVE_16_E "execve" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {}
    231 SYSCALL_EXECVE_16_X "execve" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        res: ERRNO DEC,
        exe: CHARBUF NA,
        args: BYTEBUF NA,
        tid: PID DEC,
        pid: PID DEC,
        ptid: PID DEC,
        cwd: CHARBUF NA,
        fdlimit: UINT64 DEC,
        pgft_maj: UINT64 DEC,
        pgft_min: UINT64 DEC,
        vm_size: UINT32 DEC,
        vm_rss: UINT32 DEC,
        vm_swap: UINT32 DEC,
        comm: CHARBUF NA,
        cgroups: BYTEBUF NA,
        env: BYTEBUF NA,
    }
    240 SYSCALL_SETNS_E "setns" (PROCESS | SYSCALL) (USES_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD NA,
        nstype: FLAGS32 HEX [flags CLONE_FLAGS],
    }
    241 SYSCALL_SETNS_X "setns" (PROCESS | SYSCALL) (USES_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fd: FD NA = arg_s32(0),
        nstype: FLAGS32 HEX [flags CLONE_FLAGS] = map(FlagMap::CLONE_FLAGS, 1),
    }
    250 SYSCALL_SEMOP_E "semop" (PROCESS | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        semid: INT32 DEC,
    }
    251 SYSCALL_SEMOP_X "semop" (PROCESS | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        nsops: UINT32 DEC = arg_u32(2),
        sem_num_0: UINT16 DEC = CUSTOM,
        sem_op_0: INT16 DEC = CUSTOM,
        sem_flg_0: FLAGS16 HEX [flags SEMOP_FLAGS] = CUSTOM,
        sem_num_1: UINT16 DEC = CUSTOM,
        sem_op_1: INT16 DEC = CUSTOM,
        sem_flg_1: FLAGS16 HEX [flags SEMOP_FLAGS] = CUSTOM,
        semid: INT32 DEC = arg_s32(0),
    }
    252 SYSCALL_SEMCTL_E "semctl" (PROCESS | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        semid: INT32 DEC,
        semnum: INT32 DEC,
        cmd: FLAGS16 HEX [flags SEMCTL_COMMANDS],
        val: INT32 DEC,
    }
    253 SYSCALL_SEMCTL_X "semctl" (PROCESS | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        semid: INT32 DEC = arg_s32(0),
        semnum: INT32 DEC = arg_s32(1),
        cmd: FLAGS16 HEX [flags SEMCTL_COMMANDS] = map(FlagMap::SEMCTL_CMD, 2),
        val: INT32 DEC = CUSTOM,
    }
    262 SYSCALL_SEMGET_E "semget" (PROCESS | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        key: INT32 HEX,
        nsems: INT32 DEC,
        semflg: FLAGS32 HEX [flags SEMGET_FLAGS],
    }
    263 SYSCALL_SEMGET_X "semget" (PROCESS | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        key: INT32 HEX = arg_s32(0),
        nsems: INT32 DEC = arg_s32(1),
        semflg: FLAGS32 HEX [flags SEMGET_FLAGS] = map(FlagMap::SEMGET_FLAGS, 2),
    }
    266 SYSCALL_CHROOT_E "chroot" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {}
    267 SYSCALL_CHROOT_X "chroot" (PROCESS | SYSCALL) (MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
    }
    274 SYSCALL_SETSID_E "setsid" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {}
    275 SYSCALL_SETSID_X "setsid" (PROCESS | SYSCALL) (MODIFIES_STATE) {
        res: PID DEC = RET,
    }
    282 SYSCALL_EXECVE_17_E "execve" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {}
    283 SYSCALL_EXECVE_17_X "execve" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        res: ERRNO DEC,
        exe: CHARBUF NA,
        args: BYTEBUF NA,
        tid: PID DEC,
        pid: PID DEC,
        ptid: PID DEC,
        cwd: CHARBUF NA,
        fdlimit: UINT64 DEC,
        pgft_maj: UINT64 DEC,
        pgft_min: UINT64 DEC,
        vm_size: UINT32 DEC,
        vm_rss: UINT32 DEC,
        vm_swap: UINT32 DEC,
        comm: CHARBUF NA,
        cgroups: BYTEBUF NA,
        env: BYTEBUF NA,
        tty: INT32 DEC,
    }
    284 SYSCALL_UNSHARE_E "unshare" (PROCESS | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        flags: FLAGS32 HEX [flags CLONE_FLAGS],
    }
    285 SYSCALL_UNSHARE_X "unshare" (PROCESS | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        flags: FLAGS32 HEX [flags CLONE_FLAGS] = map(FlagMap::CLONE_FLAGS, 0),
    }
    288 SYSCALL_EXECVE_18_E "execve" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        filename: FSPATH NA,
    }
    289 SYSCALL_EXECVE_18_X "execve" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        res: ERRNO DEC,
        exe: CHARBUF NA,
        args: BYTEBUF NA,
        tid: PID DEC,
        pid: PID DEC,
        ptid: PID DEC,
        cwd: CHARBUF NA,
        fdlimit: UINT64 DEC,
        pgft_maj: UINT64 DEC,
        pgft_min: UINT64 DEC,
        vm_size: UINT32 DEC,
        vm_rss: UINT32 DEC,
        vm_swap: UINT32 DEC,
        comm: CHARBUF NA,
        cgroups: BYTEBUF NA,
        env: BYTEBUF NA,
        tty: INT32 DEC,
    }
    292 SYSCALL_EXECVE_19_E "execve" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        filename: FSPATH NA,
    }
    293 SYSCALL_EXECVE_19_X "execve" (PROCESS | SYSCALL) (MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        exe: CHARBUF NA = CUSTOM,
        args: BYTEBUF NA = CUSTOM,
        tid: PID DEC = CUSTOM,
        pid: PID DEC = CUSTOM,
        ptid: PID DEC = CUSTOM,
        cwd: CHARBUF NA = EMPTY,
        fdlimit: UINT64 DEC = CUSTOM,
        pgft_maj: UINT64 DEC = CUSTOM,
        pgft_min: UINT64 DEC = CUSTOM,
        vm_size: UINT32 DEC = CUSTOM,
        vm_rss: UINT32 DEC = CUSTOM,
        vm_swap: UINT32 DEC = CUSTOM,
        comm: CHARBUF NA = CUSTOM,
        cgroups: BYTEBUF NA = CUSTOM,
        env: BYTEBUF NA = CUSTOM,
        tty: UINT32 DEC = CUSTOM,
        vpgid: PID DEC = CUSTOM,
        loginuid: UID DEC = CUSTOM,
        flags: FLAGS32 HEX [flags EXECVE_FLAGS] = CUSTOM,
        cap_inheritable: UINT64 HEX = CUSTOM,
        cap_permitted: UINT64 HEX = CUSTOM,
        cap_effective: UINT64 HEX = CUSTOM,
        exe_ino: UINT64 DEC = CUSTOM,
        exe_ino_ctime: ABSTIME DEC = CUSTOM,
        exe_ino_mtime: ABSTIME DEC = CUSTOM,
        uid: UID DEC = CUSTOM,
        trusted_exepath: FSPATH NA = CUSTOM,
        pgid: PID NA = CUSTOM,
        gid: GID DEC = CUSTOM,
        filename: FSPATH NA = CUSTOM,
    }
    294 SYSCALL_SETPGID_E "setpgid" (PROCESS | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        pid: PID DEC,
        pgid: PID DEC,
    }
    295 SYSCALL_SETPGID_X "setpgid" (PROCESS | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        pid: PID DEC = arg_s32(0),
        pgid: PID DEC = arg_s32(1),
    }
    330 SYSCALL_EXECVEAT_E "execveat" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        dirfd: FD DEC,
        pathname: FSRELPATH NA [at 0],
        flags: FLAGS32 HEX [flags EXECVEAT_FLAGS],
    }
    331 SYSCALL_EXECVEAT_X "execveat" (PROCESS | SYSCALL) (MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        exe: CHARBUF NA = CUSTOM,
        args: BYTEBUF NA = CUSTOM,
        tid: PID DEC = CUSTOM,
        pid: PID DEC = CUSTOM,
        ptid: PID DEC = CUSTOM,
        cwd: CHARBUF NA = EMPTY,
        fdlimit: UINT64 DEC = CUSTOM,
        pgft_maj: UINT64 DEC = CUSTOM,
        pgft_min: UINT64 DEC = CUSTOM,
        vm_size: UINT32 DEC = CUSTOM,
        vm_rss: UINT32 DEC = CUSTOM,
        vm_swap: UINT32 DEC = CUSTOM,
        comm: CHARBUF NA = CUSTOM,
        cgroups: BYTEBUF NA = CUSTOM,
        env: BYTEBUF NA = CUSTOM,
        tty: UINT32 DEC = CUSTOM,
        vpgid: PID DEC = CUSTOM,
        loginuid: UID DEC = CUSTOM,
        flags: FLAGS32 HEX [flags EXECVE_FLAGS] = CUSTOM,
        cap_inheritable: UINT64 HEX = CUSTOM,
        cap_permitted: UINT64 HEX = CUSTOM,
        cap_effective: UINT64 HEX = CUSTOM,
        exe_ino: UINT64 DEC = CUSTOM,
        exe_ino_ctime: ABSTIME DEC = CUSTOM,
        exe_ino_mtime: ABSTIME DEC = CUSTOM,
        uid: UID DEC = CUSTOM,
        trusted_exepath: FSPATH NA = CUSTOM,
        pgid: PID NA = CUSTOM,
        gid: GID DEC = CUSTOM,
    }
    334 SYSCALL_CLONE3_E "clone3" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {}
    335 SYSCALL_CLONE3_X "clone3" (PROCESS | SYSCALL) (MODIFIES_STATE | CONVERTER_MANAGED) {
        res: PID DEC = RET,
        exe: CHARBUF NA = CUSTOM,
        args: BYTEBUF NA = CUSTOM,
        tid: PID DEC = CUSTOM,
        pid: PID DEC = CUSTOM,
        ptid: PID DEC = CUSTOM,
        cwd: CHARBUF NA = EMPTY,
        fdlimit: INT64 DEC = CUSTOM,
        pgft_maj: UINT64 DEC = CUSTOM,
        pgft_min: UINT64 DEC = CUSTOM,
        vm_size: UINT32 DEC = CUSTOM,
        vm_rss: UINT32 DEC = CUSTOM,
        vm_swap: UINT32 DEC = CUSTOM,
        comm: CHARBUF NA = CUSTOM,
        cgroups: BYTEBUF NA = CUSTOM,
        flags: FLAGS32 HEX [flags CLONE_FLAGS] = CUSTOM,
        uid: UINT32 DEC = CUSTOM,
        gid: UINT32 DEC = CUSTOM,
        vtid: PID DEC = CUSTOM,
        vpid: PID DEC = CUSTOM,
        pidns_init_start_ts: UINT64 DEC = CUSTOM,
    }
    352 SYSCALL_CAPSET_E "capset" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {}
    353 SYSCALL_CAPSET_X "capset" (PROCESS | SYSCALL) (MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        cap_inheritable: UINT64 HEX = CUSTOM,
        cap_permitted: UINT64 HEX = CUSTOM,
        cap_effective: UINT64 HEX = CUSTOM,
    }
    398 SYSCALL_SIGNALFD4_E "signalfd4" (SIGNAL | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        mask: UINT32 HEX,
    }
    399 SYSCALL_SIGNALFD4_X "signalfd4" (SIGNAL | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: FD DEC = RET,
        flags: FLAGS16 HEX [flags FILE_FLAGS] = map(FlagMap::SIGNALFD4_FLAGS, 3),
        fd: FD DEC = arg_s32(0),
        mask: UINT32 HEX = ZERO,
    }
    400 SYSCALL_PRCTL_E "prctl" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {}
    401 SYSCALL_PRCTL_X "prctl" (PROCESS | SYSCALL) (MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        option: ENUMFLAGS32 DEC [flags PRCTL_OPTIONS] = arg_u32(0),
        arg2_str: CHARBUF NA = CUSTOM,
        arg2_int: INT64 DEC = CUSTOM,
    }
    406 SYSCALL_PIDFD_GETFD_E "pidfd_getfd" (PROCESS | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION) {}
    407 SYSCALL_PIDFD_GETFD_X "pidfd_getfd" (PROCESS | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        fd: FD DEC = RET,
        pid_fd: FD DEC = arg_s32(0),
        target_fd: FD DEC = arg_s32(1),
        flags: UINT32 HEX = arg_u32(2),
    }
    408 SYSCALL_PIDFD_OPEN_E "pidfd_open" (PROCESS | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION) {}
    409 SYSCALL_PIDFD_OPEN_X "pidfd_open" (PROCESS | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        fd: FD DEC = RET,
        pid: PID DEC = arg_s32(0),
        flags: FLAGS32 HEX [flags PIDFD_OPEN_FLAGS] = map(FlagMap::PIDFD_OPEN_FLAGS, 1),
    }
}
