//! The columns of open files.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::data::{DataType, Scalar};
use super::column::{Fixed, number, text};
use crate::state::{Fd, FdKind, L4, Socket, Text};

type Read = fn(i64, &Fd) -> Scalar;
type Write = fn(&mut Fd, &Scalar) -> Option<()>;

/// How a column is read and written.
enum ColumnAccess {
    Fd(Read, Write),
    /// The inspector does not use it; values are kept like those of columns that plugins add.
    Kept,
    /// The descriptor's number.
    Key,
}

struct Column {
    name: &'static str,
    ty: DataType,
    access: ColumnAccess,
}

/// The ends of a socket: source, destination, and the address of a server socket.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Source,
    Destination,
    Server,
}

fn end(fd: &Fd, which: End) -> Option<(IpAddr, u16)> {
    match (fd.socket(), which) {
        (Socket::Inet { source, .. }, End::Source) => Some(source),
        (Socket::Inet { destination, .. }, End::Destination) => Some(destination),
        (Socket::Server { addr }, End::Server) => Some(addr),
        _ => None,
    }
}

fn ip4(fd: &Fd, which: End) -> Scalar {
    Scalar::U32(match end(fd, which) {
        Some((IpAddr::V4(ip), _)) => u32::from_ne_bytes(ip.octets()),
        _ => 0,
    })
}

/// Half of an address, in network byte order.
fn ip6(fd: &Fd, which: End, half: usize) -> Scalar {
    Scalar::U64(match end(fd, which) {
        Some((IpAddr::V6(ip), _)) => {
            let octets = ip.octets();
            u64::from_ne_bytes(std::array::from_fn(|at| octets[half * 8 + at]))
        }
        _ => 0,
    })
}

fn port(fd: &Fd, which: End, is_v4: bool) -> Scalar {
    let port = end(fd, which).filter(|(ip, _)| ip.is_ipv4() == is_v4);
    Scalar::U16(port.map_or(0, |(_, port)| port))
}

fn protocol(fd: &Fd, is_server: bool, is_v4: bool) -> Scalar {
    let which = if is_server { End::Server } else { End::Source };
    let is_it = end(fd, which).is_some_and(|(ip, _)| ip.is_ipv4() == is_v4);
    Scalar::U8(if is_it { fd.l4 as u8 } else { 0 })
}

fn nobody(is_v4: bool) -> (IpAddr, u16) {
    (if is_v4 { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() }, 0)
}

/// Changes one end; the socket becomes a kind that has this end.
fn change(fd: &mut Fd, which: End, is_v4: bool, change: impl FnOnce(&mut (IpAddr, u16))) {
    let known = |end: (IpAddr, u16)| if end.0.is_ipv4() == is_v4 { end } else { nobody(is_v4) };
    let (mut source, mut destination, mut addr) = (nobody(is_v4), nobody(is_v4), nobody(is_v4));
    match fd.socket() {
        Socket::Inet { source: one, destination: other } => {
            (source, destination) = (known(one), known(other))
        }
        Socket::Server { addr: one } => addr = known(one),
        Socket::None | Socket::Unix { .. } => {}
    }
    change(match which {
        End::Source => &mut source,
        End::Destination => &mut destination,
        End::Server => &mut addr,
    });
    fd.set_socket(match which {
        End::Server => Socket::Server { addr },
        _ => Socket::Inet { source, destination },
    });
}

fn set_ip4(fd: &mut Fd, which: End, value: &Scalar) -> Option<()> {
    let ip = Ipv4Addr::from((number(value)? as u32).to_ne_bytes());
    change(fd, which, true, |end| end.0 = ip.into());
    Some(())
}

fn set_ip6(fd: &mut Fd, which: End, half: usize, value: &Scalar) -> Option<()> {
    let bytes = (number(value)? as u64).to_ne_bytes();
    change(fd, which, false, |end| {
        let mut octets = match end.0 {
            IpAddr::V6(ip) => ip.octets(),
            IpAddr::V4(_) => [0; 16],
        };
        octets[half * 8..][..8].copy_from_slice(&bytes);
        end.0 = Ipv6Addr::from(octets).into();
    });
    Some(())
}

fn set_port(fd: &mut Fd, which: End, is_v4: bool, value: &Scalar) -> Option<()> {
    let port = number(value)? as u16;
    change(fd, which, is_v4, |end| end.1 = port);
    Some(())
}

fn set_protocol(fd: &mut Fd, value: &Scalar) -> Option<()> {
    fd.l4 = L4::from_code(number(value)? as u8);
    Some(())
}

fn unix(fd: &Fd) -> (u64, u64) {
    match fd.socket() {
        Socket::Unix { source, destination } => (source, destination),
        _ => (0, 0),
    }
}

fn set_kind(fd: &mut Fd, value: &Scalar) -> Option<()> {
    fd.kind = FdKind::from_code(number(value)? as u8)?;
    Some(())
}

macro_rules! file_columns {
    ($($name:literal $ty:ident $access:ident $(($read:expr, $write:expr))?;)*) => {
        &[$(Column { name: $name, ty: DataType::$ty, access: ColumnAccess::$access $(($read, $write))? },)*]
    };
}

use End::{Destination, Server, Source};

