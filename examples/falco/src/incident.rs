//! `--incident`: a report of a capture, such as one that an alert started, for people.
//!
//! The capture is read twice: first for the alerts and the family of every process, then for what the processes that the
//! alerts are about did.

use std::path::Path;

use anyhow::{Result, bail};
use eyas_console::print;

use crate::args::Args;
use crate::config::Config;
use crate::{names, rules};

mod activity;
mod alerts;
mod passes;
mod processes;
mod report;
mod values;

use activity::Activity;
use alerts::Alerts;
use passes::pass;
use processes::Processes;

/// Prints the report of the capture `path`, with the rules of the configuration.
///
/// # Errors
/// The rules or the capture cannot be read.
pub fn run(path: &Path, args: &Args, config: &Config) -> Result<()> {
    if path.as_os_str() == "-" {
        bail!("--incident reads its capture twice: give a file instead of standard input");
    }
    let engine = rules::load(args, config)?;
    names::ask(&engine);
    let mut processes = Processes::default();
    let mut alerts = Alerts::new(&engine);
    let first = pass(path, |event| {
        processes.note(event);
        alerts.test(event)
    })?;
    let involved = processes.involved(&alerts.processes());
    let mut activity = Activity::new()?;
    pass(path, |event| {
        activity.note(event, &involved);
        Ok(())
    })?;
    let name =
        path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned());
    let report = report::Report {
        name: &name,
        span: &first,
        alerts: &alerts.found,
        processes: &processes,
        involved: &involved,
        activity: &activity,
    };
    Ok(print(&report.to_string())?)
}
