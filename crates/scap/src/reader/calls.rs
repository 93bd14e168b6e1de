//! Times when calls began, in captures with enter events.

use eyas_events::{Category, EventType};
use rustc_hash::FxHashMap;

use crate::{RawEvent, SlicePlace};

/// Maximum number of threads whose calls are recorded.
const MAX_THREADS: usize = 1 << 18;

/// Calls in progress, by thread.
#[derive(Default)]
pub(super) struct Calls {
    open: FxHashMap<i64, (EventType, u64)>,
    /// Whether the capture has enter events, or contains beginnings of calls or places of events.
    are_known: bool,
    /// Beginning of the current event's call, ns since the epoch; 0 if unknown.
    began: u64,
    /// Place of the current event in the original capture.
    place: SlicePlace,
}

impl Calls {
    /// Whether the capture has had an enter event; without any, [`Calls::note`] does nothing.
    #[inline(always)]
    pub(super) fn are_known(&self) -> bool {
        self.are_known
    }

    /// Beginning of the last recorded event's call, ns since the epoch; 0 if unknown.
    #[inline(always)]
    pub(super) fn began(&self) -> u64 {
        self.began
    }

    /// Sets the beginning of the current event's call, which the capture contains.
    pub(super) fn set_began(&mut self, began: u64) {
        (self.are_known, self.began) = (true, began);
    }

    /// Place of the last recorded event in the original capture.
    #[inline(always)]
    pub(super) fn place(&self) -> SlicePlace {
        self.place
    }

    /// Sets the place of the current event, which the capture contains.
    pub(super) fn set_place(&mut self, place: SlicePlace) {
        (self.are_known, self.place) = (true, place);
    }

    /// Records the beginning of a call from an enter event, or finds the beginning for an exit event.
    #[inline(never)]
    pub(super) fn note(&mut self, event: RawEvent<'_>) {
        let RawEvent { ts, tid, ty, .. } = event;
        (self.began, self.place) = (0, SlicePlace::default());
        let is_call = ty.info().is_some_and(|info| info.category.is_from(Category::SYSCALL));
        if !is_call || (ty.is_exit() && !self.are_known) {
            return;
        }
        if ty.is_exit() {
            // An enter event of another call belongs to a lost exit event.
            let began = self.open.remove(&tid).filter(|(enter, _)| enter.0 + 1 == ty.0);
            self.began = began.map_or(0, |(_, ts)| ts);
        } else if self.open.len() < MAX_THREADS || self.open.contains_key(&tid) {
            self.are_known = true;
            self.open.insert(tid, (ty, ts));
        }
    }
}
