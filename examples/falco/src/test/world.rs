//! The initial system of a test, and events in it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use eyas::events::{EventFlags, EventInfo, EventType, events, param, syscalls};
use eyas::scap::{EventBuilder, FdDetail, FdEntry, OwnedEvent, Snapshot, ThreadEntry, User};
use eyas::sinsp::capability;
use serde_json::{Value, json};

use super::file::{Event, Process, Test};
use super::literal;

/// Process id of the first process without an explicit id.
const FIRST_PID: i64 = 1000;
/// Time of the first event, ns since the epoch, and time between two events.
const START: u64 = 1_700_000_000_000_000_000;
const STEP: u64 = 1_000_000;
/// Protocol of file descriptors and addresses in tests, as in snapshots: TCP.
const TCP: u8 = 2;

/// The initial system of a test.
pub struct World {
    threads: Vec<ThreadEntry>,
    fds: Vec<(i64, Vec<FdEntry>)>,
    users: Vec<User>,
    containers: Vec<OwnedEvent>,
}

impl World {
    /// The processes, users and containers of a test.
    pub fn new(test: &Test) -> Result<Self> {
        let mut this =
            Self { threads: Vec::new(), fds: Vec::new(), users: Vec::new(), containers: Vec::new() };
        for user in &test.users {
            let name = user.name.clone().into_bytes();
            this.users.push(User { uid: user.uid, gid: 0, name, home: Vec::new(), shell: Vec::new() });
        }
        let mut cgroups = BTreeMap::new();
        for (position, container) in test.containers.iter().enumerate() {
            let id = container.id.clone().unwrap_or_else(|| format!("c{position:011x}"));
            if id.len() > 64 || id.is_empty() || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
                bail!("container {}: the id `{id}` is not 1 to 64 hexadecimal digits", container.name);
            }
            let id = format!("{id:0<64}");
            let (repository, tag) = container.image.rsplit_once(':').unwrap_or((&container.image, "latest"));
            let json = json!({"container": {
                "id": &id[..12], "full_id": id, "name": container.name, "type": 0, "image": container.image,
                "imagerepo": repository, "imagetag": tag, "privileged": container.privileged,
                "labels": container.labels,
            }});
            let event = EventBuilder::new(EventType::CONTAINER_JSON_2_E)
                .ts(START)
                .text(param::CONTAINER_JSON_2_E::json, json.to_string().as_bytes());
            this.containers.push(event.build());
            cgroups.insert(container.name.as_str(), format!("cpuset=/docker/{id}\0"));
        }
        for process in &test.processes {
            let context = || format!("process {}", process.name);
            this.add(process, &cgroups).with_context(context)?;
        }
        if this.threads.is_empty() {
            this.threads.push(ThreadEntry {
                tid: FIRST_PID,
                pid: FIRST_PID,
                comm: b"test".to_vec(),
                cwd: b"/".to_vec(),
                ..ThreadEntry::default()
            });
        }
        Ok(this)
    }

    fn add(&mut self, process: &Process, cgroups: &BTreeMap<&str, String>) -> Result<()> {
        let taken = |pid: i64| self.threads.iter().any(|t| t.pid == pid);
        let pid = match process.pid {
            Some(pid) if taken(pid) => bail!("another process has the id {pid}"),
            Some(pid) => pid,
            None => (FIRST_PID..).find(|pid| !taken(*pid)).unwrap_or(FIRST_PID),
        };
        let parent = match &process.parent {
            Some(name) => self.find(name)?.pid,
            None => self.threads.last().map_or(1, |last| last.pid),
        };
        let uid = match &process.user {
            None => 0,
            Some(Value::String(name)) => match self.users.iter().find(|u| u.name == name.as_bytes()) {
                Some(user) => user.uid,
                None if name == "root" => 0,
                None => bail!("`{name}` is not one of the users"),
            },
            Some(id) => {
                id.as_u64().and_then(|id| u32::try_from(id).ok()).context("user is a name or an id")?
            }
        };
        let groups = match &process.container {
            None => String::new(),
            Some(name) => cgroups
                .get(name.as_str())
                .with_context(|| format!("`{name}` is not one of the containers"))?
                .clone(),
        };
        let text = |given: &Option<String>, default: String| given.clone().unwrap_or(default).into_bytes();
        let lines = |items: &mut dyn Iterator<Item = String>| {
            items.flat_map(|item| [item.into_bytes(), vec![0]].concat()).collect::<Vec<u8>>()
        };
        let mut caps = 0;
        for name in &process.caps {
            caps |= capability(name).with_context(|| format!("`{name}` is not a capability"))?;
        }
        self.threads.push(ThreadEntry {
            tid: pid,
            pid,
            ptid: parent,
            sid: process.session.unwrap_or(pid),
            pgid: pid,
            vpgid: pid,
            comm: process.name.clone().into_bytes(),
            exe: text(&process.exe, process.name.clone()),
            exepath: text(&process.exepath, format!("/usr/bin/{}", process.name)),
            args: lines(&mut process.args.iter().cloned()),
            env: lines(&mut process.env.iter().map(|(key, value)| format!("{key}={value}"))),
            cwd: text(&process.cwd, "/".into()),
            cgroups: groups.into_bytes(),
            uid,
            gid: process.gid,
            loginuid: process.loginuid.unwrap_or(u32::MAX),
            vtid: process.vpid.unwrap_or(pid),
            vpid: process.vpid.unwrap_or(pid),
            tty: process.tty,
            caps: [0, caps, caps],
            exe_writable: process.exe_writable,
            exe_upper_layer: process.exe_upper_layer,
            exe_from_memfd: process.exe_from_memfd,
            ..ThreadEntry::default()
        });
        let mut open = Vec::new();
        for (fd, what) in &process.fds {
            let detail = match literal::ends(what) {
                Some(ends) => {
                    let (local, remote) = ends?;
                    let end = |s: std::net::SocketAddr| (s.ip(), s.port());
                    FdDetail::Socket { local: end(local), remote: end(remote), l4: TCP }
                }
                None => FdDetail::File { open_flags: 0, path: what.clone().into(), dev: 0, mount_id: 0 },
            };
            open.push(FdEntry::new(*fd, 0, detail));
        }
        self.fds.push((pid, open));
        Ok(())
    }

    fn find(&self, which: &Value) -> Result<&ThreadEntry> {
        let found = self.threads.iter().rfind(|thread| match which {
            Value::String(name) => thread.comm == name.as_bytes(),
            id => id.as_i64() == Some(thread.pid),
        });
        found.with_context(|| format!("{which} is not one of the processes"))
    }

    /// The state before the first event.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            threads: self.threads.clone(),
            fds: self.fds.clone(),
            users: self.users.clone(),
            ..Snapshot::default()
        }
    }

    /// Events that report the containers.
    pub fn containers(&self) -> &[OwnedEvent] {
        &self.containers
    }

    /// The event at this position of the test.
    pub fn event(&self, position: usize, event: &Event) -> Result<OwnedEvent> {
        let thread = match &event.by {
            Some(which) => self.find(which)?,
            None => self.threads.last().context("no process")?,
        };
        let (row, code) = row(&event.event)?;
        let ts = START + STEP * (1 + position as u64);
        let mut built = EventBuilder::new(row.ty).tid(thread.tid).ts(ts);
        for (index, param) in row.params.iter().enumerate() {
            let default = match param.name {
                "res" => Some(0_i64.to_le_bytes().to_vec()),
                "ID" => code.map(|code| code.to_le_bytes().to_vec()),
                name => of_process(&event.event, name, thread),
            };
            let bytes = match event.params.get(param.name) {
                Some(value) => literal::bytes(param, value)
                    .with_context(|| format!("{}: parameter {}", event.event, param.name))?,
                None => default.unwrap_or_default(),
            };
            let size = param.ty.size().unwrap_or(usize::MAX).min(bytes.len());
            built = built.bytes(index, &bytes[..size]);
        }
        if let Some(name) = event.params.keys().find(|name| row.param(name).is_none()) {
            let known: Vec<&str> = row.params.iter().map(|p| p.name).collect();
            bail!("{} has no parameter `{name}`: it has {}", event.event, known.join(", "));
        }
        Ok(built.build())
    }
}

