//! Opening, naming, linking and describing files.

use super::row::*;

syscalls! {
    5 OPEN "open" x86_64(2) aarch64(-) sampling(NEVER_DROP)
    => 3 SYSCALL_OPEN_X (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        fd: FD DEC = RET,
        name: FSPATH NA = CUSTOM,
        flags: FLAGS32 HEX [flags FILE_FLAGS] = CUSTOM,
        mode: UINT32 OCT = CUSTOM,
        dev: UINT32 HEX = CUSTOM,
        ino: UINT64 DEC = CUSTOM,
    }
    7 CREAT "creat" x86_64(85) aarch64(-) sampling(NEVER_DROP)
    => 59 SYSCALL_CREAT_X (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        fd: FD DEC = RET,
        name: FSPATH NA = CUSTOM,
        mode: UINT32 OCT = CUSTOM,
        dev: UINT32 HEX = CUSTOM,
        ino: UINT64 DEC = CUSTOM,
        creat_flags: FLAGS16 HEX [flags CREAT_FLAGS] = CUSTOM,
    }
    8 LINK "link" x86_64(86) aarch64(-) => 309 SYSCALL_LINK_2_X (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        oldpath: FSPATH NA = user_str(0),
        newpath: FSPATH NA = user_str(1),
    }
    9 UNLINK "unlink" x86_64(87) aarch64(-) => 301 SYSCALL_UNLINK_2_X (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
    }
    10 CHDIR "chdir" x86_64(80) aarch64(49) sampling(NEVER_DROP)
    => 95 SYSCALL_CHDIR_X (FILE | SYSCALL) (MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        path: CHARBUF NA = user_str(0),
    }
    13 CHMOD "chmod" x86_64(90) aarch64(-) => 315 SYSCALL_CHMOD_X (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        filename: FSPATH NA = user_str(0),
        mode: MODE OCT [flags CHMOD_MODE] = map(FlagMap::CHMOD_MODE, 1),
    }
    14 STAT "stat" x86_64(4) aarch64(-) sampling(ALWAYS_DROP) => 67 SYSCALL_STAT_X (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
    }
    15 LSEEK "lseek" x86_64(8) aarch64(62) sampling(ALWAYS_DROP)
    => 87 SYSCALL_LSEEK_X (FILE | SYSCALL) (USES_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        offset: UINT64 DEC = arg(1),
        whence: ENUMFLAGS8 DEC [flags LSEEK_WHENCE] = map(FlagMap::LSEEK_WHENCE, 2),
    }
    17 MOUNT "mount" x86_64(165) aarch64(40)
    => 257 SYSCALL_MOUNT_X (FILE | SYSCALL) (MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        dev: CHARBUF NA = user_str(0),
        dir: FSPATH NA = user_str(1),
        r#type: CHARBUF NA = user_str(2),
        flags: FLAGS32 HEX [flags MOUNT_FLAGS] = CUSTOM,
    }
    20 FSTAT "fstat" x86_64(5) aarch64(80) sampling(ALWAYS_DROP)
    => 71 SYSCALL_FSTAT_X (FILE | SYSCALL) (USES_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fd: FD NA = arg_s32(0),
    }
    22 UTIME "utime" x86_64(132) aarch64(-)
    23 ACCESS "access" x86_64(21) aarch64(-) sampling(ALWAYS_DROP)
    => 265 SYSCALL_ACCESS_X (FILE | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        name: FSPATH NA = user_str(0),
        mode: FLAGS32 HEX [flags ACCESS_FLAGS] = map(FlagMap::ACCESS_FLAGS, 1),
    }
    24 SYNC "sync" x86_64(162) aarch64(81)
    26 RENAME "rename" x86_64(82) aarch64(-) => 175 SYSCALL_RENAME_X (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        oldpath: FSPATH NA = user_str(0),
        newpath: FSPATH NA = user_str(1),
    }
    27 MKDIR "mkdir" x86_64(83) aarch64(-) => 277 SYSCALL_MKDIR_2_X (FILE | SYSCALL) (CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
        mode: UINT32 HEX = CUSTOM,
    }
    28 RMDIR "rmdir" x86_64(84) aarch64(-) => 279 SYSCALL_RMDIR_2_X (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
    }
    33 ACCT "acct" x86_64(163) aarch64(89)
    37 UMASK "umask" x86_64(95) aarch64(166)
    39 USTAT "ustat" x86_64(136) aarch64(-)
    49 SYMLINK "symlink" x86_64(88) aarch64(-) => 179 SYSCALL_SYMLINK_X (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        target: CHARBUF NA = user_str(0),
        linkpath: FSPATH NA = user_str(1),
    }
    50 LSTAT "lstat" x86_64(6) aarch64(-) sampling(ALWAYS_DROP) => 69 SYSCALL_LSTAT_X (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
    }
    51 READLINK "readlink" x86_64(89) aarch64(-)
    52 USELIB "uselib" x86_64(-) aarch64(-)
    57 TRUNCATE "truncate" x86_64(76) aarch64(45) => 515 SYSCALL_TRUNCATE_X (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
        length: INT64 DEC = arg(1),
    }
    58 FTRUNCATE "ftruncate" x86_64(77) aarch64(46) => 517 SYSCALL_FTRUNCATE_X (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        length: INT64 DEC = arg(1),
    }
    59 FCHMOD "fchmod" x86_64(91) aarch64(52) => 317 SYSCALL_FCHMOD_X (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        mode: MODE OCT [flags CHMOD_MODE] = map(FlagMap::CHMOD_MODE, 1),
    }
    62 STATFS "statfs" x86_64(137) aarch64(43)
    63 FSTATFS "fstatfs" x86_64(138) aarch64(44)
    72 FSYNC "fsync" x86_64(74) aarch64(82)
    80 FCHDIR "fchdir" x86_64(81) aarch64(50) sampling(NEVER_DROP)
    => 97 SYSCALL_FCHDIR_X (FILE | SYSCALL) (USES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fd: FD NA = arg_s32(0),
    }
    81 SYSFS "sysfs" x86_64(139) aarch64(-)
    83 GETDENTS "getdents" x86_64(78) aarch64(-) sampling(ALWAYS_DROP)
    => 237 SYSCALL_GETDENTS_X (FILE | SYSCALL) (USES_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fd: FD NA = arg_s32(0),
    }
    85 FLOCK "flock" x86_64(73) aarch64(32) sampling(ALWAYS_DROP)
    => 243 SYSCALL_FLOCK_X (FILE | SYSCALL) (USES_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fd: FD NA = arg_s32(0),
        operation: FLAGS32 HEX [flags FLOCK_FLAGS] = map(FlagMap::FLOCK_FLAGS, 1),
    }
    90 FDATASYNC "fdatasync" x86_64(75) aarch64(83)
    113 GETCWD "getcwd" x86_64(79) aarch64(17) sampling(ALWAYS_DROP) => 93 SYSCALL_GETCWD_X (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: CHARBUF NA = CUSTOM,
    }
    118 LCHOWN "lchown" x86_64(94) aarch64(-) => 381 SYSCALL_LCHOWN_X (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
        uid: UINT32 DEC = arg_u32(1),
        gid: UINT32 DEC = arg_u32(2),
    }
    127 FCHOWN "fchown" x86_64(93) aarch64(55) => 383 SYSCALL_FCHOWN_X (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        fd: FD DEC = arg_s32(0),
        uid: UINT32 DEC = arg_u32(1),
        gid: UINT32 DEC = arg_u32(2),
    }
    132 CHOWN "chown" x86_64(92) aarch64(-) => 379 SYSCALL_CHOWN_X (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        path: FSPATH NA = user_str(0),
        uid: UINT32 DEC = arg_u32(1),
        gid: UINT32 DEC = arg_u32(2),
    }
    180 UTIMES "utimes" x86_64(235) aarch64(-)
    195 INOTIFY_ADD_WATCH "inotify_add_watch" x86_64(254) aarch64(27)
    196 INOTIFY_RM_WATCH "inotify_rm_watch" x86_64(255) aarch64(28)
    197 OPENAT "openat" x86_64(257) aarch64(56) sampling(NEVER_DROP)
    => 307 SYSCALL_OPENAT_2_X (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        fd: FD DEC = RET,
        dirfd: FD DEC = dirfd(0),
        name: FSRELPATH NA [at 1] = CUSTOM,
        flags: FLAGS32 HEX [flags FILE_FLAGS] = CUSTOM,
        mode: UINT32 OCT = CUSTOM,
        dev: UINT32 HEX = CUSTOM,
        ino: UINT64 DEC = CUSTOM,
    }
    198 MKDIRAT "mkdirat" x86_64(258) aarch64(34) => 305 SYSCALL_MKDIRAT_X (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        dirfd: FD DEC = dirfd(0),
        path: FSRELPATH NA [at 1] = user_str(1),
        mode: UINT32 HEX = CUSTOM,
    }
    200 FCHOWNAT "fchownat" x86_64(260) aarch64(54) => 385 SYSCALL_FCHOWNAT_X (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        dirfd: FD DEC = dirfd(0),
        pathname: FSRELPATH NA [at 1] = user_str(1),
        uid: UINT32 DEC = arg_u32(2),
        gid: UINT32 DEC = arg_u32(3),
        flags: FLAGS32 HEX [flags FCHOWNAT_FLAGS] = map(FlagMap::FCHOWNAT_FLAGS, 4),
    }
    201 FUTIMESAT "futimesat" x86_64(261) aarch64(-)
    202 UNLINKAT "unlinkat" x86_64(263) aarch64(35) => 303 SYSCALL_UNLINKAT_2_X (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        dirfd: FD DEC = dirfd(0),
        name: FSRELPATH NA [at 1] = user_str(1),
        flags: FLAGS32 HEX [flags UNLINKAT_FLAGS] = map(FlagMap::UNLINKAT_FLAGS, 2),
    }
    203 RENAMEAT "renameat" x86_64(264) aarch64(38) => 177 SYSCALL_RENAMEAT_X (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        olddirfd: FD DEC = dirfd(0),
        oldpath: FSRELPATH NA [at 1] = user_str(1),
        newdirfd: FD DEC = dirfd(2),
        newpath: FSRELPATH NA [at 3] = user_str(3),
    }
    204 LINKAT "linkat" x86_64(265) aarch64(37) => 311 SYSCALL_LINKAT_2_X (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        olddir: FD DEC = dirfd(0),
        oldpath: FSRELPATH NA [at 1] = user_str(1),
        newdir: FD DEC = dirfd(2),
        newpath: FSRELPATH NA [at 3] = user_str(3),
        flags: FLAGS32 HEX [flags LINKAT_FLAGS] = map(FlagMap::LINKAT_FLAGS, 4),
    }
    205 SYMLINKAT "symlinkat" x86_64(266) aarch64(36) => 181 SYSCALL_SYMLINKAT_X (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        target: CHARBUF NA = user_str(0),
        linkdirfd: FD DEC = dirfd(1),
        linkpath: FSRELPATH NA [at 2] = user_str(2),
    }
    206 READLINKAT "readlinkat" x86_64(267) aarch64(78)
    207 FCHMODAT "fchmodat" x86_64(268) aarch64(53) => 313 SYSCALL_FCHMODAT_X (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        dirfd: FD DEC = dirfd(0),
        filename: FSRELPATH NA [at 1] = user_str(1),
        mode: MODE OCT [flags CHMOD_MODE] = map(FlagMap::CHMOD_MODE, 2),
    }
    208 FACCESSAT "faccessat" x86_64(269) aarch64(48) sampling(ALWAYS_DROP)
    => 589 SYSCALL_FACCESSAT_X as "access" (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        dirfd: FD DEC = dirfd(0),
        name: FSRELPATH NA [at 1] = user_str(1),
        mode: FLAGS32 HEX [flags ACCESS_FLAGS] = map(FlagMap::ACCESS_FLAGS, 2),
    }
    219 UTIMENSAT "utimensat" x86_64(280) aarch64(88)
    235 FANOTIFY_INIT "fanotify_init" x86_64(300) aarch64(262)
    => 573 SYSCALL_FANOTIFY_INIT_X (IPC | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        fd: FD DEC = RET,
        flags: UINT32 HEX = arg_u32(0),
        event_f_flags: UINT32 HEX = arg_u32(1),
    }
    238 SYNCFS "syncfs" x86_64(306) aarch64(267)
    240 GETDENTS64 "getdents64" x86_64(217) aarch64(61) sampling(ALWAYS_DROP)
    => 239 SYSCALL_GETDENTS64_X (FILE | SYSCALL) (USES_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fd: FD NA = arg_s32(0),
    }
    269 STATFS64 "statfs64" x86_64(-) aarch64(-)
    270 FSTATFS64 "fstatfs64" x86_64(-) aarch64(-)
    271 FSTATAT64 "fstatat64" x86_64(-) aarch64(-)
    274 BDFLUSH "bdflush" x86_64(-) aarch64(-)
    278 STAT64 "stat64" x86_64(-) aarch64(-)
    279 LSTAT64 "lstat64" x86_64(-) aarch64(-)
    280 FSTAT64 "fstat64" x86_64(-) aarch64(-)
    281 FCNTL64 "fcntl64" x86_64(-) aarch64(-)
    292 _LLSEEK "_llseek" x86_64(-) aarch64(-)
    299 FALLOCATE "fallocate" x86_64(285) aarch64(47)
    300 NEWFSTATAT "newfstatat" x86_64(262) aarch64(79) sampling(ALWAYS_DROP)
    => 419 SYSCALL_NEWFSTATAT_X (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        dirfd: FD DEC = dirfd(0),
        path: FSRELPATH NA [at 1] = user_str(1),
        flags: FLAGS32 HEX [flags NEWFSTATAT_FLAGS] = map(FlagMap::NEWFSTATAT_FLAGS, 3),
    }
    319 FADVISE64 "fadvise64" x86_64(221) aarch64(223)
    320 RENAMEAT2 "renameat2" x86_64(316) aarch64(276) => 319 SYSCALL_RENAMEAT2_X (FILE | SYSCALL) (NONE) {
        res: ERRNO DEC = RET,
        olddirfd: FD DEC = dirfd(0),
        oldpath: FSRELPATH NA [at 1] = user_str(1),
        newdirfd: FD DEC = dirfd(2),
        newpath: FSRELPATH NA [at 3] = user_str(3),
        flags: FLAGS32 HEX [flags RENAMEAT2_FLAGS] = arg_u32(4),
    }
    321 USERFAULTFD "userfaultfd" x86_64(323) aarch64(282) sampling(NEVER_DROP)
    => 321 SYSCALL_USERFAULTFD_X (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        flags: FLAGS32 HEX [flags FILE_FLAGS] = arg_u32(0),
    }
    322 OPENAT2 "openat2" x86_64(437) aarch64(437)
    => 327 SYSCALL_OPENAT2_X (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        fd: FD DEC = RET,
        dirfd: FD DEC = dirfd(0),
        name: FSRELPATH NA [at 1] = CUSTOM,
        flags: FLAGS32 HEX [flags FILE_FLAGS] = CUSTOM,
        mode: UINT32 OCT = CUSTOM,
        resolve: FLAGS32 HEX [flags OPENAT2_FLAGS] = CUSTOM,
        dev: UINT32 HEX = CUSTOM,
        ino: UINT64 DEC = CUSTOM,
    }
    323 UMOUNT2 "umount2" x86_64(166) aarch64(39)
    => 391 SYSCALL_UMOUNT2_X (FILE | SYSCALL) (MODIFIES_STATE | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        name: FSPATH NA = user_str(0),
        flags: FLAGS32 HEX [flags UMOUNT_FLAGS] = map(FlagMap::UMOUNT2_FLAGS, 1),
    }
    326 COPY_FILE_RANGE "copy_file_range" x86_64(326) aarch64(285)
    => 333 SYSCALL_COPY_FILE_RANGE_X (FILE | SYSCALL) (USES_FD | READS_FROM_FD | WRITES_TO_FD | CONVERTER_MANAGED) {
        res: ERRNO DEC = RET,
        fdout: FD DEC = arg_s32(2),
        offout: UINT64 DEC = arg(3),
        fdin: FD DEC = arg_s32(0),
        offin: UINT64 DEC = arg(1),
        len: UINT64 DEC = arg(4),
    }
    329 OPEN_BY_HANDLE_AT "open_by_handle_at" x86_64(304) aarch64(265)
    => 337 SYSCALL_OPEN_BY_HANDLE_AT_X (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE) {
        fd: FD DEC = RET,
        mountfd: FD DEC = dirfd(0),
        flags: FLAGS32 HEX [flags FILE_FLAGS] = CUSTOM,
        path: FSPATH NA = CUSTOM,
        dev: UINT32 HEX = CUSTOM,
        ino: UINT64 DEC = CUSTOM,
    }
    353 QUOTACTL_FD "quotactl_fd" x86_64(443) aarch64(443)
    365 LOOKUP_DCOOKIE "lookup_dcookie" x86_64(212) aarch64(18)
    367 STATX "statx" x86_64(332) aarch64(291) sampling(ALWAYS_DROP)
    => 593 SYSCALL_STATX_X as "newfstatat" (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        dirfd: FD DEC = dirfd(0),
        path: FSRELPATH NA [at 1] = user_str(1),
        flags: FLAGS32 HEX [flags STATX_FLAGS] = arg_u32(2),
        mask: UINT32 HEX = arg_u32(3),
    }
    373 READAHEAD "readahead" x86_64(187) aarch64(213)
    376 NAME_TO_HANDLE_AT "name_to_handle_at" x86_64(303) aarch64(264)
    384 FACCESSAT2 "faccessat2" x86_64(439) aarch64(439) sampling(ALWAYS_DROP)
    => 591 SYSCALL_FACCESSAT2_X as "access" (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        dirfd: FD DEC = dirfd(0),
        name: FSRELPATH NA [at 1] = user_str(1),
        mode: FLAGS32 HEX [flags ACCESS_FLAGS] = map(FlagMap::ACCESS_FLAGS, 2),
        flags: FLAGS32 HEX [flags FACCESSAT2_FLAGS] = arg_u32(3),
    }
    388 SYNC_FILE_RANGE "sync_file_range" x86_64(277) aarch64(84)
    393 FANOTIFY_MARK "fanotify_mark" x86_64(301) aarch64(263)
    405 READDIR "readdir" x86_64(-) aarch64(-)
    412 CACHESTAT "cachestat" x86_64(451) aarch64(451)
    413 FCHMODAT2 "fchmodat2" x86_64(452) aarch64(452)
    => 513 SYSCALL_FCHMODAT2_X as "fchmodat" (FILE | SYSCALL) (USES_FD) {
        res: ERRNO DEC = RET,
        dirfd: FD DEC = dirfd(0),
        filename: FSRELPATH NA [at 1] = user_str(1),
        mode: MODE OCT [flags CHMOD_MODE] = map(FlagMap::CHMOD_MODE, 2),
        flags: FLAGS32 HEX [flags AT_FLAGS] = arg_u32(3),
    }
    420 OLDSTAT "oldstat" x86_64(-) aarch64(-)
    423 OLDLSTAT "oldlstat" x86_64(-) aarch64(-)
    425 SYNC_FILE_RANGE2 "sync_file_range2" x86_64(-) aarch64(-)
    426 OLDFSTAT "oldfstat" x86_64(-) aarch64(-)
    449 FILE_GETATTR "file_getattr" x86_64(468) aarch64(468)
    450 FILE_SETATTR "file_setattr" x86_64(469) aarch64(469)
}

