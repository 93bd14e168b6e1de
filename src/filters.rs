//! Filters for events that no rule of an engine needs.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use eyas_events::filter::Filter;
use eyas_events::{EventType, events};
use eyas_fields::{ConditionFormula, Field, Schema};
use eyas_rules::{Engine, RuleFormulas};
use eyas_sinsp::pushdown::{Groups, Pushdown};
use eyas_sinsp::{FileFields, Needs, UsedFiles, probe_filter, schema};

/// Makes filters for events that no enabled rule of an engine needs (push-down: docs/pushdown.md). Use them only if nothing but
/// the rules uses the events and the state.
///
/// ```
/// use eyas::{EngineFilters, load_rules};
///
/// let rules = load_rules(["demo/rules.yaml"])?;
/// let filters = EngineFilters::new(&rules);
/// assert!(filters.rows().rejects_all(eyas::events::EventType::SYSCALL_CLOSE_X.0));
/// if let Some(probe) = filters.probe_filter() {
///     println!("The tables of the probe take {} bytes", probe.filter.bytes());
/// }
/// # Ok::<(), eyas::Error>(())
/// ```
#[derive(Debug)]
pub struct EngineFilters<'e> {
    engine: &'e Engine,
    formulas: RuleFormulas,
    /// By rule: the fields of its condition, and those of its output.
    fields: Vec<(Vec<Field>, Vec<&'e Field>)>,
}

/// The probe's filter.
#[derive(Debug)]
#[non_exhaustive]
pub struct ProbeFilter {
    /// The tables for `scap::live::Source::set_filter`.
    pub filter: Filter,
    /// The tests of processes that [`eyas_sinsp::pushdown::ProcessVerdicts`] decides.
    pub groups: Arc<Groups>,
    /// The rule for which the filter lets all opens and closes of files or directories pass.
    pub file_user: Option<FileUser>,
}

/// A rule that needs every open file, or every open directory, to be tracked. Displays as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileUser {
    /// `file` or `directory`.
    pub kind: &'static str,
    /// Name of the rule.
    pub rule: String,
    /// Name of the field that depends on the file.
    pub field: &'static str,
    /// Name of the event type in which the rule uses the field.
    pub event_type: &'static str,
}

impl fmt::Display for FileUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, rule, field, event_type } = self;
        let all = if *kind == "file" { "files" } else { "directories" };
        write!(
            f,
            "Opens and closes of all {all} are sent, because rule '{rule}' uses the {kind} of a {event_type} by {field}"
        )
    }
}

impl<'e> EngineFilters<'e> {
    /// Analyses the conditions and outputs of the engine's enabled rules.
    pub fn new(engine: &'e Engine) -> Self {
        Self { engine, formulas: RuleFormulas::new(engine), fields: engine.fields_by_rule() }
    }

    /// The conditions of the rules as formulas, by event type.
    pub fn formulas(&self) -> &RuleFormulas {
        &self.formulas
    }

    /// Rows that reject events, with tests of processes.
    pub fn rows(&self) -> Pushdown {
        Pushdown::with_processes(&mut |code| self.formulas.conditions(code))
    }

    /// The events that a replay needs.
    pub fn replay_needs(&self) -> Needs {
        let rows = Pushdown::cheap(&mut |code| self.formulas.conditions(code));
        let needs = Needs::of_rules(self.engine.codes(), &self.fields(), Some(rows));
        if self.file_user(false).is_some() { needs } else { needs.without_files() }
    }

    /// The filter that the probe can apply. `None` if a rule needs every event.
    pub fn probe_filter(&self) -> Option<ProbeFilter> {
        let rows = self.rows();
        let (files, file_user) = match self.file_user(true) {
            Some(user) => (UsedFiles::All, Some(user)),
            None => match self.directory_user() {
                Some(user) => (UsedFiles::Directories, Some(user)),
                None => (UsedFiles::None, None),
            },
        };
        let filter = probe_filter(&rows, &self.fields(), files)?;
        Some(ProbeFilter { filter, groups: Arc::clone(rows.groups()), file_user })
    }

    /// The first rule that depends on the file of a descriptor, other than in the event that opened it. `is_live`: see
    /// [`FileFields::of_files`].
    pub fn file_user(&self, is_live: bool) -> Option<FileUser> {
        self.user("file", |ty, fields| fields.of_files(ty, is_live))
    }

    /// The same for directories, in a live capture.
    pub fn directory_user(&self) -> Option<FileUser> {
        self.user("directory", |ty, fields| fields.of_directories(ty))
    }

    /// The fields of all conditions and outputs of enabled rules: each once, with any argument.
    fn fields(&self) -> Vec<Field> {
        let on = self.engine.rules().iter().zip(&self.fields).filter(|(rule, _)| rule.enabled);
        let fields = on.flat_map(|(_, (tested, shown))| tested.iter().chain(shown.iter().copied()));
        let by_id: BTreeMap<u16, &Field> = fields.map(|field| (field.id.0, field)).collect();
        by_id.into_values().cloned().collect()
    }

    /// The first rule that `field_of` returns a field of.
    fn user(
        &self,
        kind: &'static str,
        field_of: impl Fn(EventType, &FileFields<'_>) -> Option<&'static str>,
    ) -> Option<FileUser> {
        let mut known: HashMap<*const ConditionFormula, FileFields<'_>> = HashMap::new();
        events().filter(|info| info.is_current()).find_map(|info| {
            self.formulas.of_code(info.ty.0).find_map(|(rule, condition)| {
                let (tested, shown) = &self.fields[rule.0 as usize];
                let fields = || FileFields::new(condition, tested, shown.iter().copied());
                let field = field_of(info.ty, known.entry(condition).or_insert_with(fields))?;
                let event_type = schema().code_name(info.ty.0).unwrap_or_default();
                Some(FileUser { kind, rule: self.engine.rule(rule).name.clone(), field, event_type })
            })
        })
    }
}
