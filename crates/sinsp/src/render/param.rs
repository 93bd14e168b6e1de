//! One parameter: its value and the value's meaning.

use eyas_events::{EventType, FlagTable, Format, ParamDetail, ParamInfo, ParamType as T};

use eyas_fields::BufferFormat;

use super::{Text, names, sock_addr, sock_tuple, time};
use crate::path_params;
use crate::view::EventView;

/// The schema's `AT_FDCWD`.
const AT_FDCWD: i64 = -100;

/// Writes parameter `index` to `out`, and its meaning (a file's name, names of flags, …) to `resolved`,
/// which stays empty if there is none.
///
/// `None` if the frame does not contain it.
pub(crate) fn param(
    v: &EventView<'_>,
    index: usize,
    out: &mut Text<'_>,
    resolved: &mut Text<'_>,
) -> Option<()> {
    let event = v.event();
    let bytes = event.param(index)?;
    let Some(info) = event.info().and_then(|row| row.params.get(index)) else {
        out.push_printable(bytes);
        return Some(());
    };
    if v.is_alternate() && path_params::of(event.ty).any(|path| path == index) {
        out.push_text(path_params::absolute(v, index)?);
        return Some(());
    }
    let (start, resolved_start) = (out.len(), resolved.len());
    let mut at = Writer { v, out, resolved };
    at.value(info, info.ty, info.format, bytes);
    if v.rendering().buffers.is_multiline() && info.ty != T::BYTEBUF {
        // Only buffers may have line breaks.
        out.escape_from(start);
        resolved.escape_from(resolved_start);
    }
    Some(())
}

struct Writer<'w, 'o, 'r, 'v> {
    v: &'w EventView<'v>,
    out: &'w mut Text<'o>,
    resolved: &'w mut Text<'r>,
}

fn unsigned(bytes: &[u8]) -> u64 {
    let mut wide = [0u8; 8];
    let len = bytes.len().min(8);
    wide[..len].copy_from_slice(&bytes[..len]);
    u64::from_le_bytes(wide)
}

fn signed(bytes: &[u8]) -> i64 {
    let shift = 64 - 8 * bytes.len().clamp(1, 8) as u32;
    ((unsigned(bytes) << shift) as i64) >> shift
}

impl Writer<'_, '_, '_, '_> {
    fn value(&mut self, info: &ParamInfo, ty: T, format: Format, bytes: &[u8]) {
        if bytes.is_empty() {
            let none: &[u8] = match ty {
                T::BYTEBUF | T::SOCKTUPLE | T::FDLIST | T::DYN => b"NULL",
                T::CHARBUFARRAY | T::CHARBUF_PAIR_ARRAY => b"NULL",
                _ => b"<NA>",
            };
            return self.out.push(none);
        }
        let services = self.v.rendering().services.as_deref();
        match ty {
            T::INT8 | T::INT16 | T::INT32 | T::INT64 => self.int(bytes, format),
            // The reference shows offsets of lseek, owners of chown and the like with a sign.
            T::UINT32 | T::UINT64 => self.int(bytes, format),
            T::UINT8 | T::UINT16 | T::PORT | T::L4PROTO | T::SOCKFAMILY => {
                self.uint(unsigned(bytes), format);
            }
            T::CHARBUF => self.text(bytes),
            T::FSPATH | T::FSRELPATH => self.path(info, bytes),
            T::BYTEBUF => self.buffer(bytes),
            T::CHARBUFARRAY | T::CHARBUF_PAIR_ARRAY => self.cut(bytes),
            T::NONE => self.out.push_printable(bytes),
            T::ERRNO => {
                let n = signed(bytes);
                self.int(bytes, Format::DEC);
                self.name(names::errno(n));
            }
            T::FD | T::FD32 => {
                let fd = signed(bytes);
                self.out.int(fd);
                self.fd(fd);
            }
            T::PID | T::PID32 => self.pid(signed(bytes)),
            T::FDLIST => self.fd_list(bytes),
            T::SOCKADDR => sock_addr(bytes, services, self.out),
            T::SOCKTUPLE => sock_tuple(bytes, services, self.out),
            T::SYSCALLID => {
                let code = eyas_events::SyscallCode(unsigned(bytes) as u16);
                self.out.int(code.0);
                self.resolved.push(code.name().as_bytes());
            }
            T::SIGTYPE => {
                let number = unsigned(bytes);
                self.out.int(number);
                self.name(names::signal(number));
            }
            T::RELTIME => match unsigned(bytes) {
                u64::MAX => self.out.push(b"none"),
                ns => {
                    self.out.int(ns);
                    seconds(ns, self.resolved);
                }
            },
            T::ABSTIME => time::datetime(unsigned(bytes), true, self.out),
            T::BOOL => self.out.push(if unsigned(bytes) != 0 { b"true" } else { b"false" }),
            T::DYN => self.dynamic(info, bytes),
            T::SIGSET => signals(unsigned(bytes), self.out),
            T::FLAGS8 | T::FLAGS16 | T::FLAGS32 => {
                self.uint(unsigned(bytes), Format::DEC);
                if let ParamDetail::Flags(table) = info.detail {
                    flags(table, unsigned(bytes) as u32, self.resolved);
                }
            }
            T::ENUMFLAGS8 | T::ENUMFLAGS16 | T::ENUMFLAGS32 => {
                let value = unsigned(bytes);
                self.uint(value, Format::DEC);
                if let ParamDetail::Flags(table) = info.detail {
                    enumerated(table, value as u32, self.resolved);
                }
            }
            T::MODE => {
                let value = unsigned(bytes);
                self.uint(value, format);
                if let ParamDetail::Flags(table) = info.detail {
                    mode(table, value as u32, self.resolved);
                }
            }
            T::UID => {
                let uid = unsigned(bytes) as u32;
                self.id(uid, self.v.user_name(uid));
            }
            T::GID => {
                let gid = unsigned(bytes) as u32;
                self.id(gid, self.v.group_name(gid));
            }
            T::DOUBLE => self.out.print(format_args!("{:.6}", f64::from_bits(unsigned(bytes)))),
            T::IPV4ADDR | T::IPV6ADDR | T::IPADDR | T::IPV4NET | T::IPV6NET | T::IPNET => self.ip(bytes),
        }
    }

