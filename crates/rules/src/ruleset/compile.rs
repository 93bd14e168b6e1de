//! Compiles definitions to conditions and formats, with Falco's errors and warnings.

use std::ops::Range;
use std::sync::Arc;

use eyas_fields::{FieldFlags, Schema};

use super::compilation::{Compilation, Compiled, Failure, Known, Seen};
use super::conditions::{condition_error, parse_condition};
use super::definitions::RawRule;
use super::macros::Host;
use super::result::{ErrorCode, LoadError, LoadWarning, Problem, WarningCode};
use super::setup::{MANY_CODES, Setup};
use super::warn::{WarnCx, deprecated};
use super::{exceptions, lint};
use crate::condition::ast::Operand;
use crate::condition::{CompileErrorKind, Compiler, Source, operand_prefix, transformer_names};
use crate::diagnostic::SourceFile;
use crate::diagnostic::condition::field_names;
use crate::diagnostic::suggest::did_you_mean;
use crate::output::{Format, FormatError};

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

impl Setup<'_> {
    /// The rule's output with all additions.
    fn output(&self, raw: &RawRule, warnings: &mut Vec<LoadWarning>) -> Result<(String, Format), Failure> {
        let schema = self.schema;
        let written = raw.output.as_str();
        let mut text = written.to_owned();
        let place = |word: &str| {
            let at = written.find(word).unwrap_or_default();
            raw.output.notes(at..at + word.len(), "", self.files)
        };
        if text.contains("%container.info") {
            let message = "%container.info is deprecated and no more useful, and will be dropped by Falco 1.0.0. \
                           The container plugin will automatically add required fields to the output message.";
            let problem = Problem::new(WarningCode::DeprecatedItem, message, &raw.context)
                .titled("`%container.info` is deprecated: nothing is written for it")
                .notes(place("%container.info"))
                .help(["drop it, or name the fields that you want".to_owned()]);
            warnings.push(problem);
            text = text.replace("%container.info", "");
        }
        let kept = text == written;
        let extras = self.extras.iter().filter(|e| e.applies(&raw.name, &raw.source, &raw.tags));
        let mut fields = Vec::new();
        for extra in extras {
            if !extra.text.is_empty() {
                text.push(' ');
                text.push_str(&extra.text);
            }
            if extra.suggested {
                let suggested = schema.fields().iter().filter(|d| d.flags.contains(FieldFlags::SUGGESTED));
                let constants = self.constants.iter().map(String::as_str);
                for name in constants.chain(suggested.map(|def| def.name)) {
                    text.push_str(&format!(" {}=%{name}", name.replace('.', "_")));
                }
            }
            fields.extend(extra.fields.iter().cloned());
        }
        let failure = |e: &FormatError, unknown| Failure {
            unknown,
            error: output_error(e, raw, if kept { written } else { "" }, self.files, schema),
        };
        let format = Format::compile(&text, &[], schema).map_err(|e| failure(&e, e.unknown))?;
        let mut texts = vec![text.as_str()];
        texts.extend(fields.iter().map(|(key, format)| format.as_deref().unwrap_or(key)));
        for (text, def) in texts.iter().flat_map(|text| deprecated(schema).map(move |def| (text, def))) {
            if !text.contains(def.name) {
                continue;
            }
            let message =
                format!("usage of deprecated field '{}' has been detected in the rule output", def.name);
            let problem = Problem::new(WarningCode::DeprecatedItem, message, &raw.output_context)
                .of_field(def.name)
                .titled(format!("the field `{}` is deprecated", def.name));
            let notes = if written.contains(def.name) { place(def.name) } else { Vec::new() };
            warnings.push(problem.notes(notes));
        }
        if fields.is_empty() {
            return Ok((text, format.with_buffers(self.buffers)));
        }
        let format = Format::compile(&text, &fields, schema).map_err(|e| failure(&e, false))?;
        Ok((text, format.with_buffers(self.buffers)))
    }
}

/// The error for an output that is no format. `written` is the rule's own text, or empty if it was changed.
fn output_error(
    error: &FormatError,
    raw: &RawRule,
    written: &str,
    files: &[Arc<SourceFile>],
    schema: &dyn Schema,
) -> LoadError {
    let message = error.to_string();
    let problem = LoadError::new(ErrorCode::CompileOutput, error.reference(), &raw.output_context);
    // The compiled text does not contain a leading star.
    let at = error.offset + usize::from(written.starts_with('*'));
    let Some(token) = written.get(at..).and_then(|rest| rest.strip_prefix('%')) else {
        return problem
            .titled(message)
            .note(raw.place, "in the output of this rule, or in what is appended to it");
    };
    if let Some((name, span)) = unknown_argument(token, schema) {
        let span = at + 1 + span.start..at + 1 + span.end;
        return problem
            .titled(format!("unknown field `{name}` in the output"))
            .notes(raw.output.notes(span, "", files))
            .help(did_you_mean(name, field_names(schema)));
    }
    let ends = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '[' | ']'));
    let len = token.find(ends).unwrap_or(token.len());
    let name = token[..len].trim_start_matches(|c: char| c.is_ascii_digit());
    if token[len..].starts_with('(') && transformer_names().any(|known| known == name) {
        return problem
            .titled(format!("`{name}` in the output has no valid arguments"))
            .notes(raw.output.notes(at..at + 1 + len, "", files))
            .help([format!("write `%{name}(FIELD)`, without blanks before the `(`")]);
    }
    let title = match error.unknown && !name.is_empty() && message.starts_with("unknown filter") {
        true => format!("unknown field `{name}` in the output"),
        false => message,
    };
    let plain = name.split('[').next().unwrap_or_default().trim_end_matches('.');
    problem
        .titled(title)
        .notes(raw.output.notes(at..at + 1 + len, "", files))
        .help(did_you_mean(plain, field_names(schema)))
}

/// The unknown field among the arguments of the transformer with which the text begins, and its place.
fn unknown_argument<'t>(token: &'t str, schema: &dyn Schema) -> Option<(&'t str, Range<usize>)> {
    let (operand @ Operand::Call(_), _) = operand_prefix(token).ok()? else { return None };
    let error = Source::resolve(&operand, schema).err()?;
    let span = error.span.start as usize..error.span.end as usize;
    let name = token.get(span.clone()).filter(|_| error.kind == CompileErrorKind::UnknownField)?;
    Some((name, span))
}

fn no_event_type(problem: LoadWarning, raw: &RawRule) -> LoadWarning {
    problem
        .titled(format!("the rule `{}` is tested on events of very many types", raw.name))
        .note(raw.place, "")
        .help(["add a test of `evt.type`, or `warn_evttypes: false` if it is meant so".to_owned()])
}
