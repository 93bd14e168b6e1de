//! Selection of system calls to capture: `base_syscalls:`.

use std::collections::BTreeSet;

use eyas::events::{SyscallCode, syscalls};
use eyas::fields::Schema;
use eyas::rules::Engine;
use eyas::scap::live::HookSource;
use eyas::sinsp;

use crate::config::{BaseSyscalls, LsmSource};

/// System calls that the rules can match, and those that the state needs: the configured ones, or all that
/// change the state. Before the rules are known, only those for the state.
pub fn interest(base: &BaseSyscalls, engine: Option<&Engine>) -> Vec<SyscallCode> {
    choose(base, engine.map(of_rules).unwrap_or_default()).into_iter().collect()
}

/// System calls that rules can match, or whose events provide domain names for rules.
fn of_rules(engine: &Engine) -> BTreeSet<SyscallCode> {
    let mut rules: BTreeSet<SyscallCode> = sinsp::syscalls_of(engine.codes()).into_iter().collect();
    if observes_names(engine) {
        rules.extend(ANSWERS);
    }
    rules
}

/// Log messages about the captured calls, with Falco's text.
pub fn described(base: &BaseSyscalls, engine: &Engine) -> Vec<String> {
    let rules = of_rules(engine);
    let chosen = choose(base, rules.clone());
    let list = |codes: BTreeSet<SyscallCode>| {
        let names: BTreeSet<&str> = codes.into_iter().map(SyscallCode::name).collect();
        (names.len(), names.into_iter().collect::<Vec<_>>().join(", "))
    };
    let (rest, others) = list(chosen.difference(&rules).copied().collect());
    let ((in_rules, names), (total, all)) = (list(rules), list(chosen));
    vec![
        format!("({in_rules}) syscalls in rules: {names}"),
        format!("+({rest}) syscalls (Falco's state engine set of syscalls): {others}"),
        format!("({total}) syscalls selected in total (final set): {all}"),
    ]
}

/// Calls that receive responses of name servers.
const ANSWERS: [SyscallCode; 3] = [SyscallCode::RECVFROM, SyscallCode::RECVMSG, SyscallCode::RECVMMSG];

/// Whether rules use fields that come from responses of name servers.
pub fn observes_names(engine: &Engine) -> bool {
    const NAMES: [&str; 4] = ["fd.domain", "dns.query", "dns.answers", "dns.is_answer"];
    let schema = sinsp::schema();
    let ids = NAMES.map(|name| schema.resolve(name, None).map(|field| field.id).ok());
    engine.fields_by_use().iter().flatten().any(|field| ids.contains(&Some(field.id)))
}

/// Method of capturing decisions of the kernel's security hooks; `None` unless the configuration or a rule
/// requests them.
pub fn hooks(chosen: LsmSource, engine: &Engine) -> Option<HookSource> {
    match chosen {
        LsmSource::Off => None,
        LsmSource::On => Some(HookSource::Auto),
        LsmSource::Lsm => Some(HookSource::Lsm),
        LsmSource::Fexit => Some(HookSource::Functions),
        LsmSource::Auto => uses_decisions(engine).then_some(HookSource::Auto),
    }
}

/// Whether rules use fields that come from such decisions.
fn uses_decisions(engine: &Engine) -> bool {
    let schema = sinsp::schema();
    let ids: Vec<_> =
        DECIDED.iter().filter_map(|name| schema.resolve(name, None).ok()).map(|field| field.id).collect();
    engine.fields_by_use().iter().flatten().any(|field| ids.contains(&field.id))
}

/// Fields of decisions of security hooks.
const DECIDED: [&str; 6] = ["lsm.hook", "lsm.verdict", "lsm.path", "lsm.target", "lsm.address", "lsm.value"];

