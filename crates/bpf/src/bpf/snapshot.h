/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Iterators of every thread, and of every open file of every process, for the snapshot. */
#pragma once

/* Maximum reported size of a process's arguments, and of its environment. */
#define TEXT_MAX 4096
/* At least the number of a task's parameters. */
#define LISTED_MAX 64

/* Kind of a file's name; `OTHER`: user space gets the name in another way. */
enum file_kind { KIND_PATH, KIND_PIPE, KIND_SOCKET, KIND_ANONYMOUS, KIND_OTHER };

struct file_record {
	__u64 start, ino;
	__u32 pid, fd, dev, flags;
	__u16 mode;
	__u16 kind;
	/* Length of the name that follows, including its NUL. Of a socket, it is its family and the address that it is bound to. */
	__u32 len;
};

/* The scratch memory of the iterators. */
static __always_inline struct scratch *iterator_scratch(void)
{
	struct scratch *s = scratch_in(iterator_slot);
	if (s)
		s->slot = iterator_slot;
	return s;
}

/* Events do not report these. Where control groups are of version 1, user space reads them from /proc. */
__noinline int cgroups_others(__u32 slot)
{
	struct scratch *s = scratch_in(slot);
	if (!s)
		return 0;
	CGROUP(devices, "devices=", false)
	CGROUP(freezer, "freezer=", false)
	CGROUP(net_cls, "net_cls=", false)
	CGROUP(perf_event, "perf_event=", false)
	return 0;
}

__noinline int cgroups_rest(__u32 slot)
{
	struct scratch *s = scratch_in(slot);
	if (!s)
		return 0;
	CGROUP(net_prio, "net_prio=", false)
	CGROUP(hugetlb, "hugetlb=", false)
	CGROUP(pids, "pids=", false)
	CGROUP(rdma, "rdma=", false)
	CGROUP(misc, "misc=", false)
	return 0;
}

/* A parameter of a task whose value is not in the memory of the task. */
__noinline int param_listed(__u32 slot, __u32 desc)
{
	struct scratch *s = scratch_in(slot);
	if (!s)
		return 0;
	struct task_struct *task = subject(s);
	switch (desc & 0xff) {
	case OP_X_PARENT:
		put(s, (__s64)READ(task, real_parent, tgid), 4);
		break;
	case OP_X_SID:
		/* The id that setsid returned to the leader. */
		put(s, own_number(signal_pid(task, PIDTYPE_SID)), 4);
		break;
	case OP_X_TASK_CWD:
		put_path(s, &READ(task, fs)->pwd);
		break;
	case OP_X_TASK_ROOT:
		put_path(s, &READ(task, fs)->root);
		break;
	case OP_X_START:
		put(s, boot_time + READ(task, start_boottime), 8);
		break;
	case OP_X_NET:
		put(s, READ(task, nsproxy, net_ns, ns.inum), 4);
		break;
	case OP_X_GAPS:
		/* The last parameter: a task that is ending may have lost the data that the parameters before it
		 * need. */
		put(s, s->gaps | (READ(task, flags) & PF_EXITING ? GAP_ENDS : 0), 1);
		break;
	CASES_CGROUPS:
		cgroups_first(slot);
		cgroups_second(slot);
		cgroups_others(slot);
		cgroups_rest(slot);
		end_param(s, s->len & 0xffff);
		break;
	default:
		if (!put_of_task(s, desc) && !put_of_program(s, desc))
			put_empty(s);
	}
	return 0;
}

/* The bytes from `start` to `end` in the memory of a task, up to the limit of events. */
static __always_inline void put_memory(struct scratch *s, struct task_struct *task, __u64 start, __u64 end)
{
	__u32 len = end - start > TEXT_MAX ? TEXT_MAX : end - start;
	barrier_var(len);
	len &= 2 * TEXT_MAX - 1;
	if (len && bpf_copy_from_user_task(&s->data[s->pos & 0xffff], len, (void *)start, task, 0)) {
		s->gaps |= GAP_MEMORY;
		len = 0;
	}
	end_param(s, len);
}

static __always_inline void put_arguments(struct scratch *s, struct task_struct *task)
{
	struct mm_struct *mm = READ(task, mm);
	__u64 start = READ(mm, arg_start), end = READ(mm, arg_end);
	put_memory(s, task, start, end);
	/* A program that writes a title over them may have used more room; /proc has the whole title. */
	if (end > start && end - start <= TEXT_MAX && s->data[(s->pos - 1) & 0xffff])
		s->gaps |= GAP_MEMORY;
}

static __always_inline void put_environment(struct scratch *s, struct task_struct *task)
{
	struct mm_struct *mm = READ(task, mm);
	put_memory(s, task, READ(mm, env_start), READ(mm, env_end));
}

