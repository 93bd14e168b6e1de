/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One parameter from its descriptor. Each function is verified by itself, so that the programs stay small. */
#pragma once

#define EINPROGRESS 115
#define O_CREAT 0100
#define O_TMPFILE 020200000
#define S_IALLUGO 07777
#define PPM_O_F_CREATED (1 << 14)
#define PPM_UPPER (1 << 15)
#define PPM_LOWER (1 << 16)
#define PAGE_TO_KB 2

__noinline int translate(__u32 map, __u64 value)
{
	struct flag_map m = {
		.first = flag_maps[map & 63].first,
		.count = flag_maps[map & 63].count,
		.kind = flag_maps[map & 63].kind,
		.otherwise = flag_maps[map & 63].otherwise,
	};
	__u32 result = 0;
	int i;
	if (m.kind == 0)
		return value;
	for (i = 0; i < 64; i++) {
		if (i >= m.count)
			break;
		__u64 from = flag_pairs[(m.first + i) & 1023].from;
		__u64 to = flag_pairs[(m.first + i) & 1023].to;
		if (m.kind == 2) {
			if (from == value)
				return to;
		} else {
			__u64 hit = value & from;
			/* All ones if any bit is set: no branch, so that the verifier sees one path. */
			result |= to & ((__s64)(hit | -hit) >> 63);
		}
	}
	return m.kind == 2 ? m.otherwise : result;
}

__noinline int open_flags(__u64 flags)
{
	static const volatile __u32 pairs[12][2] = {
#if defined(__TARGET_ARCH_x86)
		{ 0x4000, 512 }, { 0x8000, 2048 }, { 0x10000, 9216 },
#else
		{ 0x10000, 512 }, { 0x20000, 2048 }, { 0x4000, 9216 },
#endif
		{ 0x40, 4 }, { 0x80, 32 }, { 0x200, 256 }, { 0x400, 8 }, { 0x800, 64 }, { 0x1000, 144 },
		{ 0x80000, 4096 }, { 0x100000, 128 }, { 0x400000, 8192 },
	};
	__u32 mode = flags & 3, result = mode == 1 ? 2 : mode == 2 ? 3 : 1;
	int i;
	for (i = 0; i < 12; i++) {
		__s64 hit = flags & pairs[i][0];
		result |= pairs[i][1] & ((hit | -hit) >> 63);
	}
	return result;
}

static __always_inline __u32 open_mode(__u64 flags, __u64 mode)
{
	return flags & (O_CREAT | O_TMPFILE) ? mode & S_IALLUGO : 0;
}

/* What only the kernel knows of a file that was opened. */
static __always_inline __u32 opened_flags(__s64 fd)
{
	__u32 flags = 0;
	struct file *file = fd >= 0 ? file_of(fd) : 0;
	if (!file)
		return 0;
	if (BPF_CORE_READ(file, f_mode) & FMODE_CREATED)
		flags |= PPM_O_F_CREATED;
	int layer = layer_of(file);
	return flags | (layer == 1 ? PPM_UPPER : layer == 2 ? PPM_LOWER : 0);
}

static __always_inline __u64 arg(struct scratch *s, __u32 n)
{
	barrier_var(n);
	return s->args[n & 7];
}

static __always_inline __u64 user_u64(__u64 at)
{
	__u64 value = 0;
	bpf_probe_read_user(&value, sizeof(value), (void *)at);
	return value;
}

static __always_inline __u32 user_u32(__u64 at)
{
	__u32 value = 0;
	bpf_probe_read_user(&value, sizeof(value), (void *)at);
	return value;
}

/* Program, arguments and environment as they lie in the process's memory. */
__noinline int param_image(__u32 op)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	struct mm_struct *mm = BPF_CORE_READ(current_task(), mm);
	__u64 start = BPF_CORE_READ(mm, arg_start), end = BPF_CORE_READ(mm, arg_end);
	if (op == OP_X_EXE) {
		put_user_str(s, start, 4096);
		return 0;
	}
	if (op == OP_X_ENV) {
		start = BPF_CORE_READ(mm, env_start);
		end = BPF_CORE_READ(mm, env_end);
	} else {
		/* Behind argv[0], whose length is that of the parameter before. */
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
	return 0;
}

