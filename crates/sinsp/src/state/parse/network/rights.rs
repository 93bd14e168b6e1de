//! Open files from a Unix socket, by `SCM_RIGHTS` in a message's control data.

use eyas_scap::RawEvent;

use crate::state::Current;
use crate::state::State;
use crate::state::parse::described;
use crate::state::proc_query::ProcQuery;

const SOL_SOCKET: u32 = 1;
const SCM_RIGHTS: u32 = 1;
/// Length, level and type of a control message.
const HEADER: usize = 16;

/// Adds the received descriptors that the event describes, and looks up the others in /proc; a replay has
/// no lookup.
pub(super) fn receive(
    state: &mut State,
    raw: &RawEvent<'_>,
    now: &Current,
    control: usize,
    query: &mut Option<ProcQuery<'_>>,
) {
    let Some(key) = now.thread else { return };
    let Some(thread) = state.threads.at(key) else { return };
    let (tid, pid) = (thread.tid, thread.pid);
    // /proc shows the files of the process, which this thread may not share.
    let leader = state.threads.get(pid);
    let is_shared = leader.is_none_or(|leader| state.threads.share_files(thread, leader));
    let known: Vec<_> = raw.received_fds().collect();
    // 32-bit programs use another layout; the event describes their descriptors, which were added above.
    let control = raw.param(control).unwrap_or_default();
    let is_unknown = |fd: &i64| known.iter().all(|entry| entry.fd != *fd);
    let unknown: Vec<_> = descriptors(control).filter(is_unknown).collect();
    if !known.is_empty() {
        described::take(state, key, known, raw.ts);
    }
    let Some(query) = query.as_mut().filter(|_| is_shared) else { return };
    if unknown.is_empty() || !state.received.allows(raw.ts) {
        return;
    }
    state.stats.proc_lookups += 1;
    if let Some((_, mut fds)) = query(pid) {
        fds.retain(|entry| unknown.contains(&entry.fd));
        state.load_fds(tid, fds);
    }
}

/// The descriptors in control messages; incomplete messages are skipped.
fn descriptors(mut control: &[u8]) -> impl Iterator<Item = i64> + '_ {
    let messages = std::iter::from_fn(move || {
        let (length, rest) = control.split_first_chunk::<8>()?;
        let (level, rest) = rest.split_first_chunk::<4>()?;
        let (ty, _) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok().filter(|length| *length >= HEADER)?;
        let message = &control[HEADER..length.min(control.len())];
        let rights = u32::from_le_bytes(*level) == SOL_SOCKET && u32::from_le_bytes(*ty) == SCM_RIGHTS;
        control = control.get(length.checked_next_multiple_of(8)?..).unwrap_or_default();
        Some(if rights { message } else { &[] })
    });
    messages.flat_map(|message| message.chunks_exact(4)).filter_map(|fd| {
        let fd = i32::from_le_bytes(fd.try_into().ok()?);
        (fd >= 0).then_some(i64::from(fd))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(length: u64, level: u32, ty: u32, data: &[i32]) -> Vec<u8> {
        let mut out = length.to_le_bytes().to_vec();
        out.extend([level, ty].map(u32::to_le_bytes).concat());
        data.iter().for_each(|fd| out.extend(fd.to_le_bytes()));
        out.resize(out.len().next_multiple_of(8), 0);
        out
    }

    fn found(control: &[u8]) -> Vec<i64> {
        descriptors(control).collect()
    }

    #[test]
    fn descriptors_among_other_control_data() {
        let rights = message(24, 1, 1, &[5, 6]);
        assert_eq!(found(&rights), [5, 6]);
        // Credentials, then one descriptor with padding, then another.
        let all = [message(28, 1, 2, &[1, 2, 3]), message(20, 1, 1, &[7]), message(20, 1, 1, &[8])].concat();
        assert_eq!(found(&all), [7, 8]);
        assert!(found(&message(20, 41, 1, &[7])).is_empty());
    }

    #[test]
    fn malformed_control_data_ends_the_search() {
        let rights = message(24, 1, 1, &[5, 6]);
        for end in 0..rights.len() {
            assert_eq!(found(&rights[..end]).len(), end.saturating_sub(HEADER) / 4);
        }
        for length in [0, 15, u64::MAX, u64::MAX - 7] {
            assert!(found(&message(length, 1, 1, &[5])).len() <= 2, "{length}");
        }
        assert!(found(&message(20, 1, 1, &[-1])).is_empty());
    }
}
