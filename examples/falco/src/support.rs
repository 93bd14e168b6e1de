//! Information for bug reports: `--support`.

use std::path::Path;

use anyhow::{Context, Result};
use eyas_console::ShowPath;
use serde_json::{Value, json};

use crate::args::Args;
use crate::configure::Loaded;
use crate::{rules, versions};

/// Versions, system, command line, configuration and rules, with Falco's keys.
///
/// # Errors
/// A file of the configuration or the rules cannot be read.
pub fn report(args: &Args, loaded: &Loaded) -> Result<Value> {
    let system = rustix::system::uname();
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    let mut files = Vec::new();
    for path in rules::present(args, &loaded.config).0 {
        for file in rules::yaml_files(&path)? {
            files.push(json!({ "name": file.shown(), "variants": [{ "content": read(&file)? }] }));
        }
    }
    let words: Vec<String> = std::env::args_os().map(|word| Path::new(&word).shown()).collect();
    Ok(json!({
        "cmdline": words.join(" "),
        "config": loaded.text,
        "engine_info": versions::as_json(),
        "rules_files": files,
        "system_info": {
            "machine": text(system.machine()),
            "nodename": text(system.nodename()),
            "release": text(system.release()),
            "sysname": text(system.sysname()),
            "version": text(system.version()),
        },
        "version": versions::FALCO,
    }))
}

fn read(path: &Path) -> Result<String> {
    crate::file::read_text(path).with_context(|| format!("can't read {}", path.shown()))
}
