//! `fd.*`

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use eyas_events::{EventFlags, EventType, ParamType};
use eyas_fields::{Field, Value};

use super::row::{fields, index};
use crate::path_params;
use crate::render::{self, Text};
use crate::state::{Fd, FdKind, Role, Socket};
use crate::view::{Described, EventView};

type End = (IpAddr, u16);

fields! {
    "fd.num": INT64 Event Id; "Number of the file descriptor."
        => |v, _| is_about_fd(v).then(|| Value::Int(v.fd_num())),
    "fd.type": STR Fd Dec; "Kind of the file: file, directory, ipv4, ipv6, unix, pipe, event, signalfd, …"
        => |v, _| fd(v).map(|fd| Value::from(fd.kind.name())),
    "fd.typechar": STR Fd Dec; "Kind of the file as one letter; for an unknown file, the kind that the event creates."
        => |v, _| event_fd(v).map(|at| letter(at.fd.map_or_else(|| made(v.event().ty), |fd| fd.kind))),
    "fd.name": STR Fd Na; "Name of the file: a path, or the addresses of a socket; for an unknown file, the name in the event."
        => |v, _| name(v).map(Value::Str),
    "fd.directory": STR Fd Na; "Directory of the file; for a directory, its own path."
        => |v, _| directory(v).map(Value::Str),
    "fd.filename": STR Fd Na; "Last component of the file's path."
        => |v, _| filename(v).map(Value::Str),
    "fd.ip": IP Fd Na (ANY | FILTER_ONLY | NO_RHS | NO_TRANSFORMER); "Known addresses of both ends of the connection."
        => |v, _| addresses(v),
    "fd.cip": IP Fd Na; "Address of the client."
        => |v, _| client(v).map(|end| Value::Ip(end.0)),
    "fd.sip": IP Fd Na; "Address of the server."
        => |v, _| server(v).map(|end| Value::Ip(end.0)),
    "fd.lip": IP Fd Na; "Address of the local end."
        => |v, _| local_remote(v).map(|ends| Value::Ip(ends.0.0)),
    "fd.rip": IP Fd Na; "Address of the remote end."
        => |v, _| local_remote(v).map(|ends| Value::Ip(ends.1.0)),
    "fd.port": PORT Fd Dec (ANY | FILTER_ONLY | NO_RHS | NO_TRANSFORMER); "Ports of both ends of the connection."
        => |v, _| ends(v, |end| port(end)),
    "fd.cport": PORT Fd Dec; "Port of the client."
        => |v, _| client(v).map(port),
    "fd.sport": PORT Fd Dec; "Port of the server."
        => |v, _| server(v).map(port),
    "fd.lport": PORT Fd Dec; "Port of the local end."
        => |v, _| local_remote(v).map(|ends| port(ends.0)),
    "fd.rport": PORT Fd Dec; "Port of the remote end."
        => |v, _| local_remote(v).map(|ends| port(ends.1)),
    "fd.l4proto": STR Fd Na; "tcp, udp, icmp or raw; <NA> if it is not known."
        => |v, _| fd(v).map(|fd| Value::from(fd.known_l4().name())),
    "fd.sockfamily": STR Fd Na; "ip or unix."
        => |v, _| fd(v).and_then(|fd| match fd.kind {
            kind if kind.is_inet() => Some(Value::Str(b"ip")),
            FdKind::Unix => Some(Value::Str(b"unix")),
            _ => None,
        }),
    "fd.is_server": BOOL Fd Na; "Whether the socket listens, or the process is the server of the connection."
        => |v, _| fd(v).map(|fd| Value::Bool(is_server(fd))),
    "fd.uid": STR Event Na; "Thread id followed by the number of the file descriptor."
        => |v, _| {
            if !is_about_fd(v) {
                return None;
            }
            let mut out = Text::new(v.bump());
            out.int(v.event().tid);
            out.int(v.fd_num());
            Some(Value::Str(out.finish()))
        },
    "fd.containername": STR Event Na; "Container id and fd.name, separated by a colon."
        => |v, _| in_container(v, name(v)?),
    "fd.containerdirectory": STR Event Na; "Container id and fd.directory, separated by a colon."
        => |v, _| in_container(v, directory(v)?),
    "fd.proto": PORT Fd Na (ANY | FILTER_ONLY | NO_RHS | NO_TRANSFORMER); "Ports of both ends, for comparisons with names of services."
        => |v, _| ends(v, |end| port(end)),
    "fd.cproto": STR Fd Na; "Name of the client's port, such as http, or its number."
        => |v, _| match client(v) {
            Some(end) => Some(port_text(v, end)),
            None => fd(v).filter(|fd| fd.role != Role::None).map(|_| Value::Str(b"")),
        },
    "fd.sproto": STR Fd Na; "Name of the server's port, such as http, or its number."
        => |v, _| server(v).map(|end| port_text(v, end)),
    "fd.lproto": STR Fd Na; "Name of the local port, such as http, or its number."
        => |v, _| local_remote(v).map(|ends| port_text(v, ends.0)),
    "fd.rproto": STR Fd Na; "Name of the remote port, such as http, or its number."
        => |v, _| local_remote(v).map(|ends| port_text(v, ends.1)),
    "fd.net": NET Fd Na (ANY | FILTER_ONLY | NO_RHS | NO_TRANSFORMER); "Addresses of both ends, for comparisons with networks."
        => |v, _| addresses(v),
    "fd.cnet": NET Fd Na (FILTER_ONLY | NO_RHS | NO_TRANSFORMER); "Address of the client, for comparisons with networks."
        => |v, _| client(v).map(|end| Value::Ip(end.0)),
    "fd.snet": NET Fd Na (FILTER_ONLY | NO_RHS | NO_TRANSFORMER); "Address of the server, for comparisons with networks."
        => |v, _| server(v).map(|end| Value::Ip(end.0)),
    "fd.lnet": NET Fd Na (FILTER_ONLY | NO_RHS | NO_TRANSFORMER); "Address of the local end, for comparisons with networks."
        => |v, _| local_remote(v).map(|ends| Value::Ip(ends.0.0)),
    "fd.rnet": NET Fd Na (FILTER_ONLY | NO_RHS | NO_TRANSFORMER); "Address of the remote end, for comparisons with networks."
        => |v, _| local_remote(v).map(|ends| Value::Ip(ends.1.0)),
    "fd.connected": BOOL Fd Na; "Whether the socket is connected."
        => |v, _| fd(v).map(|fd| Value::Bool(fd.connected)),
    "fd.name_changed": BOOL Event Na; "Whether this event changed the name of the file."
        => |v, _| fd(v).map(|fd| Value::Bool(fd.named_at == v.event().ts)),
    "fd.cip.name": STR Fd Na (ANY | DOMAIN | NO_RHS | NO_TRANSFORMER); "Domain names of the client's address: the name in the container's last DNS reply with it, and the names in conditions that resolve to it."
        => |v, _| domain(v, client(v)),
    "fd.sip.name": STR Fd Na (ANY | DOMAIN | NO_RHS | NO_TRANSFORMER); "Domain names of the server's address: the name in the container's last DNS reply with it, and the names in conditions that resolve to it."
        => |v, _| domain(v, sides(v).map(|ends| ends.1)),
    "fd.lip.name": STR Fd Na (ANY | DOMAIN | NO_RHS | NO_TRANSFORMER); "Domain names of the local address: the name in the container's last DNS reply with it, and the names in conditions that resolve to it."
        => |v, _| domain(v, local_remote(v).map(|ends| ends.0)),
    "fd.rip.name": STR Fd Na (ANY | DOMAIN | NO_RHS | NO_TRANSFORMER); "Domain names of the remote address: the name in the container's last DNS reply with it, and the names in conditions that resolve to it."
        => |v, _| domain(v, local_remote(v).map(|ends| ends.1)),
    "fd.domain": STR Fd Na; "Domain name for which the container last received the server's address, from a captured DNS reply."
        => |v, _| observed(v, sides(v)?.1).map(|name| Value::Str(name)),
    "fd.dev": INT32 Fd Hex; "Device number of the file."
        => |v, _| fd(v).map(|fd| Value::Int(i64::from(fd.dev as i32))),
    "fd.dev.major": INT32 Fd Dec; "Major device number of the file."
        => |v, _| fd(v).map(|fd| Value::Int(i64::from(fd.dev >> 8 & 0xfff))),
    "fd.dev.minor": INT32 Fd Dec; "Minor device number of the file."
        => |v, _| fd(v).map(|fd| Value::Int(i64::from(fd.dev & 0xff | fd.dev >> 12 & 0xf_ff00))),
    "fd.ino": INT64 Fd Dec; "Inode of the file."
        => |v, _| fd(v).map(|fd| Value::Int(fd.ino as i64)),
    "fd.nameraw": STR Fd Na; "Path as the program passed it, with repeated slashes replaced by one."
        => |v, _| raw_name(v).map(Value::Str),
    "fd.nameopened": STR Fd Na; "Path of the file that the kernel opened, after it followed symlinks; fd.name if that is not known."
        => |v, _| fd(v).filter(|fd| fd.kind.is_file() || v.is_alternate()).map(|fd| Value::Str(&fd.opened().unwrap_or(fd).name)),
    "fd.types" [OptionalIndex]: STR Event Dec (LIST | NO_RHS); "Kinds of all open files of the process; [n] selects the kind of descriptor n."
        => types,
    "fd.is_upper_layer": BOOL Fd Na; "Whether the file is in the upper layer of an overlay file system."
        => |v, _| fd(v).map(|fd| Value::Bool(fd.upper_layer)),
    "fd.is_lower_layer": BOOL Fd Na; "Whether the file is in a lower layer of an overlay file system."
        => |v, _| fd(v).map(|fd| Value::Bool(fd.lower_layer)),
}

