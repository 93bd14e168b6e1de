use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::{CommandFactory, Parser, ValueEnum};
use eyas_console::ShowPath;

use crate::log;

/// Help section of the options for rules.
const RULES: &str = "Rules";
/// Help section of the options for the run.
const RUN: &str = "Running";
/// Help section of the options that print something and exit.
const INFORMATION: &str = "Information (print and exit)";

const EXAMPLES: &str = "\
Examples:
  falco                                     detect, with the configuration /etc/falco/falco.yaml
  falco -r rules.yaml                       detect with these rules
  falco -r rules.yaml -e trace.scap         replay a capture
  falco -o json_output=true -o priority=warning
  falco -V rules.yaml                       check a rules file
  falco -r rules.yaml -e trace.scap --explain 'Read sensitive file'
  falco --list=syscall                      the fields for rules";

/// Falco-compatible runtime security: tests system calls against rules and raises alerts.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "falco",
    override_usage = "falco [OPTION...]",
    version,
    disable_version_flag = true,
    max_term_width = 110,
    args_override_self = true,
    after_help = EXAMPLES
)]
pub struct Args {
    /// Configuration file [default: /etc/falco/falco.yaml, if it exists]
    #[arg(short = 'c', value_name = "PATH")]
    pub config: Option<PathBuf>,

    /// Set a configuration key: `key=value`, `key.sub[0]=value`, `list[]=value`; repeatable
    #[arg(short = 'o', long = "option", value_name = "KEY=VALUE")]
    pub options: Vec<String>,

    /// Show warnings of the rules files in their source text, and print statistics of the capture; repeatable, with the same effect
    #[arg(short = 'v', long)]
    pub verbose: bool,

    /// Rules file or directory; repeatable, read in order, instead of the configured ones
    #[arg(short = 'r', alias = "rules", value_name = "FILE", help_heading = RULES)]
    pub rules: Vec<PathBuf>,

    /// Validate these rules files, show errors and warnings, and exit; repeatable
    #[arg(short = 'V', long = "validate", value_name = "FILE", num_args = 1.., help_heading = RULES)]
    pub validate: Vec<PathBuf>,

    /// Describe every rule, macro and list, and exit
    #[arg(short = 'L', help_heading = RULES)]
    pub describe_all: bool,

    /// Describe one rule, and exit
    #[arg(short = 'l', value_name = "RULE", conflicts_with = "describe_all", help_heading = RULES)]
    pub describe: Option<String>,

    /// Run the rule tests in this file and exit, with status 1 if one fails; repeatable
    #[arg(long = "test", value_name = "FILE", num_args = 1.., help_heading = RULES)]
    pub tests: Vec<PathBuf>,

    /// Show for a capture (-e) why a rule did or did not match: how often each part of its condition was false, and
    /// the values of the nearest event, or of the event with this number
    #[arg(long, value_name = "RULE[@NUMBER]", help_heading = RULES)]
    pub explain: Option<String>,

