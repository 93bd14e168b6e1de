//! A source of events, the state, and the rules, as one iterator over alerts.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use eyas_rules::{
    AlertOptions, Engine, Follower, Match, Priority, RuleSet, RuleSetBuilder, SchemaMismatch, SharedEngine,
};
use eyas_scap::EventSource;
use eyas_sinsp::plugin::{PluginError, PluginSet};
use eyas_sinsp::{Config, Inspector, Step};

/// An error that prevents rules from loading, or that ends detection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Rules cannot be read, or do not load or compile; the message names each error with its place.
    #[error(transparent)]
    Rules(#[from] eyas_rules::Error),
    /// A plugin does not start, or its source cannot be opened; with the plugin's message.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// The source of events failed: the file is no capture, or the probe does not run.
    #[error(transparent)]
    Source(#[from] eyas_scap::Error),
    /// The thread that detects for a stream panicked.
    #[cfg(feature = "async")]
    #[error("the thread that detects panicked: no alerts come any more")]
    Panicked,
}

impl From<SchemaMismatch> for Error {
    fn from(error: SchemaMismatch) -> Self {
        Self::Rules(error.into())
    }
}

/// Compiles rules files over the fields of system calls, in order: later files may change what earlier ones
/// define. [`Engine::warnings`] lists the rules that no event can match. For options, such as which rules are
/// enabled, use [`RuleSet`].
///
/// # Errors
/// A file cannot be read, does not load, or requires a plugin that is not loaded.
///
/// ```
/// let engine = eyas::load_rules(["demo/rules.yaml"])?;
/// assert!(engine.find("Password file read").is_some());
/// let error = eyas::load_rules(["none.yaml"]).unwrap_err();
/// assert!(error.to_string().starts_with("cannot read the rules file none.yaml"));
/// # Ok::<(), eyas::Error>(())
/// ```
pub fn load_rules<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Result<Engine, Error> {
    Ok(RuleSet::builder(Arc::new(eyas_sinsp::schema())).read(paths)?.compile()?)
}

/// Like [`load_rules`], for the rules of another event source, which a plugin of the set provides. They may
/// test the fields of plugins, and require the plugins of the set.
///
/// # Errors
/// Like [`load_rules`].
pub fn load_rules_of<P: AsRef<Path>>(
    plugins: &PluginSet,
    source: &str,
    paths: impl IntoIterator<Item = P>,
) -> Result<Engine, Error> {
    Ok(rules_with_plugins(plugins, source).read(paths)?.compile()?)
}

/// Options for rules of all event sources of the plugins. [`RuleSet::compile`] is for the rules of `source`, and
/// [`RuleSet::compile_for`] for those of the other sources. Rules may require the plugins.
pub fn rules_with_plugins(plugins: &PluginSet, source: &str) -> RuleSetBuilder {
    let mut builder = RuleSet::builder(Arc::new(plugins.schema(source)));
    for other in plugins.sources().into_iter().filter(|other| *other != source) {
        builder = builder.add_schema(Arc::new(plugins.schema(other)));
    }
    builder.plugins(plugins.infos().map(|info| (info.name.clone(), info.version.0.map(u64::from))))
}

/// An event that a rule matched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Detection {
    /// Name of the rule.
    pub rule: String,
    /// Severity of the rule.
    pub priority: Priority,
    /// Time of the event, ns since the epoch.
    pub timestamp: u64,
    /// The alert as one line without a line feed: text in Falco's format, or JSON after [`Detector::json`].
    pub line: String,
}

