//! Actions for events of older versions.

use eyas_events::EventType;

/// The action for an event type with a number of parameters.
#[derive(Debug)]
pub(super) enum Action {
    /// Keep it for the exit event of its thread; do not deliver it.
    Store,
    /// Deliver it unchanged.
    Pass,
    /// Both.
    StoreAndPass,
    /// Append parameters.
    Add(&'static [Instr]),
    /// Change it to another type with these parameters.
    Change(EventType, &'static [Instr]),
}

/// Origin of a parameter of the converted event.
#[derive(Clone, Copy, Debug)]
pub(super) enum Instr {
    /// The event's own.
    Old(usize),
    /// From the stored enter event; empty if there is none.
    Enter(usize),
    /// From the stored enter event; the type's default value if there is none.
    EnterOrDefault(usize),
    /// The type's default value.
    Default,
    /// Nothing.
    Empty,
    /// A JSON text from the parameters of an old container event.
    ContainerJson,
}
