use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use eyas::fields::BufferFormat;

mod expand;
mod ignored;
mod plugins;

pub use expand::expand;
pub use ignored::Ignored;
pub use plugins::PluginArgs;

/// Shows the system calls of a machine: live from the kernel, or from a capture.
#[derive(Clone, Debug, Parser)]
#[command(name = "sysdig", version, max_term_width = 110, args_override_self = true)]
#[command(after_help = "Examples:\n  \
    sysdig                                    every system call, as it happens\n  \
    sysdig proc.name=nginx and fd.type=ipv4   the network use of one program\n  \
    sysdig -w today.scap.gz -z                record\n  \
    sysdig -r today.scap.gz evt.type=execve   read a capture\n  \
    sysdig -c topfiles_bytes                  a view; -cl lists them\n  \
    sysdig -l                                 what a filter and a format may use")]
pub struct Args {
    /// Read this capture (- is standard input) instead of the running kernel; repeated: one after another
    #[arg(short = 'r', long = "read", alias = "readfile", value_name = "FILE", help_heading = "Events")]
    pub read: Vec<PathBuf>,

    /// Stop after this many events
    #[arg(
        short = 'n',
        long = "numevents",
        alias = "event-limit",
        value_name = "COUNT",
        allow_negative_numbers = true,
        value_parser = positive,
        help_heading = "Events"
    )]
    pub count: Option<u64>,

    /// Stop after this many seconds (of event time in a capture)
    #[arg(short = 'M', value_name = "SECONDS", allow_negative_numbers = true, value_parser = positive, help_heading = "Events")]
    pub duration: Option<u64>,

    /// Leave out the events of programs with this name, and of the processes that they start; may be repeated
    #[arg(short = 'U', long = "suppress-comm", value_name = "NAME", help_heading = "Events")]
    pub suppress: Vec<String>,

    /// Apply the filter after the state was updated; accepted for compatibility, because sysdig always does that
    #[arg(short = 'd', long = "displayflt", help_heading = "Events")]
    pub display_filter: bool,

    /// Also show events about the capture itself and, live, those of sysdig itself
    #[arg(short = 'D', long = "debug", help_heading = "Events")]
    pub debug: bool,

    /// Write the events that pass the filter to this capture (- is standard output), instead of printing them
    #[arg(short = 'w', long = "write", alias = "writefile", value_name = "FILE", help_heading = "Recording")]
    pub write: Option<PathBuf>,

    /// With -w: compress
    #[arg(short = 'z', long = "compress", help_heading = "Recording")]
    pub compress: bool,

    /// With -w: also write the excluded events on which the names of files and processes depend; readers do not show them
    #[arg(short = 'F', long = "fatfile", help_heading = "Recording")]
    pub fatfile: bool,

    /// With -w: apply the filter to the processes and files that the file begins with, too
    #[arg(long = "filter-proclist", help_heading = "Recording")]
    pub filter_snapshot: bool,

    /// With -w: replace names of users and hosts, addresses, arguments and buffers by pseudonyms
    #[arg(long, requires = "write", help_heading = "Recording")]
    pub redact: bool,

    /// With --redact: make the pseudonyms with the key in this file, so that they are the same in every capture
    #[arg(long = "redact-key", value_name = "FILE", requires = "redact", help_heading = "Recording")]
    pub redact_key: Option<PathBuf>,

    /// Do not read users and groups from this machine, and write none
    #[arg(short = 'E', long = "exclude-users", help_heading = "Recording")]
    pub exclude_users: bool,

    /// With -w: begin a new file once this many million bytes of events were written
    #[arg(short = 'C', long = "file-size", value_name = "MB", allow_negative_numbers = true, value_parser = positive, help_heading = "Recording")]
    pub file_size: Option<u64>,

    /// With -w: begin a new file after this many seconds; its name may contain strftime codes
    #[arg(short = 'G', long = "seconds", value_name = "SECONDS", allow_negative_numbers = true, value_parser = positive, help_heading = "Recording")]
    pub file_seconds: Option<u64>,

    /// With -w: begin a new file after this many events
    #[arg(short = 'e', long = "events", value_name = "COUNT", allow_negative_numbers = true, value_parser = positive, help_heading = "Recording")]
    pub file_events: Option<u64>,

    /// With -C, -G or -e: keep only this many files, the newest
    #[arg(short = 'W', long = "limit", value_name = "COUNT", allow_negative_numbers = true, value_parser = positive, help_heading = "Recording")]
    pub file_limit: Option<u64>,

    /// Format of a line, such as "%proc.name %fd.name", or the name of a predefined one: c (container), k (kubernetes) or
    /// m (mesos); p prints the format and exits. A line is omitted if one of its fields is absent, unless the format begins with *
    #[arg(short = 'p', long = "print", value_name = "FORMAT", help_heading = "Printing")]
    pub format: Option<String>,

    /// Print JSON, one object in a line
    #[arg(short = 'j', long = "json", help_heading = "Printing")]
    pub json: bool,

    /// Print the text of I/O buffers, with line breaks
    #[arg(short = 'A', long = "print-ascii", group = "buffers", help_heading = "Printing")]
    pub print_ascii: bool,

    /// Print I/O buffers in base64
    #[arg(short = 'b', long = "print-base64", group = "buffers", help_heading = "Printing")]
    pub print_base64: bool,

    /// Print I/O buffers in hexadecimal
    #[arg(short = 'x', long = "print-hex", group = "buffers", help_heading = "Printing")]
    pub print_hex: bool,

    /// Print I/O buffers in hexadecimal with their text beside it
    #[arg(short = 'X', long = "print-hex-ascii", group = "buffers", help_heading = "Printing")]
    pub print_hex_ascii: bool,

    /// Print the names of ports from /etc/services instead of numbers
    #[arg(short = 'R', long = "resolve-ports", help_heading = "Printing")]
    pub resolve_ports: bool,

    /// Print completions for a shell, or the manual page, for packages
    #[arg(long, value_name = "FORM", value_enum, hide = true)]
    pub generate: Option<eyas_console::Generated>,

    /// Write threads and their calls to this file (- is standard output), in the trace-event format for
    /// ui.perfetto.dev. Also: sysdig trace --perfetto FILE
    #[arg(long, value_name = "FILE", conflicts_with_all = ["write", "json"], help_heading = "Printing")]
    pub perfetto: Option<PathBuf>,

    /// Write tables of events, processes, files, connections and losses below this directory, as Parquet files for
    /// DuckDB, DataFusion, Spark and ClickHouse
    #[arg(long, value_name = "DIR", conflicts_with_all = ["write", "json", "perfetto"], help_heading = "Tables")]
    pub parquet: Option<PathBuf>,

    /// With --parquet: the columns of events, such as evt.num,proc.name,fd.name, or usual,proc.aname for the usual
    /// ones and others [default: the fields of -p, or the usual ones]
    #[arg(long, value_name = "FIELDS", requires = "parquet", help_heading = "Tables")]
    pub columns: Vec<String>,

    /// Show views as screens of a terminal, live or from captures. Also: sysdig top
    #[arg(long, conflicts_with_all = ["write", "json", "perfetto", "parquet", "report"], help_heading = "Views")]
    pub top: bool,

    /// Write a report of the capture as an HTML page: alerts, causes, processes, files. Also: sysdig report FILE -o PAGE
    #[arg(long, conflicts_with_all = ["write", "json", "perfetto", "parquet", "chisels"], help_heading = "Reports")]
    pub report: bool,

    /// With --report: write the page to this file [default: standard output]
    #[arg(short = 'o', long = "output", value_name = "PAGE", requires = "report", help_heading = "Reports")]
    pub output: Option<PathBuf>,

    /// With --report or --top: raise alerts with these rules, instead of the built-in ones; with --parquet: add the
    /// columns that these rules test; may be repeated
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    pub rules: Vec<PathBuf>,

    /// Print no events
    #[arg(short = 'q', long = "quiet", help_heading = "Printing")]
    pub quiet: bool,

    /// Format of the time in %evt.outputtime
    #[arg(short = 't', long = "timetype", value_name = "TYPE", value_enum, default_value_t = TimeType::Human, help_heading = "Printing")]
    pub time: TimeType,

    /// Print buffers and lists of more than 80 bytes completely, and counters of the capture at the end
    #[arg(short = 'v', long = "verbose", action = clap::ArgAction::Count, help_heading = "Printing")]
    pub verbose: u8,

    /// Print the most frequent events at the end
    #[arg(short = 'S', long = "summary", help_heading = "Printing")]
    pub summary: bool,

    /// Print progress on standard error
    #[arg(short = 'P', long = "progress", help_heading = "Printing")]
    pub progress: bool,

    /// Write each line immediately, without buffering
    #[arg(long, help_heading = "Printing")]
    pub unbuffered: bool,

    /// Capture this many bytes of each buffer; 80 unless a view needs more
    #[arg(short = 's', long = "snaplen", value_name = "BYTES", allow_negative_numbers = true, value_parser = snaplen, help_heading = "Live capture")]
    pub snaplen: Option<u32>,

    /// Size of the buffer of each CPU in bytes: a power of two
    #[arg(long, value_name = "BYTES", default_value_t = 8 << 20, hide_default_value = true, help_heading = "Live capture")]
    pub buffer: usize,

    /// Do not capture calls that failed
    #[arg(long, help_heading = "Live capture")]
    pub drop_failed: bool,

    /// Capture page faults, too
    #[arg(long = "page-faults", help_heading = "Live capture")]
    pub page_faults: bool,

    /// Read environments of more than 4 KiB from /proc
    #[arg(long = "large-environment", help_heading = "Live capture")]
    pub large_environment: bool,

    /// Query the container runtime at this CRI socket, instead of the default sockets; may be repeated
    #[arg(long, value_name = "SOCKET", help_heading = "Live capture")]
    pub cri: Vec<PathBuf>,

    /// Wait this many milliseconds for a reply of a container runtime
    #[arg(long, value_name = "MS", allow_negative_numbers = true, value_parser = positive, help_heading = "Live capture")]
    pub cri_timeout: Option<u64>,

    /// Show a view; its arguments follow the name; -cl lists views. Also: sysdig view NAME ARGUMENTS
    #[arg(short = 'c', long = "chisel", value_name = "VIEW", help_heading = "Views")]
    pub chisels: Vec<String>,

    /// Read more views from this YAML file, and show the first one unless -c names another; may be repeated
    #[arg(long = "view", value_name = "FILE", help_heading = "Views")]
    pub view_files: Vec<PathBuf>,

    /// List the views, and exit
    #[arg(long = "list-chisels", alias = "list-views", help_heading = "Views")]
    pub list_views: bool,

    /// Describe a view and its arguments, and exit
    #[arg(short = 'i', long = "chisel-info", value_name = "VIEW", help_heading = "Views")]
    pub view_info: Option<String>,

    /// List the fields that filters and formats may use, and exit; -lv lists types and hidden fields, too
    #[arg(short = 'l', long = "list", value_name = "SOURCE", num_args = 0..=1, require_equals = true, default_missing_value = "syscall", help_heading = "Lists")]
    pub list: Option<String>,

    /// List the fields as Markdown, and exit
    #[arg(long = "list-markdown", help_heading = "Lists")]
    pub list_markdown: bool,

    /// With -l: names only
    #[arg(short = 'N', requires = "list", help_heading = "Lists")]
    pub names_only: bool,

    /// List the events, and exit
    #[arg(short = 'L', long = "list-events", help_heading = "Lists")]
    pub list_events: bool,

    /// Print the version of the libraries, and exit
    #[arg(long = "libs-version", help_heading = "Lists")]
    pub libs_version: bool,

    #[command(flatten)]
    pub plugins: PluginArgs,

    #[command(flatten)]
    pub ignored: Ignored,

    /// Condition that selects events, such as `proc.name=cat and evt.type=open`
    #[arg(value_name = "FILTER", allow_negative_numbers = true)]
    pub filter: Vec<String>,
}

