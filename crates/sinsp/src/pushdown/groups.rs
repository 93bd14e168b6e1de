//! Groups of rules. The conditions of a group have the same tests of the process.

use eyas_events::EventType;
use eyas_events::verdicts::{GROUPS, MAX_ID, OWN_GROUPS};
use eyas_fields::{ConditionFormula, Field, FieldSource, FieldTest, Formula};
use rustc_hash::FxHashMap;

use crate::fields::DEFS;
use crate::state::{ProcessChange, Thread, are_whole, changes_process};
use crate::view::EventView;

/// Maximum number of threads for a verdict. A process with more threads is treated as in every group.
const MAX_THREADS: usize = 64;

/// The tests of the process that the rules of each group have.
#[derive(Debug, Default)]
pub struct Groups {
    /// Indexed by group; `None` for unused groups.
    conditions: Vec<Option<Condition>>,
    known: FxHashMap<String, Option<u8>>,
}

#[derive(Debug)]
struct Condition {
    formula: Formula<FieldTest>,
    text: String,
}

/// The processes whose events can change the value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// Only the process.
    Process,
    /// Also its ancestors.
    Lineage,
}

/// The processes whose events can change a field, if only events of [`changes_process`] change it. User space learns names of
/// users, containers and images later, and other events change terminals and directories.
fn reach_of(name: &str) -> Option<Reach> {
    match name {
        "proc.name" | "proc.exe" | "proc.exepath" | "proc.args" | "proc.cmdline" | "proc.cmdnargs"
        | "proc.cmdlenargs" | "proc.exeline" | "proc.env" | "proc.pid" | "proc.vpid" => Some(Reach::Process),
        "proc.is_exe_writable"
        | "proc.is_exe_upper_layer"
        | "proc.is_exe_lower_layer"
        | "proc.is_exe_from_memfd" => Some(Reach::Process),
        "proc.exe_ino" | "proc.exe_ino.ctime" | "proc.exe_ino.mtime" => Some(Reach::Process),
        "thread.cap_permitted" | "thread.cap_inheritable" | "thread.cap_effective" => Some(Reach::Process),
        "user.uid" | "user.loginuid" | "group.gid" | "container.id" => Some(Reach::Process),
        "proc.pname" | "proc.aname" | "proc.pexe" | "proc.aexe" | "proc.pexepath" | "proc.aexepath"
        | "proc.aargs" | "proc.pcmdline" | "proc.acmdline" | "proc.aenv" | "proc.ppid" | "proc.apid" => {
            Some(Reach::Lineage)
        }
        _ => None,
    }
}

fn reach_of_test(test: &FieldTest) -> Option<Reach> {
    let (field, _) = test.of.as_ref().ok()?;
    reach_of(DEFS.get(usize::from(field.id.0))?.name)
}

/// The tests of the process in a condition. The condition can be true only if the returned formula is.
pub(super) fn of_process(condition: &ConditionFormula) -> Formula<&FieldTest> {
    condition.replace(&mut |test| match reach_of_test(test) {
        Some(_) => Formula::Test(&**test),
        None => Formula::Const(true),
    })
}

impl Groups {
    /// The groups of the rules with this condition, which matches only processes in both: by its tests of the process itself, and by
    /// those of the process and of its ancestors. `None` if it has no such test, or if there are too many groups.
    pub(super) fn of_rule(&mut self, condition: &ConditionFormula) -> [Option<u8>; 2] {
        let formula = of_process(condition);
        let mut has_ancestors = false;
        let own = formula.replace(&mut |test| match reach_of_test(test) {
            Some(Reach::Process) => Formula::Test(*test),
            _ => {
                has_ancestors = true;
                Formula::Const(true)
            }
        });
        [
            self.group(&own, 0..GROUPS),
            has_ancestors.then(|| self.group(&formula, OWN_GROUPS..GROUPS)).flatten(),
        ]
    }

    /// The group of rules with these tests, at one of the places.
    fn group(&mut self, formula: &Formula<&FieldTest>, mut places: std::ops::Range<u32>) -> Option<u8> {
        if let Formula::Const(_) = formula {
            return None;
        }
        let text = text(formula);
        if let Some(known) = self.known.get(&text) {
            return *known;
        }
        let is_free = |at: &u32| self.conditions.get(*at as usize).is_none_or(Option::is_none);
        let group = places.find(is_free);
        if let Some(at) = group {
            let at = at as usize;
            let len = self.conditions.len().max(at + 1);
            self.conditions.resize_with(len, || None);
            let formula = formula.replace(&mut |test| Formula::Test((*test).clone()));
            self.conditions[at] = Some(Condition { formula, text: text.clone() });
        }
        let group = group.map(|at| at as u8);
        self.known.insert(text, group);
        group
    }

    /// Number of groups.
    pub fn len(&self) -> usize {
        self.conditions.iter().flatten().count()
    }

    /// Whether there are no groups.
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// Whether a group depends on ancestors.
    pub(super) fn ask_for_lineage(&self) -> bool {
        self.conditions.len() > OWN_GROUPS as usize
    }

    /// The tests of the process that the rules of a group have, as a condition.
    pub fn condition(&self, group: u8) -> Option<&str> {
        self.conditions.get(usize::from(group))?.as_ref().map(|condition| &*condition.text)
    }

