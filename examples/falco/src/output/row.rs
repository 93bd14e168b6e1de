//! Description of an output for the rest of the program: a row.

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::deliver::Output;
use super::translated::Translated;
use crate::config::{Config, JsonSchema, Shape};

/// Description of an output, or of a file that is written like one.
pub struct Row {
    /// Name of its section in the configuration, also used in messages and metrics.
    pub name: &'static str,
    /// Singular noun for the things that it delivers.
    pub unit: &'static str,
    /// Keys of its section.
    pub shape: Shape,
    /// Keys outside its section that it depends on.
    pub depends_on: &'static [&'static str],
    /// When a reload reopens it.
    pub reload: Reload,
    /// Whether it writes to standard output. If it is the only output, a replay waits for its reader, like
    /// any filter program.
    pub is_stdout: bool,
    /// Whether a replay fails if this output lost alerts.
    pub fails_replay: bool,
    /// Completes its section with defaults, or returns an error if the section is invalid.
    pub complete: fn(Option<Value>) -> Result<Value>,
    /// Whether the configuration enables it.
    pub is_enabled: fn(&Config) -> bool,
    /// Destination of its alerts, for messages.
    pub place: fn(&Config) -> String,
    /// Whether it needs records of alerts.
    pub needs_record: fn(&Config) -> bool,
    /// Opens the output. This may take long, so it is called in the output's own thread.
    pub open: fn(&Config) -> Result<Box<dyn Output>>,
}

/// When a reload reopens an output. Otherwise the output continues with its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// If its part of the configuration has changed.
    WhenChanged,
    /// At every reload.
    Always,
}

/// The section of an output in the configuration, and its meaning.
pub trait Section: Default + DeserializeOwned + Serialize {
    /// Its name.
    const NAME: &'static str;
    /// Keys of the section.
    const KEYS: &'static [(&'static str, Shape)];
    /// Keys outside the section that the output depends on.
    const DEPENDS_ON: &'static [&'static str] = &[];
    /// When a reload reopens the output.
    const RELOAD: Reload = Reload::WhenChanged;
    /// Whether it writes to standard output.
    const IS_STDOUT: bool = false;
    /// Whether a replay fails if this output lost alerts. Falco's configuration enables outputs whose receivers
    /// are often absent where captures are replayed, such as the log daemon; these do not.
    const FAILS_REPLAY: bool = false;
    /// Whether it needs the record of each alert, not only the line.
    const NEEDS_RECORD: bool = false;

    /// The section in a configuration.
    fn of(config: &Config) -> Self {
        let value = config.outputs.get(Self::NAME).cloned();
        value.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default()
    }

    /// Stores the section in a configuration.
    #[cfg(test)]
    fn put(&self, config: &mut Config) {
        config.outputs.put(Self::NAME, serde_json::to_value(self).unwrap());
    }

    /// Whether the output is enabled.
    fn is_enabled(&self) -> bool;

    /// The schema of its JSON lines. All schemas except Falco's are derived from records.
    fn json_schema(&self) -> JsonSchema {
        JsonSchema::Falco
    }

    /// Validates the section without accessing files or servers.
    ///
    /// # Errors
    /// The section is invalid.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Destination of the alerts for messages, without passwords.
    fn place(&self) -> String;

    /// Opens the output. `config` has the other settings that it needs.
    ///
    /// # Errors
    /// It cannot be opened.
    fn open(&self, config: &Config) -> Result<Box<dyn Output>>;
}

impl Row {
    /// Base row for files that are written like an output but have no section. Such rows override names,
    /// destination and the function to open.
    pub const BARE: Self = Self {
        name: "",
        unit: "alert",
        shape: Shape::Text,
        depends_on: &[],
        reload: Reload::WhenChanged,
        is_stdout: false,
        fails_replay: false,
        complete: |value| Ok(value.unwrap_or_default()),
        is_enabled: |_| true,
        needs_record: |_| false,
        place: |_| String::new(),
        open: |_| bail!("a bare row opens nothing"),
    };

    /// The row of the output with this section.
    pub const fn of<S: Section>() -> Self {
        Self {
            name: S::NAME,
            unit: "alert",
            shape: Shape::Section(S::KEYS),
            depends_on: S::DEPENDS_ON,
            reload: S::RELOAD,
            is_stdout: S::IS_STDOUT,
            fails_replay: S::FAILS_REPLAY,
            complete: |value| {
                let section = match value {
                    Some(value) => serde_json::from_value(value).context(S::NAME)?,
                    None => S::default(),
                };
                section.check()?;
                serde_json::to_value(section).context(S::NAME)
            },
            is_enabled: |config| S::of(config).is_enabled(),
            place: |config| S::of(config).place(),
            needs_record: |config| S::NEEDS_RECORD || S::of(config).json_schema() != JsonSchema::Falco,
            open: |config| {
                let section = S::of(config);
                let inner = section.open(config)?;
                Ok(match section.json_schema() {
                    JsonSchema::Falco => inner,
                    schema => Box::new(Translated { inner, schema }),
                })
            },
        }
    }
}