/// A number that counts something.
fn positive(text: &str) -> Result<u64, String> {
    text.parse()
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| "expected a whole number from 1 on".to_owned())
}

/// The longest part of a buffer that is captured, bytes.
const MAX_SNAPLEN: u32 = 65_000;

fn snaplen(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| *number <= MAX_SNAPLEN);
    number.ok_or_else(|| format!("expected a number of bytes from 0 to {MAX_SNAPLEN}"))
}

/// A format with line breaks and tabs for `\n` and `\t`.
fn unescape(format: &str) -> String {
    let mut out = String::with_capacity(format.len());
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        let meant = match (c, chars.peek()) {
            ('\\', Some('n')) => Some('\n'),
            ('\\', Some('t')) => Some('\t'),
            ('\\', Some('\\')) => Some('\\'),
            _ => None,
        };
        if meant.is_some() {
            chars.next();
        }
        out.push(meant.unwrap_or(c));
    }
    out
}

/// Form of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TimeType {
    /// Time of day
    #[value(name = "h")]
    Human,
    /// Seconds since the epoch
    #[value(name = "a")]
    Absolute,
    /// Since the first event
    #[value(name = "r")]
    Relative,
    /// Duration of the call, if the capture contains it
    #[value(name = "d")]
    Latency,
    /// Since the previous event
    #[value(name = "D")]
    Delta,
}

