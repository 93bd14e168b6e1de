//! Compiles outputs of rules, with Falco's errors and warnings.

use std::ops::Range;

use eyas_fields::Schema;

use super::definitions::RawRule;
use super::failure::Failure;
use super::result::{ErrorCode, LoadError, LoadWarning, Problem, WarningCode};
use super::setup::Setup;
use super::warn::deprecated;
use crate::condition::ast::Operand;
use crate::condition::{CompileErrorKind, Source, operand_prefix, transformer_names};
use crate::diagnostic::condition::field_names;
use crate::diagnostic::suggest::did_you_mean;
use crate::output::{Format, FormatError};

impl Setup<'_> {
    /// The rule's output with all additions.
    pub(super) fn output(
        &self,
        raw: &RawRule,
        warnings: &mut Vec<LoadWarning>,
    ) -> Result<(String, Format), Failure> {
        let schema = self.schema;
        let written = raw.output.as_str();
        let mut text = written.to_owned();
        let place = |word: &str| {
            let at = written.find(word).unwrap_or_default();
            raw.output.notes(at..at + word.len(), "", self.files)
        };
        if text.contains(CONTAINER_INFO) {
            warnings.push(container_info(raw).notes(place(CONTAINER_INFO)));
            text = text.replace(CONTAINER_INFO, "");
        }
        let own = text.clone();
        let fields = self.add_extras(raw, &mut text);
        let failure = |e: &FormatError, unknown| match Format::parse(&own, schema) {
            Ok(_) => self.extra_failure(e, unknown, raw),
            Err(_) => {
                let error = self.output_error(e, raw, if own == written { written } else { "" });
                Failure { unknown, error, extra: None }
            }
        };
        let format = Format::compile(&text, &[], schema).map_err(|e| failure(&e, e.unknown))?;
        for def in deprecated(schema).filter(|def| own.contains(def.name)) {
            let problem = deprecated_in_output(def.name, raw);
            warnings.push(problem.notes(place(def.name)));
        }
        if fields.is_empty() {
            return Ok((text, format.with_buffers(self.buffers)));
        }
        let format = Format::compile(&text, &fields, schema).map_err(|e| failure(&e, false))?;
        Ok((text, format.with_buffers(self.buffers)))
    }

    /// The error for an output that is no format. `written` is the rule's own text, or empty if it was changed.
    fn output_error(&self, error: &FormatError, raw: &RawRule, written: &str) -> LoadError {
        let problem = LoadError::new(ErrorCode::CompileOutput, error.reference(), &raw.output_context);
        let Wording { title, span, help } = Wording::of(error, written, self.schema);
        let problem = problem.titled(title).help(help);
        match span {
            Some(span) => problem.notes(raw.output.notes(span, "", self.files)),
            None => problem.note(raw.place, "in the output of this rule"),
        }
    }
}

/// A part of outputs for which Falco writes nothing any more.
pub(super) const CONTAINER_INFO: &str = "%container.info";

/// The warning about [`CONTAINER_INFO`] in the output of a rule.
pub(super) fn container_info(raw: &RawRule) -> LoadWarning {
    let message = "%container.info is deprecated and no more useful, and will be dropped by Falco 1.0.0. \
                   The container plugin will automatically add required fields to the output message.";
    Problem::new(WarningCode::DeprecatedItem, message, &raw.context)
        .titled("`%container.info` is deprecated: nothing is written for it")
        .help(["drop it, or name the fields that you want".to_owned()])
}

/// The warning about a deprecated field in the output of a rule.
pub(super) fn deprecated_in_output(field: &'static str, raw: &RawRule) -> LoadWarning {
    let message = format!("usage of deprecated field '{field}' has been detected in the rule output");
    Problem::new(WarningCode::DeprecatedItem, message, &raw.output_context)
        .of_field(field)
        .titled(format!("the field `{field}` is deprecated"))
}

/// What users read about a text that is no format.
pub(super) struct Wording {
    pub(super) title: String,
    /// The part of the text that is wrong, if it is known.
    pub(super) span: Option<Range<usize>>,
    pub(super) help: Option<String>,
}

impl Wording {
    /// The words for the error of a text.
    pub(super) fn of(error: &FormatError, written: &str, schema: &dyn Schema) -> Self {
        let message = error.to_string();
        // The compiled text does not contain a leading star.
        let at = error.offset + usize::from(written.starts_with('*'));
        let Some(token) = written.get(at..).and_then(|rest| rest.strip_prefix('%')) else {
            return Self { title: message, span: None, help: None };
        };
        if let Some((name, span)) = unknown_argument(token, schema) {
            return Self {
                title: format!("unknown field `{name}` in the output"),
                span: Some(at + 1 + span.start..at + 1 + span.end),
                help: did_you_mean(name, field_names(schema)),
            };
        }
        let ends = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '[' | ']'));
        let len = token.find(ends).unwrap_or(token.len());
        let name = token[..len].trim_start_matches(|c: char| c.is_ascii_digit());
        let span = Some(at..at + 1 + len);
        if token[len..].starts_with('(') && transformer_names().any(|known| known == name) {
            let help = format!("write `%{name}(FIELD)`, without blanks before the `(`");
            let title = format!("`{name}` in the output has no valid arguments");
            return Self { title, span, help: Some(help) };
        }
        let title = match error.unknown && !name.is_empty() && message.starts_with("unknown filter") {
            true => format!("unknown field `{name}` in the output"),
            false => message,
        };
        let plain = name.split('[').next().unwrap_or_default().trim_end_matches('.');
        Self { title, span, help: did_you_mean(plain, field_names(schema)) }
    }
}

/// The unknown field among the arguments of the transformer with which the text begins, and its place.
fn unknown_argument<'t>(token: &'t str, schema: &dyn Schema) -> Option<(&'t str, Range<usize>)> {
    let (operand @ Operand::Call(_), _) = operand_prefix(token).ok()? else { return None };
    let error = Source::resolve(&operand, schema).err()?;
    let span = error.span.start as usize..error.span.end as usize;
    let name = token.get(span.clone()).filter(|_| error.kind == CompileErrorKind::UnknownField)?;
    Some((name, span))
}
