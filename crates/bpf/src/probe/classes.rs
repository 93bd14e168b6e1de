//! Classes of event types for the counters of losses.

use eyas_events::{EventClass, EventType};

/// The class of each type.
pub(super) fn classes() -> [u8; 1024] {
    let mut classes = [0; 1024];
    classes.iter_mut().zip(0..).for_each(|(slot, ty)| *slot = EventClass::of(EventType(ty)) as u8);
    classes
}
