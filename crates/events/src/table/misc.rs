//! Waiting, sleeping, time, and the generic event of every other system call.

use super::row::*;

syscalls! {
    0 UNKNOWN "unknown" x86_64(-) aarch64(-)
    11 TIME "time" x86_64(201) aarch64(-)
    12 MKNOD "mknod" x86_64(133) aarch64(-) => 415 SYSCALL_MKNOD_X (OTHER | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
        mode: MODE OCT [flags MKNOD_MODE] = CUSTOM,
        dev: UINT32 DEC = dev(2),
    }
    44 SETHOSTNAME "sethostname" x86_64(170) aarch64(161)
    47 GETTIMEOFDAY "gettimeofday" x86_64(96) aarch64(169)
    48 SETTIMEOFDAY "settimeofday" x86_64(164) aarch64(170)
    54 REBOOT "reboot" x86_64(169) aarch64(142)
    64 SYSLOG "syslog" x86_64(103) aarch64(116)
    65 SETITIMER "setitimer" x86_64(38) aarch64(103)
    66 GETITIMER "getitimer" x86_64(36) aarch64(102)
    67 UNAME "uname" x86_64(63) aarch64(160)
    68 VHANGUP "vhangup" x86_64(153) aarch64(58)
    71 SYSINFO "sysinfo" x86_64(99) aarch64(179)
    73 SETDOMAINNAME "setdomainname" x86_64(171) aarch64(162)
    74 ADJTIMEX "adjtimex" x86_64(159) aarch64(171)
    76 INIT_MODULE "init_module" x86_64(175) aarch64(105) => 411 SYSCALL_INIT_MODULE_X (OTHER | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        img: BYTEBUF NA = CUSTOM,
        length: UINT64 DEC = arg(1),
        uargs: CHARBUF NA = user_str(2),
    }
    77 DELETE_MODULE "delete_module" x86_64(176) aarch64(106)
    => 425 SYSCALL_DELETE_MODULE_X (OTHER | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        name: CHARBUF NA = user_str(0),
        flags: FLAGS32 HEX [flags DELETE_MODULE_FLAGS] = map(FlagMap::DELETE_MODULE_FLAGS, 1),
    }
    84 SELECT "select" x86_64(23) aarch64(-) sampling(ALWAYS_DROP) => 83 SYSCALL_SELECT_X (WAIT | SYSCALL) (WAITS) {
        res: ERRNO DEC = RET,
    }
    103 NANOSLEEP "nanosleep" x86_64(35) aarch64(101) sampling(ALWAYS_DROP)
    => 135 SYSCALL_NANOSLEEP_X (SLEEP | SYSCALL) (WAITS | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        interval: RELTIME DEC = CUSTOM,
    }
    105 POLL "poll" x86_64(7) aarch64(-) sampling(ALWAYS_DROP)
    => 81 SYSCALL_POLL_X (WAIT | SYSCALL) (WAITS | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fds: FDLIST DEC = CUSTOM,
        timeout: INT64 DEC = arg_u32(2),
    }
    165 EPOLL_CREATE "epoll_create" x86_64(213) aarch64(-) sampling(NEVER_DROP)
    => 375 SYSCALL_EPOLL_CREATE_X (WAIT | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        size: INT32 DEC = arg_s32(0),
    }
    167 EPOLL_WAIT "epoll_wait" x86_64(232) aarch64(-) sampling(ALWAYS_DROP)
    => 79 SYSCALL_EPOLLWAIT_X (WAIT | SYSCALL) (WAITS | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        maxevents: ERRNO DEC = arg_s32(2),
    }
    170 TIMER_CREATE "timer_create" x86_64(222) aarch64(107)
    171 TIMER_SETTIME "timer_settime" x86_64(223) aarch64(110)
    172 TIMER_GETTIME "timer_gettime" x86_64(224) aarch64(108)
    173 TIMER_GETOVERRUN "timer_getoverrun" x86_64(225) aarch64(109)
    174 TIMER_DELETE "timer_delete" x86_64(226) aarch64(111)
    175 CLOCK_SETTIME "clock_settime" x86_64(227) aarch64(112)
    176 CLOCK_GETTIME "clock_gettime" x86_64(228) aarch64(113)
    177 CLOCK_GETRES "clock_getres" x86_64(229) aarch64(114)
    178 CLOCK_NANOSLEEP "clock_nanosleep" x86_64(230) aarch64(115)
    187 KEXEC_LOAD "kexec_load" x86_64(246) aarch64(104)
    189 ADD_KEY "add_key" x86_64(248) aarch64(217)
    190 REQUEST_KEY "request_key" x86_64(249) aarch64(218)
    191 KEYCTL "keyctl" x86_64(250) aarch64(219) => 453 SYSCALL_KEYCTL_X (OTHER | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        operation: ENUMFLAGS32 DEC [flags KEYCTL_OPERATIONS] = arg_u32(0),
        arg2: DYN DEC [dynamic KEYCTL] = CUSTOM,
        arg3: DYN DEC [dynamic KEYCTL] = CUSTOM,
        arg4: DYN DEC [dynamic KEYCTL] = CUSTOM,
        arg5: DYN DEC [dynamic KEYCTL] = CUSTOM,
    }
    199 MKNODAT "mknodat" x86_64(259) aarch64(33) => 417 SYSCALL_MKNODAT_X (OTHER | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        dirfd: FD DEC = dirfd(0),
        path: FSRELPATH NA [at 1] = user_str(1),
        mode: MODE OCT [flags MKNOD_MODE] = CUSTOM,
        dev: UINT32 DEC = dev(3),
    }
    210 PPOLL "ppoll" x86_64(271) aarch64(73) sampling(ALWAYS_DROP)
    => 255 SYSCALL_PPOLL_X (WAIT | SYSCALL) (WAITS | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fds: FDLIST DEC = CUSTOM,
        timeout: RELTIME DEC = CUSTOM,
        sigmask: SIGSET DEC = user_u32(3),
    }
    221 TIMERFD_CREATE "timerfd_create" x86_64(283) aarch64(85) sampling(NEVER_DROP)
    => 137 SYSCALL_TIMERFD_CREATE_X (TIME | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: FD DEC = RET,
        clockid: UINT8 DEC = arg_u8(0),
        flags: UINT8 HEX = map(FlagMap::TIMERFD_CREATE_FLAGS, 1),
    }
    223 TIMERFD_SETTIME "timerfd_settime" x86_64(286) aarch64(86)
    224 TIMERFD_GETTIME "timerfd_gettime" x86_64(287) aarch64(87)
    227 EPOLL_CREATE1 "epoll_create1" x86_64(291) aarch64(20) sampling(NEVER_DROP)
    => 377 SYSCALL_EPOLL_CREATE1_X (WAIT | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        flags: FLAGS32 HEX [flags EPOLL_CREATE1_FLAGS] = map(FlagMap::EPOLL_CREATE1_FLAGS, 0),
    }
    234 PERF_EVENT_OPEN "perf_event_open" x86_64(298) aarch64(241)
    => 575 SYSCALL_PERF_EVENT_OPEN_X (OTHER | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        fd: FD DEC = RET,
        r#type: UINT32 DEC = user_u32(0),
        pid: PID DEC = arg_s32(1),
        cpu: INT32 DEC = arg_s32(2),
        group_fd: FD DEC = arg_s32(3),
        flags: UINT32 HEX = arg_u32(4),
    }
    237 CLOCK_ADJTIME "clock_adjtime" x86_64(305) aarch64(266)
    287 OLDUNAME "olduname" x86_64(-) aarch64(-)
    291 STIME "stime" x86_64(-) aarch64(-)
    314 FINIT_MODULE "finit_module" x86_64(313) aarch64(273)
    => 413 SYSCALL_FINIT_MODULE_X (OTHER | SYSCALL) (USES_FD | READS_FROM_FD) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        uargs: CHARBUF NA = user_str(1),
        flags: FLAGS32 HEX [flags FINIT_MODULE_FLAGS] = map(FlagMap::FINIT_MODULE_FLAGS, 2),
    }
    315 BPF "bpf" x86_64(321) aarch64(280) => 369 SYSCALL_BPF_2_X (OTHER | SYSCALL) (CREATES_FD) {
        fd: FD DEC = RET,
        cmd: ENUMFLAGS32 DEC [flags BPF_COMMANDS] = arg_s32(0),
    }
    316 SECCOMP "seccomp" x86_64(317) aarch64(277) => 299 SYSCALL_SECCOMP_X (OTHER | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        op: UINT64 DEC = arg_u32(0),
        flags: UINT64 HEX = arg_u32(1),
    }
    318 GETRANDOM "getrandom" x86_64(318) aarch64(278)
    335 FSCONFIG "fsconfig" x86_64(431) aarch64(431) => 373 SYSCALL_FSCONFIG_X (SYSTEM | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        cmd: ENUMFLAGS32 DEC [flags FSCONFIG_CMDS] = map(FlagMap::FSCONFIG_CMDS, 1),
        key: CHARBUF NA = user_str(2),
        value_bytebuf: BYTEBUF NA = CUSTOM,
        value_charbuf: CHARBUF NA = CUSTOM,
        aux: INT32 DEC = arg_s32(4),
    }
    344 IOPERM "ioperm" x86_64(173) aarch64(-)
    345 KEXEC_FILE_LOAD "kexec_file_load" x86_64(320) aarch64(294)
    352 LANDLOCK_CREATE_RULESET "landlock_create_ruleset" x86_64(444) aarch64(444)
    => 579 SYSCALL_LANDLOCK_CREATE_RULESET_X (OTHER | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        fd: FD DEC = RET,
        size: UINT64 DEC = arg(1),
        flags: UINT32 HEX = arg_u32(2),
    }
    354 LANDLOCK_RESTRICT_SELF "landlock_restrict_self" x86_64(446) aarch64(446)
    355 LANDLOCK_ADD_RULE "landlock_add_rule" x86_64(445) aarch64(445)
    372 GET_KERNEL_SYMS "get_kernel_syms" x86_64(-) aarch64(-)
    378 NFSSERVCTL "nfsservctl" x86_64(-) aarch64(-)
    381 CREATE_MODULE "create_module" x86_64(-) aarch64(-)
    385 _SYSCTL "_sysctl" x86_64(-) aarch64(-)
    386 QUERY_MODULE "query_module" x86_64(-) aarch64(-)
    391 IOPL "iopl" x86_64(172) aarch64(-)
    401 TIMERFD "timerfd" x86_64(-) aarch64(-)
    402 S390_PCI_MMIO_READ "s390_pci_mmio_read" x86_64(-) aarch64(-)
    404 S390_PCI_MMIO_WRITE "s390_pci_mmio_write" x86_64(-) aarch64(-)
    406 S390_STHYI "s390_sthyi" x86_64(-) aarch64(-)
    409 S390_RUNTIME_INSTR "s390_runtime_instr" x86_64(-) aarch64(-)
    411 S390_GUARDED_STORAGE "s390_guarded_storage" x86_64(-) aarch64(-)
    415 RISCV_FLUSH_ICACHE "riscv_flush_icache" x86_64(-) aarch64(-)
    416 RISCV_HWPROBE "riscv_hwprobe" x86_64(-) aarch64(-)
    421 SWITCH_ENDIAN "switch_endian" x86_64(-) aarch64(-)
    422 MULTIPLEXER "multiplexer" x86_64(-) aarch64(-)
    424 SPU_CREATE "spu_create" x86_64(-) aarch64(-)
    427 SPU_RUN "spu_run" x86_64(-) aarch64(-)
    429 PCICONFIG_WRITE "pciconfig_write" x86_64(-) aarch64(-)
    430 RTAS "rtas" x86_64(-) aarch64(-)
    431 PCICONFIG_READ "pciconfig_read" x86_64(-) aarch64(-)
    432 SYS_DEBUG_SETCONTEXT "sys_debug_setcontext" x86_64(-) aarch64(-)
    434 OLDOLDUNAME "oldolduname" x86_64(-) aarch64(-)
    436 PCICONFIG_IOBASE "pciconfig_iobase" x86_64(-) aarch64(-)
    439 LSM_GET_SELF_ATTR "lsm_get_self_attr" x86_64(459) aarch64(459)
    440 LSM_SET_SELF_ATTR "lsm_set_self_attr" x86_64(460) aarch64(460)
    441 LSM_LIST_MODULES "lsm_list_modules" x86_64(461) aarch64(461)
    443 URETPROBE "uretprobe" x86_64(335) aarch64(-)
    452 UPROBE "uprobe" x86_64(336) aarch64(-)
}

