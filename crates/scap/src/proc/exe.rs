//! The executable of a process: inode, times, and whether the process could change it.

use rustix::fs::{StatxAttributes, StatxTimestamp};

use super::acl;
use super::dir::Dir;
use super::mounts::{Layer, Mount};
use super::parse::{self, Status};
use super::scan::Scan;
use crate::ThreadEntry;

const CAP_DAC_OVERRIDE: u64 = 1 << 1;

impl Scan<'_> {
    /// Sets the facts from the inode of `exe`.
    pub(super) fn executable(&mut self, dir: &Dir, status: &Status, entry: &mut ThreadEntry) {
        let Ok(stat) = dir.stat("exe") else { return };
        entry.exe_ino = stat.stx_ino;
        entry.exe_ino_ctime = nanoseconds(stat.stx_ctime);
        entry.exe_ino_mtime = nanoseconds(stat.stx_mtime);

        let file = acl::File { mode: u32::from(stat.stx_mode), user: stat.stx_uid, group: stat.stx_gid };
        let in_group = |gid| status.gid.0 == gid || status.groups.contains(&gid);
        let list = || dir.acl("exe");
        let allowed = file.lets_write(status.uid.0, in_group, list)
            || (status.caps[1] & CAP_DAC_OVERRIDE != 0 && self.overrides(dir, status.uid.0, &file));
        let immutable = stat.stx_attributes.contains(StatxAttributes::IMMUTABLE);
        let id = stat.stx_mnt_id;
        let buffers = &mut self.buffers;
        let mount = self.mounts.entry(id).or_insert_with(|| Mount::of_exe(dir, id, buffers));
        entry.exe_writable = allowed && !immutable && !mount.read_only;
        let layer = mount.layer(&self.shared.options.root, &entry.exepath);
        entry.exe_upper_layer = layer == Some(Layer::Upper);
        entry.exe_lower_layer = layer == Some(Layer::Lower);
    }

    /// Whether access(2) lets a process use its capabilities on the file: it is root by its real id, and the file's user
    /// and group exist in its user namespace.
    fn overrides(&mut self, dir: &Dir, uid: u32, file: &acl::File) -> bool {
        let namespace = dir.namespace("ns/user", &mut self.buffers);
        if namespace.is_none() || namespace == self.shared.own_user_namespace {
            return uid == 0;
        }
        let users = self.id_map(dir, "uid_map");
        let root =
            users.iter().find_map(|(inner, outer, count)| (*inner == 0 && *count > 0).then_some(*outer));
        let within = |map: &[(u64, u64, u64)], id: u32| {
            let offset = |outer: &u64| u64::from(id).checked_sub(*outer);
            map.iter().any(|(_, outer, count)| offset(outer).is_some_and(|offset| offset < *count))
        };
        root == Some(u64::from(uid))
            && within(&users, file.user)
            && within(&self.id_map(dir, "gid_map"), file.group)
    }

    /// Lines of a map of ids: first inner id, first outer id, count.
    fn id_map(&mut self, dir: &Dir, name: &str) -> Vec<(u64, u64, u64)> {
        let Ok(text) = dir.read_all(name, 16384, &mut self.buffers) else { return Vec::new() };
        let line = |line| {
            let mut words = parse::words(line).filter_map(parse::decimal);
            Some((words.next()?, words.next()?, words.next()?))
        };
        parse::lines(text).filter_map(line).collect()
    }
}

fn nanoseconds(time: StatxTimestamp) -> u64 {
    (time.tv_sec.max(0) as u64).saturating_mul(1_000_000_000).saturating_add(u64::from(time.tv_nsec))
}
