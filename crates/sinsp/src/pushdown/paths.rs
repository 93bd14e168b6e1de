//! The paths that fields of an event may show, if the event itself determines them.

use eyas_events::EventType;
use eyas_scap::RawEvent;

use crate::{path_params, state};

/// Maximum length of a path that is shown unchanged.
const LONGEST: usize = 4096;

/// Calls `visit` with every path that a field of the parameter may show: the requested path, and the
/// kernel's. `None` is a path that only the state knows.
pub(super) fn each<'a>(event: &RawEvent<'a>, param: usize, visit: &mut dyn FnMut(Option<&'a [u8]>)) {
    // A resolved path is shown unchanged, whatever the thread's directory.
    let plain = |path: &'a [u8]| Some(path).filter(|path| is_plain(path));
    let asked = event.text(param).filter(|_| !path_params::has_own_root(event) && !is_unnamed(event));
    visit(asked.and_then(plain));
    for path in [event.kernel_path(param), event.opened_path()].into_iter().flatten() {
        visit(plain(path));
    }
}

/// Whether the event may have opened an unnamed file, which is shown with the kernel's name.
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

/// Whether a text is shown unchanged in every output format.
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

/// The last component of a path; the whole path if that is empty.
pub(super) fn name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().filter(|last| !last.is_empty()).unwrap_or(path)
}
