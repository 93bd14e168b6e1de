//! The rules for testing events and the settings for writing alerts. A reload replaces them as a whole.

use std::sync::Arc;

use eyas::rules::{AlertOptions, Engine, Rule};
use eyas::sinsp::Needs;
use eyas::{EngineFilters, ProbeFilter};
use jiff::Zoned;

use crate::args::Args;
use crate::config::{Config, EngineKind};
use crate::configure::Loaded;
use crate::hashes::ReadFiles;
use crate::internal::Internal;
use crate::output::{Alert, Batch, Row};
use crate::outputs::OUTPUTS;
use crate::pushdown;
use crate::rules::Engines;
use crate::{log, names, rules};

/// A ruleset and the configuration that belongs to it.
pub struct Setup {
    /// The rules for system calls.
    pub engine: Arc<Engine>,
    /// The rules for each event source of plugins.
    pub others: Vec<Arc<Engine>>,
    /// Options for writing alerts.
    pub options: AlertOptions,
    /// Options for writing records, if an output needs records.
    pub record: Option<AlertOptions>,
    /// The whole configuration. Keys that cannot change at run time are used only from the first setup.
    pub config: Config,
    /// The files of rules and configuration.
    pub files: ReadFiles,
    /// The events that a replay needs, if it can skip some.
    pub needs: Option<Arc<Needs>>,
    /// What the probe filters out, if it is to.
    pub filter: Option<ProbeFilter>,
    /// What filters out events before the rules, if something is to.
    pub pushdown: Option<pushdown::Filter>,
}

impl Setup {
    /// Creates a setup from a configuration and rules that were just read.
    pub fn new(args: &Args, loaded: Loaded, engines: Engines) -> Self {
        let Engines { engine, others } = engines;
        let config_files: Vec<_> = loaded.files.into_iter().map(|file| file.path).collect();
        let config = loaded.config;
        names::look_up(&engine);
        let files = ReadFiles::new(&rules::files(rules::paths(args, &config)), &config_files);
        let options = AlertOptions::default()
            .with_hostname(hostname())
            .with_time_iso_8601(config.time_format_iso_8601)
            .with_json_output(config.json_include_output_property)
            .with_json_message(config.json_include_message_property)
            .with_json_fields(config.json_include_output_fields_property)
            .with_json_tags(config.json_include_tags_property);
        let needs_record = |row: &Row| (row.is_enabled)(&config) && (row.needs_record)(&config);
        let record = OUTPUTS.iter().any(needs_record).then(|| {
            let options = options.clone().with_json_output(true).with_json_message(true);
            options.with_json_fields(true).with_json_tags(true).with_time_iso_8601(false)
        });
        let needs = can_skip(args, &config).then(|| Arc::new(EngineFilters::new(&engine).replay_needs()));
        let pushdown = args.model_pushdown.then(|| pushdown::Filter::new(&engine, args.threads == 1));
        let filter = can_filter(args, &config).then(|| pushdown::probe_filter(&engine)).flatten();
        Self { engine: Arc::new(engine), others, options, record, config, files, needs, filter, pushdown }
    }

    /// All rules: first the rules for system calls, then those for the other sources.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> + Clone {
        self.engine.rules().iter().chain(self.others.iter().flat_map(|engine| engine.rules()))
    }

    /// The rules of a source, and the position of the first one in [`Setup::rules`].
    pub fn of_source(&self, source: &str) -> Option<(&Arc<Engine>, u32)> {
        let mut first = 0;
        for engine in std::iter::once(&self.engine).chain(&self.others) {
            if engine.schema().source() == source {
                return Some((engine, first));
            }
            first += engine.rules().len() as u32;
        }
        None
    }

    /// Converts an internal alert to an alert with the current time.
    pub fn alert(&self, internal: &Internal) -> Alert {
        self.alert_at(internal, &Zoned::now())
    }

    /// An internal alert with the time of its cause.
    pub fn alert_at(&self, internal: &Internal, now: &Zoned) -> Alert {
        let line = |as_json| internal.line(now, as_json, &self.options.hostname).into_bytes();
        Alert {
            text: line(self.config.json_output).into(),
            record: self.record.as_ref().map(|_| line(true).into()),
            severity: internal.priority as u8,
        }
    }

    /// Adds an internal alert to the batch.
    pub fn add_alert(&self, alert: &Internal, batch: &mut Batch) {
        batch.push(self.alert(alert));
    }
}

/// Whether only the rules use events.
fn can_skip(args: &Args, config: &Config) -> bool {
    config.engine.is_replay() && args.duration == 0 && is_for_rules_alone(args, config)
}

/// Whether the probe may filter out events that the rules do not need.
fn can_filter(args: &Args, config: &Config) -> bool {
    let engine = &config.engine;
    engine.kind == EngineKind::ModernEbpf && engine.modern_ebpf.pushdown && is_for_rules_alone(args, config)
}

fn is_for_rules_alone(args: &Args, config: &Config) -> bool {
    let is_folding = !matches!(config.alert_folding.window(), Ok(None));
    !args.rule_profile && !args.model_pushdown && !is_folding && !config.capture.enabled
}

/// `FALCO_HOSTNAME`, or the kernel's host name.
fn hostname() -> String {
    std::env::var("FALCO_HOSTNAME")
        .inspect(|name| {
            log::info(&format!("Hostname value has been overridden via environment variable to: {name}"));
        })
        .unwrap_or_else(|_| rustix::system::uname().nodename().to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    /// A change of the settings.
    type Change = fn(&mut Args, &mut Config);

    #[test]
    fn the_filter_is_off_if_something_else_uses_events() {
        // Whether the probe may filter out events, and whether a replay may.
        let cases: [(&str, Change, bool, bool); 12] = [
            ("nothing", |_, _| {}, true, true),
            ("pushdown: false", |_, config| config.engine.modern_ebpf.pushdown = false, false, true),
            ("a profile of the rules", |args, _| args.rule_profile = true, false, false),
            ("the model", |args, _| args.model_pushdown = true, false, false),
            ("a time limit", |args, _| args.duration = 1, true, false),
            ("several threads", |args, _| args.threads = 2, true, true),
            ("captures", |_, config| config.capture.enabled = true, false, false),
            (
                "the flight recorder",
                |_, config| {
                    config.capture.enabled = true;
                    config.capture.pre_roll = "5s".into();
                },
                false,
                false,
            ),
            // It records only if captures are on.
            ("a pre-roll without captures", |_, config| config.capture.pre_roll = "5s".into(), true, true),
            ("folding", |_, config| config.alert_folding.window = "1m".into(), false, false),
            (
                "a window that is not a time",
                |_, config| config.alert_folding.window = "x".into(),
                false,
                false,
            ),
            ("JSON", |_, config| config.json_output = true, true, true),
        ];
        for (name, change, live, replay) in cases {
            let mut args = Args::parse_from(["falco"]);
            let mut config = Config::default();
            change(&mut args, &mut config);
            for (kind, probe_may, replay_may) in [
                (EngineKind::ModernEbpf, live, false),
                (EngineKind::Replay, false, replay),
                // Plugins.
                (EngineKind::Nodriver, false, false),
            ] {
                config.engine.kind = kind;
                let found = (can_filter(&args, &config), can_skip(&args, &config));
                assert_eq!(found, (probe_may, replay_may), "{name} with {kind:?}");
            }
        }
    }
}
