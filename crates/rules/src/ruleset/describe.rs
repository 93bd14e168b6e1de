//! Descriptions of the definitions in rules files.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashSet;

use super::RuleSet;
use super::compilation::Compiled;
use crate::condition::ast::{Expr, Operand, Rhs};
use crate::condition::parse;
use crate::rule::Priority;

/// Everything that was loaded; see [`RuleSet::describe`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Description {
    /// The newest engine version that some file requires: major, minor and patch.
    pub required_engine_version: [u64; 3],
    /// Plugins that files require: name and version of the first choice and of its alternatives.
    pub required_plugin_versions: Vec<Vec<(String, String)>>,
    /// Rules, in the order of their definition.
    pub rules: Vec<RuleDescription>,
    /// Macros, in the order of their definition.
    pub macros: Vec<MacroDescription>,
    /// Lists, in the order of their definition.
    pub lists: Vec<ListDescription>,
}

/// Description of a condition.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConditionDescription {
    /// The written text, including appended parts.
    pub text: String,
    /// The expression with lists, macros and exceptions expanded.
    pub compiled: Expr,
    /// Macros that the text names.
    pub macros: BTreeSet<String>,
    /// Lists that the text names.
    pub lists: BTreeSet<String>,
    /// Operators after expansion, such as `in` or `startswith anyof`.
    pub operators: BTreeSet<String>,
    /// Fields after expansion, each with its argument.
    pub fields: BTreeSet<String>,
}

/// A rule.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RuleDescription {
    /// Name.
    pub name: String,
    /// Its description.
    pub description: String,
    /// Condition.
    pub condition: ConditionDescription,
    /// Output as written.
    pub output: String,
    /// Output with all additions of the configuration.
    pub output_compiled: String,
    /// Fields in the output.
    pub output_fields: BTreeSet<String>,
    /// Keys of `output_fields` that the configuration adds, with their formats.
    pub output_formats: BTreeMap<String, String>,
    /// Severity of its alerts.
    pub priority: Priority,
    /// Event source.
    pub source: String,
    /// Tags.
    pub tags: BTreeSet<String>,
    /// Whether its file enables it.
    pub enabled: bool,
    /// Whether a match starts a capture.
    pub capture: bool,
    /// Duration of that capture, ms; 0 for the configured duration.
    pub capture_duration_ms: u32,
    /// Names of its exceptions.
    pub exceptions: BTreeSet<String>,
    /// Operators of its exceptions.
    pub exception_operators: BTreeSet<String>,
    /// Fields of its exceptions.
    pub exception_fields: BTreeSet<String>,
}

/// A macro.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MacroDescription {
    /// Name.
    pub name: String,
    /// Condition.
    pub condition: ConditionDescription,
    /// Whether a rule or another macro uses it.
    pub used: bool,
}

/// A list.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ListDescription {
    /// Name.
    pub name: String,
    /// Items as written, without the lists among them.
    pub items: Vec<String>,
    /// Lists among the items.
    pub lists: BTreeSet<String>,
    /// Items with the lists among them expanded.
    pub items_compiled: Vec<String>,
    /// Whether a rule, macro or another list uses it.
    pub used: bool,
}

impl RuleSet {
    /// Describes all definitions.
    ///
    /// The description lacks rules of other event sources, and rules that `skip-if-unknown-filter` skips.
    pub fn describe(&self) -> Description {
        let (tables, compilation) = (&self.loaded.tables, &self.loaded.compilation);
        let used = |used: &[bool], index: usize| used.get(index).copied().unwrap_or_default();
        let macros = tables.macros.iter().zip(compilation.macros.iter()).enumerate();
        let macros = macros.map(|(index, (m, ready))| MacroDescription {
            name: m.name.clone(),
            condition: self.condition(m.condition.as_str(), &ready.expr),
            used: used(&compilation.used_macros, index),
        });
        let lists = tables.lists.iter().enumerate().map(|(index, list)| {
            let items_compiled = compilation.lists.items(index, &tables.lists);
            let known: FxHashSet<&str> = items_compiled.iter().map(String::as_str).collect();
            let (items, lists): (Vec<String>, Vec<String>) =
                list.items.iter().map(|item| item.text.clone()).partition(|item| known.contains(&**item));
            let lists = lists.into_iter().collect();
            let used = used(&compilation.used_lists, index);
            ListDescription { name: list.name.clone(), items, lists, items_compiled, used }
        });
        Description {
            required_engine_version: tables.engine,
            required_plugin_versions: tables.plugins.clone(),
            macros: macros.collect(),
            lists: lists.collect(),
            rules: compilation.rules().map(|rule| self.rule(rule)).collect(),
        }
    }