__noinline int param_task(__u32 op)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	struct task_struct *task = current_task();
	const struct cred *cred = BPF_CORE_READ(task, cred);
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	switch (op) {
	case OP_X_TID:
		put(s, (__s64)task->pid, 8);
		break;
	case OP_X_PID:
		put(s, (__s64)task->tgid, 8);
		break;
	case OP_X_PTID:
		put(s, (__s64)BPF_CORE_READ(task, real_parent, pid), 8);
		break;
	case OP_X_FDLIMIT:
		put(s, BPF_CORE_READ(task, signal, rlim[7].rlim_cur), 8);
		break;
	case OP_X_PGFT_MAJ:
		put(s, BPF_CORE_READ(task, maj_flt), 8);
		break;
	case OP_X_PGFT_MIN:
		put(s, BPF_CORE_READ(task, min_flt), 8);
		break;
	case OP_X_VM_SIZE:
		put(s, BPF_CORE_READ(mm, total_vm) << PAGE_TO_KB, 4);
		break;
	case OP_X_VM_RSS:
		put(s, (RSS_PAGES(mm, 0) + RSS_PAGES(mm, 1) + RSS_PAGES(mm, 3)) << PAGE_TO_KB, 4);
		break;
	case OP_X_VM_SWAP:
		put(s, RSS_PAGES(mm, 2) << PAGE_TO_KB, 4);
		break;
	case OP_X_COMM: {
		long len = bpf_probe_read_kernel_str(&s->data[s->pos & 0xffff], 16, &task->comm);
		end_param(s, len > 0 ? len & 0x1f : 0);
		break;
	}
	case OP_X_EUID:
		put(s, BPF_CORE_READ(cred, euid.val), 4);
		break;
	case OP_X_EGID:
		put(s, BPF_CORE_READ(cred, egid.val), 4);
		break;
	case OP_X_VTID:
		put(s, own_number(BPF_CORE_READ(task, thread_pid)), 8);
		break;
	case OP_X_VPID:
		put(s, own_number(signal_pid(task, PIDTYPE_TGID)), 8);
		break;
	case OP_X_VPGID:
		put(s, own_number(signal_pid(task, PIDTYPE_PGID)), 8);
		break;
	case OP_X_PGID:
		put(s, host_number(signal_pid(task, PIDTYPE_PGID)), 8);
		break;
	case OP_X_PIDNS_START: {
		struct pid_namespace *ns = own_namespace(task);
		put(s, s->ret == 0 && ns ? BPF_CORE_READ(ns, child_reaper, start_time) : 0, 8);
		break;
	}
	case OP_X_TTY:
		put(s, terminal(task), 4);
		break;
	case OP_X_LOGINUID:
		put(s, bpf_core_field_exists(task->loginuid) ? BPF_CORE_READ(task, loginuid.val) : -1U, 4);
		break;
	case OP_X_CAP_INHERITABLE:
		put(s, caps(&cred->cap_inheritable), 8);
		break;
	case OP_X_CAP_PERMITTED:
		put(s, caps(&cred->cap_permitted), 8);
		break;
	case OP_X_CAP_EFFECTIVE:
		put(s, caps(&cred->cap_effective), 8);
		break;
	default:
		put_empty(s);
	}
	return 0;
}

__noinline int param_exe(__u32 op)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	struct task_struct *task = current_task();
	struct file *file = BPF_CORE_READ(task, mm, exe_file);
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	switch (op) {
	case OP_X_EXE_FLAGS:
		put(s, exe_flags(task), 4);
		break;
	case OP_X_EXE_INO:
		put(s, BPF_CORE_READ(inode, i_ino), 8);
		break;
	case OP_X_EXE_CTIME:
		put(s, inode_time(inode, false), 8);
		break;
	case OP_X_EXE_MTIME:
		put(s, inode_time(inode, true), 8);
		break;
	case OP_X_EXE_PATH:
		put_path(s, file);
		break;
	default:
		put_empty(s);
	}
	return 0;
}

