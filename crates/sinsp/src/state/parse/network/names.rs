//! DNS replies, which contain the names of addresses.

use eyas_events::ParamType;
use eyas_scap::RawEvent;

use crate::dns::{self, Message};
use crate::state::{Current, Fd, L4, Socket, State, Text};

/// Applies a reply to a client.
pub(in crate::state) fn observe(state: &mut State, raw: &RawEvent<'_>, now: &Current) {
    let Some(thread) = now.thread.and_then(|key| state.threads.at(key)) else { return };
    let Some(fd) = now.fd.and_then(|num| state.threads.fds(thread)?.get(num)) else { return };
    let Some(message) = message_of(raw, fd).filter(|message| message.is_answer) else { return };
    let container = thread.container.clone().unwrap_or_else(|| b"".as_slice().into());
    let name: Text = message.query.as_slice().into();
    for address in message.addresses {
        state.observed.add(container.clone(), address, name.clone());
    }
}

/// The DNS message in the event's data, if the peer is a name server.
pub(crate) fn message_of(raw: &RawEvent<'_>, fd: &Fd) -> Option<Message> {
    let Socket::Inet { source, destination } = fd.socket() else { return None };
    if source.1 != dns::PORT && destination.1 != dns::PORT {
        return None;
    }
    let at = raw.info()?.params.iter().position(|p| p.name == "data" && p.ty == ParamType::BYTEBUF)?;
    dns::parse(raw.param(at)?, fd.l4 == L4::Tcp)
}