    /// Show for every rule, or for one, which parts of its condition push-down can decide from the event itself, by event
    /// type, and exit; with a capture (-e), also which share of its events the rules still test
    #[arg(
        long, value_name = "RULE", num_args = 0..=1, default_missing_value = "", conflicts_with = "explain",
        help_heading = RULES
    )]
    pub explain_pushdown: Option<String>,

    /// Print the condition of a rule (without RULE, of all enabled rules) as SQL for the tables of `sysdig --parquet`, and
    /// exit. If SQL cannot express a part, the query treats the part as true, and the status is 1
    #[arg(
        long, value_name = "RULE", num_args = 0..=1, default_missing_value = "", conflicts_with = "explain",
        help_heading = RULES
    )]
    pub to_sql: Option<String>,

    /// Apply the filter of push-down in user space: the rules do not test events that none of them can match. Alerts are the same
    #[arg(long, conflicts_with = "rule_profile", help_heading = RUN)]
    pub model_pushdown: bool,

    /// Check whether this machine can capture live, and exit, with status 1 if it cannot; with -M or -e, also print which
    /// rules, calls and processes cost most
    #[arg(long, help_heading = INFORMATION)]
    pub doctor: bool,

    /// Report on a capture that an alert started, and exit: what happened, alerts, processes, files, connections
    #[arg(long, value_name = "CAPTURE", help_heading = INFORMATION)]
    pub incident: Option<PathBuf>,

    /// With --incident: write the report to this file as an HTML page, with a graph of the causes of each alert
    #[arg(long, value_name = "FILE", requires = "incident", help_heading = INFORMATION)]
    pub page: Option<PathBuf>,

    /// At the end, print the cost of each rule and of each part of its condition, and how much another order of the parts would save
    #[arg(long, conflicts_with = "threads", help_heading = RULES)]
    pub rule_profile: bool,

    /// Replay this capture (`-` for standard input) instead of capturing
    #[arg(short = 'e', long = "events", value_name = "CAPTURE", help_heading = RUN)]
    pub events: Option<PathBuf>,

    /// Stop after this many seconds (of event time in a replay)
    #[arg(
        short = 'M', value_name = "SECONDS", default_value = "0", hide_default_value = true,
        allow_negative_numbers = true, value_parser = seconds, help_heading = RUN
    )]
    pub duration: u64,

    /// Test the events of a replay on this many threads, 1 to 256; alerts are the same in the same order
    #[arg(
        long,
        value_name = "N",
        default_value = "1",
        hide_default_value = true,
        value_parser = clap::value_parser!(u16).range(1..=256),
        help_heading = RUN
    )]
    pub threads: u16,

    /// Read configuration and rules, report errors and warnings, and exit
    #[arg(long, help_heading = RUN)]
    pub dry_run: bool,

    /// Use this event source (`syscall`, or one of a plugin) and no other; repeatable, not for replays
    #[arg(long, value_name = "SOURCE", help_heading = RUN)]
    pub enable_source: Vec<String>,

    /// Do not use this event source; repeatable, not for replays
    #[arg(long, value_name = "SOURCE", help_heading = RUN)]
    pub disable_source: Vec<String>,

    /// Write every alert immediately, without buffering
    #[arg(short = 'U', long, help_heading = RUN)]
    pub unbuffered: bool,

    /// Write the process id to this file
    #[arg(short = 'P', long, value_name = "FILE", help_heading = RUN)]
    pidfile: Option<PathBuf>,

    /// Deprecated: append this text to the output of every rule. Set `append_output` in the configuration instead
    #[arg(short = 'p', long = "print", value_name = "FORMAT", help_heading = RUN)]
    print: Option<String>,

    /// List the fields that conditions and outputs may use (of one source, if given)
    #[arg(
        long, value_name = "SOURCE", num_args = 0..=1, require_equals = true, default_missing_value = "",
        help_heading = INFORMATION
    )]
    pub list: Option<String>,

    /// With --list: names only
    #[arg(short = 'N', help_heading = INFORMATION)]
    pub names_only: bool,

    /// List the events that can be captured
    #[arg(long, help_heading = INFORMATION)]
    pub list_events: bool,

    /// List the system calls that falco captures only if a rule or `base_syscalls` needs them
    #[arg(short = 'i', help_heading = INFORMATION)]
    pub ignored: bool,

    /// Format of --list, --list-events and --explain-pushdown
    #[arg(long, value_name = "FORM", value_enum, ignore_case = true, help_heading = INFORMATION)]
    format: Option<ListFormat>,

    /// Deprecated: the same as --format markdown
    #[arg(long, help_heading = INFORMATION)]
    markdown: bool,

    /// Print the JSON schema of falco.yaml
    #[arg(long, help_heading = INFORMATION)]
    pub config_schema: bool,

    /// Print the JSON schema of rules files
    #[arg(long, help_heading = INFORMATION)]
    pub rule_schema: bool,

    /// List the loaded plugins
    #[arg(long, help_heading = INFORMATION)]
    pub list_plugins: bool,

    /// Describe a plugin
    #[arg(long, value_name = "NAME", help_heading = INFORMATION)]
    pub plugin_info: Option<String>,

    /// Print facts for a bug report, as JSON: versions, system, configuration, rules
    #[arg(long, help_heading = INFORMATION)]
    pub support: bool,

    /// Print versions
    #[arg(long, help_heading = INFORMATION)]
    pub version: bool,

    /// Print completions for a shell, or the manual page, for packages
    #[arg(long, value_name = "FORM", value_enum, hide = true)]
    pub generate: Option<eyas_console::Generated>,

    /// Print the size of a memory page
    #[arg(long, help_heading = INFORMATION)]
    pub page_size: bool,
}

