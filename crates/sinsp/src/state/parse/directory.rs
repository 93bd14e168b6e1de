//! Working and root directories.

use eyas_events::{EventType, param};
use eyas_scap::RawEvent;

use super::values::text;
use crate::path::{self, Base};
use crate::state::{Current, State, Text, ThreadKey};

/// Sets the directories of the thread that the event reports; returns whether it reports any.
pub(super) fn set_directories(state: &mut State, key: ThreadKey, raw: &RawEvent<'_>) -> bool {
    let (cwd, root) = match raw.ty {
        EventType::SYSCALL_CHDIR_X => (raw.kernel_path(param::SYSCALL_CHDIR_X::path), None),
        EventType::SYSCALL_CHROOT_X => (None, raw.kernel_path(param::SYSCALL_CHROOT_X::path)),
        _ => (raw.kernel_cwd(), raw.kernel_root()),
    };
    if let Some(root) = root {
        state.threads.set_root(key, root);
    }
    if let Some(cwd) = cwd {
        let mut out = std::mem::take(&mut state.scratch);
        out.clear();
        out.extend_from_slice(cwd);
        if out.last() != Some(&b'/') {
            out.push(b'/');
        }
        state.threads.set_cwd(key, &out);
        state.scratch = out;
    }
    cwd.is_some() || root.is_some()
}

pub(super) fn apply(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    if raw.int(0).is_none_or(|res| res < 0) {
        return;
    }
    let Some(key) = now.thread else { return };
    if set_directories(state, key, raw) {
        return;
    }
    let Some(thread) = state.threads.at(key) else { return };
    let path: Text = match raw.ty {
        EventType::SYSCALL_CHDIR_X => text(raw, param::SYSCALL_CHDIR_X::path),
        EventType::SYSCALL_GETCWD_X => text(raw, param::SYSCALL_GETCWD_X::path),
        EventType::SYSCALL_CHROOT_X => text(raw, param::SYSCALL_CHROOT_X::path),
        EventType::SYSCALL_PIVOT_ROOT_X
        | EventType::SYSCALL_MOUNT_X
        | EventType::SYSCALL_UMOUNT_1_X
        | EventType::SYSCALL_UMOUNT2_X => return,
        _ => {
            let fd = raw.int(param::SYSCALL_FCHDIR_X::fd).and_then(|n| state.threads.fds(thread)?.get(n));
            match fd {
                Some(fd) => fd.name.clone(),
                None => return,
            }
        }
    };
    let mut out = std::mem::take(&mut state.scratch);
    path::resolve(Base::Path(state.threads.cwd(thread)), &path, &mut out);
    if raw.ty == EventType::SYSCALL_CHROOT_X {
        state.threads.set_root(key, &out);
    } else {
        if out.last() != Some(&b'/') {
            out.push(b'/');
        }
        state.threads.set_cwd(key, &out);
    }
    state.scratch = out;
}
