//! What is done with an event of an older version.

use eyas_events::EventType;

/// What is done with an event of one type and number of parameters.
#[derive(Debug)]
pub(super) enum Action {
    /// Keep it for the exit event of its thread; not delivered.
    Store,
    /// Deliver it as it is.
    Pass,
    /// Both.
    StoreAndPass,
    /// Append parameters.
    Add(&'static [Instr]),
    /// Another type, made of these parameters.
    Change(EventType, &'static [Instr]),
}

/// Where a parameter of the converted event comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Instr {
    /// The event's own.
    Old(usize),
    /// The stored enter event's; empty if none was stored.
    Enter(usize),
    /// The stored enter event's; the type's default value if none was stored.
    EnterOrDefault(usize),
    /// The type's default value.
    Default,
    /// Nothing.
    Empty,
    /// A JSON text made of the parameters of an old container event.
    ContainerJson,
}
