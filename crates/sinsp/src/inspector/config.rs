//! The configuration of an inspector.

use std::time::Duration;

use crate::exe_hashes::ExeHashes;
use crate::lookups::{AccountLookup, ContainerLookup};
use crate::names::SharedNames;
use crate::plugin::Plugins;
use crate::proc_lookup::ProcLookup;
use crate::rendering::Rendering;
use crate::state::Engines;

/// Limits and lookups of an [`Inspector`](crate::Inspector).
#[non_exhaustive]
pub struct Config {
    /// Lookup of unknown threads; `None` in a replay.
    pub proc: Option<Box<dyn ProcLookup>>,
    /// Lookup of the containers of processes; `None` in a replay.
    pub containers: Option<Box<dyn ContainerLookup>>,
    /// Lookup of users and groups in containers; `None` in a replay.
    pub accounts: Option<Box<dyn AccountLookup>>,
    /// Hashes of executed files, for the field `proc.exe_hash.sha256`; `None` in a replay, because the
    /// files do not exist there.
    pub exe_hashes: Option<ExeHashes>,
    /// Enabled container engines: a process in a container of another engine is a process of the host.
    pub engines: Engines,
    /// How long events of a container, and all later events, may wait for the metadata from
    /// [`Config::containers`], from the container's first event on. With zero, nothing waits.
    pub container_hold: Duration,
    /// How long an event may wait for the users of its container, while none of them are known. The thread
    /// reads two small files, once for each container. With zero, nothing waits.
    pub account_wait: Duration,
    /// Whether [`EventView::reports`](crate::EventView::reports) returns the results of lookups, for programs that write captures.
    pub reports: bool,
    /// Domain names with their addresses; without it no name is known.
    pub names: Option<SharedNames>,
    /// Format of parameters and names.
    pub rendering: Rendering,
    /// Plugins that provide fields of the events, parse them or follow the capture.
    pub plugins: Option<Plugins>,
    /// Whether the inspector requests an environment from [`Config::proc`] if the event contains only its
    /// beginning. The lookup should return more than 4,096 bytes. If the process has ended meanwhile, the
    /// beginning is kept.
    pub large_environment: bool,
    /// Maximum number of threads.
    pub max_threads: usize,
    /// Time between two searches for ended threads, ns of event time.
    pub purge_interval: u64,
    /// Time without events after which a thread may have ended, ns.
    pub purge_age: u64,
}

impl Default for Config {
    fn default() -> Self {
        const SECOND: u64 = 1_000_000_000;
        Self {
            proc: None,
            containers: None,
            accounts: None,
            exe_hashes: None,
            engines: Engines::default(),
            container_hold: Duration::ZERO,
            account_wait: Duration::ZERO,
            reports: false,
            names: None,
            rendering: Rendering::default(),
            plugins: None,
            large_environment: false,
            max_threads: 262_144,
            purge_interval: 300 * SECOND,
            purge_age: 300 * SECOND,
        }
    }
}

/// Each function replaces the limit or lookup of its name.
impl Config {
    /// See [`Config::proc`].
    #[must_use]
    pub fn with_proc(mut self, lookup: impl ProcLookup + 'static) -> Self {
        self.proc = Some(Box::new(lookup));
        self
    }

    /// See [`Config::containers`].
    #[must_use]
    pub fn with_containers(mut self, lookup: impl ContainerLookup + 'static) -> Self {
        self.containers = Some(Box::new(lookup));
        self
    }

    /// See [`Config::accounts`].
    #[must_use]
    pub fn with_accounts(mut self, lookup: impl AccountLookup + 'static) -> Self {
        self.accounts = Some(Box::new(lookup));
        self
    }

    /// See [`Config::exe_hashes`].
    #[must_use]
    pub fn with_exe_hashes(mut self, hashes: ExeHashes) -> Self {
        self.exe_hashes = Some(hashes);
        self
    }

    /// See [`Config::engines`].
    #[must_use]
    pub fn with_engines(mut self, engines: Engines) -> Self {
        self.engines = engines;
        self
    }

    /// See [`Config::container_hold`].
    #[must_use]
    pub fn with_container_hold(mut self, longest: Duration) -> Self {
        self.container_hold = longest;
        self
    }

    /// See [`Config::account_wait`].
    #[must_use]
    pub fn with_account_wait(mut self, longest: Duration) -> Self {
        self.account_wait = longest;
        self
    }

    /// See [`Config::plugins`].
    #[must_use]
    pub fn with_plugins(mut self, plugins: Plugins) -> Self {
        self.plugins = Some(plugins);
        self
    }

    /// See [`Config::reports`].
    #[must_use]
    pub fn with_reports(mut self, on: bool) -> Self {
        self.reports = on;
        self
    }

    /// See [`Config::names`].
    #[must_use]
    pub fn with_names(mut self, names: Option<SharedNames>) -> Self {
        self.names = names;
        self
    }

    /// See [`Config::rendering`].
    #[must_use]
    pub fn with_rendering(mut self, rendering: Rendering) -> Self {
        self.rendering = rendering;
        self
    }

    /// See [`Config::large_environment`].
    #[must_use]
    pub fn with_large_environment(mut self, on: bool) -> Self {
        self.large_environment = on;
        self
    }

    /// See [`Config::max_threads`].
    #[must_use]
    pub fn with_max_threads(mut self, max: usize) -> Self {
        self.max_threads = max;
        self
    }

    /// See [`Config::purge_interval`] and [`Config::purge_age`], both in ns.
    #[must_use]
    pub fn with_purge(mut self, interval: u64, age: u64) -> Self {
        (self.purge_interval, self.purge_age) = (interval, age);
        self
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("max_threads", &self.max_threads).finish_non_exhaustive()
    }
}
