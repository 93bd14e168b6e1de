//! Activity of processes: files, connections, and a timeline.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use eyas::sinsp::EventView;

use crate::processes::{Involved, Key, key};
use crate::values::Named;

/// Maximum number of kept timeline entries, files and connections; further ones are only counted.
const MAX: usize = 300;

/// An entry of the timeline.
pub struct Step {
    pub ts: u64,
    pub process: Key,
    /// The process's name then.
    pub name: String,
    pub text: String,
}

/// Actions on a file or a connection, and the processes that performed them.
#[derive(Default)]
pub struct Touched {
    pub ways: BTreeSet<&'static str>,
    pub by: BTreeSet<Key>,
}

/// Files or connections by name.
#[derive(Default)]
pub struct Things {
    pub all: BTreeMap<String, Touched>,
    /// Number of accesses to things that are not kept.
    pub more: u64,
}

impl Things {
    fn add(&mut self, name: &str, way: &'static str, by: Key) {
        if self.all.len() >= MAX && !self.all.contains_key(name) {
            self.more += 1;
            return;
        }
        let touched = self.all.entry(name.to_owned()).or_default();
        touched.ways.insert(way);
        touched.by.insert(by);
    }
}

/// Activity of the processes of a report.
pub struct Activity {
    fields: Fields,
    pub timeline: Vec<Step>,
    /// Number of steps beyond the limit of the timeline.
    pub more: u64,
    /// Files that were changed or executed.
    pub changed: Things,
    /// Files that were only read, which may be many more.
    pub read: Things,
    pub connections: Things,
    /// Number of events of these processes.
    pub events: u64,
}

/// The used fields.
struct Fields {
    ty: Named,
    failed: Named,
    res: Named,
    name: Named,
    asked: [Named; 2],
    cmdline: Named,
    exepath: Named,
    fd: Named,
    read: Named,
    write: Named,
    created: Named,
    path: Named,
    source: Named,
    target: Named,
}

impl Activity {
    /// # Errors
    /// A field is unknown, which is a bug.
    pub fn new() -> Result<Self> {
        let fields = Fields {
            ty: Named::new("evt.type")?,
            failed: Named::new("evt.failed")?,
            res: Named::new("evt.res")?,
            name: Named::new("proc.name")?,
            asked: [Named::new("evt.arg.filename")?, Named::new("evt.arg.exe")?],
            cmdline: Named::new("proc.cmdline")?,
            exepath: Named::new("proc.exepath")?,
            fd: Named::new("fd.name")?,
            read: Named::new("evt.is_open_read")?,
            write: Named::new("evt.is_open_write")?,
            created: Named::new("evt.is_open_create")?,
            path: Named::new("fs.path.name")?,
            source: Named::new("fs.path.source")?,
            target: Named::new("fs.path.target")?,
        };
        Ok(Self {
            fields,
            timeline: Vec::new(),
            more: 0,
            changed: Things::default(),
            read: Things::default(),
            connections: Things::default(),
            events: 0,
        })
    }

    /// Records an event, if one of the processes caused it.
    pub fn note(&mut self, event: &EventView<'_>, involved: &Involved) {
        let Some(process) = key(event).filter(|key| involved.active.contains(key)) else { return };
        self.events += 1;
        let Some(ty) = self.fields.ty.text(event) else { return };
        let failed = self.fields.failed.is_true(event);
        let Some(mut text) = self.describe(event, &ty, failed, process) else { return };
        if failed {
            text += &format!(" ({})", self.fields.res.text(event).unwrap_or_else(|| "failed".to_owned()));
        }
        // Repeated equal actions of a program become one step.
        if self.timeline.last().is_some_and(|last| last.process == process && last.text == text) {
            return;
        }
        if self.timeline.len() >= MAX {
            self.more += 1;
            return;
        }
        let name = self.fields.name.text(event).unwrap_or_default();
        self.timeline.push(Step { ts: event.event().ts, process, name, text });
    }

