//! The metrics, one row each.

use eyas::rules::Rule;
use eyas::sinsp::SocketStats;
use std::collections::BTreeMap;

use super::plugins;
use super::reading::{Point, Reading, Value, count, one, text};
use super::samples::{Cpu, Program};
use crate::hashes::{FileHash, ReadFiles};
use crate::losses::KINDS;
use crate::output::Counts;
use Group::{Causes, Cpus, Events, General, Plugins, Programs, Resources, Rules, State};
use Kind::{Counter, Gauge};
use Unit::{Bytes, Count, Info, Kibibytes, Percent, Plain, Seconds, Timestamp};
use eyas_console::ShowPath;

/// A row.
pub struct Metric {
    /// Key in snapshots. `*` is replaced by the name of an instance. If the unit is converted, the suffix
    /// of the key changes, too.
    pub key: &'static str,
    /// Name for Prometheus, after `falcosecurity_`; empty if other metrics have the value there.
    pub name: &'static str,
    /// The group that enables the metric.
    pub group: Group,
    /// Unit of the value.
    pub unit: Unit,
    /// Gauge or counter.
    pub kind: Kind,
    /// Description.
    pub help: &'static str,
    /// Function that reads the value.
    pub read: fn(&Reading<'_>) -> Vec<Point>,
}

/// Group of metrics that one setting enables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Always included, even if 0.
    General,
    /// `rules_counters_enabled`
    Rules,
    /// `resource_utilization_enabled`
    Resources,
    /// `state_counters_enabled`
    State,
    /// `kernel_event_counters_enabled`; included even if 0.
    Events,
    /// `kernel_event_counters_enabled`
    Causes,
    /// `kernel_event_counters_per_cpu_enabled`
    Cpus,
    /// `libbpf_stats_enabled`
    Programs,
    /// `plugins_metrics_enabled`
    Plugins,
}

/// Unit of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// A text, or a number without a unit.
    Plain,
    /// A text that is written as a label.
    Info,
    /// 0 to 100, or more for several CPUs; for Prometheus 0 to 1.
    Percent,
    /// 1,024 bytes; converted to megabytes in snapshots on request, and to bytes for Prometheus.
    Kibibytes,
    /// Bytes; converted like [`Unit::Kibibytes`].
    Bytes,
    /// Since something.
    Seconds,
    /// Nanoseconds since the epoch.
    Timestamp,
}

/// Whether a number is a gauge or a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The number only grows.
    Counter,
    /// The number can go up and down.
    Gauge,
}

