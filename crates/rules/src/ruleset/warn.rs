//! Warnings about rules that load but may not be intended.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use eyas_fields::{FieldDef, FieldFlags, Schema};
use rustc_hash::{FxHashMap, FxHashSet};

use super::conditions::in_condition;
use super::definitions::RawRule;
use super::described::Described;
use super::result::{Context, LoadWarning, Problem, WarningCode};
use super::sources::Sources;
use crate::condition;
use crate::condition::Part;
use crate::condition::ast::{Expr, LiteralRef, Op, Rhs, Span, Test, Values};

/// The text of an absent value in outputs.
const NO_VALUE: &[u8] = b"<NA>";

/// Fields of a schema that are kept for old rules.
pub(super) fn deprecated(schema: &dyn Schema) -> impl Iterator<Item = &FieldDef> {
    schema.fields().iter().filter(|def| def.flags.contains(FieldFlags::DEPRECATED))
}

/// Comparisons and lists without warnings, by address, because many rules share them. They are kept alive,
/// so that nothing else gets their addresses.
#[derive(Default)]
pub(super) struct Quiet {
    tests: FxHashMap<usize, Arc<Test>>,
    /// Lists, for `regex` and for other operators.
    lists: FxHashMap<(usize, bool), Arc<Values>>,
    /// Names of deprecated fields.
    deprecated: OnceCell<Vec<&'static str>>,
}

impl Quiet {
    /// Calls `found` for each deprecated field in a test, with its place.
    fn deprecated_in(&self, test: &Test, schema: &dyn Schema, found: &mut dyn FnMut(&'static str, Span)) {
        let names = self.deprecated.get_or_init(|| deprecated(schema).map(|def| def.name).collect());
        // The reference does not check lists.
        test.left.fields_outside_lists(&mut |field| {
            if let Some(name) = names.iter().find(|name| **name == field.name) {
                found(name, field.span);
            }
        });
    }
}

/// Checks a rule for parts that load but may not be intended.
pub(super) struct WarnCx<'a, 'w> {
    schema: &'a dyn Schema,
    raw: &'a RawRule,
    /// Number of its text.
    root: u32,
    sources: &'a Sources,
    /// The text with its lists, made at the first warning.
    flat: OnceCell<Cow<'a, str>>,
    /// The warnings so far, with their places.
    warned: FxHashSet<(String, usize)>,
    warnings: &'w mut Vec<LoadWarning>,
}

impl<'a, 'w> WarnCx<'a, 'w> {
    pub(super) fn new(
        schema: &'a dyn Schema,
        raw: &'a RawRule,
        root: u32,
        sources: &'a Sources,
        warnings: &'w mut Vec<LoadWarning>,
    ) -> Self {
        Self { schema, raw, root, sources, flat: OnceCell::new(), warned: FxHashSet::default(), warnings }
    }

    /// Adds a warning, unless it is a duplicate.
    fn add(&mut self, problem: LoadWarning, span: Span) {
        let at = problem.context.innermost().map_or(0, |location| location.mark.offset);
        let field = problem.deprecated_field.unwrap_or_default();
        if self.warned.insert((format!("{field} {}", problem.message), at)) {
            let notes = self.sources.notes(span, self.root, "");
            self.warnings.push(problem.notes(notes));
        }
    }

    fn flat(&self) -> &str {
        self.flat.get_or_init(|| self.sources.text(self.root).flat())
    }

    /// The context of a byte in one of the texts of the rule's condition.
    fn context(&self, at: usize) -> Context {
        let written = self.sources.text(self.root).written();
        in_condition(self.flat(), written, at, &self.raw.condition_context)
    }

    /// The context of the rule's whole condition.
    fn whole_condition(&self) -> Context {
        let base = &self.raw.condition_context;
        let mark = base.innermost().map(|l| l.mark).unwrap_or_default();
        base.in_condition(self.flat(), self.sources.text(self.root).written(), 0, mark)
    }

    /// One warning if a field of audit events is compared with the text of an absent value.
    pub(super) fn for_no_value(&mut self, expr: &Expr) {
        let mut found: Option<(String, Span)> = None;
        expr.tests(&mut |test| {
            let is_equality =
                matches!(test.op, Op::Eq | Op::EqEq | Op::Ne | Op::In | Op::Intersects | Op::PMatch);
            let mut is_unsafe = false;
            test.left.fields_outside_lists(&mut |field| {
                is_unsafe = ["ka.", "jevt."].iter().any(|prefix| field.name.starts_with(prefix));
            });
            if found.is_none() && is_unsafe && is_equality && test.modifier.is_none() {
                let constant = test.right.values().find(|value| value.text == NO_VALUE);
                found = constant.map(|value| (test.left.to_string(), value.span));
            }
        });
        if let Some((field, span)) = found {
            // Falco has no message for this code.
            let problem = Problem::new(WarningCode::UnsafeNaCheck, "", &self.whole_condition());
            let title = format!("`{field}` is compared with the text `<NA>`, which an absent value is not");
            let help = format!("to test whether there is a value write `{field} exists`");
            self.add(problem.titled(title).help([help]), span);
        }
    }

