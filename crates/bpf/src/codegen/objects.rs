//! The compiled programs that the crate ships, and the record of their sources.

use std::path::{Path, PathBuf};

use eyas_events::Arch;

/// Arguments of clang. The paths of the build are not among them.
pub const CLANG_ARGS: [&str; 6] = [
    "-O2",
    // Without 32-bit operations, because no verifier accepts the bounds checks that clang 14 makes from
    // them.
    "-mcpu=v2",
    "-g",
    "-fdebug-compilation-dir=.",
    "-Wno-unused-variable",
    "-Wno-compare-distinct-pointer-types",
];

/// Architectures that the crate ships an object for, with the name that Rust has for each.
pub const SHIPPED: [(Arch, &str); 2] = [(Arch::X86_64, "x86_64"), (Arch::Aarch64, "aarch64")];

fn name(arch: Arch) -> &'static str {
    SHIPPED.iter().find(|(shipped, _)| *shipped == arch).map_or("", |(_, name)| name)
}

/// File of the object for an architecture, compressed by gzip, in the directory `objects` of the crate.
pub fn file(objects: &Path, arch: Arch) -> PathBuf {
    objects.join(format!("{}.o.gz", name(arch)))
}

/// The sources and the compiler of the objects: the file `RECORD` beside them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// First line of `clang --version`.
    pub clang: String,
    /// An architecture's name and the digest of its sources.
    pub digests: Vec<(String, String)>,
}

impl Record {
    /// Reads the record; an absent or damaged record has no digests, so it equals nothing.
    pub fn read(objects: &Path) -> Self {
        let mut record = Self::default();
        for line in std::fs::read_to_string(objects.join("RECORD")).unwrap_or_default().lines() {
            match line.split_once(": ") {
                Some(("clang", version)) => version.clone_into(&mut record.clang),
                Some((arch, digest)) => record.digests.push((arch.to_owned(), digest.to_owned())),
                None => {}
            }
        }
        record
    }

    /// The record's text.
    pub fn to_text(&self) -> String {
        let digests = self.digests.iter().map(|(arch, digest)| format!("{arch}: {digest}\n"));
        format!("clang: {}\n{}", self.clang, digests.collect::<String>())
    }

    /// Whether the object of an architecture was compiled from these sources.
    ///
    /// # Errors
    /// A source cannot be read.
    pub fn is_current(&self, arch: Arch, sources: &Path) -> std::io::Result<bool> {
        let digest = digest(arch, sources)?;
        Ok(self.digests.iter().any(|(of, recorded)| of == name(arch) && *recorded == digest))
    }
}

/// Record of the objects that a clang would make from the present sources.
///
/// # Errors
/// A source cannot be read.
pub fn record(clang: String, sources: &Path) -> std::io::Result<Record> {
    let digests = SHIPPED.iter().map(|(arch, name)| Ok(((*name).to_owned(), digest(*arch, sources)?)));
    Ok(Record { clang, digests: digests.collect::<std::io::Result<_>>()? })
}

/// Digest of all inputs of an object: the arguments, the generated tables, and every file below `sources`.
fn digest(arch: Arch, sources: &Path) -> std::io::Result<String> {
    let mut files = Vec::new();
    list(sources, &mut files)?;
    files.sort();
    let mut hash = Fnv::new();
    CLANG_ARGS.iter().for_each(|argument| hash.part(argument.as_bytes()));
    hash.part(super::header(arch).as_bytes());
    for file in files {
        let relative = file.strip_prefix(sources).unwrap_or(&file);
        hash.part(relative.as_os_str().as_encoded_bytes());
        hash.part(&std::fs::read(&file)?);
    }
    Ok(format!("{:032x}", hash.0))
}

fn list(dir: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "c" || extension == "h") {
            files.push(path);
        }
    }
    Ok(())
}

/// FNV-1a of 128 bits. It detects a forgotten build, not an attack, because an attacker who can change the
/// record can also change the object.
struct Fnv(u128);

impl Fnv {
    fn new() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }

    /// Adds bytes and their number, so that different lists of parts have different texts.
    fn part(&mut self, bytes: &[u8]) {
        let len = (bytes.len() as u64).to_le_bytes();
        for byte in len.iter().chain(bytes) {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }
}
