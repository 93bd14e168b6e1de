//! The tables of files and of connections: one row for each use by a process.

use std::path::Path;

use anyhow::Result;
use eyas::events::{EventFlags, EventType};
use eyas::scap::RawEvent;
use eyas::sinsp::EventView;
use eyas::sinsp::state::{Fd, FdKind, L4, Role, Socket, Text, Thread};
use rustc_hash::FxHashMap;

use super::column::{Column, Kind};
use super::table::{Table, plain};

/// Maximum number of buffered uses. If there are more, all are written, and later uses of the same object
/// get new rows.
const MAX: usize = 1 << 16;

/// Both tables.
pub struct Uses {
    /// Rows of files.
    pub files: Table,
    /// Rows of connections.
    pub connections: Table,
    /// Places of the uses of each process, by the name of the file.
    by_process: FxHashMap<i64, FxHashMap<Text, u32>>,
    uses: Vec<Option<Use>>,
    /// Places without a use.
    free: Vec<u32>,
    /// Places of the uses that occurred last, by process and address of the name.
    recent: Vec<u32>,
}

/// Number of uses whose places are found without a lookup.
const RECENT: usize = 1 << 10;

/// Use of a file or a connection by a process.
struct Use {
    pid: i64,
    name: Text,
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
        Ok(Self {
            files,
            connections,
            by_process: FxHashMap::default(),
            uses: Vec::new(),
            free: Vec::new(),
            recent: vec![0; RECENT],
        })
    }

    /// Records an event.
    pub fn note(&mut self, event: &EventView<'_>) -> Result<()> {
        let raw = event.as_raw();
        if let (Some(fd), Some(thread)) = (event.fd(), event.thread())
            && (fd.kind.is_file() || fd.kind.is_inet() || fd.kind == FdKind::Unix)
            && !fd.name.is_empty()
        {
            self.add(raw, fd, thread);
            if self.uses.len() - self.free.len() > MAX {
                self.write_all(raw.ts)?;
            }
        }
        if raw.ty == EventType::PROCEXIT_1_E
            && let Some(uses) = self.by_process.remove(&raw.tid)
        {
            self.write(uses, raw.ts)?;
        }
        Ok(())
    }

    fn add(&mut self, raw: &RawEvent<'_>, fd: &Fd, thread: &Thread) {
        let flags = raw.info().map_or(EventFlags::NONE, |info| info.flags);
        let place = self.place(raw, fd, thread);
        let Some(Some(found)) = self.uses.get_mut(place) else { return };
        found.last = raw.ts;
        if found.role != fd.role {
            (found.role, found.socket) = (fd.role, fd.socket());
        }
        let result = raw.result();
        match result {
            Some(error) if error < 0 => found.errors += 1,
            _ if flags.contains(EventFlags::CREATES_FD) => found.opens += 1,
            // A copy between files is a write, as in `evt.io_dir`.
            _ if flags.contains(EventFlags::WRITES_TO_FD) => {
                found.writes = [found.writes[0] + 1, found.writes[1].saturating_add(result.unwrap_or(0))];
            }
            _ if flags.contains(EventFlags::READS_FROM_FD) => {
                found.reads = [found.reads[0] + 1, found.reads[1].saturating_add(result.unwrap_or(0))];
            }
            _ => {}
        }
    }

    /// The place of a use, which is created if it is new.
    fn place(&mut self, raw: &RawEvent<'_>, fd: &Fd, thread: &Thread) -> usize {
        let address = fd.name.as_ptr().addr();
        let slot = (address >> 4 ^ address >> 14 ^ (thread.pid as usize).wrapping_mul(31)) % RECENT;
        let recent = self.recent[slot] as usize;
        // The use holds its name, so no other text has its address.
        let is_it = |used: &Use| used.pid == thread.pid && Text::ptr_eq(&used.name, &fd.name);
        if self.uses.get(recent).and_then(Option::as_ref).is_some_and(is_it) {
            return recent;
        }
        let uses = self.by_process.entry(thread.pid).or_default();
        let place = match uses.get(&fd.name) {
            Some(place) => *place,
            None => {
                let place = self.free.pop().unwrap_or(self.uses.len() as u32);
                if place as usize == self.uses.len() {
                    self.uses.push(None);
                }
                self.uses[place as usize] = Some(Use::new(raw.ts, fd, thread));
                uses.insert(fd.name.clone(), place);
                place
            }
        };
        self.recent[slot] = place;
        place as usize
    }

    /// Writes rows for all buffered uses.
    pub fn write_all(&mut self, ts: u64) -> Result<()> {
        let mut all: Vec<_> = std::mem::take(&mut self.by_process).into_iter().collect();
        all.sort_unstable_by_key(|(pid, _)| *pid);
        all.into_iter().try_for_each(|(_, uses)| self.write(uses, ts))
    }

    fn write(&mut self, places: FxHashMap<Text, u32>, ts: u64) -> Result<()> {
        let taken = |place: u32| self.uses[place as usize].take();
        let mut uses: Vec<Use> = places.values().copied().filter_map(taken).collect();
        self.free.extend(places.into_values());
        uses.sort_unstable_by(|a, b| (a.first, &a.name).cmp(&(b.first, &b.name)));
        for used in uses {
            let table = if used.kind.is_file() { &mut self.files } else { &mut self.connections };
            table.begin_row(ts)?;
            let (common, ends) = table.columns.split_at_mut(COMMON.len());
            fill(common, &used);
            fill_ends(ends, &used);
            table.end_row();
        }
        Ok(())
    }
}

impl Use {
    fn new(ts: u64, fd: &Fd, thread: &Thread) -> Self {
        Self {
            pid: thread.pid,
            name: fd.name.clone(),
            first: ts,
            last: ts,
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
        }
    }
}

fn fill(columns: &mut [Column], used: &Use) {
    let [first, last, process, comm, exe, uid, container, kind, path, counts @ ..] = columns else { return };
    first.push_number(Some(used.first as i64));
    last.push_number(Some(used.last as i64));
    process.push_number(Some(used.pid));
    comm.push_text(Some(&used.comm));
    exe.push_text(Some(&used.exepath));
    uid.push_number(Some(i64::from(used.uid)).filter(|uid| *uid != i64::from(u32::MAX)));
    container.push_text(used.container.as_deref());
    kind.push_text(Some(used.kind.name().as_bytes()));
    path.push_text(Some(&used.name));
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