    /// One warning for each deprecated field that is tested.
    pub(super) fn for_deprecated(&mut self, expr: &Expr, quiet: &Quiet) {
        let mut found: BTreeMap<&'static str, Span> = BTreeMap::new();
        expr.tests(&mut |test| {
            if quiet.tests.contains_key(&(Arc::as_ptr(test) as usize)) {
                return;
            }
            quiet.deprecated_in(test, self.schema, &mut |name, span| {
                found.entry(name).or_insert(span);
            });
        });
        for (name, span) in found {
            let message = match name {
                "evt.dir" => {
                    "due to the drop of enter events, 'evt.dir = <' always evaluates to true, and 'evt.dir = >' \
                     always evaluates to false. The rule expression can be simplified by removing the condition on \
                     'evt.dir'"
                        .to_owned()
                }
                _ if name.starts_with("evt.") => {
                    "field is not available due to the drop of enter events.".to_owned()
                }
                // Falco has no message about these.
                _ => format!("usage of deprecated field '{name}' has been detected in the rule condition"),
            };
            let title = format!("the field `{name}` is deprecated");
            let context = self.whole_condition();
            let problem = Problem::new(WarningCode::DeprecatedItem, message, &context).of_field(name);
            self.add(problem.titled(title), span);
        }
    }

    /// Warns about constants that look like something else. Comparisons and lists without warnings are
    /// added to `quiet`.
    pub(super) fn for_confusions(&mut self, expr: &Expr, quiet: &mut Quiet) {
        expr.tests(&mut |test| {
            let address = Arc::as_ptr(test) as usize;
            if quiet.tests.contains_key(&address) {
                return;
            }
            let mut has_warned = false;
            quiet.deprecated_in(test, self.schema, &mut |_, _| has_warned = true);
            match &test.right {
                Rhs::Value(value) => has_warned |= self.confusions(test.op, value.borrowed()),
                Rhs::List(values) => has_warned |= self.confusions_of(test.op, values, None, quiet),
                Rhs::None | Rhs::Operand(_) => {}
            }
            // A test in a single rule is not checked again.
            if !has_warned && Arc::strong_count(test) > 1 {
                quiet.tests.insert(address, test.clone());
            }
        });
    }

    /// Whether there is a warning about one of several constants; they are at one place, or each has its
    /// own.
    fn confusions_of(&mut self, op: Op, values: &Values, at: Option<Span>, quiet: &mut Quiet) -> bool {
        let place = |span: Span| at.map_or(span, |at| span.inside(at));
        let mut has_warned = false;
        for part in values.parts() {
            match part {
                Part::One(value) => {
                    let value = value.borrowed();
                    has_warned |= self.confusions(op, LiteralRef { span: place(value.span), ..value });
                }
                Part::List(list, span) => {
                    let key = (Arc::as_ptr(list) as usize, op == Op::Regex);
                    if quiet.lists.contains_key(&key) {
                        continue;
                    }
                    match self.confusions_of(op, list, Some(place(*span)), quiet) {
                        true => has_warned = true,
                        false => _ = quiet.lists.insert(key, list.clone()),
                    }
                }
            }
        }
        has_warned
    }

    /// Whether there is a warning about a constant.
    fn confusions(&mut self, op: Op, value: LiteralRef<'_>) -> bool {
        let all = confusions(op, value, self.schema);
        let has_warned = !all.is_empty();
        for Wording { message, title, span, help } in all {
            let context = self.context(span.start as usize);
            let problem = Problem::new(WarningCode::CompileCondition, message, &context);
            self.add(problem.titled(title).help(help), span);
        }
        has_warned
    }
}

/// The texts of a warning.
struct Wording {
    message: String,
    title: String,
    span: Span,
    help: Option<String>,
}

fn confusions(op: Op, value: LiteralRef<'_>, schema: &dyn Schema) -> Vec<Wording> {
    let span = value.span;
    // A field contains a dot, and a transformer a parenthesis; most values contain neither.
    let (dot, bracket) = (value.text.contains(&b'.'), value.text.contains(&b'('));
    if !dot && !bracket && op != Op::Regex {
        return Vec::new();
    }
    let mut out = Vec::new();
    let text = String::from_utf8_lossy(value.text);
    let bare: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if dot && !bracket && Described(schema).is_operand(&bare) {
        out.push(Wording {
            message: format!("'{text}' may be a valid field misused as a const string value"),
            title: format!("`{text}` is a field's name, compared as a text"),
            span,
            help: Some(format!("to compare with the field's value write `val({text})`")),
        });
    }
    let is_call = |name: &&str| {
        bare.strip_prefix(name).is_some_and(|rest| rest.starts_with('(') && rest.ends_with(')'))
    };
    if bracket && condition::TRANSFORMERS.iter().any(|transformer| is_call(&transformer.name)) {
        out.push(Wording {
            message: format!("'{text}' may be a valid field transformer misused as a const string value"),
            title: format!("`{text}` looks like a transformer and is compared as a text"),
            span,
            help: Some("write transformers without quotes".to_owned()),
        });
    }
    if op == Op::Regex && condition::regex_is_plain(value.text) {
        out.push(Wording {
            message: format!(
                "regex check with '{text}' may be optimized with simpler operators such as '=', 'contains', \
                 'startswith', 'endswith'"
            ),
            title: format!("`{text}` is not a pattern: `regex` is a costly way to compare it"),
            span,
            help: Some("`regex` matches the whole value: write `=`".to_owned()),
        });
    }
    out
}
