//! Write permission on a file, by its mode and its access control list.

const WRITE: u32 = 2;
/// The group's permissions, or the mask of an access control list.
const GROUP_MASK: u32 = 0o070;

/// Kinds of entries, in the order of a list.
const USER: u16 = 0x02;
const GROUP_OBJ: u16 = 0x04;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;

/// The facts about a file that decide permissions.
pub(super) struct File {
    pub mode: u32,
    pub user: u32,
    pub group: u32,
}

impl File {
    /// Whether a user in the groups for which `in_group` is true may write. `list` is called only if it
    /// makes a difference.
    pub(super) fn lets_write(
        &self,
        uid: u32,
        in_group: impl Fn(u32) -> bool,
        list: impl FnOnce() -> Option<Vec<u8>>,
    ) -> bool {
        let class = |shift: u32| self.mode >> shift & WRITE != 0;
        if uid == self.user {
            return class(6);
        }
        if self.mode & GROUP_MASK != 0
            && let Some(list) = list()
        {
            return self.list_lets_write(&list, uid, in_group);
        }
        class(if in_group(self.group) { 3 } else { 0 })
    }

    /// The same with a list in the form of `system.posix_acl_access`: a version, then entries.
    fn list_lets_write(&self, list: &[u8], uid: u32, in_group: impl Fn(u32) -> bool) -> bool {
        let entries = list.get(4..).unwrap_or_default().as_chunks::<8>().0;
        let (mut found, mut is_in_some) = (None, false);
        for [t0, t1, p0, p1, id @ ..] in entries {
            let (tag, perm) = (u16::from_le_bytes([*t0, *t1]), u32::from(u16::from_le_bytes([*p0, *p1])));
            let id = u32::from_le_bytes(*id);
            match tag {
                USER if found.is_none() && id == uid => found = Some(perm),
                GROUP_OBJ | GROUP
                    if found.is_none() && in_group(if tag == GROUP { id } else { self.group }) =>
                {
                    is_in_some = true;
                    found = Some(perm).filter(|perm| perm & WRITE != 0);
                }
                // It limits the permissions of users and groups.
                MASK => found = found.map(|given| given & perm),
                OTHER if found.is_none() => return !is_in_some && perm & WRITE != 0,
                _ => {}
            }
        }
        found.is_some_and(|perm| perm & WRITE != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: u32 = u32::MAX;

    fn list(entries: &[(u16, u16, u32)]) -> Option<Vec<u8>> {
        let mut bytes = vec![2, 0, 0, 0];
        for (tag, perm, id) in entries {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(perm.to_le_bytes());
            bytes.extend(id.to_le_bytes());
        }
        Some(bytes)
    }

    fn writes(mode: u32, uid: u32, groups: &[u32], entries: Option<&[(u16, u16, u32)]>) -> bool {
        let file = File { mode, user: 1, group: 10 };
        file.lets_write(uid, |gid| groups.contains(&gid), || entries.and_then(list))
    }

    #[test]
    fn the_first_class_that_fits_decides() {
        for (mode, uid, groups, expected) in [
            (0o755, 1, [0], true),
            (0o577, 1, [0], false),
            (0o775, 2, [10], true),
            (0o757, 2, [10], false),
            (0o775, 2, [11], false),
            (0o757, 2, [11], true),
        ] {
            assert_eq!(writes(mode, uid, &groups, None), expected, "{mode:o} {uid} {groups:?}");
        }
    }

    #[test]
    fn lists_name_users_and_groups() {
        const OWNER: (u16, u16, u32) = (0x01, 7, NONE);
        let users =
            [OWNER, (USER, 7, 2), (USER, 5, 3), (GROUP_OBJ, 5, NONE), (MASK, 7, NONE), (OTHER, 7, NONE)];
        assert!(writes(0o777, 2, &[], Some(&users)));
        assert!(!writes(0o777, 3, &[], Some(&users)));
        assert!(writes(0o777, 4, &[], Some(&users)));
        assert!(!writes(0o777, 4, &[10], Some(&users)));
        let masked = [OWNER, (USER, 7, 2), (GROUP_OBJ, 7, NONE), (MASK, 5, NONE), (OTHER, 5, NONE)];
        assert!(!writes(0o755, 2, &[], Some(&masked)) && !writes(0o755, 4, &[10], Some(&masked)));
        let groups =
            [OWNER, (GROUP_OBJ, 5, NONE), (GROUP, 5, 11), (GROUP, 7, 12), (MASK, 7, NONE), (OTHER, 7, NONE)];
        assert!(writes(0o777, 4, &[11, 12], Some(&groups)));
        assert!(!writes(0o777, 4, &[11], Some(&groups)));
        // The mode decides for the owner.
        assert!(!writes(0o577, 1, &[12], Some(&groups)));
    }
}
