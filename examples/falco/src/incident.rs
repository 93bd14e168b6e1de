//! `--incident`: a readable report about a capture, such as one that an alert started.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use eyas_console::ShowPath;
use eyas_console::print;

use crate::args::Args;
use crate::config::Config;
use crate::{file, names, rules, source};

/// Prints the report of the capture `path`, with the rules of the configuration, or writes it as a page.
///
/// # Errors
/// The rules or the capture cannot be read, or the page cannot be written.
pub fn run(path: &Path, args: &Args, config: &Config) -> Result<()> {
    let engine = rules::load(args, config)?;
    names::look_up(&engine);
    match &args.page {
        Some(page) => {
            let text = eyas_report::page(path, &engine, &source::offline_inspector)?;
            file::create(page)
                .and_then(|mut file| file.write_all(text.as_bytes()))
                .with_context(|| format!("can't write {}", page.shown()))
        }
        None => Ok(print(&eyas_report::text(path, &engine, &source::offline_inspector)?)?),
    }
}
