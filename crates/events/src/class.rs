//! Classes that lost events are counted by.

use crate::{Category, EventType};

/// What an event is about, roughly: lost events are counted by that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventClass {
    /// Processes begin, end, execute programs.
    Process,
    /// Users and capabilities of processes.
    User,
    /// Files are opened, closed, changed.
    File,
    /// Sockets.
    Net,
    /// Files and sockets are read, written, controlled.
    Io,
    /// Signals.
    Signal,
    /// Memory and administration of the system.
    System,
    /// All else.
    Other,
}

impl EventClass {
    /// Every class, by its number.
    pub const ALL: [Self; 8] =
        [Self::Process, Self::User, Self::File, Self::Net, Self::Io, Self::Signal, Self::System, Self::Other];

    /// The class of a type; that of an unknown one is [`EventClass::Other`].
    pub const fn of(ty: EventType) -> Self {
        let Some(info) = ty.info() else { return Self::Other };
        match Category(info.category.0 & 511) {
            Category::PROCESS => Self::Process,
            Category::USER => Self::User,
            Category::FILE => Self::File,
            Category::NET => Self::Net,
            Category::IO_READ | Category::IO_WRITE | Category::IO_OTHER => Self::Io,
            Category::SIGNAL => Self::Signal,
            Category::MEMORY | Category::SYSTEM => Self::System,
            _ => Self::Other,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::User => "user",
            Self::File => "file",
            Self::Net => "net",
            Self::Io => "io",
            Self::Signal => "signal",
            Self::System => "system",
            Self::Other => "other",
        }
    }
}
