//! Users, groups and capabilities of a thread.

use eyas_events::{EventType, FlagTable, param};
use eyas_scap::RawEvent;

use crate::state::Current;
use crate::state::{State, Thread, ThreadKey};

const NEWUSER: u64 = FlagTable::CLONE_FLAGS.value("CLONE_NEWUSER") as u64;
/// Every existing capability, which the creator of a user namespace has in it.
const ALL_CAPS: u64 = (1 << 41) - 1;
/// Inheritable, permitted and effective capabilities of the creator of a user namespace.
pub(super) const CAPS_IN_NEW_NAMESPACE: [u64; 3] = [0, ALL_CAPS, ALL_CAPS];
const ROOT: u32 = 0;
/// An argument that leaves the id unchanged.
const KEEP: u32 = u32::MAX;

/// Bits of `prctl(PR_SET_SECUREBITS)`.
pub(super) const KEEP_CAPS: u8 = 1 << 4;
const NO_SETUID_FIXUP: u8 = 1 << 2;

const PERMITTED: usize = 1;
const EFFECTIVE: usize = 2;

/// The data that the calls of this family change.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Identity {
    real: u32,
    effective: u32,
    saved: u32,
    gid: u32,
    caps: [u64; 3],
}

impl Identity {
    fn of(thread: &Thread) -> Self {
        Self {
            real: thread.real_uid,
            effective: thread.uid,
            saved: thread.saved_uid,
            gid: thread.gid,
            caps: thread.caps,
        }
    }

    fn is_root(&self) -> bool {
        [self.real, self.effective, self.saved].contains(&ROOT)
    }

    fn set_gid(&mut self, gid: Option<u64>) {
        set(&mut self.gid, gid);
    }

    /// `setuid`: sets all three ids if the process is privileged, otherwise the effective one.
    fn set_uid(&mut self, uid: Option<u64>) {
        const SETUID: u64 = 1 << 7;
        if self.caps[EFFECTIVE] & SETUID != 0 {
            set(&mut self.real, uid);
            set(&mut self.saved, uid);
        }
        set(&mut self.effective, uid);
    }

    /// `setreuid`: if the real id is set, or the effective id is set to another value than it, the saved id
    /// becomes the effective one.
    fn set_real_and_effective(&mut self, real: Option<u64>, effective: Option<u64>) {
        let old = self.real;
        let is_set = |id: Option<u64>| id.map(|id| id as u32).filter(|id| *id != KEEP);
        set(&mut self.real, real);
        set(&mut self.effective, effective);
        if is_set(real).is_some() || is_set(effective).is_some_and(|id| id != old) {
            self.saved = self.effective;
        }
    }

    /// The kernel's changes of capabilities when user ids change; see capabilities(7).
    fn adjust_caps(&mut self, before: &Self, securebits: u8) {
        if securebits & NO_SETUID_FIXUP != 0 {
            return;
        }
        if before.is_root() && !self.is_root() && securebits & KEEP_CAPS == 0 {
            (self.caps[PERMITTED], self.caps[EFFECTIVE]) = (0, 0);
        }
        match (before.effective == ROOT, self.effective == ROOT) {
            (true, false) => self.caps[EFFECTIVE] = 0,
            (false, true) => self.caps[EFFECTIVE] = self.caps[PERMITTED],
            _ => {}
        }
    }
}

fn set(slot: &mut u32, id: Option<u64>) {
    if let Some(id) = id.map(|id| id as u32).filter(|id| *id != KEEP) {
        *slot = id;
    }
}

pub(super) fn apply(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    let Some(key) = now.thread else { return };
    if raw.int(0) == Some(0) {
        computed(state, raw, key);
    }
    let Some(reported) = raw.credentials() else { return };
    let differs = |thread: &Thread| {
        (thread.uid, thread.gid, thread.caps) != (reported.uid, reported.gid, reported.caps)
    };
    if state.threads.at(key).is_some_and(differs)
        && let Some(thread) = state.threads.at_mut(key)
    {
        (thread.uid, thread.gid, thread.caps) = (reported.uid, reported.gid, reported.caps);
    }
    login(state, raw, key);
}

