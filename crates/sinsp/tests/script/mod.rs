//! Helpers: a small system, events in it, and the state after them.
#![allow(dead_code, reason = "every test uses a part of it")]

use std::net::Ipv4Addr;

use eyas_events::{EventType as E, param};
use eyas_fields::{FieldSource, Schema, Value};
use eyas_scap::{
    Advance, EventBuilder, EventSource, FdDetail, FdEntry, OwnedEvent, RawEvent, Reader, Snapshot,
    ThreadEntry, Writer,
};
use eyas_sinsp::{Config, EventView, Inspector, schema};
use eyas_testing::Dir;

pub const SECOND: u64 = 1_000_000_000;

/// A system with init and a shell that has a file open.
pub fn system() -> Inspector {
    system_with(Config::default())
}

/// The same system, with lookups and limits.
pub fn system_with(config: Config) -> Inspector {
    let mut inspector = Inspector::new(config);
    inspector.load(beginning());
    inspector
}

/// Initial state of the system.
pub fn beginning() -> Snapshot {
    let thread = |tid, ptid, comm: &str| ThreadEntry {
        tid,
        pid: tid,
        ptid,
        vtid: tid,
        vpid: tid,
        sid: 1,
        comm: comm.into(),
        exe: comm.into(),
        exepath: format!("/usr/bin/{comm}").into_bytes(),
        cwd: b"/home".to_vec(),
        ..ThreadEntry::default()
    };
    let file = FdDetail::File { open_flags: 1, path: b"/etc/motd".to_vec(), dev: 1, mount_id: 0 };
    Snapshot {
        threads: vec![thread(1, 0, "init"), thread(10, 1, "sh")],
        fds: vec![(10, vec![FdEntry::new(3, 7, file)])],
        ..Snapshot::default()
    }
}

pub fn at(second: u64, ty: E, tid: i64) -> EventBuilder {
    EventBuilder::new(ty).ts(second * SECOND).tid(tid)
}

/// Processes an event and returns fields as text.
pub fn see(inspector: &mut Inspector, event: EventBuilder, fields: &[&str]) -> Vec<String> {
    let event: OwnedEvent = event.build();
    texts(&inspector.process(event.as_raw()), fields)
}

/// Fields of an event as text.
pub fn texts(view: &EventView<'_>, fields: &[&str]) -> Vec<String> {
    let text = |name: &&str| {
        let (name, arg) = match name.split_once('[') {
            Some((name, arg)) => (name, Some(arg.trim_end_matches(']'))),
            None => (*name, None),
        };
        let field = schema().resolve(name, arg).unwrap();
        match view.get(&field) {
            None => "<NA>".to_owned(),
            Some(Value::Str(text)) => String::from_utf8_lossy(text).into_owned(),
            Some(Value::Int(n)) => n.to_string(),
            Some(Value::Uint(n)) => n.to_string(),
            Some(Value::Bool(b)) => b.to_string(),
            Some(other) => format!("{other:?}"),
        }
    };
    fields.iter().map(text).collect()
}

pub fn clone(second: u64, tid: i64, res: i64, pid: i64, ptid: i64, flags: u32) -> EventBuilder {
    use param::SYSCALL_CLONE_20_X as p;
    at(second, E::SYSCALL_CLONE_20_X, tid)
        .int(p::res, res)
        .text(p::exe, b"sh")
        .text(p::comm, b"sh")
        .int(p::tid, tid)
        .int(p::pid, pid)
        .int(p::ptid, ptid)
        .int(p::vtid, tid)
        .int(p::vpid, pid)
        .uint(p::flags, flags.into())
}

pub fn exec(second: u64, tid: i64, comm: &[u8], args: &[u8]) -> EventBuilder {
    use param::SYSCALL_EXECVE_19_X as p;
    at(second, E::SYSCALL_EXECVE_19_X, tid)
        .int(p::res, 0)
        .text(p::exe, comm)
        .text(p::comm, comm)
        .bytes(p::args, args)
        .int(p::tid, tid)
        .int(p::pid, tid)
        .text(p::trusted_exepath, &[b"/bin/", comm].concat())
}

pub fn close(second: u64, tid: i64, fd: i64) -> EventBuilder {
    use param::SYSCALL_CLOSE_X as p;
    at(second, E::SYSCALL_CLOSE_X, tid).int(p::res, 0).int(p::fd, fd)
}

pub fn open(second: u64, tid: i64, fd: i64, dirfd: i64, name: &[u8]) -> EventBuilder {
    use param::SYSCALL_OPENAT_2_X as p;
    at(second, E::SYSCALL_OPENAT_2_X, tid)
        .int(p::fd, fd)
        .int(p::dirfd, dirfd)
        .text(p::name, name)
        .uint(p::flags, 1)
}

/// A query for a name to a name server, or the reply with an address.
pub fn dns_message(name: &str, address: Option<Ipv4Addr>) -> Vec<u8> {
    let flags = if address.is_some() { 0x81 } else { 1 };
    let mut out = vec![0x12, 0x34, flags, 0x80, 0, 1, 0, u8::from(address.is_some()), 0, 0, 0, 0];
    for label in name.split('.') {
        out.push(label.len() as u8);
        out.extend(label.as_bytes());
    }
    out.extend([0, 0, 1, 0, 1]);
    if let Some(address) = address {
        out.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        out.extend(address.octets());
    }
    out
}

/// Writes events to a capture, reads the capture, and calls `look` with each written and read event.
pub fn write_and_read(
    events: impl IntoIterator<Item = EventBuilder>,
    mut look: impl FnMut(&RawEvent<'_>, &RawEvent<'_>),
) {
    let dir = Dir::new("written");
    let path = dir.join("events.scap");
    let mut writer = Writer::create(&path, false).unwrap();
    writer.snapshot(&Snapshot::default()).unwrap();
    let events: Vec<OwnedEvent> = events.into_iter().map(EventBuilder::build).collect();
    for event in &events {
        writer.event(&event.as_raw()).unwrap();
    }
    writer.finish().unwrap();
    let mut reader = Reader::open(&path).unwrap();
    assert!(matches!(reader.advance().unwrap(), Advance::Snapshot(_)));
    for event in &events {
        assert!(matches!(reader.advance().unwrap(), Advance::Event));
        look(&event.as_raw(), &reader.current().unwrap());
    }
}
