//! The table of processes: one row for each program that a process ran.

use std::path::Path;

use anyhow::Result;
use eyas::events::EventType;
use eyas::fields::Value;
use eyas::sinsp::EventView;
use eyas::sinsp::state::{State, Text, Thread};
use rustc_hash::FxHashMap;

use super::column::Kind;
use super::table::{Table, plain};

/// The table.
pub struct Lives {
    /// Its rows.
    pub table: Table,
    /// The current program of each process.
    lives: FxHashMap<i64, Life>,
    /// The process of the previous event.
    last: i64,
}

/// A process since the start of its program.
struct Life {
    began: Option<u64>,
    how: &'static str,
    parent: i64,
    comm: Text,
    exepath: Text,
    cmdline: Text,
    cwd: Text,
    uid: u32,
    user: Option<Text>,
    container: Option<Text>,
    ancestors: Vec<Text>,
}

/// How a program ended.
struct End {
    ts: Option<u64>,
    how: Option<&'static str>,
    status: Option<i64>,
}

const NAMES: [(&str, Kind); 15] = [
    ("began", Kind::Time),
    ("ended", Kind::Time),
    ("begin", Kind::Text),
    ("end", Kind::Text),
    ("status", Kind::Int),
    ("proc.pid", Kind::Int),
    ("proc.ppid", Kind::Int),
    ("proc.name", Kind::Text),
    ("proc.exepath", Kind::Text),
    ("proc.cmdline", Kind::Text),
    ("proc.cwd", Kind::Text),
    ("user.uid", Kind::Int),
    ("user.name", Kind::Text),
    ("container.id", Kind::Text),
    ("proc.aname", Kind::Text),
];

impl Lives {
    /// Creates the table below a directory.
    pub fn new(root: &Path) -> Result<Self> {
        let columns = NAMES.map(|(name, kind)| plain(name, kind).of_lists(name == "proc.aname"));
        let table = Table::new(root, "processes", columns.into())?;
        Ok(Self { table, lives: FxHashMap::default(), last: -1 })
    }

    /// Records the programs that an event begins or ends.
    pub fn note(&mut self, event: &EventView<'_>) -> Result<()> {
        let raw = event.event();
        let Some(thread) = event.thread().filter(|thread| thread.pid >= 0) else { return Ok(()) };
        let pid = thread.pid;
        let executes = matches!(raw.ty, EventType::SYSCALL_EXECVE_19_X | EventType::SYSCALL_EXECVEAT_X)
            && raw.result() == Some(0);
        let exits = raw.ty == EventType::PROCEXIT_1_E && raw.tid == pid;
        if self.last == pid && !executes && !exits {
            return Ok(());
        }
        if executes {
            let end = End { ts: Some(raw.ts), how: Some("execve"), status: None };
            self.end(pid, &end, raw.ts)?;
        }
        self.last = if exits { -1 } else { pid };
        if !self.lives.contains_key(&pid) {
            let main = event.state().threads.main_of(thread).unwrap_or(thread);
            let how = match (executes, main.clone_ts) {
                (true, _) => ("execve", Some(raw.ts)),
                (false, 0) => ("before", None),
                (false, ts) => ("clone", Some(ts)),
            };
            self.begin(event.state(), main, how);
        }
        if exits {
            let status =
                raw.by_name("status").and_then(|bytes| bytes.try_into().ok()).map(i64::from_le_bytes);
            self.end(pid, &End { ts: Some(raw.ts), how: Some("exit"), status }, raw.ts)?;
        }
        Ok(())
    }

    /// Records the processes that were already running.
    pub fn begin_with(&mut self, state: &State) {
        for thread in state.threads.iter().filter(|thread| thread.is_main() && thread.pid >= 0) {
            if !self.lives.contains_key(&thread.pid) {
                let began = Some(thread.clone_ts).filter(|ts| *ts > 0);
                self.begin(state, thread, ("before", began));
            }
        }
    }

    fn begin(&mut self, state: &State, main: &Thread, (how, began): (&'static str, Option<u64>)) {
        let user = state.users.user(main.container.as_ref(), main.uid);
        let life = Life {
            began,
            how,
            parent: state.threads.parent_of(main).map_or(main.ptid, |parent| parent.pid),
            comm: main.comm.clone(),
            exepath: main.executable.path.clone(),
            cmdline: main.cmdline.clone(),
            cwd: state.threads.cwd(main).into(),
            uid: main.uid,
            user: user.map(|user| user.name.as_slice().into()),
            container: main.container.clone(),
            ancestors: state.threads.ancestors(main).map(|thread| thread.comm.clone()).collect(),
        };
        self.lives.insert(main.pid, life);
    }

    /// Writes rows for programs that still run at the end of a capture.
    pub fn end_all(&mut self, ts: u64) -> Result<()> {
        let mut rest: Vec<i64> = self.lives.keys().copied().collect();
        rest.sort_unstable();
        for pid in rest {
            self.end(pid, &End { ts: None, how: None, status: None }, ts)?;
        }
        self.last = -1;
        Ok(())
    }

    fn end(&mut self, pid: i64, end: &End, ts: u64) -> Result<()> {
        let Some(life) = self.lives.remove(&pid) else { return Ok(()) };
        self.table.begin_row(ts)?;
        let [
            began,
            ended,
            begin,
            how,
            status,
            id,
            parent,
            name,
            exe,
            cmdline,
            cwd,
            uid,
            user,
            container,
            aname,
        ] = &mut self.table.columns[..]
        else {
            return Ok(());
        };
        began.push_number(life.began.map(|ts| ts as i64));
        ended.push_number(end.ts.map(|ts| ts as i64));
        begin.push_text(Some(life.how.as_bytes()));
        how.push_text(end.how.map(str::as_bytes));
        status.push_number(end.status);
        id.push_number(Some(pid));
        parent.push_number(Some(life.parent).filter(|pid| *pid >= 0));
        name.push_text(Some(&life.comm));
        exe.push_text(Some(&life.exepath));
        cmdline.push_text(Some(&life.cmdline));
        cwd.push_text(Some(&life.cwd));
        uid.push_number(Some(i64::from(life.uid)).filter(|uid| *uid != i64::from(u32::MAX)));
        user.push_text(life.user.as_deref());
        container.push_text(life.container.as_deref());
        let ancestors: Vec<Value<'_>> = life.ancestors.iter().map(|name| Value::Str(name)).collect();
        let cell = aname.cell(Some(&Value::List(&ancestors)));
        aname.push(cell);
        self.table.end_row();
        Ok(())
    }
}
