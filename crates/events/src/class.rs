//! Classes of events, for the counters of lost events.

use crate::{Category, EventType};

/// Rough class of an event, for the counters of lost events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventClass {
    /// Start, end and programs of processes.
    Process,
    /// Users and capabilities of processes.
    User,
    /// Opens, closes and changes of files.
    File,
    /// Sockets.
    Net,
    /// Reads, writes and control of files and sockets.
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

    /// The class of a type; [`EventClass::Other`] for an unknown one.
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
