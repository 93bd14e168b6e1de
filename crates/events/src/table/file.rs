//! Opening, naming, linking and describing files.

use super::row::*;

events! {
    2 SYSCALL_OPEN_E "open" (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        name: FSPATH NA = CUSTOM,
        flags: FLAGS32 HEX [flags FILE_FLAGS] = CUSTOM,
        mode: UINT32 OCT = CUSTOM,
    }
    3 SYSCALL_OPEN_X "open" (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        fd: FD DEC = RET,
        name: FSPATH NA = CUSTOM,
        flags: FLAGS32 HEX [flags FILE_FLAGS] = CUSTOM,
        mode: UINT32 OCT = CUSTOM,
        dev: UINT32 HEX = CUSTOM,
        ino: UINT64 DEC = CUSTOM,
    }
    58 SYSCALL_CREAT_E "creat" (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        name: FSPATH NA = CUSTOM,
        mode: UINT32 OCT = CUSTOM,
    }
    59 SYSCALL_CREAT_X "creat" (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        fd: FD DEC = RET,
        name: FSPATH NA = CUSTOM,
        mode: UINT32 OCT = CUSTOM,
        dev: UINT32 HEX = CUSTOM,
        ino: UINT64 DEC = CUSTOM,
        creat_flags: FLAGS16 HEX [flags CREAT_FLAGS] = CUSTOM,
    }
    66 SYSCALL_STAT_E "stat" (FILE | SYSCALL) (OLD_VERSION) {}
    67 SYSCALL_STAT_X "stat" (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
    }
    68 SYSCALL_LSTAT_E "lstat" (FILE | SYSCALL) (OLD_VERSION) {}
    69 SYSCALL_LSTAT_X "lstat" (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
    }
    70 SYSCALL_FSTAT_E "fstat" (FILE | SYSCALL) (USES_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD NA,
    }
    71 SYSCALL_FSTAT_X "fstat" (FILE | SYSCALL) (USES_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fd: FD NA = arg_s32(0),
    }
    72 SYSCALL_STAT64_E "stat64" (FILE | SYSCALL) (OLD_VERSION) {}
    73 SYSCALL_STAT64_X "stat64" (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC,
        path: FSPATH NA,
    }
    74 SYSCALL_LSTAT64_E "lstat64" (FILE | SYSCALL) (OLD_VERSION) {}
    75 SYSCALL_LSTAT64_X "lstat64" (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC,
        path: FSPATH NA,
    }
    76 SYSCALL_FSTAT64_E "fstat64" (FILE | SYSCALL) (USES_FD | OLD_VERSION) {
        fd: FD NA,
    }
    77 SYSCALL_FSTAT64_X "fstat64" (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC,
    }
    86 SYSCALL_LSEEK_E "lseek" (FILE | SYSCALL) (USES_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        offset: UINT64 DEC,
        whence: ENUMFLAGS8 DEC [flags LSEEK_WHENCE],
    }
    87 SYSCALL_LSEEK_X "lseek" (FILE | SYSCALL) (USES_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        offset: UINT64 DEC = arg(1),
        whence: ENUMFLAGS8 DEC [flags LSEEK_WHENCE] = map(FlagMap::LSEEK_WHENCE, 2),
    }
    88 SYSCALL_LLSEEK_E "llseek" (FILE | SYSCALL) (USES_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
        offset: UINT64 DEC,
        whence: ENUMFLAGS8 DEC [flags LSEEK_WHENCE],
    }
    89 SYSCALL_LLSEEK_X "llseek" (FILE | SYSCALL) (USES_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        offset: UINT64 DEC = CUSTOM,
        whence: ENUMFLAGS8 DEC [flags LSEEK_WHENCE] = map(FlagMap::LSEEK_WHENCE, 3),
    }
    92 SYSCALL_GETCWD_E "getcwd" (FILE | SYSCALL) (OLD_VERSION) {}
    93 SYSCALL_GETCWD_X "getcwd" (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: CHARBUF NA = CUSTOM,
    }
    94 SYSCALL_CHDIR_E "chdir" (FILE | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {}
    95 SYSCALL_CHDIR_X "chdir" (FILE | SYSCALL) (MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        path: CHARBUF NA = user_str(0),
    }
    96 SYSCALL_FCHDIR_E "fchdir" (FILE | SYSCALL) (USES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD NA,
    }
    97 SYSCALL_FCHDIR_X "fchdir" (FILE | SYSCALL) (USES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fd: FD NA = arg_s32(0),
    }
    98 SYSCALL_MKDIR_E "mkdir" (FILE | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        path: FSPATH NA,
        mode: UINT32 HEX,
    }
    99 SYSCALL_MKDIR_X "mkdir" (FILE | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        res: ERRNO DEC,
    }
    100 SYSCALL_RMDIR_E "rmdir" (FILE | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        path: FSPATH NA,
    }
    101 SYSCALL_RMDIR_X "rmdir" (FILE | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        res: ERRNO DEC,
    }
    102 SYSCALL_OPENAT_E "openat" (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        dirfd: FD DEC,
        name: CHARBUF NA,
        flags: FLAGS32 HEX [flags FILE_FLAGS],
        mode: UINT32 OCT,
    }
    103 SYSCALL_OPENAT_X "openat" (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD DEC,
    }
    104 SYSCALL_LINK_E "link" (FILE | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        oldpath: FSPATH NA,
        newpath: FSPATH NA,
    }
    105 SYSCALL_LINK_X "link" (FILE | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        res: ERRNO DEC,
    }
    106 SYSCALL_LINKAT_E "linkat" (FILE | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        olddir: FD DEC,
        oldpath: CHARBUF NA,
        newdir: FD DEC,
        newpath: CHARBUF NA,
    }
    107 SYSCALL_LINKAT_X "linkat" (FILE | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        res: ERRNO DEC,
    }
    108 SYSCALL_UNLINK_E "unlink" (FILE | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        path: FSPATH NA,
    }
    109 SYSCALL_UNLINK_X "unlink" (FILE | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        res: ERRNO DEC,
    }
    110 SYSCALL_UNLINKAT_E "unlinkat" (FILE | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        dirfd: FD DEC,
        name: CHARBUF NA,
    }
    111 SYSCALL_UNLINKAT_X "unlinkat" (FILE | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        res: ERRNO DEC,
    }
    174 SYSCALL_RENAME_E "rename" (FILE | SYSCALL) (OLD_VERSION) {}
    175 SYSCALL_RENAME_X "rename" (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        oldpath: FSPATH NA = user_str(0),
        newpath: FSPATH NA = user_str(1),
    }
    176 SYSCALL_RENAMEAT_E "renameat" (FILE | SYSCALL) (OLD_VERSION) {}
    177 SYSCALL_RENAMEAT_X "renameat" (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        olddirfd: FD DEC = dirfd(0),
        oldpath: FSRELPATH NA [at 1] = user_str(1),
        newdirfd: FD DEC = dirfd(2),
        newpath: FSRELPATH NA [at 3] = user_str(3),
    }
    178 SYSCALL_SYMLINK_E "symlink" (FILE | SYSCALL) (OLD_VERSION) {}
    179 SYSCALL_SYMLINK_X "symlink" (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        target: CHARBUF NA = user_str(0),
        linkpath: FSPATH NA = user_str(1),
    }
    180 SYSCALL_SYMLINKAT_E "symlinkat" (FILE | SYSCALL) (OLD_VERSION) {}
    181 SYSCALL_SYMLINKAT_X "symlinkat" (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        target: CHARBUF NA = user_str(0),
        linkdirfd: FD DEC = dirfd(1),
        linkpath: FSRELPATH NA [at 2] = user_str(2),
    }
    236 SYSCALL_GETDENTS_E "getdents" (FILE | SYSCALL) (USES_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD NA,
    }
    237 SYSCALL_GETDENTS_X "getdents" (FILE | SYSCALL) (USES_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fd: FD NA = arg_s32(0),
    }
    238 SYSCALL_GETDENTS64_E "getdents64" (FILE | SYSCALL) (USES_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD NA,
    }
    239 SYSCALL_GETDENTS64_X "getdents64" (FILE | SYSCALL) (USES_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fd: FD NA = arg_s32(0),
    }
    242 SYSCALL_FLOCK_E "flock" (FILE | SYSCALL) (USES_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD NA,
        operation: FLAGS32 HEX [flags FLOCK_FLAGS],
    }
    243 SYSCALL_FLOCK_X "flock" (FILE | SYSCALL) (USES_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fd: FD NA = arg_s32(0),
        operation: FLAGS32 HEX [flags FLOCK_FLAGS] = map(FlagMap::FLOCK_FLAGS, 1),
    }
    256 SYSCALL_MOUNT_E "mount" (FILE | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        flags: FLAGS32 HEX [flags MOUNT_FLAGS],
    }
    257 SYSCALL_MOUNT_X "mount" (FILE | SYSCALL) (MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        dev: CHARBUF NA = user_str(0),
        dir: FSPATH NA = user_str(1),
        r#type: CHARBUF NA = user_str(2),
        flags: FLAGS32 HEX [flags MOUNT_FLAGS] = CUSTOM,
    }
    258 SYSCALL_UMOUNT_E "umount" (FILE | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {
        flags: FLAGS32 HEX [flags UMOUNT_FLAGS],
    }
    259 SYSCALL_UMOUNT_X "umount" (FILE | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        res: ERRNO DEC,
        name: FSPATH NA,
    }
    264 SYSCALL_ACCESS_E "access" (FILE | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        mode: FLAGS32 HEX [flags ACCESS_FLAGS],
    }
    265 SYSCALL_ACCESS_X "access" (FILE | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        name: FSPATH NA = user_str(0),
        mode: FLAGS32 HEX [flags ACCESS_FLAGS] = map(FlagMap::ACCESS_FLAGS, 1),
    }
    276 SYSCALL_MKDIR_2_E "mkdir" (FILE | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        mode: UINT32 HEX,
    }
    277 SYSCALL_MKDIR_2_X "mkdir" (FILE | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
        mode: UINT32 HEX = arg_u32(1),
    }
    278 SYSCALL_RMDIR_2_E "rmdir" (FILE | SYSCALL) (OLD_VERSION) {}
    279 SYSCALL_RMDIR_2_X "rmdir" (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
    }
    300 SYSCALL_UNLINK_2_E "unlink" (FILE | SYSCALL) (OLD_VERSION) {}
    301 SYSCALL_UNLINK_2_X "unlink" (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
    }
    302 SYSCALL_UNLINKAT_2_E "unlinkat" (FILE | SYSCALL) (OLD_VERSION) {}
    303 SYSCALL_UNLINKAT_2_X "unlinkat" (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        dirfd: FD DEC = dirfd(0),
        name: FSRELPATH NA [at 1] = user_str(1),
        flags: FLAGS32 HEX [flags UNLINKAT_FLAGS] = map(FlagMap::UNLINKAT_FLAGS, 2),
    }
    304 SYSCALL_MKDIRAT_E "mkdirat" (FILE | SYSCALL) (OLD_VERSION) {}
    305 SYSCALL_MKDIRAT_X "mkdirat" (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        dirfd: FD DEC = dirfd(0),
        path: FSRELPATH NA [at 1] = user_str(1),
        mode: UINT32 HEX = arg_u32(2),
    }
    306 SYSCALL_OPENAT_2_E "openat" (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        dirfd: FD DEC = CUSTOM,
        name: FSRELPATH NA [at 0] = CUSTOM,
        flags: FLAGS32 HEX [flags FILE_FLAGS] = CUSTOM,
        mode: UINT32 OCT = CUSTOM,
    }
    307 SYSCALL_OPENAT_2_X "openat" (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        fd: FD DEC = RET,
        dirfd: FD DEC = dirfd(0),
        name: FSRELPATH NA [at 1] = CUSTOM,
        flags: FLAGS32 HEX [flags FILE_FLAGS] = CUSTOM,
        mode: UINT32 OCT = CUSTOM,
        dev: UINT32 HEX = CUSTOM,
        ino: UINT64 DEC = CUSTOM,
    }
    308 SYSCALL_LINK_2_E "link" (FILE | SYSCALL) (OLD_VERSION) {}
    309 SYSCALL_LINK_2_X "link" (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        oldpath: FSPATH NA = user_str(0),
        newpath: FSPATH NA = user_str(1),
    }
    310 SYSCALL_LINKAT_2_E "linkat" (FILE | SYSCALL) (OLD_VERSION) {}
    311 SYSCALL_LINKAT_2_X "linkat" (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        olddir: FD DEC = dirfd(0),
        oldpath: FSRELPATH NA [at 1] = user_str(1),
        newdir: FD DEC = dirfd(2),
        newpath: FSRELPATH NA [at 3] = user_str(3),
        flags: FLAGS32 HEX [flags LINKAT_FLAGS] = map(FlagMap::LINKAT_FLAGS, 4),
    }
    312 SYSCALL_FCHMODAT_E "fchmodat" (FILE | SYSCALL) (OLD_VERSION) {}
    313 SYSCALL_FCHMODAT_X "fchmodat" (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        dirfd: FD DEC = dirfd(0),
        filename: FSRELPATH NA [at 1] = user_str(1),
        mode: MODE OCT [flags CHMOD_MODE] = map(FlagMap::CHMOD_MODE, 2),
    }
    314 SYSCALL_CHMOD_E "chmod" (FILE | SYSCALL) (OLD_VERSION) {}
    315 SYSCALL_CHMOD_X "chmod" (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        filename: FSPATH NA = user_str(0),
        mode: MODE OCT [flags CHMOD_MODE] = map(FlagMap::CHMOD_MODE, 1),
    }
    316 SYSCALL_FCHMOD_E "fchmod" (FILE | SYSCALL) (OLD_VERSION) {}
    317 SYSCALL_FCHMOD_X "fchmod" (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        mode: MODE OCT [flags CHMOD_MODE] = map(FlagMap::CHMOD_MODE, 1),
    }
    318 SYSCALL_RENAMEAT2_E "renameat2" (FILE | SYSCALL) (OLD_VERSION) {}
    319 SYSCALL_RENAMEAT2_X "renameat2" (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        olddirfd: FD DEC = dirfd(0),
        oldpath: FSRELPATH NA [at 1] = user_str(1),
        newdirfd: FD DEC = dirfd(2),
        newpath: FSRELPATH NA [at 3] = user_str(3),
        flags: FLAGS32 HEX [flags RENAMEAT2_FLAGS] = arg_u32(4),
    }
    320 SYSCALL_USERFAULTFD_E "userfaultfd" (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION) {}
    321 SYSCALL_USERFAULTFD_X "userfaultfd" (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        flags: FLAGS32 HEX [flags FILE_FLAGS] = arg_u32(0),
    }
    326 SYSCALL_OPENAT2_E "openat2" (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        dirfd: FD DEC = CUSTOM,
        name: FSRELPATH NA [at 0] = CUSTOM,
        flags: FLAGS32 HEX [flags FILE_FLAGS] = CUSTOM,
        mode: UINT32 OCT = CUSTOM,
        resolve: FLAGS32 HEX [flags OPENAT2_FLAGS] = CUSTOM,
    }
    327 SYSCALL_OPENAT2_X "openat2" (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        fd: FD DEC = RET,
        dirfd: FD DEC = dirfd(0),
        name: FSRELPATH NA [at 1] = CUSTOM,
        flags: FLAGS32 HEX [flags FILE_FLAGS] = CUSTOM,
        mode: UINT32 OCT = CUSTOM,
        resolve: FLAGS32 HEX [flags OPENAT2_FLAGS] = CUSTOM,
        dev: UINT32 HEX = CUSTOM,
        ino: UINT64 DEC = CUSTOM,
    }
    332 SYSCALL_COPY_FILE_RANGE_E "copy_file_range" (FILE | SYSCALL) (USES_FD | READS_FROM_FD | WRITES_TO_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fdin: FD DEC,
        offin: UINT64 DEC,
        len: UINT64 DEC,
    }
    333 SYSCALL_COPY_FILE_RANGE_X "copy_file_range" (FILE | SYSCALL) (USES_FD | READS_FROM_FD | WRITES_TO_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fdout: FD DEC = arg_s32(2),
        offout: UINT64 DEC = arg(3),
        fdin: FD DEC = arg_s32(0),
        offin: UINT64 DEC = arg(1),
        len: UINT64 DEC = arg(4),
    }
    336 SYSCALL_OPEN_BY_HANDLE_AT_E "open_by_handle_at" (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION) {}
    337 SYSCALL_OPEN_BY_HANDLE_AT_X "open_by_handle_at" (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        fd: FD DEC = RET,
        mountfd: FD DEC = dirfd(0),
        flags: FLAGS32 HEX [flags FILE_FLAGS] = CUSTOM,
        path: FSPATH NA = CUSTOM,
        dev: UINT32 HEX = CUSTOM,
        ino: UINT64 DEC = CUSTOM,
    }
    378 SYSCALL_CHOWN_E "chown" (FILE | SYSCALL) (OLD_VERSION) {}
    379 SYSCALL_CHOWN_X "chown" (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
        uid: UINT32 DEC = arg_u32(1),
        gid: UINT32 DEC = arg_u32(2),
    }
    380 SYSCALL_LCHOWN_E "lchown" (FILE | SYSCALL) (OLD_VERSION) {}
    381 SYSCALL_LCHOWN_X "lchown" (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
        uid: UINT32 DEC = arg_u32(1),
        gid: UINT32 DEC = arg_u32(2),
    }
    382 SYSCALL_FCHOWN_E "fchown" (FILE | SYSCALL) (OLD_VERSION) {}
    383 SYSCALL_FCHOWN_X "fchown" (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        uid: UINT32 DEC = arg_u32(1),
        gid: UINT32 DEC = arg_u32(2),
    }
    384 SYSCALL_FCHOWNAT_E "fchownat" (FILE | SYSCALL) (OLD_VERSION) {}
    385 SYSCALL_FCHOWNAT_X "fchownat" (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        dirfd: FD DEC = dirfd(0),
        pathname: FSRELPATH NA [at 1] = user_str(1),
        uid: UINT32 DEC = arg_u32(2),
        gid: UINT32 DEC = arg_u32(3),
        flags: FLAGS32 HEX [flags FCHOWNAT_FLAGS] = map(FlagMap::FCHOWNAT_FLAGS, 4),
    }
    386 SYSCALL_UMOUNT_1_E "umount" (FILE | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {}
    387 SYSCALL_UMOUNT_1_X "umount" (FILE | SYSCALL) (MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        name: FSPATH NA = user_str(0),
    }
    390 SYSCALL_UMOUNT2_E "umount2" (FILE | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        flags: FLAGS32 HEX [flags UMOUNT_FLAGS],
    }
    391 SYSCALL_UMOUNT2_X "umount2" (FILE | SYSCALL) (MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        name: FSPATH NA = user_str(0),
        flags: FLAGS32 HEX [flags UMOUNT_FLAGS] = map(FlagMap::UMOUNT2_FLAGS, 1),
    }
    418 SYSCALL_NEWFSTATAT_E "newfstatat" (FILE | SYSCALL) (OLD_VERSION) {}
    419 SYSCALL_NEWFSTATAT_X "newfstatat" (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        dirfd: FD DEC = dirfd(0),
        path: FSRELPATH NA [at 1] = user_str(1),
        flags: FLAGS32 HEX [flags NEWFSTATAT_FLAGS] = map(FlagMap::NEWFSTATAT_FLAGS, 3),
    }
    513 SYSCALL_FCHMODAT2_X "fchmodat2" as "fchmodat" (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        dirfd: FD DEC = dirfd(0),
        filename: FSRELPATH NA [at 1] = user_str(1),
        mode: MODE OCT [flags CHMOD_MODE] = map(FlagMap::CHMOD_MODE, 2),
        flags: FLAGS32 HEX [flags AT_FLAGS] = arg_u32(3),
    }
    515 SYSCALL_TRUNCATE_X "truncate" (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
        length: INT64 DEC = arg(1),
    }
    517 SYSCALL_FTRUNCATE_X "ftruncate" (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        length: INT64 DEC = arg(1),
    }
}
