//! `sysdig report`.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use eyas::sinsp::Inspector;
use eyas_console::ShowPath;
use eyas_console::file;

use crate::args::Args;
use crate::output::refuse_input;

/// Writes the page of a report.
pub(super) fn report(args: &Args) -> Result<()> {
    // The capture may follow the options.
    let named = args.filter.first().filter(|_| args.read.is_empty()).map(PathBuf::from);
    let path = match (&args.read[..], &named) {
        ([path], _) => path,
        (_, Some(path)) => path,
        _ => bail!("sysdig report: name one capture: sysdig report FILE -o PAGE"),
    };
    if args.filter.len() > usize::from(named.is_some()) {
        bail!(
            "sysdig report takes no filter; write a part of the capture first: sysdig -r FILE -w PART FILTER"
        );
    }
    if let Some(output) = &args.output {
        refuse_input("-o", output, std::slice::from_ref(path))?;
    }
    let engine = eyas_report::rules(&args.rules)?;
    let page = eyas_report::page(path, &engine, &Inspector::default)?;
    match &args.output {
        Some(output) => {
            // The page contains a part of the capture.
            let written = file::create_with(output, file::OWNER_ALONE)
                .and_then(|mut file| file.write_all(page.as_bytes()));
            written
                .map_err(|error| anyhow!("cannot write {}: {error}; choose another with -o", output.shown()))
        }
        None => Ok(eyas_console::print(&page)?),
    }
}
