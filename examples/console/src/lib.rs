//! Standard input, output and error for the programs of this workspace.
//!
//! The standard macros `print!` and `eprintln!` panic if writing fails: on a full disk, or after the reader
//! of a pipe is gone. These functions return the error, or ignore it if nothing can be done.
//! `tests/tidy.rs` forbids the macros in the programs.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::sync::{Mutex, PoisonError};

pub mod descriptor;
pub mod file;
#[cfg(feature = "generate")]
mod generate;
mod input;
mod path;
pub mod signals;
mod stack;
mod writer;
mod zone;

#[cfg(feature = "generate")]
pub use generate::Generated;
pub use input::Input;
pub use path::ShowPath;
pub use stack::with_stack;
use writer::takes_bytes;
pub use writer::{Writer, end_writes_with};
pub use zone::check_time_zone;

/// Own writers, because the buffers of the standard library keep data that could not be written. Locked during a
/// write, so that texts are not interleaved.
static STDOUT: Mutex<Option<Writer>> = Mutex::new(None);
static STDERR: Mutex<Option<Writer>> = Mutex::new(None);

/// What to do about an error of the system, by its message, if the remedy is the same everywhere.
pub fn advice(message: &str) -> &'static str {
    let is = |errno: rustix::io::Errno| message.contains(&io::Error::from(errno).to_string());
    if is(rustix::io::Errno::MFILE) {
        ": raise the limit, with `ulimit -n` or LimitNOFILE of the systemd unit"
    } else if is(rustix::io::Errno::AGAIN) && message.contains("thread") {
        ": raise the limit of threads, with `ulimit -u`, TasksMax of the systemd unit or pids.max of the container"
    } else {
        ""
    }
}

/// Names the words of a command line that are not UTF-8.
pub fn foreign_words(words: &[OsString]) -> String {
    let foreign = words.iter().enumerate().skip(1).filter(|(_, word)| word.to_str().is_none());
    let named: Vec<String> =
        foreign.map(|(at, word)| format!("{at} ({})", word.as_encoded_bytes().escape_ascii())).collect();
    format!(
        "argument {} of the command line is not UTF-8: write it in UTF-8; only names of files may contain other bytes",
        named.join(", ")
    )
}

/// Writes bytes to standard output, without a buffer.
///
/// # Errors
/// Writing failed: the number of bytes that were written before, and the reason.
pub fn write(bytes: &[u8]) -> Result<(), (usize, io::Error)> {
    write_to(&STDOUT, io::stdout(), bytes)
}

/// Prints a text to standard output. It is no error if the reader is gone.
///
/// # Errors
/// Writing to standard output fails, for example because the disk is full.
pub fn print(text: &str) -> io::Result<()> {
    match write(text.as_bytes()) {
        Err((_, error)) if error.kind() != ErrorKind::BrokenPipe => {
            Err(io::Error::new(error.kind(), format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints a text to standard error. Ignores errors, because they cannot be reported.
pub fn print_error(text: &str) {
    let _ = write_to(&STDERR, io::stderr(), text.as_bytes());
}

/// Whether standard output takes more bytes now, or would report an error.
pub fn is_ready() -> bool {
    takes_bytes(io::stdout())
}

/// Whether standard error takes more bytes now, or would report an error.
pub fn is_error_ready() -> bool {
    takes_bytes(io::stderr())
}

/// Prints a line to standard output for [`say!`]. If that fails, ends the process.
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

/// Prints a line to standard output. If that fails, the process ends: silently with status 0 if the reader
/// is gone, otherwise with an error and status 1.
#[macro_export]
macro_rules! say {
    ($($text:tt)*) => { $crate::say(::std::format_args!($($text)*)) };
}

/// Prints a line to standard error. Ignores errors.
#[macro_export]
macro_rules! note {
    ($($text:tt)*) => { $crate::print_error(&::std::format!("{}\n", ::std::format_args!($($text)*))) };
}

/// Writes to a standard stream. Its writer is created once.
fn write_to(
    writer: &Mutex<Option<Writer>>,
    stream: impl AsFd,
    bytes: &[u8],
) -> Result<(), (usize, io::Error)> {
    let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
    let writer = match &mut *writer {
        Some(writer) => writer,
        none => none.insert(Writer::new(stream).map_err(|error| (0, error))?),
    };
    write_all(writer, bytes)
}

fn write_all(mut file: impl Write, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
    let mut written = 0;
    while written < bytes.len() {
        match file.write(&bytes[written..]) {
            Ok(0) => return Err((written, ErrorKind::WriteZero.into())),
            Ok(n) => written += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err((written, error)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
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
    fn a_full_pipe_is_not_ready_and_one_without_a_reader_is() {
        let (mut reader, writer) = io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&writer, true).unwrap();
        let file: File = std::os::fd::OwnedFd::from(writer).into();
        assert!(takes_bytes(&file));
        while (&file).write(&[0; 4096]).is_ok() {}
        assert!(!takes_bytes(&file));
        reader.read_exact(&mut [0; 4096]).unwrap();
        assert!(takes_bytes(&file));
        drop(reader);
        assert!(takes_bytes(&file));
    }

    #[test]
    fn an_error_about_files_says_what_to_do() {
        assert!(advice("can't open it: Too many open files (os error 24)").contains("ulimit -n"));
        let no_thread = "can't start the threads that write: Resource temporarily unavailable (os error 11)";
        assert!(advice(no_thread).contains("ulimit -u"));
        assert_eq!(advice("can't read it: Resource temporarily unavailable (os error 11)"), "");
        assert_eq!(advice("can't open it: No such file or directory (os error 2)"), "");
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
            write_all(Writer::new(&writer).unwrap(), &bytes).unwrap();
            drop(writer);
            assert!(all.join().unwrap() == bytes);
        });
    }
}
