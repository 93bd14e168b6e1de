//! Names of flag and enumeration values, in output order: a file for each subject.

use super::FlagTable;

mod descriptor;
mod file;
mod io_uring;
mod ipc;
mod memory;
mod mount;
mod network;
mod process;
mod security;

const SUBJECTS: [&[FlagTable]; 9] = [
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
    pub const ALL: &'static [Self] = &ALL;
}

const COUNT: usize = {
    let (mut count, mut subject) = (0, 0);
    while subject < SUBJECTS.len() {
        count += SUBJECTS[subject].len();
        subject += 1;
    }
    count
};

const ALL: [FlagTable; COUNT] = {
    let mut all = [SUBJECTS[0][0]; COUNT];
    let (mut count, mut subject) = (0, 0);
    while subject < SUBJECTS.len() {
        let mut table = 0;
        while table < SUBJECTS[subject].len() {
            all[count] = SUBJECTS[subject][table];
            (count, table) = (count + 1, table + 1);
        }
        subject += 1;
    }
    all
};
