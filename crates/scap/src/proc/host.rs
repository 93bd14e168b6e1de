//! The machine.

use super::options::Options;
use super::{dir, parse};
use crate::MachineInfo;

/// Name, CPUs, memory and boot time; what cannot be read stays 0 or empty.
pub(super) fn machine(options: &Options) -> MachineInfo {
    let mut machine = MachineInfo::default();
    let Ok(proc) = dir::Dir::open(&options.root.join("proc")) else { return machine };
    let mut buffers = dir::Buffers::default();
    if let Ok(text) = proc.read_all("stat", 4 << 20, &mut buffers) {
        for line in parse::lines(text) {
            if let Some(seconds) = line.strip_prefix(b"btime ") {
                machine.boot_ts = parse::decimal(seconds).unwrap_or(0).saturating_mul(1_000_000_000);
            } else if line.strip_prefix(b"cpu").is_some_and(|rest| rest.first() != Some(&b' ')) {
                machine.cpus += 1;
            }
        }
    }
    if let Ok(text) = proc.read("meminfo", 65536, &mut buffers)
        && let Some(total) = parse::lines(text).find_map(|line| line.strip_prefix(b"MemTotal:"))
    {
        machine.memory =
            parse::words(total).next().and_then(parse::decimal).unwrap_or(0).saturating_mul(1024);
    }
    if let Ok(text) = proc.read("sys/kernel/hostname", 256, &mut buffers) {
        machine.hostname = text.trim_ascii_end().to_vec();
    }
    machine
}
