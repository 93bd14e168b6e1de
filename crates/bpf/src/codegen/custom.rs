//! Operations for parameters that need more than one argument of the call.

use eyas_events::EventInfo;

/// Operations by the function of the probe that implements them: `param_<family>` in `bpf/params/`.
pub(super) const FAMILIES: &[(&str, &[&str])] = &[
    // Implemented by the interpreter itself.
    ("plain", &["SYSCALL_CODE", "SYSCALL_NUMBER"]),
    ("image", &["EXE", "ARGS", "ENV"]),
    ("cgroups", &["CGROUPS"]),
    (
        "task",
        &[
            "TID",
            "PID",
            "PTID",
            "FDLIMIT",
            "PGFT_MAJ",
            "PGFT_MIN",
            "VM_SIZE",
            "VM_RSS",
            "VM_SWAP",
            "COMM",
            "EUID",
            "EGID",
            "VTID",
            "VPID",
            "VPGID",
            "PGID",
            "PIDNS_START",
            "TTY",
            "LOGINUID",
            "CAP_INHERITABLE",
            "CAP_PERMITTED",
            "CAP_EFFECTIVE",
        ],
    ),
    ("program", &["EXE_FLAGS", "EXE_INO", "EXE_CTIME", "EXE_MTIME", "EXE_PATH", "EXEC_FILENAME", "EXEC_TID"]),
    (
        "open",
        &[
            "OPEN_FLAGS",
            "OPEN_MODE",
            "OPEN_HOW_FLAGS",
            "OPEN_HOW_MODE",
            "OPEN_HOW_RESOLVE",
            "CREAT_MODE",
            "QUEUE_MODE",
            "CREAT_LAYER",
            "FD_DIR",
            "FD_DEV",
            "FD_INO",
            "INHERITED",
        ],
    ),
    ("path", &["OPEN_NAME", "FD_PATH", "PLAIN_PATH", "CWD", "PWD", "ROOT"]),
    (
        "entry",
        &[
            "ENTRY_MADE",
            "ENTRY_REMOVED",
            "ENTRY_LINKED",
            "ENTRY_LINK",
            "ENTRY_RENAMED",
            "ENTRY_NEW_NAME",
            "ENTRY_CHANGED",
            "ENTRY_SOURCE",
            "ENTRY_MOUNTED",
            "ENTRY_UNMOUNTED",
            "ENTRY_READ",
            "ENTRY_LOOKED_AT",
            "ENTRY_GIVEN",
        ],
    ),
    ("data", &["READ_DATA", "WRITE_DATA", "IOV_IN", "IOV_OUT", "IOV_SIZE", "RET_SIZE"]),
    ("message", &["MSG_IN", "MSG_OUT", "MSG_SIZE", "MSG_CONTROL", "MSG_TUPLE_IN", "MSG_TUPLE_OUT"]),
    ("rights", &["RIGHTS", "MADE"]),
    ("address", &["SOCKADDR"]),
    (
        "socket",
        &[
            "TUPLE_CONNECT",
            "TUPLE_ACCEPT",
            "TUPLE_IN",
            "TUPLE_OUT",
            "QUEUE_PCT",
            "QUEUE_LEN",
            "QUEUE_MAX",
            "PAIR_SOURCE",
            "PAIR_PEER",
            "PORT_CHOSEN",
            "FAMILY",
        ],
    ),
    ("sockopt", &["OPT_NAME", "OPT_VALUE", "OPT_LEN"]),
    (
        "process",
        &[
            "CLONE_FLAGS",
            "CLONE3_FLAGS",
            "FORK_FLAGS",
            "PTRACE_ADDR",
            "PTRACE_DATA",
            "PTRACE_REQUEST",
            "PRCTL_STR",
            "PRCTL_INT",
            "RLIMIT_GIVEN",
            "RLIMIT_GOT",
        ],
    ),
    ("exit", &["EXIT_STATUS", "EXIT_RET", "EXIT_SIG", "EXIT_CORE", "EXIT_REAPER"]),
    ("ipc", &["USER_FD", "PIPE_INO", "PIPE_FLAGS", "FUTEX_OP", "SEMBUF", "SEM_COMMAND", "SEM_VALUE"]),
    ("wait", &["POLL_FDS", "TIMESPEC", "URING_PARAM"]),
    (
        "quota",
        &[
            "QUOTA_CMD",
            "QUOTA_TYPE",
            "QUOTA_ID",
            "QUOTA_FMT",
            "QUOTA_FMT_OUT",
            "QUOTA_FILE",
            "DQBLK",
            "DQINFO",
        ],
    ),
    ("keyctl", &["KEY_ARG"]),
    // For a task of the iterator.
    ("listed", &["PARENT", "SID", "TASK_CWD", "TASK_ROOT", "START", "NET", "GAPS"]),
    ("memory", &["ARGV", "ENVP"]),
    (
        "misc",
        &["LONG_OFFSET", "NODE_MODE", "DIRECTORY_MODE", "MOUNT_FLAGS", "MODULE_IMAGE", "FS_BYTES", "FS_TEXT"],
    ),
    ("mount", &["MOUNTED_TYPE", "MOUNTED_DEV", "ATTR_SET", "ATTR_CLR", "ATTR_PROPAGATION"]),
    ("xattr", &["XATTR_VALUE", "XATTR_ARGS_VALUE", "XATTR_ARGS_FLAGS"]),
    ("terminal", &["TERMINAL"]),
];

