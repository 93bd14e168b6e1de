/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The mounts that a call has made or removed, if no security hook shows them. The kernel orders the mounts of a namespace by their
 * creation since Linux 6.8. */
#pragma once

#define TREE_DEPTH 40
#define TREE_CLIMB 16
/* Limits: mounts that are kept while a call may remove one of them (a power of two); steps through the tree of mounts. */
#define MOUNTS_KEPT 256
#define MOUNT_STEPS (4 * MOUNTS_KEPT)
#define NAMESPACES_KEPT 256
/* Flags with which mount(2) makes no mount: it changes or moves one, or changes its propagation. */
#define MS_REMOUNT 32
#define MS_MOVE 8192
#define MS_PROPAGATION (1 << 17 | 1 << 18 | 1 << 19 | 1 << 20)

/* Whether programs can be attached to no kernel function, and so to no security hook. */
const volatile __u8 lacks_hooks = 0;

/* Where a mount is; pointers are numbers. */
struct mount_place {
	__u64 mount, parent, point;
};

/* The mounts of the caller's namespace when a call begins that may remove one. */
struct mounts_before {
	/* The walk through the tree: the current node, and the next step. */
	__u64 node;
	__u32 step;
	__u32 count;
	struct mount_place at[MOUNTS_KEPT];
};

enum { GO_DOWN, GO_RIGHT, GO_UP };

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct mounts_before);
} mounts_before SEC(".maps");

/* The last mount that was seen in a namespace. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, NAMESPACES_KEPT);
	__type(key, __u64);
	__type(value, __u64);
} last_mounts SEC(".maps");

static __always_inline bool has_tree_of_mounts(void)
{
	struct mnt_namespace *ns = 0;
	struct mount *mount = 0;
	return bpf_core_field_exists(ns->mounts) && bpf_core_field_exists(mount->mnt_id_unique);
}

static __always_inline struct mnt_namespace *own_mounts(void)
{
	struct task_struct *task = current_task();
	return READ(task, nsproxy, mnt_ns);
}

static __always_inline struct mount *mount_at(struct rb_node *node)
{
	return (void *)node - bpf_core_field_offset(struct mount, mnt_node);
}

/* The newest mount of the namespace. */
static __always_inline struct mount *newest_mount(struct touches *all, struct mnt_namespace *ns)
{
	struct rb_node *node = READ(ns, mounts.rb_node), *last = 0;
	int i;
	for (i = 0; i < TREE_DEPTH; i++) {
		if (!node)
			break;
		last = node = as_number(&all->pointer, node);
		node = READ(node, rb_right);
	}
	return last ? mount_at(last) : 0;
}

/* The oldest mount that is newer than the given one. */
static __always_inline struct mount *mount_after(struct touches *all, struct mnt_namespace *ns, __u64 id)
{
	struct rb_node *node = READ(ns, mounts.rb_node);
	struct mount *best = 0;
	int i;
	for (i = 0; i < TREE_DEPTH; i++) {
		if (!node)
			break;
		node = as_number(&all->pointer, node);
		struct mount *mount = mount_at(node);
		bool later = READ(mount, mnt_id_unique) > id;
		if (later)
			best = mount;
		node = later ? READ(node, rb_left) : READ(node, rb_right);
	}
	return best;
}

/* For a call whose beginning was not seen: the newest mount or, if the call has made a tree of mounts, the top of it. Another
 * mount may have been made without a call since `id`, the last one that was seen. */
static __always_inline struct mount *top_of_new(struct touches *all, struct mnt_namespace *ns, __u64 id)
{
	struct mount *best = newest_mount(all, ns), *above;
	int i;
	if (!best || READ(best, mnt_id_unique) <= id)
		return 0;
	for (i = 0; i < TREE_CLIMB; i++) {
		best = as_number(&all->pointer, best);
		above = READ(best, mnt_parent);
		if (!id || above == best || READ(above, mnt_id_unique) <= id)
			break;
		best = above;
	}
	return best;
}

static __always_inline void note_last_mount(struct touches *all, struct mnt_namespace *ns)
{
	struct mount *last = newest_mount(all, ns);
	__u64 key = (__u64)ns, id = last ? READ(last, mnt_id_unique) : 0;
	if (id)
		bpf_map_update_elem(&last_mounts, &key, &id, 0);
}

