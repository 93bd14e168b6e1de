//! Compares events with the calls that were made.

use std::collections::{BTreeMap, HashMap};

use eyas_events::EventType;
use eyas_events::param::{
    SOCKET_CONNECT_X, SOCKET_SENDTO_X, SYSCALL_EXECVE_19_X, SYSCALL_OPENAT_2_X, SYSCALL_UNLINKAT_2_X,
    SYSCALL_WRITE_X,
};
use eyas_scap::live::Features;
use eyas_scap::{RawEvent, Stats};

use crate::tag::{self, KINDS, Kind, Made};

/// Maximum number of parameters of an event after those of its row.
const MOST_BEHIND: usize = 7;

/// What is captured besides the calls.
pub struct Load {
    /// Requests of `io_uring`.
    pub requests: bool,
    /// Decisions of security hooks.
    pub decisions: bool,
}

/// Violations that are shown of each kind.
const SHOWN: u64 = 3;

/// What was seen so far.
#[derive(Default)]
pub struct Check {
    events: u64,
    seen: Made,
    /// The number that the next call of a thread carries.
    next: HashMap<(i64, Kind), u64>,
    /// Calls whose numbers are missing between others.
    gaps: u64,
    last: u64,
    violations: BTreeMap<&'static str, u64>,
}

impl Check {
    fn violation(&mut self, what: &'static str, event: &RawEvent<'_>, detail: String) {
        let count = self.violations.entry(what).or_default();
        *count += 1;
        if *count <= SHOWN {
            println!("{what}: {detail}, {:?} of {} on CPU {}", event.ty, event.tid, event.cpu);
        }
    }

    pub fn event(&mut self, event: &RawEvent<'_>) {
        self.events += 1;
        if event.ts < self.last {
            self.violation("time goes back", event, format!("by {} ns", self.last - event.ts));
        }
        self.last = event.ts;
        let Some(info) = event.info() else {
            return self.violation("unknown type", event, String::new());
        };
        // Many have more parameters than their rows.
        if event.nparams() < info.params.len() || event.nparams() > info.params.len() + MOST_BEHIND {
            self.violation("number of parameters", event, event.nparams().to_string());
        }
        let (kind, param) = match event.ty {
            EventType::SYSCALL_OPENAT_2_X if event.io_uring().is_some() => {
                (Kind::Request, SYSCALL_OPENAT_2_X::name)
            }
            EventType::SYSCALL_OPENAT_2_X => (Kind::Open, SYSCALL_OPENAT_2_X::name),
            EventType::SYSCALL_WRITE_X => (Kind::Write, SYSCALL_WRITE_X::data),
            EventType::SOCKET_SENDTO_X => (Kind::Send, SOCKET_SENDTO_X::data),
            EventType::SYSCALL_UNLINKAT_2_X => (Kind::Unlink, SYSCALL_UNLINKAT_2_X::name),
            EventType::SYSCALL_EXECVE_19_X if event.result() == Some(0) => {
                (Kind::Exec, SYSCALL_EXECVE_19_X::args)
            }
            EventType::SYSCALL_EXECVE_19_X => (Kind::FailedExec, SYSCALL_EXECVE_19_X::exe),
            EventType::SOCKET_CONNECT_X => return self.connect(event),
            EventType::GENERIC_X => return self.count(event.tid, Kind::GetParent),
            EventType::PROCEXIT_1_E => {
                self.count(event.tid, Kind::Exit);
                // Another thread may get its id.
                self.next.retain(|(tid, _), _| *tid != event.tid);
                return;
            }
            _ => return,
        };
        // Others than the threads that are watched do such things, too.
        let Some((tid, said, number, rest)) = event.param(param).and_then(tag::read) else { return };
        if tid != event.tid && kind != Kind::Exec {
            return self.violation("another thread's payload", event, format!("of {tid}"));
        }
        if said != kind {
            return self.violation("another call's payload", event, format!("of {said:?}"));
        }
        if rest.iter().any(|byte| ![tag::letter(tid), b'/', 0].contains(byte)) {
            self.violation("foreign bytes in a payload", event, format!("{} bytes", rest.len()));
        }
        self.count(tid, kind);
        self.number(event, tid, kind, number);
    }

    fn connect(&mut self, event: &RawEvent<'_>) {
        let Some(addr) = event.param(SOCKET_CONNECT_X::addr) else { return };
        let port = addr.last_chunk().map(|bytes| u16::from_le_bytes(*bytes)).unwrap_or_default();
        let next = self.next.get(&(event.tid, Kind::Connect)).copied().unwrap_or(0);
        let round = u64::from(port.wrapping_sub(tag::port(next)));
        if addr.len() != 7 || port < 1024 {
            return;
        }
        self.count(event.tid, Kind::Connect);
        self.number(event, event.tid, Kind::Connect, next + round);
    }

    fn count(&mut self, tid: i64, kind: Kind) {
        *self.seen.entry((tid, kind)).or_default() += 1;
    }

    fn number(&mut self, event: &RawEvent<'_>, tid: i64, kind: Kind, number: u64) {
        let next = self.next.entry((tid, kind)).or_default();
        let wanted = std::mem::replace(next, number + 1);
        match number.checked_sub(wanted) {
            Some(missing) => self.gaps += missing,
            None => {
                self.violation("a call is reported again", event, format!("{kind:?} {number}, not {wanted}"))
            }
        }
    }

    /// How many calls were made of a kind, and of these reported.
    fn totals(&self, made: &Made, kind: Kind) -> (u64, u64) {
        let of = |made: &Made, key| made.get(&key).copied().unwrap_or(0);
        let threads = made.iter().filter(|((_, other), _)| *other == kind);
        threads.fold((0, 0), |(all, told), (key, count)| (all + count, told + of(&self.seen, *key)))
    }

    pub fn summary(&self, made: &Made) -> String {
        let kinds = KINDS.map(|kind| {
            let (made, told) = self.totals(made, kind);
            format!("{kind:?} {told}/{made}")
        });
        let (events, gaps, violations) = (self.events, self.gaps, &self.violations);
        format!("reported of made: {}; {events} events, {gaps} in gaps, {violations:?}", kinds.join(", "))
    }

    /// Every call was reported, or counted as lost, and nothing is wrong.
    pub fn verify(&self, made: &Made, stats: &Stats, load: &Load) {
        assert!(self.violations.is_empty(), "{:?}", self.violations);
        let kinds = KINDS.into_iter().filter(|kind| *kind != Kind::Request || load.requests);
        let missing: u64 = kinds
            .map(|kind| {
                let (made, told) = self.totals(made, kind);
                assert!(told <= made && made > 0, "{kind:?}: {told} reported of {made}");
                made - told
            })
            .sum();
        let features = Features::detect();
        // Without kprobes, programs find the entries of calls that the kernel may skip: these tracepoints do not pass
        // perf events the inode. Then only paths are missing.
        if features.has_kprobes || !features.tracepoints_preempt {
            assert_eq!(stats.missed_beginnings, 0);
        }
        assert_eq!(stats.drops_missed, 0);
        // A preempted program at a security hook has the ring of its CPU until it goes on.
        if !load.decisions {
            assert_eq!(stats.produced, self.events + stats.drops());
            assert_eq!(stats.drops_other, 0);
        }
        // Where the machine was too slow for the reader.
        let lost = stats.drops_buffer + stats.drops_other;
        assert!(missing <= lost, "{missing} calls are missing, {stats:?}");
        assert!(stats.drops_buffer * 50 <= stats.produced, "too much was lost: {stats:?}");
    }
}
