//! Extended attributes of files. Falco's schema has no events for these calls: the codes are this project's own.

use super::row::*;

syscalls! {
    141 SETXATTR "setxattr" x86_64(188) aarch64(5) => 533 SYSCALL_SETXATTR_X (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
        name: CHARBUF NA = user_str(1),
        value: BYTEBUF NA = CUSTOM,
        flags: FLAGS32 HEX [flags XATTR_FLAGS] = arg_u32(4),
    }
    142 LSETXATTR "lsetxattr" x86_64(189) aarch64(6) => 535 SYSCALL_LSETXATTR_X (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
        name: CHARBUF NA = user_str(1),
        value: BYTEBUF NA = CUSTOM,
        flags: FLAGS32 HEX [flags XATTR_FLAGS] = arg_u32(4),
    }
    143 FSETXATTR "fsetxattr" x86_64(190) aarch64(7) => 537 SYSCALL_FSETXATTR_X (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        name: CHARBUF NA = user_str(1),
        value: BYTEBUF NA = CUSTOM,
        flags: FLAGS32 HEX [flags XATTR_FLAGS] = arg_u32(4),
    }
    144 GETXATTR "getxattr" x86_64(191) aarch64(8) => 541 SYSCALL_GETXATTR_X (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
        name: CHARBUF NA = user_str(1),
    }
    145 LGETXATTR "lgetxattr" x86_64(192) aarch64(9) => 543 SYSCALL_LGETXATTR_X (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
        name: CHARBUF NA = user_str(1),
    }
    146 FGETXATTR "fgetxattr" x86_64(193) aarch64(10) => 545 SYSCALL_FGETXATTR_X (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        name: CHARBUF NA = user_str(1),
    }
    147 LISTXATTR "listxattr" x86_64(194) aarch64(11) => 549 SYSCALL_LISTXATTR_X (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
    }
    148 LLISTXATTR "llistxattr" x86_64(195) aarch64(12) => 551 SYSCALL_LLISTXATTR_X (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
    }
    149 FLISTXATTR "flistxattr" x86_64(196) aarch64(13) => 553 SYSCALL_FLISTXATTR_X (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
    }
    150 REMOVEXATTR "removexattr" x86_64(197) aarch64(14) => 557 SYSCALL_REMOVEXATTR_X (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
        name: CHARBUF NA = user_str(1),
    }
    151 LREMOVEXATTR "lremovexattr" x86_64(198) aarch64(15) => 559 SYSCALL_LREMOVEXATTR_X (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
        name: CHARBUF NA = user_str(1),
    }
    152 FREMOVEXATTR "fremovexattr" x86_64(199) aarch64(16) => 561 SYSCALL_FREMOVEXATTR_X (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        name: CHARBUF NA = user_str(1),
    }
    444 REMOVEXATTRAT "removexattrat" x86_64(466) aarch64(466)
    => 563 SYSCALL_REMOVEXATTRAT_X as "removexattr" (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        dirfd: FD DEC = dirfd(0),
        path: FSRELPATH NA [at 1] = user_str(1),
        at_flags: FLAGS32 HEX [flags AT_FLAGS] = arg_u32(2),
        name: CHARBUF NA = user_str(3),
    }
    445 LISTXATTRAT "listxattrat" x86_64(465) aarch64(465)
    => 555 SYSCALL_LISTXATTRAT_X as "listxattr" (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        dirfd: FD DEC = dirfd(0),
        path: FSRELPATH NA [at 1] = user_str(1),
        at_flags: FLAGS32 HEX [flags AT_FLAGS] = arg_u32(2),
    }
    446 GETXATTRAT "getxattrat" x86_64(464) aarch64(464)
    => 547 SYSCALL_GETXATTRAT_X as "getxattr" (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        dirfd: FD DEC = dirfd(0),
        path: FSRELPATH NA [at 1] = user_str(1),
        at_flags: FLAGS32 HEX [flags AT_FLAGS] = arg_u32(2),
        name: CHARBUF NA = user_str(3),
    }
    447 SETXATTRAT "setxattrat" x86_64(463) aarch64(463)
    => 539 SYSCALL_SETXATTRAT_X as "setxattr" (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        dirfd: FD DEC = dirfd(0),
        path: FSRELPATH NA [at 1] = user_str(1),
        at_flags: FLAGS32 HEX [flags AT_FLAGS] = arg_u32(2),
        name: CHARBUF NA = user_str(3),
        value: BYTEBUF NA = CUSTOM,
        flags: FLAGS32 HEX [flags XATTR_FLAGS] = CUSTOM,
    }
}