/// Events that describe the calling thread.
const TASK: [&str; 5] =
    ["SYSCALL_CLONE", "SYSCALL_FORK", "SYSCALL_VFORK", "SYSCALL_EXECVE_19_X", "SYSCALL_EXECVEAT_X"];
/// Events of the iterator.
const LISTED: [&str; 1] = ["ITER_TASK_E"];
const MEMORY: [&str; 4] = ["SYSCALL_BRK_4_X", "SYSCALL_MMAP_X", "SYSCALL_MMAP2_X", "SYSCALL_MUNMAP_X"];

/// Calls with an array of buffers.
const READS_OF_VECTORS: [&str; 3] = ["SYSCALL_READV_X", "SYSCALL_PREADV_X", "SYSCALL_PREADV2_X"];
const WRITES_OF_VECTORS: [&str; 3] = ["SYSCALL_WRITEV_X", "SYSCALL_PWRITEV_X", "SYSCALL_PWRITEV2_X"];

/// Calls with a `mount_attr`.
const ATTRS: [&str; 2] = ["SYSCALL_OPEN_TREE_ATTR_X", "SYSCALL_MOUNT_SETATTR_X"];

/// Added to an argument's number, to select the second of the two numbers that it points to.
pub(super) const SECOND: u8 = 8;
/// Instead of an argument's number: the call's result, and no argument.
const RESULT: u8 = 8;
const NOTHING: u8 = 8;

/// Prefixes of events' names, a parameter, an operation, its argument.
pub(super) type Row = (&'static [&'static str], &'static str, &'static str, u8);

/// The row that makes a parameter of an event.
pub(super) fn row(ident: &str, param: &str) -> Option<&'static Row> {
    ROWS.iter().find(|(events, name, ..)| *name == param && events.iter().any(|e| ident.starts_with(e)))
}

