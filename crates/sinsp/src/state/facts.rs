//! Facts for which events can be skipped if no rule uses them: see [`changes`].

use eyas_events::EventType;

use super::parse::{Change, change};

/// Parts of the state that few rules use and many events change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts(u8);

impl Facts {
    pub(crate) const NONE: Self = Self(0);
    /// Memory, page faults and CPU time.
    pub(crate) const USAGE: Self = Self(1);
    /// Whether sockets that never called `connect` are connected.
    pub(crate) const CONNECTED: Self = Self(1 << 1);

    /// Names from DNS replies.
    pub(crate) const NAMES: Self = Self(1 << 2);

    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// All facts that events of a type change, besides the thread's time of last activity; `None` if they may
/// change anything else.
pub(crate) fn changes(ty: EventType) -> Option<Facts> {
    match change(ty) {
        Change::Nothing => Some(Facts::NONE),
        Change::Usage => Some(Facts::USAGE),
        Change::Written => Some(Facts::CONNECTED),
        Change::Read => Some(Facts::CONNECTED.union(Facts::NAMES)),
        Change::Other => None,
    }
}
