//! Opens the outputs of events: files, lines, views, tables.

use std::path::Path;

use anyhow::{Result, anyhow, bail};
use eyas::rules::{Format, nearest};
use eyas_report::slice::Slice;

use crate::args::Args;
use crate::plugins;
use crate::schema::schema;
use crate::sink::{Dump, Lines, Perfetto, Sink, Summary};
use crate::view::{self, Bound, ViewSink};

/// The outputs that the command line asks for.
pub(super) fn sinks(args: &Args, views: &[Bound], slice: Option<Slice>) -> Result<Vec<Box<dyn Sink>>> {
    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    if let Some(path) = &args.write {
        sinks.push(Box::new(Dump::create(path, args, slice)?));
    } else if let Some(path) = &args.perfetto {
        sinks.push(Box::new(Perfetto::create(path)?));
    } else if let Some(path) = &args.parquet {
        sinks.push(tables(path, args)?);
    } else if !args.quiet && !args.summary && views.is_empty() {
        sinks.push(Box::new(lines(args)?));
    }
    for Bound { view, no_colors, export } in views {
        let options = view::Options {
            json: args.json,
            containers: args.shows_containers(),
            live: !args.is_replay(),
            buffers: args.buffers(),
            no_colors: *no_colors || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()),
            unbuffered: args.unbuffered,
        };
        sinks.push(Box::new(ViewSink::new(view, options, export.clone())?));
    }
    if args.summary {
        sinks.push(Box::new(Summary::new()?));
    }
    Ok(sinks)
}

/// Prints a line for each event.
fn lines(args: &Args) -> Result<Lines> {
    if args.line_format().is_empty() {
        bail!("format: -p is followed by nothing; `sysdig -l` lists the fields");
    }
    let format = Format::parse(&args.line_format(), schema()).map_err(|error| {
        let near = error.unknown.then(|| probable_field(&args.line_format(), error.offset)).flatten();
        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        let message = match error.message.strip_prefix("unknown filter: ") {
            Some(name) => format!("no field is named `{name}`"),
            None => error.message,
        };
        anyhow!("format: {message}{hint}; `sysdig -l` lists the fields")
    })?;
    let of_plugins = args.plugin_format().filter(|_| plugins::loaded().is_some());
    let of_plugins = of_plugins.map(|format| Format::parse(format, schema())).transpose();
    let of_plugins = of_plugins.map_err(|error| anyhow!("format of plugin events: {error}"))?;
    Ok(Lines::new(format.with_buffers(args.buffers()), of_plugins, args))
}

/// The field that the user probably meant; the unknown one begins after the `%` at `offset`.
fn probable_field(format: &str, offset: usize) -> Option<&'static str> {
    let format = format.strip_prefix('*').unwrap_or(format);
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
    let mut name = format.get(offset + 1..)?.trim_start_matches(|c: char| c.is_ascii_digit());
    // A field may be inside a transformer.
    while let Some((outer, inner)) = name.split_once('(').filter(|(outer, _)| outer.chars().all(is_name)) {
        name = if outer.contains('.') { outer } else { inner };
    }
    let name = &name[..name.find(|c| !is_name(c)).unwrap_or(name.len())];
    nearest(name, schema().fields().iter().map(|def| def.name))
}

/// Writes tables.
#[cfg(feature = "parquet")]
fn tables(path: &Path, args: &Args) -> Result<Box<dyn Sink>> {
    Ok(Box::new(crate::tables::Tables::create(path, args)?))
}

/// Writes tables.
#[cfg(not(feature = "parquet"))]
fn tables(_path: &Path, _args: &Args) -> Result<Box<dyn Sink>> {
    bail!("this sysdig was built without tables: its feature `parquet` has them")
}