/// In events whose names begin with one of the prefixes, the operation makes the parameter from the
/// argument. The first matching row is used.
pub(super) const ROWS: &[Row] = &[
    (&TASK, "exe", "EXE", 0),
    (&TASK, "args", "ARGS", 0),
    (&TASK, "tid", "TID", 0),
    (&TASK, "pid", "PID", 0),
    (&TASK, "ptid", "PTID", 0),
    (&TASK, "fdlimit", "FDLIMIT", 0),
    (&TASK, "pgft_maj", "PGFT_MAJ", 0),
    (&TASK, "pgft_min", "PGFT_MIN", 0),
    (&TASK, "vm_size", "VM_SIZE", 0),
    (&TASK, "vm_rss", "VM_RSS", 0),
    (&TASK, "vm_swap", "VM_SWAP", 0),
    (&TASK, "comm", "COMM", 0),
    (&TASK, "cgroups", "CGROUPS", 0),
    (&TASK, "uid", "EUID", 0),
    (&TASK, "gid", "EGID", 0),
    (&TASK, "vtid", "VTID", 0),
    (&TASK, "vpid", "VPID", 0),
    (&TASK, "pidns_init_start_ts", "PIDNS_START", 0),
    (&["SYSCALL_CLONE_20_X"], "flags", "CLONE_FLAGS", 0),
    (&["SYSCALL_CLONE3_X"], "flags", "CLONE3_FLAGS", 0),
    (&["SYSCALL_FORK_20_X", "SYSCALL_VFORK_20_X"], "flags", "FORK_FLAGS", 0),
    (&TASK, "env", "ENV", 0),
    (&TASK, "tty", "TTY", 0),
    (&TASK, "vpgid", "VPGID", 0),
    (&TASK, "pgid", "PGID", 0),
    (&TASK, "loginuid", "LOGINUID", 0),
    (&["SYSCALL_EXECVE_19_X", "SYSCALL_EXECVEAT_X"], "flags", "EXE_FLAGS", 0),
    (&["SYSCALL_EXECVE", "SYSCALL_CAPSET_X"], "cap_inheritable", "CAP_INHERITABLE", 0),
    (&["SYSCALL_EXECVE", "SYSCALL_CAPSET_X"], "cap_permitted", "CAP_PERMITTED", 0),
    (&["SYSCALL_EXECVE", "SYSCALL_CAPSET_X"], "cap_effective", "CAP_EFFECTIVE", 0),
    (&TASK, "exe_ino", "EXE_INO", 0),
    (&TASK, "exe_ino_ctime", "EXE_CTIME", 0),
    (&TASK, "exe_ino_mtime", "EXE_MTIME", 0),
    (&TASK, "trusted_exepath", "EXE_PATH", 0),
    (&TASK, "filename", "EXEC_FILENAME", 0),
    (&MEMORY, "vm_size", "VM_SIZE", 0),
    (&MEMORY, "vm_rss", "VM_RSS", 0),
    (&MEMORY, "vm_swap", "VM_SWAP", 0),
    (&["SYSCALL_OPEN_X", "SYSCALL_CREAT_X"], "name", "OPEN_NAME", 0),
    (&["SYSCALL_OPENAT_2_X", "SYSCALL_OPENAT2_X"], "name", "OPEN_NAME", 1),
    (&["SYSCALL_OPEN_X"], "flags", "OPEN_FLAGS", 1),
    (&["SYSCALL_OPEN_X"], "mode", "OPEN_MODE", 1),
    (&["SYSCALL_OPENAT_2_X"], "flags", "OPEN_FLAGS", 2),
    (&["SYSCALL_OPENAT_2_X"], "mode", "OPEN_MODE", 2),
    (&["SYSCALL_OPENAT2_X"], "flags", "OPEN_HOW_FLAGS", 2),
    (&["SYSCALL_OPENAT2_X"], "mode", "OPEN_HOW_MODE", 2),
    (&["SYSCALL_OPENAT2_X"], "resolve", "OPEN_HOW_RESOLVE", 2),
    (&["SYSCALL_OPEN_BY_HANDLE_AT_X"], "flags", "OPEN_FLAGS", 2),
    (&["SYSCALL_OPEN_BY_HANDLE_AT_X"], "path", "FD_PATH", 0),
    (&["SYSCALL_CREAT_X"], "mode", "CREAT_MODE", 1),
    (&["SYSCALL_CREAT_X"], "creat_flags", "CREAT_LAYER", 0),
    (&["SYSCALL_OPEN", "SYSCALL_CREAT_X"], "dev", "FD_DEV", 0),
    (&["SYSCALL_OPEN", "SYSCALL_CREAT_X"], "ino", "FD_INO", 0),
    (&["SYSCALL_READ_X", "SYSCALL_PREAD_X"], "data", "READ_DATA", 1),
    (&["SYSCALL_WRITE_X", "SYSCALL_PWRITE_X"], "data", "WRITE_DATA", 1),
    (&["SOCKET_SENDTO_X", "SOCKET_SEND_X"], "data", "WRITE_DATA", 1),
    (&["SOCKET_RECVFROM_X", "SOCKET_RECV_X"], "data", "READ_DATA", 1),
    (&READS_OF_VECTORS, "data", "IOV_IN", 1),
    (&WRITES_OF_VECTORS, "data", "IOV_OUT", 1),
    (&READS_OF_VECTORS, "size", "RET_SIZE", 0),
    (&["SOCKET_RECVMSG_X"], "size", "RET_SIZE", 0),
    (&WRITES_OF_VECTORS, "size", "IOV_SIZE", 1),
    (&["SYSCALL_GETCWD_X"], "path", "CWD", 0),
    (&["SYSCALL_MOUNT_X"], "flags", "MOUNT_FLAGS", 3),
    (&["SYSCALL_PIPE_X", "SYSCALL_PIPE2_X"], "ino", "PIPE_INO", 0),
    (&["SOCKET_SOCKETPAIR_X"], "source", "PAIR_SOURCE", 3),
    (&["SOCKET_SOCKETPAIR_X"], "peer", "PAIR_PEER", 3),
    (&["SYSCALL_PTRACE_X"], "addr", "PTRACE_ADDR", 2),
    (&["SYSCALL_PTRACE_X"], "data", "PTRACE_DATA", 3),
    (&["SYSCALL_PTRACE_X"], "request", "PTRACE_REQUEST", 0),
    (&["SYSCALL_PRCTL_X"], "arg2_str", "PRCTL_STR", 1),
    (&["SYSCALL_PRCTL_X"], "arg2_int", "PRCTL_INT", 1),
    (&["SYSCALL_FUTEX_X"], "op", "FUTEX_OP", 1),
    (&["SYSCALL_NANOSLEEP_X"], "interval", "TIMESPEC", 0),
    (&["GENERIC_X"], "ID", "SYSCALL_CODE", 0),
    (&["GENERIC_X"], "nativeID", "SYSCALL_NUMBER", 0),
    (&["SOCKET_SOCKET_X"], "domain", "FAMILY", 0),
    (&["SOCKET_BIND_X"], "addr", "SOCKADDR", 1),
    (&["SOCKET_CONNECT_X"], "addr", "SOCKADDR", 1),
    (&["SOCKET_CONNECT_X"], "tuple", "TUPLE_CONNECT", 0),
    (&["SOCKET_ACCEPT_5_X", "SOCKET_ACCEPT4_6_X"], "tuple", "TUPLE_ACCEPT", 0),
    (&["SOCKET_ACCEPT_5_X", "SOCKET_ACCEPT4_6_X"], "queuepct", "QUEUE_PCT", 0),
    (&["SOCKET_ACCEPT_5_X", "SOCKET_ACCEPT4_6_X"], "queuelen", "QUEUE_LEN", 0),
    (&["SOCKET_ACCEPT_5_X", "SOCKET_ACCEPT4_6_X"], "queuemax", "QUEUE_MAX", 0),
    (&["SOCKET_SENDTO_X"], "tuple", "TUPLE_OUT", 4),
    (&["SOCKET_SEND_X"], "tuple", "TUPLE_OUT", 7),
    (&["SOCKET_RECVFROM_X"], "tuple", "TUPLE_IN", 4),
    (&["SOCKET_RECV_X"], "tuple", "TUPLE_IN", 7),
    (&["SOCKET_SENDMSG_X"], "data", "MSG_OUT", 1),
    (&["SOCKET_SENDMSG_X"], "size", "MSG_SIZE", 1),
    (&["SOCKET_SENDMSG_X"], "tuple", "MSG_TUPLE_OUT", 1),
    (&["SOCKET_RECVMSG_X"], "data", "MSG_IN", 1),
    (&["SOCKET_RECVMSG_X"], "tuple", "MSG_TUPLE_IN", 1),
    (&["TASK_RENAME_X"], "comm", "EXEC_FILENAME", 0),
    (&["PROCEXIT_1_E"], "status", "EXIT_STATUS", 0),
    (&["PROCEXIT_1_E"], "ret", "EXIT_RET", 0),
    (&["PROCEXIT_1_E"], "sig", "EXIT_SIG", 0),
    (&["PROCEXIT_1_E"], "core", "EXIT_CORE", 0),
    (&["PROCEXIT_1_E"], "reaper_tid", "EXIT_REAPER", 0),
    (&["SYSCALL_PIPE_X", "SYSCALL_PIPE2_X"], "fd1", "USER_FD", 0),
    (&["SYSCALL_PIPE_X", "SYSCALL_PIPE2_X"], "fd2", "USER_FD", SECOND),
    (&["SYSCALL_PIPE2_X"], "flags", "PIPE_FLAGS", 1),
    (&["SOCKET_SOCKETPAIR_X"], "fd1", "USER_FD", 3),
    (&["SOCKET_SOCKETPAIR_X"], "fd2", "USER_FD", 3 + SECOND),
    (&["SYSCALL_GETRLIMIT_X"], "cur", "RLIMIT_GOT", 1),
    (&["SYSCALL_GETRLIMIT_X"], "max", "RLIMIT_GOT", 1 + SECOND),
    (&["SYSCALL_SETRLIMIT_X"], "cur", "RLIMIT_GIVEN", 1),
    (&["SYSCALL_SETRLIMIT_X"], "max", "RLIMIT_GIVEN", 1 + SECOND),
    (&["SYSCALL_PRLIMIT_X"], "newcur", "RLIMIT_GIVEN", 2),
    (&["SYSCALL_PRLIMIT_X"], "newmax", "RLIMIT_GIVEN", 2 + SECOND),
    (&["SYSCALL_PRLIMIT_X"], "oldcur", "RLIMIT_GOT", 3),
    (&["SYSCALL_PRLIMIT_X"], "oldmax", "RLIMIT_GOT", 3 + SECOND),
    (&["SOCKET_SENDMMSG_X"], "data", "MSG_OUT", 1),
    (&["SOCKET_SENDMMSG_X"], "size", "MSG_SIZE", 1),
    (&["SOCKET_SENDMMSG_X"], "tuple", "MSG_TUPLE_OUT", 1),
    (&["SOCKET_RECVMMSG_X"], "data", "MSG_IN", 1),
    (&["SOCKET_RECVMMSG_X"], "size", "RET_SIZE", 0),
    (&["SOCKET_RECVMMSG_X"], "tuple", "MSG_TUPLE_IN", 1),
    (&["SOCKET_RECVMSG_X", "SOCKET_RECVMMSG_X"], "msgcontrol", "MSG_CONTROL", 1),
    (&["SOCKET_SETSOCKOPT_X", "SOCKET_GETSOCKOPT_X"], "optname", "OPT_NAME", 2),
    (&["SOCKET_SETSOCKOPT_X", "SOCKET_GETSOCKOPT_X"], "val", "OPT_VALUE", 3),
    (&["SOCKET_SETSOCKOPT_X", "SOCKET_GETSOCKOPT_X"], "optlen", "OPT_LEN", 4),
    (&["SYSCALL_PROCESS_VM_READV_X", "SYSCALL_PROCESS_VM_WRITEV_X"], "data", "IOV_IN", 1),
    (&["SYSCALL_POLL_X", "SYSCALL_PPOLL_X"], "fds", "POLL_FDS", 0),
    (&["SYSCALL_PPOLL_X"], "timeout", "TIMESPEC", 2),
    (&["SYSCALL_SEMOP_X"], "sem_num_0", "SEMBUF", 0),
    (&["SYSCALL_SEMOP_X"], "sem_op_0", "SEMBUF", 1),
    (&["SYSCALL_SEMOP_X"], "sem_flg_0", "SEMBUF", 2),
    (&["SYSCALL_SEMOP_X"], "sem_num_1", "SEMBUF", 3),
    (&["SYSCALL_SEMOP_X"], "sem_op_1", "SEMBUF", 4),
    (&["SYSCALL_SEMOP_X"], "sem_flg_1", "SEMBUF", 5),
    (&["SYSCALL_SEMCTL_X"], "cmd", "SEM_COMMAND", 2),
    (&["SYSCALL_SEMCTL_X"], "val", "SEM_VALUE", 3),
    (&["SYSCALL_IO_URING_SETUP_X"], "sq_entries", "URING_PARAM", 0),
    (&["SYSCALL_IO_URING_SETUP_X"], "cq_entries", "URING_PARAM", 1),
    (&["SYSCALL_IO_URING_SETUP_X"], "flags", "URING_PARAM", 2),
    (&["SYSCALL_IO_URING_SETUP_X"], "sq_thread_cpu", "URING_PARAM", 3),
    (&["SYSCALL_IO_URING_SETUP_X"], "sq_thread_idle", "URING_PARAM", 4),
    (&["SYSCALL_IO_URING_SETUP_X"], "features", "URING_PARAM", 5),
    (&["SYSCALL_LLSEEK_X"], "offset", "LONG_OFFSET", 1),
    (&["SYSCALL_MKNOD_X"], "mode", "NODE_MODE", 1),
    (&["SYSCALL_MKNODAT_X"], "mode", "NODE_MODE", 2),
    (&["SYSCALL_MKDIR_2_X"], "mode", "DIRECTORY_MODE", 1),
    (&["SYSCALL_MKDIRAT_X"], "mode", "DIRECTORY_MODE", 2),
    (&["SYSCALL_MQ_OPEN_X"], "mode", "QUEUE_MODE", 1),
    (&["SYSCALL_INIT_MODULE_X"], "img", "MODULE_IMAGE", 0),
    (&["SYSCALL_FSCONFIG_X"], "value_bytebuf", "FS_BYTES", 3),
    (&["SYSCALL_FSCONFIG_X"], "value_charbuf", "FS_TEXT", 3),
    (&["SYSCALL_FSMOUNT_X"], "dev", "MOUNTED_DEV", RESULT),
    (&["SYSCALL_FSMOUNT_X"], "type", "MOUNTED_TYPE", RESULT),
    (&["SYSCALL_MOVE_MOUNT_X"], "type", "MOUNTED_TYPE", 0),
    (&ATTRS, "attr_set", "ATTR_SET", 3),
    (&ATTRS, "attr_clr", "ATTR_CLR", 3),
    (&ATTRS, "propagation", "ATTR_PROPAGATION", 3),
    (&["SYSCALL_SETXATTRAT_X"], "value", "XATTR_ARGS_VALUE", 4),
    (&["SYSCALL_SETXATTRAT_X"], "flags", "XATTR_ARGS_FLAGS", 4),
    (&["SYSCALL_SETXATTR_X", "SYSCALL_LSETXATTR_X", "SYSCALL_FSETXATTR_X"], "value", "XATTR_VALUE", 2),
    (&["SYSCALL_KEYCTL_X"], "arg2", "KEY_ARG", 1),
    (&["SYSCALL_KEYCTL_X"], "arg3", "KEY_ARG", 2),
    (&["SYSCALL_KEYCTL_X"], "arg4", "KEY_ARG", 3),
    (&["SYSCALL_KEYCTL_X"], "arg5", "KEY_ARG", 4),
    (&["SYSCALL_QUOTACTL_X"], "quotafilepath", "QUOTA_FILE", 3),
    (&["SYSCALL_QUOTACTL_X"], "dqb_bhardlimit", "DQBLK", 0),
    (&["SYSCALL_QUOTACTL_X"], "dqb_bsoftlimit", "DQBLK", 1),
    (&["SYSCALL_QUOTACTL_X"], "dqb_curspace", "DQBLK", 2),
    (&["SYSCALL_QUOTACTL_X"], "dqb_ihardlimit", "DQBLK", 3),
    (&["SYSCALL_QUOTACTL_X"], "dqb_isoftlimit", "DQBLK", 4),
    (&["SYSCALL_QUOTACTL_X"], "dqb_btime", "DQBLK", 6),
    (&["SYSCALL_QUOTACTL_X"], "dqb_itime", "DQBLK", 7),
    (&["SYSCALL_QUOTACTL_X"], "dqi_bgrace", "DQINFO", 0),
    (&["SYSCALL_QUOTACTL_X"], "dqi_igrace", "DQINFO", 1),
    (&["SYSCALL_QUOTACTL_X"], "dqi_flags", "DQINFO", 2),
    (&["SYSCALL_QUOTACTL_X"], "quota_fmt_out", "QUOTA_FMT_OUT", 3),
    (&["SYSCALL_QUOTACTL_X"], "cmd", "QUOTA_CMD", 0),
    (&["SYSCALL_QUOTACTL_X"], "type", "QUOTA_TYPE", 0),
    (&["SYSCALL_QUOTACTL_X"], "id", "QUOTA_ID", 2),
    (&["SYSCALL_QUOTACTL_X"], "quota_fmt", "QUOTA_FMT", 2),
    (&LISTED, "ppid", "PARENT", 0),
    (&LISTED, "pgid", "PGID", 0),
    (&LISTED, "vpgid", "VPGID", 0),
    (&LISTED, "sid", "SID", 0),
    (&LISTED, "comm", "COMM", 0),
    (&LISTED, "argv", "ARGV", 0),
    (&LISTED, "exepath", "EXE_PATH", 0),
    (&LISTED, "flags", "EXE_FLAGS", 0),
    (&LISTED, "env", "ENVP", 0),
    (&LISTED, "cwd", "TASK_CWD", 0),
    (&LISTED, "fdlimit", "FDLIMIT", 0),
    (&LISTED, "euid", "EUID", 0),
    (&LISTED, "egid", "EGID", 0),
    (&LISTED, "cap_permitted", "CAP_PERMITTED", 0),
    (&LISTED, "cap_effective", "CAP_EFFECTIVE", 0),
    (&LISTED, "cap_inheritable", "CAP_INHERITABLE", 0),
    (&LISTED, "exe_ino_num", "EXE_INO", 0),
    (&LISTED, "exe_ino_ctime", "EXE_CTIME", 0),
    (&LISTED, "exe_ino_mtime", "EXE_MTIME", 0),
    (&LISTED, "vm_size", "VM_SIZE", 0),
    (&LISTED, "vm_rss", "VM_RSS", 0),
    (&LISTED, "vm_swap", "VM_SWAP", 0),
    (&LISTED, "pgft_maj", "PGFT_MAJ", 0),
    (&LISTED, "pgft_min", "PGFT_MIN", 0),
    (&LISTED, "vtgid", "VPID", 0),
    (&LISTED, "vpid", "VTID", 0),
    (&LISTED, "pidns_init_start_ts", "PIDNS_START", 0),
    (&LISTED, "cgroups", "CGROUPS", 0),
    (&LISTED, "root", "TASK_ROOT", 0),
    (&LISTED, "start_time", "START", 0),
    (&LISTED, "tty", "TTY", 0),
    (&LISTED, "loginuid", "LOGINUID", 0),
];

