//! What loading a rules file says.

use std::fmt::Write;

use super::yaml::Mark;

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

            /// A few words about it.
            pub const fn short(self) -> &'static str {
                match self { $(Self::$code => $short,)* }
            }
        }
    };
}

codes! {
    /// Why a file did not load.
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
    /// What may not be meant.
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
        UnknownKey "LOAD_UNKNOWN_KEY" "Unknown key in item",
    }
}

/// A step on the way from the file to the place of a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// What it is: `rule`, `condition expression`, ….
    pub item_type: &'static str,
    /// Which one.
    pub item_name: String,
    /// File.
    pub file: String,
    /// Where.
    pub mark: Mark,
}

/// The way from the file to the place of a problem.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// From the outside inwards.
    pub locations: Vec<Location>,
    /// Lines around the place, with a caret below it.
    pub snippet: String,
}

impl Context {
    pub(crate) fn root(file: &str) -> Self {
        let mark = Mark::default();
        Self::default().with("rules content", "", file, mark)
    }

    fn with(mut self, item_type: &'static str, name: &str, file: &str, mark: Mark) -> Self {
        self.locations.push(Location { item_type, item_name: name.into(), file: file.into(), mark });
        self
    }

    /// One step further in.
    pub(crate) fn at(&self, item_type: &'static str, name: &str, mark: Mark) -> Self {
        let file = self.locations.first().map(|l| l.file.clone()).unwrap_or_default();
        self.clone().with(item_type, name, &file, mark)
    }

    /// The innermost step.
    pub fn innermost(&self) -> Option<&Location> {
        self.locations.last()
    }

    pub(crate) fn draw(&mut self, text: &str) {
        let Some(mark) = self.innermost().map(|l| l.mark) else { return };
        if let Some(line) = text.lines().nth(mark.line) {
            let line: String = line.chars().take(160).collect();
            self.snippet = format!("{line}\n{}^\n", " ".repeat(mark.column.min(160)));
        }
    }
}

/// An error or a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem<C> {
    /// What kind.
    pub code: C,
    /// The sentence.
    pub message: String,
    /// Where.
    pub context: Context,
}

impl<C> Problem<C> {
    pub(crate) fn new(code: C, message: impl Into<String>, context: &Context) -> Self {
        Self { code, message: message.into(), context: context.clone() }
    }
}

/// An error of a rules file.
pub type LoadError = Problem<ErrorCode>;
/// A warning about a rules file.
pub type LoadWarning = Problem<WarningCode>;

/// What became of a rules file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadResult {
    /// The file.
    pub name: String,
    /// Why it did not load; empty if it did.
    pub errors: Vec<LoadError>,
    /// What may not be meant.
    pub warnings: Vec<LoadWarning>,
}

impl LoadResult {
    /// Whether the file loaded.
    pub fn successful(&self) -> bool {
        self.errors.is_empty()
    }

    /// One line: the file, whether it is valid, and the codes of what is wrong.
    pub fn summary(&self) -> String {
        let mut out = format!("{}: {}", self.name, if self.successful() { "Ok" } else { "Invalid" });
        if self.successful() && !self.warnings.is_empty() {
            out.push_str(", with warnings");
        }
        out
    }

    /// All errors and warnings with their places.
    pub fn verbose(&self) -> String {
        let mut out = self.summary();
        out.push('\n');
        let list = |out: &mut String, count: usize, what: &str| {
            if count > 0 {
                // Writing to a String cannot fail.
                let _ = writeln!(out, "{count} {what}:");
            }
        };
        list(&mut out, self.errors.len(), "Errors");
        self.errors
            .iter()
            .for_each(|e| describe(&mut out, &e.context, e.code.code(), e.code.short(), &e.message));
        list(&mut out, self.warnings.len(), "Warnings");
        for w in &self.warnings {
            describe(&mut out, &w.context, w.code.code(), w.code.short(), &w.message);
        }
        out
    }

    /// The result as one JSON object, as Falco writes it.
    pub fn to_json(&self) -> String {
        let mut out = String::from("{\"errors\":[");
        for (i, e) in self.errors.iter().enumerate() {
            json_problem(&mut out, i, &e.context, e.code.code(), e.code.short(), &e.message);
        }
        out.push_str("],\"name\":");
        crate::alert::json_text(&mut out, &self.name);
        let _ = write!(out, ",\"successful\":{},\"warnings\":[", self.successful());
        for (i, w) in self.warnings.iter().enumerate() {
            json_problem(&mut out, i, &w.context, w.code.code(), w.code.short(), &w.message);
        }
        out.push_str("]}");
        out
    }
}

fn describe(out: &mut String, context: &Context, code: &str, short: &str, message: &str) {
    for (depth, l) in context.locations.iter().enumerate() {
        let indent = "    ".repeat(depth);
        let name = if l.item_name.is_empty() { String::new() } else { format!(" '{}'", l.item_name) };
        let lead = if depth == 0 { "In " } else { "" };
        let (line, column) = (l.mark.line, l.mark.column);
        let _ = writeln!(out, "{indent}{lead}{}{name}: ({}:{line}:{column})", l.item_type, l.file);
    }
    if !context.snippet.is_empty() {
        let _ = write!(out, "------\n{}------\n", context.snippet);
    }
    let _ = writeln!(out, "{code} ({short}): {message}");
}

fn json_problem(out: &mut String, index: usize, context: &Context, code: &str, short: &str, message: &str) {
    use crate::alert::json_text;
    if index > 0 {
        out.push(',');
    }
    let _ = write!(out, "{{\"code\":\"{code}\",\"codedesc\":\"{short}\",\"context\":{{\"locations\":[");
    for (i, l) in context.locations.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        out.push_str("{\"item_name\":");
        json_text(out, &l.item_name);
        let _ = write!(
            out,
            ",\"item_type\":\"{}\",\"position\":{{\"column\":{},\"line\":{},\"name\":",
            l.item_type, l.mark.column, l.mark.line
        );
        json_text(out, &l.file);
        let _ = write!(out, ",\"offset\":{}}}}}", l.mark.offset);
    }
    out.push_str("],\"snippet\":");
    json_text(out, &context.snippet);
    out.push_str("},\"message\":");
    json_text(out, message);
    out.push('}');
}