/// Reads events from a source, tracks the state of the system, and returns an alert for each match of a
/// rule.
///
/// ```
/// use eyas::{Detector, scap::Reader};
///
/// let rules = eyas::load_rules(["demo/rules.yaml"])?;
/// for alert in Detector::new(Reader::open("demo/demo.scap.gz")?, rules) {
///     println!("{}", alert?.line);
/// }
/// # Ok::<(), eyas::Error>(())
/// ```
///
/// With a live source the iterator waits for the next alert, and ends when the capture is stopped. If you
/// need every event, or other results than alerts, use the parts directly: an [`EventSource`], an
/// [`Inspector`] and an [`Engine`].
#[derive(Debug)]
pub struct Detector<S> {
    source: S,
    inspector: Inspector,
    rules: SharedEngine,
    follower: Follower,
    options: AlertOptions,
    json: bool,
    hits: Vec<Match>,
    /// Alerts of the last event that are still to be returned, in reverse order.
    ready: Vec<Detection>,
    has_ended: bool,
    /// For a detector in a thread: whether the receiver of alerts is gone.
    pub(crate) is_cancelled: Option<Arc<AtomicBool>>,
}

impl<S: EventSource> Detector<S> {
    /// A detector whose state comes from the events and the source's snapshot.
    pub fn new(source: S, rules: Engine) -> Self {
        let rules = SharedEngine::new(rules);
        Self {
            source,
            inspector: Inspector::default(),
            follower: rules.follower(),
            rules,
            options: AlertOptions::default(),
            json: false,
            hits: Vec::new(),
            ready: Vec::new(),
            has_ended: false,
            is_cancelled: None,
        }
    }

    /// Replaces the configuration of the state: lookups in `/proc`, container runtimes, plugins, limits.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.inspector = Inspector::new(config);
        // Plugins extract all fields that the rules need of an event in one call.
        if let Some(plugins) = self.inspector.plugins_mut() {
            plugins.extract_together(self.rules.current().fields_by_use());
        }
        self
    }

    /// Writes alerts as JSON.
    #[must_use]
    pub fn json(mut self) -> Self {
        self.json = true;
        self
    }

    /// Replaces the options of alerts.
    #[must_use]
    pub fn options(mut self, options: AlertOptions) -> Self {
        self.options = options;
        self
    }

    /// A handle by which any thread can replace the rules while the detector runs.
    pub fn rules(&self) -> SharedEngine {
        self.rules.clone()
    }

    /// The source of events.
    pub fn source(&mut self) -> &mut S {
        &mut self.source
    }

    /// The state of the system after the last event.
    pub fn inspector(&self) -> &Inspector {
        &self.inspector
    }

    /// Reads events until one matches; `None` at the end of the source.
    fn advance(&mut self) -> Result<Option<Detection>, Error> {
        while self.ready.is_empty() {
            if self.is_cancelled.as_ref().is_some_and(|is_cancelled| is_cancelled.load(Ordering::Relaxed)) {
                return Ok(None);
            }
            let event = match self.inspector.next(&mut self.source)? {
                Step::Event(event) => event,
                Step::Idle => continue,
                Step::End => return Ok(None),
            };
            let engine = self.follower.matches(&event, &mut self.hits)?;
            for hit in self.hits.drain(..).rev() {
                let (rule, alert) = (engine.rule(hit.rule), engine.alert(hit, &event, &self.options));
                self.ready.push(Detection {
                    rule: rule.name.clone(),
                    priority: rule.priority,
                    timestamp: alert.timestamp(),
                    line: if self.json { alert.to_json() } else { alert.to_text() },
                });
            }
        }
        Ok(self.ready.pop())
    }
}

#[cfg(feature = "live")]
impl Detector<eyas_scap::live::Source> {
    /// A detector for live events of this machine. It looks up threads that the snapshot lacks in `/proc`.
    ///
    /// # Errors
    /// The probe does not load: the process lacks the privilege, or the kernel a feature.
    pub fn live(rules: Engine) -> Result<Self, Error> {
        let source = eyas_scap::live::Source::open(eyas_scap::live::Options::default())?;
        let reader = eyas_scap::proc::ThreadReader::new(eyas_scap::proc::Options::default());
        let config = Config::default().with_proc(reader);
        Ok(Self::new(source, rules).config(config))
    }
}

impl<S: EventSource> Iterator for Detector<S> {
    type Item = Result<Detection, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let next = self.advance().transpose();
        self.has_ended = !matches!(next, Some(Ok(_)));
        next
    }
}
