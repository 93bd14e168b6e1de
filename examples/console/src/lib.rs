//! Standard input, output and error for the programs of this workspace.
//!
//! The standard macros `print!` and `eprintln!` panic when the text cannot be written: on a full disk, or after the
//! reader of a pipe has gone. These functions return the error, or ignore it where nothing can be done.
//! `tests/tidy.rs` forbids the macros in the programs.
#![forbid(unsafe_code)]

use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::sleep;
use std::time::Duration;

#[cfg(feature = "generate")]
mod generate;
mod input;

#[cfg(feature = "generate")]
pub use generate::Generated;
pub use input::Input;

/// How long to wait before another try where a descriptor is non-blocking and has no room.
const PAUSE: Duration = Duration::from_millis(10);

/// Held while something is written to standard output, so that no text comes in the middle of another.
static STDOUT_LOCK: Mutex<()> = Mutex::new(());
/// Descriptors of their own: those of the standard library have buffers, which keep what could not be written.
static STDOUT: OnceLock<File> = OnceLock::new();
static STDERR: OnceLock<File> = OnceLock::new();

/// Writes bytes to standard output, without a buffer.
///
/// # Errors
/// The number of bytes that were written before it failed, and why it failed.
pub fn write(bytes: &[u8]) -> Result<(), (usize, io::Error)> {
    let _alone = STDOUT_LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    write_all(file(&STDOUT, io::stdout()).map_err(|error| (0, error))?, bytes)
}

/// Prints a text to standard output. A reader that has gone is no error: it has seen enough.
///
/// # Errors
/// Standard output cannot be written: the disk is full, for instance.
pub fn print(text: &str) -> io::Result<()> {
    match write(text.as_bytes()) {
        Err((_, error)) if error.kind() != ErrorKind::BrokenPipe => {
            Err(io::Error::new(error.kind(), format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints a text to standard error. Where that fails, nobody is left to be told.
pub fn print_error(text: &str) {
    if let Ok(stderr) = file(&STDERR, io::stderr()) {
        let _ = write_all(stderr, text.as_bytes());
    }
}

/// Prints a line to standard output for [`say!`]; where that fails, ends the process.
#[doc(hidden)]
pub fn say(line: fmt::Arguments<'_>) {
    match write(format!("{line}\n").as_bytes()) {
        Ok(()) => {}
        Err((_, error)) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err((_, error)) => {
            print_error(&format!("Error: cannot write to standard output: {error}\n"));
            std::process::exit(1)
        }
    }
}

/// Prints a line to standard output. Where that fails, the process ends: quietly with status 0 if the reader has gone,
/// else with an error and status 1.
#[macro_export]
macro_rules! say {
    ($($text:tt)*) => { $crate::say(::std::format_args!($($text)*)) };
}

/// Prints a line to standard error, if that can be written.
#[macro_export]
macro_rules! note {
    ($($text:tt)*) => { $crate::print_error(&::std::format!("{}\n", ::std::format_args!($($text)*))) };
}

/// A duplicate of a standard stream's descriptor, made once.
fn file(once: &'static OnceLock<File>, stream: impl AsFd) -> io::Result<&'static File> {
    if let Some(file) = once.get() {
        return Ok(file);
    }
    let own = stream.as_fd().try_clone_to_owned()?;
    Ok(once.get_or_init(|| own.into()))
}

fn write_all(mut file: impl Write, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
    let mut written = 0;
    while written < bytes.len() {
        match file.write(&bytes[written..]) {
            Ok(0) => return Err((written, ErrorKind::WriteZero.into())),
            Ok(n) => written += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => sleep(PAUSE),
            Err(error) => return Err((written, error)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_full_disk_and_a_closed_pipe_are_errors() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let (written, error) = write_all(full, b"text").unwrap_err();
        assert_eq!((written, error.kind()), (0, ErrorKind::StorageFull));
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        assert_eq!(write_all(writer, b"text").unwrap_err().1.kind(), ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_non_blocking_descriptor_gets_everything() {
        let (mut reader, writer) = UnixStream::pair().unwrap();
        writer.set_nonblocking(true).unwrap();
        let bytes = vec![7; 4 << 20];
        std::thread::scope(|scope| {
            let all = scope.spawn(|| {
                let mut all = Vec::new();
                reader.read_to_end(&mut all).unwrap();
                all
            });
            write_all(&writer, &bytes).unwrap();
            drop(writer);
            assert!(all.join().unwrap() == bytes);
        });
    }
}
