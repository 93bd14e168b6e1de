//! Writes captures of every current event with values of every kind, to compare how programs read the
//! captures: `cargo run -p eyas-scap --example every_event -- FOLDER`. It writes two captures per event,
//! one with values and one without, because some programs refuse the latter.

use std::net::IpAddr;
use std::path::Path;

use eyas_events::{ParamDetail, ParamInfo, ParamType as T, events};
use eyas_scap::{EventBuilder, FdDetail, FdEntry, Group, MachineInfo, Snapshot, ThreadEntry, User, Writer};

/// Number of kinds of values; the longest table of flags has as many names.
const KINDS: usize = 64;
/// Each event has a separate thread, so that no event changes the values of another.
const FIRST_TID: i64 = 10_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: every_event FOLDER")?;
    for row in events().filter(|row| row.is_current()) {
        for (name, kinds) in [("values", 1..KINDS), ("empty", 0..1)] {
            let path = Path::new(&folder).join(format!("{}.{name}.scap", row.ident));
            let mut writer = Writer::create(path, false)?;
            writer.snapshot(&snapshot(FIRST_TID..FIRST_TID + kinds.len() as i64))?;
            for (kind, tid) in kinds.zip(FIRST_TID..) {
                let event =
                    EventBuilder::new(row.ty).ts(1_700_000_000_000_000_000 + tid as u64).tid(tid).cpu(1);
                let params = row.params.iter().enumerate();
                let event =
                    params.fold(event, |event, (index, param)| event.bytes(index, &value(param, kind)));
                writer.event(&event.build().as_raw())?;
            }
            writer.finish()?;
        }
    }
    Ok(())
}

fn snapshot(tids: std::ops::Range<i64>) -> Snapshot {
    let ip = |text: &str| text.parse::<IpAddr>().unwrap_or_else(|_| unreachable!("an address"));
    let detail = |fd: i64| match fd {
        0 => FdDetail::File { open_flags: 1, path: b"/dir/file".to_vec(), dev: 1, mount_id: 0 },
        1 => FdDetail::Other { type_code: 7, name: Vec::new() },
        2 => FdDetail::Socket { local: (ip("1.2.3.4"), 5), remote: (ip("6.7.8.9"), 80), l4: 2 },
        3 => FdDetail::Other { type_code: 2, name: b"/dir".to_vec() },
        4 => FdDetail::Socket { local: (ip("fe80::1"), 5), remote: (ip("::2"), 53), l4: 3 },
        5 => FdDetail::ServerSocket { addr: (ip("0.0.0.0"), 22), l4: 2 },
        6 => FdDetail::Unix { source: 7, destination: 8, path: b"/run/x".to_vec() },
        _ => FdDetail::Other { type_code: 12, name: Vec::new() },
    };
    let thread = |tid: i64| ThreadEntry {
        tid,
        pid: tid,
        ptid: 1,
        comm: format!("t{tid}").into_bytes(),
        exe: b"/bin/exe".to_vec(),
        exepath: b"/bin/exe".to_vec(),
        args: b"-a\0".to_vec(),
        cwd: b"/work/".to_vec(),
        root: b"/".to_vec(),
        ..ThreadEntry::default()
    };
    let user = |uid: u32, name: &str| User {
        uid,
        gid: uid,
        name: name.into(),
        home: b"/home".to_vec(),
        shell: b"/bin/sh".to_vec(),
    };
    Snapshot {
        machine: Some(MachineInfo { cpus: 2, hostname: b"host".to_vec(), ..MachineInfo::default() }),
        users: vec![user(0, "root"), user(1, "daemon")],
        groups: vec![Group { gid: 0, name: b"root".to_vec() }, Group { gid: 1, name: b"daemon".to_vec() }],
        fds: tids
            .clone()
            .map(|tid| (tid, (0..8).map(|fd| FdEntry::new(fd, 9, detail(fd))).collect()))
            .collect(),
        threads: [1].into_iter().chain(tids).map(thread).collect(),
        ..Snapshot::default()
    }
}

/// A value: nothing, all zeros, all ones, small numbers, each bit, each name of a flag.
fn value(param: &ParamInfo, kind: usize) -> Vec<u8> {
    match (kind, param.ty) {
        (0, _) => Vec::new(),
        (1.., T::DYN) => dynamic(param, kind - 1),
        (1.., T::CHARBUF | T::FSPATH | T::FSRELPATH) => text(kind - 1).to_vec(),
        (1.., T::BYTEBUF | T::CHARBUFARRAY | T::CHARBUF_PAIR_ARRAY) => text(kind).to_vec(),
        (1.., T::SOCKADDR) => socket(kind - 1, false),
        (1.., T::SOCKTUPLE) => socket(kind - 1, true),
        (1.., T::FDLIST) => fd_list(kind - 1),
        _ => number(param, param.ty, kind),
    }
}

