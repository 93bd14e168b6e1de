//! The tables of events and system calls as C, for the probe.

use std::collections::BTreeMap;
use std::fmt::Write;

use eyas_events::{Arch, EventType, FlagMap, FlagMapKind, Op, ParamInfo, SyscallFlags, events, syscalls};

/// System call numbers that the probe knows.
const NUMBERS: usize = 512;

/// Operations beyond those of the event table: parameters that take more than an argument. By name of
/// the parameter, in the events whose names begin with one of those given.
const TASK: [&str; 6] = [
    "SYSCALL_CLONE",
    "SYSCALL_FORK",
    "SYSCALL_VFORK",
    "SYSCALL_EXECVE_19_X",
    "SYSCALL_EXECVEAT_X",
    "SYSCALL_CLONE3_X",
];
const MEMORY: [&str; 4] = ["SYSCALL_BRK_4_X", "SYSCALL_MMAP_X", "SYSCALL_MMAP2_X", "SYSCALL_MUNMAP_X"];
const CUSTOM: &[(&[&str], &str, &str, u8)] = &[
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
    (&TASK, "res", "RET", 0),
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
    (&["SYSCALL_READV_X", "SYSCALL_PREADV_X"], "data", "IOV_IN", 1),
    (&["SYSCALL_WRITEV_X", "SYSCALL_PWRITEV_X"], "data", "IOV_OUT", 1),
    (&["SYSCALL_READV_X", "SYSCALL_PREADV_X", "SOCKET_RECVMSG_X"], "size", "RET_SIZE", 0),
    (&["SYSCALL_WRITEV_X", "SYSCALL_PWRITEV_X"], "size", "IOV_SIZE", 1),
    (&["SYSCALL_GETCWD_X"], "path", "CWD", 0),
    (&["SYSCALL_MOUNT_X"], "type", "USER_STR", 2),
    (&["SYSCALL_MOUNT_X"], "flags", "MOUNT_FLAGS", 3),
    (&["SYSCALL_PIPE_X", "SYSCALL_PIPE2_X"], "fd1", "USER_FD", 0),
    (&["SYSCALL_PIPE_X", "SYSCALL_PIPE2_X"], "fd2", "USER_FD_SECOND", 0),
    (&["SYSCALL_PIPE_X", "SYSCALL_PIPE2_X"], "ino", "PIPE_INO", 0),
    (&["SOCKET_SOCKETPAIR_X"], "fd1", "USER_FD", 3),
    (&["SOCKET_SOCKETPAIR_X"], "fd2", "USER_FD_SECOND", 3),
    (&["SOCKET_SOCKETPAIR_X"], "source", "PAIR_SOURCE", 3),
    (&["SOCKET_SOCKETPAIR_X"], "peer", "PAIR_PEER", 3),
    (&["SYSCALL_PTRACE_X"], "addr", "PTRACE_ADDR", 2),
    (&["SYSCALL_PTRACE_X"], "data", "PTRACE_DATA", 3),
    (&["SYSCALL_PTRACE_X"], "request", "PTRACE_REQUEST", 0),
    (&["SYSCALL_PRCTL_X"], "arg2_str", "PRCTL_STR", 1),
    (&["SYSCALL_PRCTL_X"], "arg2_int", "PRCTL_INT", 1),
    (&["SYSCALL_FUTEX_X"], "op", "FUTEX_OP", 1),
    (&["SYSCALL_GETRLIMIT_X"], "cur", "RLIMIT_CUR", 1),
    (&["SYSCALL_GETRLIMIT_X"], "max", "RLIMIT_MAX", 1),
    (&["SYSCALL_SETRLIMIT_X"], "cur", "RLIMIT_CUR", 1),
    (&["SYSCALL_SETRLIMIT_X"], "max", "RLIMIT_MAX", 1),
    (&["SYSCALL_PRLIMIT_X"], "newcur", "RLIMIT_CUR", 2),
    (&["SYSCALL_PRLIMIT_X"], "newmax", "RLIMIT_MAX", 2),
    (&["SYSCALL_PRLIMIT_X"], "oldcur", "RLIMIT_CUR", 3),
    (&["SYSCALL_PRLIMIT_X"], "oldmax", "RLIMIT_MAX", 3),
    (&["SYSCALL_NANOSLEEP_X"], "interval", "TIMESPEC", 0),
    (&["GENERIC_X"], "ID", "SYSCALL_CODE", 0),
    (&["GENERIC_X"], "nativeID", "SYSCALL_NUMBER", 0),
    (&["SOCKET_BIND_X"], "addr", "SOCKADDR", 1),
    (&["SOCKET_CONNECT_X"], "addr", "SOCKADDR", 1),
    (&["SOCKET_CONNECT_X"], "tuple", "TUPLE_CONNECT", 0),
    (&["SOCKET_ACCEPT_5_X", "SOCKET_ACCEPT4_6_X"], "tuple", "TUPLE_ACCEPT", 0),
    (&["SOCKET_ACCEPT_5_X", "SOCKET_ACCEPT4_6_X"], "queuepct", "QUEUE_PCT", 0),
    (&["SOCKET_ACCEPT_5_X", "SOCKET_ACCEPT4_6_X"], "queuelen", "QUEUE_LEN", 0),
    (&["SOCKET_ACCEPT_5_X", "SOCKET_ACCEPT4_6_X"], "queuemax", "QUEUE_MAX", 0),
    (&["SOCKET_ACCEPT4_6_X"], "flags", "ACCEPT_FLAGS", 3),
    (&["SOCKET_SENDTO_X"], "tuple", "TUPLE_OUT", 4),
    (&["SOCKET_SEND_X"], "tuple", "TUPLE_OUT", 7),
    (&["SOCKET_RECVFROM_X"], "tuple", "TUPLE_IN", 4),
    (&["SOCKET_RECV_X"], "tuple", "TUPLE_IN", 7),
    (&["SOCKET_SENDMSG_X"], "data", "MSG_OUT", 1),
    (&["SOCKET_SENDMSG_X"], "size", "MSG_SIZE", 1),
    (&["SOCKET_SENDMSG_X"], "tuple", "MSG_TUPLE_OUT", 1),
    (&["SOCKET_RECVMSG_X"], "data", "MSG_IN", 1),
    (&["SOCKET_RECVMSG_X"], "tuple", "MSG_TUPLE_IN", 1),
    (&["SOCKET_RECVMSG_X"], "fd", "FD_ARG", 0),
    (&["SOCKET_SENDMMSG_X", "SOCKET_RECVMMSG_X"], "res", "RET", 0),
    (&["SOCKET_SETSOCKOPT_X", "SOCKET_GETSOCKOPT_X"], "optname", "FUTEX_OP", 2),
    (&["PROCEXIT_1_E"], "status", "EXIT_STATUS", 0),
    (&["PROCEXIT_1_E"], "ret", "EXIT_RET", 0),
    (&["PROCEXIT_1_E"], "sig", "EXIT_SIG", 0),
    (&["PROCEXIT_1_E"], "core", "EXIT_CORE", 0),
    (&["PROCEXIT_1_E"], "reaper_tid", "EXIT_REAPER", 0),
];

