/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Parameters of io_uring requests that differ from those of calls, because texts are in the probe's memory, and
 * descriptors may be direct descriptors. */
#pragma once

/* The path of the starting directory, followed by the given path. A worker's directory may differ from the present
 * one of its process; the kernel's path, if known, shows the right one. */
static __always_inline void put_given_name(struct scratch *s, __u32 where)
{
	struct task_struct *task = (struct task_struct *)s->task;
	struct fs_struct *fs = READ(task, fs);
	__u64 from = arg(s, where & 7);
	__u32 dirfd = where >> 3 & 7;
	int fd = dirfd ? (int)arg(s, dirfd - 1) : AT_FDCWD;
	struct path *base = &fs->pwd;
	struct file *file;
	char first = 0;
	if (s->ret < 0 || !from || bpf_probe_read_kernel(&first, 1, (void *)from)) {
		put_empty(s);
		return;
	}
	if (first == '/') {
		base = &fs->root;
	} else if (fd != AT_FDCWD) {
		file = file_of(s, fd);
		if (!file) {
			put_empty(s);
			return;
		}
		base = &file->f_path;
	}
	__u32 len = copy_path(s, &s->data[s->pos & 0xffff], walk_path(s, base));
	if (len == sizeof("/"))
		len = first != '/';
	__u32 end = (s->pos & 0xffff) + len;
	if (len)
		s->data[(end - 1) & 0x1ffff] = '/';
	long more = bpf_probe_read_kernel_str(&s->data[end & 0x1ffff], PATH_MAX, (void *)from);
	end_param(s, more > 0 ? (len + more) & 0x3fff : 0);
}

/* An address in the probe's memory. */
static __always_inline void put_held_address(struct scratch *s, __u32 n)
{
	__u32 len = arg(s, n + 1);
	__u64 from = arg(s, n);
	len = len > SOCKADDR_MAX ? SOCKADDR_MAX : len;
	barrier_var(len);
	len &= 2 * SOCKADDR_MAX - 1;
	if (bpf_probe_read_kernel(&s->data[TEMP], len, (void *)from))
		len = 0;
	end_param(s, write_address(&s->data[s->pos & 0xffff], &s->data[TEMP], len));
}

/* Replaces the other end of an unconnected socket by the destination of a message, in the tuple that was written
 * last at `at`. */
static __always_inline void put_target(struct scratch *s, __u32 at, __u64 from)
{
	__u8 addr[24] = {};
	at &= 0xffff;
	struct socket *socket = READ((struct file *)s->own_file, private_data);
	if (READ(socket, sk, sk_type) == SOCK_STREAM || bpf_probe_read_kernel(addr, sizeof(addr), (void *)from))
		return;
	__u16 family = *(__u16 *)addr, port = swap16(*(__u16 *)&addr[2]);
	if (s->data[at] == AF_INET && family == AF_INET) {
		*(__u32 *)&s->data[at + 7] = *(__u32 *)&addr[4];
		*(__u16 *)&s->data[at + 11] = port;
	} else if (s->data[at] == AF_INET6 && family == AF_INET6) {
		__builtin_memcpy(&s->data[at + 19], &addr[8], 16);
		*(__u16 *)&s->data[at + 35] = port;
	}
}

static __always_inline __u32 made_flags(struct scratch *s)
{
	return s->made_file ? flags_of_number(s->made_file) : 0;
}

/* Writes a number, an argument or a value derived from it; returns whether it is one. */
static __always_inline bool put_request_number(struct scratch *s, __u32 desc)
{
	__u32 op = desc & 0xff, size = desc >> 16 & 0xff, map = desc >> 24;
	__u64 value = arg(s, desc >> 8 & 0xff);
	struct file *file = (struct file *)s->made_file;
	switch (op) {
	case OP_RET:
		value = s->ret;
		break;
	case OP_ARG:
	case OP_ARGS32:
	case OP_DIRFD:
		break;
	case OP_ARGU32:
		value = (__u32)value;
		break;
	case OP_MAP:
		value = translate(map, value);
		break;
	case OP_ZERO:
		value = 0;
		break;
	case OP_X_SYSCALL_CODE:
		value = s->code;
		size = 2;
		break;
	case OP_X_SYSCALL_NUMBER:
		value = s->number;
		size = 2;
		break;
	case OP_X_OPEN_FLAGS:
	case OP_X_OPEN_HOW_FLAGS:
		value = open_flags(value) | made_flags(s);
		break;
	case OP_X_OPEN_MODE:
	case OP_X_OPEN_HOW_MODE:
		value = open_mode(arg(s, 2), arg(s, 3));
		break;
	case OP_X_DIRECTORY_MODE:
		value &= DIRECTORY_MODE;
		break;
	case OP_X_FAMILY:
		value = translate(MAP_SOCKET_FAMILY, family_of(s));
		break;
	case OP_X_OPEN_HOW_RESOLVE:
		value = translate(MAP_OPENAT2_RESOLVE, arg(s, 4));
		break;
	case OP_X_FD_DIR:
		value = 1;
		size = opened_directory(file, arg(s, 2));
		break;
	case OP_X_FD_DEV:
		value = file ? encode_dev(READ(file, f_inode, i_sb, s_dev)) : 0;
		break;
	case OP_X_FD_INO:
		value = file ? READ(file, f_inode, i_ino) : 0;
		break;
	default:
		return false;
	}
	put(s, value, size);
	return true;
}

