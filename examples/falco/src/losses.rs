//! Events dropped because a ring was full, by Falco's kinds.

use eyas::events::EventType;

/// Falco's names of the kinds, and the events of each. Enter events are never dropped here, because they do
/// not exist: the probe creates an event when a call ends.
pub const KINDS: [(&str, &[&str]); 14] = [
    ("clone_fork_enter", &[]),
    ("clone_fork_exit", &["clone", "clone3", "fork", "vfork"]),
    ("execve_enter", &[]),
    ("execve_exit", &["execve", "execveat"]),
    ("connect_enter", &[]),
    ("connect_exit", &["connect"]),
    ("open_enter", &[]),
    ("open_exit", &["open", "creat", "openat", "openat2", "open_by_handle_at"]),
    ("dir_file_enter", &[]),
    (
        "dir_file_exit",
        &[
            "dup",
            "chmod",
            "fchmod",
            "fchmodat",
            "chown",
            "lchown",
            "fchown",
            "fchownat",
            "link",
            "linkat",
            "mkdir",
            "mkdirat",
            "mount",
            "umount",
            "umount2",
            "rename",
            "renameat",
            "renameat2",
            "rmdir",
            "symlink",
            "symlinkat",
            "unlink",
            "unlinkat",
        ],
    ),
    ("other_interest_enter", &[]),
    (
        "other_interest_exit",
        &[
            "bpf",
            "setpgid",
            "ptrace",
            "seccomp",
            "setns",
            "setresgid",
            "setresuid",
            "setsid",
            "unshare",
            "capset",
            "keyctl",
        ],
    ),
    ("close_exit", &["close"]),
    ("proc_exit", &["procexit"]),
];

/// Number of events of each kind.
pub type ByKind = [u64; KINDS.len()];

/// Sums by kind. Most event types belong to no kind.
pub fn by_kind(by_type: &[(EventType, u64)]) -> ByKind {
    KINDS.map(|(_, names)| {
        by_type.iter().filter(|(ty, _)| names.contains(&ty.name())).map(|(_, count)| count).sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_events_of_the_table() {
        for name in KINDS.iter().flat_map(|(_, names)| *names) {
            assert!((0..600).any(|ty| EventType(ty).name() == *name), "{name}");
        }
    }

    #[test]
    fn types_are_summed() {
        let lost = [
            (EventType::SYSCALL_OPENAT_2_X, 3),
            (EventType::SYSCALL_OPENAT2_X, 4),
            (EventType::SYSCALL_READ_X, 5),
        ];
        let of = |kind: &str| {
            let at = KINDS.iter().position(|(name, _)| *name == kind).unwrap();
            by_kind(&lost)[at]
        };
        assert_eq!((of("open_exit"), of("open_enter"), by_kind(&lost).iter().sum::<u64>()), (7, 0, 7));
    }
}
