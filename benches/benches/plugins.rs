//! Cost of the C interface of plugins: the public rules for Kubernetes audit logs on 100,000 events. They
//! come from a C plugin whose fields have the same values for every event, and from a native plugin with
//! the same values. The difference is the cost of the interface.
//! `cargo bench -p eyas-benches --bench plugins`.
#![forbid(unsafe_code)]

use std::fmt::Write;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use eyas::audit::k8saudit;
use eyas::fields::{FieldType, Value};
use eyas::rules::Engine;
use eyas::scap::Snapshot;
use eyas::sinsp::plugin::{
    Batch, EventStream, Extraction, Flow, Instance, Log, MetricValue, Native, Plugin, PluginError,
    PluginEvent, PluginField, PluginInfo, PluginSet, PluginSource, Request, Scope, Sourcing, Tables, Version,
};
use eyas::sinsp::{Config, Inspector, Step};
use eyas_benches::{audit_log, audit_rules, now};
use eyas_plugins::{Library, Options};
use rustix::time::ClockId;

const SOURCE: &str = "k8s_audit";
const EVENTS: usize = 100_000;
/// Events of a batch, as in the plugin in C.
const BATCH: usize = 128;
/// Number of passes, of which the fastest counts.
const PASSES: usize = 9;

/// The fields of the audit source, as the interface has them: strings and numbers.
fn fields() -> Vec<PluginField> {
    let plain = |field: &PluginField| {
        let ty = if field.ty == FieldType::Str { FieldType::Str } else { FieldType::Uint { bits: 64 } };
        let mut plain = PluginField::new(field.name.as_str(), ty, "d").with_arg(field.arg);
        plain.is_list = field.is_list;
        plain
    };
    k8saudit().info().fields.iter().map(plain).collect()
}

/// The same values for every event.
struct Constant;

impl Instance for Constant {
    fn sourcing(&mut self) -> Option<&mut dyn Sourcing> {
        Some(self)
    }

    fn extraction(&mut self) -> Option<&mut dyn Extraction> {
        Some(self)
    }
}

impl Sourcing for Constant {
    fn open(&mut self, params: &str) -> Result<Box<dyn EventStream>, PluginError> {
        let (count, path) = params.split_once(' ').ok_or("a number and a path")?;
        let text = std::fs::read(path).map_err(|error| error.to_string())?;
        let lines =
            text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(Box::from).collect();
        Ok(Box::new(Lines { lines, at: 0, left: count.parse().map_err(|_| "a number")? }))
    }
}

impl Extraction for Constant {
    fn extract(
        &mut self,
        _: &PluginEvent<'_>,
        request: &mut Request<'_>,
        _: &mut dyn Tables,
    ) -> Result<(), PluginError> {
        thread_local!(static KINDS: Vec<(FieldType, bool)> = fields().iter().map(|field| (field.ty, field.is_list)).collect());
        KINDS.with(|kinds| {
            for (at, wanted) in request.wanted().iter().enumerate() {
                let (ty, is_list) = kinds[wanted.field];
                let value = if ty == FieldType::Str { Value::Str(b"x") } else { Value::Uint(0) };
                match is_list {
                    true => request.set_list(at, std::iter::once(value)),
                    false => request.set(at, value),
                }
            }
        });
        Ok(())
    }
}

/// The lines of a file, again and again.
struct Lines {
    lines: Vec<Box<[u8]>>,
    at: usize,
    left: usize,
}

impl EventStream for Lines {
    fn next_batch(&mut self, batch: &mut Batch) -> Result<Flow, PluginError> {
        for _ in 0..BATCH.min(self.left) {
            batch.push(None, &self.lines[self.at]);
            self.at = (self.at + 1) % self.lines.len();
            self.left -= 1;
        }
        Ok(if batch.is_empty() { Flow::End } else { Flow::More })
    }
}

fn native() -> Arc<dyn Plugin> {
    let info = PluginInfo::new("k8saudit", Version([0, 18, 0])).with_source(1, SOURCE).with_fields(fields());
    Arc::new(Native::new(info, |_| Ok(Box::new(Constant))))
}