/// Translations that no event's row names.
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
];

/// Code of an operation in the header: those of the event table first, then ours.
fn op_codes() -> BTreeMap<&'static str, u8> {
    let mut codes = BTreeMap::new();
    let mut next = Op::ALL.iter().map(|(_, op)| *op as u8).max().unwrap_or(0) + 1;
    for (.., name, _) in CUSTOM {
        if *name == "RET" || *name == "USER_STR" || codes.contains_key(name) {
            continue;
        }
        codes.insert(*name, next);
        next += 1;
    }
    codes
}

fn describe(ident: &str, param: &ParamInfo, codes: &BTreeMap<&str, u8>) -> (u8, u8, u8) {
    let source = param.source;
    if source.op != Op::Custom {
        return (source.op as u8, source.arg, source.map.map_or(0, |map| map.0));
    }
    let name = param.name;
    let row = CUSTOM
        .iter()
        .find(|(events, param, ..)| *param == name && events.iter().any(|e| ident.starts_with(e)));
    match row {
        Some((.., "RET", _)) => (Op::Ret as u8, 0, 0),
        Some((.., "USER_STR", arg)) => (Op::UserStr as u8, *arg, 0),
        Some((.., op, arg)) => (codes[op], *arg, 0),
        // Nothing is known of it here: the parameter is empty.
        None => (Op::Empty as u8, 0, 0),
    }
}