__noinline int param_file(__u32 op, __u32 n)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	__u64 value = arg(s, n);
	struct file *file;
	switch (op) {
	case OP_X_OPEN_FLAGS:
		put(s, open_flags(value) | opened_flags(s->ret), 4);
		break;
	case OP_X_OPEN_MODE:
		put(s, open_mode(value, arg(s, n + 1)), 4);
		break;
	case OP_X_OPEN_HOW_FLAGS:
		put(s, open_flags(user_u64(value)) | opened_flags(s->ret), 4);
		break;
	case OP_X_OPEN_HOW_MODE:
		put(s, open_mode(user_u64(value), user_u64(value + 8)), 4);
		break;
	case OP_X_OPEN_HOW_RESOLVE:
		put(s, translate(MAP_OPENAT2_RESOLVE, user_u64(value + 16)), 4);
		break;
	case OP_X_CREAT_MODE:
		put(s, open_mode(O_CREAT, value), 4);
		break;
	case OP_X_CREAT_LAYER:
		file = s->ret >= 0 ? file_of(s->ret) : 0;
		put(s, file ? layer_of(file) : 0, 2);
		break;
	case OP_X_FD_DEV:
		file = s->ret > 0 ? file_of(s->ret) : 0;
		put(s, file ? encode_dev(BPF_CORE_READ(file, f_inode, i_sb, s_dev)) : 0, 4);
		break;
	case OP_X_FD_INO:
		file = s->ret > 0 ? file_of(s->ret) : 0;
		put(s, file ? BPF_CORE_READ(file, f_inode, i_ino) : 0, 8);
		break;
	case OP_X_PIPE_INO:
		file = s->ret == 0 ? file_of(user_u32(arg(s, 0))) : 0;
		put(s, file ? BPF_CORE_READ(file, f_inode, i_ino) : 0, 8);
		break;
	default:
		put_empty(s);
	}
	return 0;
}

__noinline int param_fd_path(void)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	struct file *file = s->ret > 0 ? file_of(s->ret) : 0;
	if (file)
		put_path(s, file);
	else
		put_empty(s);
	return 0;
}

/* Bytes of an array of buffers: the first ones, as many as are kept. */
__noinline int put_iov(__u64 iov, __u64 count, __u64 limit)
{
	struct scratch *s = scratch();
	int i;
	if (!s)
		return 0;
	if (limit > snaplen)
		limit = snaplen;
	s->len = 0;
	for (i = 0; i < 16; i++) {
		__u64 pair[2] = {};
		__u64 left = limit - s->len;
		if (i >= count || s->len >= limit)
			break;
		if (bpf_probe_read_user(pair, sizeof(pair), (void *)(iov + 16 * i)))
			break;
		__u32 n = pair[1] > left ? left : pair[1];
		barrier_var(n);
		n &= 0xffff;
		if (!n || bpf_probe_read_user(&s->data[(s->pos + s->len) & 0xffff], n, (void *)pair[0]))
			break;
		s->len += n;
	}
	end_param(s, s->len & 0xffff);
	return 0;
}

static __always_inline __u32 iov_size(__u64 iov, __u64 count)
{
	__u32 size = 0;
	int i;
	for (i = 0; i < 32; i++) {
		__u64 len = 0;
		if (i >= count || bpf_probe_read_user(&len, sizeof(len), (void *)(iov + 16 * i + 8)))
			break;
		size += len;
	}
	return size;
}

__noinline int param_data(__u32 op, __u32 n)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	__u64 value = arg(s, n), count = arg(s, n + 1), len;
	switch (op) {
	case OP_X_READ_DATA:
		len = s->ret > 0 ? s->ret : 0;
		put_user_bytes(s, value, len > snaplen ? snaplen : len);
		break;
	case OP_X_WRITE_DATA:
		len = s->ret > 0 ? s->ret : count;
		put_user_bytes(s, value, len > snaplen ? snaplen : len);
		break;
	case OP_X_IOV_IN:
		put_iov(value, count, s->ret > 0 ? s->ret : 0);
		break;
	case OP_X_IOV_OUT:
		put_iov(value, count, s->ret > 0 ? s->ret : snaplen);
		break;
	case OP_X_IOV_SIZE:
		put(s, iov_size(value, count), 4);
		break;
	case OP_X_MSG_IN:
		if (s->ret < 0)
			put_empty(s);
		else
			put_iov(user_u64(value + 16), user_u64(value + 24), s->ret);
		break;
	case OP_X_MSG_OUT:
		put_iov(user_u64(value + 16), user_u64(value + 24), s->ret > 0 ? s->ret : snaplen);
		break;
	case OP_X_MSG_SIZE:
		put(s, iov_size(user_u64(value + 16), user_u64(value + 24)), 4);
		break;
	case OP_X_RET_SIZE:
		put(s, s->ret > 0 ? s->ret : 0, 4);
		break;
	default:
		put_empty(s);
	}
	return 0;
}