/// Translations that no event's row names: name and pairs. Other values become 0.
pub(super) type Translation = (&'static str, &'static [(u64, u64)]);

/// The translations of an architecture.
pub(super) fn translations(arch: eyas_events::Arch) -> [Translation; 2] {
    let requests = match arch {
        eyas_events::Arch::X86_64 => PTRACE_REQUESTS,
        _ => PTRACE_REQUESTS_GENERIC,
    };
    [("PTRACE_REQUESTS", requests), ("SOCKET_OPTIONS", SOCKET_OPTIONS)]
}

const PTRACE_REQUESTS: &[(u64, u64)] = &[
    (0, 1),
    (1, 2),
    (2, 3),
    (3, 4),
    (4, 5),
    (5, 6),
    (6, 7),
    (7, 8),
    (8, 9),
    (9, 10),
    (12, 26),
    (13, 27),
    (14, 28),
    (15, 29),
    (16, 11),
    (17, 12),
    (18, 30),
    (19, 31),
    (21, 32),
    (24, 13),
    (25, 33),
    (26, 34),
    (30, 35),
    (31, 36),
    (32, 37),
    (33, 38),
    (0x4200, 14),
    (0x4201, 15),
    (0x4202, 16),
    (0x4203, 17),
    (0x4204, 18),
    (0x4205, 19),
    (0x4206, 20),
    (0x4207, 21),
    (0x4208, 22),
    (0x4209, 23),
    (0x420a, 24),
    (0x420b, 25),
];
const PTRACE_REQUESTS_GENERIC: &[(u64, u64)] = &[
    (0, 1),
    (1, 2),
    (2, 3),
    (3, 4),
    (4, 5),
    (5, 6),
    (6, 7),
    (7, 8),
    (8, 9),
    (9, 10),
    (16, 11),
    (17, 12),
    (24, 13),
    (0x4200, 14),
    (0x4201, 15),
    (0x4202, 16),
    (0x4203, 17),
    (0x4204, 18),
    (0x4205, 19),
    (0x4206, 20),
    (0x4207, 21),
    (0x4208, 22),
    (0x4209, 23),
    (0x420a, 24),
    (0x420b, 25),
];
const SOCKET_OPTIONS: &[(u64, u64)] = &[
    (1, 1),
    (2, 2),
    (3, 3),
    (4, 4),
    (5, 5),
    (6, 6),
    (7, 7),
    (8, 8),
    (9, 9),
    (10, 10),
    (11, 11),
    (12, 12),
    (13, 13),
    (14, 14),
    (15, 15),
    (16, 16),
    (17, 17),
    (18, 18),
    (19, 19),
    (20, 20),
    (21, 21),
    (22, 22),
    (23, 23),
    (24, 24),
    (25, 25),
    (26, 26),
    (27, 27),
    (28, 28),
    (29, 29),
    (30, 30),
    (31, 31),
    (32, 32),
    (33, 33),
    (34, 34),
    (35, 35),
    (36, 36),
    (37, 37),
    (38, 38),
    (39, 39),
    (40, 40),
    (41, 41),
    (42, 42),
    (43, 43),
    (44, 44),
    (45, 45),
    (46, 46),
    (47, 47),
    (48, 48),
    (49, 49),
    (50, 50),
    (55, 52),
    (57, 53),
    (59, 51),
    (66, 20),
    (67, 21),
];

