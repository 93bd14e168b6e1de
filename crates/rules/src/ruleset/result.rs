//! Errors and warnings of loading a rules file.

use std::fmt::Write;
use std::sync::Arc;

use super::schema;
use super::yaml::{At, Mark};
use crate::diagnostic::{self, Diagnostic, Label, Note, Place, Severity, SourceFile};

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($code:ident $text:literal $short:literal,)* }) => {
        $(#[$doc])*
        #[allow(missing_docs)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name { $($code,)* }

        impl $name {
            /// Name, such as `LOAD_UNUSED_LIST`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$code => $text,)* }
            }

            /// A short description.
            pub const fn short(self) -> &'static str {
                match self { $(Self::$code => $short,)* }
            }
        }
    };
}

codes! {
    /// The reason why a file did not load.
    ErrorCode {
        FileRead "LOAD_ERR_FILE_READ" "File read error",
        YamlParse "LOAD_ERR_YAML_PARSE" "YAML parse error",
        YamlValidate "LOAD_ERR_YAML_VALIDATE" "Error validating internal structure of YAML file",
        CompileCondition "LOAD_ERR_COMPILE_CONDITION" "Error compiling condition",
        CompileOutput "LOAD_ERR_COMPILE_OUTPUT" "Error compiling output",
        Validate "LOAD_ERR_VALIDATE" "Error validating rule/macro/list/exception objects",
        Extension "LOAD_ERR_EXTENSION" "Error in extension item",
    }
}

codes! {
    /// Warnings: problems that may not be intended.
    WarningCode {
        UnknownSource "LOAD_UNKNOWN_SOURCE" "Unknown event source",
        UnsafeNaCheck "LOAD_UNSAFE_NA_CHECK" "Unsafe <NA> comparison in condition",
        NoEventType "LOAD_NO_EVTTYPE" "Condition has no event-type restriction",
        UnknownFilter "LOAD_UNKNOWN_FILTER" "Unknown field or event-type in condition or output",
        UnusedMacro "LOAD_UNUSED_MACRO" "Unused macro",
        UnusedList "LOAD_UNUSED_LIST" "Unused list",
        UnknownItem "LOAD_UNKNOWN_ITEM" "Unknown rules file item",
        DeprecatedItem "LOAD_DEPRECATED_ITEM" "Used deprecated item",
        WarningExtension "LOAD_WARNING_EXTENSION" "Warning in extension item",
        AppendNoValues "LOAD_APPEND_NO_VALUES" "Overriding/appending with no values",
        ExceptionNameNotUnique "LOAD_EXCEPTION_NAME_NOT_UNIQUE" "Multiple exceptions defined with the same name",
        InvalidMacroName "LOAD_INVALID_MACRO_NAME" "Invalid macro name",
        InvalidListName "LOAD_INVALID_LIST_NAME" "Invalid list name",
        CompileCondition "LOAD_COMPILE_CONDITION" "Warning in rule condition",
        UnknownKey "LOAD_UNKNOWN_KEY" "Unknown key in item definition",
    }
}

/// A step on the way from the file to the place of a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// Kind of item: `rule`, `condition expression`, ….
    pub item_type: &'static str,
    /// Name of the item.
    pub item_name: String,
    /// File.
    pub file: Arc<str>,
    /// Position in the file.
    pub mark: Mark,
    /// Position in bytes.
    pub(crate) place: Place,
}

/// The way from the file to the place of a problem.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Context {
    /// From the outside inwards.
    pub locations: Vec<Location>,
    /// Lines around the place, with a caret below it.
    pub snippet: String,
}

impl Context {
    /// The file with this place in the order of loading.
    pub(crate) fn root(name: &str, file: u32) -> Self {
        let place = Place { file, ..Place::default() };
        Self::default().with("rules content", "", &name.into(), At { place, ..At::default() })
    }

    fn with(mut self, item_type: &'static str, name: &str, file: &Arc<str>, at: At) -> Self {
        let file = file.clone();
        let location = Location { item_type, item_name: name.into(), file, mark: at.mark, place: at.place };
        self.locations.push(location);
        self
    }

    /// One step further in.
    pub(crate) fn at(&self, item_type: &'static str, name: &str, at: At) -> Self {
        let file = self.locations.first().map(|l| l.file.clone()).unwrap_or_default();
        self.clone().with(item_type, name, &file, at)
    }

