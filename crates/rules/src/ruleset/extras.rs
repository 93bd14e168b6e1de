//! Additions to the outputs of rules. What is wrong with an addition is reported once, not for each rule.

use std::collections::BTreeMap;

use eyas_fields::{FieldFlags, Schema};

use super::definitions::RawRule;
use super::failure::Failure;
use super::outputs::{CONTAINER_INFO, Wording, container_info, deprecated_in_output};
use super::result::{ErrorCode, LoadError, LoadWarning, WarningCode};
use super::setup::Setup;
use super::warn::deprecated;
use crate::diagnostic::Place;
use crate::output::{Extra, Format, FormatError};

impl Extra {
    fn applies_to(&self, raw: &RawRule) -> bool {
        self.applies(&raw.name, &raw.source, &raw.tags)
    }

    /// Its name in messages.
    fn named(&self) -> &str {
        if self.origin.is_empty() { "an addition to outputs" } else { &self.origin }
    }

    /// The text that it adds to outputs for this schema.
    fn added(&self, schema: &dyn Schema, constants: &[String]) -> String {
        let mut added = String::new();
        if !self.text.is_empty() {
            added = format!(" {}", self.text.replace(CONTAINER_INFO, ""));
        }
        if self.suggested {
            let suggested = schema.fields().iter().filter(|def| def.flags.contains(FieldFlags::SUGGESTED));
            for name in constants.iter().map(String::as_str).chain(suggested.map(|def| def.name)) {
                added.push_str(&format!(" {}=%{name}", name.replace('.', "_")));
            }
        }
        added
    }

    /// Its texts with fields, for this schema.
    fn texts(&self, schema: &dyn Schema, constants: &[String]) -> Vec<String> {
        let of_keys = self.fields.iter().map(|(key, format)| match format {
            Some(format) => format.clone(),
            None => format!("%{key}"),
        });
        std::iter::once(self.added(schema, constants)).chain(of_keys).collect()
    }
}

impl Setup<'_> {
    /// Adds to the text of a rule. Returns the additional keys of `output_fields`.
    pub(super) fn add_extras(&self, raw: &RawRule, text: &mut String) -> Vec<(String, Option<String>)> {
        let mut fields = Vec::new();
        for extra in self.extras.iter().filter(|extra| extra.applies_to(raw)) {
            text.push_str(&extra.added(self.schema, self.constants));
            fields.extend(extra.fields.iter().cloned());
        }
        fields
    }

    /// The failure of a rule whose own output is a format: an addition is none.
    pub(super) fn extra_failure(&self, error: &FormatError, unknown: bool, raw: &RawRule) -> Failure {
        let all = (0..).zip(self.extras).filter(|(_, extra)| extra.applies_to(raw));
        let wording = all.flat_map(|(index, extra)| {
            let texts = extra.texts(self.schema, self.constants).into_iter();
            texts.filter_map(move |text| {
                let error = Format::parse(&text, self.schema).err()?;
                Some((index, extra.named(), Wording::of(&error, &text, self.schema)))
            })
        });
        let problem = LoadError::new(ErrorCode::CompileOutput, error.reference(), &raw.output_context);
        match { wording }.next() {
            Some((index, origin, Wording { title, help, .. })) => {
                let title = title.strip_suffix(" in the output").unwrap_or(&title);
                let error = problem.titled(format!("{origin}: {title}")).of_option().help(help);
                Failure { error, unknown, extra: Some(index) }
            }
            None => {
                let error =
                    problem.titled(error.to_string()).note(raw.place, "added to the output of this rule");
                Failure { error, unknown, extra: None }
            }
        }
    }

    /// Warns once about what is deprecated in each addition: when the first rule that has it is loaded.
    pub(super) fn warn_of_extras(&self, warnings: &mut Vec<LoadWarning>) {
        let each =
            self.schemas.iter().flat_map(|schema| self.extras.iter().map(move |extra| (schema, extra)));
        for (schema, extra) in each {
            let texts = extra.texts(&**schema, &[]);
            let fields = deprecated(&**schema).filter(|def| texts.iter().any(|text| text.contains(def.name)));
            let mut fields = fields.peekable();
            let has_info = extra.text.contains(CONTAINER_INFO);
            if !has_info && fields.peek().is_none() {
                continue;
            }
            let rules = self.tables.rules.iter().filter(|raw| raw.source == schema.source());
            let mut rules = rules.filter(|raw| extra.applies_to(raw));
            let Some(first) = rules.next().filter(|first| self.is_new(first.place)) else { continue };
            let (named, note) = (extra.named(), note(rules.count()));
            let mut warn = |mut problem: LoadWarning, title: String| {
                problem.message.push_str(&format!(" ({named})"));
                warnings.push(problem.titled(title).note(first.place, note.clone()));
            };
            if has_info {
                let title = format!("{named}: `{CONTAINER_INFO}` is deprecated: nothing is written for it");
                warn(container_info(first), title);
            }
            for def in fields {
                let title = format!("{named}: the field `{}` is deprecated", def.name);
                warn(deprecated_in_output(def.name, first), title);
            }
        }
    }

    /// Whether a place is in the file that is being loaded.
    fn is_new(&self, place: Place) -> bool {
        place.file as usize + 1 == self.files.len()
    }

    /// One error for each addition that is no format, or one warning if all its rules may be left out.
    pub(super) fn report_faults(
        &self,
        Faults(faults): Faults,
        warnings: &mut Vec<LoadWarning>,
        errors: &mut Vec<LoadError>,
    ) {
        for Fault { error, place, others, is_skippable } in faults.into_values() {
            let error = error.note(place, note(others));
            match is_skippable {
                false => errors.push(error),
                true if self.is_new(place) => warnings.push(error.into_warning(WarningCode::UnknownFilter)),
                true => {}
            }
        }
    }
}

/// The additions that are no formats, each with the rules that need it.
#[derive(Default)]
pub(super) struct Faults(BTreeMap<u32, Fault>);

struct Fault {
    /// The error of the first rule, whose name is here.
    error: LoadError,
    place: Place,
    /// Number of rules after the first one.
    others: usize,
    /// Whether all rules may be left out if a field is unknown.
    is_skippable: bool,
}

impl Faults {
    /// Notes that a rule does not compile because of the addition at this position.
    pub(super) fn add(&mut self, extra: u32, error: LoadError, raw: &RawRule, is_skippable: bool) {
        let place = raw.place;
        match self.0.get_mut(&extra) {
            Some(fault) => {
                fault.others += 1;
                fault.is_skippable &= is_skippable;
            }
            None => _ = self.0.insert(extra, Fault { error, place, others: 0, is_skippable }),
        }
    }
}

/// The note at the first rule with an addition.
fn note(others: usize) -> String {
    match others {
        0 => "added to the output of this rule".to_owned(),
        1 => "added to the outputs of this rule and of 1 other".to_owned(),
        others => format!("added to the outputs of this rule and of {others} others"),
    }
}
