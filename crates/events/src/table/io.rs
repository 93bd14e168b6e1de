//! Reading, writing and controlling open files.

use super::row::*;

syscalls! {
    3 READ "read" x86_64(0) aarch64(63)
    => 7 SYSCALL_READ_X (IO_READ | SYSCALL) (USES_FD | READS_FROM_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        data: BYTEBUF NA = CUSTOM,
        fd: FD DEC = arg_s32(0),
        size: UINT32 DEC = arg_u32(2),
    }
    4 WRITE "write" x86_64(1) aarch64(64)
    => 9 SYSCALL_WRITE_X (IO_WRITE | SYSCALL) (USES_FD | WRITES_TO_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        data: BYTEBUF NA = CUSTOM,
        fd: FD DEC = arg_s32(0),
        size: UINT32 DEC = arg_u32(2),
    }
    6 CLOSE "close" x86_64(3) aarch64(57) sampling(NEVER_DROP)
    => 5 SYSCALL_CLOSE_X (IO_OTHER | SYSCALL) (DESTROYS_FD | USES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
    }
    29 DUP "dup" x86_64(32) aarch64(23) sampling(NEVER_DROP)
    => 367 SYSCALL_DUP_1_X (IO_OTHER | SYSCALL) (CREATES_FD | USES_FD | MODIFIES_STATE) {
        res: FD DEC = RET,
        oldfd: FD DEC = arg_s32(0),
    }
    34 IOCTL "ioctl" x86_64(16) aarch64(29) sampling(ALWAYS_DROP)
    => 171 SYSCALL_IOCTL_3_X (IO_OTHER | SYSCALL) (USES_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        request: UINT64 HEX = arg_u32(1),
        argument: UINT64 HEX = arg(2),
    }
    35 FCNTL "fcntl" x86_64(72) aarch64(25)
    => 151 SYSCALL_FCNTL_X (IO_OTHER | SYSCALL) (USES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: FD DEC = RET,
        fd: FD DEC = arg_s32(0),
        cmd: ENUMFLAGS8 DEC [flags FCNTL_COMMANDS] = map(FlagMap::FCNTL_CMD, 1),
        arg: UINT64 HEX = arg(2),
    }
    40 DUP2 "dup2" x86_64(33) aarch64(-) sampling(NEVER_DROP)
    => 363 SYSCALL_DUP2_X (IO_OTHER | SYSCALL) (CREATES_FD | USES_FD | MODIFIES_STATE) {
        res: FD DEC = RET,
        oldfd: FD DEC = arg_s32(0),
        newfd: FD DEC = arg_s32(1),
    }
    87 READV "readv" x86_64(19) aarch64(65)
    => 117 SYSCALL_READV_X (IO_READ | SYSCALL) (USES_FD | READS_FROM_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        size: UINT32 DEC = CUSTOM,
        data: BYTEBUF NA = CUSTOM,
        fd: FD DEC = arg_s32(0),
    }
    88 WRITEV "writev" x86_64(20) aarch64(66)
    => 119 SYSCALL_WRITEV_X (IO_WRITE | SYSCALL) (USES_FD | WRITES_TO_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        data: BYTEBUF NA = CUSTOM,
        fd: FD DEC = arg_s32(0),
        size: UINT32 DEC = CUSTOM,
    }
    116 SENDFILE "sendfile" x86_64(40) aarch64(71)
    => 189 SYSCALL_SENDFILE_X (IO_WRITE | SYSCALL) (USES_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        offset: UINT64 DEC = user_u64(2),
        out_fd: FD DEC = arg_s32(0),
        in_fd: FD DEC = arg_s32(1),
        size: UINT64 DEC = arg(3),
    }
    159 IO_SETUP "io_setup" x86_64(206) aarch64(0)
    160 IO_DESTROY "io_destroy" x86_64(207) aarch64(1)
    161 IO_GETEVENTS "io_getevents" x86_64(208) aarch64(4)
    162 IO_SUBMIT "io_submit" x86_64(209) aarch64(2)
    163 IO_CANCEL "io_cancel" x86_64(210) aarch64(3)
    166 EPOLL_CTL "epoll_ctl" x86_64(233) aarch64(21)
    209 PSELECT6 "pselect6" x86_64(270) aarch64(72)
    214 SPLICE "splice" x86_64(275) aarch64(76)
    => 167 SYSCALL_SPLICE_X (IO_OTHER | SYSCALL) (USES_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fd_in: FD DEC = arg_s32(0),
        fd_out: FD DEC = arg_s32(2),
        size: UINT64 DEC = arg(4),
        flags: FLAGS32 HEX [flags SPLICE_FLAGS] = map(FlagMap::SPLICE_FLAGS, 5),
    }
    215 TEE "tee" x86_64(276) aarch64(77)
    216 VMSPLICE "vmsplice" x86_64(278) aarch64(75)
    218 EPOLL_PWAIT "epoll_pwait" x86_64(281) aarch64(22)
    228 DUP3 "dup3" x86_64(292) aarch64(24) sampling(NEVER_DROP)
    => 365 SYSCALL_DUP3_X (IO_OTHER | SYSCALL) (CREATES_FD | USES_FD | MODIFIES_STATE) {
        res: FD DEC = RET,
        oldfd: FD DEC = arg_s32(0),
        newfd: FD DEC = arg_s32(1),
        flags: FLAGS32 HEX [flags FILE_FLAGS] = map(FlagMap::DUP3_FLAGS, 2),
    }
    231 PREADV "preadv" x86_64(295) aarch64(69)
    => 121 SYSCALL_PREADV_X (IO_READ | SYSCALL) (USES_FD | READS_FROM_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        size: UINT32 DEC = CUSTOM,
        data: BYTEBUF NA = CUSTOM,
        fd: FD DEC = arg_s32(0),
        pos: UINT64 DEC = arg(3),
    }
    232 PWRITEV "pwritev" x86_64(296) aarch64(70)
    => 123 SYSCALL_PWRITEV_X (IO_WRITE | SYSCALL) (USES_FD | WRITES_TO_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        data: BYTEBUF NA = CUSTOM,
        fd: FD DEC = arg_s32(0),
        size: UINT32 DEC = CUSTOM,
        pos: UINT64 DEC = arg(3),
    }
    272 SENDFILE64 "sendfile64" x86_64(-) aarch64(-)
    283 _NEWSELECT "_newselect" x86_64(-) aarch64(-)
    294 PREAD64 "pread64" x86_64(17) aarch64(67)
    => 113 SYSCALL_PREAD_X "pread" (IO_READ | SYSCALL) (USES_FD | READS_FROM_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        data: BYTEBUF NA = CUSTOM,
        fd: FD DEC = arg_s32(0),
        size: UINT32 DEC = arg_u32(2),
        pos: UINT64 DEC = arg(3),
    }
    295 PWRITE64 "pwrite64" x86_64(18) aarch64(68)
    => 115 SYSCALL_PWRITE_X "pwrite" (IO_WRITE | SYSCALL) (USES_FD | WRITES_TO_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        data: BYTEBUF NA = CUSTOM,
        fd: FD DEC = arg_s32(0),
        size: UINT32 DEC = arg_u32(2),
        pos: UINT64 DEC = arg(3),
    }
    330 IO_URING_SETUP "io_uring_setup" x86_64(425) aarch64(425)
    => 339 SYSCALL_IO_URING_SETUP_X (IO_OTHER | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        entries: UINT32 DEC = arg_u32(0),
        sq_entries: UINT32 DEC = CUSTOM,
        cq_entries: UINT32 DEC = CUSTOM,
        flags: FLAGS32 HEX [flags IO_URING_SETUP_FLAGS] = CUSTOM,
        sq_thread_cpu: UINT32 DEC = CUSTOM,
        sq_thread_idle: UINT32 DEC = CUSTOM,
        features: FLAGS32 HEX [flags IO_URING_SETUP_FEATS] = CUSTOM,
    }
    331 IO_URING_ENTER "io_uring_enter" x86_64(426) aarch64(426)
    => 341 SYSCALL_IO_URING_ENTER_X (IO_OTHER | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        to_submit: UINT32 DEC = arg_u32(1),
        min_complete: UINT32 DEC = arg_u32(2),
        flags: FLAGS32 HEX [flags IO_URING_ENTER_FLAGS] = map(FlagMap::IO_URING_ENTER_FLAGS, 3),
        sig: SIGSET DEC = arg_u32(4),
    }
    332 IO_URING_REGISTER "io_uring_register" x86_64(427) aarch64(427)
    => 343 SYSCALL_IO_URING_REGISTER_X (IO_OTHER | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        opcode: ENUMFLAGS16 DEC [flags IO_URING_REGISTER_OPCODES] = map(FlagMap::IO_URING_REGISTER_OPCODES, 1),
        arg: UINT64 HEX = arg(2),
        nr_args: UINT32 DEC = arg_u32(3),
    }
    356 EPOLL_PWAIT2 "epoll_pwait2" x86_64(441) aarch64(441)
    359 PREADV2 "preadv2" x86_64(327) aarch64(286)
    => 585 SYSCALL_PREADV2_X as "preadv" (IO_READ | SYSCALL) (USES_FD | READS_FROM_FD) {
        res: ERRNO DEC = RET,
        size: UINT32 DEC = CUSTOM,
        data: BYTEBUF NA = CUSTOM,
        fd: FD DEC = arg_s32(0),
        pos: UINT64 DEC = arg(3),
        flags: FLAGS32 HEX [flags RWF_FLAGS] = arg_u32(5),
    }
    360 PWRITEV2 "pwritev2" x86_64(328) aarch64(287)
    => 587 SYSCALL_PWRITEV2_X as "pwritev" (IO_WRITE | SYSCALL) (USES_FD | WRITES_TO_FD) {
        res: ERRNO DEC = RET,
        data: BYTEBUF NA = CUSTOM,
        fd: FD DEC = arg_s32(0),
        size: UINT32 DEC = CUSTOM,
        pos: UINT64 DEC = arg(3),
        flags: FLAGS32 HEX [flags RWF_FLAGS] = arg_u32(5),
    }
    364 EPOLL_CTL_OLD "epoll_ctl_old" x86_64(214) aarch64(-)
    369 IO_PGETEVENTS "io_pgetevents" x86_64(333) aarch64(292)
    375 GETPMSG "getpmsg" x86_64(-) aarch64(-)
    379 EPOLL_WAIT_OLD "epoll_wait_old" x86_64(215) aarch64(-)
    392 CLOSE_RANGE "close_range" x86_64(436) aarch64(436) sampling(NEVER_DROP)
    => 451 SYSCALL_CLOSE_RANGE_X (IO_OTHER | SYSCALL) (MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        first: UINT32 DEC = arg_u32(0),
        last: UINT32 DEC = arg_u32(1),
        flags: FLAGS32 HEX [flags CLOSE_RANGE_FLAGS] = map(FlagMap::CLOSE_RANGE_FLAGS, 2),
    }
}