    /// Only the outermost step: the file.
    pub(crate) fn root_of(&self) -> Self {
        Self { locations: self.locations.first().cloned().into_iter().collect(), snippet: String::new() }
    }

    /// Place of the innermost step.
    pub(crate) fn place(&self) -> Place {
        self.innermost().map(|l| l.place).unwrap_or_default()
    }

    /// The innermost step.
    pub fn innermost(&self) -> Option<&Location> {
        self.locations.last()
    }

    /// One step further in: a condition, named by the beginning of `written` as Falco does, with the place
    /// marked in its text.
    pub(crate) fn in_condition(&self, condition: &str, written: &str, offset: usize, mark: Mark) -> Self {
        let shown = if written.len() > 20 {
            format!("\"{}...\"", &written[..diagnostic::floor(written, 17)])
        } else {
            format!("\"{written}\"")
        };
        let at = At { mark, place: self.place(), ..At::default() };
        let name = shown.replace(['\n', '\r'], " ").into();
        let mut this = self.clone().with("condition expression", "", &name, at);
        this.snippet = snippet(condition, offset);
        this
    }

    /// Draws the innermost place, unless that was done before.
    pub(crate) fn draw(&mut self, files: &[Arc<SourceFile>]) {
        let place = self.place();
        if let Some(file) = files.get(place.file as usize).filter(|_| self.snippet.is_empty()) {
            self.snippet = snippet(file.text(), place.start as usize);
        }
    }
}

/// The line around a byte, shortened if it is long, with a caret below it, as Falco draws it.
fn snippet(text: &str, at: usize) -> String {
    const HALF: usize = 80;
    let mut pos = diagnostic::floor(text, at.min(text.len().saturating_sub(1)));
    while pos > 0 && text.as_bytes()[pos] == b'\n' {
        pos = diagnostic::floor(text, pos - 1);
    }
    let start = text[..pos].rfind('\n').map_or(0, |at| at + 1);
    let end = text[pos..].find('\n').map_or(text.len(), |len| pos + len);
    let from = start.max(diagnostic::floor(text, pos.saturating_sub(HALF)));
    let to = end.min(diagnostic::floor(text, pos + HALF + 1)).max(from);
    let mut line = text[from..to].to_owned();
    if line.is_empty() {
        return "<No context available>\n".to_owned();
    }
    if from > start {
        line.replace_range(..diagnostic::floor(&line, 3), "...");
    }
    if to < end {
        line.truncate(diagnostic::floor(&line, line.len() - 3));
        line.push_str("...");
    }
    format!("{line}\n{}^\n", " ".repeat(text[from..pos].chars().count()))
}

/// An error or a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem<C> {
    /// Kind of the problem.
    pub code: C,
    /// The message, for programs that read Falco's messages.
    pub message: String,
    /// Position of the problem.
    pub context: Context,
    /// The deprecated field, if it is about one.
    pub deprecated_field: Option<&'static str>,
    shown: Box<Shown>,
}

/// The parts of a problem that users see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Shown {
    /// The message, if it differs.
    title: Option<String>,
    notes: Vec<Note>,
    help: Vec<String>,
    labels: Vec<Label>,
    /// Whether an option of loading is at fault, not the file.
    of_option: bool,
}

impl<C> Problem<C> {
    pub(crate) fn new(code: C, message: impl Into<String>, context: &Context) -> Self {
        let (message, context) = (message.into(), context.clone());
        Self { code, message, context, deprecated_field: None, shown: Box::default() }
    }

    /// Sets the deprecated field.
    pub(crate) fn of_field(mut self, field: &'static str) -> Self {
        self.deprecated_field = Some(field);
        self
    }

    /// The title that diagnostics show.
    pub(crate) fn titled(mut self, title: impl Into<String>) -> Self {
        self.shown.title = Some(title.into());
        self
    }

    /// Marks it as the fault of an option of loading.
    pub(crate) fn of_option(mut self) -> Self {
        self.shown.of_option = true;
        self
    }

    /// Whether an option of loading is at fault, such as [`Extra`](crate::Extra), and not the file.
    pub fn is_of_option(&self) -> bool {
        self.shown.of_option
    }

    /// Adds a place; the first one is the primary place, which is the innermost step by default.
    pub(crate) fn note(mut self, place: Place, text: impl Into<String>) -> Self {
        self.shown.notes.push(Note::new(place, text));
        self
    }

