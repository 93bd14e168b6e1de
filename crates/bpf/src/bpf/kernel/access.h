/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether a task may write to the file that it executes, as access(2) would return it. */
#pragma once

#define SB_RDONLY 1
#define SB_POSIXACL (1 << 16)
#define MNT_READONLY 0x40
#define S_IMMUTABLE 8
#define S_IRWXG 070
#define MAY_WRITE 2
#define CAP_DAC_OVERRIDE (1ULL << 1)
#define SECURE_NO_SETUID_FIXUP 4
#define NO_ID ((__u32)-1)
/* Number of extents that the map itself contains; more are in an array elsewhere. */
#define SHORT_MAP 5
/* Number of steps to find one of the 340 extents of a longer map, and one of 65,536 groups. */
#define MAP_STEPS 9
#define GROUP_STEPS 17
#define ACL_ENTRIES 32
#define ACL_USER_OBJ 0x01
#define ACL_USER 0x02
#define ACL_GROUP_OBJ 0x04
#define ACL_GROUP 0x08
#define ACL_MASK 0x10
#define ACL_OTHER 0x20

/* An entry of a list; in the kernel, its id has different members for users and groups. */
struct acl_entry {
	__s16 tag;
	__u16 perm;
	__u32 id;
};

static __always_inline __u64 caps(const kernel_cap_t *set)
{
	__u64 value = 0;
	bpf_probe_read_kernel(&value, sizeof(value), set);
	return value;
}

static __always_inline __u32 id_in(const struct uid_gid_extent *extent, __u32 id, bool up)
{
	__u32 from = up ? extent->lower_first : extent->first, to = up ? extent->first : extent->lower_first;
	return id >= from && id - from < extent->count ? to + (id - from) : NO_ID;
}

/* Begins a search in this number of sorted entries. */
static __always_inline void search(struct scratch *s, __u32 count)
{
	s->at = 0;
	s->len = count;
}

/* Continues after the entry in the middle, or before it. */
static __always_inline void narrow(struct scratch *s, bool behind)
{
	__u32 half = s->len / 2;
	if (behind) {
		s->at += half + 1;
		s->len -= half + 1;
	} else {
		s->len = half;
	}
}

static __always_inline __u64 middle(struct scratch *s)
{
	return s->at + s->len / 2;
}

/* Maps an id by a `struct uid_gid_map`: from the namespace to its outside, or with `up` the other way round. */
__noinline __u32 map_id(__u32 slot, __u64 of, __u32 id, __u32 up)
{
	struct scratch *s = scratch_in(slot);
	struct uid_gid_map *map = (struct uid_gid_map *)of;
	struct uid_gid_extent extent = {}, *sorted = 0;
	__u32 found = NO_ID;
	int i;
	if (!s)
		return NO_ID;
	__u32 count = READ(map, nr_extents);
	if (count <= SHORT_MAP) {
		for (i = 0; i < SHORT_MAP; i++) {
			if (i >= count)
				break;
			bpf_core_read(&extent, sizeof(extent), &map->extent[i]);
			found = id_in(&extent, id, up);
			if (found != NO_ID)
				break;
		}
		return found;
	}
	/* Sorted by the searched id. */
	if (up)
		bpf_core_read(&sorted, sizeof(sorted), &map->reverse);
	else
		bpf_core_read(&sorted, sizeof(sorted), &map->forward);
	search(s, count);
	for (i = 0; i < MAP_STEPS; i++) {
		if (!s->len)
			break;
		bpf_core_read(&extent, sizeof(extent), sorted + middle(s));
		found = id_in(&extent, id, up);
		if (found != NO_ID)
			break;
		narrow(s, id > (up ? extent.lower_first : extent.first));
	}
	return found;
}

/* An id of a file as seen through the mount; NO_ID if there is none. */
static __always_inline __u32 shown_id(struct scratch *s, struct vfsmount *mnt, __u32 id, bool group)
{
	struct mnt_idmap *idmap;
	struct user_namespace *owner = 0;
	if (id == NO_ID)
		return NO_ID;
	if (bpf_core_field_exists(mnt->mnt_idmap)) {
		idmap = READ(mnt, mnt_idmap);
		if (bpf_core_field_exists(idmap->uid_map)) {
			struct uid_gid_map *map = group ? &idmap->gid_map : &idmap->uid_map;
			return READ(map, nr_extents) ? map_id(s->slot, number_of(s, map), id, 0) : id;
		}
		owner = READ((struct mnt_idmap___62 *)idmap, owner);
	} else if (bpf_core_field_exists(((struct vfsmount___512 *)mnt)->mnt_userns)) {
		owner = READ((struct vfsmount___512 *)mnt, mnt_userns);
	}
	return owner ? map_id(s->slot, number_of(s, group ? &owner->gid_map : &owner->uid_map), id, 0) : id;
}

/* Whether a group is the real group of the credentials, or a supplementary one. */
__noinline int is_in_group(__u32 slot, __u64 of, __u32 gid)
{
	struct scratch *s = scratch_in(slot);
	struct cred *cred = (struct cred *)of;
	int i;
	if (!s)
		return 0;
	struct group_info *info = READ(cred, group_info);
	void *first = (void *)info + bpf_core_field_offset(struct group_info, gid);
	if (gid == READ(cred, gid.val))
		return 1;
	search(s, READ(info, ngroups));
	for (i = 0; i < GROUP_STEPS; i++) {
		__u32 group = 0;
		if (!s->len)
			break;
		bpf_probe_read_kernel(&group, sizeof(group), first + middle(s) * sizeof(group));
		if (group == gid)
			return 1;
		narrow(s, gid > group);
	}
	return 0;
}