    fn buffer(&mut self, bytes: &[u8]) {
        match self.v.rendering().buffers {
            BufferFormat::Dots => self.cut(bytes),
            format => {
                let mut text = Vec::new();
                format.write(&mut text, bytes);
                self.out.push(&text);
            }
        }
    }

    /// Writes at most the configured length.
    fn cut(&mut self, bytes: &[u8]) {
        match self.v.rendering().longest {
            Some(longest) if bytes.len() > longest => {
                self.out.push_printable(&bytes[..longest.saturating_sub(3)]);
                self.out.push(b"...");
            }
            _ => self.out.push_printable(bytes),
        }
    }

    fn name(&mut self, name: Option<&str>) {
        if let Some(name) = name {
            self.resolved.push(name.as_bytes());
        }
    }

    fn int(&mut self, bytes: &[u8], format: Format) {
        let n = signed(bytes);
        match format {
            // Negative numbers show the stored bits.
            Format::HEX | Format::OCT => self.uint(unsigned(bytes), format),
            Format::PADDED_DEC => self.out.print(format_args!("{n:09}")),
            _ => self.out.int(n),
        }
    }

    fn uint(&mut self, n: u64, format: Format) {
        match format {
            Format::HEX => self.out.print(format_args!("{n:X}")),
            Format::OCT if n == 0 => self.out.push(b"0"),
            Format::OCT => self.out.octal(n),
            Format::PADDED_DEC => self.out.print(format_args!("{n:09}")),
            _ => self.out.int(n),
        }
    }

    fn text(&mut self, bytes: &[u8]) {
        match bytes {
            b"(NULL)\0" | b"(NULL)" => self.out.push(b"<NA>"),
            text => self.out.push(text.split(|b| *b == 0).next().unwrap_or_default()),
        }
    }

    fn path(&mut self, info: &ParamInfo, bytes: &[u8]) {
        match bytes.strip_suffix(b"\0").unwrap_or(bytes) {
            b"(NULL)" => self.out.push(b"<NA>"),
            path => self.out.push_text(path),
        }
        let path = bytes.strip_suffix(b"\0").unwrap_or(bytes);
        if path.is_empty() || path[0] == b'/' || matches!(path, b"<NA>" | b"(NULL)") {
            return;
        }
        let dirfd = match info.detail {
            ParamDetail::At(at) => self.v.event().int(usize::from(at)).unwrap_or(AT_FDCWD),
            _ => AT_FDCWD,
        };
        // The reference shows nothing here for an unknown descriptor, or one without a name.
        let is_known = dirfd == AT_FDCWD || self.v.fd_entry(dirfd).is_some_and(|fd| !fd.name.is_empty());
        let absolute = if is_known { self.v.resolve_at(dirfd, path) } else { self.v.resolve_alone(path) };
        self.resolved.push_text(absolute);
    }