__noinline int param_socket(__u32 op, __u32 n)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	int fd = arg(s, 0);
	__u64 addr = n < 6 ? arg(s, n) : 0;
	struct sock *sk;
	switch (op) {
	case OP_X_TUPLE_CONNECT:
		if (s->ret == 0 || s->ret == -EINPROGRESS)
			put_tuple(fd, 0, arg(s, 1));
		else
			put_empty(s);
		break;
	case OP_X_TUPLE_ACCEPT:
		if (s->ret >= 0)
			put_tuple(s->ret, 1, 0);
		else
			put_empty(s);
		break;
	case OP_X_TUPLE_OUT:
	case OP_X_TUPLE_IN:
		if (s->ret >= 0)
			put_tuple(fd, op == OP_X_TUPLE_IN, addr);
		else
			put_empty(s);
		break;
	case OP_X_MSG_TUPLE_OUT:
	case OP_X_MSG_TUPLE_IN:
		if (s->ret >= 0)
			put_tuple(fd, op == OP_X_MSG_TUPLE_IN, user_u64(addr));
		else
			put_empty(s);
		break;
	case OP_X_QUEUE_PCT:
	case OP_X_QUEUE_LEN:
	case OP_X_QUEUE_MAX: {
		sk = s->ret >= 0 ? sock_of(fd) : 0;
		__u32 len = sk ? BPF_CORE_READ(sk, sk_ack_backlog) : 0;
		__u32 max = sk ? BPF_CORE_READ(sk, sk_max_ack_backlog) : 0;
		if (op == OP_X_QUEUE_PCT)
			put(s, max ? len * 100 / max : 0, 1);
		else
			put(s, op == OP_X_QUEUE_LEN ? len : max, 4);
		break;
	}
	case OP_X_PAIR_SOURCE:
	case OP_X_PAIR_PEER: {
		sk = s->ret == 0 ? sock_of(user_u32(addr)) : 0;
		struct unix_sock *pair = (void *)sk;
		put(s, !sk ? 0 : op == OP_X_PAIR_SOURCE ? (__u64)sk : (__u64)BPF_CORE_READ(pair, peer), 8);
		break;
	}
	default:
		put_empty(s);
	}
	return 0;
}

