//! Descriptions of plugins.

use std::fmt;
use std::str::FromStr;

use eyas_events::EventType;
use eyas_fields::FieldType;

use super::PluginError;

/// Name of the source of system calls, which always exists.
pub const SYSCALL: &str = "syscall";

/// Description of a plugin.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct PluginInfo {
    /// Name: unique in an inspector.
    pub name: String,
    /// Version.
    pub version: Version,
    /// One sentence.
    pub description: String,
    /// Contact of its authors.
    pub contact: String,
    /// Its own event source: the id in its events, and the name. `None` for plugins without a source, and
    /// for those whose source yields system call events.
    pub source: Option<SourceName>,
    /// The capabilities of the plugin.
    pub capabilities: Capabilities,
    /// Its fields; [`Wanted::field`](super::Wanted::field) is the index.
    pub fields: Vec<PluginField>,
    /// Sources of events that have its fields. Empty: all, or only its own source if it has one.
    pub extract_sources: Vec<String>,
    /// Sources of events that it parses; empty as above.
    pub parse_sources: Vec<String>,
    /// Sources that it sends asynchronous events to; empty as above.
    pub async_sources: Vec<String>,
    /// Names of its asynchronous events.
    pub async_names: Vec<String>,
    /// JSON schema of its configuration, if it has one.
    pub config_schema: Option<String>,
}

impl PluginInfo {
    /// A plugin with this name and version, without capabilities.
    pub fn new(name: impl Into<String>, version: Version) -> Self {
        Self { name: name.into(), version, ..Self::default() }
    }

    /// With its own event source. `id` is the number in its events: registered ones are in the public
    /// registry of plugins, 999 is for development.
    #[must_use]
    pub fn with_source(mut self, id: u32, name: impl Into<String>) -> Self {
        self.source = Some(SourceName { id, name: name.into() });
        self.capabilities.sourcing = true;
        self
    }

    /// Sets the fields.
    #[must_use]
    pub fn with_fields(mut self, fields: Vec<PluginField>) -> Self {
        self.fields = fields;
        self.capabilities.extraction = true;
        self
    }

    /// The sources of a declared list, with its own source; an empty list means all.
    fn sources<'a>(&'a self, declared: &'a [String]) -> impl Iterator<Item = &'a str> {
        declared.iter().map(String::as_str).chain(self.source.as_ref().map(|own| own.name.as_str()))
    }

    fn is_of(&self, declared: &[String], source: &str) -> bool {
        let mut sources = self.sources(declared).peekable();
        sources.peek().is_none() || sources.any(|name| name == source)
    }

    /// Whether events of this source have its fields.
    pub fn extracts_from(&self, source: &str) -> bool {
        self.capabilities.extraction && self.is_of(&self.extract_sources, source)
    }

    /// Whether it parses events of this source.
    pub fn parses(&self, source: &str) -> bool {
        self.capabilities.parsing && self.is_of(&self.parse_sources, source)
    }

    /// Whether it may send asynchronous events into a capture of this source.
    pub fn sends_to(&self, source: &str) -> bool {
        self.capabilities.async_events && self.is_of(&self.async_sources, source)
    }

    /// Whether it yields the events of this source.
    pub fn is_input_of(&self, source: &str) -> bool {
        self.capabilities.sourcing && self.source.as_ref().map_or(SYSCALL, |own| own.name.as_str()) == source
    }

    /// The event types of a plugin that declares none: all if it takes system call events, otherwise only
    /// plugin events. `declared` are its declared sources.
    pub fn default_types(&self, declared: &[String]) -> Vec<u16> {
        if self.is_of(declared, SYSCALL) {
            (0..EventType::COUNT as u16).collect()
        } else {
            vec![EventType::PLUGINEVENT_E.0]
        }
    }
}

/// An event source of a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceName {
    /// Id in its events; not 0.
    pub id: u32,
    /// Its name in rules.
    pub name: String,
}

/// Capabilities of a plugin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// [`Sourcing`](super::Sourcing)
    pub sourcing: bool,
    /// [`Extraction`](super::Extraction)
    pub extraction: bool,
    /// [`Parsing`](super::Parsing)
    pub parsing: bool,
    /// [`AsyncEvents`](super::AsyncEvents)
    pub async_events: bool,
    /// [`Listening`](super::Listening)
    pub listening: bool,
}

/// A version: major, minor, patch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub [u32; 3]);