    /// Description of what the process did with this event, if it is informative.
    pub fn action(&mut self, event: &EventView<'_>) -> Option<(Key, String)> {
        // Most events are not informative: their name suffices to skip them.
        let name = event.event().info().map_or("", |info| info.name);
        if matches!(
            name,
            "read" | "write" | "close" | "mmap" | "munmap" | "brk" | "futex" | "fstat" | "switch"
        ) {
            return None;
        }
        let process = key(event)?;
        let ty = self.fields.ty.text(event)?;
        let failed = self.fields.failed.is_true(event);
        let mut text = self.describe(event, &ty, failed, process)?;
        if failed {
            text += &format!(" ({})", self.fields.res.text(event).unwrap_or_else(|| "failed".to_owned()));
        }
        Some((process, text))
    }

    /// Description of the event, if it belongs to the timeline.
    fn describe(&mut self, event: &EventView<'_>, ty: &str, failed: bool, process: Key) -> Option<String> {
        let fields = &self.fields;
        let fd = fields.fd.text(event);
        let path = fields.path.text(event);
        match ty {
            "execve" | "execveat" => {
                if failed {
                    // The path, if the event has it, or what the program was to be called.
                    let asked = fields.asked.iter().find_map(|field| field.text(event));
                    return Some(format!("fails to execute {}", asked.as_deref().unwrap_or("a program")));
                }
                let path = fields.exepath.text(event).unwrap_or_default();
                self.changed.add(&path, "executed", process);
                let command = fields.cmdline.text(event).unwrap_or_default();
                Some(format!("executes {path}: {command}"))
            }
            "open" | "openat" | "openat2" | "creat" => {
                let name = fd.or(path)?;
                let writes = ty == "creat" || fields.write.is_true(event);
                let creates = ty == "creat" || fields.created.is_true(event);
                if !failed {
                    if fields.read.is_true(event) {
                        self.read.add(&name, "read", process);
                    }
                    for (is_so, way) in [(creates, "made"), (writes, "written")] {
                        if is_so {
                            self.changed.add(&name, way, process);
                        }
                    }
                }
                // Programs read hundreds of files at startup; only the list of files has these.
                writes.then(|| format!("opens {name} for writing"))
            }
            "connect" => {
                let name = fd?;
                self.connections.add(&name, if failed { "tried" } else { "connected" }, process);
                Some(format!("connects: {name}"))
            }
            "accept" | "accept4" => {
                let name = fd?;
                self.connections.add(&name, "accepted", process);
                Some(format!("accepts: {name}"))
            }
            "bind" | "listen" => {
                let name = fd?;
                self.connections.add(&name, "listened", process);
                Some(format!("listens: {name}"))
            }
            "unlink" | "unlinkat" | "rmdir" => self.change(path?, "removed", "removes", failed, process),
            "mkdir" | "mkdirat" | "mknod" | "mknodat" => self.change(path?, "made", "makes", failed, process),
            "chmod" | "fchmodat" | "fchmod" | "chown" | "fchownat" | "lchown" | "fchown" => {
                self.change(path.or(fd)?, "rights changed", "changes the rights of", failed, process)
            }
            "rename" | "renameat" | "renameat2" | "link" | "linkat" | "symlink" | "symlinkat" | "mount" => {
                let (source, target) = (fields.source.text(event)?, fields.target.text(event)?);
                let way = match ty {
                    "mount" => "mounted",
                    _ if ty.starts_with("rename") => "renamed",
                    _ => "linked",
                };
                self.changed.add(&source, way, process);
                self.changed.add(&target, way, process);
                Some(format!("{ty}: {source}, {target}"))
            }
            "setuid" | "setresuid" | "setgid" | "setresgid" | "setns" | "unshare" | "ptrace" | "bpf"
            | "init_module" | "finit_module" | "capset" | "chroot" | "pivot_root" | "umount" | "umount2"
            | "memfd_create" => Some(match path.or(fd) {
                Some(name) => format!("calls {ty}: {name}"),
                None => format!("calls {ty}"),
            }),
            "procexit" => Some("ends".to_owned()),
            _ => None,
        }
    }

    fn change(
        &mut self,
        path: String,
        way: &'static str,
        verb: &str,
        failed: bool,
        process: Key,
    ) -> Option<String> {
        if !failed {
            self.changed.add(&path, way, process);
        }
        Some(format!("{verb} {path}"))
    }
}