static __always_inline void put_value(struct scratch *s, __u32 n)
{
	__u32 len = arg(s, n + 1);
	len = len > snaplen ? snaplen : len;
	barrier_var(len);
	len &= 2 * KEPT_SHORT - 1;
	if (bpf_probe_read_kernel(&s->data[s->pos & 0xffff], len, (void *)arg(s, n)))
		len = 0;
	end_param(s, len);
}

__noinline int param_of_request(__u32 desc)
{
	struct scratch *s = scratch();
	if (!s || s->pos > MAX_EVENT)
		return 0;
	__u32 op = desc & 0xff, n = desc >> 8 & 0xff, at = s->pos;
	if (put_request_number(s, desc))
		return 0;
	switch (op) {
	case OP_USERSTR:
	case OP_X_OPEN_NAME:
		put_kernel_str(s, arg(s, n));
		break;
	case OP_X_FD_PATH:
		if (s->made_file)
			put_file_path(s, (struct file *)s->made_file);
		else
			put_empty(s);
		break;
	CASES_ENTRY: {
		__u32 len = s->ret < 0 ? 0 : write_known(s, entry_of(op), arg(s, n & 7), true);
		if (len || op == OP_X_ENTRY_LOOKED_AT)
			end_param(s, len);
		else
			put_given_name(s, n);
		break;
	}
	CASES_ADDRESS:
		know_file(s, arg(s, 0), s->own_file);
		if (!put_bound_by(s))
			put_held_address(s, n);
		break;
	CASES_DATA:
		know_file(s, arg(s, 0), s->own_file);
		return param_data(desc);
	CASES_MESSAGE:
		know_file(s, arg(s, 0), s->own_file);
		return param_message(desc);
	CASES_RIGHTS:
		return param_rights(desc);
	case OP_X_TUPLE_ACCEPT:
		know_file(s, s->ret, s->made_file);
		return param_socket(desc);
	case OP_X_TUPLE_OUT:
		know_file(s, arg(s, 0), s->own_file);
		param_socket(desc);
		if (s->ret >= 0 && s->own_file && arg(s, 4))
			put_target(s, at, arg(s, 4));
		break;
	case OP_X_TUPLE_CONNECT:
	case OP_X_TUPLE_IN:
	case OP_X_QUEUE_PCT:
	case OP_X_QUEUE_LEN:
	case OP_X_QUEUE_MAX:
	case OP_X_PORT_CHOSEN:
		know_file(s, arg(s, 0), s->own_file);
		return param_socket(desc);
	case OP_X_USER_FD:
	case OP_X_PIPE_INO:
	case OP_X_PIPE_FLAGS:
		return param_ipc(desc);
	case OP_X_XATTR_VALUE:
		put_value(s, n);
		break;
	default:
		put_empty(s);
	}
	return 0;
}

__noinline int emit_request(__u32 type)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	__u32 first = event_rows[type & (EVENT_TYPES - 1)].first, count = event_rows[type & (EVENT_TYPES - 1)].count;
	int i;
	s->has_told = has_told(own_cpu());
	begin(s, type, READ(subject(s), pid));
	*(volatile __u32 *)&s->bases = s->described ? 1 : reported_bases(type);
	s->pos += 2 * (*(volatile __u32 *)&s->bases + (s->decisive ? 1 : 0));
	for (i = 0; i < MOST_PARAMS; i++) {
		if (i >= count)
			break;
		param_of_request(descs[(first + i) & 2047]);
	}
	if (s->decisive) {
		put_change();
		count++;
	}
	if (s->described && s->pos < RIGHTS_END) {
		s->len = 0;
		know_file(s, arg(s, 0), s->own_file);
		put_right(s->fd);
		if (type == EV_SYSCALL_DUP_1_X && s->ret >= 0) {
			know_file(s, -1, 0);
			put_right(s->ret);
		}
		end_param(s, s->len & 0x7fff);
		count++;
		s->request |= IS_DESCRIBED;
	} else if (s->described) {
		put_empty(s);
		count++;
		s->request |= IS_DESCRIBED;
	} else if (*(volatile __u32 *)&s->bases) {
		put_bases();
		count += s->bases & 3;
		s->request |= HAS_BASES;
	}
	*(__u32 *)&s->data[22] = count | (__u32)s->request << 16;
	if (s->made_file)
		forget_directory(s->made_file);
	submit(s, false);
	return 0;
}
