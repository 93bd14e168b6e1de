use std::net::IpAddr;
use std::sync::Arc;

use super::Text;
use super::recent_names::RecentNames;
use crate::names::Transport;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $code:literal $name:literal $letter:literal),* $(,)?) => {
        /// Kind of an open file; codes as in captures.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
        #[repr(u8)]
        pub enum FdKind {
            $($(#[$doc])* $kind = $code,)*
        }

        impl FdKind {
            /// `fd.type`
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// `fd.typechar`
            pub const fn letter(self) -> char {
                match self { $(Self::$kind => $letter,)* }
            }

            /// The kind with this code in captures.
            pub const fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(Self::$kind),)* _ => None }
            }
        }
    };
}

kinds! {
    /// The kind is unknown.
    #[default]
    Unknown = 0 "<NA>" 'o',
    /// Regular file of old captures.
    OldFile = 1 "file" 'f',
    /// Directory.
    Directory = 2 "directory" 'd',
    /// IPv4 socket.
    Ipv4 = 3 "ipv4" '4',
    /// IPv6 socket.
    Ipv6 = 4 "ipv6" '6',
    /// IPv4 socket that listens or is bound.
    Ipv4Server = 5 "ipv4" '4',
    /// IPv6 socket that listens or is bound.
    Ipv6Server = 6 "ipv6" '6',
    /// Pipe.
    Pipe = 7 "pipe" 'p',
    /// Unix socket.
    Unix = 8 "unix" 'u',
    /// eventfd.
    Event = 9 "event" 'e',
    /// A kind that is not supported.
    Unsupported = 10 "unsupported" 'X',
    /// signalfd.
    Signal = 11 "signalfd" 's',
    /// epoll instance.
    EventPoll = 12 "eventpoll" 'l',
    /// inotify instance.
    Inotify = 13 "inotify" 'i',
    /// timerfd.
    Timer = 14 "timerfd" 't',
    /// Netlink socket.
    Netlink = 15 "netlink" 'n',
    /// Regular file.
    File = 16 "file" 'f',
    /// BPF object.
    Bpf = 17 "bpf" 'b',
    /// userfaultfd.
    Userfault = 18 "userfaultfd" 'u',
    /// io_uring instance.
    IoUring = 19 "io_uring" 'r',
    /// memfd.
    Memfd = 20 "memfd" 'm',
    /// pidfd.
    Pidfd = 21 "pidfd" 'P',
}

impl FdKind {
    /// Whether it is a socket of the Internet families.
    pub const fn is_inet(self) -> bool {
        matches!(self, Self::Ipv4 | Self::Ipv6 | Self::Ipv4Server | Self::Ipv6Server)
    }

    /// Whether it is any socket.
    pub const fn is_socket(self) -> bool {
        self.is_inet() || matches!(self, Self::Unix | Self::Netlink)
    }

    /// Whether it is a file or directory.
    pub const fn is_file(self) -> bool {
        matches!(self, Self::File | Self::OldFile | Self::Directory)
    }
}

/// Layer 4 protocol of a socket; codes as in captures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(u8)]
#[allow(missing_docs)]
#[non_exhaustive]
pub enum L4 {
    #[default]
    Unknown = 0,
    None = 1,
    Tcp = 2,
    Udp = 3,
    Icmp = 4,
    Raw = 5,
}

impl L4 {
    /// `fd.l4proto`
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::Raw => "raw",
            Self::None | Self::Unknown => "<NA>",
        }
    }

    /// Letter in the rendering of descriptors.
    pub(crate) const fn letter(self) -> Option<u8> {
        match self {
            Self::Tcp => Some(b't'),
            Self::Udp => Some(b'u'),
            Self::Icmp => Some(b'i'),
            Self::Raw => Some(b'r'),
            Self::None | Self::Unknown => None,
        }
    }

    /// The protocol with this code in captures.
    pub const fn from_code(code: u8) -> Self {
        match code {
            1 => Self::None,
            2 => Self::Tcp,
            3 => Self::Udp,
            4 => Self::Icmp,
            5 => Self::Raw,
            _ => Self::Unknown,
        }
    }
}

