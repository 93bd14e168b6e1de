//! The files of rules and configuration, and their state.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::args::Args;
use crate::config::Config;
use crate::configure;
use crate::item_files::{Identity, ItemFiles, identity};
use crate::rules;
use crate::streams;

/// Files and directories, with the names that the user gave.
pub struct Files(Vec<PathBuf>);

impl Files {
    /// The files from which this configuration and these rules were read. Streams are not among them: they do not
    /// change.
    pub fn of(args: &Args, config: &Config) -> Self {
        let main = configure::path(args.config.as_deref());
        let further = config.config_files.iter().map(|file| file.path().to_owned());
        let rules = rules::paths(args, config).iter().cloned();
        let all = main.map(Path::to_owned).into_iter().chain(further).chain(rules);
        Self(all.filter(|path| streams::get(path).is_none()).collect())
    }

    /// The paths, unordered.
    pub fn paths(&self) -> &[PathBuf] {
        &self.0
    }
}

/// State of files at some moment.
#[derive(Clone, PartialEq, Eq)]
pub struct Stamp(BTreeMap<PathBuf, Option<Identity>>);

impl Stamp {
    /// Records the current state. Follows symlinks. Also records that a file does not exist.
    pub fn of(files: &Files) -> Self {
        let each = files.0.iter().flat_map(|path| {
            let inside = rules::yaml_files(path).unwrap_or_default();
            inside.into_iter().chain([path.clone()])
        });
        Self(each.map(|path| (path.clone(), identity(&path))).collect())
    }

    /// Adds the files that are only in `other`, and removes those that are not in it.
    pub fn extend(&mut self, other: Self) {
        let mut before = std::mem::take(&mut self.0);
        self.0 = other.0;
        for (path, identity) in &mut self.0 {
            if let Some(known) = before.remove(path) {
                *identity = known;
            }
        }
    }
}

/// The files that were read, and their state before that.
pub struct Read {
    pub files: Files,
    pub stamp: Stamp,
}

impl Read {
    /// To be called before the files are read.
    pub fn of(args: &Args, config: &Config) -> Self {
        let files = Files::of(args, config);
        Self { stamp: Stamp::of(&files), files }
    }

    /// Adds the files that rules files named.
    pub fn add(&mut self, items: &ItemFiles) {
        let read = items.all();
        self.files.0.extend(read.keys().cloned());
        self.stamp.0.extend(read);
    }
}
