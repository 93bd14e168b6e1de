//! Threads that lost events may have changed.

use eyas_events::EventType;
use eyas_scap::Suspects;

use super::parse::changes_state;

/// Events that change threads of other thread groups than the caller's: their process groups and limits, and names of files that
/// others have open.
const OF_OTHERS: [EventType; 5] = [
    EventType::SYSCALL_SETPGID_X,
    EventType::SYSCALL_PRLIMIT_X,
    EventType::SYSCALL_RENAME_X,
    EventType::SYSCALL_RENAMEAT_X,
    EventType::SYSCALL_RENAMEAT2_X,
];

/// The thread groups whose state is in doubt after these losses; `None` if the events change no state.
/// `is_shared` means that thread groups share files or directories, so an event of one changes those of
/// another.
pub(crate) fn reach(of: &Suspects, is_shared: bool) -> Option<Suspects> {
    if !may_change_state(of) {
        return None;
    }
    let is_of_anybody = is_shared || OF_OTHERS.iter().any(|ty| of.may_be(*ty));
    Some(if is_of_anybody { of.of_anybody() } else { *of })
}

/// Whether the lost events may include some that change the state.
fn may_change_state(of: &Suspects) -> bool {
    of.types().any(changes_state)
}
