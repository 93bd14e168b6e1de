//! Reports of captures for people: as text, and as a page of HTML that needs nothing but itself.
//!
//! The capture is read several times: first for the alerts, the family of every process, and what passed between
//! processes, files and connections; then for what the processes did that the alerts are about.
#![forbid(unsafe_code)]

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use eyas::rules::{Engine, Loader};
use eyas::sinsp::Inspector;

mod activity;
mod alerts;
mod causal;
mod deeds;
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

/// Rules for those who have none at hand: what attacks do.
const RULES: &str = include_str!("../rules.yaml");

/// The rules of this crate, and those of further files.
///
/// # Errors
/// A file cannot be read, or has a mistake.
pub fn rules<P: AsRef<Path>>(files: &[P]) -> Result<Engine> {
    let mut loader = Loader::new(Arc::new(eyas::sinsp::schema()));
    let mut load = |name: &str, text: &str| {
        let loaded = loader.load(name, text);
        if loaded.successful() { Ok(()) } else { Err(anyhow!("{}", loaded.verbose())) }
    };
    match files {
        [] => load("the rules of sysdig report", RULES)?,
        files => {
            for path in files {
                let path = path.as_ref();
                let text =
                    std::fs::read_to_string(path).with_context(|| format!("rules {}", path.display()))?;
                load(&path.display().to_string(), &text)?;
            }
        }
    }
    Ok(loader.build()?)
}

/// The report of a capture as text.
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

/// The report of a capture as a page of HTML. The same capture and rules make the same page.
///
/// # Errors
/// The capture cannot be read.
pub fn page(path: &Path, engine: &Engine, inspector: &dyn Fn() -> Inspector) -> Result<String> {
    check(path)?;
    page::page(path, &name(path), engine, inspector)
}

/// A report reads its capture more than once.
fn check(path: &Path) -> Result<()> {
    if path.as_os_str() == "-" {
        bail!("a report reads its capture more than once: give a file instead of standard input");
    }
    Ok(())
}

fn name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}
