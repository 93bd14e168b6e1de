/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Open files: devices, inodes, overlay layers. */
#pragma once

#define OVERLAY_MAGIC 0x794c7630
#define FMODE_CREATED 0x100000
#define FMODE_WRITE 2
#define S_IFMT 0xf000
#define S_IFSOCK 0xc000
#define S_IFREG 0x8000
#define S_IFBLK 0x6000
#define S_IFDIR 0x4000
#define S_IFCHR 0x2000
#define S_IFIFO 0x1000

static __always_inline struct files_struct *own_files(void)
{
	struct task_struct *task = current_task();
	return has_task_pointer ? READ_TRUSTED(task, files) : READ(task, files);
}

static __always_inline struct file *file_at(struct files_struct *files, __u32 fd)
{
	struct fdtable *table;
	if (!files)
		return 0;
	table = TASK(files, fdt);
	if (fd >= TASK(table, max_fds))
		return 0;
	return READ_POINTER(&TASK(table, fd)[fd]);
}

/* The same for another task, whose pointer is a number to the verifier. */
static __always_inline struct file *file_of_task(struct task_struct *task, __u32 fd)
{
	struct fdtable *table = READ(task, files, fdt);
	if (!table || fd >= READ(table, max_fds))
		return 0;
	return READ_POINTER(&READ(table, fd)[fd]);
}

static __always_inline struct file *file_of(struct scratch *s, int fd)
{
	struct file *file;
	if (fd < 0)
		return 0;
	if (s->fd == fd)
		return (struct file *)s->file;
	file = file_at(own_files(), fd);
	s->fd = fd;
	s->file = (__u64)file;
	return file;
}

/* Makes `file_of` find this file for the descriptor. */
static __always_inline void know_file(struct scratch *s, __s64 fd, __u64 file)
{
	s->fd = (__s32)fd;
	s->file = file;
}

#define LONG_BITS 64

/* Whether an exec closes the descriptor: a bit of the process, not of the file. */
static __always_inline bool closes_on_exec(struct task_struct *task, __u32 fd)
{
	unsigned long *words = READ(task, files, fdt, close_on_exec), word = 0;
	bpf_probe_read_kernel(&word, sizeof(word), words + fd / LONG_BITS);
	return word >> (fd & (LONG_BITS - 1)) & 1;
}

/* The first eight bytes of a file's name, by which the kernel's names of anonymous files differ; 0 if the file is in another file
 * system than that with this magic number. */
static __always_inline __u64 name_in(struct file *file, __u64 magic)
{
	struct dentry *dentry = READ(file, f_path.dentry);
	__u64 name = 0;
	if (READ(dentry, d_sb, s_magic) == magic)
		bpf_probe_read_kernel(&name, sizeof(name), READ(dentry, d_name.name));
	return name;
}

/* Device numbers in the form of stat. */
static __always_inline __u32 encode_dev(__u32 dev)
{
	__u32 major = dev >> 20, minor = dev & 0xfffff;
	return (minor & 0xff) | (major << 8) | ((minor & ~0xffU) << 12);
}

/* The entry in the upper layer of an overlay's inode, which the overlay keeps right after it. */
static __always_inline struct dentry *upper_of(struct inode *inode)
{
	struct dentry *upper = 0;
	bpf_probe_read_kernel(&upper, sizeof(upper), (void *)inode + bpf_core_type_size(struct inode));
	return upper;
}

/* 1 upper, 2 lower, 0 no overlay. */
static __always_inline int layer_of(struct file *file)
{
	struct dentry *dentry = READ(file, f_path.dentry);
	if (READ(dentry, d_sb, s_magic) != OVERLAY_MAGIC)
		return 0;
	struct dentry *upper = upper_of(READ(dentry, d_inode));
	return upper && READ(upper, d_inode) ? 1 : 2;
}

static __always_inline __u64 inode_time(struct inode *inode, bool modified)
{
	struct inode___611 *new = (void *)inode;
	struct inode___66 *middle = (void *)inode;
	struct inode___old *old = (void *)inode;
	__s64 sec;
	__u32 nsec;
	if (bpf_core_field_exists(new->i_mtime_sec)) {
		sec = modified ? READ(new, i_mtime_sec) : READ(new, i_ctime_sec);
		nsec = modified ? READ(new, i_mtime_nsec) : READ(new, i_ctime_nsec);
	} else {
		struct timespec64 time = {};
		if (modified && bpf_core_field_exists(middle->__i_mtime))
			time = BPF_CORE_READ(middle, __i_mtime);
		else if (modified)
			time = BPF_CORE_READ(old, i_mtime);
		else if (bpf_core_field_exists(middle->__i_ctime))
			time = BPF_CORE_READ(middle, __i_ctime);
		else
			time = BPF_CORE_READ(old, i_ctime);
		sec = time.tv_sec;
		nsec = time.tv_nsec;
	}
	/* The top bit is the kernel's mark on times that were read. */
	return sec < 0 ? 0 : (__u64)sec * 1000000000ULL + (nsec & 0x7fffffff);
}
