/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Rare calls that a seccomp filter skips, with a successful result: what the kernel has after the call shows that it did not run.
 * `was_skipped` has the frequent ones. */
#pragma once

#define CLONE_FS 0x200
#define CLONE_NEWNS 0x20000
#define CLOSE_RANGE_UNSHARE 2
#define CLOSE_RANGE_CLOEXEC 4
#define TCP_ESTABLISHED 1
#define TCP_LISTEN 10

static __always_inline bool leads_session(struct task_struct *task)
{
	struct pid *own = signal_pid(task, PIDTYPE_TGID);
	return signal_pid(task, PIDTYPE_SID) == own && signal_pid(task, PIDTYPE_PGID) == own;
}

/* Whether the process has joined the group that it asked for. The group of a child is not looked up. */
static __always_inline bool joined_group(struct task_struct *task, __s32 pid, __s32 group)
{
	__s64 own = number_within(task, signal_pid(task, PIDTYPE_TGID));
	if (pid && pid != own)
		return true;
	return number_within(task, signal_pid(task, PIDTYPE_PGID)) == (group ? group : own);
}

/* Whether the thread has the same files, or the same directories, as the leader of its process or as another thread of it. Nobody
 * can share them right after `unshare`. */
static __always_inline bool shares_within_process(struct task_struct *task, bool files)
{
	struct signal_struct *signal = READ(task, signal);
	struct list_head *head = (void *)signal + bpf_core_field_offset(struct signal_struct, thread_head);
	struct list_head *node = READ(head, next);
	void *own = files ? (void *)READ(task, files) : (void *)READ(task, fs);
	int i;
	for (i = 0; i < 2 && node && node != head; i++) {
		struct task_struct *thread = (void *)node - bpf_core_field_offset(struct task_struct, thread_node);
		void *there = files ? (void *)READ(thread, files) : (void *)READ(thread, fs);
		if (thread != task && there == own)
			return true;
		node = READ(node, next);
	}
	return false;
}

#define RANGE_WORDS 64

/* Whether the range still has open descriptors, or, with `only_marks`, some that an exec does not close. Looks at the first 4,096
 * descriptors from the beginning of the range on. */
static __always_inline bool has_left_range(__u32 first, __u32 last, bool only_marks)
{
	struct files_struct *files = own_files();
	unsigned long *open = READ(files, fdt, open_fds), *closing = READ(files, fdt, close_on_exec);
	__u32 limit = READ(files, fdt, max_fds), at = first / LONG_BITS;
	int i;
	for (i = 0; i < RANGE_WORDS; i++, at++) {
		unsigned long word = 0, marked = 0;
		if (at * LONG_BITS >= limit || at * LONG_BITS > last)
			break;
		bpf_probe_read_kernel(&word, sizeof(word), open + at);
		bpf_probe_read_kernel(&marked, sizeof(marked), closing + at);
		if (only_marks)
			word &= ~marked;
		if (!i)
			word &= ~0UL << (first & (LONG_BITS - 1));
		if (last - at * LONG_BITS < LONG_BITS - 1)
			word &= (2UL << (last & (LONG_BITS - 1))) - 1;
		if (word)
			return true;
	}
	return false;
}

static __always_inline struct sock *socket_in(struct file *file)
{
	return kind_within(file) == S_IFSOCK ? READ((struct socket *)READ(file, private_data), sk) : 0;
}

/* Whether the two descriptors in memory are the ends of a pipe, or, for `socketpair`, sockets of this family that are connected with
 * each other. */
static __always_inline bool is_pair(__u64 numbers, bool is_pipe, __u32 family)
{
	struct files_struct *files = own_files();
	struct file *one = file_at(files, user_u32(numbers)), *other = file_at(files, user_u32(numbers + 4));
	if (is_pipe)
		return kind_within(one) == S_IFIFO && kind_within(other) == S_IFIFO && READ(one, f_inode) == READ(other, f_inode);
	struct sock *first = socket_in(one), *second = socket_in(other);
	if (!first || !second || READ(first, __sk_common.skc_family) != family)
		return false;
	return family != AF_UNIX || READ((struct unix_sock *)first, peer) == second;
}

/* Whether the socket may be new: it is of the kind that the call asked for, and was neither connected nor bound. The kernel replaces two
 * kinds by others. Sockets without ports, such as raw ones, have the number of their protocol in place of a port. */
