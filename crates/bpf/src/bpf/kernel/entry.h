/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The directory entries that a call worked on, whatever symlinks, renamed directories or other threads did to its
 * paths. If programs can be attached to kernel functions (kprobes), the security hooks show the entries, because
 * the kernel passes the found entries to them. Otherwise (Linux 6.13 or newer), the probe finds them by the inodes
 * whose change time the call set: the changed directory, and the file that was made, moved or removed. */
#pragma once

#define NAME_MAX 255
#define S_IFDIR 0x4000

/* Whether the event's call works on an entry, or on its file. */
static __always_inline bool has_entries(__u16 type)
{
	return event_rows[type & (EVENT_TYPES - 1)].has_entries;
}

/* Whether the thread is in a captured call that works on an entry. */
static __always_inline bool in_call_with_entries(void)
{
	struct task_struct *task = current_task();
	if (TASK(task, flags) & (PF_KTHREAD | PF_IO_WORKER))
		return false;
	struct call call = own_call();
	return call.says && has_entries(call.type);
}

/* The action of a call on an entry. */
enum deed {
	DEED_NONE,
	DEED_MADE,
	DEED_REMOVED,
	DEED_LINKED,
	DEED_RENAMED,
	DEED_CHANGED,
	DEED_READ,
	DEED_MOUNTED,
	DEED_UNMOUNTED,
};

/* A name in a directory, or, without a name, the directory or file itself. Pointers are numbers; 0: unknown. */
struct entry {
	__u64 mount, dentry;
	__u32 len;
	__u8 is_dir;
	__u8 name[NAME_MAX + 1];
};

/* The entries of a call: the only one, or the old and the new one. */
struct entries {
	__u32 deed;
	struct entry at[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct entries);
} entries_of_calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, KEPT_THREADS);
	__type(key, __u32);
	__type(value, struct entries);
} entries_by_tid SEC(".maps");

/* The same for requests, until they complete. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, REQUESTS_MAX);
	__type(key, __u64);
	__type(value, struct entries);
} entries_of_requests SEC(".maps");

static __always_inline struct entries *entries_of_thread(bool create)
{
	return OF_THREAD(entries_of_calls, entries_by_tid, create);
}

/* The request that a worker thread of a ring carries out, if it is captured and works on an entry. */
static __always_inline __u64 work_with_entries(struct task_struct *task)
{
	__u64 req = request_at_work(task);
	struct request *r = req ? bpf_map_lookup_elem(&requests, &req) : 0;
	return r && has_entries(r->type) ? req : 0;
}

/* The data of the thread's current call or request, if that is captured and works on entries; otherwise 0. */
static __always_inline struct entries *entries_at_hand(void)
{
	struct task_struct *task = current_task();
	if (TASK(task, flags) & PF_IO_WORKER) {
		__u64 req = work_with_entries(task);
		return req ? OF_WORK(entries_of_requests, req) : 0;
	}
	return in_call_with_entries() ? entries_of_thread(true) : 0;
}

/* Copies the name of an entry; returns its length. */
static __always_inline __u32 copy_name(__u8 *to, struct dentry *dentry)
{
	__u32 len = READ(dentry, d_name.len);
	barrier_var(len);
	len &= NAME_MAX;
	return bpf_probe_read_kernel(to, len, READ(dentry, d_name.name)) ? 0 : len;
}

static __always_inline bool is_directory(struct inode *inode)
{
	return (READ(inode, i_mode) & S_IFMT) == S_IFDIR;
}

/* Records the arguments of the security hooks. */

static __always_inline void set_entry(struct entry *entry, __u64 mount, struct dentry *dir, struct dentry *named)
{
	entry->mount = mount;
	entry->dentry = (__u64)dir;
	entry->is_dir = is_directory(READ(named, d_inode));
	entry->len = copy_name(entry->name, named);
}

static __always_inline void set_whole(struct entry *entry, __u64 mount, __u64 dentry)
{
	entry->mount = mount;
	entry->dentry = dentry;
	entry->len = 0;
	entry->is_dir = 0;
}

static __always_inline struct entries *new_entries(enum deed deed)
{
	struct entries *entries = entries_at_hand();
	if (entries)
		entries->deed = deed;
	return entries;
}

/* The hooks of inodes do not get the mount. The first hook belongs to the call; a layered file system calls
 * another one. */
static __always_inline int on_dentry(enum deed deed, struct dentry *dentry)
{
	struct entries *found = entries_at_hand();
	if (!found || found->deed)
		return 0;
	found->deed = deed;
	set_whole(&found->at[0], 0, (__u64)dentry);
	return 0;
}

static __always_inline int in_directory(enum deed deed, struct path *dir, struct dentry *named)
{
	struct entries *found = new_entries(deed);
	if (found)
		set_entry(&found->at[0], (__u64)READ(dir, mnt), READ(dir, dentry), named);
	return 0;
}

static __always_inline int on_path(enum deed deed, struct path *path)
{
	struct entries *found = new_entries(deed);
	if (found)
		set_whole(&found->at[0], (__u64)READ(path, mnt), (__u64)READ(path, dentry));
	return 0;
}

#if defined(__TARGET_ARCH_x86)
#define GIVEN_1(ctx) ((void *)(ctx)->di)
#define GIVEN_2(ctx) ((void *)(ctx)->si)
#define GIVEN_3(ctx) ((void *)(ctx)->dx)
#define GIVEN_4(ctx) ((void *)(ctx)->cx)
#else
#define GIVEN_1(ctx) ((void *)(ctx)->regs[0])
#define GIVEN_2(ctx) ((void *)(ctx)->regs[1])
#define GIVEN_3(ctx) ((void *)(ctx)->regs[2])
#define GIVEN_4(ctx) ((void *)(ctx)->regs[3])
#endif

