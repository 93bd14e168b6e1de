//! `--redact`: replaces information about people and networks in a capture by pseudonyms.
//!
//! A pseudonym is computed from the original value and a key. So the same name, address, argument or buffer
//! always has the same pseudonym. If the user gives no key, the key is derived from the original snapshot,
//! which is not in the written capture. So a reader who has only that capture cannot guess a value and
//! verify the guess. If there is no snapshot, the key is random.

use std::path::Path;

use anyhow::{Context, Result};
use eyas::events::{EventType, KernelPath, ParamDetail, ParamInfo, ParamType, param};
use eyas::scap::{EventBuilder, FdDetail, FdEntry, OwnedEvent, RawEvent, Snapshot, ThreadEntry};
use eyas_console::ShowPath;
use eyas_console::file;

mod address;
mod control;
mod text;

use address::Addresses;
use text::{Names, Words};

/// Maximum size of a key file, bytes.
const KEY_LIMIT: usize = 1 << 20;

/// Replaces information about people and networks.
pub struct Redactor {
    words: Words,
    addresses: Addresses,
    /// Whether the key is set: by the user, or from the first snapshot.
    has_key: bool,
}

impl Redactor {
    /// Creates a redactor with the key in this file, or with a key that is derived from the first snapshot.
    pub fn new(key: Option<&Path>) -> Result<Self> {
        let bytes = match key {
            None => drawn()?,
            Some(path) => {
                let bytes = file::wait_for(path, KEY_LIMIT as u64)
                    .with_context(|| format!("--redact-key {}: cannot read the key", path.shown()))?;
                anyhow::ensure!(
                    (16..=KEY_LIMIT).contains(&bytes.len()),
                    "--redact-key {}: it has {} bytes; give a file of 16 bytes to 1 MiB, such as 32 of /dev/urandom",
                    path.shown(),
                    bytes.len()
                );
                bytes
            }
        };
        Ok(Self { words: Words::new(&bytes), addresses: Addresses::default(), has_key: key.is_some() })
    }

    /// Replaces values in a snapshot. The first snapshot determines the names to replace, and the key if
    /// there is none.
    pub fn snapshot(&mut self, from: &Snapshot, kept: &mut Snapshot) {
        if !std::mem::replace(&mut self.has_key, true) && !from.threads.is_empty() {
            self.words = Words::new(&secrets(from));
        }
        let mut names = Names::default();
        if let Some(machine) = &from.machine {
            names.add_host(&machine.hostname);
        }
        from.users.iter().for_each(|user| names.add_user(user.uid, &user.name));
        self.words.learn(names);
        if let Some(machine) = &mut kept.machine {
            machine.hostname = self.words.host(&machine.hostname);
        }
        for interface in &mut kept.interfaces {
            interface.addr = self.addresses.of(&self.words, interface.addr);
            interface.broadcast = self.addresses.of(&self.words, interface.broadcast);
        }
        for user in &mut kept.users {
            user.home = self.text(&user.home);
            user.name = self.words.user(user.uid, &user.name);
        }
        for group in &mut kept.groups {
            group.name = self.text(&group.name);
        }
        kept.threads.iter_mut().for_each(|thread| self.thread(thread));
        kept.fds.iter_mut().flat_map(|(_, files)| files).for_each(|file| self.file(file));
    }

    fn thread(&mut self, thread: &mut ThreadEntry) {
        for text in [&mut thread.comm, &mut thread.exepath, &mut thread.cwd, &mut thread.root] {
            *text = self.text(text);
        }
        thread.exe = self.title(&thread.exe);
        thread.args = self.list(&thread.args, false);
        thread.env = self.list(&thread.env, true);
        thread.cgroups = self.texts(&thread.cgroups);
    }