/// The event's descriptor, with its entry if that is known.
#[derive(Clone, Copy)]
pub(super) struct EventFd<'v> {
    fd: Option<&'v Fd>,
}

/// `None` for events about no descriptor, and those of unknown threads.
#[inline]
pub(super) fn event_fd<'v>(v: &'v EventView<'v>) -> Option<EventFd<'v>> {
    is_about_fd(v).then(|| EventFd { fd: v.fd() })
}

#[inline]
fn is_about_fd(v: &EventView<'_>) -> bool {
    const ABOUT_FDS: EventFlags =
        EventFlags::CREATES_FD.union(EventFlags::USES_FD).union(EventFlags::DESTROYS_FD);
    v.flags().intersects(ABOUT_FDS) && v.thread().is_some()
}

/// The file that the fields of this class describe.
#[inline]
pub(crate) fn described<'v>(v: &'v EventView<'v>) -> Described<'v> {
    match event_fd(v) {
        None => Described::Nothing,
        Some(EventFd { fd: Some(fd) }) if !v.is_alternate() => Described::File(fd),
        Some(_) => Described::Event,
    }
}

#[inline]
fn fd<'v>(v: &'v EventView<'v>) -> Option<&'v Fd> {
    event_fd(v)?.fd
}

fn letter(kind: FdKind) -> Value<'static> {
    const LETTERS: &[u8; 128] = &{
        let mut letters = [0; 128];
        let mut i = 0;
        while i < 128 {
            letters[i] = i as u8;
            i += 1;
        }
        letters
    };
    let at = kind.letter() as usize & 127;
    Value::Str(&LETTERS[at..=at])
}

