//! Flags and mode of a call that opens a file.

use eyas_events::{EventType, FlagTable, param};

use crate::state;
use crate::view::EventView;

/// Portable open flags (`PPM_O_*`).
pub(crate) const READ: u64 = FlagTable::FILE_FLAGS.value("O_RDONLY") as u64;
pub(crate) const WRITE: u64 = FlagTable::FILE_FLAGS.value("O_WRONLY") as u64;
pub(crate) const CREATE: u64 = FlagTable::FILE_FLAGS.value("O_CREAT") as u64;
const TRUNCATE: u64 = FlagTable::FILE_FLAGS.value("O_TRUNC") as u64;
pub(crate) const TMPFILE: u64 = FlagTable::FILE_FLAGS.value("O_TMPFILE") as u64;
pub(crate) const CREATED: u64 = FlagTable::FILE_FLAGS.value("O_F_CREATED") as u64;

/// Any of the execute bits of a mode.
const EXECUTE: u64 = 0o111;

/// Whether the event is of the open family.
pub(crate) fn is_open(ty: EventType) -> bool {
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
        EventType::SYSCALL_CREAT_X => {
            // The flags of creat's definition, and whether the kernel created the file.
            let reported = event.uint(param::SYSCALL_CREAT_X::creat_flags).unwrap_or(0);
            return Some(WRITE | CREATE | TRUNCATE | reported & CREATED);
        }
        _ => return None,
    })
}

/// Mode and inode of a call that may create a file.
fn made(v: &EventView<'_>) -> Option<(u64, u64)> {
    use param::{SYSCALL_CREAT_X as creat, SYSCALL_OPEN_X as open};
    use param::{SYSCALL_OPENAT_2_X as openat, SYSCALL_OPENAT2_X as openat2};
    let event = v.event();
    let (mode, ino) = match event.ty {
        EventType::SYSCALL_CREAT_X => (creat::mode, creat::ino),
        EventType::SYSCALL_OPEN_X => (open::mode, open::ino),
        EventType::SYSCALL_OPENAT_2_X => (openat::mode, openat::ino),
        EventType::SYSCALL_OPENAT2_X => (openat2::mode, openat2::ino),
        _ => return None,
    };
    Some((event.uint(mode)?, event.uint(ino).unwrap_or(0)))
}

/// Whether the call created an executable file. Old captures do not show whether the call created the file;
/// for them every call that may create one is included.
pub(super) fn is_exec(v: &EventView<'_>) -> bool {
    let (Some(flags), Some((mode, ino))) = (flags(v), made(v)) else { return false };
    let is_known = ino != 0;
    let may_be_made = || flags & (CREATE | TMPFILE) != 0 && !has_failed(v);
    mode & EXECUTE != 0 && if is_known { is_made(v, flags) } else { may_be_made() }
}

pub(super) fn is_create(v: &EventView<'_>) -> bool {
    flags(v).is_some_and(|flags| is_made(v, flags))
}

fn is_made(v: &EventView<'_>, flags: u64) -> bool {
    flags & CREATED != 0 || state::is_unnamed(flags as u32) && !has_failed(v)
}

fn has_failed(v: &EventView<'_>) -> bool {
    v.result().is_none_or(|result| result < 0)
}