impl Version {
    /// Whether this version satisfies `required`: the same major version, and not older.
    pub fn satisfies(self, required: Self) -> bool {
        self.0[0] == required.0[0] && self >= required
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

impl FromStr for Version {
    type Err = PluginError;

    /// Parses three numbers separated by dots, and ignores the rest: `1.2.3-rc1` is 1.2.3.
    fn from_str(text: &str) -> Result<Self, PluginError> {
        let invalid =
            || PluginError::new(format!("'{text}' is not a version: three numbers with dots, such as 1.2.3"));
        let mut parts = text.splitn(3, '.');
        let mut number = |is_last: bool| {
            let part = parts.next()?;
            let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            if !is_last && digits != part.len() {
                return None;
            }
            part[..digits].parse().ok()
        };
        match (number(false), number(false), number(true)) {
            (Some(major), Some(minor), Some(patch)) => Ok(Self([major, minor, patch])),
            _ => Err(invalid()),
        }
    }
}

/// The argument that a field takes in brackets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArgForms {
    /// Whether the argument must be given.
    pub required: bool,
    /// Whether it may be a number.
    pub index: bool,
    /// Whether it may be a text.
    pub key: bool,
}

/// A field of a plugin.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PluginField {
    /// Full name, such as `ka.verb`.
    pub name: String,
    /// Type of its values: a text, an unsigned number of 64 bits, a time, a boolean, an address or a
    /// network.
    pub ty: FieldType,
    /// Whether it has zero or more values.
    pub is_list: bool,
    /// The argument that it takes.
    pub arg: ArgForms,
    /// A short name for users; may be empty.
    pub display: String,
    /// Description of the field.
    pub description: String,
    /// Whether it is a suggested field for outputs.
    pub is_suggested: bool,
    /// Whether listings omit it.
    pub is_hidden: bool,
}

impl PluginField {
    /// A field without an argument that has one value.
    pub fn new(name: impl Into<String>, ty: FieldType, description: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ty,
            is_list: false,
            arg: ArgForms::default(),
            display: String::new(),
            description: description.into(),
            is_suggested: false,
            is_hidden: false,
        }
    }

    /// With zero or more values.
    #[must_use]
    pub fn list(mut self) -> Self {
        self.is_list = true;
        self
    }

    /// Sets the argument.
    #[must_use]
    pub fn with_arg(mut self, arg: ArgForms) -> Self {
        self.arg = arg;
        self
    }
}

/// A parameter for opening a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenParam {
    /// The parameter.
    pub value: String,
    /// Its description; may be empty.
    pub description: String,
    /// Separator between several parameters; may be empty.
    pub separator: String,
}

/// A counter of a plugin.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Name: unique in the plugin.
    pub name: String,
    /// Whether it never decreases.
    pub is_monotonic: bool,
    /// Its value.
    pub value: MetricValue,
}

/// The value of a [`Metric`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MetricValue {
    /// An unsigned number.
    Uint(u64),
    /// A signed number.
    Int(i64),
    /// A floating point number.
    Double(f64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_three_numbers_and_what_follows_is_ignored() {
        let parse = |text: &str| text.parse::<Version>().ok().map(|version| version.to_string());
        assert_eq!(parse("1.2.3-rc1").as_deref(), Some("1.2.3"));
        assert_eq!(parse("0.11.5").as_deref(), Some("0.11.5"));
        for wrong in ["0.1", "", "1.2.", "a.b.c", "1.2x.3", "4294967296.0.0"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        let version = Version([1, 2, 3]);
        assert!(version.satisfies(Version([1, 2, 3])) && version.satisfies(Version([1, 0, 9])));
        assert!(!version.satisfies(Version([1, 3, 0])) && !version.satisfies(Version([0, 1, 0])));
    }

    #[test]
    fn the_plugin_s_own_source_is_added_to_declared_ones_and_none_means_all() {
        let field = PluginField::new("json.value", FieldType::Str, "A value.");
        let mut info = PluginInfo::new("json", Version([0, 7, 3])).with_fields(vec![field]);
        assert!(info.extracts_from("k8s_audit") && info.extracts_from(SYSCALL));
        assert!(!info.parses(SYSCALL) && !info.sends_to(SYSCALL) && !info.is_input_of(SYSCALL));
        assert_eq!(info.default_types(&info.extract_sources).len(), EventType::COUNT);
        info = info.with_source(1, "k8s_audit");
        assert!(info.extracts_from("k8s_audit") && !info.extracts_from(SYSCALL));
        assert!(info.is_input_of("k8s_audit") && !info.is_input_of(SYSCALL));
        assert_eq!(info.default_types(&info.extract_sources), [EventType::PLUGINEVENT_E.0]);
        info.extract_sources = vec![SYSCALL.into()];
        assert!(
            info.extracts_from("k8s_audit") && info.extracts_from(SYSCALL) && !info.extracts_from("okta")
        );
        // A plugin that yields system calls has no own source.
        info.source = None;
        assert!(info.is_input_of(SYSCALL));
    }
}