/// Sets the login user. A session begins with a write to a file in `/proc`; then it changes its ids.
pub(super) fn login(state: &mut State, raw: &RawEvent<'_>, key: ThreadKey) {
    if let Some(user) = raw.login_user()
        && state.threads.at(key).is_some_and(|thread| thread.loginuid != user)
        && let Some(thread) = state.threads.at_mut(key)
    {
        thread.loginuid = user;
    }
}

/// Computes the call's changes from its arguments, for events that do not report the new values.
fn computed(state: &mut State, raw: &RawEvent<'_>, key: ThreadKey) {
    use EventType as E;
    if raw.ty == E::SYSCALL_UNSHARE_X {
        unshare(state, key, raw.uint(param::SYSCALL_UNSHARE_X::flags).unwrap_or(0));
    }
    super::directory::set_directories(state, key, raw);
    let Some(thread) = state.threads.at(key) else { return };
    let before = Identity::of(thread);
    let (mut now, mut securebits) = (before, thread.securebits);
    let uint = |index| raw.uint(index);
    match raw.ty {
        E::SYSCALL_SETUID_X => now.set_uid(uint(param::SYSCALL_SETUID_X::uid)),
        E::SYSCALL_SETREUID_X => {
            use param::SYSCALL_SETREUID_X as p;
            now.set_real_and_effective(uint(p::ruid), uint(p::euid));
        }
        E::SYSCALL_SETRESUID_X => {
            use param::SYSCALL_SETRESUID_X as p;
            set(&mut now.real, uint(p::ruid));
            set(&mut now.effective, uint(p::euid));
            set(&mut now.saved, uint(p::suid));
        }
        E::SYSCALL_SETGID_X => now.set_gid(uint(param::SYSCALL_SETGID_X::gid)),
        E::SYSCALL_SETREGID_X => now.set_gid(uint(param::SYSCALL_SETREGID_X::egid)),
        E::SYSCALL_SETRESGID_X => now.set_gid(uint(param::SYSCALL_SETRESGID_X::egid)),
        E::SYSCALL_CAPSET_X => {
            use param::SYSCALL_CAPSET_X as p;
            for (slot, index) in
                now.caps.iter_mut().zip([p::cap_inheritable, p::cap_permitted, p::cap_effective])
            {
                *slot = uint(index).unwrap_or(*slot);
            }
        }
        E::SYSCALL_UNSHARE_X | E::SYSCALL_SETNS_X if enters_user_namespace(state, thread, raw) => {
            now.caps = CAPS_IN_NEW_NAMESPACE;
            securebits = 0;
        }
        _ => {}
    }
    now.adjust_caps(&before, securebits);
    state.threads.set_securebits(key, securebits);
    if now == before {
        return;
    }
    if let Some(thread) = state.threads.at_mut(key) {
        (thread.real_uid, thread.uid, thread.saved_uid) = (now.real, now.effective, now.saved);
        (thread.gid, thread.caps) = (now.gid, now.caps);
    }
}

fn enters_user_namespace(state: &State, thread: &Thread, raw: &RawEvent<'_>) -> bool {
    if raw.ty == EventType::SYSCALL_UNSHARE_X {
        return raw.uint(param::SYSCALL_UNSHARE_X::flags).unwrap_or(0) & NEWUSER != 0;
    }
    use param::SYSCALL_SETNS_X as p;
    let is_of_users = || {
        let fd = raw.int(p::fd).and_then(|fd| state.threads.fds(thread)?.get(fd));
        fd.is_some_and(|fd| fd.name.ends_with(b"/ns/user") || fd.name.starts_with(b"user:["))
    };
    match raw.uint(p::nstype).unwrap_or(0) {
        // The descriptor may be of any namespace.
        0 => is_of_users(),
        types => types & NEWUSER != 0,
    }
}

/// Ends the sharing of data with other threads. New mount and user namespaces also need separate
/// directories.
fn unshare(state: &mut State, key: ThreadKey, flags: u64) {
    const FILES: u64 = FlagTable::CLONE_FLAGS.value("CLONE_FILES") as u64;
    const FS: u64 = FlagTable::CLONE_FLAGS.value("CLONE_FS") as u64;
    const NEWNS: u64 = FlagTable::CLONE_FLAGS.value("CLONE_NEWNS") as u64;
    if flags & FILES != 0 {
        state.threads.unshare_files(key);
    }
    if flags & (FS | NEWNS | NEWUSER) != 0 {
        state.threads.unshare_directories(key);
    }
}