impl TimeType {
    /// Fields that replace `%evt.outputtime`.
    fn fields(self) -> &'static str {
        match self {
            Self::Human => "%evt.time",
            Self::Absolute => "%evt.rawtime.s.%evt.rawtime.ns",
            Self::Relative => "%evt.reltime.s.%evt.reltime.ns",
            Self::Latency => "%evt.latency.s.%evt.latency.ns",
            Self::Delta => "%evt.deltatime.s.%evt.deltatime.ns",
        }
    }
}

const START: &str = "*%evt.num %evt.outputtime %evt.cpu";
const END: &str = "%evt.dir %evt.type %evt.info";
/// Default format of plugin events.
const OF_PLUGINS: &str = "*%evt.num %evt.datetime.s [%evt.pluginname] %evt.plugininfo";

impl Args {
    /// Parses the command line, and assigns words to views.
    ///
    /// # Errors
    /// The command line is wrong, or requests the help or the version, whose text is the error's.
    pub fn from_command_line(words: impl Iterator<Item = OsString>) -> Result<Self, clap::Error> {
        Self::try_parse_from(expand(words.collect()))
    }

    /// Whether `-p` selects the format with containers.
    pub fn shows_containers(&self) -> bool {
        matches!(self.format.as_deref(), Some("c" | "container" | "k" | "kubernetes" | "m" | "mesos"))
    }

