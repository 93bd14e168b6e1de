//! The kernel's paths in events, in addition to the requested ones.

use super::event_type::EventType;
use super::{EventType as E, param as p};

/// Meaning of a path after the parameters of an event's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelPath {
    /// The kernel's path for the path parameter at this position: the file that the call really worked on.
    Param(usize),
    /// The plain file, the directory or the pipe of the descriptor at this position. A directory's path ends in `/`. There is no path
    /// for other descriptors.
    File(usize),
    /// The working directory after the call.
    Cwd,
    /// The root directory after the call.
    Root,
}

impl EventType {
    /// The kernel's paths that events of this type may have after the parameters of their row, in this
    /// order. They begin at the root of the mount namespace, and show the real files, whatever symlinks,
    /// renamed directories or other threads did to the requested paths.
    ///
    /// The new path of a renamed directory ends in `/`.
    pub const fn kernel_paths(self) -> &'static [KernelPath] {
        use KernelPath::{Cwd, File, Param, Root};
        match self {
            E::SYSCALL_OPEN_X => &[Param(p::SYSCALL_OPEN_X::name)],
            E::SYSCALL_CREAT_X => &[Param(p::SYSCALL_CREAT_X::name)],
            E::SYSCALL_OPENAT_2_X => &[Param(p::SYSCALL_OPENAT_2_X::name)],
            E::SYSCALL_OPENAT2_X => &[Param(p::SYSCALL_OPENAT2_X::name)],
            E::SYSCALL_OPEN_TREE_X | E::SYSCALL_OPEN_TREE_ATTR_X => &[Param(p::SYSCALL_OPEN_TREE_X::path)],
            E::SYSCALL_MKDIR_2_X => &[Param(p::SYSCALL_MKDIR_2_X::path)],
            E::SYSCALL_MKDIRAT_X => &[Param(p::SYSCALL_MKDIRAT_X::path)],
            E::SYSCALL_MKNOD_X => &[Param(p::SYSCALL_MKNOD_X::path)],
            E::SYSCALL_MKNODAT_X => &[Param(p::SYSCALL_MKNODAT_X::path)],
            E::SYSCALL_RMDIR_2_X => &[Param(p::SYSCALL_RMDIR_2_X::path)],
            E::SYSCALL_UNLINK_2_X => &[Param(p::SYSCALL_UNLINK_2_X::path)],
            E::SYSCALL_UNLINKAT_2_X => &[Param(p::SYSCALL_UNLINKAT_2_X::name)],
            E::SYSCALL_SYMLINK_X => &[Param(p::SYSCALL_SYMLINK_X::linkpath)],
            E::SYSCALL_SYMLINKAT_X => &[Param(p::SYSCALL_SYMLINKAT_X::linkpath)],
            E::SYSCALL_LINK_2_X => {
                &[Param(p::SYSCALL_LINK_2_X::oldpath), Param(p::SYSCALL_LINK_2_X::newpath)]
            }
            E::SYSCALL_LINKAT_2_X => {
                &[Param(p::SYSCALL_LINKAT_2_X::oldpath), Param(p::SYSCALL_LINKAT_2_X::newpath)]
            }
            E::SYSCALL_RENAME_X => {
                &[Param(p::SYSCALL_RENAME_X::oldpath), Param(p::SYSCALL_RENAME_X::newpath)]
            }
            E::SYSCALL_RENAMEAT_X => {
                &[Param(p::SYSCALL_RENAMEAT_X::oldpath), Param(p::SYSCALL_RENAMEAT_X::newpath)]
            }
            E::SYSCALL_RENAMEAT2_X => {
                &[Param(p::SYSCALL_RENAMEAT2_X::oldpath), Param(p::SYSCALL_RENAMEAT2_X::newpath)]
            }
            E::SYSCALL_CHMOD_X => &[Param(p::SYSCALL_CHMOD_X::filename)],
            E::SYSCALL_FCHMODAT_X => &[Param(p::SYSCALL_FCHMODAT_X::filename)],
            E::SYSCALL_CHOWN_X => &[Param(p::SYSCALL_CHOWN_X::path)],
            E::SYSCALL_LCHOWN_X => &[Param(p::SYSCALL_LCHOWN_X::path)],
            E::SYSCALL_FCHMODAT2_X => {
                &[Param(p::SYSCALL_FCHMODAT2_X::filename), File(p::SYSCALL_FCHMODAT2_X::dirfd)]
            }
            E::SYSCALL_TRUNCATE_X => &[Param(p::SYSCALL_TRUNCATE_X::path)],
            E::SYSCALL_SETXATTR_X
            | E::SYSCALL_LSETXATTR_X
            | E::SYSCALL_GETXATTR_X
            | E::SYSCALL_LGETXATTR_X
            | E::SYSCALL_LISTXATTR_X
            | E::SYSCALL_LLISTXATTR_X
            | E::SYSCALL_REMOVEXATTR_X
            | E::SYSCALL_LREMOVEXATTR_X => &[Param(p::SYSCALL_SETXATTR_X::path)],
            E::SYSCALL_SETXATTRAT_X
            | E::SYSCALL_GETXATTRAT_X
            | E::SYSCALL_LISTXATTRAT_X
            | E::SYSCALL_REMOVEXATTRAT_X => &[Param(p::SYSCALL_SETXATTRAT_X::path)],
            E::SYSCALL_STAT_X | E::SYSCALL_LSTAT_X => &[Param(p::SYSCALL_STAT_X::path)],
            E::SYSCALL_NEWFSTATAT_X | E::SYSCALL_STATX_X => &[Param(p::SYSCALL_NEWFSTATAT_X::path)],
            E::SYSCALL_FCHOWNAT_X => {
                &[Param(p::SYSCALL_FCHOWNAT_X::pathname), File(p::SYSCALL_FCHOWNAT_X::dirfd)]
            }
            E::SYSCALL_MOUNT_X => {
                &[Param(p::SYSCALL_MOUNT_X::dev), Param(p::SYSCALL_MOUNT_X::dir), Cwd, Root]
            }
            E::SYSCALL_MOVE_MOUNT_X => {
                &[Param(p::SYSCALL_MOVE_MOUNT_X::dev), Param(p::SYSCALL_MOVE_MOUNT_X::dir), Cwd, Root]
            }
            E::SYSCALL_PIVOT_ROOT_X => &[Cwd, Root],
            E::SYSCALL_MOUNT_SETATTR_X => &[Param(p::SYSCALL_MOUNT_SETATTR_X::path)],
            E::SYSCALL_FSPICK_X => &[Param(p::SYSCALL_FSPICK_X::path)],
            E::SYSCALL_QUOTACTL_X => &[Param(p::SYSCALL_QUOTACTL_X::special)],
            E::SYSCALL_UMOUNT_1_X => &[Param(p::SYSCALL_UMOUNT_1_X::name), Cwd, Root],
            E::SYSCALL_UMOUNT2_X => &[Param(p::SYSCALL_UMOUNT2_X::name), Cwd, Root],
            E::SYSCALL_FCHMOD_X => &[File(p::SYSCALL_FCHMOD_X::fd)],
            E::SYSCALL_FCHOWN_X => &[File(p::SYSCALL_FCHOWN_X::fd)],
            E::SYSCALL_CHDIR_X => &[Param(p::SYSCALL_CHDIR_X::path)],
            E::SYSCALL_CHROOT_X => &[Param(p::SYSCALL_CHROOT_X::path)],
            E::SYSCALL_FCHDIR_X | E::SYSCALL_GETCWD_X => &[Cwd],
            E::SYSCALL_EXECVE_19_X | E::SYSCALL_EXECVEAT_X => &[Cwd],
            E::SYSCALL_SETNS_X | E::SYSCALL_UNSHARE_X => &[Cwd, Root],
            _ => &[],
        }
    }
}
