//! Results of the measurement.

/// All data of the page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    pub machine: Machine,
    /// eyas, and the peer if there is one.
    pub detectors: Vec<Detector>,
}

/// The machine of the measurement.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Machine {
    /// The commit of the measured version.
    pub version: String,
    pub date: String,
    pub kernel: String,
    pub processor: String,
    pub cores: usize,
    pub memory_mib: u64,
    /// Load averages before and after.
    pub load: [f64; 2],
    /// Relative difference between the slowest and the fastest of equal loops.
    pub noise: f64,
    /// Duration of the measurement, s.
    pub seconds: f64,
}

/// Results of one detector.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Detector {
    pub name: String,
    /// Time from its start to the first alert, s.
    pub start_up: Option<f64>,
    /// Resident memory after the loads, MiB.
    pub memory_mib: Option<f64>,
    /// Processor time in percent of one CPU, while the system is idle.
    pub idle_percent: Option<f64>,
    /// Results by load.
    pub loads: Vec<Load>,
    /// Events of a replay per second of processor time, by number of rules.
    pub rules: Vec<(u64, f64)>,
    /// Added cost of a call, ns, by how the call is handled.
    pub calls: Vec<(String, f64)>,
    /// By load, with the smallest ring: fraction of lost marks, and the minimum verdict coverage.
    pub coverage: Vec<(u64, f64, f64)>,
}

/// Results for marked events at a rate of other events.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Load {
    /// Actual number of events per second.
    pub rate: f64,
    /// Number of marked events, and how many of them had an alert.
    pub marks: u64,
    pub found: u64,
    /// Time from the call to the alert, ms: median, 99th percentile, maximum.
    pub latency: Option<[f64; 3]>,
}

impl Load {
    /// Percentage of marked events without an alert.
    pub fn lost_percent(&self) -> f64 {
        if self.marks == 0 {
            0.0
        } else {
            100.0 * (self.marks.saturating_sub(self.found)) as f64 / self.marks as f64
        }
    }
}

/// Median, 99th percentile and maximum.
pub fn quantiles(mut values: Vec<f64>) -> Option<[f64; 3]> {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values.get(((values.len() as f64 * share).ceil() as usize).max(1) - 1).copied();
    Some([at(0.5)?, at(0.99)?, at(1.0)?])
}