/// Side of a connection that the process is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Role {
    /// Not known yet.
    #[default]
    None,
    /// The process connected, or sent first.
    Client,
    /// The process accepted, or received first.
    Server,
}

/// Ends of a socket. By convention the source is the client once the role is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Socket {
    /// Not a socket, or unknown.
    #[default]
    None,
    /// Both ends of an Internet socket, ports in host order.
    Inet {
        /// Client side.
        source: (IpAddr, u16),
        /// Server side.
        destination: (IpAddr, u16),
    },
    /// An Internet socket with one end: it listens or is bound.
    Server {
        /// Its address, port in host order.
        addr: (IpAddr, u16),
    },
    /// Kernel addresses of a Unix socket's ends.
    Unix {
        /// One end.
        source: u64,
        /// The other.
        destination: u64,
    },
}

/// An open file.
#[derive(Clone, Debug)]
pub struct Fd {
    /// Kind of the file.
    pub kind: FdKind,
    /// Name: a path, a tuple, or empty.
    pub name: Text,
    /// Path from the program.
    pub raw_name: Text,
    /// `PPM_O_*` flags.
    pub open_flags: u32,
    /// Device number; 0 if unknown.
    pub dev: u32,
    /// Mount id, for a file whose device is not known; 0 if unknown.
    pub mount_id: u32,
    /// Inode; 0 if unknown.
    pub ino: u64,
    /// Process of a pidfd; -1 otherwise.
    pub pid: i32,
    /// Rare data.
    pub(super) extra: Option<Box<FdExtra>>,
    /// Protocol of a socket.
    pub l4: L4,
    /// Side of a socket.
    pub role: Role,
    /// Whether a connection was made.
    pub connected: bool,
    /// Whether the file is in the upper layer of an overlay.
    pub upper_layer: bool,
    /// Whether the file is in the lower layer of an overlay.
    pub lower_layer: bool,
    /// Time of the event that last changed the name; 0 if none did.
    pub named_at: u64,
    /// Whether it came from the snapshot or /proc, not from an event.
    pub from_snapshot: bool,
}

/// Rare data of open files; no file has both kinds.
#[derive(Clone, Debug)]
pub(super) enum FdExtra {
    /// Ends of a socket.
    Ends(Socket),
    /// The file with the kernel's name.
    Opened(Arc<Fd>),
}

impl Fd {
    /// An open file of this kind, without a name.
    pub(crate) fn new(kind: FdKind, empty: &Text) -> Self {
        Self {
            kind,
            name: empty.clone(),
            raw_name: empty.clone(),
            open_flags: 0,
            dev: 0,
            mount_id: 0,
            ino: 0,
            pid: -1,
            extra: None,
            l4: L4::Unknown,
            role: Role::None,
            connected: false,
            upper_layer: false,
            lower_layer: false,
            named_at: 0,
            from_snapshot: false,
        }
    }

    /// Whether every field about an open file ([`Scope::Fd`](eyas_fields::Scope::Fd)) has the same value for both
    /// files, except the fields about domain names, which change with the replies of name servers.
    pub fn shows_same(&self, other: &Self) -> bool {
        let same_text = |one: &Text, other: &Text| Arc::ptr_eq(one, other) || one == other;
        let same_extra = match (self.extra.as_deref(), other.extra.as_deref()) {
            (None, None) => true,
            (Some(FdExtra::Ends(one)), Some(FdExtra::Ends(other))) => one == other,
            (Some(FdExtra::Opened(one)), Some(FdExtra::Opened(other))) => {
                Arc::ptr_eq(one, other) || one.shows_same(other)
            }
            _ => false,
        };
        let rest = |fd: &Self| {
            (fd.kind, fd.l4, fd.role, fd.connected, fd.upper_layer, fd.lower_layer, fd.dev, fd.ino)
        };
        rest(self) == rest(other)
            && same_extra
            && same_text(&self.name, &other.name)
            && same_text(&self.raw_name, &other.raw_name)
    }

    /// Whether it is a directory, or was opened as one.
    pub fn is_directory(&self) -> bool {
        self.kind == FdKind::Directory
    }