fn number(param: &ParamInfo, ty: T, kind: usize) -> Vec<u8> {
    let number = match (kind, param.detail) {
        (1, _) => 0,
        (2, _) => u64::MAX,
        (3, _) => 1000,
        // Errors, and the working directory's number.
        (4, _) => -2_i64 as u64,
        (5, _) => -100_i64 as u64,
        (6, ParamDetail::Flags(table)) => {
            table.entries.iter().fold(0, |all, (_, bits)| all | u64::from(*bits))
        }
        (7.., ParamDetail::Flags(table)) if kind - 7 < table.entries.len() => {
            u64::from(table.entries[kind - 7].1)
        }
        (6..20, _) => kind as u64 - 6,
        _ => 1_u64.rotate_left(kind as u32) | 1,
    };
    let size = ty.size().unwrap_or(8);
    number.to_le_bytes().iter().cycle().take(size).copied().collect()
}

fn dynamic(param: &ParamInfo, kind: usize) -> Vec<u8> {
    let ParamDetail::Dynamic(types) = param.detail else { return Vec::new() };
    let index = kind % types.0.len();
    let (ty, format) = types.0[index];
    let inner = ParamInfo { ty, format, detail: ParamDetail::None, ..*param };
    let kind = kind / types.0.len() + 1;
    [vec![index as u8], value(&inner, kind)].concat()
}

fn text(kind: usize) -> &'static [u8] {
    const TEXTS: [&[u8]; 13] = [
        b"name\0",
        b"\0",
        b"/etc/passwd\0",
        b"../up/./and//down\0",
        b"tab\tand\nline\0",
        b"caf\xc3\xa9 \xff\xfe\0",
        b"\xe2\x82\xac and \xf0\x9f\xa6\x85 and \xed\xa0\x80\0",
        b"(NULL)\0",
        b"<NA>\0",
        b" spaces and \"quotes\" \\ \0",
        b"/\0",
        b"./here\0",
        b"\x01\x7f\x80\0",
    ];
    TEXTS[kind % TEXTS.len()]
}

fn socket(kind: usize, both: bool) -> Vec<u8> {
    let v4 = |last: u8, port: u16| [&[127, 0, 0, last][..], &port.to_le_bytes()].concat();
    let v6 = |first: u8, port: u16| [&[first; 15][..], &[1], &port.to_le_bytes()].concat();
    let mapped =
        |last: u8, port: u16| [&[0; 10][..], &[255; 2], &[10, 0, 0, last], &port.to_le_bytes()].concat();
    let pair = |a: Vec<u8>, b: Vec<u8>| if both { [a, b].concat() } else { a };
    let unix = |path: &[u8]| match both {
        true => [&0xabcd_u64.to_le_bytes()[..], &u64::MAX.to_le_bytes(), path].concat(),
        false => path.to_vec(),
    };
    let (family, rest) = match kind % 16 {
        0 => (2, pair(v4(1, 80), v4(2, 40_000))),
        1 => (10, pair(v6(0xfe, 80), v6(0, 443))),
        2 => (10, pair(v6(0, 80), mapped(2, 443))),
        3 => (10, pair(mapped(1, 80), mapped(2, 443))),
        4 => (1, unix(b"/run/sock\0")),
        5 => (1, unix(b"\0")),
        6 => (1, unix(b"\0abstract\0")),
        7 => (1, unix(b"tab\tand \xff\0")),
        8 => (2, v4(1, 80)[..3].to_vec()),
        9 => (10, v6(1, 80)[..5].to_vec()),
        10 => (2, pair(v4(0, 0), v4(0, 0))),
        11 => (10, pair(vec![0; 18], vec![0; 18])),
        other => (other as u8 * 3, vec![7; 12]),
    };
    [vec![family], rest].concat()
}

fn fd_list(kind: usize) -> Vec<u8> {
    let count = kind % 4;
    let entry = |at: usize| {
        [(at as i64 * 4 - 1).to_le_bytes().to_vec(), (kind as u16 * 7).to_le_bytes().to_vec()].concat()
    };
    [(count as u16).to_le_bytes().to_vec(), (0..count).flat_map(entry).collect()].concat()
}
