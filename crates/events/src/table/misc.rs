//! Waiting, sleeping, time, and the generic event of every other system call.

use super::row::*;

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
    79 SYSCALL_EPOLLWAIT_X "epoll_wait" (WAIT | SYSCALL) (WAITS | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        maxevents: ERRNO DEC = arg_s32(2),
    }
    80 SYSCALL_POLL_E "poll" (WAIT | SYSCALL) (WAITS | OLD_VERSION | CONVERTER_MANAGED) {
        fds: FDLIST DEC,
        timeout: INT64 DEC,
    }
    81 SYSCALL_POLL_X "poll" (WAIT | SYSCALL) (WAITS | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fds: FDLIST DEC = CUSTOM,
        timeout: INT64 DEC = arg_u32(2),
    }
    82 SYSCALL_SELECT_E "select" (WAIT | SYSCALL) (WAITS | OLD_VERSION) {}
    83 SYSCALL_SELECT_X "select" (WAIT | SYSCALL) (WAITS) {
        res: ERRNO DEC = RET,
    }
    84 SYSCALL_NEWSELECT_E "select" (WAIT | SYSCALL) (WAITS | OLD_VERSION) {}
    85 SYSCALL_NEWSELECT_X "select" (WAIT | SYSCALL) (WAITS | OLD_VERSION | CONVERTER_MANAGED) {
        res: ERRNO DEC,
    }
    134 SYSCALL_NANOSLEEP_E "nanosleep" (SLEEP | SYSCALL) (WAITS | OLD_VERSION | CONVERTER_MANAGED) {
        interval: RELTIME DEC,
    }
    135 SYSCALL_NANOSLEEP_X "nanosleep" (SLEEP | SYSCALL) (WAITS | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        interval: RELTIME DEC = CUSTOM,
    }
    136 SYSCALL_TIMERFD_CREATE_E "timerfd_create" (TIME | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        clockid: UINT8 DEC,
        flags: UINT8 HEX,
    }
    137 SYSCALL_TIMERFD_CREATE_X "timerfd_create" (TIME | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: FD DEC = RET,
        clockid: UINT8 DEC = arg_u8(0),
        flags: UINT8 HEX = map(FlagMap::TIMERFD_CREATE_FLAGS, 1),
    }
    254 SYSCALL_PPOLL_E "ppoll" (WAIT | SYSCALL) (WAITS | OLD_VERSION | CONVERTER_MANAGED) {
        fds: FDLIST DEC,
        timeout: RELTIME DEC,
        sigmask: SIGSET DEC,
    }
    255 SYSCALL_PPOLL_X "ppoll" (WAIT | SYSCALL) (WAITS | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fds: FDLIST DEC = CUSTOM,
        timeout: RELTIME DEC = CUSTOM,
        sigmask: SIGSET DEC = user_u32(3),
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
    299 SYSCALL_SECCOMP_X "seccomp" (OTHER | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        op: UINT64 DEC = arg(0),
        flags: UINT64 HEX = arg_u32(1),
    }
    368 SYSCALL_BPF_2_E "bpf" (OTHER | SYSCALL) (CREATES_FD | OLD_VERSION) {
        cmd: INT64 DEC,
    }
    369 SYSCALL_BPF_2_X "bpf" (OTHER | SYSCALL) (CREATES_FD) {
        fd: FD DEC = RET,
        cmd: ENUMFLAGS32 DEC [flags BPF_COMMANDS] = arg_s32(0),
    }
    372 SYSCALL_FSCONFIG_E "fsconfig" (SYSTEM | SYSCALL) (OLD_VERSION) {}
    373 SYSCALL_FSCONFIG_X "fsconfig" (SYSTEM | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        cmd: ENUMFLAGS32 DEC [flags FSCONFIG_CMDS] = map(FlagMap::FSCONFIG_CMDS, 1),
        key: CHARBUF NA = user_str(2),
        value_bytebuf: BYTEBUF NA = CUSTOM,
        value_charbuf: CHARBUF NA = CUSTOM,
        aux: INT32 DEC = arg_s32(4),
    }
    374 SYSCALL_EPOLL_CREATE_E "epoll_create" (WAIT | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        size: INT32 DEC,
    }
    375 SYSCALL_EPOLL_CREATE_X "epoll_create" (WAIT | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        size: INT32 DEC = arg_s32(0),
    }
    376 SYSCALL_EPOLL_CREATE1_E "epoll_create1" (WAIT | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        flags: FLAGS32 HEX [flags EPOLL_CREATE1_FLAGS],
    }
    377 SYSCALL_EPOLL_CREATE1_X "epoll_create1" (WAIT | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        flags: FLAGS32 HEX [flags EPOLL_CREATE1_FLAGS] = map(FlagMap::EPOLL_CREATE1_FLAGS, 0),
    }
    410 SYSCALL_INIT_MODULE_E "init_module" (OTHER | SYSCALL) (OLD_VERSION) {}
    411 SYSCALL_INIT_MODULE_X "init_module" (OTHER | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        img: BYTEBUF NA = CUSTOM,
        length: UINT64 DEC = arg(1),
        uargs: CHARBUF NA = user_str(2),
    }
    412 SYSCALL_FINIT_MODULE_E "finit_module" (OTHER | SYSCALL) (OLD_VERSION) {}
    413 SYSCALL_FINIT_MODULE_X "finit_module" (OTHER | SYSCALL) (USES_FD | READS_FROM_FD) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        uargs: CHARBUF NA = user_str(1),
        flags: FLAGS32 HEX [flags FINIT_MODULE_FLAGS] = map(FlagMap::FINIT_MODULE_FLAGS, 2),
    }
    414 SYSCALL_MKNOD_E "mknod" (OTHER | SYSCALL) (OLD_VERSION) {}
    415 SYSCALL_MKNOD_X "mknod" (OTHER | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
        mode: MODE OCT [flags MKNOD_MODE] = CUSTOM,
        dev: UINT32 DEC = dev(2),
    }
    416 SYSCALL_MKNODAT_E "mknodat" (OTHER | SYSCALL) (OLD_VERSION) {}
    417 SYSCALL_MKNODAT_X "mknodat" (OTHER | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        dirfd: FD DEC = dirfd(0),
        path: FSRELPATH NA [at 1] = user_str(1),
        mode: MODE OCT [flags MKNOD_MODE] = CUSTOM,
        dev: UINT32 DEC = dev(3),
    }
    424 SYSCALL_DELETE_MODULE_E "delete_module" (OTHER | SYSCALL) (OLD_VERSION) {}
    425 SYSCALL_DELETE_MODULE_X "delete_module" (OTHER | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        name: CHARBUF NA = user_str(0),
        flags: FLAGS32 HEX [flags DELETE_MODULE_FLAGS] = map(FlagMap::DELETE_MODULE_FLAGS, 1),
    }
    453 SYSCALL_KEYCTL_X "keyctl" (OTHER | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        operation: ENUMFLAGS32 DEC [flags KEYCTL_OPERATIONS] = arg_u32(0),
        arg2: DYN DEC [dynamic KEYCTL] = CUSTOM,
        arg3: DYN DEC [dynamic KEYCTL] = CUSTOM,
        arg4: DYN DEC [dynamic KEYCTL] = CUSTOM,
        arg5: DYN DEC [dynamic KEYCTL] = CUSTOM,
    }
}
