//! Pipes, semaphores, futexes and the like.

use super::row::*;

syscalls! {
    30 PIPE "pipe" x86_64(22) aarch64(-) sampling(NEVER_DROP)
    => 61 SYSCALL_PIPE_X (IPC | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        fd1: FD DEC = CUSTOM,
        fd2: FD DEC = CUSTOM,
        ino: UINT64 DEC = CUSTOM,
    }
    154 FUTEX "futex" x86_64(202) aarch64(98) sampling(ALWAYS_DROP)
    => 65 SYSCALL_FUTEX_X (IPC | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        addr: UINT64 HEX = arg(0),
        op: FLAGS16 HEX [flags FUTEX_OPERATIONS] = CUSTOM,
        val: UINT64 DEC = arg_u32(2),
    }
    181 MQ_OPEN "mq_open" x86_64(240) aarch64(180)
    => 581 SYSCALL_MQ_OPEN_X (IPC | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        fd: FD DEC = RET,
        name: CHARBUF NA = user_str(0),
        flags: UINT32 HEX = arg_u32(1),
        mode: UINT32 OCT = CUSTOM,
    }
    182 MQ_UNLINK "mq_unlink" x86_64(241) aarch64(181)
    183 MQ_TIMEDSEND "mq_timedsend" x86_64(242) aarch64(182)
    184 MQ_TIMEDRECEIVE "mq_timedreceive" x86_64(243) aarch64(183)
    185 MQ_NOTIFY "mq_notify" x86_64(244) aarch64(184)
    186 MQ_GETSETATTR "mq_getsetattr" x86_64(245) aarch64(185)
    194 INOTIFY_INIT "inotify_init" x86_64(253) aarch64(-) sampling(NEVER_DROP)
    => 139 SYSCALL_INOTIFY_INIT_X (IPC | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: FD DEC = RET,
        flags: UINT8 HEX = ZERO,
    }
    212 SET_ROBUST_LIST "set_robust_list" x86_64(273) aarch64(99)
    213 GET_ROBUST_LIST "get_robust_list" x86_64(274) aarch64(100)
    222 EVENTFD "eventfd" x86_64(284) aarch64(-) sampling(NEVER_DROP)
    => 63 SYSCALL_EVENTFD_X (IPC | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: FD DEC = RET,
        initval: UINT64 DEC = arg_u32(0),
        flags: UINT32 HEX = ZERO,
    }
    226 EVENTFD2 "eventfd2" x86_64(290) aarch64(19) sampling(NEVER_DROP)
    => 397 SYSCALL_EVENTFD2_X (IPC | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: FD DEC = RET,
        flags: FLAGS16 HEX [flags FILE_FLAGS] = map(FlagMap::EVENTFD2_FLAGS, 1),
        initval: UINT64 DEC = arg_u32(0),
    }
    229 PIPE2 "pipe2" x86_64(293) aarch64(59) sampling(NEVER_DROP)
    => 393 SYSCALL_PIPE2_X (IPC | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        fd1: FD DEC = CUSTOM,
        fd2: FD DEC = CUSTOM,
        ino: UINT64 DEC = CUSTOM,
        flags: FLAGS32 HEX [flags FILE_FLAGS] = CUSTOM,
    }
    230 INOTIFY_INIT1 "inotify_init1" x86_64(294) aarch64(26) sampling(NEVER_DROP)
    => 395 SYSCALL_INOTIFY_INIT1_X (IPC | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        res: FD DEC = RET,
        flags: FLAGS16 HEX [flags FILE_FLAGS] = map(FlagMap::INOTIFY_INIT1_FLAGS, 0),
    }
    262 MSGSND "msgsnd" x86_64(69) aarch64(189)
    263 MSGRCV "msgrcv" x86_64(70) aarch64(188)
    264 MSGGET "msgget" x86_64(68) aarch64(186)
    265 MSGCTL "msgctl" x86_64(71) aarch64(187)
    266 SHMDT "shmdt" x86_64(67) aarch64(197)
    267 SHMGET "shmget" x86_64(29) aarch64(194)
    268 SHMCTL "shmctl" x86_64(31) aarch64(195)
    276 IPC "ipc" x86_64(-) aarch64(-)
    297 SHMAT "shmat" x86_64(30) aarch64(196)
    301 PROCESS_VM_READV "process_vm_readv" x86_64(310) aarch64(270)
    => 421 SYSCALL_PROCESS_VM_READV_X (IPC | SYSCALL) (NONE) {
        res: INT64 DEC = RET,
        pid: PID DEC = arg_s32(0),
        data: BYTEBUF NA = CUSTOM,
    }
    302 PROCESS_VM_WRITEV "process_vm_writev" x86_64(311) aarch64(271)
    => 423 SYSCALL_PROCESS_VM_WRITEV_X (IPC | SYSCALL) (NONE) {
        res: INT64 DEC = RET,
        pid: PID DEC = arg_s32(0),
        data: BYTEBUF NA = CUSTOM,
    }
    371 SEMTIMEDOP "semtimedop" x86_64(220) aarch64(192)
    374 FUTEX_WAITV "futex_waitv" x86_64(449) aarch64(449)
    417 FUTEX_WAKE "futex_wake" x86_64(454) aarch64(454)
    418 FUTEX_REQUEUE "futex_requeue" x86_64(456) aarch64(456)
    419 FUTEX_WAIT "futex_wait" x86_64(455) aarch64(455)
}

events! {
    60 SYSCALL_PIPE_E "pipe" (IPC | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION) {}
    62 SYSCALL_EVENTFD_E "eventfd" (IPC | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        initval: UINT64 DEC,
        flags: UINT32 HEX,
    }
    64 SYSCALL_FUTEX_E "futex" (IPC | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        addr: UINT64 HEX,
        op: FLAGS16 HEX [flags FUTEX_OPERATIONS],
        val: UINT64 DEC,
    }
    138 SYSCALL_INOTIFY_INIT_E "inotify_init" (IPC | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        flags: UINT8 HEX,
    }
    392 SYSCALL_PIPE2_E "pipe2" (IPC | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION) {}
    394 SYSCALL_INOTIFY_INIT1_E "inotify_init1" (IPC | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION) {}
    396 SYSCALL_EVENTFD2_E "eventfd2" (IPC | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        initval: UINT64 DEC,
    }
    420 SYSCALL_PROCESS_VM_READV_E "process_vm_readv" (IPC | SYSCALL) (OLD_VERSION) {}
    422 SYSCALL_PROCESS_VM_WRITEV_E "process_vm_writev" (IPC | SYSCALL) (OLD_VERSION) {}
}
