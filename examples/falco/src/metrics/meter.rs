//! Collects metrics on request.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::facts::Facts;
use super::host::Resources;
use super::prometheus;
use super::reading::{Before, Reading};
use super::samples::{Sample, Samples};
use super::table::{Group, METRICS, Metric};
use crate::clock::now;
use crate::config;
use crate::output::Hub;

/// Time during which a page for Prometheus is cached.
const FRESH: Duration = Duration::from_millis(250);
/// Timeout for current numbers when a page is requested.
const PATIENCE: Duration = Duration::from_secs(1);

/// Collects the numbers of `metrics` and `/metrics`.
pub struct Meter {
    pub(super) config: config::Metrics,
    facts: Facts,
    hub: Arc<Hub>,
    samples: Samples,
    page: Mutex<Option<(Instant, String)>>,
}

impl Meter {
    /// Creates a meter for the configured metrics.
    pub fn new(config: config::Metrics, facts: Facts, hub: Arc<Hub>) -> Self {
        Self { config, facts, hub, samples: Samples::default(), page: Mutex::new(None) }
    }

    /// Numbers from the thread that tests events.
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// A page for Prometheus.
    pub fn page(&self) -> String {
        let mut page = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        match &*page {
            Some((at, text)) if at.elapsed() < FRESH => text.clone(),
            _ => {
                let reading = self.read(self.samples.request(PATIENCE), None);
                let mut text = prometheus::page(&reading, self.rows());
                if self.has(Group::Plugins) {
                    text += &prometheus::plugins(&reading);
                }
                *page = Some((Instant::now(), text.clone()));
                text
            }
        }
    }

    /// The enabled rows.
    pub(super) fn rows(&self) -> impl Iterator<Item = &'static Metric> {
        METRICS.iter().filter(|metric| self.has(metric.group))
    }

    fn has(&self, group: Group) -> bool {
        let config = &self.config;
        match group {
            Group::General => true,
            Group::Rules => config.rules_counters_enabled,
            Group::Resources => config.resource_utilization_enabled,
            Group::State => config.state_counters_enabled,
            Group::Events | Group::Causes => {
                config.kernel_event_counters_enabled || config.kernel_event_counters_per_cpu_enabled
            }
            Group::Programs => config.libbpf_stats_enabled,
            Group::Plugins => config.plugins_metrics_enabled,
            Group::Cpus => config.kernel_event_counters_per_cpu_enabled,
        }
    }

    pub(super) fn read<'a>(&'a self, sample: Option<Arc<Sample>>, before: Option<&'a Before>) -> Reading<'a> {
        let resources = match self.has(Group::Resources) {
            true => Resources::read(&self.facts.root),
            false => Resources::default(),
        };
        Reading { facts: &self.facts, sample, outputs: self.hub.counts(), resources, now: now(), before }
    }
}