/// Kind of file that events of a type create or use.
fn made(ty: EventType) -> FdKind {
    match ty.name() {
        "open" | "openat" | "openat2" | "creat" | "open_by_handle_at" | "open_tree" | "open_tree_attr" => {
            FdKind::File
        }
        "fsmount" => FdKind::Directory,
        "socket" | "accept" | "accept4" => FdKind::Ipv4,
        "pipe" | "pipe2" => FdKind::Pipe,
        "eventfd" | "eventfd2" => FdKind::Event,
        "signalfd" | "signalfd4" => FdKind::Signal,
        "timerfd_create" => FdKind::Timer,
        "inotify_init" | "inotify_init1" => FdKind::Inotify,
        _ => FdKind::Unknown,
    }
}

/// Position of the parameter with a file's name, if the event has one.
fn name_param(v: &EventView<'_>) -> Option<(usize, ParamType)> {
    let info = v.event().info()?;
    let wanted: &[ParamType] = match info.name {
        "open" | "creat" | "openat" | "openat2" | "open_by_handle_at" | "open_tree" | "open_tree_attr" => {
            &[ParamType::FSPATH, ParamType::FSRELPATH]
        }
        "accept" | "accept4" | "connect" => &[ParamType::SOCKTUPLE],
        _ => return None,
    };
    let at = info.params.iter().position(|p| wanted.contains(&p.ty))?;
    Some((at, info.params[at].ty))
}

