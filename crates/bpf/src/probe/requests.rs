//! Programs where requests of `io_uring` begin and end in the kernel.

use super::Probe;
use crate::Error;
use crate::programs::{Interest, REQUESTS, SILENT};

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
        self.skel.maps.bss_data.as_deref().is_some_and(|data| data.sees_silent_ends == 1)
    }

    /// Attaches what sees requests. If the kernel does not let programs attach where unanswered requests end, the
    /// event of such a request describes its beginning.
    pub(super) fn attach_to_requests(&mut self, interest: &Interest<'_>) -> Result<(), Error> {
        let wanted = self.is_loaded(&SILENT) && interest.needs(&SILENT);
        let sees = self.attach(&SILENT, wanted).is_ok() && wanted;
        if let Some(bss) = self.skel.maps.bss_data.as_deref_mut() {
            bss.sees_silent_ends = u8::from(sees);
        }
        // Attach the programs at the end of requests before those at the beginning.
        REQUESTS.iter().try_for_each(|program| {
            let is_there = self.is_loaded(program);
            self.attach(program, is_there && interest.needs(program))
        })
    }
}
