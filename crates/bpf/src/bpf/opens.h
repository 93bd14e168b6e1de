/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Kept verdicts on opens. Before its event is built, an open gets the verdict on an earlier one if both are equal in everything
 * that the rows of the type test: success or error, the flags of the call and of the file, the path, and the process's groups. A
 * verdict is kept only if the requested path is the kernel's path of the file. If the rows test anything else, user space does
 * not set FILTER_BY_PATH. */
#pragma once

/* Limits: length of a path with a verdict; number of verdicts, as a power of two; directories and mounts above a file. */
#define JUDGED_TEXT 256
#define JUDGED_OPENS_SHIFT 16
#define JUDGED_PARTS 24
/* Number of words that are hashed before those of the path. */
#define JUDGED_WORDS 4
#define JUDGED_KEYS (JUDGED_WORDS + JUDGED_TEXT / 8 + 1)

/* Two hashes of everything that the verdict depends on. The lowest bit of the second one is the verdict: 1 rejects. All CPUs
 * share the verdicts, and several programs may write an entry at the same time. An open uses a verdict only if both hashes are
 * its own, and the verdict is in the same word as one of them, so no order of the writes gives it the verdict of another open. */
struct judged_open {
	__u64 one, other;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << JUDGED_OPENS_SHIFT);
	__type(key, __u32);
	__type(value, struct judged_open);
} judged_opens SEC(".maps");

/* Secret random numbers, so that nobody can choose two paths with the same hashes. */
const volatile __u64 open_keys[JUDGED_KEYS] = {};

/* Adds a word to both hashes. They are two NH hashes (RFC 4418): two different opens have the same hashes with a probability of
 * about 2^-62, whatever their paths are. */
static __always_inline void hash_word(struct judged_open *hash, __u64 word, __u32 at)
{
	__u64 key = open_keys[at], next = open_keys[at + 1];
	hash->one += (__u64)((__u32)word + (__u32)key) * (__u32)((word >> 32) + (key >> 32));
	hash->other += (__u64)((__u32)word + (__u32)next) * (__u32)((word >> 32) + (next >> 32));
}

static __always_inline __u32 slot_of(__u64 hash)
{
	return hash * 0x9e3779b97f4a7c15ULL >> (64 - JUDGED_OPENS_SHIFT);
}

/* Whether the path in `asked`, up to byte `end`, ends with a slash and this name. */
__noinline int is_last_part(__u64 name, __u32 end, __u32 len)
{
	struct scratch *s = scratch();
	int i;
	if (!s || end <= len)
		return 0;
	__u8 *text = (__u8 *)s->asked;
	end -= len;
	if (text[(end - 1) & (JUDGED_TEXT - 1)] != '/')
		return 0;
	for (i = 0; i < JUDGED_TEXT; i += 8) {
		if (i >= len)
			break;
		/* READ needs a structure: this one begins with a member of eight bytes. */
		__u64 differ = READ((struct timespec64 *)(name + i), tv_sec);
		differ ^= *(__u64 *)(text + ((end + i) & (2 * JUDGED_TEXT - 1)));
		if (len - i < 8)
			differ <<= 64 - 8 * (len - i);
		if (differ)
			return 0;
	}
	return 1;
}

/* Whether the path in `asked`, of `len` bytes, is what `walk_from` would find for the file. */
static __always_inline bool is_path_of(struct scratch *s, struct file *file, __u32 len)
{
	struct dentry *dentry = READ(file, f_path.dentry);
	struct vfsmount *vfsmount = READ(file, f_path.mnt);
	struct mount *mount = (void *)vfsmount - bpf_core_field_offset(struct mount, mnt);
	struct dentry *root = READ(vfsmount, mnt_root);
	int i;
	if (is_taken_off(dentry) || !is_mounted(mount))
		return false;
	for (i = 0; i < JUDGED_PARTS; i++) {
		dentry = (struct dentry *)number_of(s, dentry);
		mount = (struct mount *)number_of(s, mount);
		root = (struct dentry *)number_of(s, root);
		if (dentry == root) {
			struct mount *above = READ(mount, mnt_parent);
			if (above == mount)
				return len == 0;
			dentry = READ(mount, mnt_mountpoint);
			mount = above;
			root = READ(mount, mnt.mnt_root);
			continue;
		}
		struct dentry *parent = READ(dentry, d_parent);
		__u32 size = READ(dentry, d_name.len);
		if (dentry == parent || !is_last_part(number_of(s, (void *)READ(dentry, d_name.name)), len, size))
			return false;
		len -= size + 1;
		dentry = parent;
	}
	return false;
}

/* The part of the call's outcome that rows may test: the flags of the opened file, or the error. */
static __always_inline __u32 outcome_of(struct scratch *s, long ret)
{
	struct file *file = ret >= 0 ? file_of(s, ret) : 0;
	return file ? flags_of(s, file) : (__u32)ret;
}

/* A word of a path of which `left` bytes remain; its bytes after the end of the path become 0. */
static __always_inline __u64 word_of(__u64 word, __u32 left)
{
	return left < 8 ? word << (64 - 8 * left) >> (64 - 8 * left) : word;
}

/* Added to the event type if rows test the groups of the process. */
#define OF_GROUPS 0x10000

