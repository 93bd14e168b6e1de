/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Parameters of the calling thread: ids, memory, program, arguments. */
#pragma once

/* Limits: number of strings of an argv or envp, and their bytes. */
#define STRINGS_MAX 16
#define STRINGS_BYTES 4096
#define EXEC_REST 8
#define EXEC_ALL 16

/* argv or envp of a failed execve, which the kernel did not copy: the first string, the others, or all of them. */
__noinline int exec_strings(__u32 which)
{
	struct scratch *s = scratch();
	int i;
	if (!s)
		return 0;
	__u32 first = which & EXEC_REST ? 1 : 0, count = which & (EXEC_REST | EXEC_ALL) ? STRINGS_MAX : 1;
	__u64 list = arg(s, which & 7);
	s->len = 0;
	for (i = 0; i < STRINGS_MAX; i++) {
		__u64 string = list && i + first < count ? user_word(s, list, i + first) : 0;
		if (!string || s->len >= STRINGS_BYTES)
			break;
		long n = read_user_str(&s->data[(s->pos + s->len) & 0xffff], STRINGS_BYTES, (void *)string);
		if (n <= 0)
			break;
		s->len += n & 0x1fff;
	}
	if (!list && count == 1) {
		/* No argv: a program without a name. */
		s->data[s->pos & 0xffff] = 0;
		s->len = 1;
	}
	if (s->len > STRINGS_BYTES) {
		s->len = STRINGS_BYTES;
		s->data[(s->pos + STRINGS_BYTES - 1) & 0xffff] = 0;
	}
	end_param(s, s->len & 0x1fff);
	return 0;
}

static __always_inline void put_image(struct scratch *s, __u32 op)
{
	struct mm_struct *mm = READ(current_task(), mm);
	__u64 start = READ(mm, arg_start), end = READ(mm, arg_end);
	if (op == OP_X_EXE) {
		put_user_str(s, start, 4096);
		return;
	}
	if (op == OP_X_ENV) {
		start = READ(mm, env_start);
		end = READ(mm, env_end);
	} else {
		/* After argv[0], whose length is that of the previous parameter. */
		__u32 before = HEADER + 2 * ((s->index - 1) & 31);
		start += *(__u16 *)&s->data[before];
	}
	__u64 len = end > start ? end - start : 0;
	if (len > 4096)
		len = 4096;
	__u32 at = s->pos & 0xffff;
	put_user_bytes(s, start, len);
	__u32 last = s->pos & 0xffff;
	if (last > at)
		s->data[(last - 1) & 0xffff] = 0;
}

__noinline int param_image(__u32 desc)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	__u32 op = desc & 0xff;
	if (s->failed_exec) {
		/* In execveat, argv and envp come after the directory. */
		__u32 argv = s->type == EV_SYSCALL_EXECVEAT_X ? 2 : 1;
		exec_strings(op == OP_X_EXE ? argv : op == OP_X_ARGS ? argv | EXEC_REST : (argv + 1) | EXEC_ALL);
	} else if (s->ret < 0) {
		put_empty(s);
	} else {
		put_image(s, op);
	}
	return 0;
}

__noinline int param_cgroups(__u32 desc)
{
	struct scratch *s = scratch();
	barrier_var(desc);
	if (!s)
		return 0;
	cgroups_first(s->slot);
	cgroups_second(s->slot);
	if (s->change)
		hash_kind();
	end_param(s, s->len & 0xffff);
	return 0;
}

/* Writes a parameter that any task has; returns whether it is one of these. Process ids have 64 bits in events of
 * calls, and 32 in those of iterators. */