/* The write permission in an access control list: 1 or 0; -1 if there is no list. Its entries are in the order of
 * their tags, and the mask, after those of users and groups, limits these. */
__noinline int acl_allows(__u32 slot, __u64 of_file, __u64 of_cred)
{
	struct scratch *s = scratch_in(slot);
	if (!s)
		return -1;
	struct file *file = (struct file *)of_file;
	struct cred *cred = (struct cred *)of_cred;
	struct vfsmount *mnt = READ(file, f_path.mnt);
	struct inode *inode = READ(file, f_inode);
	int found = -1, i;
	bool denied = false;
	if (!bpf_core_field_exists(inode->i_acl))
		return -1;
	struct posix_acl *acl = READ(inode, i_acl);
	/* Not read, or being read: markers instead of an address. */
	if ((__s64)acl >= 0 || acl == (void *)-1 || !acl)
		return -1;
	__u32 count = READ(acl, a_count);
	for (i = 0; i < ACL_ENTRIES; i++) {
		struct acl_entry entry = {};
		if (i >= count)
			break;
		bpf_probe_read_kernel(&entry, sizeof(entry),
				      (void *)acl + bpf_core_field_offset(struct posix_acl, a_entries) +
					      i * sizeof(entry));
		if (entry.tag == ACL_MASK) {
			if (found >= 0)
				return found & entry.perm & MAY_WRITE ? 1 : 0;
		} else if (entry.tag == ACL_OTHER) {
			if (found >= 0)
				return found & MAY_WRITE ? 1 : 0;
			return !denied && entry.perm & MAY_WRITE ? 1 : 0;
		} else if (found < 0 && entry.tag == ACL_USER) {
			if (shown_id(s, mnt, entry.id, false) == READ(cred, uid.val))
				found = entry.perm;
		} else if (found < 0 && (entry.tag == ACL_GROUP_OBJ || entry.tag == ACL_GROUP)) {
			__u32 gid = entry.tag == ACL_GROUP ? entry.id : READ(inode, i_gid.val);
			if (is_in_group(s->slot, number_of(s, cred), shown_id(s, mnt, gid, true))) {
				denied = true;
				if (entry.perm & MAY_WRITE)
					found = entry.perm;
			}
		}
	}
	return 0;
}

/* The permission by mode and access control list. */
static __always_inline bool mode_allows(struct scratch *s, struct file *file, struct cred *cred, __u32 uid, __u32 gid)
{
	struct inode *inode = READ(file, f_inode);
	__u32 mode = READ(inode, i_mode);
	if (uid == READ(cred, uid.val))
		return mode & 0200;
	if (mode & S_IRWXG && READ(inode, i_sb, s_flags) & SB_POSIXACL) {
		int said = acl_allows(s->slot, number_of(s, file), number_of(s, cred));
		if (said >= 0)
			return said;
	}
	if (!(mode & 022) || (mode & 022) == 022)
		return mode & 02;
	return mode & (is_in_group(s->slot, number_of(s, cred), gid) ? 020 : 02);
}

/* Whether access(2) lets the task ignore modes: by its real ids, and if the file's ids exist in its user
 * namespace. */
static __always_inline bool overrides(struct scratch *s, struct cred *cred, __u32 uid, __u32 gid)
{
	struct user_namespace *ns = READ(cred, user_ns);
	__u64 held;
	if (READ(cred, securebits) & SECURE_NO_SETUID_FIXUP)
		held = caps(&cred->cap_effective);
	else
		held = map_id(s->slot, number_of(s, &ns->uid_map), 0, 0) == READ(cred, uid.val) ? caps(&cred->cap_permitted) : 0;
	return held & CAP_DAC_OVERRIDE && map_id(s->slot, number_of(s, &ns->uid_map), uid, 1) != NO_ID &&
	       map_id(s->slot, number_of(s, &ns->gid_map), gid, 1) != NO_ID;
}

/* Whether the task that the event is about may write to the file that it executes. */
__noinline int exe_is_writable(__u32 slot)
{
	struct scratch *s = scratch_in(slot);
	if (!s)
		return 0;
	struct task_struct *task = (struct task_struct *)s->task;
	struct file *file = READ(task, mm, exe_file);
	struct inode *inode = READ(file, f_inode);
	struct vfsmount *mnt = READ(file, f_path.mnt);
	struct cred *cred = READ(task, cred);
	__u32 uid = shown_id(s, mnt, READ(inode, i_uid.val), false);
	__u32 gid = shown_id(s, mnt, READ(inode, i_gid.val), true);
	if (!file || READ(inode, i_sb, s_flags) & SB_RDONLY || READ(mnt, mnt_flags) & MNT_READONLY ||
	    READ(inode, i_flags) & S_IMMUTABLE || uid == NO_ID || gid == NO_ID)
		return 0;
	return mode_allows(s, file, cred, uid, gid) || overrides(s, cred, uid, gid);
}
