//! What an output is to the rest of the program: a row.

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::deliver::Output;
use super::translated::Translated;
use crate::config::{Config, JsonSchema, Shape};

/// An output, or a file that is written like one.
pub struct Row {
    /// Its section of the configuration; also its name in messages and metrics.
    pub name: &'static str,
    /// What it delivers, one of them.
    pub unit: &'static str,
    /// What its section may have.
    pub shape: Shape,
    /// Keys beside its section that it depends on.
    pub depends_on: &'static [&'static str],
    /// When a reload opens it again.
    pub reload: Reload,
    /// It writes to standard output: where it is the only output, a replay waits for its reader as any filter does.
    pub is_stdout: bool,
    /// Its section with all that was left out, if that makes sense.
    pub complete: fn(Option<Value>) -> Result<Value>,
    /// Whether the configuration enables it.
    pub is_enabled: fn(&Config) -> bool,
    /// Where its alerts go, for messages.
    pub place: fn(&Config) -> String,
    /// Whether it is given records of alerts.
    pub needs_record: fn(&Config) -> bool,
    /// Opens it. This may take long: it is called in the output's own thread.
    pub open: fn(&Config) -> Result<Box<dyn Output>>,
}

/// When a reload opens an output again. Else it goes on as it is, with what waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// When its part of the configuration has changed.
    WhenChanged,
    /// At every reload.
    Always,
}

/// The section of an output in the configuration, and what it means.
pub trait Section: Default + DeserializeOwned + Serialize {
    /// Its name.
    const NAME: &'static str;
    /// What it may have.
    const KEYS: &'static [(&'static str, Shape)];
    /// Keys elsewhere that the output depends on.
    const DEPENDS_ON: &'static [&'static str] = &[];
    /// When a reload opens the output again.
    const RELOAD: Reload = Reload::WhenChanged;
    /// Whether it writes to standard output.
    const IS_STDOUT: bool = false;
    /// Whether it is given the record of each alert, not only its line.
    const NEEDS_RECORD: bool = false;

    /// The section in a configuration.
    fn of(config: &Config) -> Self {
        let value = config.outputs.get(Self::NAME).cloned();
        value.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default()
    }

    /// Puts the section into a configuration.
    #[cfg(test)]
    fn put(&self, config: &mut Config) {
        config.outputs.put(Self::NAME, serde_json::to_value(self).unwrap());
    }

    /// Whether alerts go there.
    fn is_enabled(&self) -> bool;

    /// The schema of the JSON objects that it is given as lines; all but Falco's are made of records.
    fn json_schema(&self) -> JsonSchema {
        JsonSchema::Falco
    }

    /// Looks for what is wrong with it, without a look at files or servers.
    ///
    /// # Errors
    /// What is wrong.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Where alerts go, for messages: without passwords.
    fn place(&self) -> String;

    /// Opens the output, with what it needs of the rest of the configuration.
    ///
    /// # Errors
    /// It cannot be opened.
    fn open(&self, config: &Config) -> Result<Box<dyn Output>>;
}

impl Row {
    /// What runs as an output does, but has no section: a row with other names, places and ways to open it begins with this.
    pub const BARE: Self = Self {
        name: "",
        unit: "alert",
        shape: Shape::Text,
        depends_on: &[],
        reload: Reload::WhenChanged,
        is_stdout: false,
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
