//! The graph of processes, files and connections, and the data flow between them.

use std::collections::BTreeMap;

use anyhow::Result;
use eyas::events::EventType;
use eyas::sinsp::EventView;
use rustc_hash::FxHashMap;

use crate::processes::{Key, key, key_of};
use crate::values::Named;

/// Maximum number of kept edges; further ones are only counted.
const MAX_EDGES: usize = 500_000;

/// A node of the graph.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Node {
    Process(Key),
    /// A path.
    File(String),
    /// Both ends.
    Connection(String),
}

/// An effect of one node on another.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    pub from: usize,
    pub to: usize,
    pub verb: &'static str,
    /// Times of the first and the last time, ns since the epoch.
    pub first: u64,
    pub last: u64,
}

/// All of them.
pub struct Graph {
    fields: Fields,
    pub nodes: Vec<Node>,
    index: FxHashMap<Node, usize>,
    pub edges: Vec<Edge>,
    known: FxHashMap<(usize, usize, &'static str), usize>,
    /// Number of effects beyond the limit.
    pub more: u64,
    /// Processes with events, and the times of their first and last event.
    pub active: BTreeMap<Key, (u64, u64)>,
    /// Processes that were created, or executed a program, during the capture.
    pub began: BTreeMap<Key, u64>,
}

struct Fields {
    fd: Named,
    path: Named,
    source: Named,
    target: Named,
    read: Named,
    write: Named,
    exepath: Named,
}

impl Graph {
    /// # Errors
    /// A field is unknown, which is a bug.
    pub fn new() -> Result<Self> {
        let fields = Fields {
            fd: Named::new("fd.name")?,
            path: Named::new("fs.path.name")?,
            source: Named::new("fs.path.source")?,
            target: Named::new("fs.path.target")?,
            read: Named::new("evt.is_open_read")?,
            write: Named::new("evt.is_open_write")?,
            exepath: Named::new("proc.exepath")?,
        };
        Ok(Self {
            fields,
            nodes: Vec::new(),
            index: FxHashMap::default(),
            edges: Vec::new(),
            known: FxHashMap::default(),
            more: 0,
            active: BTreeMap::new(),
            began: BTreeMap::new(),
        })
    }

    /// The number of a node, if it is known.
    pub fn find(&self, node: &Node) -> Option<usize> {
        self.index.get(node).copied()
    }

    fn node(&mut self, node: Node) -> usize {
        if let Some(at) = self.index.get(&node) {
            return *at;
        }
        self.nodes.push(node.clone());
        self.index.insert(node, self.nodes.len() - 1);
        self.nodes.len() - 1
    }

    fn edge(&mut self, from: Node, to: Node, verb: &'static str, ts: u64) {
        if self.edges.len() >= MAX_EDGES {
            self.more += 1;
            return;
        }
        let (from, to) = (self.node(from), self.node(to));
        if from == to {
            return;
        }
        let (edges, known) = (&mut self.edges, &mut self.known);
        let at = *known.entry((from, to, verb)).or_insert_with(|| {
            edges.push(Edge { from, to, verb, first: ts, last: ts });
            edges.len() - 1
        });
        edges[at].last = ts;
    }