/// The parameters that follow those of an event's row: operations and their arguments.
type ExtraParams = &'static [(&'static str, u8)];

/// Effective ids and capabilities after calls that change them, because arguments are ids of the caller's
/// user namespace; and the login user, whom a program sets by a write to a file in `/proc` before it changes its ids.
const CREDENTIALS: ExtraParams = &[
    ("EUID", 0),
    ("EGID", 0),
    ("CAP_INHERITABLE", 0),
    ("CAP_PERMITTED", 0),
    ("CAP_EFFECTIVE", 0),
    ("LOGINUID", 0),
];

/// Also the caller's directories, after calls that enter namespaces.
const DIRECTORIES_AND_CREDENTIALS: ExtraParams = &[
    ("PWD", 0),
    ("ROOT", 0),
    CREDENTIALS[0],
    CREDENTIALS[1],
    CREDENTIALS[2],
    CREDENTIALS[3],
    CREDENTIALS[4],
    CREDENTIALS[5],
];

/// Operations, with their arguments, for parameters after those of the event's row. Falco's schema lacks
/// them, so captures store them in options. Those of [`eyas_events::EventType::kernel_paths`] come first.
pub(super) fn extra_params(event: &EventInfo) -> ExtraParams {
    let families = [of_opened_files, of_sockets, of_descriptors, of_entries, of_mounts, of_processes];
    match families.iter().find_map(|family| family(event.ident)) {
        Some(params) => params,
        None if event.ty.changes_credentials() => CREDENTIALS,
        None => &[],
    }
}

