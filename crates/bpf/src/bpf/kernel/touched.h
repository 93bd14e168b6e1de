/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Entries that a call worked on, found by the inodes whose change time it set. */
#pragma once

#define TOUCHED 8
#define S_DEAD 16
#define ALIASES 16
#define KEPT_ALIASES 4
#define MOUNTS 256
#define ANCESTRY 256

/* A name of an inode; most inodes have one. */
struct alias {
	__u64 dentry, parent;
	__u32 hash;
};

/* An inode at the moment when its change time was set: some of its names, the first as a text. */
struct touched {
	__u64 inode;
	struct alias aliases[KEPT_ALIASES];
	__u32 len;
	__u8 name[NAME_MAX + 1] __attribute__((aligned(8)));
};

/* The last touched inodes of a call, and the last mount at its beginning. */
struct touches {
	__u64 last_mount;
	/* The entry of the created file in the directory. */
	__u64 made;
	/* The changed directory of an overlay (its inode), and its entry in the upper layer. */
	__u64 layered, upper;
	/* The inode in the overlay of a file that got a name in the upper layer. */
	__u64 above;
	/* Room for `as_number`. */
	__u64 pointer;
	__u32 count;
	struct touched at[TOUCHED];
};

/* A pointer that the verifier treats as a number. */
static __always_inline void *as_number(__u64 *by, void *pointer)
{
	*(void *volatile *)by = pointer;
	return (void *)*(volatile __u64 *)by;
}

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct touches);
} touches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, REQUESTS_MAX);
	__type(key, __u64);
	__type(value, struct touches);
} touches_of_requests SEC(".maps");

/* The entry of this link in an inode's list of names. */
static __always_inline struct dentry *dentry_of_alias(struct hlist_node *node)
{
	struct dentry *dentry = 0;
	struct dentry___7 *new = 0;
	if (!node)
		return 0;
	return (void *)node - (bpf_core_field_exists(dentry->d_u.d_alias) ? bpf_core_field_offset(dentry->d_u.d_alias) :
									  bpf_core_field_offset(new->d_alias));
}

static __always_inline struct dentry *first_alias(struct inode *inode)
{
	return dentry_of_alias(READ(inode, i_dentry.first));
}

static __always_inline struct dentry *next_alias(struct dentry *dentry)
{
	struct dentry___7 *new = (void *)dentry;
	return dentry_of_alias(bpf_core_field_exists(dentry->d_u.d_alias) ? READ(dentry, d_u.d_alias.next) :
									    READ(new, d_alias.next));
}

/* Whether the inode is new, that is, being read from its file system. The member has been a number, an
 * enumeration, and each of them in a structure. */
static __always_inline bool is_new(struct inode *inode)
{
	struct inode___618 *second = (void *)inode;
	struct inode___619 *third = (void *)inode;
	struct inode___620 *fourth = (void *)inode;
	__u32 state = 0;
	if (bpf_core_field_exists(inode->i_state))
		state = READ(inode, i_state);
	else if (bpf_core_field_exists(second->i_state))
		state = READ(second, i_state);
	else if (bpf_core_field_exists(third->i_state.__state))
		state = READ(third, i_state.__state);
	else if (bpf_core_field_exists(fourth->i_state.__state))
		state = READ(fourth, i_state.__state);
	return state & 1;
}

