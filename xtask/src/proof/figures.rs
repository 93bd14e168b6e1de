//! What is measured.

/// Everything that the page shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    pub machine: Machine,
    /// eyas, and the peer if there is one.
    pub detectors: Vec<Detector>,
}

/// What it was measured on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Machine {
    pub date: String,
    pub kernel: String,
    pub processor: String,
    pub cores: usize,
    pub memory_mib: u64,
    /// Load averages before and after.
    pub load: [f64; 2],
    /// The slowest of equal loops took so much longer than the fastest, of the fastest.
    pub noise: f64,
    /// How long measuring took, s.
    pub seconds: f64,
}

/// One detector.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Detector {
    pub name: String,
    /// From its start to the first alert, s.
    pub start_up: Option<f64>,
    /// Resident memory after the loads, MiB.
    pub memory_mib: Option<f64>,
    /// Processor time of one CPU while nothing happens, percent.
    pub idle_percent: Option<f64>,
    /// By load.
    pub loads: Vec<Load>,
    /// Events of a replay a second of processor time, by number of rules.
    pub rules: Vec<(u64, f64)>,
    /// Added to a call, ns, by what becomes of it.
    pub calls: Vec<(String, f64)>,
    /// By load with the smallest ring: share of marks that were lost, and the least verdict coverage.
    pub coverage: Vec<(u64, f64, f64)>,
}

/// What became of marked events at a rate of others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Load {
    /// Events a second that were made.
    pub rate: f64,
    /// Marked events, and how many of them had an alert.
    pub marks: u64,
    pub found: u64,
    /// From the call to the alert, ms: median, 99 of 100, longest.
    pub latency: Option<[f64; 3]>,
}

impl Load {
    /// Of a hundred marked events, those without an alert.
    pub fn lost_percent(&self) -> f64 {
        if self.marks == 0 {
            0.0
        } else {
            100.0 * (self.marks.saturating_sub(self.found)) as f64 / self.marks as f64
        }
    }
}

/// Median, 99th of a hundred, and longest.
pub fn quantiles(mut values: Vec<f64>) -> Option<[f64; 3]> {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values.get(((values.len() as f64 * share).ceil() as usize).max(1) - 1).copied();
    Some([at(0.5)?, at(0.99)?, at(1.0)?])
}
