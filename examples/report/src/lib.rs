//! Readable reports about captures: as text, and as a self-contained HTML page.
//!
//! The capture is read several times. The first pass finds the alerts, the ancestry of every process, and
//! the data flow between processes, files and connections. A later pass finds the actions of the processes
//! in the alerts.
#![forbid(unsafe_code)]

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use eyas::rules::{Engine, RuleSet, RuleSource};
use eyas::sinsp::Inspector;
use eyas_console::ShowPath;

mod actions;
mod activity;
mod alerts;
mod causal;
mod embed;
mod graph;
mod html;
mod page;
mod passes;
mod processes;
pub mod slice;
mod svg;
mod text;
mod values;

use activity::Activity;
use alerts::Alerts;
use passes::pass;
use processes::Processes;

/// Built-in rules for typical behaviour of attacks, used if no others are given.
const RULES: &str = include_str!("../rules.yaml");

/// The rules of this crate, and those of further files.
///
/// # Errors
/// A file cannot be read, or has a mistake.
pub fn rules<P: AsRef<Path>>(files: &[P]) -> Result<Engine> {
    let builder = RuleSet::builder(Arc::new(eyas::sinsp::schema()));
    let rules = match files {
        [] => builder.build([RuleSource::new("the rules of sysdig report", RULES)]),
        files => {
            let read = |path: &P| -> Result<RuleSource> {
                let path = path.as_ref();
                let text = eyas_console::file::wait_for_text(path)
                    .with_context(|| format!("rules {}", path.shown()))?;
                Ok(RuleSource::new(path.shown(), text))
            };
            builder.build(files.iter().map(read).collect::<Result<Vec<_>>>()?)
        }
    };
    Ok(rules?.compile()?)
}

/// Returns the report of a capture as text.
///
/// # Errors
/// The capture cannot be read.
pub fn text(path: &Path, engine: &Engine, inspector: &dyn Fn() -> Inspector) -> Result<String> {
    check(path)?;
    let mut processes = Processes::default();
    let mut alerts = Alerts::new(engine)?;
    let first = pass(path, inspector(), |event| {
        processes.note(event);
        alerts.test(event)
    })?;
    let involved = processes.involved(&alerts.processes());
    let mut activity = Activity::new()?;
    pass(path, inspector(), |event| {
        activity.note(event, &involved);
        Ok(())
    })?;
    let report = text::Report {
        name: &name(path),
        span: &first,
        alerts: &alerts.found,
        processes: &processes,
        involved: &involved,
        activity: &activity,
    };
    Ok(report.to_string())
}

/// Returns the report of a capture as an HTML page. The same capture and rules produce the same page.
///
/// # Errors
/// The capture cannot be read.
pub fn page(path: &Path, engine: &Engine, inspector: &dyn Fn() -> Inspector) -> Result<String> {
    check(path)?;
    page::page(path, &name(path), engine, inspector)
}

/// Rejects streams, because a report reads its capture more than once.
fn check(path: &Path) -> Result<()> {
    if path.as_os_str() == "-" {
        bail!("a report reads its capture more than once: give a file instead of standard input");
    }
    Ok(())
}

fn name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.shown(), |name| Path::new(name).shown())
}
