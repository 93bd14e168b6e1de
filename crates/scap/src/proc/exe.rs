//! The executable of a process: inode, times, and whether the process could change it.

use rustix::fs::{StatxAttributes, StatxTimestamp};

use super::Scan;
use super::dir::Dir;
use super::mounts::{Layer, Mount};
use super::parse::{self, Status};
use crate::ThreadEntry;

const CAP_DAC_OVERRIDE: u64 = 1 << 1;
const CAP_FOWNER: u64 = 1 << 3;

impl Scan<'_> {
    /// Fills in what the inode of `exe` tells.
    pub(super) fn executable(&mut self, dir: &Dir, status: &Status, entry: &mut ThreadEntry) {
        let Ok(stat) = dir.stat("exe") else { return };
        entry.exe_ino = stat.stx_ino;
        entry.exe_ino_ctime = nanoseconds(stat.stx_ctime);
        entry.exe_ino_mtime = nanoseconds(stat.stx_mtime);

        let (uid, gid) = (status.uid.1, status.gid.1);
        let mode = u32::from(stat.stx_mode);
        let in_group = gid == stat.stx_gid || status.groups.contains(&stat.stx_gid);
        let by_mode = uid == stat.stx_uid || (in_group && mode & 0o020 != 0) || mode & 0o002 != 0;
        let allowed = by_mode || {
            let caps = status.caps[2];
            caps & (CAP_DAC_OVERRIDE | CAP_FOWNER) != 0 && {
                let (user, group) = self.mapped(dir, stat.stx_uid, stat.stx_gid);
                (caps & CAP_DAC_OVERRIDE != 0 && user && group) || (caps & CAP_FOWNER != 0 && user)
            }
        };
        let immutable = stat.stx_attributes.contains(StatxAttributes::IMMUTABLE);
        let id = stat.stx_mnt_id;
        let buffers = &mut self.buffers;
        let mount = self.mounts.entry(id).or_insert_with(|| Mount::of_exe(dir, id, buffers));
        entry.exe_writable = allowed && !immutable && !mount.read_only;
        let layer = mount.layer(&self.shared.options.root, &entry.exepath);
        entry.exe_upper_layer = layer == Some(Layer::Upper);
        entry.exe_lower_layer = layer == Some(Layer::Lower);
    }

    /// Whether a user and a group exist in the process's user namespace: its capabilities reach no further.
    fn mapped(&mut self, dir: &Dir, uid: u32, gid: u32) -> (bool, bool) {
        let namespace = dir.namespace("ns/user", &mut self.buffers);
        if namespace.is_none() || namespace == self.shared.own_user_namespace {
            return (true, true);
        }
        let mut within = |name: &str, id: u32| {
            let Ok(text) = dir.read(name, 16384, &mut self.buffers) else { return false };
            parse::lines(text).any(|line| {
                let mut words = parse::words(line).skip(1).filter_map(parse::decimal);
                let (Some(first), Some(count)) = (words.next(), words.next()) else { return false };
                u64::from(id).checked_sub(first).is_some_and(|offset| offset < count)
            })
        };
        (within("uid_map", uid), within("gid_map", gid))
    }
}

fn nanoseconds(time: StatxTimestamp) -> u64 {
    (time.tv_sec.max(0) as u64).saturating_mul(1_000_000_000).saturating_add(u64::from(time.tv_nsec))
}
