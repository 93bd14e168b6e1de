//! The tables of files and of connections: one row for each use by a process.

use std::path::Path;

use anyhow::Result;
use eyas::events::{EventFlags, EventType};
use eyas::sinsp::EventView;
use eyas::sinsp::state::{Fd, FdKind, L4, Role, Socket, Text, Thread};
use rustc_hash::FxHashMap;

use super::column::{Column, Kind};
use super::table::{Table, plain};

/// Maximum number of buffered uses. If there are more, all are written, and later uses of the same object
/// get new rows.
const MOST: usize = 1 << 16;

/// Both tables.
pub struct Uses {
    /// Rows of files.
    pub files: Table,
    /// Rows of connections.
    pub connections: Table,
    by_process: FxHashMap<i64, FxHashMap<Text, Use>>,
    count: usize,
}

/// Use of a file or a connection by a process.
struct Use {
    first: u64,
    last: u64,
    comm: Text,
    exepath: Text,
    uid: u32,
    container: Option<Text>,
    kind: FdKind,
    l4: L4,
    role: Role,
    socket: Socket,
    opens: i64,
    /// Number of reads, and bytes.
    reads: [i64; 2],
    writes: [i64; 2],
    errors: i64,
}

const COMMON: [(&str, Kind); 15] = [
    ("first", Kind::Time),
    ("last", Kind::Time),
    ("proc.pid", Kind::Int),
    ("proc.name", Kind::Text),
    ("proc.exepath", Kind::Text),
    ("user.uid", Kind::Int),
    ("container.id", Kind::Text),
    ("fd.type", Kind::Text),
    ("fd.name", Kind::Text),
    ("opens", Kind::Int),
    ("reads", Kind::Int),
    ("bytes_read", Kind::Int),
    ("writes", Kind::Int),
    ("bytes_written", Kind::Int),
    ("errors", Kind::Int),
];
const ENDS: [(&str, Kind); 6] = [
    ("fd.l4proto", Kind::Text),
    ("role", Kind::Text),
    ("fd.cip", Kind::Text),
    ("fd.cport", Kind::Int),
    ("fd.sip", Kind::Text),
    ("fd.sport", Kind::Int),
];

impl Uses {
    /// Creates the tables below a directory.
    pub fn new(root: &Path) -> Result<Self> {
        let columns =
            |names: &[(&str, Kind)]| names.iter().map(|(name, kind)| plain(name, *kind)).collect::<Vec<_>>();
        let files = Table::new(root, "files", columns(&COMMON))?;
        let connections = Table::new(root, "connections", columns(&[&COMMON[..], &ENDS[..]].concat()))?;
        Ok(Self { files, connections, by_process: FxHashMap::default(), count: 0 })
    }

    /// Records an event.
    pub fn note(&mut self, event: &EventView<'_>) -> Result<()> {
        let raw = event.event();
        if let (Some(fd), Some(thread)) = (event.fd(), event.thread())
            && (fd.kind.is_file() || fd.kind.is_inet() || fd.kind == FdKind::Unix)
            && !fd.name.is_empty()
        {
            self.add(event, fd, thread);
            if self.count > MOST {
                self.write_all(raw.ts)?;
            }
        }
        if raw.ty == EventType::PROCEXIT_1_E
            && let Some(uses) = self.by_process.remove(&raw.tid)
        {
            self.write(raw.tid, uses, raw.ts)?;
        }
        Ok(())
    }