    fn file(&mut self, file: &mut FdEntry) {
        match &mut file.detail {
            FdDetail::Socket { local, remote, .. } => {
                local.0 = self.addresses.of(&self.words, local.0);
                remote.0 = self.addresses.of(&self.words, remote.0);
            }
            FdDetail::ServerSocket { addr, .. } => addr.0 = self.addresses.of(&self.words, addr.0),
            FdDetail::Unix { path, .. } | FdDetail::File { path, .. } => *path = self.text(path),
            FdDetail::Other { name, .. } => *name = self.text(name),
        }
    }

    /// Replaces values in an event.
    pub fn event(&mut self, raw: &RawEvent<'_>) -> OwnedEvent {
        let info = raw.info().map_or(&[][..], |info| info.params);
        self.learn(raw);
        let mut event =
            EventBuilder::new(raw.ty).ts(raw.ts).tid(raw.tid).cpu(raw.cpu).truncate(raw.nparams());
        for (at, bytes) in raw.params().enumerate() {
            let bytes = match info.get(at) {
                _ if bytes.is_empty() => Vec::new(),
                Some(info) => self.param(raw, info, bytes),
                None => self.after_row(raw, at - info.len(), bytes),
            };
            event = event.bytes(at, &bytes);
        }
        let mut owned = event.build();
        let mut copy = owned.as_raw();
        (copy.state_only, copy.began, copy.place) = (raw.state_only, raw.began, raw.place);
        owned = copy.into();
        owned
    }

    /// Adds users that events report.
    fn learn(&mut self, raw: &RawEvent<'_>) {
        use param::USER_ADDED_E as p;
        if raw.ty == EventType::USER_ADDED_E
            && let (Some(uid), Some(name)) = (raw.uint(p::uid), raw.text(p::name))
        {
            let mut names = Names::default();
            names.add_user(uid as u32, name);
            self.words.learn(names);
        }
    }

    fn param(&mut self, raw: &RawEvent<'_>, info: &ParamInfo, bytes: &[u8]) -> Vec<u8> {
        use ParamType as T;
        let (name, ty) = (info.name, info.ty);
        let is_container = match raw.ty {
            EventType::CONTAINER_JSON_E | EventType::CONTAINER_JSON_2_E => name == "json",
            EventType::ASYNCEVENT_E => {
                name == "data"
                    && raw.text(param::ASYNCEVENT_E::name).is_some_and(|name| name.starts_with(b"container"))
            }
            _ => false,
        };
        match (name, ty) {
            _ if is_container => self.container(bytes),
            ("args" | "argv", T::BYTEBUF | T::CHARBUFARRAY) => self.list(bytes, false),
            ("env", T::BYTEBUF | T::CHARBUFARRAY) => self.list(bytes, true),
            ("cgroups", _) => self.texts(bytes),
            ("msgcontrol", _) => control::redact(bytes, &self.words),
            ("exe", T::CHARBUF) => terminated(bytes, |text| self.title(text)),
            ("name", T::CHARBUF) if raw.ty == EventType::USER_ADDED_E => {
                let uid = raw.uint(param::USER_ADDED_E::uid).unwrap_or(0) as u32;
                terminated(bytes, |name| self.words.user(uid, name))
            }
            (_, T::BYTEBUF) => self.words.buffer(bytes),
            // A text with data, not a name.
            ("uargs" | "value" | "value_charbuf" | "options" | "description" | "tags", T::CHARBUF) => {
                terminated(bytes, |text| self.words.argument(text))
            }
            (_, T::CHARBUF | T::FSPATH | T::FSRELPATH) => terminated(bytes, |text| self.text(text)),
            (_, T::CHARBUFARRAY) => self.list(bytes, false),
            (_, T::CHARBUF_PAIR_ARRAY) => self.list(bytes, false),
            (_, T::SOCKADDR) => self.socket(bytes, 0),
            (_, T::SOCKTUPLE) => self.socket(bytes, 16),
            (_, T::IPV4ADDR | T::IPV6ADDR | T::IPADDR) => self.addresses.bytes(&self.words, bytes),
            (_, T::DYN) => match (bytes, info.detail) {
                ([kind, rest @ ..], ParamDetail::Dynamic(types)) => {
                    let value = match types.0.get(usize::from(*kind)) {
                        Some((T::BYTEBUF, _)) | None => self.words.buffer(rest),
                        Some((T::CHARBUF, _)) => terminated(rest, |text| self.words.argument(text)),
                        Some(_) => rest.to_vec(),
                    };
                    [&[*kind][..], &value].concat()
                }
                _ => self.words.buffer(bytes),
            },
            _ => bytes.to_vec(),
        }
    }

