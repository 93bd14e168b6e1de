//! Paths in messages.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use eyas_fields::write_text;

/// How a message shows a path.
pub trait ShowPath {
    /// The path as text, in one line. Characters that could change what a terminal shows are escaped as in alerts, and bytes that
    /// are not UTF-8 as `\xff`. So two paths with different bytes look different.
    fn shown(&self) -> String;
}

impl ShowPath for Path {
    fn shown(&self) -> String {
        let mut out = Vec::new();
        for part in self.as_os_str().as_bytes().utf8_chunks() {
            write_text(&mut out, part.valid().as_bytes());
            out.extend(part.invalid().escape_ascii());
        }
        String::from_utf8_lossy(&out).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn messages_show_every_byte_of_a_path() {
        for (path, shown) in [
            (&b"/tmp/a b"[..], "/tmp/a b"),
            ("/tmp/\u{fc}".as_bytes(), "/tmp/\u{fc}"),
            (b"b\xff\xfed", r"b\xff\xfed"),
            (b"two\nlines \x1b[2J", r"two\nlines \u001b[2J"),
        ] {
            assert_eq!(Path::new(OsStr::from_bytes(path)).shown(), shown);
        }
    }
}
