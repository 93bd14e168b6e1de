//! Programs where requests of `io_uring` begin and end in the kernel.

use super::Probe;
use crate::Error;
use crate::programs::{FREED, Interest, REQUESTS, SILENT};

/// Ways in which the ends of requests without a completion entry are seen (`silent.h`).
const SEEN_AT_FUNCTIONS: u8 = 1;
const SEEN_WHEN_FREED: u8 = 2;

impl Probe {
    /// Whether requests of `io_uring` are seen.
    pub fn sees_requests(&self) -> bool {
        REQUESTS
            .iter()
            .filter(|program| program.name.starts_with("uring_submit"))
            .any(|one| self.is_loaded(one))
    }

    /// Whether the probe sees the end of a request without a completion entry for success.
    pub fn sees_silent_requests(&self) -> bool {
        self.skel.maps.bss_data.as_deref().is_some_and(|data| data.sees_silent_ends != 0)
    }

    /// Attaches the program at the end of threads, if it is loaded.
    pub(super) fn attach_to_last_requests(&mut self) -> Result<(), Error> {
        let [left, ..] = &FREED;
        self.attach(left, self.is_loaded(left))
    }

    /// Attaches what sees requests. If the kernel does not show where unanswered requests end, the event of such a request
    /// describes its beginning.
    pub(super) fn attach_to_requests(&mut self, interest: &Interest<'_>) -> Result<(), Error> {
        let wanted = self.is_loaded(&SILENT) && interest.needs(&SILENT);
        let at_functions = self.attach(&SILENT, wanted).is_ok() && wanted;
        let when_freed = FREED.iter().all(|program| self.is_loaded(program) && interest.needs(program));
        let [_, worked, _] = &FREED;
        self.attach(worked, when_freed)?;
        if let Some(bss) = self.skel.maps.bss_data.as_deref_mut() {
            bss.sees_silent_ends = match (at_functions, when_freed) {
                (true, _) => SEEN_AT_FUNCTIONS,
                (false, true) => SEEN_WHEN_FREED,
                (false, false) => 0,
            };
        }
        // Attach the programs at the end of requests before those at the beginning.
        REQUESTS.iter().try_for_each(|program| {
            let is_there = self.is_loaded(program);
            self.attach(program, is_there && interest.needs(program))
        })
    }
}
