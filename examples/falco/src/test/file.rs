//! Contents of a file of rule tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use eyas::rules::{Expectation, Times};
use eyas_console::ShowPath;
use serde::Deserialize;
use serde_json::Value;

/// A file of rule tests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestFile {
    /// Rules files, relative to this file. If empty, the rules files of the command line or the
    /// configuration are used.
    #[serde(default)]
    pub rules: Vec<PathBuf>,
    /// The tests.
    pub tests: Vec<Test>,
}

/// One test.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// Name of the test.
    pub test: String,
    /// Processes that exist before the first event; parents must precede children.
    #[serde(default)]
    pub processes: Vec<Process>,
    /// Containers of the processes.
    #[serde(default)]
    pub containers: Vec<Container>,
    /// Users of the processes.
    #[serde(default)]
    pub users: Vec<User>,
    /// Events of the test.
    #[serde(default)]
    pub events: Vec<Event>,
    /// A capture with events to play, relative to this file.
    pub capture: Option<PathBuf>,
    /// A condition for events of the capture. Other events only change the state.
    pub filter: Option<String>,
    /// Rules that must match: their names, or their names with counts.
    #[serde(default)]
    pub fires: Fires,
    /// Rules that must not match.
    #[serde(default)]
    pub silent: Vec<String>,
}

/// Rules that must match.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Fires {
    /// Each at least once.
    Some(Vec<String>),
    /// Each exactly this often.
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
    /// Process id. Default: the first free one from 1000 on.
    pub pid: Option<i64>,
    /// Name or id of the parent process. Default: the previous process in the list.
    pub parent: Option<Value>,
    /// Path of the executable. Default: `/usr/bin/` and the name.
    pub exepath: Option<String>,
    /// First argument. Default: the name.
    pub exe: Option<String>,
    /// Arguments after the first.
    #[serde(default)]
    pub args: Vec<String>,
    /// Environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Working directory. Default: `/`.
    pub cwd: Option<String>,
    /// Name of one of the users, or an id. Default: 0.
    pub user: Option<Value>,
    /// Group id.
    #[serde(default)]
    pub gid: u32,
    /// Login user id. Default: none.
    pub loginuid: Option<u32>,
    /// Number of the terminal; 0 for none.
    #[serde(default)]
    pub tty: u32,
    /// Session. Default: its own id.
    pub session: Option<i64>,
    /// Id in its own pid namespace. Default: its id.
    pub vpid: Option<i64>,
    /// Name of one of the containers.
    pub container: Option<String>,
    /// Capabilities in effect, such as `CAP_SYS_ADMIN`.
    #[serde(default)]
    pub caps: Vec<String>,
    /// Whether the user may write to the executable.
    #[serde(default)]
    pub exe_writable: bool,
    /// Whether the executable is in the upper layer of an overlay.
    #[serde(default)]
    pub exe_upper_layer: bool,
    /// Whether the executable is a file in memory (memfd).
    #[serde(default)]
    pub exe_from_memfd: bool,
    /// Open files by file descriptor: a path, or the ends of a connection such as
    /// `10.0.0.1:4000->10.0.0.2:80`.
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
    /// Id: hexadecimal digits, padded with zeros. Default: derived from the position.
    pub id: Option<String>,
    /// Whether it is privileged.
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
    /// Name of the event, as in `evt.type`.
    pub event: String,
    /// Name or id of the process that causes it. Default: the last process in the list.
    pub by: Option<Value>,
    /// Parameters by name.
    #[serde(default)]
    pub params: BTreeMap<String, Value>,
}

impl TestFile {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = crate::file::read_text(path).with_context(|| format!("can't read {}", path.shown()))?;
        let parsed = eyas::yaml::parse(&text.as_str().into()).ok();
        if parsed
            .and_then(|parsed| parsed.documents.into_iter().next())
            .is_some_and(|file| file.as_seq().is_some())
        {
            bail!(
                "{} is a rules file and no file of rule tests: name it with -r, or in `rules:` of a file of tests",
                path.shown()
            );
        }
        serde_saphyr::from_str(&text).map_err(|e| anyhow::anyhow!("{}: {e}", path.shown()))
    }
}

impl Test {
    /// Whether the test names no rule.
    pub fn names_no_rule(&self) -> bool {
        self.expectations().is_empty()
    }

    /// The expected results by rule.
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