const FILES: &[Column] = file_columns! {
    "type" U8 Fd(|_, fd| Scalar::U8(fd.kind as u8), set_kind);
    "open_flags" U32 Fd(|_, fd| Scalar::U32(fd.open_flags), |fd, v| number(v).map(|n| fd.open_flags = n as u32));
    "name" Str Fd(|_, fd| Scalar::text(&fd.name), |fd, v| text(v).map(|text| fd.name = text));
    "name_raw" Str Fd(|_, fd| Scalar::text(&fd.raw_name), |fd, v| text(v).map(|text| fd.raw_name = text));
    "old_name" Str Kept;
    "flags" U32 Kept;
    "dev" U32 Fd(|_, fd| Scalar::U32(fd.dev), |fd, v| number(v).map(|n| fd.dev = n as u32));
    "mount_id" U32 Fd(|_, fd| Scalar::U32(fd.mount_id), |fd, v| number(v).map(|n| fd.mount_id = n as u32));
    "ino" U64 Fd(|_, fd| Scalar::U64(fd.ino), |fd, v| number(v).map(|n| fd.ino = n as u64));
    "pid" I64 Fd(|_, fd| Scalar::I64(fd.pid.into()), |fd, v| number(v).map(|n| fd.pid = n as i32));
    "fd" I64 Key;
    "socket_ipv4_src_ip" U32 Fd(|_, fd| ip4(fd, Source), |fd, v| set_ip4(fd, Source, v));
    "socket_ipv4_dest_dip" U32 Fd(|_, fd| ip4(fd, Destination), |fd, v| set_ip4(fd, Destination, v));
    "socket_ipv4_src_port" U16 Fd(|_, fd| port(fd, Source, true), |fd, v| set_port(fd, Source, true, v));
    "socket_ipv4_dst_port" U16 Fd(|_, fd| port(fd, Destination, true), |fd, v| set_port(fd, Destination, true, v));
    "socket_ipv4_l4_proto" U8 Fd(|_, fd| protocol(fd, false, true), set_protocol);
    "socket_ipv6_src_ip_low" U64 Fd(|_, fd| ip6(fd, Source, 0), |fd, v| set_ip6(fd, Source, 0, v));
    "socket_ipv6_src_ip_high" U64 Fd(|_, fd| ip6(fd, Source, 1), |fd, v| set_ip6(fd, Source, 1, v));
    "socket_ipv6_dest_ip_low" U64 Fd(|_, fd| ip6(fd, Destination, 0), |fd, v| set_ip6(fd, Destination, 0, v));
    "socket_ipv6_dest_ip_high" U64 Fd(|_, fd| ip6(fd, Destination, 1), |fd, v| set_ip6(fd, Destination, 1, v));
    "socket_ipv6_src_port" U16 Fd(|_, fd| port(fd, Source, false), |fd, v| set_port(fd, Source, false, v));
    "socket_ipv6_dst_port" U16 Fd(|_, fd| port(fd, Destination, false), |fd, v| set_port(fd, Destination, false, v));
    "socket_ipv6_l4_proto" U8 Fd(|_, fd| protocol(fd, false, false), set_protocol);
    "socket_ipv4_server_ip" U32 Fd(|_, fd| ip4(fd, Server), |fd, v| set_ip4(fd, Server, v));
    "socket_ipv4_server_port" U16 Fd(|_, fd| port(fd, Server, true), |fd, v| set_port(fd, Server, true, v));
    "socket_ipv4_server_l4_proto" U8 Fd(|_, fd| protocol(fd, true, true), set_protocol);
    "socket_ipv6_server_ip_low" U64 Fd(|_, fd| ip6(fd, Server, 0), |fd, v| set_ip6(fd, Server, 0, v));
    "socket_ipv6_server_ip_high" U64 Fd(|_, fd| ip6(fd, Server, 1), |fd, v| set_ip6(fd, Server, 1, v));
    "socket_ipv6_server_port" U16 Fd(|_, fd| port(fd, Server, false), |fd, v| set_port(fd, Server, false, v));
    "socket_ipv6_server_l4_proto" U8 Fd(|_, fd| protocol(fd, true, false), set_protocol);
    "socket_unix_src" U64 Fd(|_, fd| Scalar::U64(unix(fd).0), |fd, v| {
        let (source, (_, destination)) = (number(v)? as u64, unix(fd));
        fd.set_socket(Socket::Unix { source, destination });
        Some(())
    });
    "socket_unix_dest" U64 Fd(|_, fd| Scalar::U64(unix(fd).1), |fd, v| {
        let (destination, (source, _)) = (number(v)? as u64, unix(fd));
        fd.set_socket(Socket::Unix { source, destination });
        Some(())
    });
};

pub(super) fn columns() -> impl Iterator<Item = Fixed> {
    FILES.iter().map(|column| Fixed { name: column.name, ty: column.ty, is_read_only: false })
}

/// The value of a file in a column; `None` if plugins' values are kept for the column, or it does not
/// exist.
pub(super) fn read(num: i64, fd: &Fd, column: u32) -> Option<Scalar> {
    match &FILES.get(column as usize)?.access {
        ColumnAccess::Fd(read, _) => Some(read(num, fd)),
        ColumnAccess::Key => Some(Scalar::I64(num)),
        ColumnAccess::Kept => None,
    }
}

/// The default value of a column for a file that a plugin made.
pub(super) fn default_of(column: u32) -> Option<Scalar> {
    read(-1, &Fd::new(FdKind::Unknown, &Text::default()), column)
}

/// Writes a column of a file; `None` if the value must be kept like that of a column that plugins add.
pub(super) fn write(num: i64, fd: &mut Fd, column: u32, value: &Scalar) -> Option<Result<(), &'static str>> {
    match &FILES.get(column as usize)?.access {
        ColumnAccess::Fd(_, write) => Some(write(fd, value).ok_or("the value does not fit")),
        ColumnAccess::Key if number(value) == Some(num) => Some(Ok(())),
        ColumnAccess::Key => Some(Err("the key of an entry that is in the table cannot be changed: fd")),
        ColumnAccess::Kept => None,
    }
}
