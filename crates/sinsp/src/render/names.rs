//! Names of error numbers, signals and capabilities.

/// Names of error numbers from 1 on; empty if a number has no name.
const ERRNO: [&str; 133] = [
    "EPERM",
    "ENOENT",
    "ESRCH",
    "EINTR",
    "EIO",
    "ENXIO",
    "E2BIG",
    "ENOEXEC",
    "EBADF",
    "ECHILD",
    "EAGAIN",
    "ENOMEM",
    "EACCES",
    "EFAULT",
    "ENOTBLK",
    "EBUSY",
    "EEXIST",
    "EXDEV",
    "ENODEV",
    "ENOTDIR",
    "EISDIR",
    "EINVAL",
    "ENFILE",
    "EMFILE",
    "ENOTTY",
    "ETXTBSY",
    "EFBIG",
    "ENOSPC",
    "ESPIPE",
    "EROFS",
    "EMLINK",
    "EPIPE",
    "EDOM",
    "ERANGE",
    "EDEADLK",
    "ENAMETOOLONG",
    "ENOLCK",
    "ENOSYS",
    "ENOTEMPTY",
    "ELOOP",
    "",
    "ENOMSG",
    "EIDRM",
    "ECHRNG",
    "EL2NSYNC",
    "EL3HLT",
    "EL3RST",
    "ELNRNG",
    "EUNATCH",
    "ENOCSI",
    "EL2HLT",
    "EBADE",
    "EBADR",
    "EXFULL",
    "ENOANO",
    "EBADRQC",
    "EBADSLT",
    "",
    "EBFONT",
    "ENOSTR",
    "ENODATA",
    "ETIME",
    "ENOSR",
    "ENONET",
    "ENOPKG",
    "EREMOTE",
    "ENOLINK",
    "EADV",
    "ESRMNT",
    "ECOMM",
    "EPROTO",
    "EMULTIHOP",
    "EDOTDOT",
    "EBADMSG",
    "EOVERFLOW",
    "ENOTUNIQ",
    "EBADFD",
    "EREMCHG",
    "ELIBACC",
    "ELIBBAD",
    "ELIBSCN",
    "ELIBMAX",
    "ELIBEXEC",
    "EILSEQ",
    "ERESTART",
    "ESTRPIPE",
    "EUSERS",
    "ENOTSOCK",
    "EDESTADDRREQ",
    "EMSGSIZE",
    "EPROTOTYPE",
    "ENOPROTOOPT",
    "EPROTONOSUPPORT",
    "ESOCKTNOSUPPORT",
    "EOPNOTSUPP",
    "EPFNOSUPPORT",
    "EAFNOSUPPORT",
    "EADDRINUSE",
    "EADDRNOTAVAIL",
    "ENETDOWN",
    "ENETUNREACH",
    "ENETRESET",
    "ECONNABORTED",
    "ECONNRESET",
    "ENOBUFS",
    "EISCONN",
    "ENOTCONN",
    "ESHUTDOWN",
    "ETOOMANYREFS",
    "ETIMEDOUT",
    "ECONNREFUSED",
    "EHOSTDOWN",
    "EHOSTUNREACH",
    "EALREADY",
    "EINPROGRESS",
    "ESTALE",
    "EUCLEAN",
    "ENOTNAM",
    "ENAVAIL",
    "EISNAM",
    "EREMOTEIO",
    "EDQUOT",
    "ENOMEDIUM",
    "EMEDIUMTYPE",
    "ECANCELED",
    "ENOKEY",
    "EKEYEXPIRED",
    "EKEYREVOKED",
    "EKEYREJECTED",
    "EOWNERDEAD",
    "ENOTRECOVERABLE",
    "ERFKILL",
    "EHWPOISON",
];

/// Results inside the kernel that a probe sees, from 512 on.
const RESTART: [&str; 5] =
    ["ERESTARTSYS", "ERESTARTNOINTR", "ERESTARTNOHAND", "ENOIOCTLCMD", "ERESTART_RESTARTBLOCK"];

const SIGNALS: [&str; 31] = [
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
];

const CAPABILITIES: [&str; 41] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
];

/// Name of the error of a negative result.
pub(crate) fn errno(result: i64) -> Option<&'static str> {
    let number = usize::try_from(result.checked_neg()?).ok()?;
    let name = match number {
        1..=133 => ERRNO[number - 1],
        512.. => RESTART.get(number - 512).copied()?,
        _ => return None,
    };
    (!name.is_empty()).then_some(name)
}

/// Every name of an error.
pub(crate) fn errors() -> impl Iterator<Item = &'static str> {
    ERRNO.into_iter().chain(RESTART).filter(|name| !name.is_empty())
}

/// The negative result of the error with this name, such as -2 for `ENOENT`.
pub fn error_result(name: &str) -> Option<i64> {
    let plain = ERRNO.iter().zip(1..);
    let restart = RESTART.iter().zip(512..);
    plain.chain(restart).find(|(known, _)| **known == name && !name.is_empty()).map(|(_, number)| -number)
}

/// The number of the signal with this name, such as 9 for `SIGKILL`.
pub fn signal_number(name: &str) -> Option<u8> {
    SIGNALS.iter().zip(1..).find(|(known, _)| **known == name).map(|(_, number)| number)
}

/// Name of a signal.
pub(crate) fn signal(number: u64) -> Option<&'static str> {
    SIGNALS.get(usize::try_from(number.checked_sub(1)?).ok()?).copied()
}

/// The set with one capability, such as 1 for `CAP_CHOWN`.
pub fn capability(name: &str) -> Option<u64> {
    CAPABILITIES.iter().position(|known| *known == name).map(|bit| 1 << bit)
}

/// Names of the capabilities in a set.
pub(crate) fn capabilities(set: u64) -> impl Iterator<Item = &'static str> {
    CAPABILITIES.iter().enumerate().filter(move |(bit, _)| set & (1 << bit) != 0).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_names_are_found_by_number() {
        assert_eq!(errno(-1), Some("EPERM"));
        assert_eq!(errno(-115), Some("EINPROGRESS"));
        assert_eq!(errno(-133), Some("EHWPOISON"));
        assert_eq!(errno(-514), Some("ERESTARTNOHAND"));
        assert_eq!(errno(-41), None);
        assert_eq!(errno(i64::MIN), None);
        assert_eq!(errno(5), None);
        for name in ["EPERM", "EINPROGRESS", "EHWPOISON", "ERESTARTNOHAND"] {
            assert_eq!(error_result(name).and_then(errno), Some(name));
        }
        assert_eq!(error_result(""), None);
    }

    #[test]
    fn signals_and_capabilities_have_names() {
        assert_eq!(signal(9), Some("SIGKILL"));
        assert_eq!(signal_number("SIGKILL"), Some(9));
        assert_eq!(signal_number("SIGNOTHING"), None);
        assert_eq!(signal(0), None);
        assert_eq!(signal(64), None);
        assert_eq!(capability("CAP_CHECKPOINT_RESTORE"), Some(1 << 40));
        assert_eq!(capability("CHOWN"), None);
        assert_eq!(capabilities(1 | 1 << 40).collect::<Vec<_>>(), ["CAP_CHOWN", "CAP_CHECKPOINT_RESTORE"]);
    }
}