/* The kept verdict on the open with the hashes in `judged_one` and `judged_other`, or UNKNOWN. It is global, because Linux 6.1
 * would otherwise check it once for each length of the path. */
__noinline int look_up_open(__u64 of, __u32 len)
{
	struct scratch *s = scratch();
	if (!s)
		return UNKNOWN;
	__u64 one = s->judged_one;
	__u32 slot = slot_of(one);
	struct judged_open *open = bpf_map_lookup_elem(&judged_opens, &slot);
	if (!open || *(volatile __u64 *)&open->one != one)
		return UNKNOWN;
	__u64 other = *(volatile __u64 *)&open->other;
	if ((other & ~1ULL) != s->judged_other || (of && !is_path_of(s, (struct file *)of, len)))
		return UNKNOWN;
	return other & 1;
}

/* The kept verdict on an open: 1 rejects it, 0 sends it; or UNKNOWN. If `judged` is set then, `learn_open` may keep the verdict. */
static __always_inline int recall_open(struct scratch *s, __u32 type, __u32 number, __u64 flags, long ret)
{
	struct kept *kept = kept_of(number);
	bool failed = ret < 0;
	struct judged_open hash = {};
	int i;
	s->groups = type & OF_GROUPS ? own_groups() : 0;
	/* Without the NUL. */
	__u32 len = kept ? kept->len - 1 : 0;
	if (!kept || !len || len >= JUDGED_TEXT)
		return UNKNOWN;
	/* A relative path is not the kernel's path. */
	if (!failed && kept->data[0] != '/')
		return UNKNOWN;
	struct file *file = failed ? 0 : file_of(s, ret);
	if (!failed && !file)
		return UNKNOWN;
	__u32 outcome = outcome_of(s, ret);
	hash_word(&hash, type | (__u64)len << 32, 0);
	hash_word(&hash, (__u32)flags | (__u64)outcome << 32, 1);
	hash_word(&hash, s->groups, 2);
	hash_word(&hash, filter_epoch | (__u64)failed << 32, 3);
	for (i = 0; i < JUDGED_TEXT / 8; i++) {
		if (8 * i >= len)
			break;
		__u64 word = word_of(*(__u64 *)&kept->data[8 * i], len - 8 * i);
		s->asked[i] = word;
		hash_word(&hash, word, JUDGED_WORDS + i);
	}
	hash.other &= ~1ULL;
	s->judged = 1;
	s->judged_one = hash.one;
	s->judged_other = hash.other;
	s->judged_outcome = outcome;
	s->judged_groups = s->groups;
	return look_up_open(failed ? 0 : number_of(s, file), len);
}

/* Keeps the verdict of the rows on the current open, except in three cases: the event has another outcome than `recall_open`
 * saw, user space has written a verdict on the process meanwhile, or the event's two paths differ. */
__noinline int learn_open(__u64 ret, __u32 is_rejected)
{
	struct scratch *s = scratch();
	if (!s || !s->judged || s->judged_groups != s->groups || s->judged_outcome != outcome_of(s, ret) ||
	    (s->read != NOT_READ && !s->alike))
		return 0;
	__u32 slot = slot_of(s->judged_one);
	struct judged_open *open = bpf_map_lookup_elem(&judged_opens, &slot);
	if (!open)
		return 0;
	*(volatile __u64 *)&open->one = s->judged_one;
	*(volatile __u64 *)&open->other = s->judged_other | (is_rejected != 0);
	return 0;
}

/* The decision if the file is not plain: sends the event. That of a directory is built first, and then `note_directory` decides. */
static __always_inline int early_of_other(struct scratch *s, int early, long ret)
{
	struct filter *f = filter_in_use ? filter_of(filter_in_use) : 0;
	if (!(early & FILTER_IF_FILE) || !leaves_out_directories(f) || !is_directory_file(file_of(s, ret)))
		return FILTER_NOTES | (early & FILTER_NEEDS_BASE);
	return FILTER_ASKS | FILTER_NOTES | FILTER_IF_NOTED | (early & (FILTER_ASKS_GROUPS | FILTER_NEEDS_BASE));
}

/* The decision before the event of an open is built: `early`, changed by the opened file if that matters, and by a kept verdict. */
__noinline int early_of_open(__u32 early, __u32 type, __u32 number, __u64 flags, __u64 ret)
{
	struct scratch *s = scratch();
	if (!s)
		return FILTER_SENDS;
	s->fd = -1;
	s->judged = 0;
	/* All other events read the file's flags later, and that notes a file whose writes set the login user: see `note_login`. */
	if ((early & FILTER_DECISION) == FILTER_REJECTS)
		outcome_of(s, ret);
	if ((long)ret >= 0 && (early & FILTER_IF_FILE || reports_bases) && !is_untracked(file_of(s, ret)))
		return early_of_other(s, early, ret);
	if ((early & FILTER_DECISION) != FILTER_ASKS || !(early & FILTER_RECALLS))
		return early;
	int verdict = recall_open(s, type | (early & FILTER_ASKS_GROUPS ? OF_GROUPS : 0), number, flags, ret);
	if (verdict == UNKNOWN)
		return early;
	return (early & ~(FILTER_DECISION | FILTER_RECALLS)) | (verdict ? FILTER_REJECTS : FILTER_SENDS);
}
