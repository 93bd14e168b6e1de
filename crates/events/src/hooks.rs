//! The kernel's security hooks (LSM) that the probe can report, with the calls of each.

use crate::SyscallCode;

/// One row: a hook.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Hook {
    /// Its number in events and captures, which never changes; 0 is none.
    pub number: u8,
    /// Name in security modules and in `lsm.hook`.
    pub name: &'static str,
    /// The kernel function that calls the modules.
    pub function: &'static str,
    /// The calls to whose events its decisions are attached. In other calls, a decision is a separate
    /// event.
    pub calls: &'static [SyscallCode],
}

macro_rules! hooks {
    ($($number:literal $name:literal $function:literal [$($call:ident)*])*) => {
        static HOOKS: &[Hook] = &[$(Hook {
            number: $number,
            name: $name,
            function: $function,
            calls: &[$(SyscallCode::$call),*],
        }),*];
    };
}

hooks! {
    1 "bprm_check_security" "security_bprm_check" [EXECVE EXECVEAT]
    2 "file_open" "security_file_open" [OPEN OPENAT OPENAT2 CREAT OPEN_BY_HANDLE_AT]
    3 "path_unlink" "security_path_unlink" [UNLINK UNLINKAT]
    4 "path_rmdir" "security_path_rmdir" [RMDIR UNLINKAT]
    5 "path_mkdir" "security_path_mkdir" [MKDIR MKDIRAT]
    6 "path_mknod" "security_path_mknod" [MKNOD MKNODAT]
    7 "path_rename" "security_path_rename" [RENAME RENAMEAT RENAMEAT2]
    8 "path_chmod" "security_path_chmod" [CHMOD FCHMOD FCHMODAT FCHMODAT2]
    9 "path_chown" "security_path_chown" [CHOWN LCHOWN FCHOWN FCHOWNAT]
    10 "path_symlink" "security_path_symlink" [SYMLINK SYMLINKAT]
    11 "path_link" "security_path_link" [LINK LINKAT]
    12 "path_truncate" "security_path_truncate" [TRUNCATE]
    13 "file_truncate" "security_file_truncate" [FTRUNCATE]
    14 "mmap_file" "security_mmap_file" [MMAP]
    15 "file_mprotect" "security_file_mprotect" [MPROTECT]
    16 "socket_create" "security_socket_create" [SOCKET SOCKETPAIR]
    17 "socket_bind" "security_socket_bind" [BIND]
    18 "socket_connect" "security_socket_connect" [CONNECT]
    19 "socket_listen" "security_socket_listen" [LISTEN]
    20 "socket_sendmsg" "security_socket_sendmsg" [SENDTO SENDMSG SENDMMSG]
    21 "ptrace_access_check" "security_ptrace_access_check" [PTRACE]
    22 "kernel_read_file" "security_kernel_read_file" [FINIT_MODULE]
    23 "bpf" "security_bpf" [BPF]
    24 "sb_mount" "security_sb_mount" [MOUNT]
    25 "task_fix_setuid" "security_task_fix_setuid" [SETUID SETREUID SETRESUID SETFSUID]
    26 "inode_setxattr" "security_inode_setxattr" [SETXATTR LSETXATTR FSETXATTR SETXATTRAT]
    27 "uring_override_creds" "security_uring_override_creds" []
    28 "uring_sqpoll" "security_uring_sqpoll" [IO_URING_SETUP]
    29 "uring_cmd" "security_uring_cmd" []
}

/// All hooks, in the order of their numbers.
pub fn hooks() -> impl Iterator<Item = &'static Hook> {
    HOOKS.iter()
}

/// The hook with a number; `None` if this version does not know it.
pub fn hook_of(number: u8) -> Option<&'static Hook> {
    HOOKS.get(usize::from(number).checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use crate::{EventType, FlagTable};

    #[test]
    fn the_index_of_a_hook_is_its_number() {
        for (at, hook) in hooks().enumerate() {
            assert_eq!(usize::from(hook.number), at + 1, "{}", hook.name);
            assert!(core::ptr::eq(hook_of(hook.number).unwrap(), hook));
            assert_eq!(FlagTable::LSM_HOOKS.value(hook.name), u32::from(hook.number));
        }
        assert_eq!(FlagTable::LSM_HOOKS.entries.len(), hooks().count());
        assert!(hook_of(0).is_none() && hook_of(u8::MAX).is_none());
    }

    #[test]
    fn a_hook_s_calls_have_events_of_their_own_type() {
        for hook in hooks() {
            for call in hook.calls {
                assert_ne!(call.exit(), EventType::GENERIC_X, "{}: {call:?}", hook.name);
            }
        }
    }
}
