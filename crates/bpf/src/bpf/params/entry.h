/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's paths of the objects of calls, in addition to the requested paths. */
#pragma once

#define AT_FDCWD -100
#define MS_BIND 4096

static __always_inline bool find_touched(struct scratch *s, enum deed deed, __u64 given, __u32 is_own)
{
	if (deed != DEED_MADE && deed != DEED_MOUNTED && deed != DEED_UNMOUNTED)
		take_given(s->slot, given, is_own);
	switch (deed) {
	case DEED_MADE:
		return find_made(0);
	case DEED_REMOVED:
		return find_removed(s->slot);
	case DEED_LINKED:
		return find_made(1) && find_linked(s->slot);
	case DEED_RENAMED:
		return find_renamed(s->slot);
	case DEED_CHANGED:
		return find_changed(s->slot);
	case DEED_MOUNTED:
		return find_mounted(s->slot);
	case DEED_UNMOUNTED:
		return find_unmounted();
	default:
		return false;
	}
}

/* Whether this entry of the current call is known. The requested path is in the caller's memory, or in the
 * probe's. */
__noinline int know_entry(__u32 slot, __u32 deed, __u64 given, __u32 which, __u32 is_own)
{
	struct scratch *s = scratch_in(slot);
	struct entries *found = entries_of_thread(false);
	if (!s)
		return 0;
	if (!found || found->deed != deed) {
		if (deed == DEED_READ || !touches_of_thread(deed == DEED_MOUNTED && lacks_hooks) || !(found = entries_of_thread(true)) ||
		    !find_touched(s, deed, given, is_own))
			return 0;
		found->deed = deed;
	}
	struct entry *entry = &found->at[which & 1];
	return entry->dentry && (entry->mount || find_mount(which));
}

/* Writes the path of an entry after the previous parameters; returns its length, 0 if it is unknown. The path of a
 * moved directory ends in a slash. */
static __always_inline __u32 write_entry(struct scratch *s, struct entry *entry, bool moved)
{
	struct dentry *dentry = (struct dentry *)entry->dentry;
	__u32 len = entry->len & NAME_MAX;
	if (!dentry)
		return 0;
	s->at = PATH_MAX;
	/* Read again, because the verifier does not know that the offset exceeds the length. */
	barrier();
	if (len) {
		if (moved && entry->is_dir)
			PREPEND(s, "/");
		prepend_name(s, entry->name, len);
		PREPEND(s, "/");
	} else if (is_taken_off(dentry)) {
		PREPEND(s, DELETED);
	}
	return copy_path(s, &s->data[s->pos & 0xffff],
			 walk(s->slot, entry->dentry, entry->mount, PATH_MAX - s->at));
}

/* The kernel's path of the starting directory, followed by the requested path. */
static __always_inline __u32 write_given(struct scratch *s, __u32 where)
{
	struct task_struct *task = current_task();
	struct fs_struct *fs = READ(task, fs);
	__u64 from = arg(s, where & 7);
	__u32 dirfd = where >> 3 & 7;
	int fd = dirfd ? (int)arg(s, dirfd - 1) : AT_FDCWD;
	struct path *base = &fs->pwd;
	struct file *file;
	char first = 0;
	if (!from || bpf_probe_read_user(&first, 1, (void *)from))
		return 0;
	if (first == '/') {
		base = &fs->root;
	} else if (fd != AT_FDCWD) {
		file = file_of(s, fd);
		if (!file)
			return 0;
		base = &file->f_path;
	}
	__u32 len = copy_path(s, &s->data[s->pos & 0xffff], walk_path(s, base));
	if (!len)
		return 0;
	/* The root ends in a slash already, or the text begins with one. */
	if (len == sizeof("/"))
		len = first != '/';
	__u32 end = (s->pos & 0xffff) + len;
	if (len)
		s->data[(end - 1) & 0x1ffff] = '/';
	long more = read_user_str(&s->data[end & 0x1ffff], PATH_MAX, (void *)from);
	return more > 0 ? len + more : 0;
}

/* The entry of an operation, and the action on it. */
struct entry_of {
	enum deed deed;
	__u32 which;
};