/* Finds the mount that was made since the call began, and its source in another mount. */
__noinline int find_mounted(__u32 slot)
{
	struct scratch *s = scratch_in(slot);
	struct touches *all = touches_of_thread(true);
	struct entries *entries = entries_of_thread(false);
	struct mnt_namespace *ns = own_mounts();
	struct mount *best;
	if (!has_tree_of_mounts() || !s || !all || !entries)
		return 0;
	if (all->last_mount) {
		best = mount_after(all, ns, all->last_mount);
	} else {
		__u64 key = (__u64)ns, *known = bpf_map_lookup_elem(&last_mounts, &key);
		best = s->args[3] & (MS_REMOUNT | MS_MOVE | MS_PROPAGATION) ? 0 : top_of_new(all, ns, known ? *known : 0);
	}
	note_last_mount(all, ns);
	if (!best)
		return 0;
	struct mount *above = READ(best, mnt_parent);
	set_whole(&entries->at[0], 0, (__u64)READ(best, mnt.mnt_root));
	set_whole(&entries->at[1], (__u64)&above->mnt, (__u64)READ(best, mnt_mountpoint));
	return 1;
}

/* Keeps the last mount, at the beginning of a call that may make one. */
__noinline int keep_last_mount(void)
{
	struct mnt_namespace *ns = own_mounts();
	struct touches *all = touches_of_thread(true);
	if (!has_tree_of_mounts() || !all)
		return 0;
	struct mount *last = newest_mount(all, ns);
	all->last_mount = last ? READ(last, mnt_id_unique) : 0;
	note_last_mount(all, ns);
	return 0;
}

static __always_inline struct mounts_before *mounts_of_thread(bool create)
{
	if (!has_task_storage)
		return 0;
	return bpf_task_storage_get(&mounts_before, bpf_get_current_task_btf(), 0,
				    create ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
}

static __always_inline void keep_mount(struct mounts_before *all)
{
	struct mount *mount = mount_at((struct rb_node *)all->node);
	struct mount *above = READ(mount, mnt_parent);
	__u32 at = all->count;
	if (at >= MOUNTS_KEPT || above == mount)
		return;
	struct mount_place *place = &all->at[at & (MOUNTS_KEPT - 1)];
	place->mount = (__u64)mount;
	place->parent = (__u64)above;
	place->point = (__u64)READ(mount, mnt_mountpoint);
	all->count = at + 1;
}

/* A step through the tree; returns whether there is another one. The newest mounts come first, in case there are too many. */
__noinline int step_through_mounts(void)
{
	struct mounts_before *all = has_tree_of_mounts() ? mounts_of_thread(false) : 0;
	struct rb_node *node, *next;
	/* Older kernels verify this function, too, although they never call it. */
	if (!all || !all->node)
		return 0;
	node = (struct rb_node *)all->node;
	switch (all->step) {
	case GO_DOWN:
		next = READ(node, rb_right);
		if (next) {
			all->node = (__u64)next;
		} else {
			keep_mount(all);
			all->step = GO_RIGHT;
		}
		return 1;
	case GO_RIGHT:
		next = READ(node, rb_left);
		all->step = next ? GO_DOWN : GO_UP;
		if (next)
			all->node = (__u64)next;
		return 1;
	}
	next = (struct rb_node *)(READ(node, __rb_parent_color) & ~3UL);
	all->node = (__u64)next;
	if (next && READ(next, rb_right) == node) {
		keep_mount(all);
		all->step = GO_RIGHT;
	}
	return 1;
}

/* Keeps the mounts of the namespace, at the beginning of a call that may remove one: afterwards, the kernel does not know where it
 * was. */
__noinline int keep_mounts(void)
{
	struct mnt_namespace *ns = own_mounts();
	struct mounts_before *all;
	int i;
	if (!lacks_hooks || !has_tree_of_mounts() || !touches_of_thread(true) || !(all = mounts_of_thread(true)))
		return 0;
	all->node = (__u64)READ(ns, mounts.rb_node);
	all->step = GO_DOWN;
	all->count = 0;
	for (i = 0; i < MOUNT_STEPS; i++)
		if (!step_through_mounts())
			break;
	return 0;
}

/* Selects a mount that is no longer in the namespace, if the mount above it still is. */
__noinline int is_removed(__u32 at)
{
	struct mounts_before *all = mounts_of_thread(false);
	struct entries *entries = entries_of_thread(false);
	if (!all || !entries)
		return 0;
	struct mount_place *place = &all->at[at & (MOUNTS_KEPT - 1)];
	struct mount *mount = (struct mount *)place->mount, *above = (struct mount *)place->parent;
	struct mnt_namespace *ns = own_mounts();
	if (READ(mount, mnt_ns) == ns || READ(above, mnt_ns) != ns)
		return 0;
	set_whole(&entries->at[0], (__u64)&above->mnt, place->point);
	return 1;
}

/* Finds the directory on which the removed mount was. */
__noinline int find_unmounted(void)
{
	struct mounts_before *all = mounts_of_thread(false);
	__u32 count = all ? all->count : 0;
	int i;
	for (i = 0; i < MOUNTS_KEPT; i++) {
		if (i >= count)
			break;
		if (is_removed(i))
			return 1;
	}
	return 0;
}

static __always_inline void forget_mounts(void)
{
	struct mounts_before *all = lacks_hooks ? mounts_of_thread(false) : 0;
	if (all)
		all->count = 0;
}