/* Kernels with these tracepoints have task storage. */
static __always_inline struct touches *touches_of_thread(bool create)
{
	if (!has_task_storage)
		return 0;
	return bpf_task_storage_get(&touches, bpf_get_current_task_btf(), 0, create ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
}

/* The touched inodes of the thread's current call or request, if that is captured and works on entries; otherwise 0. */
static __always_inline struct touches *touches_at_hand(void)
{
	struct task_struct *task = current_task();
	if (TASK(task, flags) & PF_IO_WORKER) {
		__u64 req = work_with_entries(task);
		return req ? OF_WORK(touches_of_requests, req) : 0;
	}
	return in_call_with_entries() ? touches_of_thread(true) : 0;
}

/* Tracepoints of the change time. The file system and the resolution of its times determine which one is reached. */

static __always_inline int touch(struct inode *inode)
{
	struct touches *all = is_new(inode) ? 0 : touches_at_hand();
	if (!all)
		return 0;
	struct touched *last = &all->at[(all->count - 1) & (TOUCHED - 1)];
	struct touched *one = &all->at[all->count & (TOUCHED - 1)];
	struct dentry *dentry = first_alias(inode);
	int i;
	if (last->inode == (__u64)inode)
		return 0;
	one->inode = (__u64)inode;
	one->len = copy_name(one->name, dentry);
	for (i = 0; i < KEPT_ALIASES; i++) {
		one->aliases[i].dentry = (__u64)dentry;
		one->aliases[i].parent = (__u64)READ(dentry, d_parent);
		one->aliases[i].hash = READ(dentry, d_name.hash);
		dentry = dentry ? next_alias(dentry) : 0;
	}
	all->count++;
	return 0;
}

#define TOUCH(name, tracepoint)                                                                                   \
	BTF_PROGRAM(touch_##name, tracepoint, (struct inode * inode), touch(inode))                               \
	GUARDED_PROGRAM(touch_##name, tracepoint, (struct inode * inode), touch(inode))

TOUCH(set, inode_set_ctime_to_ts)
TOUCH(exchanged, ctime_ns_xchg)
TOUCH(same, ctime_xchg_skip)

/* The mount of a file: that of the caller's directory or root, or another mount of its namespace that contains the
 * file. */

static __always_inline struct mount *mount_of_instance(struct list_head *node)
{
	struct mount___old *old = 0;
	return node ? (void *)node - bpf_core_field_offset(old->mnt_instance) : 0;
}

/* Whether a directory is `root` or is below it. */
__noinline int lies_below(__u64 of, __u64 root)
{
	struct dentry *dentry = (struct dentry *)of;
	int i;
	for (i = 0; i < ANCESTRY; i++) {
		struct dentry *parent = READ(dentry, d_parent);
		if ((__u64)dentry == root)
			return 1;
		if (parent == dentry)
			break;
		dentry = parent;
	}
	return 0;
}

/* Selects a mount, by its `struct vfsmount`, if it contains the entry. */
__noinline int try_mount(__u32 which, __u64 of)
{
	struct vfsmount *mount = (struct vfsmount *)of;
	struct entries *entries = entries_of_thread(false);
	if (!entries)
		return 0;
	struct entry *entry = &entries->at[which & 1];
	struct dentry *dentry = (struct dentry *)entry->dentry, *root = READ(mount, mnt_root);
	struct super_block *sb = READ(dentry, d_sb);
	entry->mount = 0;
	if (READ(mount, mnt_sb) != sb ||
	    (root != READ(sb, s_root) && !lies_below(entry->dentry, (__u64)as_number(&entry->mount, root))))
		return 0;
	entry->mount = of;
	return 1;
}

__noinline int find_mount(__u32 which)
{
	struct task_struct *task = current_task();
	struct entries *entries = entries_of_thread(false);
	struct mnt_namespace *ns = READ(task, nsproxy, mnt_ns);
	struct fs_struct *fs = READ(task, fs);
	struct mount *at;
	int i;
	if (!entries)
		return 0;
	struct entry *entry = &entries->at[which & 1];
	if (try_mount(which, (__u64)as_number(&entry->mount, READ(fs, pwd.mnt))) ||
	    try_mount(which, (__u64)as_number(&entry->mount, READ(fs, root.mnt))))
		return 1;
	struct dentry *dentry = (struct dentry *)entry->dentry;
	struct super_block *sb = READ(dentry, d_sb);
	struct super_block___618 *new = (void *)sb;
	bool linked = bpf_core_field_exists(new->s_mounts);
	at = linked ? READ(new, s_mounts) : mount_of_instance(READ(sb, s_mounts.next));
	for (i = 0; i < MOUNTS; i++) {
		if (!at)
			break;
		at = as_number(&entry->mount, at);
		if (READ(at, mnt_ns) == ns && try_mount(which, (__u64)&at->mnt))
			return 1;
		struct mount___618 *next = (void *)at;
		struct mount___old *instance = (void *)at;
		at = linked ? READ(next, mnt_next_for_sb) : mount_of_instance(READ(instance, mnt_instance.next));
	}
	entry->mount = 0;
	return 0;
}

/* The inode that was touched last, or earlier ones. */
static __always_inline struct touched *latest(struct touches *all, __u32 i)
{
	return &all->at[(all->count - 1 - i) & (TOUCHED - 1)];
}

/* Names. */

/* Offsets in the scratch of the requested path, of its last name, and of another one. */
#define GIVEN_PATH 16384
#define GIVEN 8192
#define OTHER 12288

static __always_inline bool differs(const __u8 *one, const __u8 *other, __u32 len)
{
	int i;
	for (i = 0; i < (NAME_MAX + 1) / 8; i++) {
		if (i * 8 >= len)
			break;
		__u64 bits = *(__u64 *)(one + i * 8) ^ *(__u64 *)(other + i * 8);
		if (len < (i + 1) * 8)
			bits <<= ((i + 1) * 8 - len) * 8;
		if (bits)
			return true;
	}
	return false;
}

/* Finds the last name of the requested path, which selects among several candidates. The text of a request is in
 * the probe's memory. */
__noinline int take_given(__u32 slot, __u64 from, __u32 is_own)
{
	struct scratch *s = scratch_in(slot);
	int i;
	if (!s)
		return 0;
	long len = 0;
	if (from && is_own)
		len = bpf_probe_read_kernel_str(&s->data[TEMP + GIVEN_PATH], PATH_MAX, (void *)from);
	else if (from)
		len = read_user_str(&s->data[TEMP + GIVEN_PATH], PATH_MAX, (void *)from);
	/* In memory, because the verifier follows each value of a register separately. */
	volatile __u32 *at = &s->at;
	s->given = 0;
	*at = len > 1 ? len - 1 : 0;
	for (i = 0; i < NAME_MAX; i++) {
		if (!*at || s->data[TEMP + GIVEN_PATH + ((*at - 1) & (PATH_MAX - 1))] != '/')
			break;
		(*at)--;
	}
	s->end = *at;
	for (i = 0; i < NAME_MAX; i++) {
		if (!*at || s->data[TEMP + GIVEN_PATH + ((*at - 1) & (PATH_MAX - 1))] == '/')
			break;
		(*at)--;
	}
	__u32 size = s->end - *at;
	barrier_var(size);
	size &= NAME_MAX;
	s->given = size;
	bpf_probe_read_kernel(&s->data[TEMP + GIVEN], size, &s->data[TEMP + GIVEN_PATH + (*at & (PATH_MAX - 1))]);
	return 0;
}

/* Whether a touched inode had this name. */
__noinline int had_given(__u32 slot, __u32 which)
{
	struct scratch *s = scratch_in(slot);
	struct touches *all = touches_of_thread(false);
	if (!s || !all)
		return 0;
	struct touched *one = latest(all, which);
	return one->len == s->given && !differs(&s->data[TEMP + GIVEN], one->name, one->len);
}

/* Whether an entry has this name. */
__noinline int is_given(__u32 slot, __u64 of)
{
	struct scratch *s = scratch_in(slot);
	if (!s)
		return 0;
	__u32 len = copy_name(&s->data[TEMP + OTHER], (struct dentry *)of);
	return len == s->given && !differs(&s->data[TEMP + GIVEN], &s->data[TEMP + OTHER], len);
}

static __always_inline __u32 take_name(struct entry *entry, const __u8 *name, __u32 len)
{
	barrier_var(len);
	len &= NAME_MAX;
	bpf_probe_read_kernel(entry->name, len, name);
	return len;
}

/* Finds the entries from the touched inodes, the last ones first, because others may have been touched on the way
 * to them. */

static __always_inline bool was_touched(struct touches *all, __u64 inode)
{
	int i;
	for (i = 0; i < TOUCHED; i++)
		if (inode && all->at[i].inode == inode)
			return true;
	return false;
}

static __always_inline bool is_layered(struct inode *inode)
{
	return READ(inode, i_sb, s_magic) == OVERLAY_MAGIC;
}

/* The last changed directory of an overlay; 0 if the call worked on none. The overlay changes its own directory after that of
 * the upper layer, and those that it copies up. */
__noinline int find_layered(void)
{
	struct touches *all = touches_of_thread(false);
	int i;
	if (!all)
		return 0;
	all->layered = all->upper = 0;
	for (i = 0; i < TOUCHED; i++) {
		struct inode *inode = (struct inode *)latest(all, i)->inode;
		if (!inode || !is_layered(inode) || !is_directory(inode) || READ(inode, i_flags) & S_DEAD)
			continue;
		all->layered = (__u64)inode;
		all->upper = (__u64)upper_of(inode);
		return 1;
	}
	return 0;
}

/* Whether a directory changed in the call. In an overlay, it is the one of the overlay, or that of its upper layer. */
static __always_inline bool is_changed(struct touches *all, struct dentry *dir)
{
	__u64 inode = (__u64)READ(dir, d_inode);
	if (all->layered)
		return inode == all->layered || (__u64)dir == all->upper;
	return was_touched(all, inode);
}

/* Finds a new entry in a changed directory. */
__noinline int find_made(__u32 which)
{
	struct touches *all = touches_of_thread(false);
	struct entries *entries = entries_of_thread(false);
	int i;
	if (!all || !entries)
		return 0;
	struct entry *entry = &entries->at[which & 1];
	find_layered();
	for (i = 0; i < TOUCHED; i++) {
		struct inode *inode = (struct inode *)latest(all, i)->inode;
		struct dentry *dentry = first_alias(inode), *parent = READ(dentry, d_parent);
		if (!dentry || dentry == parent || !is_changed(all, parent))
			continue;
		all->made = (__u64)dentry;
		/* The overlay gives it the same name as the upper layer. */
		if (all->layered && (__u64)parent == all->upper)
			parent = first_alias((struct inode *)all->layered);
		set_entry(entry, 0, parent, dentry);
		return 1;
	}
	return 0;
}

#define NAME_WORDS 32

/* Whether two entries have the same name, of at most 255 bytes. */
__noinline int is_same_name(__u64 one, __u64 other)
{
	struct dentry *a = (struct dentry *)one, *b = (struct dentry *)other;
	__u32 len = READ(a, d_name.len), i;
	if (len != READ(b, d_name.len))
		return 0;
	__u64 left = (__u64)READ(a, d_name.name), right = (__u64)READ(b, d_name.name);
	for (i = 0; i < NAME_WORDS; i++) {
		if (8 * i >= len)
			break;
		__u64 words[2] = {};
		bpf_probe_read_kernel(&words[0], 8, (void *)(left + 8 * i));
		bpf_probe_read_kernel(&words[1], 8, (void *)(right + 8 * i));
		__u64 differ = words[0] ^ words[1];
		if (len - 8 * i < 8)
			differ <<= 64 - 8 * (len - 8 * i);
		if (differ)
			return 0;
	}
	return 1;
}

/* Finds the inode in the overlay of a file that got a name in its upper layer. Children are listed in the order of their
 * appearance, the last first. */
__noinline int find_above(__u32 slot)
{
	struct scratch *s = scratch_in(slot);
	struct touches *all = touches_of_thread(false);
	int i;
	if (!s || !all)
		return 0;
	struct dentry *dir = first_alias((struct inode *)all->layered), *child;
	struct inode *file = READ((struct dentry *)all->made, d_inode);
	if (!dir || !bpf_core_field_exists(dir->d_children))
		return 0;
	struct hlist_node *node = READ(dir, d_children.first);
	for (i = 0; i < ALIASES; i++) {
		if (!node)
			break;
		child = (void *)node - bpf_core_field_offset(child->d_sib);
		child = (struct dentry *)number_of(s, child);
		struct inode *inode = READ(child, d_inode);
		struct dentry *upper = inode && is_layered(inode) ? upper_of(inode) : 0;
		if (upper && READ(upper, d_inode) == file) {
			all->above = (__u64)inode;
			return 1;
		}
		node = READ(child, d_sib.next);
	}
	return 0;
}

/* Finds another entry of a file with a new one. */
__noinline int find_linked(__u32 slot)
{
	struct scratch *s = scratch_in(slot);
	struct touches *all = touches_of_thread(false);
	struct entries *entries = entries_of_thread(false);
	int i;
	if (!s || !all || !entries)
		return 0;
	struct entry *entry = &entries->at[0];
	struct dentry *made = (struct dentry *)all->made, *best = 0;
	struct inode *inode = READ(made, d_inode);
	bool in_upper = all->layered && !is_layered(inode);
	/* The other name in the upper layer does not show the one in the overlay. */
	if (in_upper && !find_above(slot)) {
		entry->dentry = 0;
		return 1;
	}
	struct dentry *alias = first_alias(in_upper ? (struct inode *)all->above : inode);
	for (i = 0; i < ALIASES; i++) {
		if (!alias)
			break;
		alias = (struct dentry *)number_of(s, alias);
		bool is_new = in_upper ? (__u64)READ(alias, d_parent, d_inode) == all->layered &&
						 is_same_name((__u64)alias, (__u64)made) :
					 alias == made;
		if (!is_new && (!best || is_given(slot, (__u64)alias)))
			best = alias;
		alias = next_alias(alias);
	}
	if (best)
		set_entry(entry, 0, READ(best, d_parent), best);
	return best != 0;
}

/* Finds an entry that was removed from a changed directory. */
__noinline int find_removed(__u32 slot)
{
	struct scratch *s = scratch_in(slot);
	struct touches *all = touches_of_thread(false);
	struct entries *entries = entries_of_thread(false);
	struct inode *inode = 0;
	struct dentry *dir = 0;
	int i;
	if (!s || !all || !entries)
		return 0;
	struct entry *entry = &entries->at[0];
	if (find_layered()) {
		inode = (struct inode *)all->layered;
	} else {
		for (i = 0; i < TOUCHED; i++) {
			inode = (struct inode *)latest(all, i)->inode;
			if (inode && is_directory(inode) && !(READ(inode, i_flags) & S_DEAD))
				break;
		}
		if (i >= TOUCHED)
			return 0;
	}
	dir = first_alias(inode);
	if (!dir)
		return 0;
	entry->mount = 0;
	entry->dentry = (__u64)dir;
	entry->is_dir = 0;
	for (i = 0; i < TOUCHED; i++) {
		struct touched *one = latest(all, i);
		struct dentry *dentry = (struct dentry *)one->aliases[0].dentry;
		__u64 parent = one->aliases[0].parent;
		/* The root of a file system is in itself. */
		if (!dentry || (__u64)dentry == parent ||
		    (parent != (__u64)dir && (!all->layered || parent != all->upper)))
			continue;
		/* If the file has several names in the directory, another one may have been removed. */
		if (READ(dentry, d_inode) && READ(dentry, d_hash.pprev) && (__u64)READ(dentry, d_parent) == parent)
			continue;
		entry->len = take_name(entry, one->name, one->len);
		return 1;
	}
	entry->len = take_name(entry, &s->data[TEMP + GIVEN], s->given);
	return 1;
}

/* Whether a name was moved since its inode was touched. */
static __always_inline bool was_moved(struct alias *alias, __u64 inode)
{
	struct dentry *dentry = (struct dentry *)alias->dentry;
	return dentry && inode && (__u64)READ(dentry, d_inode) == inode &&
	       ((__u64)READ(dentry, d_parent) != alias->parent || READ(dentry, d_name.hash) != alias->hash);
}

/* The moved name of an inode, KEPT_ALIASES if there is none. */
__noinline int find_moved(__u32 which)
{
	struct touches *all = touches_of_thread(false);
	int i;
	if (!all)
		return KEPT_ALIASES;
	struct touched *one = latest(all, which);
	for (i = 0; i < KEPT_ALIASES; i++)
		if (was_moved(&one->aliases[i], one->inode))
			break;
	return i;
}

/* Finds an entry that was moved. */
__noinline int find_renamed(__u32 slot)
{
	struct scratch *s = scratch_in(slot);
	struct touches *all = touches_of_thread(false);
	struct entries *entries = entries_of_thread(false);
	__u32 which = TOUCHED, name = 0, best = 0;
	int i;
	if (!s || !all || !entries)
		return 0;
	for (i = 0; i < TOUCHED; i++) {
		__u32 moved = find_moved(i);
		if (moved >= KEPT_ALIASES)
			continue;
		/* For an exchange of two entries, the requested one, if their names are known. */
		__u32 fits = moved ? 2 : had_given(slot, i) ? 3 : 1;
		if (fits <= best)
			continue;
		best = fits;
		which = i;
		name = moved;
	}
	if (which >= TOUCHED)
		return 0;
	barrier_var(name);
	struct touched *one = latest(all, which);
	struct alias *alias = &one->aliases[name & (KEPT_ALIASES - 1)];
	struct dentry *now = (struct dentry *)alias->dentry;
	struct entry *old = &entries->at[0];
	old->mount = 0;
	old->dentry = alias->parent;
	old->is_dir = 0;
	old->len = name ? take_name(old, &s->data[TEMP + GIVEN], s->given) : take_name(old, one->name, one->len);
	set_entry(&entries->at[1], 0, READ(now, d_parent), now);
	return 1;
}

/* Finds the last touched inode. */
__noinline int find_changed(__u32 slot)
{
	struct scratch *s = scratch_in(slot);
	struct touches *all = touches_of_thread(false);
	struct entries *entries = entries_of_thread(false);
	int i;
	if (!s || !all || !entries)
		return 0;
	struct entry *entry = &entries->at[0];
	struct touched *last = latest(all, 0);
	struct inode *inode = (struct inode *)last->inode;
	struct dentry *alias = first_alias(inode), *best = (struct dentry *)last->aliases[0].dentry;
	if (!best)
		return 0;
	for (i = 0; i < ALIASES; i++) {
		if (!alias)
			break;
		alias = (struct dentry *)number_of(s, alias);
		if (is_given(slot, (__u64)alias)) {
			best = alias;
			break;
		}
		alias = next_alias(alias);
	}
	set_whole(entry, 0, (__u64)best);
	return 1;
}
