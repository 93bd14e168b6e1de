//! `dns.*`.

use eyas_fields::{Field, Value};

use super::row::fields;
use crate::dns::Message;
use crate::render::Text;
use crate::state::message_of;
use crate::view::EventView;

fields! {
    "dns.query": STR Event Na; "Domain name in a DNS query or reply, in lower case."
        => query,
    "dns.answers": STR Event Na (LIST | NO_RHS); "Addresses in a DNS reply."
        => answers,
    "dns.is_answer": BOOL Event Na; "Whether the DNS message is a reply."
        => |v, _| Some(Value::Bool(message(v)?.is_answer)),
}

fn message(v: &EventView<'_>) -> Option<Message> {
    message_of(&v.event(), v.fd()?)
}

fn query<'v>(v: &'v EventView<'v>, _: &Field) -> Option<Value<'v>> {
    Some(Value::Str(v.bump().alloc_slice_copy(&message(v)?.query)))
}

fn answers<'v>(v: &'v EventView<'v>, _: &Field) -> Option<Value<'v>> {
    let message = message(v)?;
    Some(v.list(message.addresses.iter().map(|address| {
        let mut text = Text::with_capacity(40, v.bump());
        text.push(address.to_string().as_bytes());
        Value::Str(text.finish())
    })))
}