const fn row(
    key: &'static str,
    name: &'static str,
    (group, unit, kind): (Group, Unit, Kind),
    help: &'static str,
    read: fn(&Reading<'_>) -> Vec<Point>,
) -> Metric {
    Metric { key, name, group, unit, kind, help, read }
}

/// All of them.
#[rustfmt::skip]
pub const METRICS: &[Metric] = &[
    row("evt.time", "", (General, Timestamp, Gauge),
        "Time of the snapshot", |r| count(r.now)),
    row("evt.hostname", "evt_hostname_info", (General, Info, Gauge),
        "Name of the machine", |r| text("hostname", &r.facts.hostname)),
    row("evt.source", "", (General, Plain, Gauge),
        "Event source", |_| text("source", "syscall")),
    row("scap.engine_name", "scap_engine_name_info", (General, Info, Gauge),
        "Engine that captures events", engine),
    row("falco.version", "falco_version_info", (General, Info, Gauge),
        "Version of this program", |_| text("version", crate::versions::FALCO)),
    row("falco.kernel_release", "falco_kernel_release_info", (General, Info, Gauge),
        "Release of the kernel", |r| text("kernel_release", &r.facts.kernel_release)),
    row("falco.sha256_rules_file.*", "falco_sha256_rules_files_info", (General, Info, Gauge),
        "Rules files", |r| files(r, |files| &files.rules)),
    row("falco.sha256_config_file.*", "falco_sha256_config_files_info", (General, Info, Gauge),
        "Configuration files", |r| files(r, |files| &files.config)),
    row("falco.start_ts", "falco_start_timestamp_nanoseconds", (General, Timestamp, Gauge),
        "Start time of this program", |r| count(r.facts.start_ts)),
    row("falco.reload_ts", "falco_reload_timestamp_nanoseconds", (General, Timestamp, Gauge),
        "Time when rules and configuration were last read", |r| count(r.alerts().map(|a| a.setup.files.at))),
    row("falco.duration_sec", "falco_duration_seconds_total", (General, Seconds, Counter),
        "Running time of this program",
        |r| count(r.now.saturating_sub(r.facts.start_ts) / 1_000_000_000)),
    row("falco.host_boot_ts", "falco_host_boot_timestamp_nanoseconds", (General, Timestamp, Gauge),
        "Boot time of the machine", |r| count(r.of(|s| s.boot_ts).filter(|ts| *ts > 0))),
    row("falco.host_num_cpus", "falco_host_num_cpus_total", (General, Count, Gauge),
        "Number of CPUs of the machine", |r| count(r.of(|s| s.num_cpus))),
    row("falco.host_netinfo.interfaces.*.protocols.ipv4.addresses", "", (General, Plain, Gauge),
        "Addresses of an interface", |r| addresses(r, true)),
    row("falco.host_netinfo.interfaces.*.protocols.ipv6.addresses", "", (General, Plain, Gauge),
        "Addresses of an interface", |r| addresses(r, false)),
    row("falco.outputs_queue_num_drops", "falco_outputs_queue_num_drops_total", (General, Count, Counter),
        "Alerts that were lost because the queue of an output was full",
        |r| count(r.outputs.values().map(|counts| counts.queue_full).sum::<u64>())),
    row("falco.outputs.*.delivered", "falco_outputs_delivered_total", (General, Count, Counter),
        "Alerts that an output delivered", |r| outputs(r, |counts| counts.delivered)),
    row("falco.outputs.*.lost", "falco_outputs_lost_total", (General, Count, Counter),
        "Alerts that an output lost", |r| outputs(r, |counts| counts.lost)),
    row("falco.outputs.*.waiting", "falco_outputs_waiting_total", (General, Count, Gauge),
        "Alerts in the queue of an output", |r| outputs(r, |counts| counts.waiting)),
    row("falco.n_thread_restarts", "falco_n_thread_restarts_total", (General, Count, Counter),
        "Threads of this program that were restarted after a panic",
        |_| count(eyas::sinsp::service::restarts())),
    row("falco.num_evts", "falco_num_evts_total", (General, Count, Counter),
        "Events tested", |r| count(r.of(|s| s.events))),
    row("falco.num_evts_prev", "", (General, Plain, Counter),
        "Events tested up to the previous snapshot", |r| count(r.before.map_or(0, |b| b.events))),
    row("falco.evts_rate_sec", "", (General, Plain, Gauge),
        "Events tested per second since the previous snapshot",
        |r| one(r.before.filter(|b| b.events > 0).map(|_| Value::Real(r.rate(|b| b.events))))),

    row("falco.rules.matches_total", "", (Rules, Plain, Counter),
        "Alerts", |r| count(r.alerts().map(|a| a.total))),
    row("falco.rules.*", "falco_rules_matches_total", (Rules, Count, Counter),
        "Alerts of a rule", rules),
    row("falco.rules_verdict_coverage_perc.*", "falco_rules_verdict_coverage_ratio", (Rules, Percent, Gauge),
        "Minimum share of all threads' time in which no alert means that nothing happened", coverage),

    row("falco.cpu_usage_perc", "falco_cpu_usage_ratio", (Resources, Percent, Gauge),
        "CPU time of this program since it started, as a share of one CPU", |r| real(r.resources.cpu_percent)),
    row("falco.memory_rss_kb", "falco_memory_rss_bytes", (Resources, Kibibytes, Gauge),
        "Resident memory of this program", |r| count(r.resources.rss)),
    row("falco.memory_vsz_kb", "falco_memory_vsz_bytes", (Resources, Kibibytes, Gauge),
        "Address space of this program", |r| count(r.resources.vsz)),
    row("falco.memory_pss_kb", "falco_memory_pss_bytes", (Resources, Kibibytes, Gauge),
        "Proportional set size of this program (shared memory is divided among its users)", |r| count(r.resources.pss)),
    row("falco.container_memory_used_bytes", "falco_container_memory_used_bytes", (Resources, Bytes, Gauge),
        "Memory of this program's cgroup", |r| count(r.resources.container)),
    row("falco.host_cpu_usage_perc", "falco_host_cpu_usage_ratio", (Resources, Percent, Gauge),
        "CPU time of the machine since it started, as a share of all CPUs", |r| real(r.resources.host_cpu_percent)),
    row("falco.host_memory_used_kb", "falco_host_memory_used_bytes", (Resources, Kibibytes, Gauge),
        "Used memory of the machine, without the page cache", |r| count(r.resources.host_memory)),
    row("falco.host_procs_running", "falco_host_procs_running_total", (Resources, Count, Gauge),
        "Runnable threads of the machine", |r| count(r.resources.host_running)),
    row("falco.host_open_fds", "falco_host_open_fds_total", (Resources, Count, Gauge),
        "Open files of the machine", |r| count(r.resources.host_fds)),

    row("falco.n_threads", "scap_n_threads_total", (State, Count, Gauge),
        "Threads in the state", |r| count(r.of(|s| s.threads))),
    row("falco.n_fds", "scap_n_fds_total", (State, Count, Gauge),
        "Open files in the state", |r| count(r.of(|s| s.fds))),
    row("falco.n_added_threads", "scap_n_added_threads_total", (State, Count, Counter),
        "Threads added to the state", |r| count(r.of(|s| s.state.threads_added))),
    row("falco.n_removed_threads", "scap_n_removed_threads_total", (State, Count, Counter),
        "Threads removed from the state", |r| count(r.of(|s| s.state.threads_removed))),
    row("falco.n_drops_full_threadtable", "scap_n_drops_full_threadtable_total", (State, Count, Counter),
        "Threads that were not added because the table was full", |r| count(r.of(|s| s.state.threads_rejected))),
    row("falco.n_failed_thread_lookups", "scap_n_failed_thread_lookups_total", (State, Count, Counter),
        "Events of unknown threads", |r| count(r.of(|s| s.state.failed_thread_lookups))),
    row("falco.n_proc_lookups", "scap_n_proc_lookups_total", (State, Count, Counter),
        "Threads looked up in /proc", |r| count(r.of(|s| s.state.proc_lookups))),
    row("falco.n_added_fds", "scap_n_added_fds_total", (State, Count, Counter),
        "Open files added to the state", |r| count(r.of(|s| s.state.fds_added))),
    row("falco.n_removed_fds", "scap_n_removed_fds_total", (State, Count, Counter),
        "Open files removed from the state", |r| count(r.of(|s| s.state.fds_removed))),
    row("falco.n_drops_full_fdtable", "scap_n_drops_full_fdtable_total", (State, Count, Counter),
        "Open files that were not added because the table was full", |r| count(r.of(|s| s.state.fds_rejected))),
    row("falco.n_failed_fd_lookups", "scap_n_failed_fd_lookups_total", (State, Count, Counter),
        "Events on unknown open files", |r| count(r.of(|s| s.state.failed_fd_lookups))),
    row("falco.n_container_lookups", "falco_n_container_lookups_total", (State, Count, Counter),
        "Queries of container runtimes", |r| count(r.of(|s| s.runtimes.lookups))),
    row("falco.n_container_lookup_failures", "falco_n_container_lookup_failures_total", (State, Count, Counter),
        "Failed queries of container runtimes", |r| count(r.of(|s| s.runtimes.failures))),
    row("falco.container_runtimes.*.failures", "falco_container_runtime_failures_total", (State, Count, Counter),
        "Failed queries over the socket of a container runtime", runtimes),

    row("scap.n_evts", "scap_n_evts_total", (Events, Count, Counter),
        "Events produced, including lost ones", |r| count(r.of(|s| s.stats.produced))),
    row("scap.n_evts_prev", "", (Events, Plain, Counter),
        "Events produced up to the previous snapshot", |r| count(r.before.map_or(0, |b| b.produced))),
    row("scap.evts_rate_sec", "", (Events, Plain, Gauge),
        "Events produced per second since the previous snapshot", |r| real(r.rate(|b| b.produced))),
    row("scap.n_filtered", "scap_n_filtered_total", (Events, Count, Counter),
        "Produced events that the probe filtered out because no rule needs them", |r| count(r.of(|s| s.stats.filtered))),
    row("scap.n_filtered_*", "scap_n_filtered_by_type_total", (Causes, Count, Counter),
        "Events that the probe filtered out, by type", filtered),
    row("scap.n_verdicts", "scap_n_verdicts_total", (Events, Count, Counter),
        "Verdicts on processes written for the probe's filter",
        |r| count(r.of(|s| s.verdicts.map_or(0, |[written, _]| written)))),
    row("scap.n_left_out_by_verdict", "scap_n_left_out_by_verdict_total", (Events, Count, Counter),
        "Events that the probe filtered out because of a verdict on their process",
        |r| count(r.of(|s| s.verdicts.map_or(0, |[_, left_out]| left_out)))),
    row("scap.n_drops", "scap_n_drops_total", (Events, Count, Counter),
        "Events lost", |r| count(r.of(|s| s.stats.drops()))),
    row("scap.n_drops_prev", "", (Events, Plain, Counter),
        "Events lost up to the previous snapshot", |r| count(r.before.map_or(0, |b| b.drops))),
    row("scap.evts_drop_rate_sec", "", (Events, Plain, Gauge),
        "Events lost per second since the previous snapshot", |r| real(r.rate(|b| b.drops))),
    row("scap.n_drops_perc", "", (Events, Percent, Gauge),
        "Share of the produced events that were lost since the previous snapshot",
        |r| real(100.0 * r.since(|b| b.drops) as f64 / r.since(|b| b.produced).max(1) as f64)),

    row("scap.n_drops_buffer_total", "scap_n_drops_buffer_total", (Causes, Count, Counter),
        "Events lost because a ring was full", |r| count(r.of(|s| s.stats.drops_buffer))),
    row("scap.n_drops_buffer_*", "scap_n_drops_buffer_by_kind_total", (Causes, Count, Counter),
        "Events lost because a ring was full, by kind of call", kinds),
    row("scap.n_drops_scratch_map", "scap_n_drops_scratch_map_total", (Causes, Count, Counter),
        "Events lost because they were too large", |r| count(r.of(|s| s.stats.drops_too_large))),
    row("scap.n_drops_bug", "scap_n_drops_bug_total", (Causes, Count, Counter),
        "Events lost because the kernel did not run a program of the probe, or for another reason",
        |r| count(r.of(|s| s.stats.drops_other + s.stats.drops_missed))),
    row("scap.n_evts_cpu_*", "scap_n_evts_cpu_total", (Cpus, Count, Counter),
        "Events produced on a CPU, including lost ones", |r| cpus(r, |cpu| cpu.produced)),
    row("scap.n_drops_cpu_*", "scap_n_drops_cpu_total", (Cpus, Count, Counter),
        "Events lost on a CPU", |r| cpus(r, |cpu| cpu.drops)),
    row("scap.*.run_cnt", "scap_program_run_cnt_total", (Programs, Count, Counter),
        "Runs of a program of the probe, if kernel.bpf_stats_enabled is set", |r| programs(r, |program| program.count)),
    row("scap.*.run_time_ns", "scap_program_run_time_ns_total", (Programs, Count, Counter),
        "Total time of the runs of a program of the probe, ns", |r| programs(r, |program| program.time_ns)),
    row("scap.*.avg_time_ns", "", (Programs, Plain, Gauge),
        "Average time of a run of a program of the probe, ns", |r| programs(r, |program| program.time_ns / program.count.max(1))),
    // For Prometheus, each plugin metric has its own name: see `prometheus`.
    row("plugins.*", "", (Plugins, Count, Gauge),
        "Metric of a plugin", plugins::points),
];

fn real(x: f64) -> Vec<Point> {
    one(Value::Real(x))
}

fn engine(r: &Reading<'_>) -> Vec<Point> {
    let mut points = r.facts.engine.map_or_else(Vec::new, |name| text("engine_name", name));
    points.iter_mut().for_each(|point| point.labels.push(("evt_source".into(), "syscall".into())));
    points
}

fn files(r: &Reading<'_>, get: fn(&ReadFiles) -> &[FileHash]) -> Vec<Point> {
    let point = |FileHash { name, sha256 }: &FileHash| Point {
        instance: as_name(name),
        labels: vec![("file_name".into(), name.clone()), ("sha256".into(), sha256.clone())],
        value: Value::Text(sha256.clone()),
    };
    r.alerts().into_iter().flat_map(|alerts| get(&alerts.setup.files)).map(point).collect()
}

fn runtimes(r: &Reading<'_>) -> Vec<Point> {
    let sockets = r.sample.iter().flat_map(|sample| &sample.runtimes.sockets);
    let point = |stats: &SocketStats| {
        let socket = stats.socket.shown();
        let (instance, value) = (as_name(&socket), Value::Count(stats.failures));
        Point { instance, labels: vec![("socket".into(), socket)], value }
    };
    sockets.map(point).collect()
}

fn addresses(r: &Reading<'_>, v4: bool) -> Vec<Point> {
    let interfaces = r.sample.iter().flat_map(|sample| &sample.interfaces);
    let mut points: Vec<Point> = Vec::new();
    for interface in interfaces.filter(|i| i.addr.is_ipv4() == v4 && i.name != b"lo") {
        let name = String::from_utf8_lossy(&interface.name).into_owned();
        match points.iter_mut().find(|point| point.instance == name) {
            Some(Point { value: Value::Text(list), .. }) => *list = format!("{list},{}", interface.addr),
            _ => {
                let value = Value::Text(interface.addr.to_string());
                points.push(Point { instance: name, labels: Vec::new(), value });
            }
        }
    }
    points
}

fn rules(r: &Reading<'_>) -> Vec<Point> {
    let Some(alerts) = r.alerts() else { return Vec::new() };
    let point = |(rule, n): (&Rule, &u64)| {
        let mut labels = vec![
            ("priority".to_owned(), (rule.priority as u8).to_string()),
            ("rule_name".to_owned(), rule.name.clone()),
            ("source".to_owned(), rule.source.clone()),
        ];
        labels.extend(rule.tags.iter().map(|tag| (as_label(&format!("tag_{tag}")), "true".to_owned())));
        Point { instance: as_name(&rule.name), labels, value: Value::Count(*n) }
    };
    alerts.setup.rules().zip(&alerts.by_rule).map(point).collect()
}

fn coverage(r: &Reading<'_>) -> Vec<Point> {
    let rules = r.alerts().map(|alerts| alerts.setup.engine.rules()).unwrap_or_default();
    let shares = r.sample.iter().flat_map(|sample| &sample.coverage);
    let point = |(rule, share): (&Rule, &f64)| Point {
        instance: as_name(&rule.name),
        labels: vec![("rule_name".to_owned(), rule.name.clone())],
        value: Value::Real((share * 1e6).round() / 1e4),
    };
    rules.iter().zip(shares).map(point).collect()
}

fn outputs(r: &Reading<'_>, get: fn(&Counts) -> u64) -> Vec<Point> {
    let point = |(name, counts): (&&str, &Counts)| Point {
        instance: (*name).to_owned(),
        labels: vec![("output".into(), (*name).to_owned())],
        value: Value::Count(get(counts)),
    };
    r.outputs.iter().map(point).collect()
}

fn kinds(r: &Reading<'_>) -> Vec<Point> {
    let kinds = r.sample.iter().flat_map(|sample| KINDS.iter().zip(sample.full));
    let point = |((kind, _), count): (&(&str, _), u64)| Point {
        instance: (*kind).to_owned(),
        labels: vec![("kind".into(), (*kind).to_owned())],
        value: Value::Count(count),
    };
    kinds.map(point).collect()
}

fn filtered(r: &Reading<'_>) -> Vec<Point> {
    let mut by_name = BTreeMap::new();
    for (ty, count) in r.sample.iter().flat_map(|sample| &sample.filtered) {
        *by_name.entry(ty.name()).or_insert(0) += count;
    }
    let point = |(name, count): (&str, u64)| Point {
        instance: name.to_owned(),
        labels: vec![("type".into(), name.to_owned())],
        value: Value::Count(count),
    };
    by_name.into_iter().map(point).collect()
}

fn cpus(r: &Reading<'_>, get: fn(&Cpu) -> u64) -> Vec<Point> {
    let cpus = r.sample.iter().flat_map(|sample| sample.cpus.iter().enumerate());
    let point = |(n, cpu): (usize, &Cpu)| Point {
        instance: n.to_string(),
        labels: vec![("cpu".into(), n.to_string())],
        value: Value::Count(get(cpu)),
    };
    cpus.map(point).collect()
}

fn programs(r: &Reading<'_>, get: fn(&Program) -> u64) -> Vec<Point> {
    let programs = r.sample.iter().flat_map(|sample| &sample.programs);
    let point = |program: &Program| Point {
        instance: program.name.clone(),
        labels: vec![("program".into(), program.name.clone())],
        value: Value::Count(get(program)),
    };
    programs.map(point).collect()
}

/// Replaces each run of characters that names cannot have by one underscore.
fn as_label(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' => name.push(c),
            _ if !name.ends_with('_') => name.push('_'),
            _ => {}
        }
    }
    name
}