    /// Records an event.
    pub fn note(&mut self, event: &EventView<'_>) {
        use EventType as E;
        let raw = event.event();
        let Some(own) = key(event) else { return };
        let ts = raw.ts;
        self.active.entry(own).and_modify(|(_, last)| *last = ts).or_insert((ts, ts));
        let Some(info) = raw.info().filter(|_| raw.ty.is_exit()) else { return };
        let failed = raw.result().is_some_and(|result| result < 0);
        let me = || Node::Process(own);
        match info.name {
            "clone" | "clone3" | "fork" | "vfork" if raw.result() == Some(0) => {
                self.began.entry(own).or_insert(ts);
                if let Some(parent) = parent(event).filter(|parent| *parent != own) {
                    self.edge(Node::Process(parent), me(), "starts", ts);
                }
            }
            "execve" | "execveat" if !failed => {
                self.began.entry(own).or_insert(ts);
                if let Some(parent) = parent(event).filter(|parent| *parent != own) {
                    self.edge(Node::Process(parent), me(), "starts", ts);
                }
                if let Some(path) = self.fields.exepath.text(event).and_then(file) {
                    self.edge(path, me(), "executes", ts);
                }
            }
            "open" | "openat" | "openat2" | "creat" if !failed => {
                let path = self.fields.fd.text(event).or_else(|| self.fields.path.text(event));
                let Some(path) = path.and_then(file) else { return };
                if raw.ty == E::SYSCALL_CREAT_X || self.fields.write.is_true(event) {
                    self.edge(me(), path.clone(), "writes", ts);
                }
                if self.fields.read.is_true(event) {
                    self.edge(path, me(), "reads", ts);
                }
            }
            "unlink" | "unlinkat" | "rmdir" if !failed => self.change(event, own, "removes"),
            "mkdir" | "mkdirat" | "mknod" | "mknodat" if !failed => self.change(event, own, "makes"),
            "chmod" | "fchmodat" | "fchmodat2" | "fchmod" => self.change(event, own, "changes the mode of"),
            "chown" | "fchownat" | "lchown" | "fchown" if !failed => {
                self.change(event, own, "changes the owner of");
            }
            "truncate" | "ftruncate" if !failed => self.change(event, own, "truncates"),
            "rename" | "renameat" | "renameat2" | "link" | "linkat" | "symlink" | "symlinkat" if !failed => {
                let (source, target) = (self.fields.source.text(event), self.fields.target.text(event));
                let (Some(source), Some(target)) = (source, target) else { return };
                let (Some(source), Some(target)) = (file(source), file(target)) else { return };
                let [verb, becomes] = match info.name {
                    name if name.starts_with("rename") => ["renames", "becomes"],
                    _ => ["links", "is linked as"],
                };
                self.edge(me(), target.clone(), verb, ts);
                self.edge(source, target, becomes, ts);
            }
            "connect" if !failed || raw.result() == Some(-115) => self.connection(event, own, "connects"),
            "accept" | "accept4" if !failed => self.connection(event, own, "accepts"),
            "kill" | "tkill" | "tgkill" if !failed => {
                self.record_contact(event, own, number(event, &["tid", "pid"]), "signals");
            }
            "ptrace" if !failed => self.record_contact(event, own, number(event, &["pid"]), "traces"),
            "process_vm_writev" | "process_vm_readv" if !failed => {
                self.record_contact(event, own, number(event, &["pid"]), "reaches into");
            }
            "setns" | "pidfd_open" | "pidfd_getfd" if !failed => {
                let target = event.fd().map(|fd| i64::from(fd.pid)).filter(|pid| *pid > 0);
                self.record_contact(event, own, target, "enters");
            }
            _ => {}
        }
    }

    fn change(&mut self, event: &EventView<'_>, own: Key, verb: &'static str) {
        let path = self.fields.path.text(event).or_else(|| self.fields.fd.text(event));
        if let Some(path) = path.and_then(file) {
            self.edge(Node::Process(own), path, verb, event.event().ts);
        }
    }

    fn connection(&mut self, event: &EventView<'_>, own: Key, verb: &'static str) {
        let ts = event.event().ts;
        let is_inet = event.fd().is_some_and(|fd| fd.kind.is_inet());
        if let Some(name) = self.fields.fd.text(event).filter(|name| is_inet && name.contains("->")) {
            // Data may flow in both directions.
            self.edge(Node::Process(own), Node::Connection(name.clone()), verb, ts);
            self.edge(Node::Connection(name), Node::Process(own), "brings", ts);
        }
    }

    /// Records that one process acts on another.
    fn record_contact(&mut self, event: &EventView<'_>, own: Key, target: Option<i64>, verb: &'static str) {
        let threads = &event.state().threads;
        let Some(target) = target.and_then(|tid| threads.get(tid)).filter(|thread| thread.is_valid()) else {
            return;
        };
        let target = key_of(threads.main_of(target).unwrap_or(target));
        self.edge(Node::Process(own), Node::Process(target), verb, event.event().ts);
    }
}

/// The process above.
fn parent(event: &EventView<'_>) -> Option<Key> {
    let threads = &event.state().threads;
    let parent = threads.parent_of(event.thread()?).filter(|parent| parent.is_valid())?;
    Some(key_of(threads.main_of(parent).unwrap_or(parent)))
}

fn number(event: &EventView<'_>, names: &[&str]) -> Option<i64> {
    let raw = event.event();
    let at = |name: &&str| raw.info()?.params.iter().position(|param| param.name == *name);
    names.iter().find_map(|name| raw.int(at(name)?)).filter(|number| *number > 0)
}

/// A file that may carry data from one process to another. Devices that discard written data do not.
fn file(path: String) -> Option<Node> {
    const DISCARDING_DEVICES: [&str; 8] = [
        "/dev/null",
        "/dev/zero",
        "/dev/full",
        "/dev/urandom",
        "/dev/random",
        "/dev/tty",
        "/dev/pts/",
        "/dev/ptmx",
    ];
    let is_path = path.starts_with('/') || path.starts_with("memfd:");
    if !is_path || DISCARDING_DEVICES.iter().any(|device| path.starts_with(device)) {
        return None;
    }
    Some(Node::File(path))
}
