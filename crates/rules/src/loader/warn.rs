//! Warnings about rules that load and may not be meant so.

use std::collections::BTreeMap;
use std::sync::Arc;

use eyas_fields::{FieldDef, FieldFlags, Schema};
use rustc_hash::FxHashMap;

use super::Described;
use super::collect::RawRule;
use super::compile::in_condition;
use super::result::{Context, LoadWarning, Problem, WarningCode};
use super::sources::Sources;
use crate::condition;
use crate::condition::ast::{Expr, LiteralRef, Op, Span, Test};

/// Fields of a schema that are kept for old rules.
pub(super) fn deprecated(schema: &dyn Schema) -> impl Iterator<Item = &FieldDef> {
    schema.fields().iter().filter(|def| def.flags.contains(FieldFlags::DEPRECATED))
}

/// What looks at a rule for what loads but may not be meant.
pub(super) struct Look<'a, 'w> {
    pub(super) schema: &'a dyn Schema,
    pub(super) raw: &'a RawRule,
    /// Number of its text.
    pub(super) root: u32,
    pub(super) sources: &'a Sources,
    pub(super) warnings: &'w mut Vec<LoadWarning>,
}

impl Look<'_, '_> {
    /// Warns, unless the same was said of the same.
    fn add(&mut self, problem: LoadWarning, span: Span) {
        if !self.warnings.iter().any(|w| w.repeats(&problem)) {
            let notes = self.sources.notes(span, self.root, "");
            self.warnings.push(problem.notes(notes));
        }
    }

    /// The rule's condition, and a byte of one of the texts that it is made of.
    fn context(&self, at: usize) -> Context {
        let text = self.sources.text(self.root);
        in_condition(&text.flat(), text.written(), at, &self.raw.condition_context)
    }

    /// The rule's condition, and no place in it.
    fn whole_condition(&self) -> Context {
        let base = &self.raw.condition_context;
        let mark = base.innermost().map(|l| l.mark).unwrap_or_default();
        let text = self.sources.text(self.root);
        base.in_condition(&text.flat(), text.written(), 0, mark)
    }

    /// One warning for each deprecated field that is tested.
    pub(super) fn for_deprecated(&mut self, expr: &Expr) {
        let names: Vec<&'static str> = deprecated(self.schema).map(|def| def.name).collect();
        let mut found: BTreeMap<&'static str, Span> = BTreeMap::new();
        expr.tests(&mut |test| {
            // The reference does not look into lists.
            test.left.fields_outside_lists(&mut |field| {
                if let Some(name) = names.iter().find(|name| **name == field.name) {
                    found.entry(name).or_insert(field.span);
                }
            });
        });
        for (name, span) in found {
            let message = format!("Usage of deprecated field '{name}' has been detected");
            let title = format!("the field `{name}` is deprecated");
            let context = self.whole_condition();
            let problem = Problem::new(WarningCode::DeprecatedItem, message, &context).of_field(name);
            self.add(problem.titled(title), span);
        }
    }

    /// Constants that look like something else. Comparisons that nothing is to be said about become `quiet`.
    pub(super) fn for_confusions(&mut self, expr: &Expr, quiet: &mut FxHashMap<usize, Arc<Test>>) {
        expr.tests(&mut |test| {
            let address = Arc::as_ptr(test) as usize;
            if quiet.contains_key(&address) {
                return;
            }
            let mut said = false;
            let values = test.right.values();
            for confusion in values.flat_map(|value| confusions(test.op, value, self.schema)) {
                said = true;
                let context = self.context(confusion.span.start as usize);
                let Said { message, title, span, help } = confusion;
                let problem = Problem::new(WarningCode::CompileCondition, message, &context);
                self.add(problem.titled(title).help(help), span);
            }
            if !said {
                quiet.insert(address, test.clone());
            }
        });
    }
}

/// What a warning says, of what.
struct Said {
    message: String,
    title: String,
    span: Span,
    help: Option<String>,
}

fn confusions(op: Op, value: LiteralRef<'_>, schema: &dyn Schema) -> Vec<Said> {
    let span = value.span;
    // A field has a dot, a transformer a parenthesis: most values are neither.
    let (dot, bracket) = (value.text.contains(&b'.'), value.text.contains(&b'('));
    if !dot && !bracket && op != Op::Regex {
        return Vec::new();
    }
    let mut out = Vec::new();
    let text = String::from_utf8_lossy(value.text);
    let bare: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if dot && !bracket && Described(schema).is_operand(&bare) {
        out.push(Said {
            message: format!("'{text}' may be a valid field misused as a const string value"),
            title: format!("`{text}` is a field's name, compared as a text"),
            span,
            help: Some(format!("to compare with the field's value write `val({text})`")),
        });
    }
    let is_call = |name: &&str| {
        bare.strip_prefix(name).is_some_and(|rest| rest.starts_with('(') && rest.ends_with(')'))
    };
    if bracket && condition::TRANSFORMERS.iter().chain(&["val"]).any(is_call) {
        out.push(Said {
            message: format!("'{text}' may be a valid field transformer misused as a const string value"),
            title: format!("`{text}` looks like a transformer and is compared as a text"),
            span,
            help: Some("a transformer stands without quotes".to_owned()),
        });
    }
    if op == Op::Regex && condition::regex_is_plain(value.text) {
        out.push(Said {
            message: format!("'regex' operator with plain text '{text}': another operator costs less"),
            title: format!("`{text}` is no pattern: `regex` is a costly way to compare it"),
            span,
            help: Some("`regex` matches the whole value: write `=`".to_owned()),
        });
    }
    out
}
