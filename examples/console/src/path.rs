//! Paths in messages.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use eyas_fields::path_text;

/// How a message shows a path.
pub trait ShowPath {
    /// The path as text, in one line. Characters that could change what a terminal shows are escaped as in alerts, and bytes that
    /// are not UTF-8 as `\xff`. So two paths with different bytes look different.
    fn shown(&self) -> String;
}

impl ShowPath for Path {
    fn shown(&self) -> String {
        path_text(self.as_os_str().as_bytes())
    }
}