fn choose(base: &BaseSyscalls, rules: BTreeSet<SyscallCode>) -> BTreeSet<SyscallCode> {
    let (mut added, mut removed) = (BTreeSet::new(), BTreeSet::new());
    for entry in &base.custom_set {
        match entry.strip_prefix('!') {
            Some(name) => removed.extend(named(name)),
            None => added.extend(named(entry)),
        }
    }
    let repair =
        |codes: &BTreeSet<SyscallCode>| sinsp::syscalls_to_repair(&codes.iter().copied().collect::<Vec<_>>());
    let mut codes = rules;
    if !added.is_empty() {
        codes.extend(added);
    } else if base.repair {
        codes.extend(repair(&codes));
    } else {
        codes.extend(sinsp::syscalls_of_state());
        if base.all {
            codes.extend(sinsp::frequent_syscalls_of_state());
        }
    }
    codes.retain(|code| !removed.contains(code));
    if base.repair && !base.custom_set.is_empty() {
        codes.extend(repair(&codes));
    }
    // Without this event, ended threads would never be removed.
    codes.insert(SyscallCode::SCHED_PROCESS_EXIT);
    codes
}

/// The system calls with this name. There may be several, for example with different widths.
fn named(name: &str) -> impl Iterator<Item = SyscallCode> + '_ {
    syscalls().filter(move |call| call.name == name).map(|call| call.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(custom: &[&str], repair: bool, all: bool) -> BTreeSet<SyscallCode> {
        let custom_set = custom.iter().map(|name| (*name).to_owned()).collect();
        choose(&BaseSyscalls { custom_set, repair, all }, [SyscallCode::UNLINKAT].into())
    }

    #[test]
    fn the_calls_of_the_state_are_captured_by_default() {
        let codes = chosen(&[], false, false);
        for code in [SyscallCode::UNLINKAT, SyscallCode::OPENAT, SyscallCode::CLONE] {
            assert!(codes.contains(&code), "{code:?}");
        }
        assert!(!codes.contains(&SyscallCode::READ) && !codes.contains(&SyscallCode::RECVFROM));
        assert!(chosen(&[], false, true).contains(&SyscallCode::RECVFROM));
    }

    #[test]
    fn a_custom_set_replaces_what_the_state_needs() {
        let codes = chosen(&["mkdir"], false, false);
        let want = [SyscallCode::UNLINKAT, SyscallCode::MKDIR, SyscallCode::SCHED_PROCESS_EXIT];
        assert_eq!(codes, want.into());
        let codes = chosen(&["!unlinkat", "!openat"], false, false);
        assert!(codes.contains(&SyscallCode::CLONE));
        assert!(!codes.contains(&SyscallCode::UNLINKAT) && !codes.contains(&SyscallCode::OPENAT));
    }

    #[test]
    fn a_repair_adds_the_least() {
        let codes = chosen(&[], true, false);
        assert!(codes.contains(&SyscallCode::CLOSE) && codes.contains(&SyscallCode::EXECVE));
        assert!(!codes.contains(&SyscallCode::OPENAT) && !codes.contains(&SyscallCode::SOCKET));
        let codes = chosen(&["connect"], true, false);
        assert!(codes.contains(&SyscallCode::SOCKET) && codes.contains(&SyscallCode::CLONE3));
    }

    #[test]
    fn rules_on_observed_names_capture_dns_replies() {
        let wants = |field: &str| {
            let rule = format!(
                "- rule: r\n  desc: d\n  condition: evt.type = connect and {field}\n  output: o\n  priority: INFO\n"
            );
            let source = eyas::rules::RuleSource::new("r.yaml", rule);
            let rules = eyas::rules::RuleSet::new(std::sync::Arc::new(sinsp::schema()), [source]).unwrap();
            let engine = rules.compile().unwrap();
            interest(&BaseSyscalls::default(), Some(&engine)).contains(&SyscallCode::RECVFROM)
        };
        assert!(wants("fd.domain = example.org") && !wants("fd.sip = 1.2.3.4"));
    }

    #[test]
    fn names_that_are_no_system_calls_change_nothing_and_are_named() {
        let custom_set = ["!opne", "redd", "!close", ""].map(str::to_owned).to_vec();
        let base = BaseSyscalls { custom_set, ..BaseSyscalls::default() };
        let mut usual = choose(&BaseSyscalls::default(), BTreeSet::new());
        usual.remove(&SyscallCode::CLOSE);
        assert_eq!(choose(&base, BTreeSet::new()), usual);
        let said = base.warnings();
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(
            said[0].starts_with("Invalid (positive) syscall names: warning (base_syscalls override): redd;"),
            "{said:?}"
        );
        assert!(
            said[1].starts_with("Invalid (negative) syscall names: warning (base_syscalls override): opne;"),
            "{said:?}"
        );
    }
}
