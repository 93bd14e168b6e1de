/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's paths: from a file up to the root of its mount namespace, whatever the caller's root is. */
#pragma once

#define PATH_MAX 4096
/* A longer path loses its middle: this number of bytes of its end is kept, and as much of its beginning as fits. */
#define PATH_END 1024
/* Number of directories and mounts that one call of `climb` visits, and maximum number of calls for a path. */
#define STEPS 64
#define CLIMBS 256

#define PIPEFS_MAGIC 0x50495045
#define SOCKFS_MAGIC 0x534f434b
#define NSFS_MAGIC 0x6e736673
/* The file system of pidfds since Linux 6.9. */
#define PID_FS_MAGIC 0x50494446
#define ANON_INODE_FS_MAGIC 0x09041934
/* Inode number of all anonymous mount namespaces, which contain mounts that are attached nowhere; 0 before Linux 6.18. */
#define ANONYMOUS_NAMESPACE 0xeffffff7
#define LEFT_OUT "/..."
#define UNREACHABLE "(unreachable)"
#define DELETED " (deleted)"

/* Prepends a text of constant length. */
#define PREPEND(s, text)                                                                                          \
	({                                                                                                        \
		static const char text_[] = text;                                                                 \
		(s)->at -= sizeof(text_) - 1;                                                                     \
		bpf_probe_read_kernel(&(s)->data[TEMP + ((s)->at & (PATH_MAX - 1))], sizeof(text_) - 1, text_);  \
	})

/* Climbs up to STEPS directories and mounts; returns whether there are more. */
__noinline int climb(__u32 slot)
{
	struct scratch *s = scratch_in(slot);
	int i;
	if (!s)
		return 0;
	struct dentry *dentry = (struct dentry *)s->dentry, *root = (struct dentry *)s->root;
	struct mount *mount = (struct mount *)s->mount;
	for (i = 0; i < STEPS; i++) {
		/* As numbers, because the verifier would follow each step separately for each kind of pointer. */
		dentry = (struct dentry *)number_of(s, dentry);
		mount = (struct mount *)number_of(s, mount);
		root = (struct dentry *)number_of(s, root);
		if (dentry == root) {
			struct mount *above = READ(mount, mnt_parent);
			if (above == mount) {
				s->whole = 1;
				return 0;
			}
			dentry = READ(mount, mnt_mountpoint);
			mount = above;
			root = READ(mount, mnt.mnt_root);
			continue;
		}
		struct dentry *parent = READ(dentry, d_parent);
		if (dentry == parent) {
			s->dentry = number_of(s, dentry);
			return 0;
		}
		__u32 len = READ(dentry, d_name.len), at = s->at;
		const unsigned char *name = READ(dentry, d_name.name);
		len &= 0xff;
		if (at < len + 1 + sizeof(UNREACHABLE)) {
			s->at = s->end;
			PREPEND(s, LEFT_OUT);
			at = s->at;
		}
		at -= len;
		/* Checked again, because the verifier of 6.12 forgets a bound when it learns one of the sum above. */
		barrier_var(len);
		len &= 0xff;
		bpf_probe_read_kernel(&s->data[TEMP + (at & (PATH_MAX - 1))], len, name);
		at--;
		s->data[TEMP + (at & (PATH_MAX - 1))] = '/';
		s->at = at;
		if (at >= PATH_MAX - PATH_END)
			s->end = at;
		dentry = parent;
	}
	s->dentry = number_of(s, dentry);
	s->mount = number_of(s, mount);
	s->root = number_of(s, root);
	return 1;
}

static __always_inline void prepend_number(struct scratch *s, __u64 number)
{
	int i;
	for (i = 0; i < 20; i++) {
		s->at--;
		s->data[TEMP + (s->at & (PATH_MAX - 1))] = '0' + number % 10;
		number /= 10;
		if (!number)
			break;
	}
}

static __always_inline void prepend_name(struct scratch *s, const void *name, __u32 len)
{
	len &= 0xff;
	s->at -= len;
	bpf_probe_read_kernel(&s->data[TEMP + (s->at & (PATH_MAX - 1))], len, name);
}