fn of_opened_files(ident: &str) -> Option<ExtraParams> {
    Some(match ident {
        // The path of the opened file, which may differ from the requested one; whether it is a directory
        // without `O_DIRECTORY`; and the terminal that the caller may have got.
        "SYSCALL_OPEN_X" => &[("FD_PATH", 0), ("FD_DIR", 1), ("TERMINAL", 0)],
        "SYSCALL_OPENAT_2_X" | "SYSCALL_OPENAT2_X" => &[("FD_PATH", 0), ("FD_DIR", 2), ("TERMINAL", 0)],
        "SYSCALL_OPEN_TREE_X" | "SYSCALL_OPEN_TREE_ATTR_X" => &[("FD_PATH", 0), ("FD_DIR", NOTHING)],
        "SYSCALL_CREAT_X" => &[("FD_PATH", 0)],
        "SYSCALL_OPEN_BY_HANDLE_AT_X" => &[("TERMINAL", 0)],
        _ => return None,
    })
}

fn of_sockets(ident: &str) -> Option<ExtraParams> {
    Some(match ident {
        "SOCKET_BIND_X" => &[("PORT_CHOSEN", 1)],
        // The address that the socket listens at; the kernel chooses a port for one that was never bound.
        "SOCKET_LISTEN_X" => &[("SOCKADDR", 1)],
        // The received descriptors of the message.
        "SOCKET_RECVMSG_X" | "SOCKET_RECVMMSG_X" => &[("RIGHTS", 1)],
        // The inode identifies a socket that another process gets with a message.
        "SOCKET_SOCKET_X" | "SOCKET_ACCEPT_5_X" | "SOCKET_ACCEPT4_6_X" => &[("MADE", 0), ("FD_INO", 0)],
        "SOCKET_SOCKETPAIR_X" => const { &[("PIPE_INO", 3), ("PIPE_INO", 3 + SECOND)] },
        _ => return None,
    })
}

