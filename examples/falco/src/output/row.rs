//! What an output is to the rest of the program: a row.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{OUTPUTS, Output};
use crate::config::{Config, Shape};

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
    /// Its section with all that was left out, if that makes sense.
    pub complete: fn(Option<Value>) -> Result<Value>,
    /// Whether the configuration enables it.
    pub is_enabled: fn(&Config) -> bool,
    /// Where its alerts go, for messages.
    pub place: fn(&Config) -> String,
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

    /// Whether alerts go there.
    fn is_enabled(&self) -> bool;

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
    /// The row of the output with this section.
    pub const fn of<S: Section>() -> Self {
        Self {
            name: S::NAME,
            unit: "alert",
            shape: Shape::Section(S::KEYS),
            depends_on: S::DEPENDS_ON,
            reload: S::RELOAD,
            complete: |value| {
                let section = match value {
                    Some(value) => serde_json::from_value(value).context(S::NAME)?,
                    None => S::default(),
                };
                section.check()?;
                serde_json::to_value(section).context(S::NAME)
            },
            is_enabled: |config| config.outputs.get::<S>().is_enabled(),
            place: |config| config.outputs.get::<S>().place(),
            open: |config| config.outputs.get::<S>().open(config),
        }
    }
}

/// The sections of all outputs.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Sections(BTreeMap<String, Value>);

impl Default for Sections {
    fn default() -> Self {
        let mut sections = Self(BTreeMap::new());
        // The defaults are complete and right: a test looks at them.
        let _ = sections.complete();
        sections
    }
}

impl Sections {
    /// A section.
    pub fn get<S: Section>(&self) -> S {
        let value = self.0.get(S::NAME).cloned();
        value.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default()
    }

    /// Adds what was left out, and forgets what belongs to no output.
    ///
    /// # Errors
    /// Something is wrong with a section.
    pub fn complete(&mut self) -> Result<()> {
        let mut given = std::mem::take(&mut self.0);
        for row in OUTPUTS {
            self.0.insert(row.name.to_owned(), (row.complete)(given.remove(row.name))?);
        }
        Ok(())
    }

    #[cfg(test)]
    pub fn set<S: Section>(&mut self, section: &S) {
        self.0.insert(S::NAME.to_owned(), serde_json::to_value(section).unwrap());
    }
}
