use std::path::{Path, PathBuf};

use crate::reader::blocks::name;

/// What can go wrong with a capture.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be opened.
    #[error("cannot open capture {path}: {cause}", path = shown(path))]
    Open {
        /// The file.
        path: PathBuf,
        /// The cause.
        cause: std::io::Error,
    },
    /// Bytes cannot be read or decompressed.
    #[error("cannot read the capture at byte {offset}: {cause}")]
    Read {
        /// Offset in the uncompressed stream, bytes.
        offset: u64,
        /// The cause.
        cause: std::io::Error,
    },
    /// The file is no capture.
    #[error(
        "not a capture: it begins with {found}, expected a section header block (0a 0d 0d 0a), then blocks of system calls"
    )]
    NotACapture {
        /// The first bytes, and the kind of file that begins so.
        found: String,
    },
    /// The capture has an unknown version.
    #[error(
        "the capture has format version {found}, the newest known is 1.x: a newer version of this program may read it"
    )]
    Version {
        /// Major and minor version.
        found: String,
    },
    /// The capture ends within a block: a truncated file.
    #[error(
        "the capture is truncated: {kind} at byte {offset} has {wanted} bytes, of which {left} are there; \
         what comes before it was read",
        kind = if *block == 0 { "a block's header".into() } else { format!("the {} block ({block:#x})", name(*block)) }
    )]
    Truncated {
        /// Type of the block; 0 if the file ends before it.
        block: u32,
        /// Offset of the block in the uncompressed stream, bytes.
        offset: u64,
        /// Size of the block according to its header, bytes.
        wanted: u64,
        /// Available bytes.
        left: u64,
    },
    /// A block is inconsistent.
    #[error("the {kind} block ({block:#x}) at byte {offset} is damaged: {what}", kind = name(*block))]
    Damaged {
        /// Type of the block.
        block: u32,
        /// Offset of the block in the uncompressed stream, bytes.
        offset: u64,
        /// The problem, with the value and the limit.
        what: String,
    },
    /// An old event cannot be converted.
    #[error("event {name} (code {code}) at byte {offset} cannot be converted: {what}")]
    Convert {
        /// Name of the event.
        name: &'static str,
        /// Its code.
        code: u16,
        /// Offset of its block in the uncompressed stream, bytes.
        offset: u64,
        /// The reason.
        what: String,
    },
    /// A capture cannot be written.
    #[error("cannot write the capture: {0}")]
    Write(std::io::Error),
    /// The probe does not start or continue; its error has variants for permission, kernel and BTF.
    #[cfg(feature = "live")]
    #[error(transparent)]
    Live(#[from] eyas_bpf::Error),
    /// The snapshot cannot be taken, because `/proc` cannot be listed.
    #[error(
        "cannot read {}: {cause}; mount procfs there, or say where the host's root directory is",
        shown(path)
    )]
    Proc {
        /// The directory.
        path: PathBuf,
        /// The cause.
        cause: std::io::Error,
    },
    /// A source of another crate failed; with its message.
    #[error(transparent)]
    Source(Box<dyn std::error::Error + Send + Sync>),
}

/// A path in one line: control characters as `\u001b`, bytes that are not UTF-8 as `\xff`.
pub(crate) fn shown(path: &Path) -> String {
    let mut out = String::new();
    for part in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        for c in part.valid().chars() {
            match c.is_control() {
                true => out += &format!("\\u{:04x}", u32::from(c)),
                false => out.push(c),
            }
        }
        out += &part.invalid().escape_ascii().to_string();
    }
    out
}
