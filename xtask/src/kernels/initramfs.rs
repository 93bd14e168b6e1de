//! The initial files of a kernel: a cpio archive in the "newc" format of the kernel's documentation.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::machine::Kind;

pub(super) struct Initramfs {
    kind: &'static Kind,
    bytes: Vec<u8>,
    there: BTreeSet<String>,
    inode: u32,
}

const DIRECTORY: u32 = 0o040_755;
const REGULAR: u32 = 0o100_000;

impl Initramfs {
    pub(super) fn new(kind: &'static Kind) -> Self {
        let mut image = Self { kind, bytes: Vec::new(), there: BTreeSet::new(), inode: 0 };
        for dir in ["/dev", "/proc", "/sys", "/tmp", "/root", "/etc"] {
            image.entry(dir, b"", DIRECTORY);
        }
        image
    }

    /// Adds a file and its parent directories.
    pub(super) fn file(&mut self, path: &str, content: &[u8], mode: u32) {
        let parents: Vec<usize> = path.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0).collect();
        for at in parents {
            self.entry(&path[..at], b"", DIRECTORY);
        }
        self.entry(path, content, REGULAR | mode);
    }

    /// Adds a program without debug information, and its libraries.
    pub(super) fn program(&mut self, to: &str, from: &Path, temporary: &Path) -> Result<(), String> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|error| format!("can't read {}: {error}", path.display()))
        };
        let stripped = temporary.join("stripped");
        let mut strip = Command::new(self.kind.strip);
        crate::shell::run(strip.arg("--strip-debug").arg("-o").arg(&stripped).arg(from))?;
        self.file(to, &read(&stripped)?, 0o755);
        if self.kind.is_foreign {
            return Ok(());
        }
        let listed =
            Command::new("ldd").arg(from).output().map_err(|error| format!("can't run ldd: {error}"))?;
        for word in String::from_utf8_lossy(&listed.stdout).split_whitespace() {
            if word.starts_with('/') && !self.there.contains(word) {
                self.file(word, &read(Path::new(word))?, 0o755);
            }
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.entry("/TRAILER!!!", b"", 0);
        self.bytes
    }

    fn entry(&mut self, path: &str, content: &[u8], mode: u32) {
        if !self.there.insert(path.to_owned()) {
            return;
        }
        self.inode += 1;
        let name = path.trim_start_matches('/');
        // Inode, mode, owner, group, links, time, size, device and its number four times over, name, checksum.
        let size = content.len() as u32;
        let fields = [self.inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name.len() as u32 + 1, 0];
        self.bytes.extend_from_slice(b"070701");
        fields.iter().for_each(|field| self.bytes.extend_from_slice(format!("{field:08x}").as_bytes()));
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_come_once_and_before_their_files() {
        let mut image = Initramfs::new(crate::kernels::machine::MACHINES[0].kind);
        image.file("/a/b/c", b"hello", 0o644);
        image.file("/a/d", b"", 0o644);
        let bytes = image.finish();
        assert_eq!(bytes.len() % 4, 0);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let at = |name: &str| {
            let name = format!("{name}\0");
            assert_eq!(text.matches(&name).count(), 1, "{name}");
            text.find(&name).unwrap()
        };
        assert!(at("0a\0".trim_end_matches('\0')) < at("a/b") && at("a/b") < at("a/b/c"));
        assert!(text.contains("hello") && text.contains("TRAILER!!!"));
    }
}