events! {
    0 GENERIC_E "syscall" (OTHER | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        ID: SYSCALLID DEC,
        nativeID: UINT16 DEC,
    }
    1 GENERIC_X "syscall" (OTHER | SYSCALL) (CONVERTER_MANAGED) {
        ID: SYSCALLID DEC = CUSTOM,
        nativeID: UINT16 DEC = CUSTOM,
    }
    78 SYSCALL_EPOLLWAIT_E "epoll_wait" (WAIT | SYSCALL) (WAITS | OLD_VERSION | CONVERTER_MANAGED) {
        maxevents: ERRNO DEC,
    }
    80 SYSCALL_POLL_E "poll" (WAIT | SYSCALL) (WAITS | OLD_VERSION | CONVERTER_MANAGED) {
        fds: FDLIST DEC,
        timeout: INT64 DEC,
    }
    82 SYSCALL_SELECT_E "select" (WAIT | SYSCALL) (WAITS | OLD_VERSION) {}
    84 SYSCALL_NEWSELECT_E "select" (WAIT | SYSCALL) (WAITS | OLD_VERSION) {}
    85 SYSCALL_NEWSELECT_X "select" (WAIT | SYSCALL) (WAITS | OLD_VERSION | CONVERTER_MANAGED) {
        res: ERRNO DEC,
    }
    134 SYSCALL_NANOSLEEP_E "nanosleep" (SLEEP | SYSCALL) (WAITS | OLD_VERSION | CONVERTER_MANAGED) {
        interval: RELTIME DEC,
    }
    136 SYSCALL_TIMERFD_CREATE_E "timerfd_create" (TIME | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        clockid: UINT8 DEC,
        flags: UINT8 HEX,
    }
    254 SYSCALL_PPOLL_E "ppoll" (WAIT | SYSCALL) (WAITS | OLD_VERSION | CONVERTER_MANAGED) {
        fds: FDLIST DEC,
        timeout: RELTIME DEC,
        sigmask: SIGSET DEC,
    }
    296 SYSCALL_BPF_E "bpf" (OTHER | SYSCALL) (CREATES_FD | OLD_VERSION | CONVERTER_MANAGED) {
        cmd: INT64 DEC,
    }
    297 SYSCALL_BPF_X "bpf" (OTHER | SYSCALL) (CREATES_FD | OLD_VERSION | CONVERTER_MANAGED) {
        res_or_fd: DYN DEC [dynamic BPF],
    }
    298 SYSCALL_SECCOMP_E "seccomp" (OTHER | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        op: UINT64 DEC,
        flags: UINT64 HEX,
    }
    368 SYSCALL_BPF_2_E "bpf" (OTHER | SYSCALL) (CREATES_FD | OLD_VERSION) {
        cmd: INT64 DEC,
    }
    372 SYSCALL_FSCONFIG_E "fsconfig" (SYSTEM | SYSCALL) (OLD_VERSION) {}
    374 SYSCALL_EPOLL_CREATE_E "epoll_create" (WAIT | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        size: INT32 DEC,
    }
    376 SYSCALL_EPOLL_CREATE1_E "epoll_create1" (WAIT | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        flags: FLAGS32 HEX [flags EPOLL_CREATE1_FLAGS],
    }
    410 SYSCALL_INIT_MODULE_E "init_module" (OTHER | SYSCALL) (OLD_VERSION) {}
    412 SYSCALL_FINIT_MODULE_E "finit_module" (OTHER | SYSCALL) (OLD_VERSION) {}
    414 SYSCALL_MKNOD_E "mknod" (OTHER | SYSCALL) (OLD_VERSION) {}
    416 SYSCALL_MKNODAT_E "mknodat" (OTHER | SYSCALL) (OLD_VERSION) {}
    424 SYSCALL_DELETE_MODULE_E "delete_module" (OTHER | SYSCALL) (OLD_VERSION) {}
}
