//! Logs failures of container runtimes: each failure once, until the runtime responds again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use eyas::sinsp::{Inspector, RuntimeStats};
use eyas_console::ShowPath;

use crate::log;

/// Interval of checks for failures.
const INTERVAL: Duration = Duration::from_secs(1);
/// Maximum number of logged failures per socket; further ones are only counted.
const MAX: usize = 8;

/// The failures that were logged.
#[derive(Default)]
pub struct RuntimeLog {
    checked: Option<Instant>,
    logged: BTreeMap<PathBuf, BTreeSet<String>>,
}

impl RuntimeLog {
    /// Periodically logs new failures.
    pub fn check(&mut self, inspector: &Inspector) {
        if self.checked.is_none_or(|at| at.elapsed() >= INTERVAL) {
            self.checked = Some(Instant::now());
            self.lines(&inspector.runtime_stats()).iter().for_each(|line| log::warning(line));
        }
    }

    /// Log lines about new failures.
    fn lines(&mut self, stats: &RuntimeStats) -> Vec<String> {
        let mut lines = Vec::new();
        self.logged.retain(|socket, _| stats.sockets.iter().any(|stats| stats.socket == *socket));
        for stats in &stats.sockets {
            let Some(error) = &stats.error else {
                // A failure after a response is logged again.
                self.logged.remove(&stats.socket);
                continue;
            };
            let logged = self.logged.entry(stats.socket.clone()).or_default();
            if logged.len() < MAX && logged.insert(error.clone()) {
                let socket = stats.socket.shown();
                let advice = match error.contains("ermission denied") {
                    true => {
                        "run as root or as a member of the socket's group, or disable it in container_engines"
                    }
                    false => "containers of this runtime have no names and images until it responds",
                };
                lines.push(format!("Container runtime at {socket}: {error}; {advice}"));
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failing(error: Option<&str>) -> RuntimeStats {
        let mut stats = RuntimeStats::default();
        stats.sockets.push(eyas::sinsp::SocketStats::new("/run/docker.sock", 1, error.map(str::to_owned)));
        stats
    }

    #[test]
    fn each_failure_is_logged_once_until_the_runtime_responds() {
        let mut log = RuntimeLog::default();
        let lines = log.lines(&failing(Some("can't connect: Permission denied")));
        assert_eq!(lines.len(), 1);
        assert!(lines[0].contains("/run/docker.sock") && lines[0].contains("as root"), "{lines:?}");
        assert!(log.lines(&failing(Some("can't connect: Permission denied"))).is_empty());
        assert_eq!(log.lines(&failing(Some("no answer within 5s"))).len(), 1);
        assert!(log.lines(&failing(Some("can't connect: Permission denied"))).is_empty());
        assert!(log.lines(&failing(None)).is_empty());
        assert_eq!(log.lines(&failing(Some("no answer within 5s"))).len(), 1);
    }
}