    /// A socket address or a pair of addresses. `numbers` bytes precede the path of a Unix socket.
    fn socket(&mut self, bytes: &[u8], numbers: usize) -> Vec<u8> {
        const UNIX: u8 = 1;
        let Some((family, rest)) = bytes.split_first() else { return Vec::new() };
        let end = match (*family, rest.len()) {
            (UNIX, len) if len >= numbers => {
                let (numbers, path) = rest.split_at(numbers);
                let path = terminated(path, |path| self.text(path));
                return [&[UNIX][..], numbers, &path].concat();
            }
            (2, 6 | 12) => 4,
            (10, 18 | 36) => 16,
            _ => return bytes.to_vec(),
        };
        let mut out = vec![*family];
        for one in rest.chunks(end + 2) {
            out.extend_from_slice(&self.addresses.bytes(&self.words, &one[..end]));
            out.extend_from_slice(&one[end..]);
        }
        out
    }

    /// Parameters that the probe appends after the row: the kernel's paths, descriptions of file descriptors,
    /// numbers.
    fn after_row(&mut self, raw: &RawEvent<'_>, at: usize, bytes: &[u8]) -> Vec<u8> {
        let is_path =
            raw.ty.kernel_paths().get(at).is_some_and(|path| {
                matches!(path, KernelPath::Param(_) | KernelPath::Cwd | KernelPath::Root)
            });
        let index = raw.info().map(|info| info.params.len() + at);
        match bytes {
            _ if raw.described_param() == index => self.received(bytes),
            [text @ .., 0] if is_path || text.starts_with(b"/") => {
                let mut out = self.text(text);
                out.push(0);
                out
            }
            _ => bytes.to_vec(),
        }
    }

    /// Descriptions of file descriptors that the call made or received: numbers, then a name whose length is the last number.
    fn received(&self, mut bytes: &[u8]) -> Vec<u8> {
        const HEAD: usize = 24;
        let mut out = Vec::new();
        while let Some((head, rest)) = bytes.split_at_checked(HEAD) {
            let len = usize::from(u16::from_le_bytes([head[HEAD - 2], head[HEAD - 1]]));
            let Some((name, rest)) = rest.split_at_checked(len) else { break };
            let name = self.text(name);
            out.extend_from_slice(&head[..HEAD - 2]);
            out.extend_from_slice(&(name.len() as u16).to_le_bytes());
            out.extend_from_slice(&name);
            bytes = rest;
        }
        out
    }

    /// Replaces users, hosts and addresses in a name or path.
    fn text(&self, text: &[u8]) -> Vec<u8> {
        self.words.text(text, |ip| self.addresses.look(&self.words, ip))
    }

    /// Texts, each terminated by NUL.
    fn texts(&self, list: &[u8]) -> Vec<u8> {
        each(list, |text| self.text(text))
    }

    /// Arguments, or the values of environment variables, each terminated by NUL.
    fn list(&self, list: &[u8], are_variables: bool) -> Vec<u8> {
        each(list, |item| match item.iter().position(|byte| *byte == b'=').filter(|_| are_variables) {
            Some(at) => [&item[..=at], &self.argument(&item[at + 1..])].concat(),
            None => self.argument(item),
        })
    }

    fn argument(&self, argument: &[u8]) -> Vec<u8> {
        let address = std::str::from_utf8(argument).ok().and_then(|text| text.parse().ok());
        match address {
            Some(ip) => self.addresses.look(&self.words, ip).to_string().into_bytes(),
            None => self.words.argument(argument),
        }
    }

