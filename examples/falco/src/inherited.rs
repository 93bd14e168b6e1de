//! File descriptors that this program inherited and does not use.

use std::os::fd::RawFd;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use eyas_console::descriptor;
use serde_json::Value;

/// Inherited file descriptors other than standard input, output and error.
static INHERITED: Mutex<Vec<RawFd>> = Mutex::new(Vec::new());

/// Records the inherited file descriptors. Call this before the program opens anything.
pub fn note() {
    *INHERITED.lock().unwrap_or_else(PoisonError::into_inner) = open_now();
}

/// Whether this is a standard stream, or an inherited file descriptor that is still open.
pub fn is_kept(fd: RawFd) -> bool {
    (0..=2).contains(&fd) || INHERITED.lock().unwrap_or_else(PoisonError::into_inner).contains(&fd)
}

/// Closes them, except those that the configuration names as files (`/dev/fd/5`), because these may be
/// opened again. A service that runs for months must not keep a pipe, lock or socket of its parent open.
/// Returns the number of closed descriptors.
pub fn close(config: &Value) -> usize {
    let mut inherited = INHERITED.lock().unwrap_or_else(PoisonError::into_inner);
    let unnamed: Vec<RawFd> = inherited.extract_if(.., |fd| !names(config, *fd)).collect();
    unnamed.into_iter().filter(|fd| nix::unistd::close(*fd).is_ok()).count()
}

/// All open file descriptors from 3 on.
fn open_now() -> Vec<RawFd> {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return Vec::new() };
    let fds: Vec<RawFd> =
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    // The file descriptor of the listing itself is already closed.
    let is_open = |fd: &RawFd| Path::new(&format!("/proc/self/fd/{fd}")).symlink_metadata().is_ok();
    fds.into_iter().filter(|fd| *fd > 2 && is_open(fd)).collect()
}

fn names(config: &Value, fd: RawFd) -> bool {
    match config {
        Value::String(text) => {
            ["/dev/fd/", "/proc/self/fd/"].iter().any(|dir| text.contains(&format!("{dir}{fd}")))
                || descriptor::named(Path::new(text)) == Some(fd)
        }
        Value::Array(items) => items.iter().any(|item| names(item, fd)),
        Value::Object(map) => map.values().any(|value| names(value, fd)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_that_the_configuration_names_are_known() {
        let config = serde_json::json!({
            "file_output": {"filename": "/dev/fd/5"},
            "rules_files": ["/etc/falco", "/proc/self/fd/63"],
            "webserver": {"threadiness": 7},
        });
        let named: Vec<RawFd> = (3..70).filter(|fd| names(&config, *fd)).collect();
        assert_eq!(named, [5, 6, 63], "one too many where a name begins with another");
    }
}