fn name<'v>(v: &'v EventView<'v>) -> Option<&'v [u8]> {
    match event_fd(v)?.fd {
        Some(fd) => Some(&fd.name),
        None => Some(match name_param(v) {
            Some((at, ParamType::SOCKTUPLE)) => {
                let mut out = Text::new(v.bump());
                if let Some(bytes) = v.event().param(at).filter(|bytes| !bytes.is_empty()) {
                    render::sock_tuple(bytes, v.rendering().services.as_deref(), &mut out);
                }
                out.finish()
            }
            // An empty path names nothing, not the working directory.
            Some((at, _)) if v.event().text(at) == Some(b"") => b"",
            Some((at, _)) => path_params::absolute(v, at).unwrap_or(b"<NA>"),
            None => b"",
        }),
    }
}

fn raw_name<'v>(v: &'v EventView<'v>) -> Option<&'v [u8]> {
    let raw: &[u8] = match event_fd(v)?.fd {
        Some(fd) => &fd.raw_name,
        None => match name_param(v) {
            Some((at, ParamType::FSPATH | ParamType::FSRELPATH)) => v.event().text(at).unwrap_or_default(),
            _ => name(v)?,
        },
    };
    if !raw.windows(2).any(|pair| pair == b"//") {
        return Some(raw);
    }
    let mut out = Text::with_capacity(raw.len(), v.bump());
    let mut slash = false;
    for part in raw.split_inclusive(|b| *b == b'/') {
        if part != b"/" || !slash {
            out.push(part);
        }
        slash = part.ends_with(b"/");
    }
    Some(out.finish())
}

fn directory<'v>(v: &'v EventView<'v>) -> Option<&'v [u8]> {
    let name = match event_fd(v)?.fd {
        Some(fd) if fd.is_directory() => return Some(&fd.name),
        Some(fd) if !fd.kind.is_file() => return None,
        Some(fd) => &fd.name,
        None => path_asked_for(v)?,
    };
    Some(match name.iter().rposition(|b| *b == b'/') {
        None | Some(0) => b"/",
        Some(at) => &name[..at],
    })
}

fn filename<'v>(v: &'v EventView<'v>) -> Option<&'v [u8]> {
    let name: &[u8] = match event_fd(v)?.fd {
        Some(fd) if !matches!(fd.kind, FdKind::File | FdKind::OldFile) => return None,
        Some(fd) => &fd.name,
        None => path_asked_for(v)?,
    };
    let last = name.rsplit(|b| *b == b'/').next().filter(|last| !last.is_empty());
    Some(last.unwrap_or(name))
}

/// The path in an event without a known descriptor, such as an open that failed.
fn path_asked_for<'v>(v: &'v EventView<'v>) -> Option<&'v [u8]> {
    let (_, ty) = name_param(v)?;
    matches!(ty, ParamType::FSPATH | ParamType::FSRELPATH).then(|| name(v)).flatten()
}

/// The name for which the container last received the address of an end.
fn observed<'v>(v: &'v EventView<'v>, end: End) -> Option<&'v crate::state::Text> {
    const HOST: &[u8] = b"";
    let container = v.thread().and_then(|thread| thread.container.clone()).unwrap_or_else(|| HOST.into());
    v.state().observed.of(&container, end.0)
}

/// The names of an end's address; the name in a DNS reply comes first. An empty text if none of the names
/// in conditions has the address.
fn domain<'v>(v: &'v EventView<'v>, end: Option<End>) -> Option<Value<'v>> {
    let (names, end) = (&v.state().names, end?);
    let observed = observed(v, end);
    Some(match (observed, names.of(end.0)) {
        (None, []) if names.is_empty() => return None,
        (None, []) => Value::Str(b""),
        (Some(name), []) => Value::Str(name),
        (None, [name]) => Value::Str(name),
        (observed, several) => {
            let others = several.iter().filter(|name| observed.is_none_or(|observed| **name != *observed));
            v.list(observed.into_iter().chain(others).map(|name| Value::Str(name)))
        }
    })
}