static __always_inline struct entry_of entry_of(__u32 op)
{
	enum deed deed = DEED_NONE;
	__u32 which = 0;
	switch (op) {
	case OP_X_ENTRY_MADE:
		deed = DEED_MADE;
		break;
	case OP_X_ENTRY_REMOVED:
		deed = DEED_REMOVED;
		break;
	case OP_X_ENTRY_LINK:
		which = 1;
	case OP_X_ENTRY_LINKED:
		deed = DEED_LINKED;
		break;
	case OP_X_ENTRY_NEW_NAME:
		which = 1;
	case OP_X_ENTRY_RENAMED:
		deed = DEED_RENAMED;
		break;
	case OP_X_ENTRY_CHANGED:
		deed = DEED_CHANGED;
		break;
	case OP_X_ENTRY_SOURCE:
		deed = DEED_MOUNTED;
		break;
	case OP_X_ENTRY_MOUNTED:
		which = 1;
		deed = DEED_MOUNTED;
		break;
	case OP_X_ENTRY_READ:
	case OP_X_ENTRY_LOOKED_AT:
		deed = DEED_READ;
		break;
	case OP_X_ENTRY_UNMOUNTED:
		deed = DEED_UNMOUNTED;
		break;
	}
	return (struct entry_of){ deed, which };
}

/* Writes the path of a known entry; returns its length, 0 if there is none. */
static __always_inline __u32 write_known(struct scratch *s, struct entry_of of, __u64 given, bool is_own)
{
	struct entries *found;
	if (!of.deed || !know_entry(s->slot, of.deed, given, of.which, is_own) || !(found = entries_of_thread(false)))
		return 0;
	return write_entry(s, &found->at[of.which & 1], of.deed == DEED_RENAMED && of.which) & 0x3fff;
}

__noinline int param_entry(__u32 desc)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	__u32 op = desc & 0xff, where = desc >> 8 & 0xff, len;
	/* For other mounts, the source is a device, or a name for the file system. */
	if (s->ret < 0 || (op == OP_X_ENTRY_SOURCE && !(arg(s, 3) & (MS_BIND | MS_MOVE)))) {
		put_empty(s);
		return 0;
	}
	len = write_known(s, entry_of(op), arg(s, where & 7), false);
	if (!len && op != OP_X_ENTRY_LOOKED_AT)
		len = write_given(s, where);
	end_param(s, len & 0x3fff);
	return 0;
}

/* As `walk`, for the file that a hook has kept for the current call; removes the kept file. */
__noinline int walk_looked_at(__u32 slot)
{
	struct scratch *s = scratch_in(slot);
	struct entries *found = entries_of_thread(false);
	if (!s || !found || found->deed != DEED_READ)
		return 0;
	found->deed = DEED_NONE;
	struct entry *entry = &found->at[0];
	if (!entry->dentry || !entry->mount)
		return 0;
	s->at = PATH_MAX;
	if (is_taken_off((struct dentry *)entry->dentry))
		PREPEND(s, DELETED);
	return walk(slot, entry->dentry, entry->mount, PATH_MAX - s->at);
}

/* Takes the entries of a request as those of a call of this thread, which reports the request and is in no such
 * call. */
static __always_inline void take_over(__u64 req)
{
	struct entries *from = bpf_map_lookup_elem(&entries_of_requests, &req), *to;
	struct touches *touched = bpf_map_lookup_elem(&touches_of_requests, &req), *all;
	if (from && (to = entries_of_thread(true)))
		bpf_probe_read_kernel(to, sizeof(*to), from);
	if (touched && (all = touches_of_thread(true)))
		bpf_probe_read_kernel(all, sizeof(*all), touched);
}

static __always_inline void forget_work(__u64 req)
{
	bpf_map_delete_elem(&entries_of_requests, &req);
	bpf_map_delete_elem(&touches_of_requests, &req);
}

/* The call is over: removes its entries, so that the next call does not use them. */
static __always_inline void forget_entries(void)
{
	struct entries *found = entries_of_thread(false);
	struct touches *all = touches_of_thread(false);
	int i;
	if (found)
		found->deed = DEED_NONE;
	if (!all)
		return;
	all->count = 0;
	all->last_mount = 0;
	forget_mounts();
	for (i = 0; i < TOUCHED; i++)
		all->at[i].inode = all->at[i].aliases[0].dentry = 0;
}

/* Removes the data that was kept for a thread. */
static __always_inline void forget_thread(__u32 tid)
{
	bpf_map_delete_elem(&kept_calls_by_tid, &tid);
	bpf_map_delete_elem(&kept_paths_by_tid, &tid);
	bpf_map_delete_elem(&entries_by_tid, &tid);
}
