//! Files and directories.

use crate::FlagTable;

flag_tables! {
    FILE_FLAGS "file_flags" {
        "O_LARGEFILE" = 0x800,
        "O_DIRECTORY" = 0x400,
        "O_DIRECT" = 0x200,
        "O_TRUNC" = 0x100,
        "O_SYNC" = 0x80,
        "O_NONBLOCK" = 0x40,
        "O_EXCL" = 0x20,
        "O_DSYNC" = 0x10,
        "O_APPEND" = 0x8,
        "O_CREAT" = 0x4,
        "O_RDWR" = 0x3,
        "O_WRONLY" = 0x2,
        "O_RDONLY" = 0x1,
        "O_CLOEXEC" = 0x1000,
        "O_NONE" = 0x0,
        "O_TMPFILE" = 0x2000,
        "O_F_CREATED" = 0x4000,
        "FD_UPPER_LAYER" = 0x8000,
        "FD_LOWER_LAYER" = 0x10000,
        "O_PATH" = 0x1000000,
    }
    CREAT_FLAGS "creat_flags" {
        "FD_UPPER_LAYER_CREAT" = 0x1,
        "FD_LOWER_LAYER_CREAT" = 0x2,
    }
    FLOCK_FLAGS "flock_flags" {
        "LOCK_SH" = 0x1,
        "LOCK_EX" = 0x2,
        "LOCK_NB" = 0x4,
        "LOCK_UN" = 0x8,
        "LOCK_NONE" = 0x0,
    }
    LSEEK_WHENCE "lseek_whence" {
        "SEEK_END" = 0x2,
        "SEEK_CUR" = 0x1,
        "SEEK_SET" = 0x0,
    }
    FCNTL_COMMANDS "fcntl_commands" {
        "F_GETPIPE_SZ" = 0x1d,
        "F_SETPIPE_SZ" = 0x1c,
        "F_NOTIFY" = 0x1b,
        "F_DUPFD_CLOEXEC" = 0x1a,
        "F_CANCELLK" = 0x19,
        "F_GETLEASE" = 0x18,
        "F_SETLEASE" = 0x17,
        "F_GETOWN_EX" = 0x16,
        "F_SETOWN_EX" = 0x15,
        "F_SETLKW64" = 0x13,
        "F_SETLK64" = 0x12,
        "F_GETLK64" = 0x11,
        "F_GETSIG" = 0xf,
        "F_SETSIG" = 0xd,
        "F_GETOWN" = 0xc,
        "F_SETOWN" = 0xa,
        "F_SETLKW" = 0x9,
        "F_SETLK" = 0x8,
        "F_GETLK" = 0x6,
        "F_SETFL" = 0x5,
        "F_GETFL" = 0x4,
        "F_SETFD" = 0x3,
        "F_GETFD" = 0x2,
        "F_DUPFD" = 0x1,
        "F_OFD_GETLK" = 0x1e,
        "F_OFD_SETLK" = 0x1f,
        "F_OFD_SETLKW" = 0x20,
        "UNKNOWN" = 0x0,
    }
    SPLICE_FLAGS "splice_flags" {
        "SPLICE_F_MOVE" = 0x1,
        "SPLICE_F_NONBLOCK" = 0x2,
        "SPLICE_F_MORE" = 0x4,
        "SPLICE_F_GIFT" = 0x8,
    }
    RWF_FLAGS "rwf_flags" {
        "RWF_HIPRI" = 0x1,
        "RWF_DSYNC" = 0x2,
        "RWF_SYNC" = 0x4,
        "RWF_NOWAIT" = 0x8,
        "RWF_APPEND" = 0x10,
        "RWF_NOAPPEND" = 0x20,
        "RWF_ATOMIC" = 0x40,
        "RWF_DONTCACHE" = 0x80,
        "RWF_NOSIGNAL" = 0x100,
    }
    ACCESS_FLAGS "access_flags" {
        "F_OK" = 0x0,
        "R_OK" = 0x4,
        "W_OK" = 0x2,
        "X_OK" = 0x1,
    }
    UNLINKAT_FLAGS "unlinkat_flags" {
        "AT_REMOVEDIR" = 0x200,
    }
    LINKAT_FLAGS "linkat_flags" {
        "AT_SYMLINK_FOLLOW" = 0x400,
        "AT_EMPTY_PATH" = 0x1000,
    }
    NEWFSTATAT_FLAGS "newfstatat_flags" {
        "AT_EMPTY_PATH" = 0x1000,
        "AT_NO_AUTOMOUNT" = 0x800,
        "AT_SYMLINK_NOFOLLOW" = 0x100,
    }
    STATX_FLAGS "statx_flags" extends NEWFSTATAT_FLAGS {
        "AT_STATX_FORCE_SYNC" = 0x2000,
        "AT_STATX_DONT_SYNC" = 0x4000,
    }
    FACCESSAT2_FLAGS "faccessat2_flags" {
        "AT_EMPTY_PATH" = 0x1000,
        "AT_EACCESS" = 0x200,
        "AT_SYMLINK_NOFOLLOW" = 0x100,
    }
    CHMOD_MODE "chmod_mode" {
        "S_IXOTH" = 0x1,
        "S_IWOTH" = 0x2,
        "S_IROTH" = 0x4,
        "S_IXGRP" = 0x8,
        "S_IWGRP" = 0x10,
        "S_IRGRP" = 0x20,
        "S_IXUSR" = 0x40,
        "S_IWUSR" = 0x80,
        "S_IRUSR" = 0x100,
        "S_ISVTX" = 0x200,
        "S_ISGID" = 0x400,
        "S_ISUID" = 0x800,
    }
    FCHOWNAT_FLAGS "fchownat_flags" {
        "AT_SYMLINK_NOFOLLOW" = 0x400,
        "AT_EMPTY_PATH" = 0x1000,
    }
    RENAMEAT2_FLAGS "renameat2_flags" {
        "RENAME_NOREPLACE" = 0x1,
        "RENAME_EXCHANGE" = 0x2,
        "RENAME_WHITEOUT" = 0x4,
    }
    OPENAT2_FLAGS "openat2_flags" {
        "RESOLVE_BENEATH" = 0x1,
        "RESOLVE_IN_ROOT" = 0x2,
        "RESOLVE_NO_MAGICLINKS" = 0x4,
        "RESOLVE_NO_SYMLINKS" = 0x8,
        "RESOLVE_NO_XDEV" = 0x10,
        "RESOLVE_CACHED" = 0x20,
    }
    MKNOD_MODE "mknod_mode" extends CHMOD_MODE {
        "S_IFREG" = 0x8000,
        "S_IFCHR" = 0x2000,
        "S_IFBLK" = 0x6000,
        "S_IFIFO" = 0x1000,
        "S_IFSOCK" = 0xc000,
    }
    AT_FLAGS "at_flags" {
        "AT_RECURSIVE" = 0x8000,
        "AT_EMPTY_PATH" = 0x1000,
        "AT_NO_AUTOMOUNT" = 0x800,
        "AT_SYMLINK_NOFOLLOW" = 0x100,
    }
    XATTR_FLAGS "xattr_flags" {
        "XATTR_REPLACE" = 0x2,
        "XATTR_CREATE" = 0x1,
    }
}
