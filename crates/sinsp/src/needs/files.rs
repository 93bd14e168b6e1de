//! Determines whether rules depend on the file of a descriptor, other than in the event that opened it.
//!
//! This is about four kinds of files: *plain* files (regular files, and devices without a state), directories, pipes without a name,
//! and sockets. The state always tracks terminals and everything else with a descriptor. If no rule depends on the files of a kind,
//! their descriptors look like unknown ones.

use std::cell::OnceCell;
use std::sync::LazyLock;

use eyas_events::{EventFlags, EventType, KernelPath, ParamDetail, ParamType as T};
use eyas_fields::{Arg, ConditionFormula, Field, FieldTest, Formula, Value};
use eyas_scap::RawEvent;

use crate::fields::{DEFS, open};
use crate::param_names::param_index;
use crate::state::{FdKind, is_copy, makes_pipe};

/// The fields of a rule that may show the file of a descriptor.
///
/// A call may get the descriptor of a plain file where it expects that of a directory. The kernel refuses such a call, or ignores
/// the descriptor if the path is absolute. So the rule depends on such a file only if a field shows just that parameter.
#[derive(Debug)]
pub struct FileFields<'f> {
    condition: &'f ConditionFormula,
    /// The tested fields, each with whether the test is negated. `None` if a test is not a plain comparison, so that its field is
    /// unknown here.
    tests: Option<Vec<(&'f Field, bool)>>,
    tested: Vec<&'f Field>,
    shown_in_output: Vec<&'f Field>,
    /// Whether an event that works on a file of the kind may satisfy the condition.
    may_match: [OnceCell<bool>; 4],
}

/// The kind of an open file, as far as the probe's filter distinguishes it. Terminals, named pipes and special files have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file, or a device without a state.
    Plain,
    /// A directory.
    Directory,
    /// A pipe without a name.
    Pipe,
    /// A socket.
    Socket,
}

impl FileKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Plain, Self::Directory, Self::Pipe, Self::Socket];

    /// Singular and plural, in lower case: `file` and `files` for plain files, `directory`, `pipe`, `socket`.
    pub const fn names(self) -> [&'static str; 2] {
        match self {
            Self::Plain => ["file", "files"],
            Self::Directory => ["directory", "directories"],
            Self::Pipe => ["pipe", "pipes"],
            Self::Socket => ["socket", "sockets"],
        }
    }

    /// What descriptors of such files are in the state.
    fn kinds(self) -> &'static [FdKind] {
        match self {
            Self::Plain => &[FdKind::File, FdKind::OldFile],
            Self::Directory => &[FdKind::Directory],
            Self::Pipe => &[FdKind::Pipe],
            Self::Socket => &[
                FdKind::Ipv4,
                FdKind::Ipv6,
                FdKind::Ipv4Server,
                FdKind::Ipv6Server,
                FdKind::Unix,
                FdKind::Netlink,
                FdKind::Unsupported,
                FdKind::Unknown,
            ],
        }
    }
}

impl<'f> FileFields<'f> {
    /// The fields of a rule with this condition, among the fields of its condition and those of its output.
    pub fn new(
        condition: &'f ConditionFormula,
        tested: impl IntoIterator<Item = &'f Field>,
        shown_in_output: impl IntoIterator<Item = &'f Field>,
    ) -> Self {
        let mut tests = Some(Vec::new());
        condition.tests(&mut |test| match (&test.of, &mut tests) {
            (Ok((field, _)), Some(tests)) if !shows_no_file(field) => {
                let test = (field, test.negated);
                if !tests.contains(&test) {
                    tests.push(test);
                }
            }
            (Ok(_), _) => {}
            (Err(_), _) => tests = None,
        });
        let tested = tested.into_iter().filter(|field| !shows_no_file(field)).collect();
        let shown_in_output = shown_in_output.into_iter().filter(|field| !shows_no_file(field)).collect();
        Self { condition, tests, tested, shown_in_output, may_match: Default::default() }
    }

