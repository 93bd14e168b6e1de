use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::log;

/// The event source of system calls.
pub const SOURCE: &str = "syscall";

/// Falco-compatible runtime security: judges system calls by rules and prints alerts.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "falco",
    version,
    disable_version_flag = true,
    max_term_width = 110,
    args_override_self = true
)]
pub struct Args {
    /// Configuration file [default: /etc/falco/falco.yaml, where it exists]
    #[arg(short = 'c', value_name = "PATH")]
    pub config: Option<PathBuf>,

    /// Set a configuration key: `key=value`, `key.sub[0]=value`, `list[]=value`; repeatable
    #[arg(short = 'o', long = "option", value_name = "KEY=VALUE")]
    pub options: Vec<String>,

    /// Rules file or directory; repeatable, read in order, instead of the configured ones
    #[arg(short = 'r', alias = "rules", value_name = "FILE")]
    pub rules: Vec<PathBuf>,

    /// Replay this capture (`-` for standard input) instead of capturing
    #[arg(short = 'e', long = "events", value_name = "CAPTURE")]
    pub events: Option<PathBuf>,

    /// Say for a rule, over a capture (-e), which part of its condition was false and with what values: of the
    /// event with a number, or of the one that came nearest
    #[arg(long, value_name = "RULE[@NUMBER]")]
    pub explain: Option<String>,

    /// Run the rule tests in this file and exit, with status 1 if one fails; repeatable
    #[arg(long = "test", value_name = "FILE", num_args = 1..)]
    pub tests: Vec<PathBuf>,

    /// Stop after this many seconds (of event time in a replay)
    #[arg(short = 'M', value_name = "SECONDS", default_value_t = 0, hide_default_value = true)]
    pub duration: u64,

    /// Test the events of a replay on this many threads; alerts are the same in the same order
    #[arg(long, value_name = "N", default_value = "1", hide_default_value = true)]
    pub threads: NonZeroUsize,

    /// At the end, print what each rule and each part of its condition cost, and what another order would save
    #[arg(long, conflicts_with = "threads")]
    pub rule_profile: bool,

    /// Validate these rules files, show what is wrong or odd about them and exit; repeatable
    #[arg(short = 'V', long = "validate", value_name = "FILE")]
    pub validate: Vec<PathBuf>,

    /// Read configuration and rules, report what is wrong with them, and exit
    #[arg(long)]
    pub dry_run: bool,

    /// Describe every rule, macro and list, and exit
    #[arg(short = 'L')]
    pub describe_all: bool,

    /// Describe one rule, and exit
    #[arg(short = 'l', value_name = "RULE", conflicts_with = "describe_all")]
    pub describe: Option<String>,

    /// List the fields that conditions and outputs may use (of one source, if given), and exit
    #[arg(long, value_name = "SOURCE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub list: Option<String>,

    /// With --list: names only
    #[arg(short = 'N')]
    pub names_only: bool,

    /// List the events that can be captured, and exit
    #[arg(long)]
    pub list_events: bool,

    /// Form of --list and --list-events
    #[arg(long, value_name = "FORM", value_enum, default_value_t = ListFormat::Text)]
    format: ListFormat,

    /// The same as --format markdown
    #[arg(long, hide = true)]
    markdown: bool,

    /// Text appended to the output of every rule; deprecated, as `append_output` of the configuration does the same
    #[arg(short = 'p', long = "print", value_name = "FORMAT")]
    print: Option<String>,

    /// Write the process id to this file
    #[arg(short = 'P', long, value_name = "FILE")]
    pidfile: Option<PathBuf>,

    /// Flush every alert at once
    #[arg(short = 'U', long)]
    pub unbuffered: bool,

    /// Say more: warnings of the rules files, statistics of the capture
    #[arg(short = 'v', long)]
    pub verbose: bool,

    /// Use this event source, of which there is one, `syscall`, and no other; repeatable, not for replays
    #[arg(long, value_name = "SOURCE", conflicts_with = "disable_source")]
    enable_source: Vec<String>,

    /// Do without this event source; repeatable, not for replays
    #[arg(long, value_name = "SOURCE")]
    disable_source: Vec<String>,

    /// List the plugins that are loaded, and exit
    #[arg(long)]
    pub list_plugins: bool,

    /// Describe a plugin, and exit
    #[arg(long, value_name = "NAME")]
    pub plugin_info: Option<String>,

    /// Print what a report of a fault needs, as JSON, and exit: versions, system, configuration, rules
    #[arg(long)]
    pub support: bool,

    /// Print versions, and exit
    #[arg(long)]
    pub version: bool,

    /// Print the size of a memory page, and exit
    #[arg(long)]
    pub page_size: bool,
}

/// How listings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For a terminal
    Text,
    /// Tables for a page
    Markdown,
    /// For programs
    Json,
}

impl Args {
    /// How --list and --list-events are written.
    pub fn list_format(&self) -> ListFormat {
        if self.markdown { ListFormat::Markdown } else { self.format }
    }

    /// What `-p` appends to outputs. `-pc`, `-pk` and their long forms append nothing: the fields that they stood for
    /// are suggested ones.
    pub fn appended(&self) -> Option<&str> {
        let print = self.print.as_deref()?;
        log::warning("the option -p/--print is deprecated: set append_output in the configuration instead");
        let suggested = matches!(print, "" | "c" | "container" | "k" | "kubernetes");
        (!suggested).then_some(print)
    }

    /// Checks the event sources that the arguments choose.
    ///
    /// # Errors
    /// One is not known, or none is left.
    pub fn check_sources(&self) -> anyhow::Result<()> {
        let unknown = |names: &[String]| names.iter().find(|name| *name != SOURCE).cloned();
        if let Some(name) = unknown(&self.enable_source) {
            anyhow::bail!("Attempted enabling an unknown event source: {name} (there is only {SOURCE})");
        }
        if let Some(name) = unknown(&self.disable_source) {
            anyhow::bail!("Attempted disabling an unknown event source: {name} (there is only {SOURCE})");
        }
        if !self.disable_source.is_empty() {
            anyhow::bail!("Must enable at least one event source: leave out --disable-source {SOURCE}");
        }
        Ok(())
    }

    /// Whether rules are only described.
    pub fn describes(&self) -> bool {
        self.describe_all || self.describe.is_some()
    }

    /// Writes the process id where `-P` asks for it.
    pub fn write_pidfile(&self) -> anyhow::Result<()> {
        use anyhow::Context;
        match &self.pidfile {
            Some(path) => crate::file::create(path)
                .and_then(|mut file| file.write_all(format!("{}\n", std::process::id()).as_bytes()))
                .with_context(|| format!("can't write the pid file {}", path.display())),
            None => Ok(()),
        }
    }
}
