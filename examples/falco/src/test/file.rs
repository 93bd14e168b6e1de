//! What a file of rule tests says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use eyas::rules::{Expectation, Times};
use serde::Deserialize;
use serde_json::Value;

/// A file of rule tests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestFile {
    /// Rules files, relative to this one; without them those of the command line or the configuration.
    #[serde(default)]
    pub rules: Vec<PathBuf>,
    /// The tests.
    pub tests: Vec<Test>,
}

/// One test.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// What it shows.
    pub test: String,
    /// Processes that are there before the first event; a parent stands before its children.
    #[serde(default)]
    pub processes: Vec<Process>,
    /// Containers that processes are in.
    #[serde(default)]
    pub containers: Vec<Container>,
    /// Users that processes run as.
    #[serde(default)]
    pub users: Vec<User>,
    /// What happens.
    #[serde(default)]
    pub events: Vec<Event>,
    /// A capture, relative to this file, whose events happen.
    pub capture: Option<PathBuf>,
    /// A condition: other events of the capture change the state only.
    pub filter: Option<String>,
    /// Rules that must match: their names, or how often each.
    #[serde(default)]
    pub fires: Fires,
    /// Rules that must not.
    #[serde(default)]
    pub silent: Vec<String>,
}

/// Rules that must match.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Fires {
    /// At least once each.
    Some(Vec<String>),
    /// So often each.
    Exactly(BTreeMap<String, u64>),
}

impl Default for Fires {
    fn default() -> Self {
        Self::Some(Vec::new())
    }
}

/// A process.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Command name.
    pub name: String,
    /// Process id; the first that is free from 1000 on if it is not given.
    pub pid: Option<i64>,
    /// Name or id of the process that started it; the one before it in the list if it is not given.
    pub parent: Option<Value>,
    /// Path of its program; `/usr/bin/` and its name if it is not given.
    pub exepath: Option<String>,
    /// First argument; its name if it is not given.
    pub exe: Option<String>,
    /// Arguments after the first.
    #[serde(default)]
    pub args: Vec<String>,
    /// Environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Working directory; `/` if it is not given.
    pub cwd: Option<String>,
    /// Name of one of the users, or an id; 0 if it is not given.
    pub user: Option<Value>,
    /// Group id.
    #[serde(default)]
    pub gid: u32,
    /// Login user id; none if it is not given.
    pub loginuid: Option<u32>,
    /// Number of its terminal, 0 for none.
    #[serde(default)]
    pub tty: u32,
    /// Its session; its own id if it is not given.
    pub session: Option<i64>,
    /// Id in its own pid namespace; its id if it is not given.
    pub vpid: Option<i64>,
    /// Name of one of the containers.
    pub container: Option<String>,
    /// Capabilities in effect, such as `CAP_SYS_ADMIN`.
    #[serde(default)]
    pub caps: Vec<String>,
    /// Its program can be written by its user.
    #[serde(default)]
    pub exe_writable: bool,
    /// Its program is in the upper layer of an overlay.
    #[serde(default)]
    pub exe_upper_layer: bool,
    /// Its program is a file in memory.
    #[serde(default)]
    pub exe_from_memfd: bool,
    /// Open files by descriptor: a path, or the ends of a connection as `10.0.0.1:4000->10.0.0.2:80`.
    #[serde(default)]
    pub fds: BTreeMap<i64, String>,
}

/// A container.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Container {
    /// Name.
    pub name: String,
    /// Image, as `repository:tag`.
    #[serde(default)]
    pub image: String,
    /// Id: hexadecimal digits, filled up with zeros; by position if it is not given.
    pub id: Option<String>,
    /// It runs privileged.
    #[serde(default)]
    pub privileged: bool,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// A user.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Name.
    pub name: String,
    /// Id.
    pub uid: u32,
}

/// An event.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Its name, as `evt.type` has it.
    pub event: String,
    /// Name or id of the process that makes it; the last of the list if it is not given.
    pub by: Option<Value>,
    /// Parameters by name.
    #[serde(default)]
    pub params: BTreeMap<String, Value>,
}

impl TestFile {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = crate::file::read_text(path).with_context(|| format!("can't read {}", path.display()))?;
        let parsed = eyas::yaml::parse(&text.as_str().into()).ok();
        if parsed
            .and_then(|parsed| parsed.documents.into_iter().next())
            .is_some_and(|file| file.as_seq().is_some())
        {
            bail!(
                "{} is a rules file and no file of rule tests: name it with -r, or in `rules:` of a file of tests",
                path.display()
            );
        }
        serde_saphyr::from_str(&text).map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))
    }
}

impl Test {
    /// Whether it names no rule.
    pub fn names_no_rule(&self) -> bool {
        self.expectations().is_empty()
    }

    /// What it wants of which rule.
    pub fn expectations(&self) -> Vec<Expectation> {
        let mut all = Vec::new();
        match &self.fires {
            Fires::Some(rules) => all.extend(rules.iter().map(|rule| (rule, Times::Some))),
            Fires::Exactly(rules) => all.extend(rules.iter().map(|(rule, n)| (rule, Times::Exactly(*n)))),
        }
        all.extend(self.silent.iter().map(|rule| (rule, Times::Never)));
        all.into_iter().map(|(rule, times)| Expectation { rule: rule.clone(), times }).collect()
    }
}
