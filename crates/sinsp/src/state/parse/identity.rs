//! Users, groups and capabilities of a thread.

use eyas_events::{EventType, FlagTable, param};
use eyas_scap::RawEvent;

use super::Current;
use crate::state::{State, Thread};

const NEWUSER: u64 = FlagTable::CLONE_FLAGS.value("CLONE_NEWUSER") as u64;
/// Every capability that exists: what the maker of a user namespace has in it.
const ALL_CAPS: u64 = (1 << 41) - 1;

pub(super) fn apply(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    use EventType as E;
    if raw.int(0) != Some(0) {
        return;
    }
    let Some(thread) = now.thread.and_then(|key| state.threads.at_mut(key)) else { return };
    match raw.ty {
        E::SYSCALL_SETUID_X => set_uid(thread, raw.uint(param::SYSCALL_SETUID_X::uid)),
        E::SYSCALL_SETREUID_X => set_uid(thread, raw.uint(param::SYSCALL_SETREUID_X::euid)),
        E::SYSCALL_SETRESUID_X => set_uid(thread, raw.uint(param::SYSCALL_SETRESUID_X::euid)),
        E::SYSCALL_SETGID_X => set_gid(thread, raw.uint(param::SYSCALL_SETGID_X::gid)),
        E::SYSCALL_SETREGID_X => set_gid(thread, raw.uint(param::SYSCALL_SETREGID_X::egid)),
        E::SYSCALL_SETRESGID_X => set_gid(thread, raw.uint(param::SYSCALL_SETRESGID_X::egid)),
        E::SYSCALL_CAPSET_X => {
            use param::SYSCALL_CAPSET_X as p;
            for (slot, index) in
                thread.caps.iter_mut().zip([p::cap_inheritable, p::cap_permitted, p::cap_effective])
            {
                *slot = raw.uint(index).unwrap_or(*slot);
            }
        }
        E::SYSCALL_UNSHARE_X => new_user_namespace(thread, raw.uint(param::SYSCALL_UNSHARE_X::flags)),
        E::SYSCALL_SETNS_X => new_user_namespace(thread, raw.uint(param::SYSCALL_SETNS_X::nstype)),
        _ => {}
    }
}

/// `u32::MAX` leaves an id as it is.
fn set_uid(thread: &mut Thread, uid: Option<u64>) {
    if let Some(uid) = uid.map(|id| id as u32).filter(|id| *id != u32::MAX) {
        thread.uid = uid;
    }
}

fn set_gid(thread: &mut Thread, gid: Option<u64>) {
    if let Some(gid) = gid.map(|id| id as u32).filter(|id| *id != u32::MAX) {
        thread.gid = gid;
    }
}

fn new_user_namespace(thread: &mut Thread, flags: Option<u64>) {
    if flags.is_some_and(|flags| flags & NEWUSER != 0) {
        thread.caps = [ALL_CAPS; 3];
    }
}