events! {
    4 SYSCALL_CLOSE_E "close" (IO_OTHER | SYSCALL) (DESTROYS_FD | USES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
    }
    6 SYSCALL_READ_E "read" (IO_READ | SYSCALL) (USES_FD | READS_FROM_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        size: UINT32 DEC,
    }
    8 SYSCALL_WRITE_E "write" (IO_WRITE | SYSCALL) (USES_FD | WRITES_TO_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        size: UINT32 DEC,
    }
    90 SYSCALL_IOCTL_2_E "ioctl" (IO_OTHER | SYSCALL) (USES_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        request: UINT64 HEX,
    }
    91 SYSCALL_IOCTL_2_X "ioctl" (IO_OTHER | SYSCALL) (USES_FD | OLD_VERSION | CONVERTER_MANAGED) {
        res: ERRNO DEC,
    }
    112 SYSCALL_PREAD_E "pread" (IO_READ | SYSCALL) (USES_FD | READS_FROM_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        size: UINT32 DEC,
        pos: UINT64 DEC,
    }
    114 SYSCALL_PWRITE_E "pwrite" (IO_WRITE | SYSCALL) (USES_FD | WRITES_TO_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        size: UINT32 DEC,
        pos: UINT64 DEC,
    }
    116 SYSCALL_READV_E "readv" (IO_READ | SYSCALL) (USES_FD | READS_FROM_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
    }
    118 SYSCALL_WRITEV_E "writev" (IO_WRITE | SYSCALL) (USES_FD | WRITES_TO_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        size: UINT32 DEC,
    }
    120 SYSCALL_PREADV_E "preadv" (IO_READ | SYSCALL) (USES_FD | READS_FROM_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        pos: UINT64 DEC,
    }
    122 SYSCALL_PWRITEV_E "pwritev" (IO_WRITE | SYSCALL) (USES_FD | WRITES_TO_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        size: UINT32 DEC,
        pos: UINT64 DEC,
    }
    124 SYSCALL_DUP_E "dup" (IO_OTHER | SYSCALL) (CREATES_FD | USES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
    }
    125 SYSCALL_DUP_X "dup" (IO_OTHER | SYSCALL) (CREATES_FD | USES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        res: FD DEC,
    }
    150 SYSCALL_FCNTL_E "fcntl" (IO_OTHER | SYSCALL) (USES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        cmd: ENUMFLAGS8 DEC [flags FCNTL_COMMANDS],
    }
    166 SYSCALL_SPLICE_E "splice" (IO_OTHER | SYSCALL) (USES_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd_in: FD DEC,
        fd_out: FD DEC,
        size: UINT64 DEC,
        flags: FLAGS32 HEX [flags SPLICE_FLAGS],
    }
    170 SYSCALL_IOCTL_3_E "ioctl" (IO_OTHER | SYSCALL) (USES_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        request: UINT64 HEX,
        argument: UINT64 HEX,
    }
    188 SYSCALL_SENDFILE_E "sendfile" (IO_WRITE | SYSCALL) (USES_FD | OLD_VERSION | CONVERTER_MANAGED) {
        out_fd: FD DEC,
        in_fd: FD DEC,
        offset: UINT64 DEC,
        size: UINT64 DEC,
    }
    338 SYSCALL_IO_URING_SETUP_E "io_uring_setup" (IO_OTHER | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION) {}
    340 SYSCALL_IO_URING_ENTER_E "io_uring_enter" (IO_OTHER | SYSCALL) (OLD_VERSION) {}
    342 SYSCALL_IO_URING_REGISTER_E "io_uring_register" (IO_OTHER | SYSCALL) (OLD_VERSION) {}
    362 SYSCALL_DUP2_E "dup2" (IO_OTHER | SYSCALL) (CREATES_FD | USES_FD | MODIFIES_STATE | OLD_VERSION) {
        fd: FD DEC,
    }
    364 SYSCALL_DUP3_E "dup3" (IO_OTHER | SYSCALL) (CREATES_FD | USES_FD | MODIFIES_STATE | OLD_VERSION) {
        fd: FD DEC,
    }
    366 SYSCALL_DUP_1_E "dup" (IO_OTHER | SYSCALL) (CREATES_FD | USES_FD | MODIFIES_STATE | OLD_VERSION) {
        fd: FD DEC,
    }
}