events! {
    2 SYSCALL_OPEN_E "open" (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        name: FSPATH NA = CUSTOM,
        flags: FLAGS32 HEX [flags FILE_FLAGS] = CUSTOM,
        mode: UINT32 OCT = CUSTOM,
    }
    58 SYSCALL_CREAT_E "creat" (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        name: FSPATH NA = CUSTOM,
        mode: UINT32 OCT = CUSTOM,
    }
    66 SYSCALL_STAT_E "stat" (FILE | SYSCALL) (OLD_VERSION) {}
    68 SYSCALL_LSTAT_E "lstat" (FILE | SYSCALL) (OLD_VERSION) {}
    70 SYSCALL_FSTAT_E "fstat" (FILE | SYSCALL) (USES_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD NA,
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
    94 SYSCALL_CHDIR_E "chdir" (FILE | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {}
    96 SYSCALL_FCHDIR_E "fchdir" (FILE | SYSCALL) (USES_FD | MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD NA,
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
    176 SYSCALL_RENAMEAT_E "renameat" (FILE | SYSCALL) (OLD_VERSION) {}
    178 SYSCALL_SYMLINK_E "symlink" (FILE | SYSCALL) (OLD_VERSION) {}
    180 SYSCALL_SYMLINKAT_E "symlinkat" (FILE | SYSCALL) (OLD_VERSION) {}
    236 SYSCALL_GETDENTS_E "getdents" (FILE | SYSCALL) (USES_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD NA,
    }
    238 SYSCALL_GETDENTS64_E "getdents64" (FILE | SYSCALL) (USES_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD NA,
    }
    242 SYSCALL_FLOCK_E "flock" (FILE | SYSCALL) (USES_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fd: FD NA,
        operation: FLAGS32 HEX [flags FLOCK_FLAGS],
    }
    256 SYSCALL_MOUNT_E "mount" (FILE | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        flags: FLAGS32 HEX [flags MOUNT_FLAGS],
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
    276 SYSCALL_MKDIR_2_E "mkdir" (FILE | SYSCALL) (OLD_VERSION | CONVERTER_MANAGED) {
        mode: UINT32 HEX,
    }
    278 SYSCALL_RMDIR_2_E "rmdir" (FILE | SYSCALL) (OLD_VERSION) {}
    300 SYSCALL_UNLINK_2_E "unlink" (FILE | SYSCALL) (OLD_VERSION) {}
    302 SYSCALL_UNLINKAT_2_E "unlinkat" (FILE | SYSCALL) (OLD_VERSION) {}
    304 SYSCALL_MKDIRAT_E "mkdirat" (FILE | SYSCALL) (OLD_VERSION) {}
    306 SYSCALL_OPENAT_2_E "openat" (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        dirfd: FD DEC = CUSTOM,
        name: FSRELPATH NA [at 0] = CUSTOM,
        flags: FLAGS32 HEX [flags FILE_FLAGS] = CUSTOM,
        mode: UINT32 OCT = CUSTOM,
    }
    308 SYSCALL_LINK_2_E "link" (FILE | SYSCALL) (OLD_VERSION) {}
    310 SYSCALL_LINKAT_2_E "linkat" (FILE | SYSCALL) (OLD_VERSION) {}
    312 SYSCALL_FCHMODAT_E "fchmodat" (FILE | SYSCALL) (OLD_VERSION) {}
    314 SYSCALL_CHMOD_E "chmod" (FILE | SYSCALL) (OLD_VERSION) {}
    316 SYSCALL_FCHMOD_E "fchmod" (FILE | SYSCALL) (OLD_VERSION) {}
    318 SYSCALL_RENAMEAT2_E "renameat2" (FILE | SYSCALL) (OLD_VERSION) {}
    320 SYSCALL_USERFAULTFD_E "userfaultfd" (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION) {}
    326 SYSCALL_OPENAT2_E "openat2" (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE | CONVERTER_MANAGED) {
        dirfd: FD DEC = CUSTOM,
        name: FSRELPATH NA [at 0] = CUSTOM,
        flags: FLAGS32 HEX [flags FILE_FLAGS] = CUSTOM,
        mode: UINT32 OCT = CUSTOM,
        resolve: FLAGS32 HEX [flags OPENAT2_FLAGS] = CUSTOM,
    }
    332 SYSCALL_COPY_FILE_RANGE_E "copy_file_range" (FILE | SYSCALL) (USES_FD | READS_FROM_FD | WRITES_TO_FD | OLD_VERSION | CONVERTER_MANAGED) {
        fdin: FD DEC,
        offin: UINT64 DEC,
        len: UINT64 DEC,
    }
    336 SYSCALL_OPEN_BY_HANDLE_AT_E "open_by_handle_at" (FILE | SYSCALL) (CREATES_FD | MODIFIES_STATE | OLD_VERSION) {}
    378 SYSCALL_CHOWN_E "chown" (FILE | SYSCALL) (OLD_VERSION) {}
    380 SYSCALL_LCHOWN_E "lchown" (FILE | SYSCALL) (OLD_VERSION) {}
    382 SYSCALL_FCHOWN_E "fchown" (FILE | SYSCALL) (OLD_VERSION) {}
    384 SYSCALL_FCHOWNAT_E "fchownat" (FILE | SYSCALL) (OLD_VERSION) {}
    386 SYSCALL_UMOUNT_1_E "umount" (FILE | SYSCALL) (MODIFIES_STATE | OLD_VERSION) {}
    387 SYSCALL_UMOUNT_1_X "umount" (FILE | SYSCALL) (MODIFIES_STATE) {
        res: ERRNO DEC = RET,
        name: FSPATH NA = user_str(0),
    }
    390 SYSCALL_UMOUNT2_E "umount2" (FILE | SYSCALL) (MODIFIES_STATE | OLD_VERSION | CONVERTER_MANAGED) {
        flags: FLAGS32 HEX [flags UMOUNT_FLAGS],
    }
    418 SYSCALL_NEWFSTATAT_E "newfstatat" (FILE | SYSCALL) (OLD_VERSION) {}
}
