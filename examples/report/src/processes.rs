//! Processes of a capture, and their ancestry.

use std::collections::{BTreeMap, BTreeSet};

use eyas::events::EventType;
use eyas::sinsp::EventView;
use eyas::sinsp::state::Thread;

use crate::values::shown;

/// Key of a process in a capture: its id and its creation time, because ids are reused.
pub type Key = (i64, u64);

/// Maximum number of ancestors that are searched.
const MAX_DEPTH: usize = 256;
/// Command lines of a process that are kept.
const MAX_COMMANDS: usize = 8;

/// A process of the capture.
#[derive(Default)]
pub struct Process {
    pub parent: Option<Key>,
    /// Command lines, in the order in which the process executed programs.
    pub commands: Vec<String>,
    pub user: String,
    /// Id of its container; empty on the host.
    pub container: String,
    /// Whether it ended during the capture.
    pub ended: bool,
}

/// All processes that had events, and their ancestors.
#[derive(Default)]
pub struct Processes {
    all: BTreeMap<Key, Process>,
}

/// Processes in a report.
pub struct Involved {
    /// Processes whose activity is reported: those that raised alerts, their parents and their descendants.
    pub active: BTreeSet<Key>,
    /// Processes that raised alerts.
    pub alerting: BTreeSet<Key>,
    /// Their ancestors, of which only the names are shown.
    pub ancestors: BTreeSet<Key>,
}

/// The process of an event's thread.
pub fn key(event: &EventView<'_>) -> Option<Key> {
    let thread = event.thread().filter(|thread| thread.is_valid())?;
    Some(key_of(event.state().threads.main_of(thread).unwrap_or(thread)))
}

pub fn key_of(leader: &Thread) -> Key {
    (leader.pid, leader.clone_ts)
}

impl Processes {
    /// Records an event.
    pub fn note(&mut self, event: &EventView<'_>) {
        let threads = &event.state().threads;
        let Some(thread) = event.thread().filter(|thread| thread.is_valid()) else { return };
        let leader = threads.main_of(thread).unwrap_or(thread);
        let key = key_of(leader);
        let executes =
            matches!(event.event().ty, EventType::SYSCALL_EXECVE_19_X | EventType::SYSCALL_EXECVEAT_X);
        if !self.all.contains_key(&key) {
            self.add(event, leader);
            let mut child = key;
            for ancestor in threads.ancestors(leader).filter(|ancestor| ancestor.is_valid()) {
                let own = key_of(threads.main_of(ancestor).unwrap_or(ancestor));
                if own == child {
                    continue;
                }
                if let Some(process) = self.all.get_mut(&child) {
                    process.parent = Some(own);
                }
                if self.all.contains_key(&own) {
                    break;
                }
                self.add(event, ancestor);
                child = own;
            }
        } else if executes {
            let command = shown(&leader.cmdline);
            // A child has the command line of its parent until it executes a program.
            let before = self.parent(key).and_then(|parent| self.get(parent)?.commands.last().cloned());
            let Some(process) = self.all.get_mut(&key) else { return };
            if process.commands.len() == 1 && process.commands.first() == before.as_ref() {
                process.commands.clear();
            }
            if process.commands.last() != Some(&command) && process.commands.len() < MAX_COMMANDS {
                process.commands.push(command);
            }
            process.user = user(event, leader);
        }
        if event.event().ty == EventType::PROCEXIT_1_E
            && thread.is_main()
            && let Some(process) = self.all.get_mut(&key)
        {
            process.ended = true;
        }
    }

    fn add(&mut self, event: &EventView<'_>, leader: &Thread) {
        let process = Process {
            parent: None,
            commands: vec![shown(&leader.cmdline)],
            user: user(event, leader),
            container: leader.container.as_deref().map(shown).unwrap_or_default(),
            ended: false,
        };
        self.all.insert(key_of(leader), process);
    }

    pub fn get(&self, key: Key) -> Option<&Process> {
        self.all.get(&key)
    }

    /// The last command line of a process, or its id.
    pub fn name(&self, key: Key) -> String {
        let command = self.get(key).and_then(|process| process.commands.last());
        command.cloned().unwrap_or_else(|| format!("process {}", key.0))
    }

    /// The children of a process that are in `some`.
    pub fn children<'a>(&'a self, of: Key, some: &'a BTreeSet<Key>) -> impl Iterator<Item = Key> + 'a {
        some.iter().copied().filter(move |key| self.parent(*key) == Some(of))
    }

    pub fn parent(&self, key: Key) -> Option<Key> {
        self.get(key)?.parent
    }

    /// The nearest common ancestor of several processes, or one of them if it is that ancestor. Never the machine's first process.
    pub fn origin(&self, of: &BTreeSet<Key>) -> Option<Key> {
        let line = |key: Key| std::iter::successors(Some(key), |key| self.parent(*key)).take(MAX_DEPTH);
        let mut keys = of.iter().copied();
        let first = keys.next()?;
        let others: Vec<BTreeSet<Key>> = keys.map(|key| line(key).collect()).collect();
        let is_common = |key: &Key| key.0 != 1 && others.iter().all(|line| line.contains(key));
        line(first).find(is_common).filter(|_| !others.is_empty())
    }

    /// The processes that a report about these is about.
    pub fn involved(&self, alerting: &BTreeSet<Key>) -> Involved {
        let mut active = alerting.clone();
        // The init process is excluded, because it adopts orphans of all processes.
        active.extend(alerting.iter().filter_map(|key| self.parent(*key)).filter(|key| key.0 != 1));
        loop {
            let is_new = |(key, process): &(&Key, &Process)| {
                process.parent.is_some_and(|parent| active.contains(&parent)) && !active.contains(key)
            };
            let more: Vec<Key> = self.all.iter().filter(is_new).map(|(key, _)| *key).collect();
            if more.is_empty() {
                break;
            }
            active.extend(more);
        }
        let mut ancestors = BTreeSet::new();
        for key in &active {
            let mut above = self.parent(*key);
            while let Some(key) = above.filter(|key| !active.contains(key) && ancestors.insert(*key)) {
                above = self.parent(key);
            }
        }
        Involved { active, alerting: alerting.clone(), ancestors }
    }
}

/// Name of the process's user, or the id.
fn user(event: &EventView<'_>, thread: &Thread) -> String {
    let users = &event.state().users;
    let name = users.user(thread.container.as_ref(), thread.uid).map(|user| shown(&user.name));
    match name {
        Some(name) if !name.is_empty() => name,
        _ if thread.uid == u32::MAX => "unknown".to_owned(),
        _ => format!("uid {}", thread.uid),
    }
}
