//! Resolves paths as the kernel does, but without the file system.

/// Maximum length of a path, bytes, with its NUL. A directory and a path below it, of at most 4,096 bytes
/// each, always fit.
const MAX: usize = 16 << 10;
/// Replaces a longer path, which no kernel makes.
const TOO_LONG: &[u8] = b"/DIR_TOO_LONG/FILENAME_TOO_LONG";
/// Replaces the directory of an unknown descriptor.
pub(crate) const UNKNOWN: &[u8] = b"<UNKNOWN>";

/// A buffer for a path.
pub(crate) trait Buffer: std::ops::Deref<Target = [u8]> {
    /// Appends.
    fn put(&mut self, bytes: &[u8]);
    /// Truncates to `len` bytes.
    fn cut(&mut self, len: usize);
}

impl Buffer for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    fn cut(&mut self, len: usize) {
        self.truncate(len);
    }
}

impl Buffer for bumpalo::collections::Vec<'_, u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice_copy(bytes);
    }

    fn cut(&mut self, len: usize) {
        self.truncate(len);
    }
}

/// Where relative paths begin.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Base<'a> {
    /// The file is at this path.
    Path(&'a [u8]),
    /// Below the open file of this name, whether it ends in `/` or not.
    File(&'a [u8]),
    /// At this directory; absolute paths begin there, too, and `..` does not leave it.
    Root(&'a [u8]),
}

impl<'a> Base<'a> {
    /// The same directory as a root.
    pub(crate) fn as_root(self) -> Self {
        match self {
            Base::Path(UNKNOWN) => self,
            Base::Path(dir) | Base::File(dir) | Base::Root(dir) => Base::Root(dir),
        }
    }
}

/// Writes `path`, taken from `base` if it is relative, to `out`: `//`, `.` and `..` resolved and no
/// trailing `/`.
pub(crate) fn resolve(base: Base<'_>, path: &[u8], out: &mut impl Buffer) {
    out.cut(0);
    let (base, len) = match base {
        Base::Path(base) => (base, base.len()),
        Base::File(base) => (base, base.len() + 1),
        Base::Root(dir) => return resolve_below(dir, path, out),
    };
    let is_absolute = path.first() == Some(&b'/');
    if path.len() + 1 > MAX || (!is_absolute && len + path.len() + 1 > MAX) {
        out.put(TOO_LONG);
        return;
    }
    if is_absolute || len == 1 + base.len() && base.is_empty() {
        out.put(b"/");
        append(path, out, 1);
        return;
    }
    // Directories are already resolved; `<UNKNOWN>`, which is no path, stays unchanged.
    let end = base.iter().rposition(|b| *b != b'/').map_or(base.len().min(1), |last| last + 1);
    out.put(&base[..end]);
    if base == UNKNOWN {
        // The path is appended to an unknown directory without a slash.
        let first = path.iter().position(|b| *b == b'/').unwrap_or(path.len());
        let root = out.len();
        out.put(&path[..first]);
        append(&path[first..], out, root);
    } else {
        let root = usize::from(base.first() == Some(&b'/'));
        append(path, out, root);
    }
}

/// Writes `path` relative to the directory `dir`, even if it is absolute.
fn resolve_below(dir: &[u8], path: &[u8], out: &mut impl Buffer) {
    out.put(dir.strip_suffix(b"/").unwrap_or(dir));
    out.put(b"/");
    let root = out.len();
    append(path, out, root);
    if out.len() == root && root > 1 {
        out.cut(root - 1);
    }
}

/// Appends the components of `path`; `..` never goes below `root` bytes.
fn append(path: &[u8], out: &mut impl Buffer, root: usize) {
    for part in path.split(|b| *b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                let end = out[root..].iter().rposition(|b| *b == b'/').map_or(root, |at| root + at);
                out.cut(end);
            }
            part => {
                if out.len() > root {
                    out.put(b"/");
                }
                out.put(part);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(base: &str, path: &str, want: &str) {
        let mut out = b"left over".to_vec();
        resolve(Base::Path(base.as_bytes()), path.as_bytes(), &mut out);
        assert_eq!(String::from_utf8_lossy(&out), want, "{base} + {path}");
    }

    #[test]
    fn paths_are_walked_as_the_kernel_would() {
        check("/tmp/", "a", "/tmp/a");
        check("/tmp/", "/etc//passwd", "/etc/passwd");
        check("/tmp/", "../../etc/./x/", "/etc/x");
        check("/tmp/", "/tmp/../../etc/../etc/passwd", "/etc/passwd");
        check("/tmp", "", "/tmp");
        check("/", ".", "/");
        check("/", "..", "/");
        check("<UNKNOWN>", "a/b", "<UNKNOWN>a/b");
        check("<UNKNOWN>", "../b//./c/", "<UNKNOWN>../b/c");
    }

    #[test]
    fn files_are_directories_with_or_without_the_slash() {
        let cases = [("/tmp", "a", "/tmp/a"), ("/tmp/", "../a", "/a"), ("", "a", "/a"), ("x", "a", "x/a")];
        for (name, path, want) in cases {
            let mut out = Vec::new();
            resolve(Base::File(name.as_bytes()), path.as_bytes(), &mut out);
            assert_eq!(String::from_utf8_lossy(&out), want, "{name} + {path}");
        }
    }

    #[test]
    fn a_root_is_not_left() {
        let cases = [
            ("/etc", "/shadow", "/etc/shadow"),
            ("/etc/", "../../shadow", "/etc/shadow"),
            ("/etc", "a/../../b//c", "/etc/b/c"),
            ("/etc", "/", "/etc"),
            ("/", "/..", "/"),
        ];
        for (dir, path, want) in cases {
            let mut out = Vec::new();
            resolve(Base::File(dir.as_bytes()).as_root(), path.as_bytes(), &mut out);
            assert_eq!(String::from_utf8_lossy(&out), want, "{dir} + {path}");
        }
    }

    #[test]
    fn a_path_that_is_too_long_is_replaced() {
        check("/", &"x".repeat(MAX - 1), "/DIR_TOO_LONG/FILENAME_TOO_LONG");
        let (dir, name) = (format!("/{}", "d".repeat(4_095)), "x/".repeat(2_000));
        check(&dir, &name, &format!("{dir}/{}", name.trim_end_matches('/')));
    }
}
