//! Requested paths of calls, and the kernel's paths.

use eyas_events::{EventType, FlagTable, KernelPath, ParamDetail, param};
use eyas_scap::RawEvent;

use crate::path::Base;
use crate::view::EventView;

/// The schema's `AT_FDCWD`.
const AT_FDCWD: i64 = -100;

/// Position of a symbolic link's target, which is relative to the directory of the link, and of the link's path.
pub(crate) const fn link(ty: EventType) -> Option<(usize, usize)> {
    use param::{SYSCALL_SYMLINK_X as symlink, SYSCALL_SYMLINKAT_X as symlinkat};
    match ty {
        EventType::SYSCALL_SYMLINK_X => Some((symlink::target, symlink::linkpath)),
        EventType::SYSCALL_SYMLINKAT_X => Some((symlinkat::target, symlinkat::linkpath)),
        _ => None,
    }
}

/// Positions of the parameters for which events contain the kernel's paths.
pub(crate) fn of(ty: EventType) -> impl Iterator<Item = usize> {
    let paths = PATHS.get(usize::from(ty.0)).copied().unwrap_or_default().iter();
    let paths = paths.filter_map(|path| match path {
        KernelPath::Param(at) => Some(*at),
        KernelPath::File(_) | KernelPath::Cwd | KernelPath::Root => None,
    });
    paths.chain(link(ty).map(|(target, _)| target))
}

/// [`EventType::kernel_paths`] by code: a table instead of many comparisons.
static PATHS: [&[KernelPath]; EventType::COUNT] = {
    let mut paths: [&[KernelPath]; EventType::COUNT] = [&[]; EventType::COUNT];
    let mut code = 0;
    while code < paths.len() {
        paths[code] = EventType(code as u16).kernel_paths();
        code += 1;
    }
    paths
};

/// The absolute path of a parameter: in the alternate view the kernel's path, if it is known; otherwise the
/// requested path.
pub(crate) fn absolute<'v>(v: &EventView<'v>, at: usize) -> Option<&'v [u8]> {
    let event = v.event();
    let name = event.text(at)?;
    if v.is_alternate()
        && let Some(path) = event.kernel_path(at)
    {
        // A file that is not mounted has no path from the root. Other kernel paths may be a directory's
        // path followed by the requested path, which is not resolved yet.
        return Some(if path.first() == Some(&b'/') { v.resolve(Base::Path(b"/"), path) } else { path });
    }
    if let Some((_, link)) = link(event.ty).filter(|(target, _)| *target == at) {
        let link = absolute(v, link)?;
        let dir = link.iter().rposition(|byte| *byte == b'/').map_or(&b""[..], |slash| &link[..=slash]);
        return Some(v.resolve(Base::Path(dir), name));
    }
    if event.ty == EventType::SYSCALL_MOUNT_X && at == param::SYSCALL_MOUNT_X::dev && !names_a_file(v, name) {
        return Some(name);
    }
    if is_kernel_name(event.ty, name) {
        return Some(name);
    }
    let dirfd = match event.info()?.params.get(at)?.detail {
        ParamDetail::At(at) => event.int(usize::from(at)).unwrap_or(AT_FDCWD),
        _ => AT_FDCWD,
    };
    let base = v.base(dirfd);
    Some(v.resolve(if has_own_root(&event) { base.as_root() } else { base }, name))
}

/// Whether the path of the event is the kernel's name of a file that is in no directory. Other relative paths begin at a
/// directory of the process.
pub(crate) fn is_kernel_name(ty: EventType, name: &[u8]) -> bool {
    ty == EventType::SYSCALL_OPEN_BY_HANDLE_AT_X && name.first() != Some(&b'/')
}

/// Whether the starting directory of the path is the root for the call, instead of the caller's root.
pub(crate) fn has_own_root(event: &RawEvent<'_>) -> bool {
    const IN_ROOT: u64 = FlagTable::OPENAT2_FLAGS.value("RESOLVE_IN_ROOT") as u64;
    event.ty == EventType::SYSCALL_OPENAT2_X
        && event.uint(param::SYSCALL_OPENAT2_X::resolve).unwrap_or(0) & IN_ROOT != 0
}