    /// Format of a line, before `%evt.outputtime` is replaced.
    pub fn preset(&self) -> String {
        let with = |name: &str| {
            format!("{START} {name} (%container.id) %proc.name (%thread.tid:%thread.vtid) {END}")
        };
        match self.format.as_deref() {
            None | Some("p") => format!("{START} %proc.name (%thread.tid) {END}"),
            Some("c" | "container") => with("%container.name"),
            Some("k" | "kubernetes") => with("%k8s.pod.name"),
            // Mesos support no longer exists, so its fields are absent.
            Some("m" | "mesos") => with("<NA>"),
            Some(format) => unescape(format),
        }
    }

    /// The format of a line. An object has the time as a number, under the name of the field, whatever its form.
    pub fn line_format(&self) -> String {
        if self.json { self.preset() } else { self.preset().replace("%evt.outputtime", self.time.fields()) }
    }

    /// The note about options without an effect.
    pub fn notes(&self) -> Vec<String> {
        let of_recordings = [
            (self.compress, "-z"),
            (self.fatfile, "-F"),
            (self.filter_snapshot, "--filter-proclist"),
            (self.file_size.is_some(), "-C"),
            (self.file_seconds.is_some(), "-G"),
            (self.file_events.is_some(), "-e"),
            (self.file_limit.is_some(), "-W"),
        ];
        let unused = of_recordings.into_iter().filter(|(given, _)| *given && self.write.is_none());
        let unused: Vec<&str> = unused.map(|(_, option)| option).collect();
        let mut notes: Vec<String> = self.ignored.notes().into_iter().map(str::to_owned).collect();
        if !unused.is_empty() {
            notes.push(format!("{}: without effect, since no -w names a file to write", unused.join(", ")));
        }
        notes
    }