#define HOOK(hook, body)                                                                                          \
	SEC("kprobe/security_" #hook)                                                                             \
	int hook_##hook(struct pt_regs *ctx)                                                                      \
	{                                                                                                         \
		return body;                                                                                      \
	}

HOOK(path_mkdir, in_directory(DEED_MADE, GIVEN_1(ctx), GIVEN_2(ctx)))
HOOK(path_mknod, in_directory(DEED_MADE, GIVEN_1(ctx), GIVEN_2(ctx)))
HOOK(path_symlink, in_directory(DEED_MADE, GIVEN_1(ctx), GIVEN_2(ctx)))
HOOK(path_rmdir, in_directory(DEED_REMOVED, GIVEN_1(ctx), GIVEN_2(ctx)))
HOOK(path_unlink, in_directory(DEED_REMOVED, GIVEN_1(ctx), GIVEN_2(ctx)))
HOOK(path_chmod, on_path(DEED_CHANGED, GIVEN_1(ctx)))
HOOK(path_chown, on_path(DEED_CHANGED, GIVEN_1(ctx)))
HOOK(path_truncate, on_path(DEED_CHANGED, GIVEN_1(ctx)))

/* For a layered file, the hook of the lower file follows later. */
static __always_inline int on_looked_at(struct path *path)
{
	struct entries *found = entries_at_hand();
	if (!found || found->deed)
		return 0;
	found->deed = DEED_READ;
	set_whole(&found->at[0], (__u64)READ(path, mnt), (__u64)READ(path, dentry));
	return 0;
}

HOOK(inode_getattr, on_looked_at(GIVEN_1(ctx)))

/* Whether mounts may have their own ids (Linux 5.12). If so, they are the first argument of some hooks. */
static __always_inline bool has_own_ids(void)
{
	struct vfsmount *mount = 0;
	struct vfsmount___512 *older = 0;
	return bpf_core_field_exists(mount->mnt_idmap) || bpf_core_field_exists(older->mnt_userns);
}

static __always_inline struct dentry *behind_ids(struct pt_regs *ctx)
{
	struct dentry *first = GIVEN_1(ctx), *second = GIVEN_2(ctx);
	/* The verifier allows no variable offset in the context. */
	barrier_var(first);
	barrier_var(second);
	return has_own_ids() ? second : first;
}

HOOK(inode_setxattr, on_dentry(DEED_CHANGED, behind_ids(ctx)))
HOOK(inode_removexattr, on_dentry(DEED_CHANGED, behind_ids(ctx)))
HOOK(inode_getxattr, on_dentry(DEED_READ, GIVEN_1(ctx)))
HOOK(inode_listxattr, on_dentry(DEED_READ, GIVEN_1(ctx)))
HOOK(inode_set_acl, on_dentry(DEED_CHANGED, GIVEN_2(ctx)))
HOOK(inode_remove_acl, on_dentry(DEED_CHANGED, GIVEN_2(ctx)))
HOOK(inode_get_acl, on_dentry(DEED_READ, GIVEN_2(ctx)))

SEC("kprobe/security_path_link")
int hook_path_link(struct pt_regs *ctx)
{
	struct dentry *old = GIVEN_1(ctx);
	struct path *dir = GIVEN_2(ctx);
	struct entries *found = new_entries(DEED_LINKED);
	if (!found)
		return 0;
	__u64 mount = (__u64)READ(dir, mnt);
	set_entry(&found->at[0], mount, READ(old, d_parent), old);
	set_entry(&found->at[1], mount, READ(dir, dentry), GIVEN_3(ctx));
	return 0;
}

SEC("kprobe/security_path_rename")
int hook_path_rename(struct pt_regs *ctx)
{
	struct path *from = GIVEN_1(ctx), *to = GIVEN_3(ctx);
	struct entries *found = new_entries(DEED_RENAMED);
	if (!found)
		return 0;
	set_entry(&found->at[0], (__u64)READ(from, mnt), READ(from, dentry), GIVEN_2(ctx));
	set_entry(&found->at[1], (__u64)READ(to, mnt), READ(to, dentry), GIVEN_4(ctx));
	/* After the move, the new name refers to the moved file. */
	found->at[1].is_dir = found->at[0].is_dir;
	return 0;
}

static __always_inline int on_mountpoint(struct path *path)
{
	struct entries *found = new_entries(DEED_MOUNTED);
	if (!found)
		return 0;
	set_whole(&found->at[0], 0, 0);
	set_whole(&found->at[1], (__u64)READ(path, mnt), (__u64)READ(path, dentry));
	return 0;
}

HOOK(sb_mount, on_mountpoint(GIVEN_2(ctx)))
HOOK(move_mount, on_mountpoint(GIVEN_2(ctx)))

/* The mount is gone when the call ends, so the probe reports the directory that it was mounted on. */
SEC("kprobe/security_sb_umount")
int hook_sb_umount(struct pt_regs *ctx)
{
	struct mount *mount = GIVEN_1(ctx) - bpf_core_field_offset(struct mount, mnt);
	struct mount *above = READ(mount, mnt_parent);
	struct entries *found = new_entries(DEED_UNMOUNTED);
	if (found)
		set_whole(&found->at[0], (__u64)&above->mnt, (__u64)READ(mount, mnt_mountpoint));
	return 0;
}