__noinline int param_rest(__u32 op, __u32 n)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	struct task_struct *task = current_task();
	__u64 value = arg(s, n);
	__u32 code;
	switch (op) {
	case OP_X_CLONE_FLAGS:
		put(s, translate(MAP_CLONE_FLAGS, arg(s, 0)) | pidns_flag(task), 4);
		break;
	case OP_X_CLONE3_FLAGS:
		put(s, translate(MAP_CLONE_FLAGS, user_u64(arg(s, 0))) | pidns_flag(task), 4);
		break;
	case OP_X_FORK_FLAGS:
		put(s, pidns_flag(task), 4);
		break;
	case OP_X_EXEC_FILENAME:
		if (s->failed_exec)
			put_user_str(s, arg(s, 0), 4096);
		else
			put_empty(s);
		break;
	case OP_X_CWD:
		if (s->ret >= 0)
			put_user_str(s, arg(s, 0), 4096);
		else
			put_empty(s);
		break;
	case OP_X_MOUNT_FLAGS:
		put(s, (value & 0xffff0000) == 0xc0ed0000 ? value & 0xffff : value, 4);
		break;
	case OP_X_USER_FD:
		put(s, s->ret == 0 ? (__s64)(int)user_u32(value) : -1, 8);
		break;
	case OP_X_USER_FD_SECOND:
		put(s, s->ret == 0 ? (__s64)(int)user_u32(value + 4) : -1, 8);
		break;
	case OP_X_FD_ARG:
		put(s, (__s64)(int)arg(s, 0), 8);
		break;
	case OP_X_PTRACE_ADDR:
		s->data[s->pos & 0xffff] = 0;
		*(__u64 *)&s->data[(s->pos + 1) & 0xffff] = s->ret < 0 ? 0 : value;
		end_param(s, 9);
		break;
	case OP_X_PTRACE_DATA:
		code = arg(s, 0);
		if (s->ret >= 0 && (code == 7 || code == 9 || code == 17 || code == 24)) {
			s->data[s->pos & 0xffff] = 1;
			s->data[(s->pos + 1) & 0xffff] = value;
			end_param(s, 2);
		} else {
			s->data[s->pos & 0xffff] = 0;
			*(__u64 *)&s->data[(s->pos + 1) & 0xffff] =
				s->ret < 0 ? 0 : code >= 1 && code <= 3 ? user_u64(value) : value;
			end_param(s, 9);
		}
		break;
	case OP_X_PTRACE_REQUEST:
		put(s, translate(MAP_PTRACE_REQUESTS, value), 2);
		break;
	case OP_X_PRCTL_STR:
		code = arg(s, 0);
		if (code == 15 || code == 16)
			put_user_str(s, value, 4096);
		else
			put_empty(s);
		break;
	case OP_X_PRCTL_INT:
		code = arg(s, 0);
		put(s, code == 15 || code == 16 ? 0 : code == 37 ? (__s64)(int)user_u32(value) : value, 8);
		break;
	case OP_X_FUTEX_OP:
		put(s, value, 2);
		break;
	case OP_X_RLIMIT_CUR:
		put(s, value && s->ret == 0 ? user_u64(value) : -1ULL, 8);
		break;
	case OP_X_RLIMIT_MAX:
		put(s, value && s->ret == 0 ? user_u64(value + 8) : -1ULL, 8);
		break;
	case OP_X_TIMESPEC:
		put(s, user_u64(value) * 1000000000ULL + user_u64(value + 8), 8);
		break;
	case OP_X_SYSCALL_CODE:
		put(s, syscall_rows[s->number & 511].code, 2);
		break;
	case OP_X_SYSCALL_NUMBER:
		put(s, s->number, 2);
		break;
	case OP_X_ACCEPT_FLAGS:
		put(s, translate(MAP_SOCKET_FLAGS, value), 4);
		break;
	case OP_X_EXIT_STATUS:
		put(s, (__s64)BPF_CORE_READ(task, exit_code), 8);
		break;
	case OP_X_EXIT_RET:
		put(s, (__s64)((BPF_CORE_READ(task, exit_code) >> 8) & 0xff), 8);
		break;
	case OP_X_EXIT_SIG:
		put(s, BPF_CORE_READ(task, exit_code) & 0x7f, 1);
		break;
	case OP_X_EXIT_CORE:
		put(s, (BPF_CORE_READ(task, exit_code) & 0x80) != 0, 1);
		break;
	case OP_X_EXIT_REAPER:
		put(s, 0, 8);
		break;
	default:
		put_empty(s);
	}
	return 0;
}

/* Parameters of plain calls: an argument, the result, a text. */
static __always_inline int param_plain(struct scratch *s, __u32 desc)
{
	__u32 op = desc & 0xff, n = desc >> 8 & 0xff, size = desc >> 16 & 0xff, map = desc >> 24;
	__u64 value = arg(s, n);
	switch (op) {
	case OP_RET:
		put(s, s->ret, size);
		return 1;
	case OP_ARG:
		put(s, value, size);
		return 1;
	case OP_ARGS32:
		put(s, (__s64)(int)value, size);
		return 1;
	case OP_ARGU32:
		put(s, (__u32)value, size);
		return 1;
	case OP_DIRFD:
		put(s, (__s64)(int)value, size);
		return 1;
	case OP_USERSTR:
		put_user_str(s, value, 4096);
		return 1;
	case OP_USERU32:
		put(s, user_u32(value), size);
		return 1;
	case OP_USERU64:
		put(s, user_u64(value), size);
		return 1;
	case OP_MAP:
		put(s, translate(map, value), size);
		return 1;
	case OP_DEV:
		/* User space has them in the form that events have, too. */
		put(s, (__u32)value, size);
		return 1;
	case OP_ZERO:
		put(s, 0, size);
		return 1;
	case OP_CUSTOM:
	case OP_EMPTY:
		put_empty(s);
		return 1;
	}
	return 0;
}

