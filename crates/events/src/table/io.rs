//! Reading, writing and controlling open files.

use super::row::*;

events! {
    4 SYSCALL_CLOSE_E "close" (IO_OTHER | SYSCALL) (DESTROYS_FD | USES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
    }
    5 SYSCALL_CLOSE_X "close" (IO_OTHER | SYSCALL) (DESTROYS_FD | USES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
    }
    6 SYSCALL_READ_E "read" (IO_READ | SYSCALL) (USES_FD | READS_FROM_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        size: UINT32 DEC,
    }
    7 SYSCALL_READ_X "read" (IO_READ | SYSCALL) (USES_FD | READS_FROM_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        data: BYTEBUF NA = CUSTOM,
        fd: FD DEC = arg_s32(0),
        size: UINT32 DEC = arg_u32(2),
    }
    8 SYSCALL_WRITE_E "write" (IO_WRITE | SYSCALL) (USES_FD | WRITES_TO_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        size: UINT32 DEC,
    }
    9 SYSCALL_WRITE_X "write" (IO_WRITE | SYSCALL) (USES_FD | WRITES_TO_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        data: BYTEBUF NA = CUSTOM,
        fd: FD DEC = arg_s32(0),
        size: UINT32 DEC = arg_u32(2),
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
    113 SYSCALL_PREAD_X "pread" (IO_READ | SYSCALL) (USES_FD | READS_FROM_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        data: BYTEBUF NA = CUSTOM,
        fd: FD DEC = arg_s32(0),
        size: UINT32 DEC = arg_u32(2),
        pos: UINT64 DEC = arg(3),
    }
    114 SYSCALL_PWRITE_E "pwrite" (IO_WRITE | SYSCALL) (USES_FD | WRITES_TO_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        size: UINT32 DEC,
        pos: UINT64 DEC,
    }
    115 SYSCALL_PWRITE_X "pwrite" (IO_WRITE | SYSCALL) (USES_FD | WRITES_TO_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        data: BYTEBUF NA = CUSTOM,
        fd: FD DEC = arg_s32(0),
        size: UINT32 DEC = arg_u32(2),
        pos: UINT64 DEC = arg(3),
    }
    116 SYSCALL_READV_E "readv" (IO_READ | SYSCALL) (USES_FD | READS_FROM_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
    }
    117 SYSCALL_READV_X "readv" (IO_READ | SYSCALL) (USES_FD | READS_FROM_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        size: UINT32 DEC = CUSTOM,
        data: BYTEBUF NA = CUSTOM,
        fd: FD DEC = arg_s32(0),
    }
    118 SYSCALL_WRITEV_E "writev" (IO_WRITE | SYSCALL) (USES_FD | WRITES_TO_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        size: UINT32 DEC,
    }
    119 SYSCALL_WRITEV_X "writev" (IO_WRITE | SYSCALL) (USES_FD | WRITES_TO_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        data: BYTEBUF NA = CUSTOM,
        fd: FD DEC = arg_s32(0),
        size: UINT32 DEC = CUSTOM,
    }
    120 SYSCALL_PREADV_E "preadv" (IO_READ | SYSCALL) (USES_FD | READS_FROM_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        pos: UINT64 DEC,
    }
    121 SYSCALL_PREADV_X "preadv" (IO_READ | SYSCALL) (USES_FD | READS_FROM_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        size: UINT32 DEC = CUSTOM,
        data: BYTEBUF NA = CUSTOM,
        fd: FD DEC = arg_s32(0),
        pos: UINT64 DEC = arg(3),
    }
    122 SYSCALL_PWRITEV_E "pwritev" (IO_WRITE | SYSCALL) (USES_FD | WRITES_TO_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        size: UINT32 DEC,
        pos: UINT64 DEC,
    }
    123 SYSCALL_PWRITEV_X "pwritev" (IO_WRITE | SYSCALL) (USES_FD | WRITES_TO_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        data: BYTEBUF NA = CUSTOM,
        fd: FD DEC = arg_s32(0),
        size: UINT32 DEC = CUSTOM,
        pos: UINT64 DEC = arg(3),
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
    151 SYSCALL_FCNTL_X "fcntl" (IO_OTHER | SYSCALL) (USES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: FD DEC = RET,
        fd: FD DEC = arg_s32(0),
        cmd: ENUMFLAGS8 DEC [flags FCNTL_COMMANDS] = map(FlagMap::FCNTL_CMD, 1),
        arg: UINT64 HEX = arg(2),
    }
    166 SYSCALL_SPLICE_E "splice" (IO_OTHER | SYSCALL) (USES_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd_in: FD DEC,
        fd_out: FD DEC,
        size: UINT64 DEC,
        flags: FLAGS32 HEX [flags SPLICE_FLAGS],
    }
    167 SYSCALL_SPLICE_X "splice" (IO_OTHER | SYSCALL) (USES_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fd_in: FD DEC = arg_s32(0),
        fd_out: FD DEC = arg_s32(2),
        size: UINT64 DEC = arg(4),
        flags: FLAGS32 HEX [flags SPLICE_FLAGS] = map(FlagMap::SPLICE_FLAGS, 5),
    }
    170 SYSCALL_IOCTL_3_E "ioctl" (IO_OTHER | SYSCALL) (USES_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        request: UINT64 HEX,
        argument: UINT64 HEX,
    }
    171 SYSCALL_IOCTL_3_X "ioctl" (IO_OTHER | SYSCALL) (USES_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        request: UINT64 HEX = arg(1),
        argument: UINT64 HEX = arg(2),
    }
    188 SYSCALL_SENDFILE_E "sendfile" (IO_WRITE | SYSCALL) (USES_FD | OLD_VERSION | CONVERTER_MANAGED) {
        out_fd: FD DEC,
        in_fd: FD DEC,
        offset: UINT64 DEC,
        size: UINT64 DEC,
    }
    189 SYSCALL_SENDFILE_X "sendfile" (IO_WRITE | SYSCALL) (USES_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        offset: UINT64 DEC = user_u64(2),
        out_fd: FD DEC = arg_s32(0),
        in_fd: FD DEC = arg_s32(1),
        size: UINT64 DEC = arg(3),
    }
    338 SYSCALL_IO_URING_SETUP_E "io_uring_setup" (IO_OTHER | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION) {}
    339 SYSCALL_IO_URING_SETUP_X "io_uring_setup" (IO_OTHER | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        entries: UINT32 DEC = arg_u32(0),
        sq_entries: UINT32 DEC = CUSTOM,
        cq_entries: UINT32 DEC = CUSTOM,
        flags: FLAGS32 HEX [flags IO_URING_SETUP_FLAGS] = CUSTOM,
        sq_thread_cpu: UINT32 DEC = CUSTOM,
        sq_thread_idle: UINT32 DEC = CUSTOM,
        features: FLAGS32 HEX [flags IO_URING_SETUP_FEATS] = CUSTOM,
    }
    340 SYSCALL_IO_URING_ENTER_E "io_uring_enter" (IO_OTHER | SYSCALL) (OLD_VERSION) {}
    341 SYSCALL_IO_URING_ENTER_X "io_uring_enter" (IO_OTHER | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        to_submit: UINT32 DEC = arg_u32(1),
        min_complete: UINT32 DEC = arg_u32(2),
        flags: FLAGS32 HEX [flags IO_URING_ENTER_FLAGS] = map(FlagMap::IO_URING_ENTER_FLAGS, 3),
        sig: SIGSET DEC = arg_u32(4),
    }
    342 SYSCALL_IO_URING_REGISTER_E "io_uring_register" (IO_OTHER | SYSCALL) (OLD_VERSION) {}
    343 SYSCALL_IO_URING_REGISTER_X "io_uring_register" (IO_OTHER | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        opcode: ENUMFLAGS16 DEC [flags IO_URING_REGISTER_OPCODES] = map(FlagMap::IO_URING_REGISTER_OPCODES, 1),
        arg: UINT64 HEX = arg(2),
        nr_args: UINT32 DEC = arg_u32(3),
    }
    362 SYSCALL_DUP2_E "dup2" (IO_OTHER | SYSCALL) (CREATES_FD | USES_FD | MODIFIES_STATE | OLD_VERSION) {
        fd: FD DEC,
    }
    363 SYSCALL_DUP2_X "dup2" (IO_OTHER | SYSCALL) (CREATES_FD | USES_FD | MODIFIES_STATE) {
        res: FD DEC = RET,
        oldfd: FD DEC = arg_s32(0),
        newfd: FD DEC = arg_s32(1),
    }
    364 SYSCALL_DUP3_E "dup3" (IO_OTHER | SYSCALL) (CREATES_FD | USES_FD | MODIFIES_STATE | OLD_VERSION) {
        fd: FD DEC,
    }
    365 SYSCALL_DUP3_X "dup3" (IO_OTHER | SYSCALL) (CREATES_FD | USES_FD | MODIFIES_STATE) {
        res: FD DEC = RET,
        oldfd: FD DEC = arg_s32(0),
        newfd: FD DEC = arg_s32(1),
        flags: FLAGS32 HEX [flags FILE_FLAGS] = map(FlagMap::DUP3_FLAGS, 2),
    }
    366 SYSCALL_DUP_1_E "dup" (IO_OTHER | SYSCALL) (CREATES_FD | USES_FD | MODIFIES_STATE | OLD_VERSION) {
        fd: FD DEC,
    }
    367 SYSCALL_DUP_1_X "dup" (IO_OTHER | SYSCALL) (CREATES_FD | USES_FD | MODIFIES_STATE) {
        res: FD DEC = RET,
        oldfd: FD DEC = arg_s32(0),
    }
    451 SYSCALL_CLOSE_RANGE_X "close_range" (IO_OTHER | SYSCALL) (MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        first: UINT32 DEC = arg_u32(0),
        last: UINT32 DEC = arg_u32(1),
        flags: FLAGS32 HEX [flags CLOSE_RANGE_FLAGS] = map(FlagMap::CLOSE_RANGE_FLAGS, 2),
    }
}
