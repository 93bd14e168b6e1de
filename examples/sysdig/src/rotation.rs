//! Rotation of files: when a recording continues in a new file, and the names of the files.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::args::Args;

/// Decides before each event whether a new file begins. Uses the times of events.
pub struct Rotation {
    bytes: Option<u64>,
    seconds: Option<u64>,
    events: Option<u64>,
    /// For the current file: the second of its first event, its initial size, and its number of events.
    began: Option<u64>,
    size: u64,
    count: u64,
}

impl Rotation {
    pub fn new(args: &Args) -> Self {
        Self {
            bytes: args.file_size.map(|mb| mb.saturating_mul(1_000_000)),
            seconds: args.file_seconds,
            events: args.file_events,
            began: None,
            size: 0,
            count: 0,
        }
    }

    /// Whether there may be more than one file.
    pub fn is_on(&self) -> bool {
        self.bytes.is_some() || self.seconds.is_some() || self.events.is_some()
    }

    /// Records that a new file begins, with its size before the first event.
    pub fn began(&mut self, size: u64) {
        self.size = size;
    }

    /// Whether an event with this time belongs to a new file, if the current one has `size` bytes.
    pub fn is_due(&mut self, ts: u64, size: u64) -> bool {
        let second = ts / 1_000_000_000;
        let began = *self.began.get_or_insert(second);
        let full = self.count > 0
            && (self.bytes.is_some_and(|limit| size.saturating_sub(self.size) > limit)
                || self.events.is_some_and(|limit| self.count >= limit)
                || self.seconds.is_some_and(|limit| second.saturating_sub(began) >= limit));
        if full {
            (self.began, self.count) = (Some(second), 0);
        }
        self.count += 1;
        full
    }
}

/// Names of the files: the given name and a number, or a name with the time if it has strftime codes.
pub struct Names {
    base: PathBuf,
    timed: bool,
    numbered: bool,
    limit: Option<u64>,
    index: u64,
    kept: VecDeque<PathBuf>,
}

impl Names {
    pub fn new(base: &Path, args: &Args, rotates: bool) -> Self {
        let timed = args.file_seconds.is_some() && base.as_os_str().as_bytes().contains(&b'%');
        let (numbered, limit) = (rotates && !timed, args.file_limit);
        Self { base: base.to_owned(), timed, numbered, limit, index: 0, kept: VecDeque::new() }
    }

    /// Whether names contain the time of the first event.
    pub fn are_timed(&self) -> bool {
        self.timed
    }

    /// Returns the name of the next file, whose first event has this time, and the file to remove for it.
    pub fn next(&mut self, ts: u64) -> Result<(PathBuf, Option<PathBuf>), jiff::Error> {
        self.next_in(ts, jiff::tz::TimeZone::system())
    }

    fn next_in(
        &mut self,
        ts: u64,
        zone: jiff::tz::TimeZone,
    ) -> Result<(PathBuf, Option<PathBuf>), jiff::Error> {
        let mut name = self.base.clone().into_os_string();
        if self.timed {
            let time = jiff::Timestamp::from_nanosecond(ts.into())?.to_zoned(zone);
            name.clear();
            // Bytes that are not UTF-8 stay.
            for part in self.base.as_os_str().as_bytes().utf8_chunks() {
                name.push(jiff::fmt::strtime::format(part.valid(), &time)?);
                name.push(OsStr::from_bytes(part.invalid()));
            }
        }
        if self.numbered {
            let number = self.limit.map_or(self.index, |limit| self.index % limit);
            name.push(number.to_string());
        }
        self.index += 1;
        let path = PathBuf::from(name);
        if !self.kept.contains(&path) {
            self.kept.push_back(path.clone());
        }
        let many = self.limit.is_some_and(|limit| self.kept.len() as u64 > limit);
        let oldest = if many { self.kept.pop_front() } else { None };
        Ok((path, oldest))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn args(more: &[&str]) -> Args {
        Args::parse_from(["sysdig", "-w", "a.scap"].iter().chain(more))
    }

    fn names(args: &Args, base: &str, count: usize) -> Vec<String> {
        let rotates = Rotation::new(args).is_on();
        let mut names = Names::new(Path::new(base), args, rotates);
        (0..count)
            .map(|i| {
                let ts = 1_763_892_000_000_000_000 + i as u64 * 60_000_000_000;
                let (name, old) = names.next_in(ts, jiff::tz::TimeZone::UTC).unwrap();
                format!("{} {}", name.display(), old.map_or(String::new(), |old| old.display().to_string()))
            })
            .collect()
    }

    #[test]
    fn files_are_numbered_timed_or_neither() {
        assert_eq!(names(&args(&[]), "a.scap", 1), ["a.scap "]);
        assert_eq!(names(&args(&["-e", "9"]), "a.scap", 2), ["a.scap0 ", "a.scap1 "]);
        let ring = names(&args(&["-e", "9", "-W", "11"]), "a", 12);
        assert_eq!((&*ring[0], &*ring[10], &*ring[11]), ("a0 ", "a10 ", "a0 "));
        let timed = names(&args(&["-G", "60", "-W", "2"]), "a.%H:%M", 3);
        assert_eq!(timed, ["a.10:00 ", "a.10:01 ", "a.10:02 a.10:00"]);
    }

    #[test]
    fn names_with_the_time_keep_bytes_that_are_not_utf_8() {
        let mut names =
            Names::new(Path::new(OsStr::from_bytes(b"a\xff.%H.\xfe")), &args(&["-G", "60"]), true);
        let (name, _) = names.next_in(1_763_892_000_000_000_000, jiff::tz::TimeZone::UTC).unwrap();
        assert_eq!(name.as_os_str().as_bytes(), b"a\xff.10.\xfe");
    }

    #[test]
    fn a_new_file_begins_when_one_is_full() {
        let mut rotation = Rotation::new(&args(&["-e", "2"]));
        let due: Vec<bool> = (0..5).map(|i| rotation.is_due(i, 10)).collect();
        assert_eq!(due, [false, false, true, false, true]);
        // Data before the events does not count, and a file has at least one event.
        let mut rotation = Rotation::new(&args(&["-C", "1"]));
        rotation.began(5_000_000);
        let due = [5_000_000, 5_900_000, 6_000_000, 6_000_001].map(|size| rotation.is_due(1, size));
        assert_eq!(due, [false, false, false, true]);
        rotation.began(7_000_000);
        assert_eq!([9_000_000, 7_000_000].map(|size| rotation.is_due(1, size)), [true, false]);
        // Whole seconds, as in the names.
        let mut rotation = Rotation::new(&args(&["-G", "1"]));
        let due = [900_000_000, 999_999_999, 1_000_000_000, 1_500_000_000, 2_000_000_000]
            .map(|ts| rotation.is_due(ts, 1));
        assert_eq!(due, [false, false, true, false, true]);
    }
}
