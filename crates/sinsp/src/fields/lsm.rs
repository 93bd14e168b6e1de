//! `lsm.*`.

use eyas_fields::{Field, Value};

use super::row::fields;
use crate::render::{Text, names, sock_addr};
use crate::view::EventView;

fields! {
    "lsm.hook": STR Event Na; "Security hook of the kernel that decided about the call, such as file_open."
        => |v, _| v.event().decision()?.hook().map(|hook| Value::from(hook.name)),
    "lsm.verdict": STR Event Na; "allowed, or the error by which a security module denied the call, such as EACCES."
        => verdict,
    "lsm.path": STR Event Na; "The kernel's path of the file or directory entry that the hook decided about."
        => |v, _| v.event().decision()?.path().map(Value::Str),
    "lsm.target": STR Event Na; "The other object of the decision: the new path of a rename or a link, the target of a symbolic link, the name of an attribute, the source of a mount."
        => |v, _| v.event().decision()?.target().map(Value::Str),
    "lsm.address": STR Event Na; "Address and port of the socket that the hook decided about."
        => address,
    "lsm.value": INT64 Event Dec; "Number that the hook decided about: flags of an open, a mode, a protection of memory, the id of a process or user, a command."
        => |v, _| v.event().decision()?.value().map(Value::Int),
}

fn verdict<'v>(v: &'v EventView<'v>, _: &Field) -> Option<Value<'v>> {
    let verdict = v.event().decision()?.verdict();
    Some(match (verdict, names::errno(verdict)) {
        (0.., _) => Value::from("allowed"),
        (_, Some(name)) => Value::from(name),
        (_, None) => Value::from("denied"),
    })
}

fn address<'v>(v: &'v EventView<'v>, _: &Field) -> Option<Value<'v>> {
    let mut text = Text::with_capacity(48, v.bump());
    sock_addr(v.event().decision()?.address()?, None, &mut text);
    Some(Value::Str(text.finish()))
}
