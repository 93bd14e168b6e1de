//! When a recording goes on in a new file, and how the files are called.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use crate::args::Args;

/// Decides after each event; times are those of the events.
pub struct Rotation {
    bytes: Option<u64>,
    nanoseconds: Option<u64>,
    events: Option<u64>,
    began: Option<u64>,
    written: u64,
    count: u64,
}

impl Rotation {
    pub fn new(args: &Args) -> Self {
        Self {
            bytes: args.file_size.map(|mb| mb.saturating_mul(1_000_000)),
            nanoseconds: args.file_seconds.map(|seconds| seconds.saturating_mul(1_000_000_000)),
            events: args.file_events,
            began: None,
            written: 0,
            count: 0,
        }
    }

    /// Whether there may be more than one file.
    pub fn is_on(&self) -> bool {
        self.bytes.is_some() || self.nanoseconds.is_some() || self.events.is_some()
    }

    /// Whether an event of this time and size belongs to a new file.
    pub fn is_due(&mut self, ts: u64, size: u64) -> bool {
        let began = *self.began.get_or_insert(ts);
        let full = self.bytes.is_some_and(|limit| self.written + size > limit && self.count > 0)
            || self.events.is_some_and(|limit| self.count >= limit)
            || self.nanoseconds.is_some_and(|limit| ts.saturating_sub(began) >= limit);
        if full {
            (self.began, self.written, self.count) = (Some(ts), 0, 0);
        }
        self.written += size;
        self.count += 1;
        full
    }
}

/// Names of the files: a number after the given name, or the time in it where it holds strftime codes.
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
        let timed = args.file_seconds.is_some() && base.to_string_lossy().contains('%');
        let (numbered, limit) = (rotates && !timed, args.file_limit);
        Self { base: base.to_owned(), timed, numbered, limit, index: 0, kept: VecDeque::new() }
    }

    /// The next file's name, and the file that makes room for it.
    pub fn next(&mut self, now: &jiff::Zoned) -> Result<(PathBuf, Option<PathBuf>), jiff::Error> {
        let mut name = self.base.clone().into_os_string();
        if self.timed {
            name = jiff::fmt::strtime::format(&*self.base.to_string_lossy(), now)?.into();
        }
        if self.numbered {
            let number = self.limit.map_or(self.index, |limit| self.index % limit);
            // Enough zeros that names sort by age within a round.
            let width = self.limit.map_or(1, |limit| (limit - 1).to_string().len());
            name.push(format!("{number:0width$}"));
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
        let start =
            jiff::civil::date(2026, 11, 23).at(10, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).unwrap();
        (0..count)
            .map(|i| {
                let now = start.checked_add(jiff::SignedDuration::from_mins(i as i64)).unwrap();
                let (name, old) = names.next(&now).unwrap();
                format!("{} {}", name.display(), old.map_or(String::new(), |old| old.display().to_string()))
            })
            .collect()
    }

    #[test]
    fn files_are_numbered_timed_or_neither() {
        assert_eq!(names(&args(&[]), "a.scap", 1), ["a.scap "]);
        assert_eq!(names(&args(&["-e", "9"]), "a.scap", 2), ["a.scap0 ", "a.scap1 "]);
        let ring = names(&args(&["-e", "9", "-W", "11"]), "a", 12);
        assert_eq!((&*ring[0], &*ring[10], &*ring[11]), ("a00 ", "a10 ", "a00 "));
        let timed = names(&args(&["-G", "60", "-W", "2"]), "a.%H:%M", 3);
        assert_eq!(timed, ["a.10:00 ", "a.10:01 ", "a.10:02 a.10:00"]);
    }

    #[test]
    fn a_new_file_begins_when_one_is_full() {
        let mut rotation = Rotation::new(&args(&["-e", "2"]));
        let due: Vec<bool> = (0..5).map(|i| rotation.is_due(i, 10)).collect();
        assert_eq!(due, [false, false, true, false, true]);
        let mut rotation = Rotation::new(&args(&["-C", "1"]));
        let due: Vec<bool> = (0..4).map(|i| rotation.is_due(i, 600_000)).collect();
        assert_eq!(due, [false, true, true, true]);
        let mut rotation = Rotation::new(&args(&["-G", "1"]));
        let due: Vec<bool> = [0, 999_999_999, 1_000_000_000, 1_500_000_000, 2_000_000_000]
            .map(|ts| rotation.is_due(ts, 1))
            .to_vec();
        assert_eq!(due, [false, false, true, false, true]);
    }
}
