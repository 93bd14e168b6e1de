//! Builds captures block by block, in either byte order and in every version of the format.

use std::io::Cursor;
use std::net::IpAddr;

use eyas_events::{EventType, ParamInfo, ParamType};

use eyas_scap::{
    EventSource, FdDetail, FdEntry, Interface, Next, OwnedEvent, Reader, Snapshot, ThreadEntry, User,
};

/// Bytes in one of the two orders.
#[derive(Clone)]
pub struct Bytes {
    pub big: bool,
    pub out: Vec<u8>,
}

macro_rules! put {
    ($($name:ident: $ty:ty),*) => {
        $(pub fn $name(&mut self, value: $ty) -> &mut Self {
            let bytes = if self.big { value.to_be_bytes() } else { value.to_le_bytes() };
            self.raw(&bytes)
        })*
    };
}

impl Bytes {
    pub fn new(big: bool) -> Self {
        Self { big, out: Vec::new() }
    }

    put!(u8: u8, u16: u16, u32: u32, u64: u64, i64: i64);

    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.out.extend_from_slice(bytes);
        self
    }

    pub fn text(&mut self, text: &[u8]) -> &mut Self {
        self.u16(text.len() as u16).raw(text)
    }

    /// An entry after its length, which includes itself if `inclusive`.
    pub fn sized(&mut self, inclusive: bool, body: impl FnOnce(&mut Self)) -> &mut Self {
        let mut entry = Self::new(self.big);
        body(&mut entry);
        let len = entry.out.len() as u32 + if inclusive { 4 } else { 0 };
        self.u32(len).raw(&entry.out)
    }

    /// A block; `options` stand between its contents and its end.
    pub fn block_with(&mut self, ty: u32, body: &[u8], options: &[u8]) -> &mut Self {
        let len = body.len() + options.len();
        let total = 12 + len.next_multiple_of(4) as u32;
        self.u32(ty).u32(total).raw(body).raw(options);
        self.raw(&[0; 3][..len.next_multiple_of(4) - len]).u32(total)
    }

    pub fn block(&mut self, ty: u32, body: &[u8]) -> &mut Self {
        self.block_with(ty, body, &[])
    }

    /// The block that begins a section of version 1.`minor`.
    pub fn section(&mut self, minor: u16, options: &[u8]) -> &mut Self {
        let mut body = Self::new(self.big);
        body.u32(0x1a2b_3c4d).u16(1).u16(minor).u64(u64::MAX);
        self.block_with(0x0a0d_0d0a, &body.out, options)
    }

    pub fn address(&mut self, address: IpAddr) -> &mut Self {
        match address {
            IpAddr::V4(v4) => self.raw(&v4.octets()),
            IpAddr::V6(v6) => self.raw(&v6.octets()),
        }
    }

    pub fn interface(&mut self, ty: u16, interface: &Interface) -> &mut Self {
        self.u16(ty).u16(interface.name.len() as u16);
        self.address(interface.addr).address(interface.netmask).address(interface.broadcast);
        if ty <= 2 {
            self.u64(interface.link_speed);
        }
        self.raw(&interface.name)
    }

    pub fn user(&mut self, user: &User) -> &mut Self {
        self.u8(0).u32(user.uid).u32(user.gid).text(&user.name).text(&user.home).text(&user.shell)
    }

    /// A thread as a list of this version has it, without the tail of version 9.
    pub fn thread(&mut self, version: u8, t: &ThreadEntry) -> &mut Self {
        self.i64(t.tid).i64(t.pid).i64(t.ptid);
        if version >= 6 {
            self.i64(t.sid);
        }
        if version >= 8 {
            self.i64(t.vpgid);
        }
        self.text(&t.comm).text(&t.exe);
        if version >= 7 {
            self.text(&t.exepath);
        }
        self.text(&t.args).text(&t.cwd).u64(t.fdlimit).u32(t.flags).u32(t.uid).u32(t.gid);
        if version >= 2 {
            self.u32(t.vmsize_kb).u32(t.vmrss_kb).u32(t.vmswap_kb).u64(t.pfmajor).u64(t.pfminor);
        }
        if version >= 3 {
            self.text(&t.env);
        }
        if version >= 4 {
            self.i64(t.vtid).i64(t.vpid).text(&t.cgroups);
        }
        if version >= 5 {
            self.text(&t.root);
        }
        self
    }

    pub fn fd(&mut self, fd: &FdEntry) -> &mut Self {
        self.i64(fd.fd).u64(fd.ino);
        match &fd.detail {
            FdDetail::Socket { local, remote, l4 } => {
                self.u8(if local.0.is_ipv4() { 3 } else { 4 }).address(local.0).address(remote.0);
                self.u16(local.1).u16(remote.1).u8(*l4)
            }
            FdDetail::ServerSocket { addr, l4 } => {
                self.u8(if addr.0.is_ipv4() { 5 } else { 6 }).address(addr.0).u16(addr.1).u8(*l4)
            }
            FdDetail::Unix { source, destination, path } => {
                self.u8(8).u64(*source).u64(*destination).text(path)
            }
            FdDetail::File { open_flags, path, .. } => self.u8(16).u32(*open_flags).text(path),
            FdDetail::Other { type_code: 0, .. } => self.u8(0),
            FdDetail::Other { type_code, name } => self.u8(*type_code).text(name),
        }
    }

    /// An event block; `flags` where the block has any.
    pub fn event(&mut self, ty: u32, flags: Option<u32>, event: &OwnedEvent, options: &[u8]) -> &mut Self {
        let first_version = matches!(ty, 0x204 | 0x208 | 0x8010_abcd);
        let raw = event.as_raw();
        let wide = matches!(ty, 0x221 | 0x222);
        let mut body = Self::new(self.big);
        body.u16(raw.cpu);
        if let Some(flags) = flags {
            body.u32(flags);
        }
        // Old captures say three bytes too many of two types.
        let too_many = [EventType::NOTIFICATION_E, EventType::INFRASTRUCTURE_EVENT_E];
        let header = match first_version {
            true if too_many.contains(&raw.ty) => 25,
            true => 22,
            false => 26,
        };
        body.u64(raw.ts).i64(raw.tid).u32((header + raw.body().len()) as u32).u16(raw.ty.0);
        if !first_version {
            body.u32(raw.nparams() as u32);
        }
        for param in raw.params() {
            match wide {
                true => body.u32(param.len() as u32),
                false => body.u16(param.len() as u16),
            };
        }
        let row = raw.info().map_or(&[][..], |info| info.params);
        for (index, param) in raw.params().enumerate() {
            let is_number = |row: &ParamInfo| {
                let network_order = matches!(row.ty, ParamType::IPV4ADDR | ParamType::IPV6ADDR);
                row.ty.size() == Some(param.len()) && !network_order
            };
            let swaps = self.big && row.get(index).is_some_and(is_number);
            let mut param = param.to_vec();
            if swaps {
                param.reverse();
            }
            body.raw(&param);
        }
        self.block_with(ty, &body.out, options)
    }
}

/// What a capture holds, and what ended it before its end.
#[derive(Debug, Default)]
pub struct Content {
    pub snapshots: Vec<Snapshot>,
    pub events: Vec<OwnedEvent>,
    pub error: Option<String>,
}

/// Reads a capture with its events as they are.
pub fn read(bytes: &[u8]) -> Content {
    let mut content = Content::default();
    let reader = Reader::from_reader(Cursor::new(bytes.to_vec()));
    let mut reader = reader.unwrap_or_else(|error| panic!("{error}")).raw();
    loop {
        match reader.next() {
            Ok(Next::Snapshot(snapshot)) => content.snapshots.push(*snapshot),
            Ok(Next::Event(event)) => content.events.push(event.into()),
            Ok(Next::Idle) => unreachable!("a file is never idle"),
            Ok(Next::End) => return content,
            Err(error) => content.error = Some(error.to_string()),
        }
    }
}