    /// The groups that a process is in, by the current state; `None` if the process or one of its threads is unknown or in doubt,
    /// or if it has too many threads. `view` may be a view of any event.
    pub fn of_process(&self, view: &EventView<'_>, pid: i64) -> Option<u64> {
        let state = view.state();
        u32::try_from(pid).ok().filter(|pid| (1..MAX_ID).contains(pid))?;
        let leader = state.threads.get(pid)?;
        let mut groups = self.of_thread(view, pid)?;
        for (at, thread) in state.threads.members(leader).enumerate() {
            if at == MAX_THREADS {
                return None;
            }
            groups |= self.of_thread(view, state.threads.at(thread)?.tid)?;
        }
        Some(groups)
    }

    /// The groups that a process with the name and in the container of the event's thread may be in, whatever else it is.
    pub(super) fn of_kind(&self, view: &EventView<'_>) -> u64 {
        let may_be_in = |condition: &Option<Condition>| {
            let Some(condition) = condition else { return true };
            let of_kind = condition.formula.replace::<()>(&mut |test| match &test.of {
                Ok((field, compare)) if is_of_kind(field) => {
                    Formula::Const(view.get(field).is_some_and(|value| compare.holds(&value)) != test.negated)
                }
                _ => Formula::Const(true),
            });
            of_kind != Formula::Const(false)
        };
        self.bits(may_be_in)
    }

    /// The groups for which the function returns true, and all unused ones.
    fn bits(&self, is_in: impl Fn(&Option<Condition>) -> bool) -> u64 {
        let bits = self.conditions.iter().zip(0..).map(|(condition, at)| u64::from(is_in(condition)) << at);
        let unused = u64::MAX.checked_shl(self.conditions.len() as u32).unwrap_or(0);
        bits.fold(unused, |all, bit| all | bit)
    }

    fn of_thread(&self, view: &EventView<'_>, tid: i64) -> Option<u64> {
        let of = view.of_thread(tid)?;
        let thread = of.thread().filter(|thread| thread.is_valid())?;
        if of.state().threads.is_doubted(thread) {
            return None;
        }
        let holds = |test: &FieldTest| match &test.of {
            Ok((field, compare)) => of.get(field).is_some_and(|value| compare.holds(&value)) != test.negated,
            Err(_) => true,
        };
        let is_in = |condition: &Option<Condition>| match condition {
            Some(condition) => condition.formula.holds(&mut |test| holds(test)),
            None => true,
        };
        Some(self.bits(is_in))
    }
}

/// Whether the field depends only on the kind of a process: its name and its control groups.
fn is_of_kind(field: &Field) -> bool {
    DEFS.get(usize::from(field.id.0)).is_some_and(|def| matches!(def.name, "proc.name" | "container.id"))
}

/// The positions of the name and of the control groups in events that report the kind of a process: in those of a new process or
/// thread, and of one that has executed a program.
pub(super) fn kind_params(ty: EventType) -> Option<[usize; 2]> {
    use eyas_events::param::{SYSCALL_CLONE_20_X as clone, SYSCALL_EXECVE_19_X as exec};
    let at = match changes_process(ty)? {
        ProcessChange::Birth => [clone::comm, clone::cgroups],
        ProcessChange::Shown => [exec::comm, exec::cgroups],
        ProcessChange::Own => return None,
    };
    let params = ty.info()?.params;
    (at.map(|at| params.get(at).map(|param| param.name)) == [Some("comm"), Some("cgroups")]).then_some(at)
}

/// The kind of the event's thread, as the event reports it. `None` if the name or the container also depends on earlier events.
pub(super) fn reported_kind(view: &EventView<'_>) -> Option<Vec<u8>> {
    let event = view.event();
    let [comm, cgroups] = kind_params(event.ty)?;
    let is_known = event.result() == Some(0) && view.thread().is_some_and(Thread::is_valid);
    let comm = event.param(comm).filter(|comm| is_known && !comm.is_empty())?;
    let cgroups = event.param(cgroups).filter(|cgroups| !cgroups.is_empty() && are_whole(cgroups))?;
    Some([comm, cgroups].concat())
}

/// The condition as a text. Equal conditions have equal texts.
fn text(formula: &Formula<&FieldTest>) -> String {
    let join = |parts: &[Formula<&FieldTest>], with: &str| {
        let parts: Vec<String> = parts.iter().map(text).collect();
        format!("({})", parts.join(with))
    };
    match formula {
        Formula::Const(holds) => holds.to_string(),
        Formula::Test(test) => test.condition(),
        Formula::All(parts) => join(parts, " and "),
        Formula::Any(parts) => join(parts, " or "),
    }
}

/// Flags of a type's row that say whether its events may change the groups of a process. `lineage`: whether a group depends on
/// ancestors.
pub(super) fn change_flags(ty: EventType, lineage: bool) -> u16 {
    use eyas_events::filter::flags::{CHANGES, IF_ZERO, LINEAGE};
    match changes_process(ty) {
        None => 0,
        Some(ProcessChange::Birth) => CHANGES | IF_ZERO,
        Some(ProcessChange::Own) => CHANGES,
        Some(ProcessChange::Shown) if lineage => CHANGES | LINEAGE,
        Some(ProcessChange::Shown) => CHANGES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The probe takes the name from before the control groups.
    #[test]
    fn names_are_before_control_groups() {
        let reports: Vec<_> =
            (0..EventType::COUNT as u16).filter_map(|code| kind_params(EventType(code))).collect();
        assert!(
            reports.len() >= 6 && reports.iter().all(|[comm, cgroups]| comm + 1 == *cgroups),
            "{reports:?}"
        );
    }
}
