//! Events that a program does not need: no rule tests them, and they change nothing that rules use.

use eyas_events::filter::{Filter, UnusedFiles, flags};
use eyas_events::{EventType, FlagTable, param};
use eyas_fields::{CodeSet, Field};
use eyas_scap::RawEvent;

use crate::field_source::generic_code;
use crate::fields::{DEFS, open};
use crate::pushdown::{Free, Pushdown};
use crate::state::{
    Facts, FdKind, changes, changes_only_if_successful, changes_only_sockets, has_closed, is_transfer,
    makes_pipe,
};
use crate::view::EventView;
pub use files::{FileFields, FileKind};

mod files;

/// The needs of a program: see [`crate::Inspector::set_needs`].
#[derive(Debug)]
pub struct Needs {
    /// Uses by event code.
    uses: Box<[UseOfType]>,
    /// Codes that rules can match.
    codes: CodeSet,
    rows: Option<Pushdown>,
    forgets_files: bool,
}

/// How an event is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// The program sees it.
    Shown,
    /// It only changes the state; the program does not see it.
    State,
    /// The event is skipped.
    Nothing,
}

/// How events of a type are handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UseOfType {
    /// All in the same way.
    Each(Use),
    /// The program sees those that the rows pass.
    Rows { others: Use },
    /// The program sees those of calls that have a special type in eyas, if a rule can match that type.
    Own { others: Use },
}

impl Needs {
    /// The needs of rules that can match events with these codes and use these fields, in conditions or in
    /// outputs. `rows` are the rows of the same rules; they reject events that no rule matches.
    ///
    /// The program sees only events that a rule may match. Other events change the state only if the fields
    /// depend on it.
    pub fn of_rules(codes: &CodeSet, fields: &[Field], rows: Option<Pushdown>) -> Self {
        let facts = facts(fields);
        let has_own = codes.iter().any(|code| EventType(code).is_own());
        let uses = (0..EventType::COUNT as u16).map(|code| {
            let is_followed = changes(EventType(code)).is_none_or(|changed| changed.intersects(facts));
            let others = if is_followed { Use::State } else { Use::Nothing };
            let is_generic = EventType(code) == EventType::GENERIC_X;
            // Rules of other sources test plugin events.
            if EventType(code) == EventType::PLUGINEVENT_E {
                return UseOfType::Each(Use::Shown);
            }
            match codes.contains(code) {
                true if rows.is_some() => UseOfType::Rows { others },
                true => UseOfType::Each(Use::Shown),
                false if is_generic && has_own => UseOfType::Own { others },
                false => UseOfType::Each(others),
            }
        });
        Self { uses: uses.collect(), codes: codes.clone(), rows, forgets_files: false }
    }

    /// The same needs, if no rule uses plain files ([`FileFields::field`] of [`FileKind::Plain`], not live): the state forgets such a
    /// file once the program saw the event that opened it.
    #[must_use]
    pub fn without_files(self) -> Self {
        Self { forgets_files: true, ..self }
    }

    pub(crate) fn forgets_files(&self) -> bool {
        self.forgets_files
    }

    /// How the event is handled. `has_beginnings`: see [`Pushdown::may_match_raw`].
    #[inline]
    pub(crate) fn find(&self, event: &RawEvent<'_>, has_beginnings: bool) -> Use {
        let unshown =
            |others: Use| if others == Use::Nothing && is_decisive(event) { Use::State } else { others };
        let shown_or = |is_shown: bool, others: Use| if is_shown { Use::Shown } else { unshown(others) };
        match self.uses.get(usize::from(event.ty.0)) {
            Some(UseOfType::Each(of)) => unshown(*of),
            Some(UseOfType::Rows { others }) => {
                let may_match = |rows: &Pushdown| rows.may_match_raw(event, has_beginnings);
                shown_or(self.rows.as_ref().is_none_or(may_match), *others)
            }
            Some(UseOfType::Own { others }) => shown_or(self.codes.contains(generic_code(event)), *others),
            None => Use::Shown,
        }
    }
}

