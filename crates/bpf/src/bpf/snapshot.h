/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every open file of every process, for the beginning of a capture. */
#pragma once

#define PIPEFS_MAGIC 0x50495045
#define SOCKFS_MAGIC 0x534f434b
#define ANON_INODE_FS_MAGIC 0x09041934
#define LONG_BITS 64

/* What the name of a file is; `OTHER`: user space asks for it otherwise. */
enum file_kind { KIND_PATH, KIND_PIPE, KIND_SOCKET, KIND_ANONYMOUS, KIND_OTHER };

struct file_record {
	__u64 start, ino;
	__u32 pid, fd, dev, flags;
	__u16 mode;
	__u16 kind;
	/* Of the name that follows, with its NUL. */
	__u32 len;
};

/* Iterators may be preempted, so that they have memory of their own. One runs at a time. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} snapshot_scratch SEC(".maps");

static __always_inline enum file_kind kind_of(struct file *file)
{
	struct dentry *dentry = READ(file, f_path.dentry);
	/* Files of no directory are their own parents, as the root of a mount is. */
	if (dentry != READ(dentry, d_parent) || dentry == READ(file, f_path.mnt, mnt_root))
		return KIND_PATH;
	switch (READ(dentry, d_sb, s_magic)) {
	case PIPEFS_MAGIC:
		return KIND_PIPE;
	case SOCKFS_MAGIC:
		return KIND_SOCKET;
	case ANON_INODE_FS_MAGIC:
		return KIND_ANONYMOUS;
	}
	return KIND_OTHER;
}

/* Whether the descriptor goes when a program is started: a bit of the process's, not of the file's. */
static __always_inline bool closes_on_exec(struct task_struct *task, __u32 fd)
{
	unsigned long *words = READ(task, files, fdt, close_on_exec), word = 0;
	bpf_probe_read_kernel(&word, sizeof(word), words + fd / LONG_BITS);
	return word >> (fd & (LONG_BITS - 1)) & 1;
}

SEC("iter/task_file")
int dump_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	__u32 key = 0, fd = ctx->fd, len = 0;
	struct scratch *s = bpf_map_lookup_elem(&snapshot_scratch, &key);
	if (!s || !task || !file || task->pid != task->tgid)
		return 0;
	struct inode *inode = READ(file, f_inode);
	struct file_record *record = (void *)s->data;
	record->start = task->start_boottime;
	record->ino = READ(inode, i_ino);
	record->pid = task->pid;
	record->fd = fd;
	record->dev = encode_dev(READ(inode, i_sb, s_dev));
	record->mode = READ(inode, i_mode);
	record->flags = (READ(file, f_flags) & ~O_CLOEXEC) | (closes_on_exec(task, fd) ? O_CLOEXEC : 0);
	record->kind = kind_of(file);
	if (record->kind == KIND_PATH || record->kind == KIND_ANONYMOUS) {
		walk(s, number_of(s, file));
		len = copy_path(s, &s->data[sizeof(*record)]);
		if (record->kind == KIND_PATH && !s->whole)
			record->kind = KIND_OTHER;
	}
	record->len = len;
	barrier_var(len);
	len &= 2 * PATH_MAX - 1;
	bpf_seq_write(ctx->meta->seq, s->data, sizeof(*record) + len);
	return 0;
}