/* Data that the threads of a process share is reported for the leader, or for every thread if the leader has
 * ended. */
static __always_inline bool stands_for_process(struct task_struct *task)
{
	struct task_struct *leader = READ(task, group_leader);
	return READ(leader, pid) == task->pid || READ(leader, flags) & PF_EXITING;
}

static __always_inline bool is_in_common(__u32 op)
{
	return op == OP_X_ARGV || op == OP_X_ENVP || op == OP_X_EXE_PATH || op == OP_X_TASK_CWD;
}

SEC("iter.s/task")
int dump_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	__u32 first = event_rows[EV_ITER_TASK_E].first, count = event_rows[EV_ITER_TASK_E].count;
	struct scratch *s = iterator_scratch();
	int i;
	if (!s || !task)
		return 0;
	bool whole = stands_for_process(task);
	s->task = number_of(s, task);
	s->ret = 0;
	s->gaps = 0;
	begin(s, EV_ITER_TASK_E, (__u64)task->tgid << 32 | task->pid);
	/* Kernel threads are reported by name only, so that user space does not look for them elsewhere. */
	if (task->flags & PF_KTHREAD) {
		*(__u32 *)&s->data[22] = 0;
		s->pos = HEADER;
		count = 0;
	}
	for (i = 0; i < LISTED_MAX; i++) {
		if (i >= count)
			break;
		__u32 desc = descs[(first + i) & 2047];
		__u32 op = desc & 0xff;
		if (!whole && is_in_common(op))
			put_empty(s);
		else if (op == OP_X_ARGV)
			put_arguments(s, task);
		else if (op == OP_X_ENVP)
			put_environment(s, task);
		else
			param_listed(s->slot, desc);
	}
	__u32 len = s->pos;
	*(__u32 *)&s->data[16] = len;
	barrier_var(len);
	len &= 0xffff;
	bpf_seq_write(ctx->meta->seq, s->data, len);
	return 0;
}

static __always_inline enum file_kind kind_of(struct file *file)
{
	struct dentry *dentry = READ(file, f_path.dentry);
	/* A file in no directory is its own parent, as is the root of a mount. */
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

/* Writes the family of a socket and the address that it is bound to: of a Unix socket, all bytes of it, because /proc shows names
 * with line feeds as several lines. Returns the number of bytes. */
static __always_inline __u32 write_own_address(struct scratch *s, __u8 *to, int fd)
{
	struct sock *sk = sock_of(s, fd);
	struct unix_sock *named = (void *)sk;
	if (!sk || READ(sk, __sk_common.skc_family) != AF_UNIX) {
		to[0] = 0;
		__u32 len = sk ? write_bound(s, to, fd) & 0x7f : 0;
		return len ? len : 1;
	}
	struct unix_address *addr = READ(named, addr);
	__s32 len = addr ? READ(addr, len) - 2 : 0;
	to[0] = AF_UNIX;
	if (len <= 0 || len >= UNIX_PATH_MAX)
		return 1;
	__u32 bounded = len;
	barrier_var(bounded);
	bounded &= 0x7f;
	bpf_probe_read_kernel(&to[1], bounded, (char *)addr + bpf_core_field_offset(struct unix_address, name) + 2);
	return 1 + bounded;
}

SEC("iter/task_file")
int dump_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	__u32 fd = ctx->fd, len = 0;
	struct scratch *s = iterator_scratch();
	if (!s || !task || !file || task->pid != task->tgid)
		return 0;
	struct inode *inode = READ(file, f_inode);
	struct file_record *record = (void *)s->data;
	record->start = boot_time + task->start_boottime;
	record->ino = READ(inode, i_ino);
	record->pid = task->pid;
	record->fd = fd;
	record->dev = encode_dev(READ(inode, i_sb, s_dev));
	record->mode = READ(inode, i_mode);
	record->flags = (READ(file, f_flags) & ~O_CLOEXEC) | (closes_on_exec(task, fd) ? O_CLOEXEC : 0);
	record->kind = kind_of(file);
	if (record->kind == KIND_ANONYMOUS)
		note_reads(file);
	if (record->kind == KIND_PATH || record->kind == KIND_ANONYMOUS) {
		len = copy_path(s, &s->data[sizeof(*record)], walk_path(s, &file->f_path));
		if (record->kind == KIND_PATH && !s->whole)
			record->kind = KIND_OTHER;
	}
	if (record->kind == KIND_SOCKET) {
		know_file(s, fd, number_of(s, file));
		len = write_own_address(s, &s->data[sizeof(*record)], fd);
		s->data[sizeof(*record) + len] = 0;
		len++;
	}
	record->len = len;
	barrier_var(len);
	len &= 2 * PATH_MAX - 1;
	bpf_seq_write(ctx->meta->seq, s->data, sizeof(*record) + len);
	return 0;
}