/// The newest row of this name with a call's result, and the call's code if it has no row of its own.
fn row(name: &str) -> Result<(&'static EventInfo, Option<u16>)> {
    let current = |row: &&EventInfo| !row.flags.contains(EventFlags::OLD_VERSION);
    let named = || events().filter(|row| row.name == name);
    let found = named().filter(current).filter(|row| row.ty.is_exit()).last();
    if let Some(row) = found.or_else(|| named().filter(current).last()) {
        return Ok((row, None));
    }
    let Some(call) = syscalls().find(|call| call.name == name) else { bail!("there is no event `{name}`") };
    let row = call.exit.info().with_context(|| format!("`{name}` has no event"))?;
    Ok((row, (row.ty == EventType::GENERIC_X).then_some(call.code.0)))
}

/// Default parameters of an event that starts a program or a process.
fn of_process(event: &str, name: &str, thread: &ThreadEntry) -> Option<Vec<u8>> {
    if !matches!(event, "execve" | "execveat" | "clone" | "clone3" | "fork" | "vfork") {
        return None;
    }
    let text = |text: &[u8]| [text, b"\0"].concat();
    let number = |n: i64| n.to_le_bytes().to_vec();
    Some(match name {
        "exe" => text(&thread.exe),
        "comm" => text(&thread.comm),
        "trusted_exepath" | "filename" => text(&thread.exepath),
        "cwd" => text(&thread.cwd),
        "args" => thread.args.clone(),
        "env" => thread.env.clone(),
        "cgroups" => thread.cgroups.clone(),
        "tid" | "pid" => number(thread.tid),
        "ptid" => number(thread.ptid),
        "vtid" | "vpid" => number(thread.vpid),
        "pgid" | "vpgid" => number(thread.pgid),
        "uid" => thread.uid.to_le_bytes().to_vec(),
        "gid" => thread.gid.to_le_bytes().to_vec(),
        "loginuid" => thread.loginuid.to_le_bytes().to_vec(),
        "tty" => thread.tty.to_le_bytes().to_vec(),
        "cap_inheritable" => thread.caps[0].to_le_bytes().to_vec(),
        "cap_permitted" => thread.caps[1].to_le_bytes().to_vec(),
        "cap_effective" => thread.caps[2].to_le_bytes().to_vec(),
        "flags" if event.starts_with("exec") => exec_flags(thread).to_le_bytes().to_vec(),
        _ => return None,
    })
}

fn exec_flags(thread: &ThreadEntry) -> u32 {
    let table = &eyas::events::FlagTable::EXECVE_FLAGS;
    [
        (thread.exe_writable, "EXE_WRITABLE"),
        (thread.exe_upper_layer, "EXE_UPPER_LAYER"),
        (thread.exe_from_memfd, "EXE_FROM_MEMFD"),
    ]
    .into_iter()
    .filter(|(is, _)| *is)
    .map(|(_, name)| table.value(name))
    .sum()
}
