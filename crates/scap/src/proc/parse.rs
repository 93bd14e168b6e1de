//! The texts of `/proc`.

/// A decimal number that is all of `text`.
pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 20 {
        return None;
    }
    text.iter().try_fold(0u64, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

/// A number in digits of this base that is all of `text`.
pub(super) fn number(text: &[u8], base: u32) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(text).ok()?, base).ok()
}

/// The number in `name:[4026531833]`.
pub(super) fn bracketed(link: &[u8]) -> Option<u64> {
    let open = link.iter().position(|byte| *byte == b'[')?;
    decimal(link[open + 1..].strip_suffix(b"]")?)
}

/// The words of a line.
pub(super) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty())
}

/// The lines of a text.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n')
}

/// The used fields of a thread's `stat`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Stat {
    pub comm: Vec<u8>,
    pub pgid: i64,
    pub sid: i64,
    pub tty: u32,
    pub flags: u64,
    pub minor_faults: u64,
    pub major_faults: u64,
    /// Threads of the process.
    pub threads: u64,
    /// Ticks since boot.
    pub start: u64,
}

impl Stat {
    /// `pid (comm) state ppid pgrp session tty …`; the name may contain any characters, parentheses too.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let open = text.iter().position(|byte| *byte == b'(')?;
        let close = text.iter().rposition(|byte| *byte == b')')?;
        let comm = text.get(open + 1..close)?.to_vec();
        let rest: Vec<&[u8]> = words(&text[close + 1..]).take(20).collect();
        let signed =
            |index: usize| -> Option<i64> { std::str::from_utf8(rest.get(index)?).ok()?.parse().ok() };
        let unsigned = |index: usize| decimal(rest.get(index)?);
        Some(Self {
            comm,
            pgid: signed(2)?,
            sid: signed(3)?,
            tty: signed(4)? as u32,
            flags: unsigned(6)?,
            minor_faults: unsigned(7)?,
            major_faults: unsigned(9)?,
            threads: unsigned(17)?,
            start: unsigned(19)?,
        })
    }
}

/// The used fields of a thread's `status`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Status {
    pub tgid: i64,
    pub ppid: i64,
    /// Real, then effective.
    pub uid: (u32, u32),
    pub gid: (u32, u32),
    pub groups: Vec<u32>,
    /// Id in the innermost pid namespace; absent before Linux 4.1.
    pub vtid: Option<i64>,
    pub vpid: Option<i64>,
    pub vpgid: Option<i64>,
    /// Session, by the id of its leader in the innermost pid namespace of the leader.
    pub vsid: Option<i64>,
    pub vm: [u32; 3],
    /// Inheritable, permitted, effective.
    pub caps: [u64; 3],
}

impl Status {
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let mut status = Self { tgid: -1, ..Self::default() };
        for line in lines(text) {
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
            let (key, value) = (&line[..colon], &line[colon + 1..]);
            let first = || decimal(words(value).next()?);
            let last = || Some(decimal(words(value).last()?)? as i64);
            let hex = || number(words(value).next()?, 16);
            let ids = || {
                let mut ids = words(value).map(|word| decimal(word).unwrap_or(0) as u32);
                (ids.next().unwrap_or(0), ids.next().unwrap_or(0))
            };
            match key {
                b"Tgid" => status.tgid = first()? as i64,
                b"PPid" => status.ppid = first()? as i64,
                b"Uid" => status.uid = ids(),
                b"Gid" => status.gid = ids(),
                b"Groups" => {
                    status.groups = words(value).filter_map(decimal).map(|id| id as u32).collect();
                }
                b"NStgid" => status.vpid = last(),
                b"NSpid" => status.vtid = last(),
                b"NSpgid" => status.vpgid = last(),
                // Namespaces below that of the leader have no id for it.
                b"NSsid" => {
                    let numbers = words(value).filter_map(decimal).map(|id| id as i64);
                    status.vsid = numbers.filter(|id| *id != 0).last();
                }
                b"VmSize" => status.vm[0] = first()?.min(u64::from(u32::MAX)) as u32,
                b"VmRSS" => status.vm[1] = first()?.min(u64::from(u32::MAX)) as u32,
                b"VmSwap" => status.vm[2] = first()?.min(u64::from(u32::MAX)) as u32,
                b"CapInh" => status.caps[0] = hex()?,
                b"CapPrm" => status.caps[1] = hex()?,
                b"CapEff" => {
                    status.caps[2] = hex()?;
                    break;
                }
                _ => {}
            }
        }
        (status.tgid >= 0).then_some(status)
    }
}

/// The soft limit of open files, from `limits`.
pub(super) fn open_files(text: &[u8]) -> Option<u64> {
    let line = lines(text).find_map(|line| line.strip_prefix(b"Max open files"))?;
    match words(line).next()? {
        b"unlimited" => Some(u64::MAX),
        soft => decimal(soft),
    }
}

/// Cgroups in the form of captures: `subsystem=path`, each ended by NUL.
///
/// Those that the probe reports come first, in its order. Subsystems without their own path get that of the
/// unified hierarchy. Named hierarchies are left out, because they are no subsystems.
pub(super) fn cgroups(text: &[u8]) -> Vec<u8> {
    const REPORTED: [&[u8]; 5] = [b"cpuset", b"cpu", b"cpuacct", b"io", b"memory"];
    let mut found: Vec<(&[u8], &[u8])> = Vec::new();
    let mut unified = None;
    for line in lines(text) {
        let mut parts = line.splitn(3, |byte| *byte == b':').skip(1);
        let (Some(names), Some(path)) = (parts.next(), parts.next()) else { continue };
        if names.is_empty() {
            unified = Some(path);
            continue;
        }
        for name in names.split(|byte| *byte == b',') {
            match name {
                b"blkio" => found.push((b"io", path)),
                name if !name.starts_with(b"name=") => found.push((name, path)),
                _ => {}
            }
        }
    }
    let mut out = Vec::with_capacity(text.len() + 32);
    let mut push = |name: &[u8], path: &[u8]| {
        for part in [name, b"=", path, b"\0"] {
            out.extend_from_slice(part);
        }
    };
    for name in REPORTED {
        let own = found.iter().find(|(subsystem, _)| *subsystem == name).map(|(_, path)| *path);
        if let Some(path) = own.or(unified) {
            push(name, path);
        }
    }
    found.iter().filter(|(name, _)| !REPORTED.contains(name)).for_each(|(name, path)| push(name, path));
    out
}

/// Splits `cmdline` into the first argument and the others, each of those ended by NUL.
pub(super) fn command_line(text: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    (text[..end].to_vec(), terminated(text.get(end + 1..).unwrap_or_default()))
}

/// A list of texts, each ended by NUL, the last one too.
pub(super) fn terminated(text: &[u8]) -> Vec<u8> {
    let mut list = text.to_vec();
    if list.last().is_some_and(|byte| *byte != 0) {
        list.push(0);
    }
    list
}

/// The path of a directory with a trailing slash; an empty path stays empty.
pub(super) fn directory(path: &[u8]) -> Vec<u8> {
    let mut path = path.to_vec();
    if path.last().is_some_and(|last| *last != b'/') {
        path.push(b'/');
    }
    path
}

/// A path without the suffix of a deleted file.
pub(super) fn undeleted(path: &[u8]) -> &[u8] {
    path.strip_suffix(b" (deleted)").unwrap_or(path)
}