    fn rule(&self, rule: &Compiled) -> RuleDescription {
        let raw = &rule.raw;
        let extras =
            self.loaded.options.extras.iter().filter(|e| e.applies(&raw.name, &raw.source, &raw.tags));
        let extras: Vec<&(String, Option<String>)> = extras.flat_map(|e| &e.fields).collect();
        let mut output_fields: BTreeSet<String> = rule.format.names().map(str::to_owned).collect();
        output_fields.extend(extras.iter().map(|(key, format)| format.as_ref().unwrap_or(key).clone()));
        let exceptions = &raw.exceptions;
        let with_values = exceptions.iter().filter(|exception| exception.has_values());
        RuleDescription {
            name: raw.name.clone(),
            description: raw.desc.clone(),
            condition: self.condition(raw.condition.as_str(), &rule.expr),
            output: raw.output.as_str().to_owned(),
            output_compiled: rule.output_text.clone(),
            output_fields,
            output_formats: extras
                .iter()
                .filter_map(|(key, format)| Some((key.clone(), format.clone()?)))
                .collect(),
            priority: raw.priority,
            source: raw.source.clone(),
            tags: raw.tags.clone(),
            enabled: raw.enabled,
            capture: raw.capture,
            capture_duration_ms: raw.capture_duration,
            exceptions: exceptions.iter().map(|exception| exception.name.clone()).collect(),
            exception_operators: exceptions.iter().flat_map(|e| e.comps.texts()).map(str::to_owned).collect(),
            exception_fields: with_values.flat_map(|e| e.fields.texts()).map(str::to_owned).collect(),
        }
    }

    fn condition(&self, text: &str, compiled: &Expr) -> ConditionDescription {
        let (mut macros, mut lists) = (BTreeSet::new(), BTreeSet::new());
        if let Ok(written) = parse(text) {
            self.named(&written, &mut macros, &mut lists);
        }
        let (mut operators, mut fields) = (BTreeSet::new(), BTreeSet::new());
        compiled.tests(&mut |test| {
            let modifier = test.modifier.map_or(String::new(), |modifier| format!(" {}", modifier.word()));
            operators.insert(format!("{}{modifier}", test.op.word()));
            let mut field = |operand: &Operand| {
                operand.fields(&mut |field| _ = fields.insert(field.to_string()));
            };
            field(&test.left);
            if let Rhs::Operand(right) = &test.right {
                field(right);
            }
        });
        ConditionDescription {
            text: text.to_owned(),
            compiled: compiled.clone(),
            macros,
            lists,
            operators,
            fields,
        }
    }

    /// Collects the macros and lists that a condition uses.
    fn named(&self, expr: &Expr, macros: &mut BTreeSet<String>, lists: &mut BTreeSet<String>) {
        match expr {
            Expr::And(children) | Expr::Or(children) => {
                children.iter().for_each(|child| self.named(child, macros, lists));
            }
            Expr::Not(child) => self.named(child, macros, lists),
            Expr::Macro(name, _) => {
                if self.loaded.tables.macros.position(name).is_some() {
                    macros.insert(name.clone());
                }
            }
            Expr::Test(test) => {
                let Rhs::List(values) = &test.right else { return };
                let texts = values.iter().filter_map(|value| std::str::from_utf8(value.text).ok());
                let is_list = |text: &&str| self.loaded.tables.lists.position(text).is_some();
                lists.extend(texts.filter(is_list).map(str::to_owned));
            }
        }
    }
}
