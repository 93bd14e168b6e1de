//! `io_uring` requests: the corresponding call of each, and the places of the call's arguments in the
//! kernel's request.

use crate::SyscallCode;

/// Place of a call's argument in a request. Structures and members are the kernel's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgPlace {
    /// The descriptor that the request works on.
    Own,
    /// A number.
    Number(&'static str, &'static str),
    /// Flags of an open, without the flag for large files, which the kernel adds.
    OpenFlags(&'static str, &'static str),
    /// A file name, which the kernel has copied.
    Name(&'static str, &'static str),
    /// Another text that the kernel has copied.
    Text(&'static str, &'static str),
    /// The value of an attribute, which the kernel has copied; another member has its size.
    Value(&'static str, &'static str, &'static str),
    /// The address of a socket. Newer kernels have copied it beside the request; in older kernels a member
    /// has its user address, which is empty here if only newer kernels have the request. The last member
    /// has the length.
    Address(&'static str, &'static str, &'static str),
    /// The destination of a message: an address, if the request has one.
    Target,
    /// A descriptor, or a direct descriptor.
    Closed,
    /// A descriptor, or a direct descriptor if the flags say so.
    SpliceIn,
}

/// One row: a kind of request.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Number of the kind (`IORING_OP_*`).
    pub opcode: u8,
    /// Name in lower case, as in `io_uring.opcode`.
    pub name: &'static str,
    /// The corresponding call: `io_uring_enter` if there is none; `None` if the request is not reported.
    pub call: Option<SyscallCode>,
    /// Arguments of the call: their positions and places.
    pub args: &'static [(u8, ArgPlace)],
    /// The structure whose member `file_slot` has the table index of a descriptor that the request makes.
    pub makes: Option<&'static str>,
}

const fn unreported(opcode: u8, name: &'static str) -> Request {
    Request { opcode, name, call: None, args: &[], makes: None }
}

const fn request(
    opcode: u8,
    name: &'static str,
    call: SyscallCode,
    args: &'static [(u8, ArgPlace)],
) -> Request {
    Request { opcode, name, call: Some(call), args, makes: None }
}

const fn making(
    opcode: u8,
    name: &'static str,
    call: SyscallCode,
    args: &'static [(u8, ArgPlace)],
    of: &'static str,
) -> Request {
    Request { opcode, name, call: Some(call), args, makes: Some(of) }
}

const OWN: (u8, ArgPlace) = (0, ArgPlace::Own);

const fn number(at: u8, of: &'static str, member: &'static str) -> (u8, ArgPlace) {
    (at, ArgPlace::Number(of, member))
}

const fn name(at: u8, of: &'static str, member: &'static str) -> (u8, ArgPlace) {
    (at, ArgPlace::Name(of, member))
}

use SyscallCode as C;

/// Places of buffer and length of reads and writes.
const BUFFER: &[(u8, ArgPlace)] = &[OWN, number(1, "io_rw", "addr"), number(2, "io_rw", "len")];
const SENT: &[(u8, ArgPlace)] = &[
    OWN,
    number(1, "io_sr_msg", "buf"),
    number(2, "io_sr_msg", "len"),
    number(3, "io_sr_msg", "msg_flags"),
    (4, ArgPlace::Target),
];
const RECEIVED: &[(u8, ArgPlace)] =
    &[OWN, number(1, "io_sr_msg", "buf"), number(2, "io_sr_msg", "len"), number(3, "io_sr_msg", "msg_flags")];
const MESSAGE: &[(u8, ArgPlace)] =
    &[OWN, number(1, "io_sr_msg", "umsg"), number(2, "io_sr_msg", "msg_flags")];