    /// Ends of a socket.
    pub fn socket(&self) -> Socket {
        match self.extra.as_deref() {
            Some(FdExtra::Ends(ends)) => *ends,
            _ => Socket::None,
        }
    }

    /// The same file with the kernel's name, if that differs from `name`, because `name` contains symlinks,
    /// or another thread changed it during the open. Rules are tested with both.
    #[inline]
    pub fn opened(&self) -> Option<&Self> {
        match self.extra.as_deref()? {
            FdExtra::Opened(fd) => Some(fd),
            FdExtra::Ends(_) => None,
        }
    }

    pub(crate) fn set_opened(&mut self, fd: Arc<Self>) {
        self.set_extra(FdExtra::Opened(fd));
    }

    fn set_extra(&mut self, extra: FdExtra) {
        match self.extra.as_deref_mut() {
            Some(place) => *place = extra,
            None => self.extra = Some(Box::new(extra)),
        }
    }

    pub(crate) fn set_socket(&mut self, socket: Socket) {
        self.set_extra(FdExtra::Ends(socket));
    }

    /// Protocol, if it is certain: an unused socket may get another one.
    pub(crate) fn known_l4(&self) -> L4 {
        match self.socket() {
            _ if !self.kind.is_inet() => L4::None,
            Socket::Server { .. } => self.l4,
            _ if self.role != Role::None || self.l4 == L4::Raw => self.l4,
            _ => L4::None,
        }
    }

    /// Whether it is an Internet socket with these ends, in either order.
    pub(crate) fn has_ends(&self, one: (IpAddr, u16), other: (IpAddr, u16)) -> bool {
        matches!(self.socket(), Socket::Inet { source, destination }
            if (source, destination) == (one, other) || (destination, source) == (one, other))
    }

    /// Swaps the ends of an Internet socket.
    pub(crate) fn swap_ends(&mut self) {
        if let Some(FdExtra::Ends(Socket::Inet { source, destination })) = self.extra.as_deref_mut() {
            std::mem::swap(source, destination);
        }
    }

    /// Port that the process serves, if the socket is bound to one. Raw sockets have none.
    pub(crate) fn server_port(&self) -> Option<u16> {
        match self.socket() {
            Socket::Server { addr } => Some(addr.1).filter(|port| *port != 0),
            _ => None,
        }
    }

    /// Sets its name, in an event with time `ts`.
    pub(crate) fn rename(&mut self, name: Text, ts: u64) {
        if *self.name != *name {
            self.named_at = ts;
        }
        self.name = name;
    }

    /// Sets the new path of a moved file, in an event with time `ts`.
    pub(crate) fn move_to(&mut self, path: Text, ts: u64) {
        self.extra = None;
        self.rename(path, ts);
    }

    /// Sets its name from the socket's ends, in an event with time `ts`.
    pub(crate) fn rename_by_ends(&mut self, ts: u64, names: &mut RecentNames) {
        use std::io::Write;
        let with_ports = !matches!(self.l4, L4::Icmp | L4::Raw);
        let services = names.services.clone();
        let transport = match self.l4 {
            L4::Tcp => Some(Transport::Tcp),
            L4::Udp => Some(Transport::Udp),
            _ => None,
        };
        // Writing to a Vec cannot fail.
        let end = |name: &mut Vec<u8>, (ip, port): (IpAddr, u16)| match services
            .as_ref()
            .and_then(|services| services.name(port, transport))
        {
            _ if !with_ports => drop(write!(name, "{ip}")),
            Some(service) => drop(write!(name, "{ip}:{service}")),
            None => drop(write!(name, "{ip}:{port}")),
        };
        let name = match self.socket() {
            Socket::Inet { .. } if self.l4 == L4::Unknown => {
                names.written(|name| name.extend_from_slice(b"<unknown>"))
            }
            Socket::Inet { source, destination } => names.written(|name| {
                end(name, source);
                name.extend_from_slice(b"->");
                end(name, destination);
            }),
            Socket::Server { addr } => names.written(|name| end(name, addr)),
            Socket::None | Socket::Unix { .. } => return,
        };
        self.rename(name, ts);
    }
}
