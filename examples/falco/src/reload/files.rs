//! The files that rules and configuration are in, and what they are like.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::args::Args;
use crate::config::Config;
use crate::configure;
use crate::rules;

/// Files and directories, as the user named them.
pub struct Files(Vec<PathBuf>);

impl Files {
    /// Those that this configuration and these rules were read from.
    pub fn of(args: &Args, config: &Config) -> Self {
        let main = configure::path(args.config.as_deref());
        let further = config.config_files.iter().map(|file| file.path().to_owned());
        let rules = rules::paths(args, config).iter().cloned();
        Self(main.map(Path::to_owned).into_iter().chain(further).chain(rules).collect())
    }

    /// In no order.
    pub fn paths(&self) -> &[PathBuf] {
        &self.0
    }
}

/// What tells a file from one that was there before: device and inode, size, times of writing and of any change.
type Identity = [i64; 7];

/// What files were like at some moment.
#[derive(Clone, PartialEq, Eq)]
pub struct Stamp(BTreeMap<PathBuf, Option<Identity>>);

impl Stamp {
    /// As they are now. Links are followed; one that is not there counts, too.
    pub fn of(files: &Files) -> Self {
        let each = files.0.iter().flat_map(|path| {
            let inside = rules::yaml_files(path).unwrap_or_default();
            inside.into_iter().chain([path.clone()])
        });
        let identity = |path: &Path| {
            let meta = std::fs::metadata(path).ok()?;
            let (file, size) = (meta.ino() as i64, meta.len() as i64);
            // What is in a directory is looked at by itself; whatever else comes and goes there changes its times.
            Some(match meta.is_dir() {
                true => [meta.dev() as i64, file, 0, 0, 0, 0, 0],
                false => {
                    let times = [meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()];
                    let [written, written_ns, changed, changed_ns] = times;
                    [meta.dev() as i64, file, size, written, written_ns, changed, changed_ns]
                }
            })
        };
        Self(each.map(|path| (path.clone(), identity(&path))).collect())
    }

    /// Takes over those that are only in the other, and leaves out those that are not in it.
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