    /// The field by which the rule depends on the file of a descriptor in events of the type, if the file is of this kind. `None` if
    /// the rule does not depend on it. The rule's condition is for this type.
    ///
    /// `is_live` means that the events come from the probe, whose events of some calls contain the path of the descriptor's file
    /// ([`KernelPath::File`]). Outputs that show this path, and tests of the kind of the file, then need no other event. A test of
    /// the name needs the opens, because the program may have opened the file through a symlink with that name. A negated test of
    /// the name needs none: it is an exception, and an exception for a name is meant for the file that really has this name. These
    /// events also contain the directories at which their paths begin ([`RawEvent::bases`]).
    pub fn field(&self, ty: EventType, kind: FileKind, is_live: bool) -> Option<&'static str> {
        let has_path = is_live && kind != FileKind::Socket && has_file_path(ty);
        let shows = |field: &&Field| {
            let Some(def) = DEFS.get(usize::from(field.id.0)) else { return Some("a field of a plugin") };
            let sees = match shown(def.name, field, ty, kind) {
                Shown::Nothing => false,
                Shown::Own => {
                    debug_assert!(!open::is_open(ty), "what an event has opened is its own");
                    let is_possible = &self.may_match[kind as usize];
                    *is_possible.get_or_init(|| may_match(self.condition, kind))
                }
                Shown::Any => true,
            };
            sees.then_some(def.name)
        };
        let tested = match &self.tests {
            Some(tests) => {
                let tests = tests
                    .iter()
                    .filter(|(field, negated)| !(has_path && is_decided_by_path(field, *negated)));
                tests.map(|(field, _)| field).find_map(shows)
            }
            None => self.tested.iter().find_map(shows),
        };
        let shown_in_output =
            || self.shown_in_output.iter().filter(|field| !(has_path && is_shown_by_path(field)));
        tested.or_else(|| shown_in_output().find_map(shows))
    }
}

/// Whether the field shows no more of a file than the path that the event has of it.
fn is_shown_by_path(field: &Field) -> bool {
    const SHOWN: [&str; 8] = [
        "fd.name",
        "fd.directory",
        "fd.filename",
        "fd.type",
        "fd.typechar",
        "evt.arg",
        "evt.args",
        "evt.info",
    ];
    DEFS.get(usize::from(field.id.0)).is_some_and(|def| SHOWN.contains(&def.name))
}

/// Whether the path that the event has of its file decides a comparison of the field, or the negation of one.
fn is_decided_by_path(field: &Field, negated: bool) -> bool {
    let Some(def) = DEFS.get(usize::from(field.id.0)) else { return false };
    match def.name {
        "fd.type" | "fd.typechar" => true,
        "fd.name" | "fd.directory" | "fd.filename" => negated,
        _ => false,
    }
}

/// Whether events of the type contain the path of their file.
fn has_file_path(ty: EventType) -> bool {
    ty.kernel_paths().iter().any(|path| matches!(path, KernelPath::File(_)))
}

/// The descriptors whose files a field shows.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shown {
    Nothing,
    /// The event's own descriptor.
    Own,
    /// Other file descriptors, too.
    Any,
}

impl Shown {
    fn own(is_shown: bool) -> Self {
        if is_shown { Self::Own } else { Self::Nothing }
    }

    fn any(is_shown: bool) -> Self {
        if is_shown { Self::Any } else { Self::Nothing }
    }
}

/// The descriptors whose files of the kind the field shows, in events of the type. For a field that is not listed: all descriptors.
fn shown(name: &str, field: &Field, ty: EventType, kind: FileKind) -> Shown {
    let Some(info) = ty.info() else { return Shown::Any };
    let is_given = takes_descriptor(ty);
    let class = class(name);
    // The event itself shows the file that it made.
    let shows_made = open::is_open(ty) || makes_pipe(ty) || needs_directory(ty);
    match name {
        _ if OF_ALL.contains(&name) => Shown::Any,
        // A number only. But a copy of an unknown descriptor is not recorded, so its number would be
        // missing.
        "fd.num" | "fd.uid" => Shown::own(is_copy(ty)),
        // A DNS message is recognised by the ports of its socket.
        _ if class == "dns" => Shown::own(kind == FileKind::Socket && is_given && !shows_made),
        _ if class == "fd" => Shown::own(is_given && !shows_made),
        _ if class == "fdlist" => Shown::any((0..info.params.len()).any(|at| shows_file(ty, at))),
        "evt.args" | "evt.info" if shows_made => Shown::Nothing,
        "evt.arg" if makes_pipe(ty) => Shown::Nothing,
        "evt.args" | "evt.info" => Shown::any((0..info.params.len()).any(|at| shows_file(ty, at))),
        "evt.arg" => {
            let at = match &field.arg {
                Some(Arg::Index(at)) => usize::try_from(*at).ok(),
                _ => param_index(field.hint, ty),
            };
            Shown::any(at.is_some_and(|at| shows_file(ty, at)))
        }
        "evt.abspath" => Shown::any(has_base(ty) && !needs_directory(ty) && !open::is_open(ty)),
        _ if class == "fs" && (open::is_open(ty) || needs_directory(ty)) => Shown::Nothing,
        _ if class == "fs" && has_base(ty) => Shown::Any,
        _ if class == "fs" => Shown::own(is_given),
        "evt.category" | "evt.is_syslog" => Shown::own(is_given),
        _ if name.starts_with("evt.buflen") || name.starts_with("evt.count.error") => Shown::own(is_given),
        _ if is_of_no_file(name) => Shown::Nothing,
        _ => Shown::Any,
    }
}