/// The probe's filter for rules with these rows that use these fields, in conditions or in outputs. It filters out events that
/// no rule matches and that change nothing that the fields depend on. These include events that make, copy or close files of the
/// kinds in `unused` ([`FileFields`] finds them); without `unused.plain`, the other kinds have no effect. `None` if the name of a
/// field begins with `evt.deltatime` or `evt.reltime`.
pub fn probe_filter(rows: &Pushdown, fields: &[Field], unused: UnusedFiles) -> Option<Filter> {
    let mut names = fields.iter().filter_map(|field| DEFS.get(usize::from(field.id.0))).map(|def| def.name);
    if names.any(depends_on_all) {
        return None;
    }
    let facts = facts(fields);
    let unused = if unused.plain { unused } else { UnusedFiles::NONE };
    Some(rows.kernel(|ty| match changes(ty) {
        Some(changed) if !changed.intersects(facts) => Free::All,
        _ if unused.pipes && makes_pipe(ty) || unused.sockets && changes_only_sockets(ty) => Free::All,
        _ if works_on_files(ty) => Free::FailedAndFiles(unused),
        _ if changes_only_if_successful(ty) => Free::FailedAndFiles(UnusedFiles::NONE),
        _ => Free::None,
    }))
}

/// Whether the probe may filter out an event that its rows reject, because the event changes nothing that the rules use. It does not
/// test the rows. For captures that contain every event. This is an upper bound: the probe sends some of these events, because it
/// knows less about their files.
pub fn may_filter_out(filter: &Filter, event: &EventView<'_>) -> bool {
    let raw = event.as_raw();
    let flags = filter.types.get(usize::from(raw.ty.0)).map_or(0, |row| row.flags);
    let has = |flag: u16| flags & flag != 0;
    let Some(result) = raw.result().filter(|_| has(flags::ON) && raw.io_uring().is_none()) else {
        return false;
    };
    let closes_with_error = result < 0 && raw.ty == EventType::SYSCALL_CLOSE_X && has_closed(raw);
    if has(flags::FREE) || result < 0 && has(flags::FREE_FAILED) && !closes_with_error {
        return true;
    }
    if result < 0 || !has(flags::FREE_FILES) {
        return false;
    }
    if raw.ty == EventType::SYSCALL_FCNTL_X && !changes_descriptors(raw) {
        return true;
    }
    match event.fd().map(|fd| fd.kind) {
        Some(FdKind::File | FdKind::OldFile) => true,
        Some(FdKind::Directory) => has(flags::FREE_DIRECTORIES),
        Some(FdKind::Pipe) => has(flags::FREE_PIPES),
        Some(kind) => kind.is_socket() && has(flags::FREE_SOCKETS),
        None => false,
    }
}

/// Whether an `fcntl` copies a descriptor, or changes one.
fn changes_descriptors(raw: &RawEvent<'_>) -> bool {
    const COMMANDS: [u64; 3] = [
        FlagTable::FCNTL_COMMANDS.value("F_DUPFD") as u64,
        FlagTable::FCNTL_COMMANDS.value("F_DUPFD_CLOEXEC") as u64,
        FlagTable::FCNTL_COMMANDS.value("F_SETFD") as u64,
    ];
    raw.uint(param::SYSCALL_FCNTL_X::cmd).is_none_or(|command| COMMANDS.contains(&command))
}

/// Whether a read or a write changed more than sockets: its file decides that.
#[inline]
fn is_decisive(event: &RawEvent<'_>) -> bool {
    is_transfer(event.ty) && event.has_more_params()
}

/// Whether the filter may cover successful calls of the type on plain files.
fn works_on_files(ty: EventType) -> bool {
    use EventType as E;
    open::is_open(ty) || matches!(ty, E::SYSCALL_CLOSE_X | E::SYSCALL_FCNTL_X | E::SYSCALL_DUP_1_X)
}

/// Whether a field also depends on other events. The number of an event does not: conditions use it only to
/// be always or never true, and live it counts only captured events.
fn depends_on_all(name: &str) -> bool {
    name.starts_with("evt.deltatime") || name.starts_with("evt.reltime")
}

/// The facts that the fields depend on, among those by which events can be skipped.
fn facts(fields: &[Field]) -> Facts {
    let names = fields.iter().filter_map(|field| DEFS.get(usize::from(field.id.0))).map(|def| def.name);
    names.fold(Facts::NONE, |facts, name| facts.union(of_field(name)))
}

fn of_field(name: &str) -> Facts {
    match name {
        "fd.connected" => Facts::CONNECTED,
        "fd.cip.name" | "fd.sip.name" | "fd.lip.name" | "fd.rip.name" | "fd.domain" => Facts::NAMES,
        "proc.vmsize" | "proc.vmrss" | "proc.vmswap" | "thread.vmsize" | "thread.vmrss"
        | "thread.vmsize.b" | "thread.vmrss.b" | "thread.pfmajor" | "thread.pfminor" | "thread.exectime"
        | "thread.totexectime" | "thread.cputime" | "thread.cpu" | "thread.cpu.user"
        | "thread.cpu.system" => Facts::USAGE,
        _ => Facts::NONE,
    }
}