/// Whether the source of a mount is a path. Other sources are names for the file system, or have no
/// meaning.
fn names_a_file(v: &EventView<'_>, source: &[u8]) -> bool {
    const OF_FILES: u64 =
        (FlagTable::MOUNT_FLAGS.value("BIND") | FlagTable::MOUNT_FLAGS.value("MOVE")) as u64;
    let flags = v.event().uint(param::SYSCALL_MOUNT_X::flags).unwrap_or(0);
    source.first() == Some(&b'/') || flags & OF_FILES != 0
}

/// Whether a path has no parts that resolution removes: `.`, `..`, doubled slashes and a trailing slash.
pub(crate) fn is_walked(path: &[u8]) -> bool {
    let is_taken_out = |slash: usize| {
        let part = &path[slash + 1..];
        match part.first() {
            Some(b'/') => true,
            // Names that begin with a dot are ordinary parts.
            Some(b'.') => {
                let rest = part.strip_prefix(b"..").unwrap_or(&part[1..]);
                rest.first().is_none_or(|byte| *byte == b'/')
            }
            _ => false,
        }
    };
    !memchr::memchr_iter(b'/', path).any(is_taken_out) && (path.len() == 1 || path.last() != Some(&b'/'))
}

/// Whether [`of`] returns anything for events with this code. For most it does not, and this must be fast.
static HAS_ANY: [bool; EventType::COUNT] = {
    let mut has_any = [false; EventType::COUNT];
    let mut code = 0;
    while code < has_any.len() {
        let ty = EventType(code as u16);
        let paths = ty.kernel_paths();
        has_any[code] = link(ty).is_some();
        let mut at = 0;
        while at < paths.len() {
            has_any[code] |= matches!(paths[at], KernelPath::Param(_));
            at += 1;
        }
        code += 1;
    }
    has_any
};

/// Whether any path in the alternate view of the event differs from this view.
#[inline]
pub(crate) fn differ(v: &EventView<'_>) -> bool {
    HAS_ANY.get(usize::from(v.event().ty.0)).is_some_and(|has_any| *has_any) && differ_in_any(v)
}

fn differ_in_any(v: &EventView<'_>) -> bool {
    let event = v.event();
    let kernel = v.of_kernel();
    let root_is_own = has_own_root(&event);
    let differs = |at: usize| {
        let asked = event.text(at)?;
        // Absolute paths are shown unchanged.
        let is_absolute = asked.first() == Some(&b'/');
        let is_text = link(event.ty).is_some_and(|(target, _)| target == at);
        // Most paths are of this kind, and need not be resolved; in captures of other programs all are.
        if !is_text && !root_is_own && event.kernel_path(at).is_none() && (!is_absolute || is_walked(asked)) {
            return Some(false);
        }
        let shown = if is_absolute || is_text { asked } else { absolute(v, at)? };
        Some(absolute(&kernel, at)? != shown)
    };
    of(event.ty).any(|at| differs(at) == Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_agrees_with_the_rows() {
        for (code, has_any) in HAS_ANY.iter().enumerate() {
            assert_eq!(*has_any, of(EventType(code as u16)).next().is_some(), "{code}");
        }
        for ty in
            [EventType::SYSCALL_OPENAT_2_X, EventType::SYSCALL_FCHMODAT2_X, EventType::SYSCALL_SYMLINK_X]
        {
            assert!(HAS_ANY[usize::from(ty.0)], "{ty:?}");
        }
    }

    #[test]
    fn paths_with_dots_or_double_slashes_are_not_resolved() {
        for (path, walked) in [
            ("/", true),
            ("/etc/passwd", true),
            ("/etc/a.b", true),
            ("/etc//passwd", false),
            ("/etc/./passwd", false),
            ("/etc/../passwd", false),
            ("/etc/..", false),
            ("/etc/", false),
            ("/etc/.", false),
            ("/root/.ssh/id", true),
            ("/root/..ssh", true),
            ("/root/...", true),
            ("/root/.../a", true),
            ("/.", false),
            ("/..", false),
            ("/../a", false),
        ] {
            assert_eq!(is_walked(path.as_bytes()), walked, "{path}");
        }
    }
}
