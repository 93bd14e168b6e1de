//! Resource usage of this program and of the machine.

use std::path::Path;

/// Processor time and memory at one moment; 0 if the kernel does not provide a value.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resources {
    /// Processor time of this program since it started, percent of one CPU.
    pub cpu_percent: f64,
    /// Resident memory, KiB.
    pub rss: u64,
    /// Address space, KiB.
    pub vsz: u64,
    /// Proportional set size: resident memory, with shared pages divided among their users, KiB.
    pub pss: u64,
    /// Memory of the control group, bytes.
    pub container: u64,
    /// Processor time of the machine since it started, percent of all CPUs.
    pub host_cpu_percent: f64,
    /// Memory that is neither free nor used for files, KiB.
    pub host_memory: u64,
    /// Runnable threads.
    pub host_running: u64,
    /// Open files.
    pub host_fds: u64,
}

/// Files with the memory usage of a control group: as configured by Falco's variable; of version 1; of
/// version 2.
const CONTAINER_VARIABLE: &str = "FALCO_CGROUP_MEM_PATH";
const CONTAINER_FILES: [&str; 2] =
    ["/sys/fs/cgroup/memory/memory.usage_in_bytes", "/sys/fs/cgroup/memory.current"];

impl Resources {
    /// Reads the current values of the machine whose root file system is at `root`.
    pub fn read(root: &Path) -> Self {
        let own = |name: &str| text(&Path::new("/proc/self").join(name));
        let host = |name: &str| text(&root.join("proc").join(name));
        let status = own("status");
        let memory = host("meminfo");
        let stat = host("stat");
        let free: u64 = ["MemFree:", "Buffers:", "Cached:"].iter().map(|key| number(&memory, key)).sum();
        Self {
            cpu_percent: tenths(own_cpu(&own("stat"), &host("uptime"))),
            rss: number(&status, "VmRSS:"),
            vsz: number(&status, "VmSize:"),
            pss: number(&own("smaps_rollup"), "Pss:"),
            container: container(),
            host_cpu_percent: tenths(host_cpu(&stat)),
            host_memory: number(&memory, "MemTotal:").saturating_sub(free),
            host_running: number(&stat, "procs_running"),
            host_fds: first(&host("sys/fs/file-nr")),
        }
    }
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// The first number of a text.
fn first(text: &str) -> u64 {
    text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// The number after a key at the beginning of a line.
fn number(text: &str, key: &str) -> u64 {
    text.lines().find_map(|line| line.strip_prefix(key)).map_or(0, first)
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn own_cpu(stat: &str, uptime: &str) -> f64 {
    // The name in parentheses may contain any character. The state, field 3, follows it.
    let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let ticks = |field: usize| fields.get(field - 3).and_then(|word| word.parse::<f64>().ok());
    let uptime = uptime.split_whitespace().next().and_then(|word| word.parse::<f64>().ok());
    let (Some(user), Some(system), Some(start), Some(uptime)) = (ticks(14), ticks(15), ticks(22), uptime)
    else {
        return 0.0;
    };
    let hertz = rustix::param::clock_ticks_per_second() as f64;
    let elapsed = uptime - start / hertz;
    if elapsed > 0.0 { 100.0 * (user + system) / hertz / elapsed } else { 0.0 }
}

fn host_cpu(stat: &str) -> f64 {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu ")).unwrap_or_default();
    let times: Vec<f64> = line.split_whitespace().take(7).filter_map(|word| word.parse().ok()).collect();
    let sum: f64 = times.iter().sum();
    if sum > 0.0 { 100.0 - 100.0 * times.get(3).unwrap_or(&0.0) / sum } else { 0.0 }
}

fn container() -> u64 {
    let given =
        std::env::var(CONTAINER_VARIABLE).ok().filter(|path| !path.is_empty() && !path.contains(".."));
    let files = given.as_deref().into_iter().chain(CONTAINER_FILES);
    files.filter_map(|path| std::fs::read_to_string(path).ok()).map(|text| first(&text)).next().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usage_of_this_program_is_not_zero() {
        let used = Resources::read(Path::new("/"));
        assert!(used.rss > 1000 && used.vsz >= used.rss, "{used:?}");
        assert!(used.host_memory > used.rss && used.host_fds > 0 && used.host_running > 0, "{used:?}");
        assert!((0.0..=100.0).contains(&used.host_cpu_percent), "{used:?}");
    }

    #[test]
    fn shares_are_relative_to_the_whole_time() {
        assert_eq!(host_cpu("cpu  10 0 10 60 20 0 0 99 0 0\ncpu0 1 1 1"), 40.0);
        let hertz = rustix::param::clock_ticks_per_second();
        let stat = format!("7 (a) b) S {}{} {} 0 0 0 0 0 0 {}", "0 ".repeat(10), hertz, hertz, 10 * hertz);
        assert_eq!(own_cpu(&stat, "14.00 3.00"), 50.0);
        assert_eq!((own_cpu("", ""), host_cpu("")), (0.0, 0.0));
    }
}
