//! The event table: types of a row, and the index over the families' rows.

mod category;
mod parameter;
#[macro_use]
mod row;
mod source;

mod file;
mod io;
mod ipc;
mod iter;
mod memory;
mod meta;
mod misc;
mod mount;
mod network;
mod paths;
mod process;
mod tracepoint;
mod unused;
mod user;
mod xattr;

pub use category::Category;
pub use parameter::{Dynamic, Format, ParamDetail, ParamInfo, ParamType};
pub use paths::KernelPath;
pub use row::{EventFlags, EventInfo, EventType};
pub use source::{Op, Source};

/// Positions of parameters, one module per event type: `param::SYSCALL_OPEN_X::name`.
pub mod param {
    pub use super::file::params::*;
    pub use super::io::params::*;
    pub use super::ipc::params::*;
    pub use super::iter::params::*;
    pub use super::memory::params::*;
    pub use super::meta::params::*;
    pub use super::misc::params::*;
    pub use super::mount::params::*;
    pub use super::network::params::*;
    pub use super::process::params::*;
    pub use super::tracepoint::params::*;
    pub use super::user::params::*;
    pub use super::xattr::params::*;
}

const FAMILIES: [&[EventInfo]; 14] = [
    file::ROWS,
    io::ROWS,
    ipc::ROWS,
    iter::ROWS,
    memory::ROWS,
    meta::ROWS,
    misc::ROWS,
    mount::ROWS,
    network::ROWS,
    process::ROWS,
    tracepoint::ROWS,
    unused::ROWS,
    user::ROWS,
    xattr::ROWS,
];

static INDEX: [Option<&'static EventInfo>; EventType::COUNT] = index();

const fn index() -> [Option<&'static EventInfo>; EventType::COUNT] {
    let mut index: [Option<&'static EventInfo>; EventType::COUNT] = [None; EventType::COUNT];
    let mut f = 0;
    while f < FAMILIES.len() {
        let mut r = 0;
        while r < FAMILIES[f].len() {
            let row = &FAMILIES[f][r];
            let code = row.ty.0 as usize;
            assert!(index[code].is_none(), "two rows with one code");
            index[code] = Some(row);
            r += 1;
        }
        f += 1;
    }
    index
}

/// All rows in the order of their codes.
pub fn events() -> impl Iterator<Item = &'static EventInfo> {
    INDEX.iter().copied().flatten()
}

impl EventType {
    /// Number of codes of Falco's schema.
    pub const SCHEMA_COUNT: usize = 454;

    /// The first code of events that Falco's schema lacks. They are exit events, so their codes are odd. The codes between
    /// are for those that the schema will have.
    pub const FIRST_OWN: u16 = 512;

    /// Number of codes that the table covers; a larger code is unknown to this version.
    pub const COUNT: usize = 570;

    /// The row of this type, or `None` for an unknown code.
    #[inline]
    pub const fn info(self) -> Option<&'static EventInfo> {
        if (self.0 as usize) < Self::COUNT { INDEX[self.0 as usize] } else { None }
    }
}

#[cfg(test)]
mod tests;
