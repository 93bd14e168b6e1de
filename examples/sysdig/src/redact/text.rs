//! Pseudonyms of words: names of users and hosts, arguments, buffers.

use std::net::IpAddr;

use ring::hmac;

/// Users below this id are system accounts, whose names also occur in paths.
const FIRST_PERSON: u32 = 1000;
/// User id of the account `nobody`.
const NOBODY: u32 = 65_534;
/// Directories with home directories, whose names are user names.
const HOMES: [&[u8]; 2] = [b"/home/", b"/Users/"];

/// Directories that are the same on every machine. A word there is not a user name, even if a user has this
/// name.
const COMMON: [&[u8]; 9] =
    [b"/proc/", b"/sys/", b"/usr/", b"/lib/", b"/lib32/", b"/lib64/", b"/bin/", b"/sbin/", b"/dev/"];
/// Directories in those in which users create files.
const SHARED: [&[u8]; 3] = [b"/dev/shm/", b"/dev/mqueue/", b"/usr/local/"];
/// Path components that lead out of those: to the parent, and to directories of a process.
const WAYS_OUT: [&[u8]; 4] = [b"/..", b"/root", b"/cwd", b"/fd/"];

/// Names that are replaced everywhere.
#[derive(Default)]
pub struct Names {
    users: Vec<Vec<u8>>,
    hosts: Vec<Vec<u8>>,
}

impl Names {
    pub fn add_user(&mut self, uid: u32, name: &[u8]) {
        if (FIRST_PERSON..NOBODY).contains(&uid) || uid > NOBODY {
            self.users.push(name.to_vec());
        }
    }

    pub fn add_host(&mut self, name: &[u8]) {
        let first = name.split(|byte| *byte == b'.').next().unwrap_or_default();
        for name in [name, first] {
            if !name.is_empty() && name != b"localhost" {
                self.hosts.push(name.to_vec());
            }
        }
    }
}

/// Creates pseudonyms of words.
pub struct Words {
    key: hmac::Key,
    /// Names and their pseudonyms, the longest name first.
    names: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Words {
    pub fn new(key: &[u8]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key), names: Vec::new() }
    }

    /// Adds names to replace.
    pub fn learn(&mut self, names: Names) {
        let users = names.users.into_iter().map(|name| (self.word("user", &name), name));
        let hosts = names.hosts.into_iter().map(|name| (self.word("host", &name), name));
        let new: Vec<_> = users.chain(hosts).map(|(word, name)| (name, word)).collect();
        for (name, word) in new {
            if !name.is_empty() && !self.names.iter().any(|(known, _)| *known == name) {
                self.names.push((name, word));
            }
        }
        self.names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    }

    /// Bytes that cannot be computed without the key.
    pub fn digest(&self, kind: &str, of: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(kind.as_bytes());
        context.update(&[0]);
        context.update(of);
        let mut digest = [0; 32];
        digest.copy_from_slice(context.sign().as_ref());
        digest
    }

    fn word(&self, kind: &str, of: &[u8]) -> Vec<u8> {
        let hex: String = self.digest(kind, of)[..5].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{kind}-{hex}").into_bytes()
    }

    /// Pseudonym of a user name. The superuser's name stays, because it is the same everywhere.
    pub fn user(&self, uid: u32, name: &[u8]) -> Vec<u8> {
        match uid == 0 || name.is_empty() {
            true => name.to_vec(),
            false => self.known(name).unwrap_or_else(|| self.word("user", name)),
        }
    }

    pub fn host(&self, name: &[u8]) -> Vec<u8> {
        if name.is_empty() { Vec::new() } else { self.known(name).unwrap_or_else(|| self.word("host", name)) }
    }

    fn known(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.names.iter().find(|(known, _)| known == name).map(|(_, word)| word.clone())
    }

    /// Pseudonym of an argument. A one-letter option stays, because it is not confidential.
    pub fn argument(&self, argument: &[u8]) -> Vec<u8> {
        match argument {
            [] | [b'-'] | [b'-', b'-'] => argument.to_vec(),
            [b'-', letter] if letter.is_ascii_alphabetic() => argument.to_vec(),
            _ => self.known(argument).unwrap_or_else(|| self.word("arg", argument)),
        }
    }

    /// Pseudonym of a buffer, with the same length.
    pub fn buffer(&self, bytes: &[u8]) -> Vec<u8> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut out = Vec::with_capacity(bytes.len() + 64);
        let seed = self.digest("data", bytes);
        for block in 0_u64.. {
            if out.len() >= bytes.len() {
                break;
            }
            let digest = self.digest("data", &[&seed[..], &block.to_le_bytes()].concat());
            out.extend(
                digest
                    .iter()
                    .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]),
            );
        }
        out.truncate(bytes.len());
        out
    }

    /// Replaces names of people, host names and addresses in a text.
    pub fn text(&self, text: &[u8], address: impl Fn(IpAddr) -> IpAddr) -> Vec<u8> {
        if is_common(text) {
            return text.to_vec();
        }
        let mut out = Vec::with_capacity(text.len());
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let is_start = at == 0 || !is_word(text[at - 1]);
            let found = match is_start {
                true => self.name_at(text, at).or_else(|| address_at(rest, &address)),
                false => None,
            };
            match found {
                Some((len, word)) => {
                    out.extend_from_slice(&word);
                    at += len;
                }
                None => {
                    out.push(rest[0]);
                    at += 1;
                }
            }
        }
        out
    }

    /// The name at this position and its pseudonym.
    fn name_at(&self, text: &[u8], at: usize) -> Option<(usize, Vec<u8>)> {
        let rest = &text[at..];
        let is_whole = |len: usize| rest.get(len).is_none_or(|byte| !is_word(*byte));
        let mut known = self.names.iter().filter(|(name, _)| rest.starts_with(name) && is_whole(name.len()));
        if let Some((name, word)) = known.next() {
            return Some((name.len(), word.clone()));
        }
        let is_home = HOMES.iter().any(|home| text[..at].ends_with(home));
        let len = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
        (is_home && len > 0).then(|| (len, self.word("user", &rest[..len])))
    }
}

/// Whether the path is the same on every machine.
fn is_common(path: &[u8]) -> bool {
    let starts = |folders: &[&[u8]]| folders.iter().any(|folder| path.starts_with(folder));
    let has = |part: &&[u8]| path.windows(part.len()).any(|bytes| bytes == *part);
    starts(&COMMON) && !starts(&SHARED) && !WAYS_OUT.iter().any(has)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// The address at this position and its pseudonym.
fn address_at(rest: &[u8], address: &impl Fn(IpAddr) -> IpAddr) -> Option<(usize, Vec<u8>)> {
    if !rest[0].is_ascii_hexdigit() && rest[0] != b':' {
        return None;
    }
    let is_part = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':');
    let longest = rest.iter().take(45).position(|byte| !is_part(byte)).unwrap_or(rest.len().min(45));
    let is_whole = |len: usize| rest.get(len).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    let text = std::str::from_utf8(&rest[..longest]).ok()?;
    // Also tries shorter texts, because a port or a point may follow.
    let parsed = (2..=longest).rev().filter(|len| is_whole(*len)).find_map(|len| {
        let ip: IpAddr = text[..len].parse().ok()?;
        Some((len, ip))
    })?;
    Some((parsed.0, address(parsed.1).to_string().into_bytes()))
}
