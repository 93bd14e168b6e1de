//! Extended attributes of files. Falco's schema has no events for these calls: the codes are this project's own.

use super::row::*;

events! {
    533 SYSCALL_SETXATTR_X "setxattr" (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
        name: CHARBUF NA = user_str(1),
        value: BYTEBUF NA = CUSTOM,
        flags: FLAGS32 HEX [flags XATTR_FLAGS] = arg_u32(4),
    }
    535 SYSCALL_LSETXATTR_X "lsetxattr" (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
        name: CHARBUF NA = user_str(1),
        value: BYTEBUF NA = CUSTOM,
        flags: FLAGS32 HEX [flags XATTR_FLAGS] = arg_u32(4),
    }
    537 SYSCALL_FSETXATTR_X "fsetxattr" (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        name: CHARBUF NA = user_str(1),
        value: BYTEBUF NA = CUSTOM,
        flags: FLAGS32 HEX [flags XATTR_FLAGS] = arg_u32(4),
    }
    539 SYSCALL_SETXATTRAT_X "setxattrat" as "setxattr" (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        dirfd: FD DEC = dirfd(0),
        path: FSRELPATH NA [at 1] = user_str(1),
        at_flags: FLAGS32 HEX [flags AT_FLAGS] = arg_u32(2),
        name: CHARBUF NA = user_str(3),
        value: BYTEBUF NA = CUSTOM,
        flags: FLAGS32 HEX [flags XATTR_FLAGS] = CUSTOM,
    }
    541 SYSCALL_GETXATTR_X "getxattr" (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
        name: CHARBUF NA = user_str(1),
    }
    543 SYSCALL_LGETXATTR_X "lgetxattr" (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
        name: CHARBUF NA = user_str(1),
    }
    545 SYSCALL_FGETXATTR_X "fgetxattr" (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        name: CHARBUF NA = user_str(1),
    }
    547 SYSCALL_GETXATTRAT_X "getxattrat" as "getxattr" (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        dirfd: FD DEC = dirfd(0),
        path: FSRELPATH NA [at 1] = user_str(1),
        at_flags: FLAGS32 HEX [flags AT_FLAGS] = arg_u32(2),
        name: CHARBUF NA = user_str(3),
    }
    549 SYSCALL_LISTXATTR_X "listxattr" (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
    }
    551 SYSCALL_LLISTXATTR_X "llistxattr" (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
    }
    553 SYSCALL_FLISTXATTR_X "flistxattr" (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
    }
    555 SYSCALL_LISTXATTRAT_X "listxattrat" as "listxattr" (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        dirfd: FD DEC = dirfd(0),
        path: FSRELPATH NA [at 1] = user_str(1),
        at_flags: FLAGS32 HEX [flags AT_FLAGS] = arg_u32(2),
    }
    557 SYSCALL_REMOVEXATTR_X "removexattr" (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
        name: CHARBUF NA = user_str(1),
    }
    559 SYSCALL_LREMOVEXATTR_X "lremovexattr" (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
        name: CHARBUF NA = user_str(1),
    }
    561 SYSCALL_FREMOVEXATTR_X "fremovexattr" (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        name: CHARBUF NA = user_str(1),
    }
    563 SYSCALL_REMOVEXATTRAT_X "removexattrat" as "removexattr" (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        dirfd: FD DEC = dirfd(0),
        path: FSRELPATH NA [at 1] = user_str(1),
        at_flags: FLAGS32 HEX [flags AT_FLAGS] = arg_u32(2),
        name: CHARBUF NA = user_str(3),
    }
}