static __always_inline bool put_of_task(struct scratch *s, __u32 desc)
{
	__u32 op = desc & 0xff, size = desc >> 16 & 0xff;
	struct task_struct *task = subject(s);
	switch (op) {
	case OP_X_TID:
		put(s, (__s64)READ(task, pid), size);
		break;
	case OP_X_PID:
		put(s, (__s64)READ(task, tgid), size);
		break;
	case OP_X_PTID:
		put(s, (__s64)READ(task, real_parent, pid), size);
		break;
	case OP_X_FDLIMIT:
		put(s, READ(task, signal, rlim[7].rlim_cur), 8);
		break;
	case OP_X_PGFT_MAJ:
		put(s, READ(task, maj_flt), 8);
		break;
	case OP_X_PGFT_MIN:
		put(s, READ(task, min_flt), 8);
		break;
	case OP_X_VM_SIZE:
		put(s, vm_size(READ(task, mm)), 4);
		break;
	case OP_X_VM_RSS:
		put(s, vm_rss(READ(task, mm)), 4);
		break;
	case OP_X_VM_SWAP:
		put(s, vm_swap(READ(task, mm)), 4);
		break;
	case OP_X_COMM: {
		long len = bpf_probe_read_kernel_str(&s->data[s->pos & 0xffff], 16, &task->comm);
		end_param(s, len > 0 ? len & 0x1f : 0);
		break;
	}
	case OP_X_EUID:
		put(s, READ(task, cred, euid.val), 4);
		break;
	case OP_X_EGID:
		put(s, READ(task, cred, egid.val), 4);
		break;
	case OP_X_VTID:
		put(s, own_number(READ(task, thread_pid)), size);
		break;
	case OP_X_VPID:
		put(s, own_number(signal_pid(task, PIDTYPE_TGID)), size);
		break;
	case OP_X_VPGID:
		put(s, number_within(task, signal_pid(task, PIDTYPE_PGID)), size);
		break;
	case OP_X_PGID:
		put(s, host_number(signal_pid(task, PIDTYPE_PGID)), size);
		break;
	case OP_X_PIDNS_START: {
		struct pid_namespace *ns = own_namespace(task);
		put(s, s->ret == 0 && ns ? READ(ns, child_reaper, start_time) : 0, 8);
		break;
	}
	case OP_X_TTY:
		put(s, terminal(task), 4);
		break;
	case OP_X_LOGINUID:
		put(s, login_of(task), 4);
		break;
	case OP_X_CAP_INHERITABLE:
		put(s, caps(&READ(task, cred)->cap_inheritable), 8);
		break;
	case OP_X_CAP_PERMITTED:
		put(s, caps(&READ(task, cred)->cap_permitted), 8);
		break;
	case OP_X_CAP_EFFECTIVE:
		put(s, caps(&READ(task, cred)->cap_effective), 8);
		break;
	default:
		return false;
	}
	return true;
}

__noinline int param_task(__u32 desc)
{
	struct scratch *s = scratch();
	if (s && !put_of_task(s, desc))
		put_empty(s);
	return 0;
}

/* Writes a parameter of a task's program; returns whether it is one of these. */
static __always_inline bool put_of_program(struct scratch *s, __u32 desc)
{
	struct task_struct *task = subject(s);
	struct file *file = READ(task, mm, exe_file);
	struct inode *inode = READ(file, f_inode);
	switch (desc & 0xff) {
	case OP_X_EXE_FLAGS:
		put(s, exe_flags(s), 4);
		break;
	case OP_X_EXE_INO:
		put(s, READ(inode, i_ino), 8);
		break;
	case OP_X_EXE_CTIME:
		put(s, inode_time(inode, false), 8);
		break;
	case OP_X_EXE_MTIME:
		put(s, inode_time(inode, true), 8);
		break;
	case OP_X_EXE_PATH:
		put_path(s, &file->f_path);
		break;
	default:
		return false;
	}
	return true;
}

__noinline int param_program(__u32 desc)
{
	struct scratch *s = scratch();
	if (!s || put_of_program(s, desc))
		return 0;
	if ((desc & 0xff) == OP_X_EXEC_TID && !s->failed_exec && s->old_tid != TASK(current_task(), pid))
		put(s, (__s64)s->old_tid, 8);
	else if ((desc & 0xff) != OP_X_EXEC_FILENAME)
		put_empty(s);
	else if (s->failed_exec)
		put_user_str(s, arg(s, 0), 4096);
	else
		put_kernel_str(s, s->filename);
	return 0;
}
