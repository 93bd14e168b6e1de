//! Tests Kubernetes audit events with the rules for the source `k8s_audit` in Falco's rules files, through
//! a native source.
//!
//! ```text
//! cargo run --example audit -- AUDIT.jsonl RULES.yaml ...
//! ```

use std::error::Error;
use std::sync::Arc;

use eyas::Detector;
use eyas::audit::{json, k8saudit};
use eyas::scap::Snapshot;
use eyas::sinsp::Config;
use eyas::sinsp::plugin::{Log, PluginSet, PluginSource, Scope};
use eyas_console::{note, say};

const SOURCE: &str = "k8s_audit";

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let log = args.next().ok_or("usage: audit AUDIT.jsonl RULES.yaml ...")?;

    // The source with the fields `ka.*`, and the fields `json.*`, which the rules require.
    let mut set = PluginSet::default();
    set.add(Arc::new(k8saudit()), "")?;
    set.add(Arc::new(json()), "")?;
    let rules = eyas::load_rules_of(&set, SOURCE, args)?;

    let messages: Log = Arc::new(|severity, text| note!("{severity:?}: {text}"));
    let plugins = set.start(Scope::Live(SOURCE), &messages)?;
    let (info, stream) = plugins.open("k8saudit", &log)?;
    let source = PluginSource::new(info, stream, Snapshot::default());
    let config = Config::default().with_plugins(plugins);
    for alert in Detector::new(source, rules).config(config) {
        say!("{}", alert?.line);
    }
    Ok(())
}
