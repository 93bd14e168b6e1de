//! `fdlist.*`: the files of a `poll`.

use std::net::IpAddr;

use eyas_events::ParamType;
use eyas_fields::Value;

use super::row::fields;
use crate::render::{Text, poll_list};
use crate::state::{Fd, Socket};
use crate::view::EventView;

fields! {
    "fdlist.nums": STR Event Id; "File descriptors that are polled, comma-separated."
        => |v, _| list(v, |num, _, out| { out.int(num); Some(()) }),
    "fdlist.names": STR Event Na; "Names of the files that are polled, comma-separated."
        => |v, _| list(v, |_, fd, out| { out.push(name(fd)); Some(()) }),
    "fdlist.cips": STR Event Na; "Client addresses of the sockets that are polled, comma-separated."
        => |v, _| list(v, |_, fd, out| { out.print(format_args!("{}", client(fd?)?.0)); Some(()) }),
    "fdlist.sips": STR Event Na; "Server addresses of the sockets that are polled, comma-separated."
        => |v, _| list(v, |_, fd, out| { out.print(format_args!("{}", server(fd?)?.0)); Some(()) }),
    "fdlist.cports": STR Event Dec; "Client ports of the sockets that are polled, comma-separated."
        => |v, _| list(v, |_, fd, out| { out.int(client(fd?)?.1); Some(()) }),
    "fdlist.sports": STR Event Dec; "Server ports of the sockets that are polled, comma-separated."
        => |v, _| list(v, |_, fd, out| { out.int(server(fd?)?.1); Some(()) }),
}

/// Text for an unknown file, or one without a name.
const NA: &[u8] = b"<NA>";

fn name(fd: Option<&Fd>) -> &[u8] {
    fd.map(|fd| &*fd.name).filter(|name| !name.is_empty()).unwrap_or(NA)
}

fn client(fd: &Fd) -> Option<(IpAddr, u16)> {
    match fd.socket() {
        Socket::Inet { source, .. } => Some(source),
        _ => None,
    }
}

fn server(fd: &Fd) -> Option<(IpAddr, u16)> {
    match fd.socket() {
        Socket::Inet { destination, .. } => Some(destination),
        Socket::Server { addr } => Some(addr),
        _ => None,
    }
}

/// The texts that `item` writes for each file, without empty ones; absent if none remains.
fn list<'v>(
    v: &'v EventView<'v>,
    item: impl Fn(i64, Option<&Fd>, &mut Text<'_>) -> Option<()>,
) -> Option<Value<'v>> {
    let event = v.event();
    let at = event.info()?.params.iter().position(|param| param.ty == ParamType::FDLIST)?;
    let mut all = Text::new(v.bump());
    let mut one = Text::new(v.bump());
    let mut any = false;
    for (num, _) in poll_list(event.param(at)?) {
        one.clear();
        if item(num, v.fd_entry(num), &mut one).is_some() {
            if any {
                all.push(b",");
            }
            all.push(one.as_bytes());
            any = true;
        }
    }
    any.then(|| Value::Str(all.finish()))
}