    /// Format of a line for a plugin event, if it differs.
    pub fn plugin_format(&self) -> Option<&'static str> {
        self.format.is_none().then_some(OF_PLUGINS)
    }

    /// How I/O buffers are printed.
    pub fn buffers(&self) -> BufferFormat {
        match (self.print_ascii, self.print_base64, self.print_hex, self.print_hex_ascii) {
            (true, ..) => BufferFormat::Text,
            (_, true, ..) => BufferFormat::Base64,
            (_, _, true, _) => BufferFormat::Hex,
            (.., true) => BufferFormat::HexText,
            _ => BufferFormat::Dots,
        }
    }

    /// Whether a recording with a filter also contains the events that names depend on.
    pub fn keeps_names(&self) -> bool {
        self.write.is_some() && self.condition().is_some() && self.is_replay() && !self.filter_snapshot
    }

    /// Whether a recording contains every change of the state: with -F, and for a stream, because sysdig cannot read it
    /// twice to find the needed changes.
    pub fn keeps_state(&self) -> bool {
        let is_file = |path: &PathBuf| std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
        self.fatfile || self.keeps_names() && !self.read.iter().all(is_file)
    }

    /// Whether sysdig reads captures.
    pub fn is_replay(&self) -> bool {
        !self.read.is_empty()
    }

    /// The filter, if there is one.
    pub fn condition(&self) -> Option<String> {
        let text = self.filter.join(" ");
        (!text.trim().is_empty()).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn a_filter_may_be_one_word_or_many() {
        let args = Args::parse_from(["sysdig", "-n", "3", "evt.type=open", "and", "fd.num", "<", "9"]);
        assert_eq!(args.condition().as_deref(), Some("evt.type=open and fd.num < 9"));
        assert_eq!(Args::parse_from(["sysdig"]).condition(), None);
    }

    #[test]
    fn the_default_line_is_sysdig_s() {
        let line = Args::parse_from(["sysdig"]).line_format();
        let expected = "*%evt.num %evt.time %evt.cpu %proc.name (%thread.tid) %evt.dir %evt.type %evt.info";
        assert_eq!(line, expected);
        let line = Args::parse_from(["sysdig", "-t", "a", "-p", "%evt.outputtime"]).line_format();
        assert_eq!(line, "%evt.rawtime.s.%evt.rawtime.ns");
        let line = Args::parse_from(["sysdig", "-td", "-pk"]).line_format();
        assert!(line.contains("%evt.latency.s.") && line.contains("%k8s.pod.name"), "{line}");
    }

    #[test]
    fn long_names_and_repeated_options_are_sysdig_s() {
        let args = Args::parse_from([
            "sysdig",
            "-r",
            "a",
            "--readfile=b",
            "-vv",
            "-v",
            "--event-limit=5",
            "-n",
            "6",
        ]);
        assert_eq!((args.read.len(), args.verbose, args.count), (2, 3, Some(6)));
        assert_eq!(Args::parse_from(["sysdig", "--writefile", "x"]).write, Some("x".into()));
        let args = Args::parse_from(["sysdig", "-lv"]);
        assert_eq!((args.list.as_deref(), args.verbose), (Some("syscall"), 1));
        assert_eq!(Args::parse_from(["sysdig", "--list=k8s"]).list.as_deref(), Some("k8s"));
        assert_eq!(Args::parse_from(["sysdig", "-l", "evt.num=1"]).filter, ["evt.num=1"]);
    }
}
