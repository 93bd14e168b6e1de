//! The paths that fields of an event may show, as far as the event alone says it.

use eyas_events::EventType;
use eyas_scap::RawEvent;

use crate::{path_params, state};

/// Longest path that is taken as it is: longer ones are shown as another text.
const LONGEST: usize = 4096;

/// Calls `visit` with every path that a field about the parameter may show: the one that was asked for, and the kernel's.
/// `None` stands for one that only the state has.
pub(super) fn each<'a>(event: &RawEvent<'a>, param: usize, visit: &mut dyn FnMut(Option<&'a [u8]>)) {
    // What is walked already is shown as it is, wherever the thread is.
    let plain = |path: &'a [u8]| Some(path).filter(|path| is_plain(path));
    let asked = event.text(param).filter(|_| !path_params::has_own_root(event) && !is_unnamed(event));
    visit(asked.and_then(plain));
    for path in [event.kernel_path(param), event.opened_path()].into_iter().flatten() {
        visit(plain(path));
    }
}

/// Whether the event may have opened a file without a name, which is shown as the kernel calls it.
fn is_unnamed(event: &RawEvent<'_>) -> bool {
    use eyas_events::param::{SYSCALL_OPEN_BY_HANDLE_AT_X as handle, SYSCALL_OPEN_X as open};
    use eyas_events::param::{SYSCALL_OPENAT_2_X as openat, SYSCALL_OPENAT2_X as openat2};
    let at = match event.ty {
        EventType::SYSCALL_OPEN_X => open::flags,
        EventType::SYSCALL_OPENAT_2_X => openat::flags,
        EventType::SYSCALL_OPENAT2_X => openat2::flags,
        EventType::SYSCALL_OPEN_BY_HANDLE_AT_X => handle::flags,
        _ => return false,
    };
    event.uint(at).is_none_or(|flags| state::is_unnamed(flags as u32))
}

fn is_plain(path: &[u8]) -> bool {
    path.first() == Some(&b'/') && path.len() < LONGEST && path_params::is_walked(path) && is_printable(path)
}

/// Whether a text is shown as it is, whatever the form of outputs.
pub(super) fn is_printable(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

/// The directory of a path.
pub(super) fn directory(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|byte| *byte == b'/') {
        None | Some(0) => b"/",
        Some(at) => &path[..at],
    }
}

/// The last part of a path; the whole if that is empty.
pub(super) fn name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().filter(|last| !last.is_empty()).unwrap_or(path)
}
