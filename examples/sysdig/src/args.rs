use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Looks into a system by its system calls: live from the kernel, or from a capture.
#[derive(Debug, Parser)]
#[command(name = "sysdig", version, max_term_width = 110)]
#[command(after_help = "Examples:\n  \
    sysdig                                    every system call, as it happens\n  \
    sysdig proc.name=nginx and fd.type=ipv4   the network use of one program\n  \
    sysdig -w today.scap.gz -z                record\n  \
    sysdig -r today.scap.gz evt.type=execve   look at a record\n  \
    sysdig -l                                 what a filter and a format may use")]
pub struct Args {
    /// Read this capture (- is standard input) instead of the running kernel
    #[arg(short = 'r', long = "read", value_name = "FILE")]
    pub read: Option<PathBuf>,

    /// Write what passes the filter to this capture (- is standard output), instead of printing it
    #[arg(short = 'w', long = "write", value_name = "FILE")]
    pub write: Option<PathBuf>,

    /// With -w: compress
    #[arg(short = 'z', long = "compress", requires = "write")]
    pub compress: bool,

    /// With -w: begin a new file once this many million bytes of events were written
    #[arg(short = 'C', long = "file-size", value_name = "MB", requires = "write", value_parser = clap::value_parser!(u64).range(1..))]
    pub file_size: Option<u64>,

    /// With -w: begin a new file after this many seconds; its name may hold strftime codes
    #[arg(short = 'G', long = "seconds", value_name = "SECONDS", requires = "write", value_parser = clap::value_parser!(u64).range(1..))]
    pub file_seconds: Option<u64>,

    /// With -w: begin a new file after this many events
    #[arg(short = 'e', long = "events", value_name = "COUNT", requires = "write", value_parser = clap::value_parser!(u64).range(1..))]
    pub file_events: Option<u64>,

    /// With -C, -G or -e: keep this many files, the newest
    #[arg(short = 'W', long = "limit", value_name = "COUNT", requires = "write", value_parser = clap::value_parser!(u64).range(1..))]
    pub file_limit: Option<u64>,

    /// Stop after this many events
    #[arg(short = 'n', long = "numevents", value_name = "COUNT")]
    pub count: Option<u64>,

    /// Stop after this many seconds (of event time in a capture)
    #[arg(short = 'M', value_name = "SECONDS")]
    pub duration: Option<u64>,

    /// Format of a line, such as "%proc.name %fd.name"; c or container, k or kubernetes: ready-made ones.
    /// A line is left out if one of its fields is absent, unless the format begins with *
    #[arg(short = 'p', long = "print", value_name = "FORMAT")]
    pub format: Option<String>,

    /// Print JSON, one object in a line
    #[arg(short = 'j', long = "json")]
    pub json: bool,

    /// Print no events
    #[arg(short = 'q', long = "quiet")]
    pub quiet: bool,

    /// Form of the time in %evt.outputtime
    #[arg(short = 't', long = "timetype", value_name = "TYPE", value_enum, default_value_t = TimeType::Human)]
    pub time: TimeType,

    /// Capture this many bytes of each buffer
    #[arg(short = 's', long = "snaplen", value_name = "BYTES", default_value_t = 80, value_parser = clap::value_parser!(u32).range(0..=65_000))]
    pub snaplen: u32,

    /// Size of the buffer of each CPU in bytes: a power of two
    #[arg(long, value_name = "BYTES", default_value_t = 8 << 20, hide_default_value = true)]
    pub buffer: usize,

    /// Leave out calls that failed (live)
    #[arg(long)]
    pub drop_failed: bool,

    /// Print the most frequent events at the end
    #[arg(short = 'S', long = "summary")]
    pub summary: bool,

    /// Print counters of the capture at the end
    #[arg(short = 'v', long = "verbose")]
    pub verbose: bool,

    /// Write each line at once
    #[arg(long)]
    pub unbuffered: bool,

    /// List the fields that filters and formats may use, and exit
    #[arg(short = 'l', long = "list")]
    pub list: bool,

    /// With -l: names only
    #[arg(short = 'N', requires = "list")]
    pub names_only: bool,

    /// List the events, and exit
    #[arg(short = 'L', long = "list-events")]
    pub list_events: bool,

    /// sysdig's chisels, which this program does not have
    #[arg(short = 'c', long = "chisel", value_name = "CHISEL", hide = true)]
    pub chisel: Option<String>,

    /// Condition that selects events, such as `proc.name=cat and evt.type=open`
    #[arg(value_name = "FILTER", trailing_var_arg = true)]
    pub filter: Vec<String>,
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
    /// Since the event before
    #[value(name = "D", alias = "d")]
    Delta,
}

impl TimeType {
    /// The fields that stand for `%evt.outputtime`.
    fn fields(self) -> &'static str {
        match self {
            Self::Human => "%evt.time",
            Self::Absolute => "%evt.rawtime.s.%evt.rawtime.ns",
            Self::Relative => "%evt.reltime.s.%evt.reltime.ns",
            Self::Delta => "%evt.deltatime.s.%evt.deltatime.ns",
        }
    }
}

const START: &str = "*%evt.num %evt.outputtime %evt.cpu";
const END: &str = "%evt.dir %evt.type %evt.info";

impl Args {
    /// The format of a line.
    pub fn line_format(&self) -> String {
        let format = match self.format.as_deref() {
            None => format!("{START} %proc.name (%thread.tid) {END}"),
            Some("c" | "container") => {
                format!("{START} %container.name (%container.id) %proc.name (%thread.tid:%thread.vtid) {END}")
            }
            Some("k" | "kubernetes") => {
                format!("{START} %k8s.pod.name (%container.id) %proc.name (%thread.tid:%thread.vtid) {END}")
            }
            Some(format) => format.to_owned(),
        };
        format.replace("%evt.outputtime", self.time.fields())
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
    }
}