fn of_descriptors(ident: &str) -> Option<ExtraParams> {
    Some(match ident {
        // Describes the new descriptor: a descriptor number of another process, or an id of the caller's namespace, is ambiguous.
        // So is the kind of file that `ioctl`, `bpf` and the like make, if any.
        "SYSCALL_CLONE_20_X"
        | "SYSCALL_CLONE3_X"
        | "SYSCALL_PIDFD_OPEN_X"
        | "SYSCALL_PIDFD_GETFD_X"
        | "SYSCALL_EVENTFD_X"
        | "SYSCALL_EVENTFD2_X"
        | "SYSCALL_SIGNALFD_X"
        | "SYSCALL_SIGNALFD4_X"
        | "SYSCALL_INOTIFY_INIT_X"
        | "SYSCALL_INOTIFY_INIT1_X"
        | "SYSCALL_EPOLL_CREATE_X"
        | "SYSCALL_EPOLL_CREATE1_X"
        | "SYSCALL_USERFAULTFD_X"
        | "SYSCALL_IO_URING_SETUP_X"
        | "SYSCALL_MEMFD_CREATE_X"
        | "SYSCALL_MEMFD_SECRET_X"
        | "SYSCALL_BPF_2_X"
        | "SYSCALL_FANOTIFY_INIT_X"
        | "SYSCALL_PERF_EVENT_OPEN_X"
        | "SYSCALL_LANDLOCK_CREATE_RULESET_X"
        | "SYSCALL_MQ_OPEN_X"
        | "SYSCALL_FSOPEN_X"
        | "SYSCALL_SECCOMP_X"
        | "SOCKET_GETSOCKOPT_X" => &[("MADE", 0)],
        "SYSCALL_IOCTL_3_X" => &[("TERMINAL", 0), ("MADE", 0)],
        // Whether an exec leaves the timer open.
        "SYSCALL_TIMERFD_CREATE_X" => &[("INHERITED", 1), ("MADE", 0)],
        _ => return None,
    })
}