/// Whether the field shows the file of no descriptor in any event.
fn shows_no_file(field: &Field) -> bool {
    static BY_ID: LazyLock<Vec<bool>> = LazyLock::new(|| {
        DEFS.iter().map(|def| !OF_ALL.contains(&def.name) && is_of_no_file(def.name)).collect()
    });
    BY_ID.get(usize::from(field.id.0)).is_some_and(|shows| *shows)
}

fn is_of_no_file(name: &str) -> bool {
    let class = class(name);
    let is_of_event = || OF_EVENTS.contains(&name.split('.').nth(1).unwrap_or_default());
    CLASSES.contains(&class) || class == "evt" && !name.starts_with("evt.count.error") && is_of_event()
}

/// The name before the first dot.
fn class(name: &str) -> &str {
    name.split('.').next().unwrap_or_default()
}

/// Fields that show all descriptors of the process, or the standard ones.
const OF_ALL: [&str; 9] = [
    "fd.types",
    "proc.fdopencount",
    "proc.fdusage",
    "proc.stdin.type",
    "proc.stdout.type",
    "proc.stderr.type",
    "proc.stdin.name",
    "proc.stdout.name",
    "proc.stderr.name",
];

/// Classes of fields (the name before the first dot) that show the file of no descriptor, besides those above.
const CLASSES: [&str; 11] =
    ["proc", "thread", "user", "group", "container", "k8s", "k8smeta", "syscall", "util", "io_uring", "lsm"];

/// The same for fields of the class `evt`, by the next part of the name.
const OF_EVENTS: [&str; 38] = [
    "num",
    "time",
    "datetime",
    "rawtime",
    "reltime",
    "pluginname",
    "plugininfo",
    "source",
    "is_async",
    "asynctype",
    "hostname",
    "latency",
    "deltatime",
    "outputtime",
    "dir",
    "type",
    "cpu",
    "rawarg",
    "buffer",
    "res",
    "rawres",
    "failed",
    "is_io",
    "is_io_read",
    "is_io_write",
    "io_dir",
    "is_wait",
    "wait_latency",
    "count",
    "around",
    "is_open_read",
    "is_open_write",
    "infra",
    "is_open_exec",
    "is_open_create",
    "is_io_uring",
    "is_doubtful",
    "doubt",
];

/// Whether calls of the type take a descriptor, and fields show its file. Enter events do not count: they have no result, and only
/// complete exit events.
fn takes_descriptor(ty: EventType) -> bool {
    const SHOWN: EventFlags =
        EventFlags::CREATES_FD.union(EventFlags::USES_FD).union(EventFlags::DESTROYS_FD);
    let is_shown = ty.info().is_some_and(|info| info.flags.intersects(SHOWN));
    let Some(result) = RawEvent::result_index(ty).filter(|_| is_shown) else { return false };
    let params = ty.info().map_or(&[][..], |info| info.params);
    let is_given = |at: usize| at != result || !makes_descriptor(ty);
    params.iter().enumerate().any(|(at, param)| is_given(at) && is_descriptor(param.ty))
}

const fn is_descriptor(ty: T) -> bool {
    matches!(ty, T::FD | T::FD32 | T::FDLIST)
}

fn makes_descriptor(ty: EventType) -> bool {
    ty.info().is_some_and(|info| info.flags.contains(EventFlags::CREATES_FD))
}

/// Whether the parameter shows the file of a descriptor. A descriptor that the call made does not, except
/// for a copy.
fn shows_file(ty: EventType, at: usize) -> bool {
    let param = ty.info().and_then(|info| info.params.get(at));
    let is_made = RawEvent::result_index(ty) == Some(at) && makes_descriptor(ty) && !is_copy(ty);
    RawEvent::has_result(ty) && !is_made && param.is_some_and(|param| is_descriptor(param.ty))
}

