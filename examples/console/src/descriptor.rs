//! Files that are names of open descriptors of this process, such as `/dev/stdout` and `/dev/fd/3`.

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, OFlags, fstat};
use rustix::io::Errno;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

/// Maximum number of symlinks on the way to a descriptor, as in the kernel.
const MAX_LINKS: usize = 40;

/// Names of the standard streams where `/proc` is not mounted.
const STREAMS: [&str; 3] = ["/dev/stdin", "/dev/stdout", "/dev/stderr"];

/// The descriptor of this process that the path leads to, also through symlinks, whether it is open or not.
pub fn named(path: &Path) -> Option<RawFd> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let directory =
            path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if is_of_descriptors(directory) {
            return number(&path);
        }
        match fs::read_link(&path) {
            Ok(target) => path = directory.join(target),
            // Without /proc, the links of /dev lead nowhere.
            Err(_) if !path.exists() => return without_proc(&path),
            Err(_) => return None,
        }
    }
    None
}

fn number(path: &Path) -> Option<RawFd> {
    path.file_name()?.to_str()?.parse().ok().filter(|number| *number >= 0)
}

/// Whether this is the directory of the descriptors of this process, or of one of its threads.
fn is_of_descriptors(directory: &Path) -> bool {
    if !directory.ends_with("fd") {
        return false;
    }
    let (Ok(directory), Ok(own)) = (fs::canonicalize(directory), fs::canonicalize("/proc/self")) else {
        return false;
    };
    let rest = directory.strip_prefix(&own).map(|rest| rest.iter().collect::<Vec<_>>());
    rest.is_ok_and(|rest| match rest[..] {
        [fd] => fd == "fd",
        [task, _, fd] => task == "task" && fd == "fd",
        _ => false,
    })
}

fn without_proc(path: &Path) -> Option<RawFd> {
    if fs::symlink_metadata("/proc/self").is_ok() {
        return None;
    }
    if let Some(at) = STREAMS.iter().position(|name| path == Path::new(name)) {
        return RawFd::try_from(at).ok();
    }
    let directories = ["/dev/fd", "/proc/self/fd", "/proc/thread-self/fd"].map(PathBuf::from);
    directories.iter().any(|directory| path.parent() == Some(directory)).then(|| number(path))?
}

/// Duplicates a descriptor of this process. The copy shares its offset and its flags.
///
/// # Errors
/// It is not open, or the system allows no further descriptor.
pub fn duplicate(number: RawFd) -> io::Result<OwnedFd> {
    match number {
        0 => io::stdin().as_fd().try_clone_to_owned(),
        1 => io::stdout().as_fd().try_clone_to_owned(),
        2 => io::stderr().as_fd().try_clone_to_owned(),
        _ => match pidfd_open(getpid(), PidfdFlags::empty())
            .and_then(|own| pidfd_getfd(own, number, PidfdGetfdFlags::empty()))
        {
            // A seccomp filter of a container runtime.
            Err(Errno::PERM | Errno::NOSYS) => opened_again(number),
            outcome => Ok(outcome?),
        },
    }
}

/// The same file with an offset of its own, which appends. Fails for a socket.
fn opened_again(number: RawFd) -> io::Result<OwnedFd> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut options = fs::OpenOptions::new();
    options.append(true).custom_flags(flags.bits().cast_signed());
    Ok(options.open(format!("/proc/self/fd/{number}"))?.into())
}

/// Whether this is a FIFO with a name, so that another reader may come when one has gone.
pub fn is_named_fifo(file: impl AsFd) -> bool {
    let link = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    let is_fifo = fstat(file).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Fifo);
    // A pipe without a name is `pipe:[…]`.
    is_fifo && fs::read_link(link).is_ok_and(|name| name.is_absolute())
}

/// Standard output or standard error, if it is this regular file. Another writer of the file overwrites what the
/// stream wrote, unless both share one offset.
pub fn stream_of(file: &fs::File) -> Option<RawFd> {
    let identity = |meta: fs::Metadata| meta.is_file().then(|| (meta.dev(), meta.ino()));
    let wanted = identity(file.metadata().ok()?)?;
    (1..=2).find(|number| {
        let meta = duplicate(*number).and_then(|stream| fs::File::from(stream).metadata());
        meta.is_ok_and(|meta| identity(meta) == Some(wanted))
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};
    use std::os::unix::fs::symlink;

    use eyas_testing::Dir;

    use super::*;

    #[test]
    fn names_of_descriptors_are_known() {
        let dir = Dir::new("console-descriptor");
        let link = |name: &str, target: &str| {
            symlink(target, dir.join(name)).unwrap();
            dir.join(name)
        };
        let own = std::process::id();
        let cases = [
            (PathBuf::from("/dev/stdin"), Some(0)),
            ("/dev/stdout".into(), Some(1)),
            ("/dev/stderr".into(), Some(2)),
            ("/dev/fd/7".into(), Some(7)),
            ("/dev/./fd//1".into(), Some(1)),
            ("/proc/self/fd/63".into(), Some(63)),
            ("/proc/thread-self/fd/5".into(), Some(5)),
            (format!("/proc/{own}/fd/5").into(), Some(5)),
            (format!("/proc/self/task/{own}/fd/5").into(), Some(5)),
            (link("log", "/dev/stdout"), Some(1)),
            (link("of-log", "log"), Some(1)),
            (link("fd", "/proc/self/fd").join("2"), Some(2)),
            (link("loop", "loop"), None),
            (link("nowhere", "absent"), None),
            ("/proc/1/fd/1".into(), None),
            ("/proc/self/fd".into(), None),
            ("/proc/self/fd/-1".into(), None),
            ("/proc/self/fdinfo/1".into(), None),
            ("/dev/null".into(), None),
            (dir.join("absent"), None),
            ("".into(), None),
        ];
        for (path, number) in cases {
            assert_eq!(named(&path), number, "{}", path.display());
        }
    }

    #[test]
    fn a_duplicate_shares_the_offset() {
        let dir = Dir::new("console-duplicate");
        let mut file = fs::File::create(dir.join("file")).unwrap();
        file.write_all(b"one ").unwrap();
        let mut copy = fs::File::from(duplicate(file.as_raw_fd()).unwrap());
        copy.write_all(b"two ").unwrap();
        assert_eq!(file.stream_position().unwrap(), 8);
        file.write_all(b"three").unwrap();
        assert_eq!(fs::read_to_string(dir.join("file")).unwrap(), "one two three");
        assert!(duplicate(RawFd::MAX).is_err());
        fs::File::from(opened_again(file.as_raw_fd()).unwrap()).write_all(b"!").unwrap();
        assert_eq!(fs::read_to_string(dir.join("file")).unwrap(), "one two three!");
        let fifo = fs::OpenOptions::new().read(true).write(true).open(dir.fifo("fifo")).unwrap();
        let (_reader, pipe) = io::pipe().unwrap();
        assert!(is_named_fifo(&fifo) && !is_named_fifo(&pipe) && !is_named_fifo(&file));
        assert_eq!(stream_of(&file), None);
    }
}