/* Writes the kernel's name of a file that is in no directory; nothing if the name does not show what the file is. */
__noinline int name_alone(__u32 slot)
{
	struct scratch *s = scratch_in(slot);
	if (!s)
		return 0;
	struct dentry *dentry = (struct dentry *)s->dentry;
	struct inode *inode = READ(dentry, d_inode);
	__u64 magic = READ(dentry, d_sb, s_magic);
	if (magic == PIPEFS_MAGIC || magic == SOCKFS_MAGIC || magic == NSFS_MAGIC || magic == PID_FS_MAGIC) {
		struct pid *pid = magic == PID_FS_MAGIC ? READ(inode, i_private) : 0;
		PREPEND(s, "]");
		prepend_number(s, pid ? host_number(pid) : READ(inode, i_ino));
		PREPEND(s, ":[");
	}
	if (magic == PIPEFS_MAGIC) {
		PREPEND(s, "pipe");
	} else if (magic == SOCKFS_MAGIC) {
		PREPEND(s, "socket");
	} else if (magic == PID_FS_MAGIC) {
		/* With the process id, which the kernel's own name lacks. */
		PREPEND(s, "pidfd");
	} else if (magic == NSFS_MAGIC) {
		struct ns_common *ns = READ(inode, i_private);
		char name[16] = {};
		long len = bpf_probe_read_kernel_str(name, sizeof(name), READ(ns, ops, name));
		prepend_name(s, name, len > 0 ? (len - 1) & 15 : 0);
	} else {
		/* A memfd and the like have a name; a file that was found only by its inode has none. */
		const unsigned char *name = READ(dentry, d_name.name);
		char first = 0;
		bpf_probe_read_kernel(&first, 1, name);
		if (first != '/')
			prepend_name(s, name, READ(dentry, d_name.len));
	}
	return 0;
}

/* Whether a mount belongs to a namespace, so that its paths begin at the namespace's root. */
static __always_inline bool is_mounted(struct mount *mount)
{
	struct mnt_namespace *ns = READ(mount, mnt_ns);
	__u32 inode = READ(ns, ns.inum);
	return inode && inode != ANONYMOUS_NAMESPACE;
}

/* Writes the path of an entry in the mount `of` backwards into the upper half of the scratch memory, and a NUL after it. The path's
 * last `behind` bytes are already there. Returns the length with the NUL, 0 if the path is unknown. */
__noinline int walk(__u32 slot, __u64 dentry, __u64 of, __u32 behind)
{
	struct scratch *s = scratch_in(slot);
	struct vfsmount *vfsmount = (struct vfsmount *)of;
	struct mount *mount = (void *)vfsmount - bpf_core_field_offset(struct mount, mnt);
	int i;
	if (!s)
		return 0;
	s->data[TEMP + PATH_MAX] = 0;
	s->at = s->end = PATH_MAX - (behind & 0x1ff);
	s->whole = 0;
	s->dentry = dentry;
	s->mount = number_of(s, mount);
	s->root = number_of(s, READ(vfsmount, mnt_root));
	for (i = 0; i < CLIMBS; i++)
		if (!climb(slot))
			break;
	if (!s->whole && i < CLIMBS) {
		s->at = PATH_MAX;
		name_alone(slot);
	} else if (s->at == PATH_MAX) {
		PREPEND(s, "/");
	}
	if (i == CLIMBS || (s->whole && !is_mounted(mount)))
		PREPEND(s, UNREACHABLE);
	return s->at < PATH_MAX ? PATH_MAX + 1 - s->at : 0;
}

/* Copies the path that `walk` wrote; `len` is its result. */
static __always_inline __u32 copy_path(struct scratch *s, __u8 *to, __u32 len)
{
	barrier_var(len);
	len &= 2 * PATH_MAX - 1;
	if (len > PATH_MAX + 1)
		len = 0;
	bpf_probe_read_kernel(to, len, &s->data[TEMP + (s->at & (PATH_MAX - 1))]);
	return len;
}

/* Whether a name was removed from its directory, so that another file may have it now. */
static __always_inline bool is_taken_off(struct dentry *dentry)
{
	return !READ(dentry, d_hash.pprev) && dentry != READ(dentry, d_parent);
}

/* The path of an open file. */
static __always_inline __u32 walk_from(struct scratch *s, struct file *file)
{
	struct dentry *dentry = READ(file, f_path.dentry);
	struct vfsmount *mount = READ(file, f_path.mnt);
	__u32 behind = 0;
	if (is_taken_off(dentry)) {
		s->at = PATH_MAX;
		PREPEND(s, DELETED);
		behind = sizeof(DELETED) - 1;
	}
	return walk(s->slot, number_of(s, dentry), number_of(s, mount), behind);
}

/* The path of a `struct path`. */
static __always_inline __u32 walk_path(struct scratch *s, struct path *path)
{
	struct dentry *dentry = READ(path, dentry);
	struct vfsmount *mount = READ(path, mnt);
	return walk(s->slot, number_of(s, dentry), number_of(s, mount), 0);
}

static __always_inline void put_path(struct scratch *s, struct path *path)
{
	__u32 len = walk_path(s, path);
	if (!s->whole)
		s->gaps |= GAP_PATH;
	end_param(s, copy_path(s, &s->data[s->pos & 0xffff], len));
}

static __always_inline void put_file_path(struct scratch *s, struct file *file)
{
	__u32 len = walk_from(s, file);
	end_param(s, copy_path(s, &s->data[s->pos & 0xffff], len));
}
