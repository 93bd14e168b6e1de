//! `--explain-pushdown`: which part of each rule the rows keep, and which fraction of the events passes.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use eyas::events::{EventType, events};
use eyas::fields::{FieldSource, Schema};
use eyas::rules::{Engine, RuleIndex, nearest};
use eyas::scap::Reader;
use eyas::sinsp::pushdown::{Pushdown, PushedParts, is_shown, pushed_parts};
use eyas::sinsp::{FileKind, Step, schema};
use eyas::{EngineFilters, FileUser};
use eyas_console::ShowPath;
use eyas_console::print;
use serde_json::{Value, json};

use super::share::percent;
use crate::args::{Args, ListFormat};
use crate::config::Config;
use crate::{names, rules, source};

/// Maximum number of event types of a rule that are listed; for more, only their number is printed.
const NAMED: usize = 24;

/// Part of a rule that is kept for events of some types.
struct OfTypes {
    codes: Vec<u16>,
    parts: PushedParts,
    /// Number of events that passed, and of all.
    passed: [u64; 2],
}

struct OfRule {
    rule: RuleIndex,
    /// Whether falco would test the rule with this configuration.
    is_enabled: bool,
    types: Vec<OfTypes>,
    rows: Pushdown,
    /// The kinds of files that the rule uses in a live capture.
    files: Vec<FileUser>,
}

/// Prints the explanation for a rule, or, without a name, for every rule.
///
/// # Errors
/// There is no such rule, or the rules or the capture cannot be read.
pub fn explain(rule: &str, args: &Args, config: &Config) -> Result<()> {
    let [active, engine] = rules::load_active_and_each(&rules::present(args, config).0, config)?;
    let wanted = match (rule, engine.find(rule)) {
        ("", _) => None,
        (_, Some(index)) => Some(index),
        (_, None) => {
            let near = nearest(rule, engine.rules().iter().map(|rule| rule.name.as_str()));
            let hint = near.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
            bail!("there is no rule '{rule}'{hint}");
        }
    };
    let is_enabled = |rule: RuleIndex| {
        active.find(&engine.rule(rule).name).is_some_and(|index| active.rule(index).enabled)
    };
    let mut all = take(&EngineFilters::new(&engine), wanted, is_enabled);
    let is_measured = config.engine.is_replay();
    if is_measured {
        measure(&mut all, &engine, config)?;
    }
    let text = match args.list_format() {
        ListFormat::Json => {
            let rules: Vec<Value> = all.iter().map(|of| of.as_json(&engine, is_measured)).collect();
            format!("{:#}\n", Value::from(rules))
        }
        _ => {
            let mut text: String = all.iter().map(|of| of.as_text(&engine, is_measured)).collect();
            let filters = EngineFilters::new(&active);
            // A replay always tracks all others than plain files.
            let users = match is_measured {
                true => filters.file_user(FileKind::Plain, false).into_iter().collect(),
                false => filters.file_users(),
            };
            text.extend(users.into_iter().map(|user| match is_measured {
                true => format!(
                    "The replay tracks all files, because rule '{}' uses the file of a {} by {}\n",
                    user.rule, user.event_type, user.field
                ),
                false => format!("{user}\n"),
            }));
            text
        }
    };
    print(&text)?;
    Ok(())
}

fn take(
    filters: &EngineFilters<'_>,
    wanted: Option<RuleIndex>,
    is_enabled: impl Fn(RuleIndex) -> bool,
) -> Vec<OfRule> {
    let formulas = filters.formulas();
    let by_code: Vec<_> =
        (0..EventType::COUNT as u16).map(|code| formulas.of_code(code).collect::<Vec<_>>()).collect();
    let rules: BTreeSet<u32> = by_code.iter().flatten().map(|(rule, _)| rule.0).collect();
    let rules = rules.into_iter().map(RuleIndex).filter(|rule| wanted.is_none_or(|wanted| wanted == *rule));
    rules
        .map(|rule| {
            let of_code = |code: u16| by_code[usize::from(code)].iter().find(|(of, _)| *of == rule);
            let mut types: Vec<OfTypes> = Vec::new();
            let codes = events().filter(|info| info.is_current()).map(|info| info.ty.0);
            for code in codes.filter(|code| is_shown(*code)) {
                let Some((_, formula)) = of_code(code) else { continue };
                let parts = pushed_parts(code, formula);
                match types.iter_mut().find(|of| of.parts == parts) {
                    Some(of) => of.codes.push(code),
                    None => types.push(OfTypes { codes: vec![code], parts, passed: [0; 2] }),
                }
            }
            let rows =
                Pushdown::new(&mut |code| of_code(code).map(|(_, formula)| *formula).into_iter().collect());
            types.retain(|of| of.codes.iter().any(|code| !rows.rejects_all(*code)));
            OfRule { rule, is_enabled: is_enabled(rule), types, rows, files: filters.file_users_of(rule) }
        })
        .collect()
}

