//! Mounts through descriptors. Falco's schema has no events for these calls: the codes are this project's own.

use super::row::*;

syscalls! {
    53 SWAPON "swapon" x86_64(167) aarch64(224)
    70 SWAPOFF "swapoff" x86_64(168) aarch64(225)
    137 PIVOT_ROOT "pivot_root" x86_64(155) aarch64(41)
    => 583 SYSCALL_PIVOT_ROOT_X (FILE | SYSCALL) (MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        new_root: FSPATH NA = user_str(0),
        put_old: FSPATH NA = user_str(1),
    }
    288 UMOUNT "umount" x86_64(-) aarch64(-)
    336 FSPICK "fspick" x86_64(433) aarch64(433)
    => 521 SYSCALL_FSPICK_X (SYSTEM | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        fd: FD DEC = RET,
        dirfd: FD DEC = dirfd(0),
        path: FSRELPATH NA [at 1] = user_str(1),
        flags: FLAGS32 HEX [flags FSPICK_FLAGS] = arg_u32(2),
    }
    337 FSMOUNT "fsmount" x86_64(432) aarch64(432)
    => 523 SYSCALL_FSMOUNT_X (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        fd: FD DEC = RET,
        fsfd: FD DEC = arg_s32(0),
        flags: FLAGS32 HEX [flags FSMOUNT_FLAGS] = arg_u32(1),
        attrs: FLAGS32 HEX [flags MOUNT_ATTRS] = arg_u32(2),
        dev: CHARBUF NA = CUSTOM,
        r#type: CHARBUF NA = CUSTOM,
    }
    338 FSOPEN "fsopen" x86_64(430) aarch64(430)
    => 519 SYSCALL_FSOPEN_X (SYSTEM | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        fd: FD DEC = RET,
        fsname: CHARBUF NA = user_str(0),
        flags: FLAGS32 HEX [flags FSOPEN_FLAGS] = arg_u32(1),
    }
    339 OPEN_TREE "open_tree" x86_64(428) aarch64(428)
    => 525 SYSCALL_OPEN_TREE_X (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        fd: FD DEC = RET,
        dirfd: FD DEC = dirfd(0),
        path: FSRELPATH NA [at 1] = user_str(1),
        flags: FLAGS32 HEX [flags OPEN_TREE_FLAGS] = arg_u32(2),
        dev: UINT32 HEX = CUSTOM,
        ino: UINT64 DEC = CUSTOM,
    }
    340 MOVE_MOUNT "move_mount" x86_64(429) aarch64(429)
    => 529 SYSCALL_MOVE_MOUNT_X as "mount" (FILE | SYSCALL) (MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        from_fd: FD DEC = dirfd(0),
        dev: FSRELPATH NA [at 1] = user_str(1),
        to_fd: FD DEC = dirfd(2),
        dir: FSRELPATH NA [at 3] = user_str(3),
        r#type: CHARBUF NA = CUSTOM,
        flags: FLAGS32 HEX [flags MOVE_MOUNT_FLAGS] = arg_u32(4),
    }
    341 MOUNT_SETATTR "mount_setattr" x86_64(442) aarch64(442)
    => 531 SYSCALL_MOUNT_SETATTR_X (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        dirfd: FD DEC = dirfd(0),
        path: FSRELPATH NA [at 1] = user_str(1),
        flags: FLAGS32 HEX [flags AT_FLAGS] = arg_u32(2),
        attr_set: FLAGS32 HEX [flags MOUNT_ATTRS] = CUSTOM,
        attr_clr: FLAGS32 HEX [flags MOUNT_ATTRS] = CUSTOM,
        propagation: FLAGS32 HEX [flags MOUNT_FLAGS] = CUSTOM,
    }
    437 LISTMOUNT "listmount" x86_64(458) aarch64(458)
    438 STATMOUNT "statmount" x86_64(457) aarch64(457)
    448 OPEN_TREE_ATTR "open_tree_attr" x86_64(467) aarch64(467)
    => 527 SYSCALL_OPEN_TREE_ATTR_X as "open_tree" (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
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
    451 LISTNS "listns" x86_64(470) aarch64(470)
}