const LINK: &[(u8, ArgPlace)] = &[
    number(0, "io_link", "old_dfd"),
    name(1, "io_link", "oldpath"),
    number(2, "io_link", "new_dfd"),
    name(3, "io_link", "newpath"),
    number(4, "io_link", "flags"),
];
const SET_ATTRIBUTE: [(u8, ArgPlace); 3] = [
    (1, ArgPlace::Text("io_xattr", "ctx.kname")),
    (2, ArgPlace::Value("io_xattr", "ctx.kvalue", "ctx.size")),
    number(4, "io_xattr", "ctx.flags"),
];
const ATTRIBUTE: (u8, ArgPlace) = (1, ArgPlace::Text("io_xattr", "ctx.kname"));
const PATH: (u8, ArgPlace) = name(0, "io_xattr", "filename");

const REQUESTS: &[Request] = &[
    unreported(0, "nop"),
    request(1, "readv", C::READV, BUFFER),
    request(2, "writev", C::WRITEV, BUFFER),
    request(3, "fsync", C::FSYNC, &[OWN]),
    request(4, "read_fixed", C::READ, BUFFER),
    request(5, "write_fixed", C::WRITE, BUFFER),
    unreported(6, "poll_add"),
    unreported(7, "poll_remove"),
    request(8, "sync_file_range", C::SYNC_FILE_RANGE, &[OWN]),
    request(9, "sendmsg", C::SENDMSG, MESSAGE),
    request(10, "recvmsg", C::RECVMSG, MESSAGE),
    unreported(11, "timeout"),
    unreported(12, "timeout_remove"),
    making(13, "accept", C::ACCEPT4, &[OWN, number(3, "io_accept", "flags")], "io_accept"),
    unreported(14, "async_cancel"),
    unreported(15, "link_timeout"),
    request(16, "connect", C::CONNECT, &[OWN, (1, ArgPlace::Address("io_connect", "addr", "addr_len"))]),
    request(17, "fallocate", C::FALLOCATE, &[OWN]),
    making(
        18,
        "openat",
        C::OPENAT,
        &[
            number(0, "io_open", "dfd"),
            name(1, "io_open", "filename"),
            (2, ArgPlace::OpenFlags("io_open", "how.flags")),
            number(3, "io_open", "how.mode"),
        ],
        "io_open",
    ),
    request(19, "close", C::CLOSE, &[(0, ArgPlace::Closed)]),
    unreported(20, "files_update"),
    request(
        21,
        "statx",
        C::STATX,
        &[
            number(0, "io_statx", "dfd"),
            name(1, "io_statx", "filename"),
            number(2, "io_statx", "flags"),
            number(3, "io_statx", "mask"),
        ],
    ),
    request(22, "read", C::READ, BUFFER),
    request(23, "write", C::WRITE, BUFFER),
    request(24, "fadvise", C::FADVISE64, &[OWN]),
    request(25, "madvise", C::MADVISE, &[]),
    request(26, "send", C::SENDTO, SENT),
    request(27, "recv", C::RECVFROM, RECEIVED),
    making(
        28,
        "openat2",
        C::OPENAT2,
        &[
            number(0, "io_open", "dfd"),
            name(1, "io_open", "filename"),
            (2, ArgPlace::OpenFlags("io_open", "how.flags")),
            number(3, "io_open", "how.mode"),
            number(4, "io_open", "how.resolve"),
        ],
        "io_open",
    ),
    request(29, "epoll_ctl", C::EPOLL_CTL, &[]),
    request(
        30,
        "splice",
        C::SPLICE,
        &[
            (0, ArgPlace::SpliceIn),
            number(1, "io_splice", "off_in"),
            (2, ArgPlace::Own),
            number(3, "io_splice", "off_out"),
            number(4, "io_splice", "len"),
            number(5, "io_splice", "flags"),
        ],
    ),
    unreported(31, "provide_buffers"),
    unreported(32, "remove_buffers"),
    request(33, "tee", C::TEE, &[(0, ArgPlace::SpliceIn), (1, ArgPlace::Own)]),
    request(34, "shutdown", C::SHUTDOWN, &[OWN, number(1, "io_shutdown", "how")]),
    request(
        35,
        "renameat",
        C::RENAMEAT2,
        &[
            number(0, "io_rename", "old_dfd"),
            name(1, "io_rename", "oldpath"),
            number(2, "io_rename", "new_dfd"),
            name(3, "io_rename", "newpath"),
            number(4, "io_rename", "flags"),
        ],
    ),
    request(
        36,
        "unlinkat",
        C::UNLINKAT,
        &[number(0, "io_unlink", "dfd"), name(1, "io_unlink", "filename"), number(2, "io_unlink", "flags")],
    ),
    request(
        37,
        "mkdirat",
        C::MKDIRAT,
        &[number(0, "io_mkdir", "dfd"), name(1, "io_mkdir", "filename"), number(2, "io_mkdir", "mode")],
    ),
    request(
        38,
        "symlinkat",
        C::SYMLINKAT,
        &[name(0, "io_link", "oldpath"), number(1, "io_link", "new_dfd"), name(2, "io_link", "newpath")],
    ),
    request(39, "linkat", C::LINKAT, LINK),
    request(40, "msg_ring", C::IO_URING_ENTER, &[OWN]),
    request(41, "fsetxattr", C::FSETXATTR, &[OWN, SET_ATTRIBUTE[0], SET_ATTRIBUTE[1], SET_ATTRIBUTE[2]]),
    request(42, "setxattr", C::SETXATTR, &[PATH, SET_ATTRIBUTE[0], SET_ATTRIBUTE[1], SET_ATTRIBUTE[2]]),
    request(43, "fgetxattr", C::FGETXATTR, &[OWN, ATTRIBUTE]),
    request(44, "getxattr", C::GETXATTR, &[PATH, ATTRIBUTE]),
    making(
        45,
        "socket",
        C::SOCKET,
        &[
            number(0, "io_socket", "domain"),
            number(1, "io_socket", "type"),
            number(2, "io_socket", "protocol"),
        ],
        "io_socket",
    ),
    request(46, "uring_cmd", C::IO_URING_ENTER, &[OWN]),
    request(47, "send_zc", C::SENDTO, SENT),
    request(48, "sendmsg_zc", C::SENDMSG, MESSAGE),
    request(49, "read_multishot", C::READ, BUFFER),
    request(50, "waitid", C::WAITID, &[]),
    unreported(51, "futex_wait"),
    unreported(52, "futex_wake"),
    unreported(53, "futex_waitv"),
    request(54, "fixed_fd_install", C::DUP, &[OWN]),
    request(55, "ftruncate", C::FTRUNCATE, &[OWN, number(1, "io_ftrunc", "len")]),
    request(56, "bind", C::BIND, &[OWN, (1, ArgPlace::Address("io_bind", "", "addr_len"))]),
    request(57, "listen", C::LISTEN, &[OWN, number(1, "io_listen", "backlog")]),
    request(58, "recv_zc", C::RECVFROM, &[OWN]),
    unreported(59, "epoll_wait"),
    request(60, "readv_fixed", C::READV, BUFFER),
    request(61, "writev_fixed", C::WRITEV, BUFFER),
    making(62, "pipe", C::PIPE2, &[number(0, "io_pipe", "fds"), number(1, "io_pipe", "flags")], "io_pipe"),
];

/// The kinds of requests, in the order of their numbers, which have no gaps.
pub fn requests() -> impl Iterator<Item = &'static Request> {
    REQUESTS.iter()
}

/// The kind with that number.
pub const fn request_of(opcode: u8) -> Option<&'static Request> {
    if (opcode as usize) < REQUESTS.len() { Some(&REQUESTS[opcode as usize]) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_kinds_are_sorted_and_have_calls_on_every_architecture() {
        for (at, request) in REQUESTS.iter().enumerate() {
            assert_eq!(usize::from(request.opcode), at);
            let Some(call) = request.call else { continue };
            let info = call.info().unwrap();
            assert!(info.x86_64 >= 0 && info.aarch64 >= 0, "{}", request.name);
        }
    }
}