/// Counts the events of a capture that pass.
fn measure(all: &mut [OfRule], engine: &Engine, config: &Config) -> Result<()> {
    let path = &config.engine.replay.capture_file;
    let mut capture = match path.to_str() {
        Some("-") => Reader::from_reader(std::io::stdin())?,
        _ => Reader::open(path).with_context(|| format!("can't open {}", path.shown()))?,
    };
    names::look_up(engine);
    let mut inspector = source::offline_inspector();
    while let Step::Event(event) = inspector.next(&mut capture)? {
        for OfRule { types, rows, .. } in &mut *all {
            if let Some(of) = types.iter_mut().find(|of| of.codes.contains(&event.code())) {
                of.passed[0] += u64::from(rows.may_match(&event));
                of.passed[1] += 1;
            }
        }
    }
    Ok(())
}

impl OfTypes {
    /// Names of the types without duplicates: several types may have the same name.
    fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<&str> = self.codes.iter().filter_map(|code| schema().code_name(*code)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Advice that would make the rule cheaper.
    fn hint(&self) -> Option<&'static str> {
        let PushedParts { passes_all, by_process, weakened, .. } = &self.parts;
        match (weakened.is_empty(), by_process.is_empty()) {
            _ if !passes_all => None,
            (true, true) => Some("the rule tests only the event type: each of these events is an alert"),
            (true, false) => None,
            _ => Some(
                "no part is decided by the event alone: add one that all must satisfy, such as \
                 evt.rawres >= 0, evt.is_open_write = true, a flag of evt.arg, or a path that begins with a \
                 directory",
            ),
        }
    }
}

impl OfRule {
    fn as_text(&self, engine: &Engine, is_measured: bool) -> String {
        let note = if self.is_enabled { "" } else { " (disabled)" };
        let mut out = format!("{}{note}\n", engine.rule(self.rule).name);
        for of in &self.types {
            let names = of.names();
            let shown = match names.len() {
                0..=NAMED => names.join(", "),
                more => format!("{more} event types"),
            };
            let PushedParts { kept, by_process, weakened, exact, .. } = &of.parts;
            out += &format!("  {shown}: {}\n", if *exact { "exact" } else { "not exact" });
            if is_measured {
                let [passed, all] = of.passed;
                out += &format!("    passes: {passed} of {all} events ({} %)\n", percent(passed, all));
            }
            out.extend(kept.iter().map(|test| format!("    kept: {}\n", cut(test))));
            out.extend(by_process.iter().map(|test| format!("    by process: {}\n", cut(test))));
            out.extend(weakened.iter().map(|(test, why)| format!("    weakened: {}: {why}\n", cut(test))));
            out.extend(of.hint().map(|hint| format!("    hint: {hint}\n")));
        }
        let sends = if self.is_enabled { "sends" } else { "would send" };
        for user in self.files.iter().filter(|_| !is_measured) {
            let FileUser { kind, field, event_type, .. } = user;
            let ([one, _], all) = (kind.names(), user.sent_files());
            out += &format!(
                "  uses the {one} of a {event_type} by {field}: the probe {sends} all events that make, copy or close {all}\n"
            );
            out.extend(file_hint(*kind).map(|hint| format!("    hint: {hint}\n")));
        }
        out
    }

    fn as_json(&self, engine: &Engine, is_measured: bool) -> Value {
        let types = self.types.iter().map(|of| {
            let PushedParts { kept, by_process, weakened, exact, passes_all, .. } = &of.parts;
            let weakened: Vec<Value> =
                weakened.iter().map(|(test, why)| json!({"condition": test, "why": why})).collect();
            let mut object = json!({
                "types": of.names(),
                "kept": kept,
                "by_process": by_process,
                "weakened": weakened,
                "exact": exact,
                "passes_all": passes_all,
                "hint": of.hint(),
            });
            if is_measured {
                let [passed, all] = of.passed;
                object["events"] = json!(all);
                object["passed"] = json!(passed);
            }
            object
        });
        let files = self.files.iter().map(|user| {
            json!({
                "kind": user.kind.names()[0],
                "event_type": user.event_type,
                "field": user.field,
                "hint": file_hint(user.kind),
            })
        });
        let mut object = json!({
            "rule": engine.rule(self.rule).name,
            "enabled": self.is_enabled,
            "types": types.collect::<Vec<_>>(),
        });
        if !is_measured {
            object["uses_files"] = files.collect();
        }
        object
    }
}

/// Advice for a rule that uses files of the kind.
fn file_hint(kind: FileKind) -> Option<&'static str> {
    (kind == FileKind::Plain).then_some(
        "test the path when the file is opened instead (evt.type in (open, openat, openat2)); such a rule needs none of these events",
    )
}

/// The condition, cut to one line.
fn cut(condition: &str) -> String {
    const SHOWN: usize = 120;
    match condition.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &condition[..at]),
        None => condition.to_owned(),
    }
}
