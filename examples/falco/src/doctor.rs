//! `--doctor`: checks the machine for live capture, finds the largest costs, and gives advice.

use anyhow::Result;
use eyas_console::print;
use serde_json::json;

use crate::args::Args;
use crate::config::Config;

mod check;
mod costs;
#[cfg(feature = "live")]
mod machine;
#[cfg(all(feature = "live", feature = "runtimes"))]
mod sockets;

use check::{Check, Status};

/// Prints the results. Returns whether a live capture is possible. With a time (`-M`) or a capture (`-e`),
/// it also prints what costs most.
///
/// # Errors
/// The rules or the capture cannot be read.
pub fn run(args: &Args, config: &Config) -> Result<bool> {
    let checks = checks(config);
    let can_capture = checks.iter().all(|check| check.status != Status::Missing);
    let measures = config.engine.is_replay() || (args.duration > 0 && can_capture);
    if !config.json_output {
        checks.iter().try_for_each(|check| print(&check.to_string()))?;
        let verdict = if can_capture { "Live capture is possible." } else { "Live capture is impossible." };
        print(&format!("\n{verdict}\n"))?;
    }
    let costs = measures.then(|| costs::measure(args, config)).transpose()?;
    if config.json_output {
        let report = json!({
            "can_capture": can_capture,
            "checks": checks.iter().map(Check::as_json).collect::<Vec<_>>(),
            "costs": costs.as_ref().map(costs::Costs::as_json),
        });
        print(&format!("{report:#}\n"))?;
    } else if let Some(costs) = costs {
        print(&format!("\n{costs}"))?;
    }
    Ok(can_capture)
}

#[cfg(feature = "live")]
fn checks(config: &Config) -> Vec<Check> {
    let mut checks = machine::checks(config);
    #[cfg(feature = "runtimes")]
    checks.extend(sockets::checks(&config.container_engines));
    checks
}

#[cfg(not(feature = "live"))]
fn checks(_: &Config) -> Vec<Check> {
    vec![Check::missing(
        "program",
        "this build cannot capture live",
        "build it with the feature `live`, or replay captures with -e FILE",
    )]
}