/// The generated header.
pub fn header(arch: Arch) -> String {
    let codes = op_codes();
    let mut out = String::from("/* Generated from the event table. */\n#pragma once\n\n");
    // Writing to a String cannot fail.
    for (name, op) in Op::ALL {
        let _ = writeln!(out, "#define OP_{} {}", name.to_uppercase(), *op as u8);
    }
    for (name, code) in &codes {
        let _ = writeln!(out, "#define OP_X_{name} {code}");
    }
    let mut descs = Vec::new();
    let mut rows = vec![(0_usize, 0_usize); EventType::COUNT];
    for event in events() {
        let _ = writeln!(out, "#define EV_{} {}", event.ident, event.ty.0);
        rows[usize::from(event.ty.0)] = (descs.len(), event.params.len());
        for param in event.params {
            let (op, arg, map) = describe(event.ident, param, &codes);
            let size = param.ty.size().unwrap_or(0);
            descs.push(u32::from(op) | u32::from(arg) << 8 | (size as u32) << 16 | u32::from(map) << 24);
        }
    }
    let list = |values: &[String]| values.join(", ");
    let descs: Vec<String> = descs.iter().map(u32::to_string).collect();
    let _ = writeln!(out, "static const volatile __u32 descs[2048] = {{ {} }};", list(&descs));
    let rows: Vec<String> = rows.iter().map(|(first, n)| format!("{{ {first}, {n} }}")).collect();
    let _ = writeln!(out, "static const volatile struct event_row event_rows[512] = {{ {} }};", list(&rows));
    let mut calls = vec![(1_u16, 0_u16); NUMBERS];
    for info in syscalls() {
        let number = info.number(arch);
        if let Some(slot) = number.and_then(|n| calls.get_mut(usize::from(n))) {
            let used = info.flags.contains(SyscallFlags::USED);
            *slot = (if used { info.exit.0 } else { EventType::GENERIC_X.0 }, info.code.0);
        }
    }
    let calls: Vec<String> = calls.iter().map(|(ty, code)| format!("{{ {ty}, {code} }}")).collect();
    let _ = writeln!(
        out,
        "static const volatile struct syscall_row syscall_rows[{NUMBERS}] = {{ {} }};",
        list(&calls)
    );
    let ia32: Vec<String> = (0..NUMBERS)
        .map(|n| eyas_events::ia32_to_x86_64(n as u16).map_or(-1, i32::from).to_string())
        .collect();
    let _ = writeln!(out, "static const volatile __s16 ia32_numbers[{NUMBERS}] = {{ {} }};", list(&ia32));
    maps(&mut out);
    out
}

fn maps(out: &mut String) {
    let mut pairs: Vec<(u64, u64)> = Vec::new();
    let mut maps = Vec::new();
    for (name, kind, of, default) in FlagMap::ALL {
        let kind = match kind {
            FlagMapKind::Identity => 0,
            FlagMapKind::Bits => 1,
            FlagMapKind::Values => 2,
        };
        let _ = writeln!(out, "#define MAP_{name} {}", maps.len());
        maps.push(format!("{{ {}, {}, {kind}, {default} }}", pairs.len(), of.len()));
        pairs.extend_from_slice(of);
    }
    let _ = writeln!(out, "#define MAP_PTRACE_REQUESTS {}", maps.len());
    maps.push(format!("{{ {}, {}, 2, 0 }}", pairs.len(), PTRACE_REQUESTS.len()));
    pairs.extend_from_slice(PTRACE_REQUESTS);
    let pairs: Vec<String> = pairs.iter().map(|(from, to)| format!("{{ {from}ULL, {to}ULL }}")).collect();
    let _ = writeln!(
        out,
        "static const volatile struct flag_pair flag_pairs[1024] = {{ {} }};",
        pairs.join(", ")
    );
    let _ = writeln!(out, "static const volatile struct flag_map flag_maps[64] = {{ {} }};", maps.join(", "));
}
