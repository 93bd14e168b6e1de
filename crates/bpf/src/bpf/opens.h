/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Verdicts on opens, by everything that the rows of the type test: the result, the flags, the kernel's flags of the file, and
 * the path. An equal open gets the same verdict before its event is built. Verdicts are kept only if the requested path is
 * the kernel's path of the file. If the rows test anything else, user space does not set FILTER_BY_PATH. */
#pragma once

/* Maximum length of a path with a verdict, a power of two; number of verdicts of a CPU. */
#define JUDGED_TEXT 128
#define JUDGED_OPENS 512
#define JUDGED_PARTS 24

struct judged_open {
	/* The filter's number; type and flags; the error, or the flags that the kernel adds; length of the path. */
	__u32 epoch, type, flags, outcome, len;
	/* 0, 1, or UNKNOWN: no verdict yet. */
	__u32 is_rejected;
	/* The groups that the process may be in, if the rows test them. */
	__u64 groups;
	__u64 text[JUDGED_TEXT / 8];
};

/* Only the program that has claimed its CPU's ring uses them. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, JUDGED_OPENS);
	__type(key, __u32);
	__type(value, struct judged_open);
} judged_opens SEC(".maps");

/* Hashes of opens, by the slot of the verdict. The first open with a hash stores only the hash, because most opens are never
 * repeated. */
struct asked_opens {
	__u64 hashes[JUDGED_OPENS];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct asked_opens);
} asked_opens SEC(".maps");

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
		/* Eight bytes of the name, as the first member of a structure. */
		__u64 differ = READ((struct timespec64 *)(name + i), tv_sec);
		differ ^= *(__u64 *)(text + ((end + i) & (2 * JUDGED_TEXT - 1)));
		if (len - i < 8)
			differ <<= 64 - 8 * (len - i);
		if (differ)
			return 0;
	}
	return 1;
}

/* Whether the path in `asked`, of this length, is the path that `walk_from` would find for the file. */
__noinline int is_path_of(__u64 of, __u32 len)
{
	struct scratch *s = scratch();
	struct file *file = (struct file *)of;
	int i;
	if (!s)
		return 0;
	struct dentry *dentry = READ(file, f_path.dentry);
	struct vfsmount *vfsmount = READ(file, f_path.mnt);
	struct mount *mount = (void *)vfsmount - bpf_core_field_offset(struct mount, mnt);
	struct dentry *root = READ(vfsmount, mnt_root);
	if (is_taken_off(dentry) || !is_mounted(mount))
		return 0;
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
			return 0;
		len -= size + 1;
		dentry = parent;
	}
	return 0;
}

/* The part of the call's outcome that rows may test: the flags of the opened file, or the error. */
static __always_inline __u32 outcome_of(struct scratch *s, long ret)
{
	struct file *file = ret >= 0 ? file_of(s, ret) : 0;
	return file ? flags_of(file) : (__u32)ret;
}

/* Eight bytes of a path, of which the path has `left`; the others become 0. */
static __always_inline __u64 word_of(__u64 word, __u32 left)
{
	return left < 8 ? word << (64 - 8 * left) >> (64 - 8 * left) : word;
}

/* Added to the type if rows test the groups of the process. */
#define OF_GROUPS 0x10000

/* The verdict on an open with a kept path: whether the rows reject it, or UNKNOWN. Then `learn_open` may store a verdict. */
__noinline int recall_open(__u32 type, __u32 number, __u64 flags, __u64 ret)
{
	struct scratch *s = scratch();
	struct kept *kept = kept_of(number);
	bool failed = (__s64)ret < 0;
	__u64 hash = type ^ flags << 16 ^ failed << 15 ^ (__u64)filter_epoch << 48;
	int i;
	if (!s)
		return UNKNOWN;
	s->fd = -1;
	s->judged = 0;
	s->groups = type & OF_GROUPS ? own_groups() : 0;
	/* Without the NUL. */
	__u32 len = kept ? kept->len - 1 : 0;
	if (!kept || !len || len > JUDGED_TEXT)
		return UNKNOWN;
	/* A relative path is not the kernel's path. */
	if (!failed && kept->data[0] != '/')
		return UNKNOWN;
	for (i = 0; i < JUDGED_TEXT; i += 8) {
		if (i >= len)
			break;
		hash = (hash ^ word_of(*(__u64 *)&kept->data[i], len - i)) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 29;
	}
	__u32 slot = hash & (JUDGED_OPENS - 1), first = 0;
	struct asked_opens *asked = bpf_map_lookup_elem(&asked_opens, &first);
	if (!asked)
		return UNKNOWN;
	__u32 at = hash;
	barrier_var(at);
	__u64 *seen = &asked->hashes[at & (JUDGED_OPENS - 1)];
	if (*seen != hash) {
		*seen = hash;
		return UNKNOWN;
	}
	struct judged_open *open = bpf_map_lookup_elem(&judged_opens, &slot);
	if (!open)
		return UNKNOWN;
	bool is_same = open->epoch == filter_epoch && open->type == type && open->flags == (__u32)flags &&
		       open->len == len && open->groups == s->groups && open->is_rejected != UNKNOWN;
	for (i = 0; i < JUDGED_TEXT; i += 8) {
		if (i >= len)
			break;
		__u64 word = word_of(*(__u64 *)&kept->data[i], len - i);
		s->asked[i / 8] = word;
		is_same = is_same && open->text[i / 8] == word;
		open->text[i / 8] = word;
	}
	struct file *file = failed ? 0 : file_of(s, ret);
	if (!failed && (!file || !is_path_of(number_of(s, file), len))) {
		open->len = 0;
		return UNKNOWN;
	}
	__u32 outcome = outcome_of(s, ret);
	if (is_same && open->outcome == outcome)
		return open->is_rejected;
	open->epoch = filter_epoch;
	open->type = type;
	open->flags = flags;
	open->outcome = outcome;
	open->len = len;
	open->groups = s->groups;
	open->is_rejected = UNKNOWN;
	s->judged = slot + 1;
	return UNKNOWN;
}

/* Stores the verdict of the rows on the current open, unless the outcome or the groups have changed meanwhile: user space may
 * have written a verdict on the process. */
__noinline int learn_open(__u64 ret, __u32 is_rejected)
{
	struct scratch *s = scratch();
	__u32 slot = s ? s->judged - 1 : 0;
	struct judged_open *open = s && s->judged ? bpf_map_lookup_elem(&judged_opens, &slot) : 0;
	if (open && open->groups == s->groups && open->outcome == outcome_of(s, ret))
		open->is_rejected = is_rejected;
	return 0;
}

/* The decision before the event of an open is built: the kept decision about an equal open, or else `early`. */
static __always_inline int with_verdict(int early, __u16 type, __u32 number, __u64 flags, long ret)
{
	if ((early & FILTER_DECISION) != FILTER_ASKS || !(early & FILTER_RECALLS))
		return early;
	int verdict = recall_open(type | (early & FILTER_ASKS_GROUPS ? OF_GROUPS : 0), number, flags, ret);
	if (verdict == UNKNOWN)
		return early;
	return (early & ~(FILTER_DECISION | FILTER_RECALLS)) | (verdict ? FILTER_REJECTS : FILTER_SENDS);
}
