//! File systems and quotas.

use crate::FlagTable;

flag_tables! {
    MOUNT_FLAGS "mount_flags" {
        "RDONLY" = 0x1,
        "NOSUID" = 0x2,
        "NODEV" = 0x4,
        "NOEXEC" = 0x8,
        "SYNCHRONOUS" = 0x10,
        "REMOUNT" = 0x20,
        "MANDLOCK" = 0x40,
        "DIRSYNC" = 0x80,
        "NOATIME" = 0x400,
        "NODIRATIME" = 0x800,
        "BIND" = 0x1000,
        "MOVE" = 0x2000,
        "REC" = 0x4000,
        "SILENT" = 0x8000,
        "POSIXACL" = 0x10000,
        "UNBINDABLE" = 0x20000,
        "PRIVATE" = 0x40000,
        "SLAVE" = 0x80000,
        "SHARED" = 0x100000,
        "RELATIME" = 0x200000,
        "KERNMOUNT" = 0x400000,
        "I_VERSION" = 0x800000,
        "STRICTATIME" = 0x1000000,
        "LAZYTIME" = 0x2000000,
        "NOSEC" = 0x10000000,
        "BORN" = 0x20000000,
        "ACTIVE" = 0x40000000,
        "NOUSER" = 0x80000000,
    }
    UMOUNT_FLAGS "umount_flags" {
        "FORCE" = 0x1,
        "DETACH" = 0x2,
        "EXPIRE" = 0x4,
        "NOFOLLOW" = 0x8,
    }
    QUOTACTL_DQI_FLAGS "quotactl_dqi_flags" {
        "DQF_NONE" = 0x1,
        "V1_DQF_RSQUASH" = 0x2,
    }
    QUOTACTL_CMDS "quotactl_cmds" {
        "Q_QUOTAON" = 0x1,
        "Q_QUOTAOFF" = 0x2,
        "Q_GETFMT" = 0x4,
        "Q_GETINFO" = 0x8,
        "Q_SETINFO" = 0x10,
        "Q_GETQUOTA" = 0x20,
        "Q_SETQUOTA" = 0x40,
        "Q_SYNC" = 0x80,
        "Q_XQUOTAON" = 0x100,
        "Q_XQUOTAOFF" = 0x200,
        "Q_XGETQUOTA" = 0x400,
        "Q_XSETQLIM" = 0x800,
        "Q_XGETQSTAT" = 0x1000,
        "Q_XQUOTARM" = 0x2000,
        "Q_XQUOTASYNC" = 0x4000,
    }
    QUOTACTL_TYPES "quotactl_types" {
        "USRQUOTA" = 0x1,
        "GRPQUOTA" = 0x2,
    }
    QUOTACTL_QUOTA_FMTS "quotactl_quota_fmts" {
        "QFMT_NOT_USED" = 0x1,
        "QFMT_VFS_OLD" = 0x2,
        "QFMT_VFS_V0" = 0x4,
        "QFMT_VFS_V1" = 0x8,
    }
    FSCONFIG_CMDS "fsconfig_cmds" {
        "FSCONFIG_SET_FLAG" = 0x0,
        "FSCONFIG_SET_STRING" = 0x1,
        "FSCONFIG_SET_BINARY" = 0x2,
        "FSCONFIG_SET_PATH" = 0x3,
        "FSCONFIG_SET_PATH_EMPTY" = 0x4,
        "FSCONFIG_SET_FD" = 0x5,
        "FSCONFIG_CMD_CREATE" = 0x6,
        "FSCONFIG_CMD_RECONFIGURE" = 0x7,
    }
    FSOPEN_FLAGS "fsopen_flags" {
        "FSOPEN_CLOEXEC" = 0x1,
    }
    FSPICK_FLAGS "fspick_flags" {
        "FSPICK_EMPTY_PATH" = 0x8,
        "FSPICK_NO_AUTOMOUNT" = 0x4,
        "FSPICK_SYMLINK_NOFOLLOW" = 0x2,
        "FSPICK_CLOEXEC" = 0x1,
    }
    FSMOUNT_FLAGS "fsmount_flags" {
        "FSMOUNT_CLOEXEC" = 0x1,
    }
    MOUNT_ATTRS "mount_attrs" {
        "MOUNT_ATTR_NOSYMFOLLOW" = 0x200000,
        "MOUNT_ATTR_IDMAP" = 0x100000,
        "MOUNT_ATTR_NODIRATIME" = 0x80,
        "MOUNT_ATTR_STRICTATIME" = 0x20,
        "MOUNT_ATTR_NOATIME" = 0x10,
        "MOUNT_ATTR_NOEXEC" = 0x8,
        "MOUNT_ATTR_NODEV" = 0x4,
        "MOUNT_ATTR_NOSUID" = 0x2,
        "MOUNT_ATTR_RDONLY" = 0x1,
    }
    OPEN_TREE_FLAGS "open_tree_flags" {
        "OPEN_TREE_CLOEXEC" = 0x80000,
        "AT_RECURSIVE" = 0x8000,
        "AT_EMPTY_PATH" = 0x1000,
        "AT_NO_AUTOMOUNT" = 0x800,
        "AT_SYMLINK_NOFOLLOW" = 0x100,
        "OPEN_TREE_NAMESPACE" = 0x2,
        "OPEN_TREE_CLONE" = 0x1,
    }
    MOVE_MOUNT_FLAGS "move_mount_flags" {
        "MOVE_MOUNT_BENEATH" = 0x200,
        "MOVE_MOUNT_SET_GROUP" = 0x100,
        "MOVE_MOUNT_T_EMPTY_PATH" = 0x40,
        "MOVE_MOUNT_T_AUTOMOUNTS" = 0x20,
        "MOVE_MOUNT_T_SYMLINKS" = 0x10,
        "MOVE_MOUNT_F_EMPTY_PATH" = 0x4,
        "MOVE_MOUNT_F_AUTOMOUNTS" = 0x2,
        "MOVE_MOUNT_F_SYMLINKS" = 0x1,
    }
}