    pub(crate) fn notes(mut self, notes: impl IntoIterator<Item = Note>) -> Self {
        self.shown.notes.extend(notes);
        self
    }

    /// Adds advice.
    pub(crate) fn help(mut self, help: impl IntoIterator<Item = String>) -> Self {
        self.shown.help.extend(help);
        self
    }

    /// Finds its places in the files.
    pub(crate) fn resolve(&mut self, files: &[Arc<SourceFile>]) {
        if self.shown.notes.is_empty() {
            self.shown.notes.push(Note::new(self.context.place(), ""));
        }
        self.shown.labels = diagnostic::labels(&self.shown.notes, files);
    }

    fn diagnostic(&self, code: &'static str, severity: Severity) -> Diagnostic {
        Diagnostic {
            code,
            severity,
            message: self.shown.title.clone().unwrap_or_else(|| self.message.clone()),
            labels: self.shown.labels.clone(),
            help: self.shown.help.clone(),
        }
    }
}

impl Problem<ErrorCode> {
    /// The same as a warning.
    pub(crate) fn into_warning(self, code: WarningCode) -> LoadWarning {
        let Self { message, context, deprecated_field, shown, .. } = self;
        Problem { code, message, context, deprecated_field, shown }
    }

    /// The diagnostic for users.
    pub fn to_diagnostic(&self) -> Diagnostic {
        self.diagnostic(self.code.code(), Severity::Error)
    }
}

impl std::fmt::Display for Problem<ErrorCode> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.to_diagnostic().fmt(f)
    }
}

impl std::error::Error for Problem<ErrorCode> {}

impl Problem<WarningCode> {
    /// The diagnostic for users.
    pub fn to_diagnostic(&self) -> Diagnostic {
        self.diagnostic(self.code.code(), Severity::Warning)
    }
}

/// An error of a rules file.
pub type LoadError = Problem<ErrorCode>;
/// A warning about a rules file.
pub type LoadWarning = Problem<WarningCode>;

/// The result of loading a rules file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadResult {
    /// The file.
    pub name: String,
    /// Errors; empty if the file loaded.
    pub errors: Vec<LoadError>,
    /// Warnings: problems that may not be intended.
    pub warnings: Vec<LoadWarning>,
    /// The result of the validation with Falco's JSON schema of rules files, which does not affect loading: a line for
    /// each mismatch, or `ok` for a document that matches the schema; empty if there is no document.
    pub schema: Vec<String>,
    /// Falco's message about the first plugin that the file requires and that is not loaded.
    pub(crate) unmet: Option<String>,
    /// Errors after the first one, which Falco does not report.
    pub(crate) further: Vec<LoadError>,
    /// Repeated keys of a mapping, which Falco does not report.
    pub(crate) repeated: Vec<Diagnostic>,
}

