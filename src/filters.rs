//! Filters for events that no rule of an engine needs.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use eyas_events::events;
use eyas_events::filter::{Filter, UnusedFiles};
use eyas_fields::{ConditionFormula, Field, Schema};
use eyas_rules::{Engine, RuleFormulas, RuleIndex};
use eyas_sinsp::pushdown::{Groups, Pushdown};
use eyas_sinsp::{FileFields, FileKind, Needs, probe_filter, schema};

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
    /// The rules for which the probe sends all events that make, copy or close files of a kind: one for each kind.
    pub file_users: Vec<FileUser>,
}

/// A rule that depends on files of a kind, so that the probe sends the events about all of them. Displays as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileUser {
    /// The kind of files.
    pub kind: FileKind,
    /// Name of the rule.
    pub rule: String,
    /// Name of the field that depends on the file.
    pub field: &'static str,
    /// Name of the event type in which the rule uses the field.
    pub event_type: &'static str,
}

impl FileUser {
    /// The files about which the probe sends every event because of the rule: `files of every kind` if the rule uses plain files,
    /// otherwise the plural of the kind.
    pub fn sent_files(&self) -> &'static str {
        if self.kind == FileKind::Plain { "files of every kind" } else { self.kind.names()[1] }
    }
}

impl fmt::Display for FileUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, rule, field, event_type } = self;
        let ([one, _], all) = (kind.names(), self.sent_files());
        write!(
            f,
            "The probe sends all events that make, copy or close {all}, because rule '{rule}' uses the {one} of a {event_type} by {field}"
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

    /// The rows of all enabled rules, with tests of processes. [`Self::probe_filter`] is for a live capture, and
    /// [`Self::replay_needs`] for a replay.
    pub fn rows(&self) -> Pushdown {
        Pushdown::with_processes(&mut |code| self.formulas.conditions(code))
    }

    /// The events that a replay needs.
    pub fn replay_needs(&self) -> Needs {
        let rows = Pushdown::cheap(&mut |code| self.formulas.conditions(code));
        let needs = Needs::of_rules(self.engine.codes(), &self.fields(), Some(rows));
        if self.file_user(FileKind::Plain, false).is_some() { needs } else { needs.without_files() }
    }

    /// The filter that the probe can apply. `None` if a rule needs every event: one with `evt.deltatime` or `evt.reltime`.
    pub fn probe_filter(&self) -> Option<ProbeFilter> {
        let rows = self.rows();
        let file_users = self.file_users();
        let is_unused = |kind| file_users.iter().all(|user| user.kind != kind);
        let unused = match is_unused(FileKind::Plain) {
            true => UnusedFiles {
                plain: true,
                directories: is_unused(FileKind::Directory),
                pipes: is_unused(FileKind::Pipe),
                sockets: is_unused(FileKind::Socket),
            },
            false => UnusedFiles::NONE,
        };
        let filter = probe_filter(&rows, &self.fields(), unused)?;
        Some(ProbeFilter { filter, groups: Arc::clone(rows.groups()), file_users })
    }

    /// For each kind of files that rules use in a live capture, the first such rule, by event type. Empty if rules use none. If a
    /// rule uses plain files, only that rule is returned, because the filter then covers no kind.
    pub fn file_users(&self) -> Vec<FileUser> {
        self.users(&FileKind::ALL, true, |_| true)
    }

    /// The same for one rule alone. A disabled rule uses none.
    pub fn file_users_of(&self, rule: RuleIndex) -> Vec<FileUser> {
        self.users(&FileKind::ALL, true, |of| of == rule)
    }

    /// The first rule that uses files of the kind: in an event that did not open the file. `is_live`: `true` for events of the probe,
    /// `false` for a capture, which may lack the kernel's paths ([`FileFields::field`]).
    pub fn file_user(&self, kind: FileKind, is_live: bool) -> Option<FileUser> {
        self.users(&[kind], is_live, |_| true).pop()
    }

    /// The fields of all conditions and outputs of enabled rules: each once, with any argument.
    fn fields(&self) -> Vec<Field> {
        let on = self.engine.rules().iter().zip(&self.fields).filter(|(rule, _)| rule.enabled);
        let fields = on.flat_map(|(_, (tested, shown))| tested.iter().chain(shown.iter().copied()));
        let by_id: BTreeMap<u16, &Field> = fields.map(|field| (field.id.0, field)).collect();
        by_id.into_values().cloned().collect()
    }

    /// The first of these rules for each kind, or only that for plain files.
    fn users(
        &self,
        kinds: &[FileKind],
        is_live: bool,
        is_wanted: impl Fn(RuleIndex) -> bool,
    ) -> Vec<FileUser> {
        let mut known: HashMap<*const ConditionFormula, FileFields<'_>> = HashMap::new();
        let mut found = [const { None }; FileKind::ALL.len()];
        for info in events().filter(|info| info.is_current()) {
            for (rule, condition) in self.formulas.of_code(info.ty.0).filter(|(rule, _)| is_wanted(*rule)) {
                let (tested, shown) = &self.fields[rule.0 as usize];
                let fields = || FileFields::new(condition, tested, shown.iter().copied());
                let fields = known.entry(condition).or_insert_with(fields);
                for kind in kinds.iter().copied() {
                    if found[kind as usize].is_some() {
                        continue;
                    }
                    found[kind as usize] = fields.field(info.ty, kind, is_live).map(|field| {
                        let event_type = schema().code_name(info.ty.0).unwrap_or_default();
                        FileUser { kind, rule: self.engine.rule(rule).name.clone(), field, event_type }
                    });
                }
                if let Some(user) = found[FileKind::Plain as usize].take() {
                    return vec![user];
                }
            }
        }
        found.into_iter().flatten().collect()
    }
}