__noinline int param(__u32 desc)
{
	struct scratch *s = scratch();
	if (!s || s->pos > MAX_EVENT)
		return 0;
	__u32 op = desc & 0xff, n = desc >> 8 & 0xff;
	if (param_plain(s, desc))
		return 0;
	switch (op) {
	case OP_X_EXE:
		if (s->failed_exec)
			exec_strings(s->type == EV_SYSCALL_EXECVEAT_X ? 2 | 2 << 8 : 1);
		else if (s->ret < 0)
			put_empty(s);
		else
			param_image(op);
		return 0;
	case OP_X_ARGS:
		if (s->failed_exec)
			exec_strings((s->type == EV_SYSCALL_EXECVEAT_X ? 2 : 1) | 1 << 8);
		else if (s->ret < 0)
			put_empty(s);
		else
			param_image(op);
		return 0;
	case OP_X_ENV:
		if (s->failed_exec)
			exec_strings(s->type == EV_SYSCALL_EXECVEAT_X ? 3 : 2);
		else
			param_image(op);
		return 0;
	case OP_X_CGROUPS:
		cgroups_first();
		cgroups_second();
		return 0;
	case OP_X_TID: case OP_X_PID: case OP_X_PTID: case OP_X_FDLIMIT: case OP_X_PGFT_MAJ: case OP_X_PGFT_MIN:
	case OP_X_VM_SIZE: case OP_X_VM_RSS: case OP_X_VM_SWAP: case OP_X_COMM: case OP_X_EUID: case OP_X_EGID:
	case OP_X_VTID: case OP_X_VPID: case OP_X_VPGID: case OP_X_PGID: case OP_X_PIDNS_START: case OP_X_TTY:
	case OP_X_LOGINUID: case OP_X_CAP_INHERITABLE: case OP_X_CAP_PERMITTED: case OP_X_CAP_EFFECTIVE:
		return param_task(op);
	case OP_X_EXE_FLAGS: case OP_X_EXE_INO: case OP_X_EXE_CTIME: case OP_X_EXE_MTIME: case OP_X_EXE_PATH:
		return param_exe(op);
	case OP_X_OPEN_FLAGS: case OP_X_OPEN_MODE: case OP_X_OPEN_HOW_FLAGS: case OP_X_OPEN_HOW_MODE:
	case OP_X_OPEN_HOW_RESOLVE: case OP_X_CREAT_MODE: case OP_X_CREAT_LAYER: case OP_X_FD_DEV: case OP_X_FD_INO:
	case OP_X_PIPE_INO:
		return param_file(op, n);
	case OP_X_FD_PATH:
		return param_fd_path();
	case OP_X_READ_DATA: case OP_X_WRITE_DATA: case OP_X_IOV_IN: case OP_X_IOV_OUT: case OP_X_IOV_SIZE:
	case OP_X_MSG_IN: case OP_X_MSG_OUT: case OP_X_MSG_SIZE: case OP_X_RET_SIZE:
		return param_data(op, n);
	case OP_X_TUPLE_CONNECT: case OP_X_TUPLE_ACCEPT: case OP_X_TUPLE_OUT: case OP_X_TUPLE_IN:
	case OP_X_MSG_TUPLE_OUT: case OP_X_MSG_TUPLE_IN: case OP_X_QUEUE_PCT: case OP_X_QUEUE_LEN:
	case OP_X_QUEUE_MAX: case OP_X_PAIR_SOURCE: case OP_X_PAIR_PEER:
		return param_socket(op, n);
	case OP_X_SOCKADDR:
		return put_sockaddr(n);
	}
	return param_rest(op, n);
}
