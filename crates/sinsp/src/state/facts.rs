//! What events can be left out for, if nobody asks: see [`changes`].

use eyas_events::EventType;

use super::parse::{Change, change};

/// Parts of the state that few ask for and many events change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts(u8);

impl Facts {
    pub(crate) const NONE: Self = Self(0);
    /// Memory, page faults and CPU time.
    pub(crate) const USAGE: Self = Self(1);
    /// Whether sockets that never called `connect` are connected.
    pub(crate) const CONNECTED: Self = Self(1 << 1);

    /// Names that name servers answered with.
    pub(crate) const NAMES: Self = Self(1 << 2);

    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// All that events of a type change, beside when their thread was last active; `None` where they may change anything else.
pub(crate) fn changes(ty: EventType) -> Option<Facts> {
    match change(ty) {
        Change::Nothing => Some(Facts::NONE),
        Change::Usage => Some(Facts::USAGE),
        Change::Written => Some(Facts::CONNECTED),
        Change::Read => Some(Facts::CONNECTED.union(Facts::NAMES)),
        Change::Other => None,
    }
}
