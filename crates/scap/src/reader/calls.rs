//! When calls began, in captures that have enter events.

use eyas_events::{Category, EventType};
use rustc_hash::FxHashMap;

use crate::{Place, RawEvent};

/// The most threads whose calls are remembered.
const MAX_THREADS: usize = 1 << 18;

/// The calls that threads are in.
#[derive(Default)]
pub(super) struct Calls {
    open: FxHashMap<i64, (EventType, u64)>,
    /// The capture has enter events, or says when calls began or where events stood.
    are_known: bool,
    /// When the call began that ends with the current event, ns since the epoch; 0 if that is not known.
    began: u64,
    /// Where the current event stood in another capture.
    place: Place,
}

impl Calls {
    /// Whether the capture has had an enter event; without any, [`Calls::note`] does nothing.
    #[inline(always)]
    pub(super) fn are_known(&self) -> bool {
        self.are_known
    }

    /// When the call began that ends with the event that was noted last, ns since the epoch; 0 if that is not known.
    #[inline(always)]
    pub(super) fn began(&self) -> u64 {
        self.began
    }

    /// The capture says itself when the call began that ends with the current event.
    pub(super) fn set_began(&mut self, began: u64) {
        (self.are_known, self.began) = (true, began);
    }

    /// Where the event that was noted last stood in the capture that it was taken from.
    #[inline(always)]
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// The capture says itself where the current event stood.
    pub(super) fn set_place(&mut self, place: Place) {
        (self.are_known, self.place) = (true, place);
    }

    /// Remembers the call that begins with the event, or finds when the call began that ends with it.
    #[inline(never)]
    pub(super) fn note(&mut self, event: RawEvent<'_>) {
        let RawEvent { ts, tid, ty, .. } = event;
        (self.began, self.place) = (0, Place::default());
        let is_call = ty.info().is_some_and(|info| info.category.is_from(Category::SYSCALL));
        if !is_call || (ty.is_exit() && !self.are_known) {
            return;
        }
        if ty.is_exit() {
            // An enter event of another call was left by one whose exit event was lost.
            let began = self.open.remove(&tid).filter(|(enter, _)| enter.0 + 1 == ty.0);
            self.began = began.map_or(0, |(_, ts)| ts);
        } else if self.open.len() < MAX_THREADS || self.open.contains_key(&tid) {
            self.are_known = true;
            self.open.insert(tid, (ty, ts));
        }
    }
}