/// Compiles the plugin in C with these fields.
fn in_c(name: &str, definitions: &[&str]) -> Arc<dyn Plugin> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut json = Vec::new();
    for field in fields() {
        let ty = if field.ty == FieldType::Str { "string" } else { "uint64" };
        let arg = field.arg;
        json.push(format!(
            r#"{{"type":"{ty}","name":"{}","desc":"d","isList":{},"arg":{{"isRequired":{},"isIndex":{},"isKey":{}}}}}"#,
            field.name, field.is_list, arg.required, arg.index, arg.key
        ));
    }
    let mut header = String::from("#define FIELDS \"[\" \\\n");
    for (at, row) in json.iter().enumerate() {
        let comma = if at + 1 < json.len() { "," } else { "]" };
        let _ = writeln!(header, "\"{}{comma}\" \\", row.replace('"', "\\\""));
    }
    let (header_path, out) = (folder.join("fields.h"), folder.join(format!("bench-{name}.so")));
    std::fs::write(&header_path, header + "\n").expect("the folder can be written to");
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-w", "-include"])
        .arg(&header_path)
        .args(definitions)
        .arg("-o")
        .arg(&out)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("plugin.c"))
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "the plugin does not compile: is there a C compiler?"
    );
    let library = Library::load(&out, &Options::default().with_allow_writable(true));
    Arc::new(library.unwrap_or_else(|error| panic!("{error}")))
}

/// Time for all events, and the fields that the plugin was asked for, if it counts them.
fn pass(plugin: &Arc<dyn Plugin>, log: &Path, with_rules: bool) -> (Duration, u64, u64) {
    let mut set = PluginSet::default();
    set.add(Arc::clone(plugin), "").unwrap_or_else(|error| panic!("{error}"));
    set.add(Arc::new(eyas::audit::json()), "").unwrap_or_else(|error| panic!("{error}"));
    let engine = eyas::load_rules_of(&set, SOURCE, [audit_rules()]).unwrap_or_else(|error| panic!("{error}"));
    let quiet: Log = Arc::new(|_, _| {});
    let mut plugins = set.start(Scope::Live(SOURCE), &quiet).unwrap_or_else(|error| panic!("{error}"));
    plugins.extract_together(engine.fields_by_use());
    let params = format!("{EVENTS} {}", log.display());
    let (info, stream) = plugins.open("k8saudit", &params).unwrap_or_else(|error| panic!("{error}"));
    let mut source = PluginSource::new(info, stream, Snapshot::default());
    let mut inspector = Inspector::new(Config::default().with_plugins(plugins));
    let mut evaluator = Some(&engine).filter(|_| with_rules).map(Engine::evaluator);
    let (mut found, mut events) = (Vec::new(), 0);
    // Of this thread: others want the processors, too.
    let began = now(ClockId::ThreadCPUTime);
    while let Step::Event(event) = inspector.next(&mut source).expect("the source does not fail") {
        events += 1;
        black_box(&event);
        if let Some(evaluator) = &mut evaluator {
            evaluator.matches(&event, &mut found).expect("the events are of the rules' schema");
            found.clear();
        }
    }
    let elapsed = now(ClockId::ThreadCPUTime).saturating_sub(began);
    assert_eq!(events, EVENTS);
    let counters = inspector.plugins().map(eyas::sinsp::plugin::Plugins::metrics).unwrap_or_default();
    let counter = |name: &str| {
        let found = counters.iter().find(|(_, metric)| metric.name == name);
        found.map_or(0, |(_, metric)| if let MetricValue::Uint(n) = metric.value { n } else { 0 })
    };
    (elapsed, counter("calls"), counter("fields"))
}

/// Nanoseconds of CPU for each event: the fastest of several passes.
fn measure(name: &str, plugin: &Arc<dyn Plugin>, log: &Path, with_rules: bool) -> (f64, f64) {
    let passes = (0..PASSES).map(|_| pass(plugin, log, with_rules));
    let (time, calls, fields) = passes.min().expect("there are passes");
    let each = |n: f64| n / EVENTS as f64;
    let (ns, calls, fields) = (each(time.as_nanos() as f64), each(calls as f64), each(fields as f64));
    println!("{name}: {ns:.0} ns per event; {calls:.1} calls, {fields:.1} fields");
    (ns, fields)
}

fn main() {
    // `cargo test --all-targets` starts benches, too, in a build without meaningful speed.
    if !std::env::args().any(|arg| arg == "--bench") {
        println!("skipped: benches run with `cargo bench` only");
        return;
    }
    let log: PathBuf = audit_log();
    let (native, one, together) = (native(), in_c("one", &[]), in_c("together", &["-DTOGETHER"]));
    let (native_source, _) = measure("native, source alone", &native, &log, false);
    let (native_rules, _) = measure("native, constant fields, rules", &native, &log, true);
    let (c_source, _) = measure("C, source alone", &one, &log, false);
    println!("=> the interface costs {:.0} ns per event", c_source - native_source);
    for (name, plugin) in
        [("C, one field per call, rules", &one), ("C, all fields in one call, rules", &together)]
    {
        let (rules, fields) = measure(name, plugin, &log, true);
        let own = (rules - c_source) - (native_rules - native_source);
        println!("=> the interface costs {:.1} ns per field", own / fields.max(1.0));
    }
}