impl LoadResult {
    /// Errors and then warnings, for users. [`LoadResult::errors`] contains only the first error, as in
    /// Falco; this function also returns errors of later items and rules.
    pub fn diagnostics(&self) -> impl Iterator<Item = Diagnostic> + '_ {
        let errors = self.errors.iter().chain(&self.further).map(LoadError::to_diagnostic);
        let warnings = self.warnings.iter().map(LoadWarning::to_diagnostic);
        errors.chain(warnings).chain(self.repeated.iter().cloned())
    }

    /// Repeated keys of a mapping: the first value is used, and the other is ignored.
    pub fn repeated_keys(&self) -> &[Diagnostic] {
        &self.repeated
    }

    /// Falco's message about the first requirement of the file that is not met: a plugin that is not loaded,
    /// or a version of a plugin.
    pub fn unmet_requirement(&self) -> Option<&str> {
        self.unmet.as_deref()
    }

    /// `ok`, `none` if there was nothing to validate, or the first mismatch with the schema.
    pub fn schema_validation(&self) -> &str {
        self.schema.first().map_or("none", String::as_str)
    }

    /// Whether the file loaded.
    pub fn successful(&self) -> bool {
        self.errors.is_empty()
    }

    /// One line: the file, whether it is valid, and the codes of its problems.
    pub fn summary(&self) -> String {
        let mut out = format!("{}: {}", self.name, if self.successful() { "Ok" } else { "Invalid" });
        if self.successful() && !self.warnings.is_empty() {
            out.push_str(", with warnings");
        }
        out
    }

    /// The schema's mismatches, and all errors and warnings with their places, as Falco writes them.
    pub fn verbose(&self) -> String {
        let mut out = self.summary();
        out.push('\n');
        if !self.schema.is_empty() && self.schema_validation() != schema::OK {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{} Schema warnings:", self.schema.len());
            for line in &self.schema {
                let _ = write!(out, "------\n{line}\n");
            }
            out.push_str("------\n");
        }
        if !self.errors.is_empty() {
            let _ = writeln!(out, "{} Errors:", self.errors.len());
        }
        for e in &self.errors {
            describe(&mut out, &e.context, e.code.code(), e.code.short(), &e.message);
        }
        if !self.warnings.is_empty() {
            let _ = writeln!(out, "{} Warnings:", self.warnings.len());
        }
        for w in &self.warnings {
            describe(&mut out, &w.context, w.code.code(), w.code.short(), &w.message);
        }
        out
    }

    /// The result as one JSON object, as Falco writes it.
    pub fn to_json(&self) -> String {
        let mut out = String::from("{\"errors\":[");
        for (i, e) in self.errors.iter().enumerate() {
            json_problem(&mut out, i, e, e.code.code(), e.code.short());
        }
        out.push_str("],\"name\":");
        crate::json::quoted(&mut out, &self.name);
        if !self.schema.is_empty() {
            let valid = self.schema_validation() == schema::OK;
            let _ = write!(out, ",\"schema_valid\":{valid},\"schema_warnings\":[");
            for (i, line) in self.schema.iter().filter(|_| !valid).enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                crate::json::quoted(&mut out, line);
            }
            out.push(']');
        }
        let _ = write!(out, ",\"successful\":{},\"warnings\":[", self.successful());
        for (i, w) in self.warnings.iter().enumerate() {
            json_problem(&mut out, i, w, w.code.code(), w.code.short());
        }
        out.push_str("]}");
        out
    }
}

fn describe(out: &mut String, context: &Context, code: &str, short: &str, message: &str) {
    for (depth, l) in context.locations.iter().enumerate() {
        let of = if l.item_name.is_empty() { String::new() } else { format!(" '{}'", l.item_name) };
        let lead = if depth == 0 { "In " } else { "    " };
        let (line, column) = (l.mark.line, l.mark.column);
        let _ = writeln!(out, "{lead}{}{of}: ({}:{line}:{column})", l.item_type, l.file);
    }
    let _ = write!(out, "------\n{}------\n{code} ({short}): {message}\n", context.snippet);
}

fn json_problem<C>(out: &mut String, index: usize, problem: &Problem<C>, code: &str, short: &str) {
    use crate::json::quoted;
    let Problem { message, context, deprecated_field, .. } = problem;
    if index > 0 {
        out.push(',');
    }
    let _ = write!(out, "{{\"code\":\"{code}\",\"codedesc\":\"{short}\",\"context\":{{\"locations\":[");
    for (i, l) in context.locations.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        out.push_str("{\"item_name\":");
        quoted(out, &l.item_name);
        let _ = write!(
            out,
            ",\"item_type\":\"{}\",\"position\":{{\"column\":{},\"line\":{},\"name\":",
            l.item_type, l.mark.column, l.mark.line
        );
        quoted(out, &l.file);
        let _ = write!(out, ",\"offset\":{}}}}}", l.mark.offset);
    }
    out.push_str("],\"snippet\":");
    quoted(out, &context.snippet);
    out.push('}');
    if let Some(field) = deprecated_field {
        out.push_str(",\"deprecated_field\":");
        quoted(out, field);
    }
    out.push_str(",\"message\":");
    quoted(out, message);
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snippet_is_a_line_with_a_caret() {
        assert_eq!(snippet("ab\ncd e\nf", 6), "cd e\n   ^\n");
        assert_eq!(snippet("ab\n", 2), "ab\n ^\n", "an end of line: what is before it");
        assert_eq!(snippet("ab", 100), "ab\n ^\n");
        assert_eq!(snippet("", 0), "<No context available>\n");
        let long = snippet(&"é".repeat(1000), 1000);
        let (line, caret) = long.split_once('\n').unwrap();
        assert!(line.starts_with("...") && line.ends_with("...") && line.len() < 180, "{line}");
        assert_eq!(caret.trim_start_matches(' '), "^\n");
    }
}