/// Whether calls of the type take a path relative to a directory's descriptor.
fn has_base(ty: EventType) -> bool {
    ty.info().is_some_and(|info| info.params.iter().any(|p| matches!(p.detail, ParamDetail::At(_))))
}

/// Whether calls of the type accept only the descriptor of a directory. Other calls with such a descriptor accept an empty path,
/// which means the file of the descriptor itself.
const fn needs_directory(ty: EventType) -> bool {
    use EventType as E;
    matches!(
        ty,
        E::SYSCALL_MKDIRAT_X
            | E::SYSCALL_MKNODAT_X
            | E::SYSCALL_UNLINKAT_2_X
            | E::SYSCALL_SYMLINKAT_X
            | E::SYSCALL_RENAMEAT_X
            | E::SYSCALL_RENAMEAT2_X
            | E::SYSCALL_FCHMODAT_X
    )
}

/// Whether an event that works on a descriptor of such a file, known or not, may satisfy the condition.
fn may_match(condition: &ConditionFormula, kind: FileKind) -> bool {
    let kinds = kind.kinds();
    let may_hold = |test: &FieldTest| {
        let Ok((field, compare)) = &test.of else { return true };
        let Some(def) = DEFS.get(usize::from(field.id.0)) else { return true };
        let without_value = test.negated;
        let holds = |value: &str| compare.holds(&Value::Str(value.as_bytes())) != test.negated;
        match def.name {
            "fd.type" => without_value || kinds.iter().any(|kind| holds(kind.name())),
            "fd.typechar" => {
                let mut letters = kinds.iter().chain(&[FdKind::Unknown]).map(|kind| kind.letter());
                without_value || letters.any(|letter| holds(letter.encode_utf8(&mut [0; 4])))
            }
            // Only sockets have these fields.
            "fd.ip" | "fd.cip" | "fd.sip" | "fd.lip" | "fd.rip" | "fd.port" | "fd.cport" | "fd.sport"
            | "fd.lport" | "fd.rport" | "fd.net" | "fd.cnet" | "fd.snet" | "fd.lnet" | "fd.rnet"
            | "fd.sockfamily" => kind == FileKind::Socket || without_value,
            _ => true,
        }
    };
    condition.replace::<()>(&mut |test| Formula::Const(may_hold(test))) != Formula::Const(false)
}

#[cfg(test)]
mod tests {
    use eyas_events::events;
    use eyas_fields::{FieldId, Schema};

    use super::*;
    use crate::schema;

    /// A new field that this file does not list would disable the filter for files.
    #[test]
    fn every_field_is_classified() {
        let mut of_all: Vec<_> = DEFS
            .iter()
            .zip(0..)
            .filter(|(def, id)| {
                let fields = [None, Some("0"), Some("1")].map(|arg| schema().resolve(def.name, arg));
                let Some(field) = fields.into_iter().find_map(Result::ok) else { return false };
                assert_eq!(field.id, FieldId(*id));
                let shown_in = |ty| shown(def.name, &field, ty, FileKind::Socket);
                let is_never_shown = events().all(|info| shown_in(info.ty) == Shown::Nothing);
                assert!(is_never_shown || !shows_no_file(&field), "{}", def.name);
                shown_in(EventType::PROCEXIT_1_E) == Shown::Any
            })
            .map(|(def, _)| def.name)
            .collect();
        let mut wanted = OF_ALL;
        of_all.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(of_all, wanted);
    }

    #[test]
    fn parameters_that_are_descriptors_are_recognised() {
        use EventType as E;
        for ty in [
            E::SYSCALL_READ_X,
            E::SYSCALL_FCHMOD_X,
            E::SYSCALL_CLOSE_X,
            E::SYSCALL_DUP_1_X,
            E::SYSCALL_MMAP_X,
        ] {
            assert!(takes_descriptor(ty), "{ty:?}");
        }
        for ty in [E::SOCKET_SOCKET_X, E::SYSCALL_OPEN_X, E::SYSCALL_KILL_X, E::PROCEXIT_1_E] {
            assert!(!takes_descriptor(ty), "{ty:?}");
        }
        assert!(has_base(E::SYSCALL_LINKAT_2_X) && !needs_directory(E::SYSCALL_LINKAT_2_X));
    }
}
