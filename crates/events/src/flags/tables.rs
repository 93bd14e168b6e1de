//! Names of flag and enumeration values, in output order, with a file for each subject.

use super::FlagTable;
use crate::concat::{concat, total};

mod descriptor;
mod file;
mod io_uring;
mod ipc;
mod memory;
mod mount;
mod network;
mod process;
mod security;

const SUBJECTS: &[&[FlagTable]] = &[
    descriptor::TABLES,
    file::TABLES,
    io_uring::TABLES,
    ipc::TABLES,
    memory::TABLES,
    mount::TABLES,
    network::TABLES,
    process::TABLES,
    security::TABLES,
];

impl FlagTable {
    /// Every table.
    pub const ALL: &'static [Self] = &concat::<_, { total(SUBJECTS) }>(SUBJECTS);
}