/// The same without an underscore at the end.
fn as_name(text: &str) -> String {
    let mut name = as_label(text);
    if name.ends_with('_') {
        name.pop();
    }
    name
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_metric_has_a_unique_key_and_name_with_its_unit() {
        let (mut keys, mut names) = (HashSet::new(), HashSet::new());
        for Metric { key, name, unit, kind, help, .. } in METRICS {
            assert!(keys.insert(*key) && (name.is_empty() || names.insert(*name)), "{key}");
            assert!(!help.is_empty() && !help.contains(['\\', '\n']), "{key}");
            let (key_end, name_end) = match unit {
                Count => ("", "_total"),
                Plain => ("", ""),
                Info => ("", "_info"),
                Percent => ("_perc", "_ratio"),
                Kibibytes => ("_kb", "_bytes"),
                Bytes => ("_bytes", "_bytes"),
                Seconds => ("_sec", "_seconds_total"),
                Timestamp => ("", "_timestamp_nanoseconds"),
            };
            assert!(key.trim_end_matches(".*").ends_with(key_end), "{key}");
            assert!(name.is_empty() || name.ends_with(name_end), "{name}");
            assert!(*unit != Plain || name.is_empty(), "{name}");
            assert!(*kind == Gauge || name.is_empty() || name.ends_with("_total"), "{name}");
        }
    }

    #[test]
    fn names_have_the_characters_of_names() {
        assert_eq!(as_name("Read /etc/shadow (again) "), "Read_etc_shadow_again");
        assert_eq!(as_label("tag_PCI/DSS 10.2"), "tag_PCI_DSS_10_2");
        assert_eq!(as_name("ä"), "");
    }
}
