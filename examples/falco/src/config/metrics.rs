//! `metrics:`

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use super::units::{as_text, milliseconds};

use super::shape::Shape::{self, Bool, Section, Text};

/// Metrics and their destinations.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct Metrics {
    /// Whether metrics are enabled.
    pub enabled: bool,
    /// Time between two snapshots, in Prometheus' notation.
    #[serde(deserialize_with = "as_text")]
    pub interval: String,
    /// Snapshots are alerts.
    pub output_rule: bool,
    /// File to which snapshots are written, one per line.
    pub output_file: PathBuf,
    /// Alerts by rule.
    pub rules_counters_enabled: bool,
    /// Processor time and memory of this program and the machine.
    pub resource_utilization_enabled: bool,
    /// The tables of threads and open files.
    pub state_counters_enabled: bool,
    /// Produced and dropped events.
    pub kernel_event_counters_enabled: bool,
    /// The same per CPU.
    pub kernel_event_counters_per_cpu_enabled: bool,
    /// Number of runs and run time of the BPF programs.
    pub libbpf_stats_enabled: bool,
    /// Metrics of plugins.
    pub plugins_metrics_enabled: bool,
    /// Memory in megabytes, in snapshots.
    pub convert_memory_to_mb: bool,
    /// Whether snapshots include values that are 0.
    pub include_empty_values: bool,
}

/// Keys of the section.
pub const SHAPE: Shape = Section(&[
    ("enabled", Bool),
    ("interval", Text),
    ("output_rule", Bool),
    ("output_file", Text),
    ("rules_counters_enabled", Bool),
    ("resource_utilization_enabled", Bool),
    ("state_counters_enabled", Bool),
    ("kernel_event_counters_enabled", Bool),
    ("kernel_event_counters_per_cpu_enabled", Bool),
    ("kernel_iter_event_counters_enabled", Bool),
    ("libbpf_stats_enabled", Bool),
    ("plugins_metrics_enabled", Bool),
    ("jemalloc_stats_enabled", Bool),
    ("convert_memory_to_mb", Bool),
    ("include_empty_values", Bool),
]);

impl Default for Metrics {
    fn default() -> Self {
        Self {
            enabled: false,
            interval: "1h".into(),
            output_rule: false,
            output_file: PathBuf::new(),
            rules_counters_enabled: true,
            resource_utilization_enabled: true,
            state_counters_enabled: true,
            kernel_event_counters_enabled: true,
            kernel_event_counters_per_cpu_enabled: true,
            libbpf_stats_enabled: true,
            plugins_metrics_enabled: true,
            convert_memory_to_mb: true,
            include_empty_values: false,
        }
    }
}

/// Minimum interval, milliseconds.
const SHORTEST: u64 = 100;

impl Metrics {
    /// Validates the section.
    pub(super) fn check(&self, prometheus: bool) -> Result<()> {
        if !self.enabled {
            return Ok(());
        }
        self.every()?;
        if !self.output_rule && self.output_file.as_os_str().is_empty() && !prometheus {
            bail!(
                "Metrics are enabled with no output configured. Please enable at least one output channel \
                 ('metrics.output_rule', 'metrics.output_file' or 'webserver.prometheus_metrics_enabled' with \
                 'webserver.enabled')"
            );
        }
        Ok(())
    }

    /// The interval.
    ///
    /// # Errors
    /// The text is not a duration, or is too short.
    pub fn every(&self) -> Result<Duration> {
        let text = &self.interval;
        match milliseconds(text) {
            Some(ms) if ms >= SHORTEST => Ok(Duration::from_millis(ms)),
            Some(ms) => bail!(
                "metrics.interval is `{text}`, {ms} ms: Metrics interval must have a minimum value of {SHORTEST}ms"
            ),
            None if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => bail!(
                "metrics.interval is `{text}`: Metrics interval was passed as numeric value without Prometheus time \
                 unit. Please specify a time unit, as in {text}ms"
            ),
            None => bail!(
                "metrics.interval is `{text}`: expected numbers with units, the longer first, of y, w, d, h, m, s, ms, \
                 as in 15m or 1h30m"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_prometheus() {
        for (text, want) in [
            ("100ms", Some(100)),
            ("1h", Some(3_600_000)),
            ("1h 30m", Some(5_400_000)),
            ("1y2w3d4h5m6s7ms", Some(33_019_506_007)),
            ("0s", Some(0)),
            ("", None),
            ("5000", None),
            ("h", None),
            ("30m1h", None),
            ("1h1h", None),
            ("1.5h", None),
            ("-1h", None),
            ("1x", None),
            ("1é", None),
            ("99999999999999999999y", None),
            ("9999999999999y", None),
        ] {
            assert_eq!(milliseconds(text), want, "{text}");
        }
    }

    #[test]
    fn nonsense_is_named() {
        let metrics = |interval: &str| Metrics {
            enabled: true,
            output_rule: true,
            interval: interval.into(),
            ..Metrics::default()
        };
        for (text, want) in [
            ("99ms", "minimum value of 100ms"),
            ("5000", "without Prometheus time unit"),
            ("soon", "`soon`: expected numbers with units"),
        ] {
            let error = metrics(text).check(false).unwrap_err().to_string();
            assert!(error.contains(want), "{error}");
        }
        let nowhere = Metrics { output_rule: false, ..metrics("1s") };
        assert!(nowhere.check(false).unwrap_err().to_string().contains("no output configured"));
        assert!(nowhere.check(true).is_ok());
    }
}