    fn fd(&mut self, fd: i64) {
        if let Some(entry) = self.v.fd_entry(fd) {
            self.resolved.push(b"<");
            self.resolved.push(&[entry.kind.letter() as u8]);
            if let Some(l4) = entry.known_l4().letter() {
                self.resolved.push(&[l4]);
            }
            self.resolved.push(b">");
            self.resolved.push_text(&entry.name);
        } else if fd == AT_FDCWD {
            self.resolved.push(b"AT_FDCWD");
        } else if fd < 0 {
            self.name(names::errno(fd));
        }
    }

    fn pid(&mut self, pid: i64) {
        self.out.int(pid);
        if let Some(thread) = self.v.thread_by_tid(pid) {
            self.resolved.push(&thread.comm);
        }
    }

    fn id(&mut self, id: u32, name: Option<&[u8]>) {
        // With a sign, as the reference shows them.
        self.out.int(id as i32);
        if id == u32::MAX {
            self.resolved.push(b"<NONE>");
        } else {
            self.resolved.push_text(name.filter(|name| !name.is_empty()).unwrap_or(b"<NA>"));
        }
    }

    /// `fd:<type><flags>` for each, the flags in hexadecimal.
    fn fd_list(&mut self, bytes: &[u8]) {
        for (i, (fd, events)) in poll_list(bytes).enumerate() {
            let kind = self.v.fd_entry(fd).map_or(b'?', |entry| entry.kind.letter() as u8);
            if i > 0 {
                self.out.push(b" ");
            }
            // Without a sign, as the reference shows them here.
            self.out.print(format_args!("{}:{}{events:x}", fd as u64, char::from(kind)));
        }
    }

    fn dynamic(&mut self, info: &ParamInfo, bytes: &[u8]) {
        let ParamDetail::Dynamic(types) = info.detail else { return self.out.push_printable(bytes) };
        let (kind, rest) = (usize::from(bytes[0]), &bytes[1..]);
        match types.0.get(kind) {
            Some((ty, format)) if *ty != T::DYN => self.value(info, *ty, *format, rest),
            _ => self.out.push_printable(rest),
        }
    }

    fn ip(&mut self, bytes: &[u8]) {
        use std::net::{Ipv4Addr, Ipv6Addr};
        if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
            self.out.print(format_args!("{}", Ipv4Addr::from(v4)));
        } else if let Ok(v6) = <[u8; 16]>::try_from(bytes) {
            self.out.print(format_args!("{}", Ipv6Addr::from(v6)));
        } else {
            self.out.push_printable(bytes);
        }
    }
}

/// The file descriptors and events of a `FDLIST`.
pub(crate) fn poll_list(bytes: &[u8]) -> impl Iterator<Item = (i64, u16)> + '_ {
    let count = bytes.get(..2).map_or(0, |n| usize::from(u16::from_le_bytes([n[0], n[1]])));
    bytes
        .get(2..)
        .unwrap_or_default()
        .chunks_exact(10)
        .take(count)
        .map(|item| (signed(&item[..8]), unsigned(&item[8..]) as u16))
}

/// Names of the set bits, in the table's order; a named entry hides those that it covers.
pub(crate) fn flags(table: &FlagTable, value: u32, out: &mut Text<'_>) {
    let mut left = value;
    for (name, bits) in table.entries {
        let hit = if *bits == 0 { value == 0 } else { left != 0 && left & bits == *bits };
        if hit {
            if !out.is_empty() {
                out.push(b"|");
            }
            out.push(name.as_bytes());
            left &= !bits;
        }
    }
}

/// Like [`flags`], but stops at a name for the whole value, which comes last.
fn mode(table: &FlagTable, value: u32, out: &mut Text<'_>) {
    let mut left = value;
    for (name, bits) in table.entries {
        let whole = *bits == value;
        if whole || (*bits != 0 && left & bits == *bits) {
            if !out.is_empty() {
                out.push(b"|");
            }
            out.push(name.as_bytes());
            left &= !bits;
        }
        if whole {
            return;
        }
    }
}

