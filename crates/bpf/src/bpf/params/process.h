/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Calls that create, trace and limit processes; exits. */
#pragma once

#define PTRACE_PEEKUSR 3
#define PTRACE_CONT 7
#define PTRACE_SINGLESTEP 9
#define PTRACE_DETACH 17
#define PTRACE_SYSCALL 24
#define CLONE_VM 0x100
#define CLONE_FILES 0x400
#define CLONE_SIGHAND 0x800
#define CLONE_THREAD 0x10000
#define PR_SET_NAME 15
#define PR_GET_NAME 16
#define PR_GET_CHILD_SUBREAPER 37
/* Marks an argument: the second of the two numbers that it points to. */
#define SECOND 8

static __always_inline void put_ptrace(struct scratch *s, __u8 kind, __u64 value, __u32 size)
{
	s->data[s->pos & 0xffff] = kind;
	*(__u64 *)&s->data[(s->pos + 1) & 0xffff] = value;
	end_param(s, 1 + size);
}

static __always_inline void put_ptrace_data(struct scratch *s, __u64 value)
{
	__u32 request = arg(s, 0);
	if (s->ret < 0)
		put_ptrace(s, 0, 0, 8);
	else if (request >= 1 && request <= PTRACE_PEEKUSR)
		put_ptrace(s, 0, user_word(s, value, 0), 8);
	else if (request == PTRACE_CONT || request == PTRACE_SINGLESTEP || request == PTRACE_DETACH ||
		 request == PTRACE_SYSCALL)
		put_ptrace(s, 1, value, 1);
	else
		put_ptrace(s, 0, value, 8);
}

/* A resource limit, -1 if there is none. Those of prlimit have 64 bits, also in 32-bit programs. */
static __always_inline __s64 limit(struct scratch *s, __u32 n)
{
	__u64 at = arg(s, n & 7);
	if (!at || !s->compat || s->type == EV_SYSCALL_PRLIMIT_X)
		return at ? user_u64(at + n / SECOND * 8) : -1;
	__u32 word = user_u32(at + n / SECOND * 4);
	return word == (__u32)-1 ? -1 : (__s64)word;
}

/* What a child shares with the caller, as the flags of a clone. */
static __always_inline __u64 flags_of_child(struct task_struct *child)
{
	__u64 flags = 0;
	if (READ(child, pid) != READ(child, tgid))
		flags |= CLONE_THREAD | CLONE_SIGHAND | CLONE_VM;
	if (READ(child, files) == READ(current_task(), files))
		flags |= CLONE_FILES;
	return flags;
}

/* Whether the name in the program's memory is that of the thread. It is not if a seccomp filter skipped the call, or if another thread
 * has changed the memory since. */
__noinline int is_own_name(__u64 address)
{
	struct comm name = {}, given = {};
	bpf_get_current_comm(&name, sizeof(name));
	bpf_probe_read_user_str(&given, sizeof(given), (void *)address);
	__u64 *own = (__u64 *)&name, *other = (__u64 *)&given;
	return own[0] == other[0] && own[1] == other[1];
}

__noinline int param_process(__u32 desc)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	__u32 op = desc & 0xff, n = desc >> 8 & 0xff;
	__u64 value = arg(s, n);
	struct task_struct *task = subject(s);
	__u32 option = arg(s, 0);
	switch (op) {
	case OP_X_CLONE_FLAGS:
		value = s->of_other ? flags_of_child(task) : arg(s, 0);
		put(s, translate(MAP_CLONE_FLAGS, value) | pidns_flag(task), 4);
		break;
	case OP_X_CLONE3_FLAGS:
		put(s, translate(MAP_CLONE_FLAGS, user_u64(arg(s, 0))) | pidns_flag(task), 4);
		break;
	case OP_X_FORK_FLAGS:
		put(s, pidns_flag(task), 4);
		break;
	case OP_X_PTRACE_ADDR:
		put_ptrace(s, 0, s->ret < 0 ? 0 : value, 8);
		break;
	case OP_X_PTRACE_DATA:
		put_ptrace_data(s, value);
		break;
	case OP_X_PTRACE_REQUEST:
		put(s, translate(MAP_PTRACE_REQUESTS, value), 2);
		break;
	case OP_X_PRCTL_STR:
		if (option != PR_SET_NAME && option != PR_GET_NAME)
			put_empty(s);
		else if (s->ret || is_own_name(value))
			put_user_str(s, value, 4096);
		else
			put_kernel_str(s, number_of(s, task) + bpf_core_field_offset(task->comm));
		break;
	case OP_X_PRCTL_INT:
		if (option == PR_SET_NAME || option == PR_GET_NAME)
			value = 0;
		else if (option == PR_GET_CHILD_SUBREAPER)
			value = (__s64)(int)user_u32(value);
		put(s, value, 8);
		break;
	case OP_X_RLIMIT_GIVEN:
		put(s, limit(s, n), 8);
		break;
	case OP_X_RLIMIT_GOT:
		put(s, s->ret == 0 ? limit(s, n) : -1, 8);
		break;
	default:
		put_empty(s);
	}
	return 0;
}

__noinline int param_exit(__u32 desc)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	struct task_struct *task = current_task();
	__u32 code = READ(task, exit_code);
	switch (desc & 0xff) {
	case OP_X_EXIT_STATUS:
		put(s, (__s64)(int)code, 8);
		break;
	case OP_X_EXIT_RET:
		put(s, code >> 8 & 0xff, 8);
		break;
	case OP_X_EXIT_SIG:
		put(s, code & 0x7f, 1);
		break;
	case OP_X_EXIT_CORE:
		put(s, (code & 0x80) != 0, 1);
		break;
	case OP_X_EXIT_REAPER:
		put(s, (__s64)reaper(), 8);
		break;
	default:
		put_empty(s);
	}
	return 0;
}
