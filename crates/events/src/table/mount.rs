//! Mounts through descriptors. Falco's schema has no events for these calls: the codes are this project's own.

use super::row::*;

events! {
    519 SYSCALL_FSOPEN_X "fsopen" (SYSTEM | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        fd: FD DEC = RET,
        fsname: CHARBUF NA = user_str(0),
        flags: FLAGS32 HEX [flags FSOPEN_FLAGS] = arg_u32(1),
    }
    521 SYSCALL_FSPICK_X "fspick" (SYSTEM | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        fd: FD DEC = RET,
        dirfd: FD DEC = dirfd(0),
        path: FSRELPATH NA [at 1] = user_str(1),
        flags: FLAGS32 HEX [flags FSPICK_FLAGS] = arg_u32(2),
    }
    523 SYSCALL_FSMOUNT_X "fsmount" (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        fd: FD DEC = RET,
        fsfd: FD DEC = arg_s32(0),
        flags: FLAGS32 HEX [flags FSMOUNT_FLAGS] = arg_u32(1),
        attrs: FLAGS32 HEX [flags MOUNT_ATTRS] = arg_u32(2),
        dev: CHARBUF NA = CUSTOM,
        r#type: CHARBUF NA = CUSTOM,
    }
    525 SYSCALL_OPEN_TREE_X "open_tree" (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        fd: FD DEC = RET,
        dirfd: FD DEC = dirfd(0),
        path: FSRELPATH NA [at 1] = user_str(1),
        flags: FLAGS32 HEX [flags OPEN_TREE_FLAGS] = arg_u32(2),
        dev: UINT32 HEX = CUSTOM,
        ino: UINT64 DEC = CUSTOM,
    }
    527 SYSCALL_OPEN_TREE_ATTR_X "open_tree_attr" as "open_tree" (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        fd: FD DEC = RET,
        dirfd: FD DEC = dirfd(0),
        path: FSRELPATH NA [at 1] = user_str(1),
        flags: FLAGS32 HEX [flags OPEN_TREE_FLAGS] = arg_u32(2),
        dev: UINT32 HEX = CUSTOM,
        ino: UINT64 DEC = CUSTOM,
        attr_set: FLAGS32 HEX [flags MOUNT_ATTRS] = CUSTOM,
        attr_clr: FLAGS32 HEX [flags MOUNT_ATTRS] = CUSTOM,
        propagation: FLAGS32 HEX [flags MOUNT_FLAGS] = CUSTOM,
    }
    529 SYSCALL_MOVE_MOUNT_X "move_mount" as "mount" (FILE | SYSCALL) (MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        from_fd: FD DEC = dirfd(0),
        dev: FSRELPATH NA [at 1] = user_str(1),
        to_fd: FD DEC = dirfd(2),
        dir: FSRELPATH NA [at 3] = user_str(3),
        r#type: CHARBUF NA = CUSTOM,
        flags: FLAGS32 HEX [flags MOVE_MOUNT_FLAGS] = arg_u32(4),
    }
    531 SYSCALL_MOUNT_SETATTR_X "mount_setattr" (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        dirfd: FD DEC = dirfd(0),
        path: FSRELPATH NA [at 1] = user_str(1),
        flags: FLAGS32 HEX [flags AT_FLAGS] = arg_u32(2),
        attr_set: FLAGS32 HEX [flags MOUNT_ATTRS] = CUSTOM,
        attr_clr: FLAGS32 HEX [flags MOUNT_ATTRS] = CUSTOM,
        propagation: FLAGS32 HEX [flags MOUNT_FLAGS] = CUSTOM,
    }
}