/// Names of the signals in a set; bit 0 is the first.
fn signals(set: u64, out: &mut Text<'_>) {
    let there = (1..=32).filter(|number| set >> (number - 1) & 1 == 1);
    for (at, name) in there.filter_map(names::signal).enumerate() {
        if at > 0 {
            out.push(b" ");
        }
        out.push(name.as_bytes());
    }
}

/// All names of the value: some have two.
fn enumerated(table: &FlagTable, value: u32, out: &mut Text<'_>) {
    for (name, _) in table.entries.iter().filter(|(_, v)| *v == value) {
        if !out.is_empty() {
            out.push(b"|");
        }
        out.push(name.as_bytes());
    }
}

/// `1.5s`, with six significant digits as C's `%g`.
fn seconds(ns: u64, out: &mut Text<'_>) {
    general(ns as f64 / 1e9, out);
    out.push(b"s");
}

/// A number as C's `%g` writes it.
fn general(value: f64, out: &mut Text<'_>) {
    if value == 0.0 {
        return out.push(b"0");
    }
    let scientific = format!("{value:.5e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |digits: &str| -> String {
        if digits.contains('.') {
            digits.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            digits.to_owned()
        }
    };
    if !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        out.print(format_args!("{}e{sign}{:02}", trim(mantissa), exponent.unsigned_abs()));
    } else {
        let decimals = (5 - exponent).max(0) as usize;
        out.print(format_args!("{}", trim(&format!("{value:.decimals$}"))));
    }
}

/// Whether `evt.args` omits every parameter of the type, because those of generic events only identify the
/// call.
pub(crate) fn is_generic(ty: EventType) -> bool {
    matches!(ty, EventType::GENERIC_E | EventType::GENERIC_X)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bumpalo::Bump;

    fn written(f: impl FnOnce(&mut Text<'_>)) -> String {
        let bump = Bump::new();
        let mut out = Text::new(&bump);
        f(&mut out);
        String::from_utf8(out.finish().to_vec()).unwrap()
    }

    #[test]
    fn seconds_have_six_significant_digits() {
        assert_eq!(written(|out| seconds(0, out)), "0s");
        assert_eq!(written(|out| seconds(1_500_000_000, out)), "1.5s");
        assert_eq!(written(|out| seconds(50_000_000, out)), "0.05s");
        assert_eq!(written(|out| seconds(1_000, out)), "1e-06s");
        assert_eq!(written(|out| seconds(u64::MAX, out)), "1.84467e+10s");
    }

    #[test]
    fn flags_that_contain_others_hide_them() {
        assert_eq!(written(|out| flags(&FlagTable::FILE_FLAGS, 4097, out)), "O_RDONLY|O_CLOEXEC");
        assert_eq!(written(|out| flags(&FlagTable::FILE_FLAGS, 0, out)), "O_NONE");
    }

    #[test]
    fn a_name_of_the_whole_mode_comes_last() {
        let mode = |value| written(|out| mode(&FlagTable::MKNOD_MODE, value, out));
        assert_eq!(mode(0o60_000), "S_IFCHR|S_IFBLK");
        assert_eq!(mode(0o140_000), "S_IFREG|S_IFSOCK");
        assert_eq!(mode(0o100_644), "S_IROTH|S_IRGRP|S_IWUSR|S_IRUSR|S_IFREG");
        assert_eq!(mode(0), "");
    }

    #[test]
    fn signals_of_a_set_are_named() {
        assert_eq!(written(|out| signals(0, out)), "");
        let after = |out: &mut Text<'_>| {
            out.push(b"sig=");
            signals(0b1_0000_0101, out);
        };
        assert_eq!(written(after), "sig=SIGHUP SIGQUIT SIGKILL");
        assert!(written(|out| signals(u64::MAX, out)).ends_with(" SIGPWR SIGSYS"));
    }

    #[test]
    fn numbers_take_their_sign_from_the_width() {
        assert_eq!(signed(&[0xff]), -1);
        assert_eq!(signed(&[0xfe, 0xff, 0xff, 0xff]), -2);
        assert_eq!(signed(&[]), 0);
        assert_eq!(unsigned(&[1, 2]), 513);
    }
}