    fn add(&mut self, event: &EventView<'_>, fd: &Fd, thread: &Thread) {
        let raw = event.event();
        let flags = raw.info().map_or(EventFlags::NONE, |info| info.flags);
        let uses = self.by_process.entry(thread.pid).or_default();
        let mut new = false;
        let found = match uses.get_mut(&fd.name) {
            Some(found) => found,
            None => {
                new = true;
                uses.entry(fd.name.clone()).or_insert_with(|| Use {
                    first: raw.ts,
                    last: raw.ts,
                    comm: thread.comm.clone(),
                    exepath: thread.executable.path.clone(),
                    uid: thread.uid,
                    container: thread.container.clone(),
                    kind: fd.kind,
                    l4: fd.l4,
                    role: fd.role,
                    socket: fd.socket(),
                    opens: 0,
                    reads: [0; 2],
                    writes: [0; 2],
                    errors: 0,
                })
            }
        };
        found.last = raw.ts;
        if found.role != fd.role {
            (found.role, found.socket) = (fd.role, fd.socket());
        }
        let result = raw.result();
        match result {
            Some(error) if error < 0 => found.errors += 1,
            _ if flags.contains(EventFlags::CREATES_FD) => found.opens += 1,
            // A copy between files counts as a write, as in `evt.io_dir`.
            _ if flags.contains(EventFlags::WRITES_TO_FD) => {
                found.writes = [found.writes[0] + 1, found.writes[1].saturating_add(result.unwrap_or(0))];
            }
            _ if flags.contains(EventFlags::READS_FROM_FD) => {
                found.reads = [found.reads[0] + 1, found.reads[1].saturating_add(result.unwrap_or(0))];
            }
            _ => {}
        }
        self.count += usize::from(new);
    }

    /// Writes rows for all buffered uses.
    pub fn write_all(&mut self, ts: u64) -> Result<()> {
        let mut all: Vec<_> = std::mem::take(&mut self.by_process).into_iter().collect();
        all.sort_unstable_by_key(|(pid, _)| *pid);
        for (pid, uses) in all {
            self.write(pid, uses, ts)?;
        }
        self.count = 0;
        Ok(())
    }

    fn write(&mut self, pid: i64, uses: FxHashMap<Text, Use>, ts: u64) -> Result<()> {
        self.count = self.count.saturating_sub(uses.len());
        let mut uses: Vec<_> = uses.into_iter().collect();
        uses.sort_unstable_by(|a, b| (a.1.first, &a.0).cmp(&(b.1.first, &b.0)));
        for (name, used) in uses {
            let table = if used.kind.is_file() { &mut self.files } else { &mut self.connections };
            table.begin_row(ts)?;
            let (common, ends) = table.columns.split_at_mut(COMMON.len());
            fill(common, pid, &name, &used);
            fill_ends(ends, &used);
            table.end_row();
        }
        Ok(())
    }
}

fn fill(columns: &mut [Column], pid: i64, name: &[u8], used: &Use) {
    let [first, last, process, comm, exe, uid, container, kind, path, counts @ ..] = columns else { return };
    first.push_number(Some(used.first as i64));
    last.push_number(Some(used.last as i64));
    process.push_number(Some(pid));
    comm.push_text(Some(&used.comm));
    exe.push_text(Some(&used.exepath));
    uid.push_number(Some(i64::from(used.uid)).filter(|uid| *uid != i64::from(u32::MAX)));
    container.push_text(used.container.as_deref());
    kind.push_text(Some(used.kind.name().as_bytes()));
    path.push_text(Some(name));
    let values = [used.opens, used.reads[0], used.reads[1], used.writes[0], used.writes[1], used.errors];
    counts.iter_mut().zip(values).for_each(|(column, value)| column.push_number(Some(value)));
}

fn fill_ends(columns: &mut [Column], used: &Use) {
    let [protocol, role, cip, cport, sip, sport] = columns else { return };
    protocol.push_text(used.kind.is_inet().then(|| used.l4.name().as_bytes()));
    role.push_text(match used.role {
        Role::None => None,
        Role::Client => Some(b"client"),
        Role::Server => Some(b"server"),
    });
    let (client, server) = match used.socket {
        Socket::Inet { source, destination } => (Some(source), Some(destination)),
        Socket::Server { addr } => (None, Some(addr)),
        _ => (None, None),
    };
    for (end, address, port) in [(client, cip, cport), (server, sip, sport)] {
        address.push_text(end.map(|(address, _)| address.to_string()).as_ref().map(String::as_bytes));
        port.push_number(end.map(|(_, port)| i64::from(port)));
    }
}