static __always_inline bool is_new_socket(struct file *file, __u32 family, __u32 type)
{
	struct sock *sk = socket_in(file);
	type &= SOCK_TYPE_MASK;
	if (family == AF_INET && type == SOCK_PACKET)
		family = AF_PACKET;
	if (family == AF_UNIX && type == SOCK_RAW)
		type = SOCK_DGRAM;
	if (!sk || READ(sk, __sk_common.skc_family) != family)
		return false;
	bool is_inet = family == AF_INET || family == AF_INET6;
	if (!is_inet && family != AF_UNIX)
		return true;
	if (READ(sk, sk_type) != type)
		return false;
	if (!is_inet)
		return !READ((struct unix_sock *)sk, addr) && !READ((struct unix_sock *)sk, peer);
	__u8 state = READ(sk, __sk_common.skc_state);
	__u16 port = READ(sk, __sk_common.skc_num);
	return state != TCP_ESTABLISHED && state != TCP_LISTEN && (!port || port == READ(sk, sk_protocol));
}

/* Of descriptors only if no thread shares them. */
__noinline int was_skipped_rarely(__u32 type, __u64 ret)
{
	struct scratch *s = scratch();
	struct task_struct *task = current_task();
	if (!s)
		return 0;
	__u32 first = s->args[0], second = s->args[1], flags = s->args[2];
	switch (type) {
	case EV_SYSCALL_SETSID_X:
		return leads_session(task) ? 0 : FILTER_SKIPPED;
	case EV_SYSCALL_SETPGID_X:
		return joined_group(task, first, second) ? 0 : FILTER_SKIPPED;
	case EV_SYSCALL_UNSHARE_X:
		if (first & CLONE_FILES && shares_within_process(task, true))
			return FILTER_SKIPPED;
		return first & (CLONE_FS | CLONE_NEWNS) && shares_within_process(task, false) ? FILTER_SKIPPED : 0;
	case EV_SYSCALL_CLOSE_RANGE_X:
		if (flags & CLOSE_RANGE_UNSHARE && shares_within_process(task, true))
			return FILTER_SKIPPED;
		break;
	case EV_SYSCALL_PIPE_X:
	case EV_SYSCALL_PIPE2_X:
	case EV_SOCKET_SOCKETPAIR_X:
	case EV_SOCKET_SOCKET_X:
	case EV_SYSCALL_EVENTFD_X:
	case EV_SYSCALL_EVENTFD2_X:
	case EV_SYSCALL_SIGNALFD_X:
	case EV_SYSCALL_SIGNALFD4_X:
	case EV_SYSCALL_TIMERFD_CREATE_X:
	case EV_SYSCALL_INOTIFY_INIT_X:
	case EV_SYSCALL_INOTIFY_INIT1_X:
	case EV_SYSCALL_EPOLL_CREATE_X:
	case EV_SYSCALL_EPOLL_CREATE1_X:
	case EV_SYSCALL_USERFAULTFD_X:
	case EV_SYSCALL_IO_URING_SETUP_X:
	case EV_SYSCALL_PIDFD_OPEN_X:
	case EV_SYSCALL_MEMFD_CREATE_X:
		break;
	default:
		return 0;
	}
	if (shares_descriptors())
		return 0;
	struct file *file = file_at(own_files(), ret);
	bool ran;
	switch (type) {
	case EV_SYSCALL_CLOSE_RANGE_X:
		ran = !has_left_range(first, second, flags & CLOSE_RANGE_CLOEXEC);
		break;
	case EV_SYSCALL_PIPE_X:
	case EV_SYSCALL_PIPE2_X:
		ran = is_pair(s->args[0], true, 0);
		break;
	case EV_SOCKET_SOCKETPAIR_X:
		ran = is_pair(s->args[3], false, first);
		break;
	case EV_SOCKET_SOCKET_X:
		ran = is_new_socket(file, first, second);
		break;
	default:
		/* A new anonymous file. */
		ran = file && kind_within(file) != S_IFSOCK && kind_within(file) != S_IFIFO;
	}
	return ran ? 0 : FILTER_SKIPPED;
}

/* `early` with whether a seccomp filter skipped the call. */
static __always_inline int with_rare_seccomp(int early, __u16 type, long ret)
{
	return ret >= 0 && has_seccomp_filter() ? early | was_skipped_rarely(type, ret) : early;
}
