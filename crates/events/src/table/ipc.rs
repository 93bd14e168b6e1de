//! Pipes, semaphores, futexes and the like.

use super::row::*;

events! {
    60 SYSCALL_PIPE_E "pipe" (IPC | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION) {}
    61 SYSCALL_PIPE_X "pipe" (IPC | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        fd1: FD DEC = CUSTOM,
        fd2: FD DEC = CUSTOM,
        ino: UINT64 DEC = CUSTOM,
    }
    62 SYSCALL_EVENTFD_E "eventfd" (IPC | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        initval: UINT64 DEC,
        flags: UINT32 HEX,
    }
    63 SYSCALL_EVENTFD_X "eventfd" (IPC | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: FD DEC = RET,
        initval: UINT64 DEC = arg(0),
        flags: UINT32 HEX = ZERO,
    }
    64 SYSCALL_FUTEX_E "futex" (IPC | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        addr: UINT64 HEX,
        op: FLAGS16 HEX [flags FUTEX_OPERATIONS],
        val: UINT64 DEC,
    }
    65 SYSCALL_FUTEX_X "futex" (IPC | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        addr: UINT64 HEX = arg(0),
        op: FLAGS16 HEX [flags FUTEX_OPERATIONS] = CUSTOM,
        val: UINT64 DEC = arg(2),
    }
    138 SYSCALL_INOTIFY_INIT_E "inotify_init" (IPC | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        flags: UINT8 HEX,
    }
    139 SYSCALL_INOTIFY_INIT_X "inotify_init" (IPC | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: FD DEC = RET,
        flags: UINT8 HEX = ZERO,
    }
    392 SYSCALL_PIPE2_E "pipe2" (IPC | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION) {}
    393 SYSCALL_PIPE2_X "pipe2" (IPC | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        fd1: FD DEC = CUSTOM,
        fd2: FD DEC = CUSTOM,
        ino: UINT64 DEC = CUSTOM,
        flags: FLAGS32 HEX [flags FILE_FLAGS] = CUSTOM,
    }
    394 SYSCALL_INOTIFY_INIT1_E "inotify_init1" (IPC | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION) {}
    395 SYSCALL_INOTIFY_INIT1_X "inotify_init1" (IPC | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        res: FD DEC = RET,
        flags: FLAGS16 HEX [flags FILE_FLAGS] = map(FlagMap::INOTIFY_INIT1_FLAGS, 0),
    }
    396 SYSCALL_EVENTFD2_E "eventfd2" (IPC | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        initval: UINT64 DEC,
    }
    397 SYSCALL_EVENTFD2_X "eventfd2" (IPC | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: FD DEC = RET,
        flags: FLAGS16 HEX [flags FILE_FLAGS] = map(FlagMap::EVENTFD2_FLAGS, 1),
        initval: UINT64 DEC = arg_u32(0),
    }
    420 SYSCALL_PROCESS_VM_READV_E "process_vm_readv" (IPC | SYSCALL) (OLD_VERSION) {}
    421 SYSCALL_PROCESS_VM_READV_X "process_vm_readv" (IPC | SYSCALL) (NONE) {
        res: INT64 DEC = RET,
        pid: PID DEC = arg(0),
        data: BYTEBUF NA = CUSTOM,
    }
    422 SYSCALL_PROCESS_VM_WRITEV_E "process_vm_writev" (IPC | SYSCALL) (OLD_VERSION) {}
    423 SYSCALL_PROCESS_VM_WRITEV_X "process_vm_writev" (IPC | SYSCALL) (NONE) {
        res: INT64 DEC = RET,
        pid: PID DEC = arg(0),
        data: BYTEBUF NA = CUSTOM,
    }
}
