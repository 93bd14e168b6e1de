//! Helpers: audit events through an inspector, with rules.

use std::path::Path;
use std::sync::Arc;

use eyas_rules::{Engine, Matching, RuleSet};
use eyas_scap::Snapshot;
use eyas_sinsp::plugin::{Log, PluginSet, PluginSource, Scope};
use eyas_sinsp::{Config, EventView, Inspector, Step};

pub const SOURCE: &str = "k8s_audit";

/// Both plugins.
pub fn plugins() -> PluginSet {
    let mut set = PluginSet::default();
    set.add(Arc::new(eyas_audit::k8saudit()), "").unwrap();
    set.add(Arc::new(eyas_audit::json()), "").unwrap();
    set
}

/// Loads the rules of the source from these files; all matching rules are reported.
pub fn engine(set: &PluginSet, paths: &[&Path]) -> Engine {
    let builder = RuleSet::builder(Arc::new(set.schema(SOURCE)))
        .add_schema(Arc::new(set.schema("syscall")))
        .plugins(set.infos().map(|info| (info.name.clone(), info.version.0.map(u64::from))));
    builder.read(paths).unwrap().matching(Matching::All).compile().unwrap()
}

/// Calls `each` with every event of a file.
pub fn events(set: &PluginSet, engine: Option<&Engine>, log: &Path, mut each: impl FnMut(&EventView<'_>)) {
    let quiet: Log = Arc::new(|_, _| {});
    let mut plugins = set.start(Scope::Live(SOURCE), &quiet).unwrap();
    if let Some(engine) = engine {
        plugins.extract_together(engine.fields_by_use());
    }
    let (info, stream) = plugins.open("k8saudit", log.to_str().unwrap()).unwrap();
    let mut source = PluginSource::new(info, stream, Snapshot::default());
    let mut inspector = Inspector::new(Config::default().with_plugins(plugins));
    loop {
        match inspector.next(&mut source).unwrap() {
            Step::Event(event) => each(&event),
            Step::Idle => {}
            Step::End => return,
        }
    }
}
