//! Processes, threads, signals and permissions.

use super::row::*;

syscalls! {
    1 RESTART_SYSCALL "restart_syscall" x86_64(219) aarch64(128)
    2 EXIT "exit" x86_64(60) aarch64(93)
    16 GETPID "getpid" x86_64(39) aarch64(172)
    18 PTRACE "ptrace" x86_64(101) aarch64(117) => 169 SYSCALL_PTRACE_X (PROCESS | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        addr: DYN HEX [dynamic PTRACE] = CUSTOM,
        data: DYN HEX [dynamic PTRACE] = CUSTOM,
        request: ENUMFLAGS16 DEC [flags PTRACE_REQUESTS] = CUSTOM,
        pid: PID DEC = arg_s32(1),
    }
    19 ALARM "alarm" x86_64(37) aarch64(-)
    21 PAUSE "pause" x86_64(34) aarch64(-)
    25 KILL "kill" x86_64(62) aarch64(129) => 129 SYSCALL_KILL_X (SIGNAL | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        pid: PID DEC = arg_s32(0),
        sig: SIGTYPE DEC = arg_u8(1),
    }
    31 TIMES "times" x86_64(100) aarch64(153)
    36 SETPGID "setpgid" x86_64(109) aarch64(154) sampling(ALWAYS_DROP)
    => 295 SYSCALL_SETPGID_X (PROCESS | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        pid: PID DEC = arg_s32(0),
        pgid: PID DEC = arg_s32(1),
    }
    38 CHROOT "chroot" x86_64(161) aarch64(51) sampling(NEVER_DROP)
    => 267 SYSCALL_CHROOT_X (PROCESS | SYSCALL) (MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
    }
    41 GETPPID "getppid" x86_64(110) aarch64(173)
    42 GETPGRP "getpgrp" x86_64(111) aarch64(-)
    43 SETSID "setsid" x86_64(112) aarch64(157) => 275 SYSCALL_SETSID_X (PROCESS | SYSCALL) (MODIFIES_STATE) {
        res: PID DEC = RET,
    }
    45 SETRLIMIT "setrlimit" x86_64(160) aarch64(164) sampling(NEVER_DROP)
    => 143 SYSCALL_SETRLIMIT_X (PROCESS | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        cur: INT64 DEC = CUSTOM,
        max: INT64 DEC = CUSTOM,
        resource: ENUMFLAGS8 DEC [flags RLIMIT_RESOURCES] = map(FlagMap::RLIMIT_RESOURCE, 0),
    }
    46 GETRUSAGE "getrusage" x86_64(98) aarch64(165)
    60 GETPRIORITY "getpriority" x86_64(140) aarch64(141)
    61 SETPRIORITY "setpriority" x86_64(141) aarch64(140)
    69 WAIT4 "wait4" x86_64(61) aarch64(260)
    79 GETPGID "getpgid" x86_64(121) aarch64(155)
    82 PERSONALITY "personality" x86_64(135) aarch64(92)
    89 GETSID "getsid" x86_64(124) aarch64(156)
    95 SCHED_SETPARAM "sched_setparam" x86_64(142) aarch64(118)
    96 SCHED_GETPARAM "sched_getparam" x86_64(143) aarch64(121)
    97 SCHED_SETSCHEDULER "sched_setscheduler" x86_64(144) aarch64(119)
    98 SCHED_GETSCHEDULER "sched_getscheduler" x86_64(145) aarch64(120)
    99 SCHED_YIELD "sched_yield" x86_64(24) aarch64(124)
    100 SCHED_GET_PRIORITY_MAX "sched_get_priority_max" x86_64(146) aarch64(125)
    101 SCHED_GET_PRIORITY_MIN "sched_get_priority_min" x86_64(147) aarch64(126)
    102 SCHED_RR_GET_INTERVAL "sched_rr_get_interval" x86_64(148) aarch64(127)
    106 PRCTL "prctl" x86_64(157) aarch64(167) sampling(NEVER_DROP)
    => 401 SYSCALL_PRCTL_X (PROCESS | SYSCALL) (MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        option: ENUMFLAGS32 DEC [flags PRCTL_OPTIONS] = arg_u32(0),
        arg2_str: CHARBUF NA = CUSTOM,
        arg2_int: INT64 DEC = CUSTOM,
    }
    107 RT_SIGACTION "rt_sigaction" x86_64(13) aarch64(134)
    108 RT_SIGPROCMASK "rt_sigprocmask" x86_64(14) aarch64(135)
    109 RT_SIGPENDING "rt_sigpending" x86_64(127) aarch64(136)
    110 RT_SIGTIMEDWAIT "rt_sigtimedwait" x86_64(128) aarch64(137)
    111 RT_SIGQUEUEINFO "rt_sigqueueinfo" x86_64(129) aarch64(138)
    => 597 SYSCALL_RT_SIGQUEUEINFO_X as "kill" (SIGNAL | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        pid: PID DEC = arg_s32(0),
        sig: SIGTYPE DEC = arg_u8(1),
    }
    112 RT_SIGSUSPEND "rt_sigsuspend" x86_64(130) aarch64(133)
    115 CAPSET "capset" x86_64(126) aarch64(91) => 353 SYSCALL_CAPSET_X (PROCESS | SYSCALL) (MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        cap_inheritable: UINT64 HEX = CUSTOM,
        cap_permitted: UINT64 HEX = CUSTOM,
        cap_effective: UINT64 HEX = CUSTOM,
    }
    117 GETRLIMIT "getrlimit" x86_64(97) aarch64(163)
    => 141 SYSCALL_GETRLIMIT_X (PROCESS | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        cur: INT64 DEC = CUSTOM,
        max: INT64 DEC = CUSTOM,
        resource: ENUMFLAGS8 DEC [flags RLIMIT_RESOURCES] = map(FlagMap::RLIMIT_RESOURCE, 0),
    }
    140 GETTID "gettid" x86_64(186) aarch64(178)
    153 TKILL "tkill" x86_64(200) aarch64(130) => 131 SYSCALL_TKILL_X (SIGNAL | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        tid: PID DEC = arg_s32(0),
        sig: SIGTYPE DEC = arg_u8(1),
    }
    155 SCHED_SETAFFINITY "sched_setaffinity" x86_64(203) aarch64(122)
    156 SCHED_GETAFFINITY "sched_getaffinity" x86_64(204) aarch64(123)
    157 SET_THREAD_AREA "set_thread_area" x86_64(205) aarch64(-)
    158 GET_THREAD_AREA "get_thread_area" x86_64(211) aarch64(-)
    164 EXIT_GROUP "exit_group" x86_64(231) aarch64(94)
    169 SET_TID_ADDRESS "set_tid_address" x86_64(218) aarch64(96)
    179 TGKILL "tgkill" x86_64(234) aarch64(131) => 133 SYSCALL_TGKILL_X (SIGNAL | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        pid: PID DEC = arg_s32(0),
        tid: PID DEC = arg_s32(1),
        sig: SIGTYPE DEC = arg_u8(2),
    }
    188 WAITID "waitid" x86_64(247) aarch64(95)
    192 IOPRIO_SET "ioprio_set" x86_64(251) aarch64(30)
    193 IOPRIO_GET "ioprio_get" x86_64(252) aarch64(31)
    211 UNSHARE "unshare" x86_64(272) aarch64(97) sampling(ALWAYS_DROP)
    => 285 SYSCALL_UNSHARE_X (PROCESS | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        flags: FLAGS32 HEX [flags CLONE_FLAGS] = map(FlagMap::CLONE_FLAGS, 0),
    }
    217 GETCPU "getcpu" x86_64(309) aarch64(168)
    220 SIGNALFD "signalfd" x86_64(282) aarch64(-) sampling(NEVER_DROP)
    => 127 SYSCALL_SIGNALFD_X (SIGNAL | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: FD DEC = RET,
        fd: FD DEC = arg_s32(0),
        mask: UINT32 HEX = ZERO,
        flags: UINT8 HEX = ZERO,
    }
    225 SIGNALFD4 "signalfd4" x86_64(289) aarch64(74) sampling(NEVER_DROP)
    => 399 SYSCALL_SIGNALFD4_X (SIGNAL | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: FD DEC = RET,
        flags: FLAGS16 HEX [flags FILE_FLAGS] = map(FlagMap::SIGNALFD4_FLAGS, 3),
        fd: FD DEC = arg_s32(0),
        mask: UINT32 HEX = ZERO,
    }
    233 RT_TGSIGQUEUEINFO "rt_tgsigqueueinfo" x86_64(297) aarch64(240)
    => 599 SYSCALL_RT_TGSIGQUEUEINFO_X as "tgkill" (SIGNAL | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        pid: PID DEC = arg_s32(0),
        tid: PID DEC = arg_s32(1),
        sig: SIGTYPE DEC = arg_u8(2),
    }
    236 PRLIMIT64 "prlimit64" x86_64(302) aarch64(261) sampling(NEVER_DROP)
    => 145 SYSCALL_PRLIMIT_X "prlimit" (PROCESS | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        newcur: INT64 DEC = CUSTOM,
        newmax: INT64 DEC = CUSTOM,
        oldcur: INT64 DEC = CUSTOM,
        oldmax: INT64 DEC = CUSTOM,
        pid: INT64 DEC = arg_s32(0),
        resource: ENUMFLAGS8 DEC [flags RLIMIT_RESOURCES] = map(FlagMap::RLIMIT_RESOURCE, 1),
    }
    239 SETNS "setns" x86_64(308) aarch64(268)
    => 241 SYSCALL_SETNS_X (PROCESS | SYSCALL) (USES_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fd: FD NA = arg_s32(0),
        nstype: FLAGS32 HEX [flags CLONE_FLAGS] = map(FlagMap::CLONE_FLAGS, 1),
    }
    259 SEMOP "semop" x86_64(65) aarch64(193) sampling(ALWAYS_DROP)
    => 251 SYSCALL_SEMOP_X (PROCESS | SYSCALL) (CONVERTER_MANAGED) {
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
    260 SEMGET "semget" x86_64(64) aarch64(190) sampling(ALWAYS_DROP)
    => 263 SYSCALL_SEMGET_X (PROCESS | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        key: INT32 HEX = arg_s32(0),
        nsems: INT32 DEC = arg_s32(1),
        semflg: FLAGS32 HEX [flags SEMGET_FLAGS] = map(FlagMap::SEMGET_FLAGS, 2),
    }
    261 SEMCTL "semctl" x86_64(66) aarch64(191) sampling(ALWAYS_DROP)
    => 253 SYSCALL_SEMCTL_X (PROCESS | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        semid: INT32 DEC = arg_s32(0),
        semnum: INT32 DEC = arg_s32(1),
        cmd: FLAGS16 HEX [flags SEMCTL_COMMANDS] = CUSTOM,
        val: INT32 DEC = CUSTOM,
    }
    273 UGETRLIMIT "ugetrlimit" x86_64(-) aarch64(-)
    275 SIGPROCMASK "sigprocmask" x86_64(-) aarch64(-)
    284 SGETMASK "sgetmask" x86_64(-) aarch64(-)
    285 SSETMASK "ssetmask" x86_64(-) aarch64(-)
    286 SIGPENDING "sigpending" x86_64(-) aarch64(-)
    289 SIGNAL "signal" x86_64(-) aarch64(-)
    290 NICE "nice" x86_64(-) aarch64(-)
    293 WAITPID "waitpid" x86_64(-) aarch64(-)
    296 ARCH_PRCTL "arch_prctl" x86_64(158) aarch64(-)
    298 RT_SIGRETURN "rt_sigreturn" x86_64(15) aarch64(139)
    303 FORK "fork" x86_64(57) aarch64(-) sampling(NEVER_DROP)
    => 225 SYSCALL_FORK_20_X (PROCESS | SYSCALL) (MODIFIES_STATE | CONVERTER_MANAGED) {
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
    304 VFORK "vfork" x86_64(58) aarch64(-) sampling(NEVER_DROP)
    => 227 SYSCALL_VFORK_20_X (PROCESS | SYSCALL) (MODIFIES_STATE | CONVERTER_MANAGED) {
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
    317 SIGALTSTACK "sigaltstack" x86_64(131) aarch64(132)
    324 EXECVE "execve" x86_64(59) aarch64(221) sampling(NEVER_DROP)
    => 293 SYSCALL_EXECVE_19_X (PROCESS | SYSCALL) (MODIFIES_STATE | CONVERTER_MANAGED) {
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
    325 EXECVEAT "execveat" x86_64(322) aarch64(281) sampling(NEVER_DROP)
    => 331 SYSCALL_EXECVEAT_X (PROCESS | SYSCALL) (MODIFIES_STATE | CONVERTER_MANAGED) {
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
    327 CLONE "clone" x86_64(56) aarch64(220) sampling(NEVER_DROP)
    => 223 SYSCALL_CLONE_20_X (PROCESS | SYSCALL) (MODIFIES_STATE | CONVERTER_MANAGED) {
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
    328 CLONE3 "clone3" x86_64(435) aarch64(435) sampling(NEVER_DROP)
    => 335 SYSCALL_CLONE3_X (PROCESS | SYSCALL) (MODIFIES_STATE | CONVERTER_MANAGED) {
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
    346 PIDFD_GETFD "pidfd_getfd" x86_64(438) aarch64(438)
    => 407 SYSCALL_PIDFD_GETFD_X (PROCESS | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        fd: FD DEC = RET,
        pid_fd: FD DEC = arg_s32(0),
        target_fd: FD DEC = arg_s32(1),
        flags: UINT32 HEX = arg_u32(2),
    }
    347 PIDFD_OPEN "pidfd_open" x86_64(434) aarch64(434)
    => 409 SYSCALL_PIDFD_OPEN_X (PROCESS | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        fd: FD DEC = RET,
        pid: PID DEC = arg_s32(0),
        flags: FLAGS32 HEX [flags PIDFD_OPEN_FLAGS] = map(FlagMap::PIDFD_OPEN_FLAGS, 1),
    }
    348 PIDFD_SEND_SIGNAL "pidfd_send_signal" x86_64(424) aarch64(424)
    => 601 SYSCALL_PIDFD_SEND_SIGNAL_X (SIGNAL | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        sig: SIGTYPE DEC = arg_u8(1),
        flags: UINT32 HEX = arg_u32(3),
    }
    361 KCMP "kcmp" x86_64(312) aarch64(272)
    362 SCHED_SETATTR "sched_setattr" x86_64(314) aarch64(274)
    366 MODIFY_LDT "modify_ldt" x86_64(154) aarch64(-)
    380 RSEQ "rseq" x86_64(334) aarch64(293)
    383 SCHED_GETATTR "sched_getattr" x86_64(315) aarch64(275)
    403 SIGACTION "sigaction" x86_64(-) aarch64(-)
    407 SIGSUSPEND "sigsuspend" x86_64(-) aarch64(-)
    408 IDLE "idle" x86_64(-) aarch64(-)
    410 SIGRETURN "sigreturn" x86_64(-) aarch64(-)
    428 SWAPCONTEXT "swapcontext" x86_64(-) aarch64(-)
    433 VM86 "vm86" x86_64(-) aarch64(-)
    453 RSEQ_SLICE_YIELD "rseq_slice_yield" x86_64(471) aarch64(471)
}

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
    128 SYSCALL_KILL_E "kill" (SIGNAL | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        pid: PID DEC,
        sig: SIGTYPE DEC,
    }
    130 SYSCALL_TKILL_E "tkill" (SIGNAL | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        tid: PID DEC,
        sig: SIGTYPE DEC,
    }
    132 SYSCALL_TGKILL_E "tgkill" (SIGNAL | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        pid: PID DEC,
        tid: PID DEC,
        sig: SIGTYPE DEC,
    }
    140 SYSCALL_GETRLIMIT_E "getrlimit" (PROCESS | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        resource: ENUMFLAGS8 DEC [flags RLIMIT_RESOURCES],
    }
    142 SYSCALL_SETRLIMIT_E "setrlimit" (PROCESS | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        resource: ENUMFLAGS8 DEC [flags RLIMIT_RESOURCES],
    }
    144 SYSCALL_PRLIMIT_E "prlimit" (PROCESS | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        pid: PID DEC,
        resource: ENUMFLAGS8 DEC [flags RLIMIT_RESOURCES],
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
    224 SYSCALL_FORK_20_E "fork" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {}
    226 SYSCALL_VFORK_20_E "vfork" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {}
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
    250 SYSCALL_SEMOP_E "semop" (PROCESS | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        semid: INT32 DEC,
    }
    252 SYSCALL_SEMCTL_E "semctl" (PROCESS | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        semid: INT32 DEC,
        semnum: INT32 DEC,
        cmd: FLAGS16 HEX [flags SEMCTL_COMMANDS],
        val: INT32 DEC,
    }
    262 SYSCALL_SEMGET_E "semget" (PROCESS | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        key: INT32 HEX,
        nsems: INT32 DEC,
        semflg: FLAGS32 HEX [flags SEMGET_FLAGS],
    }
    266 SYSCALL_CHROOT_E "chroot" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {}
    274 SYSCALL_SETSID_E "setsid" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {}
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
    294 SYSCALL_SETPGID_E "setpgid" (PROCESS | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        pid: PID DEC,
        pgid: PID DEC,
    }
    330 SYSCALL_EXECVEAT_E "execveat" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        dirfd: FD DEC,
        pathname: FSRELPATH NA [at 0],
        flags: FLAGS32 HEX [flags EXECVEAT_FLAGS],
    }
    334 SYSCALL_CLONE3_E "clone3" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {}
    352 SYSCALL_CAPSET_E "capset" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {}
    398 SYSCALL_SIGNALFD4_E "signalfd4" (SIGNAL | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        mask: UINT32 HEX,
    }
    400 SYSCALL_PRCTL_E "prctl" (PROCESS | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {}
    406 SYSCALL_PIDFD_GETFD_E "pidfd_getfd" (PROCESS | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION) {}
    408 SYSCALL_PIDFD_OPEN_E "pidfd_open" (PROCESS | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION) {}
}