    /// The first argument: a program's name, or a process title with additional text.
    fn title(&self, title: &[u8]) -> Vec<u8> {
        let end = title.iter().position(u8::is_ascii_whitespace).unwrap_or(title.len());
        let (name, rest) = title.split_at(end);
        let mut out = self.text(name);
        if let [_, rest @ ..] = rest {
            out.push(b' ');
            out.extend_from_slice(&self.words.argument(rest));
        }
        out
    }

    /// Metadata of a container from its runtime.
    fn container(&self, bytes: &[u8]) -> Vec<u8> {
        let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        let Ok(mut json) = serde_json::from_slice(text) else { return self.words.buffer(bytes) };
        self.json("", &mut json);
        let mut out = json.to_string().into_bytes();
        if bytes.last() == Some(&0) {
            out.push(0);
        }
        out
    }

    fn json(&self, key: &str, value: &mut serde_json::Value) {
        use serde_json::Value;
        // The values of these keys belong to the user; the values of others are names of images, containers
        // and files.
        let is_private = |key: &str| {
            let key = key.to_ascii_lowercase();
            ["env", "label", "annotation", "healthcheck", "probe", "args", "cmd"]
                .iter()
                .any(|part| key.contains(part))
        };
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    let below = if is_private(key) { key } else { name.as_str() };
                    self.json(below, value);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.json(key, item)),
            Value::String(text) => {
                let bytes = match is_private(key) {
                    true => self.list(format!("{text}\0").as_bytes(), text.contains('=')),
                    false => self.text(text.as_bytes()),
                };
                *text = String::from_utf8_lossy(bytes.strip_suffix(b"\0").unwrap_or(&bytes)).into_owned();
            }
            Value::Number(number) if key.to_ascii_lowercase().contains("ip") => {
                if let Some(ip) = number.as_u64().and_then(|ip| u32::try_from(ip).ok()) {
                    let bytes = self.addresses.look(&self.words, std::net::Ipv4Addr::from(ip).into());
                    if let std::net::IpAddr::V4(ip) = bytes {
                        *value = u32::from(ip).into();
                    }
                }
            }
            _ => {}
        }
    }
}

/// Changes each item of a list of NUL-terminated items.
fn each(list: &[u8], change: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut out = Vec::with_capacity(list.len());
    for item in list.split_inclusive(|byte| *byte == 0) {
        match item.strip_suffix(b"\0") {
            Some(text) => {
                out.extend_from_slice(&change(text));
                out.push(0);
            }
            None => out.extend_from_slice(&change(item)),
        }
    }
    out
}

/// Changes a text and keeps its final NUL, if it has one. The placeholder for an unreadable text stays.
fn terminated(bytes: &[u8], change: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
    match bytes {
        [] | b"\0" | b"(NULL)" | b"(NULL)\0" | b"<NA>" | b"<NA>\0" => bytes.to_vec(),
        [text @ .., 0] => {
            let mut out = change(text);
            out.push(0);
            out
        }
        text => change(text),
    }
}

/// A random key.
fn drawn() -> Result<Vec<u8>> {
    use ring::rand::{SecureRandom, SystemRandom};

    let mut key = vec![0; 32];
    let filled = SystemRandom::new().fill(&mut key);
    filled.map_err(|_| anyhow::anyhow!("--redact: the system gives no random numbers; use --redact-key"))?;
    Ok(key)
}

/// Data of the snapshot that the redacted capture does not contain.
fn secrets(snapshot: &Snapshot) -> Vec<u8> {
    let mut all = Vec::new();
    let mut add = |bytes: &[u8]| {
        all.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        all.extend_from_slice(bytes);
    };
    if let Some(machine) = &snapshot.machine {
        add(&machine.hostname);
        add(&machine.boot_ts.to_le_bytes());
    }
    snapshot.users.iter().for_each(|user| add(&user.name));
    for thread in &snapshot.threads {
        [&thread.exe, &thread.args, &thread.env, &thread.cwd].into_iter().for_each(|text| add(text));
    }
    all
}

#[cfg(test)]
mod tests;