fn port(end: End) -> Value<'static> {
    Value::Uint(u64::from(end.1))
}

fn port_text<'v>(v: &'v EventView<'v>, end: End) -> Value<'v> {
    let mut out = Text::new(v.bump());
    out.int(end.1);
    Value::Str(out.finish())
}

/// The ends of a connection whose sides are known.
fn sides(v: &EventView<'_>) -> Option<(End, End)> {
    let fd = fd_ref(v)?;
    match fd.socket() {
        Socket::Inet { source, destination } if fd.role != Role::None => Some((source, destination)),
        _ => None,
    }
}

fn client(v: &EventView<'_>) -> Option<End> {
    sides(v).map(|(source, _)| source)
}

fn server(v: &EventView<'_>) -> Option<End> {
    match fd_ref(v)?.socket() {
        Socket::Server { addr } => Some(addr),
        _ => sides(v).map(|(_, destination)| destination),
    }
}

/// The local and the remote end.
fn local_remote(v: &EventView<'_>) -> Option<(End, End)> {
    let (source, destination) = sides(v)?;
    let is_server = fd_ref(v)?.role == Role::Server;
    Some(if is_server { (destination, source) } else { (source, destination) })
}

fn fd_ref<'a>(v: &'a EventView<'_>) -> Option<&'a Fd> {
    event_fd(v)?.fd
}

fn is_server(fd: &Fd) -> bool {
    match fd.socket() {
        Socket::Server { .. } => true,
        Socket::Inet { .. } => fd.role == Role::Server,
        Socket::None | Socket::Unix { .. } => false,
    }
}

/// Addresses of both ends. An unset address beside a set one is unknown, so it is left out.
fn addresses<'v>(v: &'v EventView<'v>) -> Option<Value<'v>> {
    if let Socket::Inet { source, destination } = fd_ref(v)?.socket()
        && source.0.is_unspecified() != destination.0.is_unspecified()
    {
        let known = if source.0.is_unspecified() { destination } else { source };
        return Some(v.list([Value::Ip(known.0)].into_iter()));
    }
    ends(v, |end| Value::Ip(end.0))
}

fn ends<'v>(v: &'v EventView<'v>, get: impl Fn(End) -> Value<'v>) -> Option<Value<'v>> {
    let fd = fd_ref(v)?;
    match fd.socket() {
        // A socket without ends has unset addresses, which differ from any address in a condition.
        Socket::None if fd.kind.is_inet() => {
            let unset = match fd.kind {
                FdKind::Ipv6 | FdKind::Ipv6Server => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
                _ => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            };
            Some(v.list([(unset, 0), (unset, 0)].into_iter().map(get)))
        }
        Socket::Inet { source, destination } => Some(v.list([source, destination].into_iter().map(get))),
        Socket::Server { addr } => Some(v.list([addr].into_iter().map(get))),
        Socket::None | Socket::Unix { .. } => None,
    }
}

fn in_container<'v>(v: &'v EventView<'v>, name: &[u8]) -> Option<Value<'v>> {
    let mut out = Text::with_capacity(name.len() + 16, v.bump());
    out.push(v.thread()?.container.as_deref().unwrap_or_default());
    out.push(b":");
    out.push(name);
    Some(Value::Str(out.finish()))
}

fn types<'v>(v: &'v EventView<'v>, field: &Field) -> Option<Value<'v>> {
    v.thread()?;
    if let Some(n) = index(field) {
        let fd = v.fd_entry(i64::try_from(n).ok()?)?;
        return Some(v.list([Value::from(fd.kind.name())].into_iter()));
    }
    let mut seen: Vec<&'static str> = Vec::new();
    for (_, fd) in v.fds()?.iter() {
        if !seen.contains(&fd.kind.name()) {
            seen.push(fd.kind.name());
        }
    }
    Some(v.list(seen.into_iter().map(Value::from)))
}
