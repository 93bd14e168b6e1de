//! Compiles definitions to conditions and formats, with Falco's errors and warnings.

use std::sync::Arc;

use super::compilation::{Compilation, Compiled, Known, Seen};
use super::conditions::{condition_error, parse_condition};
use super::definitions::RawRule;
use super::failure::Failure;
use super::macros::Host;
use super::result::{ErrorCode, LoadError, LoadWarning, Problem, WarningCode};
use super::setup::{MANY_CODES, Setup};
use super::warn::WarnCx;
use super::{exceptions, lint};
use crate::condition::{CompileErrorKind, Compiler};

impl Compilation {
    /// Compiles a rule; `seen` becomes the names that it uses.
    pub(super) fn compile_rule(
        &mut self,
        raw: &Arc<RawRule>,
        setup: &Setup<'_>,
        (compiler, known): &mut (Compiler<'_>, Known),
        warnings: &mut Vec<LoadWarning>,
        seen: &mut Seen,
    ) -> Result<Compiled, Failure> {
        let Self { lists, macros, sources, .. } = self;
        let schema = setup.schema;
        let text = exceptions::apply(&raw.condition, &raw.exceptions, &raw.context)?;
        let (output_text, format) = setup.output(raw, warnings)?;
        let written = text.as_str().to_owned();
        let text = lists.substitute(text, &setup.tables.lists, &mut seen.lists).map_err(|why| {
            LoadError::new(ErrorCode::Validate, why, &raw.condition_context).note(raw.place, "in this rule")
        })?;
        let source = sources.push(text.written_as(&written), None);
        seen.text = Some(source);
        let host = Host { kind: "rule", name: &raw.name, context: &raw.context, place: raw.place };
        let (expr, named) = {
            let written = parse_condition(sources, source, &raw.condition_context, schema)?;
            macros.expand(&written, host, setup.tables, sources)?
        };
        seen.macros = named.iter().map(|(index, _)| *index).collect();
        seen.macros.sort_unstable();
        seen.macros.dedup();
        sources.set_names(source, named);
        let mut look = WarnCx::new(schema, raw, source, sources, warnings);
        look.for_no_value(&expr);
        look.for_deprecated(&expr, &known.quiet);
        let root = compiler.add(&expr).map_err(|e| Failure {
            unknown: matches!(e.kind, CompileErrorKind::UnknownField | CompileErrorKind::UnknownEventType),
            extra: None,
            error: condition_error(&e, sources, source, &raw.condition_context, schema),
        })?;
        look.for_confusions(&expr, &mut known.quiet);
        let codes = known.codes.of(&expr, schema).intersection(&schema.occurring());
        // A condition that no event satisfies costs nothing, and placeholders such as `never_true` are
        // intended.
        let is_many = codes.count() > MANY_CODES;
        if raw.warn_evttypes && schema.codes() > MANY_CODES && is_many {
            let message =
                "Rule matches too many evt.type values. This has a significant performance penalty.";
            let problem = Problem::new(WarningCode::NoEventType, message, &raw.context);
            let notes = lint::everything(&expr, schema, |span, word| sources.notes(span, source, word));
            warnings.push(no_event_type(problem, raw).notes(notes));
        }
        let (raw, expr, format) = (raw.clone(), expr.into(), format.into());
        Ok(Compiled { raw, expr, root, codes, source, output_text, format })
    }
}

fn no_event_type(problem: LoadWarning, raw: &RawRule) -> LoadWarning {
    problem
        .titled(format!("the rule `{}` is tested on events of very many types", raw.name))
        .note(raw.place, "")
        .help(["add a test of `evt.type`, or `warn_evttypes: false` if it is meant so".to_owned()])
}