/// Options that Falco has removed, and their replacements.
const REMOVED: &[(&str, &str)] = &[
    ("-A", "use -o base_syscalls.all=true"),
    ("-b", "use -o buffer_format_base64=true"),
    ("--print-base64", "use -o buffer_format_base64=true"),
    ("--cri", "use -o container_engines.cri.sockets[]=SOCKET"),
    ("--disable-cri-async", "none is needed, containers are always looked up beside the events"),
    ("-D", "use -o 'rules[]={disable: {rule: NAME}}'"),
    ("-d", "use a service manager, such as systemd"),
    ("--daemon", "use a service manager, such as systemd"),
    ("-g", "use -o engine.kind=modern_ebpf"),
    ("--gvisor-config", "use -o engine.kind=modern_ebpf"),
    ("--gvisor-generate-config", "use -o engine.kind=modern_ebpf"),
    ("--gvisor-root", "use -o engine.kind=modern_ebpf"),
    ("-k", K8S),
    ("--k8s-api", K8S),
    ("-K", K8S),
    ("--k8s-api-cert", K8S),
    ("--k8s-node", K8S),
    ("--list-syscall-events", "use --list-events"),
    ("-S", "use -o falco_libs.snaplen=BYTES"),
    ("--snaplen", "use -o falco_libs.snaplen=BYTES"),
    ("-s", METRICS),
    ("--stats-interval", METRICS),
    ("--stats_interval", METRICS),
    ("-T", "use -o 'rules[]={disable: {tag: TAG}}'"),
    ("-t", "use -o 'rules[]={enable: {tag: TAG}}' after one that disables the rule *"),
    ("--modern-bpf", "use -o engine.kind=modern_ebpf"),
    ("--nodriver", "use -o engine.kind=nodriver"),
    ("-u", "use -o engine.kind=modern_ebpf"),
    ("--userspace", "use -o engine.kind=modern_ebpf"),
];

const METRICS: &str = "use -o metrics.enabled=true -o metrics.output_file=FILE";
const K8S: &str = "none is needed, container runtimes tell the fields k8s.*";

/// Returns the replacement of an option that Falco has removed.
pub fn replacement(option: &str) -> Option<&'static str> {
    REMOVED.iter().find(|(removed, _)| *removed == option).map(|(_, instead)| *instead)
}

/// Warning about `-p`.
const DEPRECATED_PRINT: &str =
    "The -p/--print option is deprecated and will be removed. Use -o append_output=... instead.";

/// The arguments of the program, for [`Args`]. As in Falco, an option without a value may have `=true` or `=false`.
pub fn command_line() -> Vec<OsString> {
    let command = Args::command();
    let is_flag = |name: &str| {
        let mut all = command.get_arguments();
        all.any(|arg| arg.get_long() == Some(name) && !arg.get_action().takes_values())
    };
    let plain = |arg: OsString| {
        let flag = arg.to_str().and_then(|text| text.strip_prefix("--")?.split_once('='));
        match flag.filter(|(name, _)| is_flag(name)) {
            Some((name, "true" | "True" | "t" | "T" | "1")) => Some(format!("--{name}").into()),
            Some((_, "false" | "False" | "f" | "F" | "0")) => None,
            _ => Some(arg),
        }
    };
    std::env::args_os().filter_map(plain).collect()
}

/// Returns Falco's message for an invalid value of an option, if Falco has a special one.
pub fn invalid_value(option: &str, value: &str) -> Option<String> {
    let is_format = option.starts_with("--format");
    is_format.then(|| format!("Invalid format '{value}'. Valid values are: text, markdown, json"))
}

fn seconds(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "expected a whole number of seconds; 0 sets no limit".to_owned())
}

/// Format of listings.
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
    /// Format of --list and --list-events.
    pub fn list_format(&self) -> ListFormat {
        match self.format {
            Some(format) => format,
            None if self.markdown => {
                log::warning("the option --markdown is deprecated: write --format markdown instead");
                ListFormat::Markdown
            }
            None => ListFormat::Text,
        }
    }

    /// Text that `-p` appends to outputs. `-pc`, `-pk` and their long forms append nothing: their fields are among the
    /// suggested ones.
    pub fn appended(&self) -> Option<&str> {
        let print = self.print.as_deref()?;
        if matches!(print, "" | "c" | "container" | "k" | "kubernetes") {
            log::warning(&format!(
                "{DEPRECATED_PRINT} -p{print} has no effect: set append_output.suggested_output in the configuration"
            ));
            return None;
        }
        log::warning(DEPRECATED_PRINT);
        Some(print)
    }

    /// Checks for arguments that exclude each other.
    ///
    /// # Errors
    /// Two arguments exclude each other.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.markdown && self.format.is_some() {
            anyhow::bail!("Cannot specify both --markdown and --format options together");
        }
        Ok(())
    }

    /// Whether falco only describes rules.
    pub fn describes(&self) -> bool {
        self.describe_all || self.describe.is_some()
    }

    /// Writes the process id to the file of `-P`.
    pub fn write_pidfile(&self) -> anyhow::Result<()> {
        use anyhow::Context;
        match &self.pidfile {
            Some(path) => crate::file::create(path)
                .and_then(|mut file| file.write_all(format!("{}\n", std::process::id()).as_bytes()))
                .with_context(|| format!("Could not write pid to pidfile {}", path.shown())),
            None => Ok(()),
        }
    }
}
