//! What a call that opens a file asks for.

use eyas_events::{EventType, param};

use crate::view::EventView;

/// Portable open flags (`PPM_O_*`).
pub(super) const READ: u64 = 1;
pub(super) const WRITE: u64 = 1 << 1;
const CREATE: u64 = 1 << 2;
const TMPFILE: u64 = 1 << 13;
const CREATED: u64 = 1 << 14;

/// Any of the execute bits of a mode.
const EXECUTE: u64 = 0o111;

/// Whether the event is of the open family.
pub(super) fn is_open(ty: EventType) -> bool {
    matches!(
        ty,
        EventType::SYSCALL_OPEN_X
            | EventType::SYSCALL_OPENAT_2_X
            | EventType::SYSCALL_OPENAT2_X
            | EventType::SYSCALL_OPEN_BY_HANDLE_AT_X
            | EventType::SYSCALL_CREAT_X
    )
}

/// Portable flags of a call that opens.
pub(super) fn flags(v: &EventView<'_>) -> Option<u64> {
    let event = v.event();
    event.uint(match event.ty {
        EventType::SYSCALL_OPEN_X => param::SYSCALL_OPEN_X::flags,
        EventType::SYSCALL_OPENAT_2_X => param::SYSCALL_OPENAT_2_X::flags,
        EventType::SYSCALL_OPENAT2_X => param::SYSCALL_OPENAT2_X::flags,
        EventType::SYSCALL_OPEN_BY_HANDLE_AT_X => param::SYSCALL_OPEN_BY_HANDLE_AT_X::flags,
        _ => return None,
    })
}

pub(super) fn is_exec(v: &EventView<'_>) -> bool {
    let event = v.event();
    let mode = match event.ty {
        EventType::SYSCALL_CREAT_X => return has_execute(event.uint(param::SYSCALL_CREAT_X::mode)),
        EventType::SYSCALL_OPEN_X => param::SYSCALL_OPEN_X::mode,
        EventType::SYSCALL_OPENAT_2_X => param::SYSCALL_OPENAT_2_X::mode,
        EventType::SYSCALL_OPENAT2_X => param::SYSCALL_OPENAT2_X::mode,
        _ => return false,
    };
    flags(v).is_some_and(|f| f & (CREATE | TMPFILE) != 0) && has_execute(event.uint(mode))
}

fn has_execute(mode: Option<u64>) -> bool {
    mode.is_some_and(|mode| mode & EXECUTE != 0)
}

pub(super) fn is_create(v: &EventView<'_>) -> bool {
    let made = |flags: u64| {
        flags & CREATED != 0 || (flags & TMPFILE != 0 && v.result().is_some_and(|result| result >= 0))
    };
    if v.event().ty == EventType::SYSCALL_CREAT_X {
        return v.event().uint(param::SYSCALL_CREAT_X::creat_flags).is_some_and(made);
    }
    flags(v).is_some_and(made)
}