/// Of calls that work on directory entries, or on their files, through paths.
fn of_entries(ident: &str) -> Option<ExtraParams> {
    Some(match ident {
        "SYSCALL_MKDIR_2_X" | "SYSCALL_MKNOD_X" => &[("ENTRY_MADE", 0)],
        "SYSCALL_MKDIRAT_X" | "SYSCALL_MKNODAT_X" => const { &[("ENTRY_MADE", below(0, 1))] },
        "SYSCALL_SYMLINK_X" => &[("ENTRY_MADE", 1)],
        "SYSCALL_SYMLINKAT_X" => const { &[("ENTRY_MADE", below(1, 2))] },
        "SYSCALL_RMDIR_2_X" | "SYSCALL_UNLINK_2_X" => &[("ENTRY_REMOVED", 0)],
        "SYSCALL_UNLINKAT_2_X" => const { &[("ENTRY_REMOVED", below(0, 1))] },
        "SYSCALL_LINK_2_X" => &[("ENTRY_LINKED", 0), ("ENTRY_LINK", 1)],
        "SYSCALL_LINKAT_2_X" => const { &[("ENTRY_LINKED", below(0, 1)), ("ENTRY_LINK", below(2, 3))] },
        "SYSCALL_RENAME_X" => &[("ENTRY_RENAMED", 0), ("ENTRY_NEW_NAME", 1)],
        "SYSCALL_RENAMEAT_X" | "SYSCALL_RENAMEAT2_X" => {
            const { &[("ENTRY_RENAMED", below(0, 1)), ("ENTRY_NEW_NAME", below(2, 3))] }
        }
        "SYSCALL_CHMOD_X"
        | "SYSCALL_CHOWN_X"
        | "SYSCALL_LCHOWN_X"
        | "SYSCALL_TRUNCATE_X"
        | "SYSCALL_SETXATTR_X"
        | "SYSCALL_LSETXATTR_X"
        | "SYSCALL_REMOVEXATTR_X"
        | "SYSCALL_LREMOVEXATTR_X" => &[("ENTRY_CHANGED", 0)],
        "SYSCALL_FCHMODAT_X" | "SYSCALL_SETXATTRAT_X" | "SYSCALL_REMOVEXATTRAT_X" => {
            const { &[("ENTRY_CHANGED", below(0, 1))] }
        }
        // With an empty path, they change the file of the descriptor.
        "SYSCALL_FCHMODAT2_X" | "SYSCALL_FCHOWNAT_X" => {
            const { &[("ENTRY_CHANGED", below(0, 1)), ("PLAIN_PATH", 0)] }
        }
        "SYSCALL_GETXATTR_X" | "SYSCALL_LGETXATTR_X" | "SYSCALL_LISTXATTR_X" | "SYSCALL_LLISTXATTR_X" => {
            &[("ENTRY_READ", 0)]
        }
        "SYSCALL_GETXATTRAT_X" | "SYSCALL_LISTXATTRAT_X" => const { &[("ENTRY_READ", below(0, 1))] },
        // These are so frequent that they get only the path that a hook has kept.
        "SYSCALL_STAT_X" | "SYSCALL_LSTAT_X" => &[("ENTRY_LOOKED_AT", 0)],
        "SYSCALL_NEWFSTATAT_X" | "SYSCALL_STATX_X" => const { &[("ENTRY_LOOKED_AT", below(0, 1))] },
        _ => return None,
    })
}

fn of_mounts(ident: &str) -> Option<ExtraParams> {
    Some(match ident {
        "SYSCALL_FSMOUNT_X" => &[("FD_INO", 0)],
        "SYSCALL_MOVE_MOUNT_X" => {
            const { &[("ENTRY_GIVEN", below(0, 1)), ("ENTRY_MOUNTED", below(2, 3)), ("PWD", 0), ("ROOT", 0)] }
        }
        "SYSCALL_FSPICK_X" => const { &[("ENTRY_GIVEN", below(0, 1)), ("MADE", 0)] },
        "SYSCALL_MOUNT_SETATTR_X" => const { &[("ENTRY_GIVEN", below(0, 1))] },
        "SYSCALL_QUOTACTL_X" => &[("ENTRY_GIVEN", 1)],
        // The directories of the caller may be in the mount that is moved.
        "SYSCALL_MOUNT_X" => &[("ENTRY_SOURCE", 0), ("ENTRY_MOUNTED", 1), ("PWD", 0), ("ROOT", 0)],
        "SYSCALL_UMOUNT_1_X" | "SYSCALL_UMOUNT2_X" => &[("ENTRY_UNMOUNTED", 0), ("PWD", 0), ("ROOT", 0)],
        _ => return None,
    })
}

/// Of calls that change the caller's program, directories or namespaces, and of threads in the snapshot.
fn of_processes(ident: &str) -> Option<ExtraParams> {
    Some(match ident {
        // The previous id of the thread, if it changed.
        "SYSCALL_EXECVE_19_X" | "SYSCALL_EXECVEAT_X" => &[("PWD", 0), ("EXEC_TID", 0), ("MADE", 0)],
        "SYSCALL_PIVOT_ROOT_X" => &[("PWD", 0), ("ROOT", 0)],
        "SYSCALL_CHDIR_X" | "SYSCALL_FCHDIR_X" | "SYSCALL_GETCWD_X" => &[("PWD", 0)],
        "SYSCALL_FCHMOD_X" | "SYSCALL_FCHOWN_X" => &[("PLAIN_PATH", 0)],
        "SYSCALL_CHROOT_X" => &[("ROOT", 0)],
        "SYSCALL_SETNS_X" | "SYSCALL_UNSHARE_X" => DIRECTORIES_AND_CREDENTIALS,
        // The network namespace's inode, and the gaps.
        "ITER_TASK_E" => &[("NET", 0), ("GAPS", 0)],
        _ => return None,
    })
}

/// Argument of an operation on a path, `path`, that begins at a directory's descriptor, `dirfd`, if it is relative.
const fn below(dirfd: u8, path: u8) -> u8 {
    path | (dirfd + 1) << 3
}

/// Whether the event's call works on directory entries, or on their files, through its paths.
pub(super) fn has_entries(event: &EventInfo) -> bool {
    extra_params(event).iter().any(|(op, _)| op.starts_with("ENTRY_"))
}
