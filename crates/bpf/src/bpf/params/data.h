/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Transferred bytes. */
#pragma once

#define IOV_MAX 32

/* Minimum captured sizes by port and by protocol. */
#define KEPT_OF_PORTS 16000
#define KEPT_OF_PROTOCOLS 2000
#define KEPT_OF_DNS 512
#define PORT_DNS 53
#define PORT_MYSQL 3306
#define PORT_POSTGRES 5432
#define PORT_MONGODB 27017

static __always_inline bool is_full_port(__u16 port)
{
	return port >= first_full_port && port <= last_full_port;
}

#define HAS_PORT(local, remote, port) ((local) == (port) || (remote) == (port))

/* Whether a payload that begins with these bytes has a protocol with a larger captured size. */
static __always_inline bool is_known_protocol(__u8 *b, __u64 size, __u16 local, __u16 remote)
{
	__u32 first = *(__u32 *)b, fourth = *(__u32 *)(b + 12);
	if (HAS_PORT(local, remote, PORT_MYSQL) && size >= 5 &&
	    (b[0] == 3 || b[1] == 3 || b[2] == 3 || b[3] == 3 || b[4] == 3 || (!b[2] && !b[3])))
		return true;
	if (HAS_PORT(local, remote, PORT_POSTGRES) && size >= 7 &&
	    (((b[0] == 'Q' || b[0] == 'P' || b[0] == 'E') && !b[1]) || (!b[4] && b[5] == 3 && !b[6])))
		return true;
	if (HAS_PORT(local, remote, PORT_MONGODB) ||
	    (size >= 16 && (fourth == 1 || (fourth >= 2001 && fourth <= 2007))))
		return true;
	if (size < 5)
		return false;
	switch (first) {
	case 0x20544547: /* "GET " */
	case 0x54534f50: /* "POST" */
	case 0x20545550: /* "PUT " */
	case 0x454c4544: /* "DELE" */
	case 0x43415254: /* "TRAC" */
	case 0x4e4e4f43: /* "CONN" */
	case 0x4954504f: /* "OPTI" */
	case 0x50545448: /* "HTTP" */
		return first != 0x50545448 || b[4] == '/';
	}
	return false;
}

/* How many of `size` bytes at `from` are captured, which go through the descriptor in the first argument. `addr` is the other end
 * of a socket without a peer. Without `from`, only the ports decide. */
__noinline int payload_limit(__u64 from, __u64 size, __u64 addr)
{
	struct scratch *s = scratch();
	__u32 limit = snaplen;
	__u8 bytes[16] = {};
	if (!s || !snaplen_by_protocol)
		return limit;
	struct sock *sk = sock_of(s, arg(s, 0));
	if (!sk)
		return limit;
	__u16 family = READ(sk, __sk_common.skc_family), local = 0, remote = 0;
	if (family == AF_INET || family == AF_INET6) {
		local = READ(sk, __sk_common.skc_num);
		remote = swap16(READ(sk, __sk_common.skc_dport));
		if (!remote && addr && !bpf_probe_read_user(bytes, 4, (void *)addr))
			remote = swap16(*(__u16 *)&bytes[2]);
	}
	if (last_full_port && (is_full_port(local) || is_full_port(remote)))
		return limit > KEPT_OF_PORTS ? limit : KEPT_OF_PORTS;
	if (remote && remote == statsd_port)
		return limit > KEPT_OF_PROTOCOLS ? limit : KEPT_OF_PROTOCOLS;
	if (remote == PORT_DNS)
		return limit > KEPT_OF_DNS ? limit : KEPT_OF_DNS;
	__builtin_memset(bytes, 0, sizeof(bytes));
	if (!from || !size || bpf_probe_read_user(bytes, size < 16 ? size & 15 : 16, (void *)from))
		return limit;
	if (limit < KEPT_OF_PROTOCOLS && is_known_protocol(bytes, size, local, remote))
		return KEPT_OF_PROTOCOLS;
	return limit;
}

/* Appends the first bytes of an array of buffers, up to the captured size. `addr`: the address that they go to, if there is one. */
__noinline int put_iov(__u64 iov, __u64 count, __u64 limit, __u64 addr)
{
	struct scratch *s = scratch();
	int i;
	if (!s)
		return 0;
	/* The first argument of these two calls is a process, not a descriptor. */
	bool in_process = s->type == EV_SYSCALL_PROCESS_VM_READV_X || s->type == EV_SYSCALL_PROCESS_VM_WRITEV_X;
	__u32 most = snaplen_by_protocol && !in_process ? payload_limit(0, 0, addr) : snaplen;
	if (limit > most)
		limit = most;
	s->len = 0;
	for (i = 0; i < IOV_MAX; i++) {
		__u64 left = limit - s->len, from, size;
		if (i >= count || s->len >= limit)
			break;
		from = user_word(s, iov, 2 * i);
		size = user_word(s, iov, 2 * i + 1);
		__u32 n = size > left ? left : size;
		barrier_var(n);
		n &= 0xffff;
		if (!n || bpf_probe_read_user(&s->data[(s->pos + s->len) & 0xffff], n, (void *)from))
			break;
		s->len += n;
	}
	end_param(s, s->len & 0xffff);
	return 0;
}

__noinline int iov_size(__u64 iov, __u64 count)
{
	struct scratch *s = scratch();
	__u32 size = 0;
	int i;
	if (!s)
		return 0;
	for (i = 0; i < IOV_MAX; i++) {
		if (i >= count)
			break;
		size += user_word(s, iov, 2 * i + 1);
	}
	return size;
}

/* The address in a call, if the call has one. */
static __always_inline __u64 target_of(struct scratch *s)
{
	return s->type == EV_SOCKET_SENDTO_X || s->type == EV_SOCKET_RECVFROM_X ? arg(s, 4) : 0;
}

static __always_inline void put_data(struct scratch *s, __u64 from, __u64 len)
{
	__u32 limit = snaplen_by_protocol ? payload_limit(from, len, target_of(s)) : snaplen;
	put_user_bytes(s, from, len > limit ? limit : len);
}

__noinline int param_data(__u32 desc)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	__u32 n = desc >> 8 & 0xff;
	__u64 value = arg(s, n), count = arg(s, n + 1), done = s->ret > 0 ? s->ret : 0;
	switch (desc & 0xff) {
	case OP_X_READ_DATA:
		put_data(s, value, done);
		break;
	case OP_X_WRITE_DATA:
		put_data(s, value, done ? done : count);
		break;
	case OP_X_IOV_IN:
		put_iov(value, count, done, 0);
		break;
	case OP_X_IOV_OUT:
		put_iov(value, count, done ? done : 0xffff, 0);
		break;
	case OP_X_IOV_SIZE:
		put(s, iov_size(value, count), 4);
		break;
	case OP_X_RET_SIZE:
		put(s, done, 4);
		break;
	default:
		put_empty(s);
	}
	return 0;
}

#define MSG_WORDS 7

static __always_inline __u32 word_size(struct scratch *s)
{
	return s->compat ? 4 : 8;
}

/* The header of the event's message, 0 if none was transferred. */
static __always_inline __u64 message_at(struct scratch *s, __u32 n)
{
	/* In an array of headers, the message's length follows each. */
	return s->no_message ? 0 : arg(s, n) + s->message * (MSG_WORDS + 1) * word_size(s);
}

__noinline int param_message(__u32 desc)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	__u32 op = desc & 0xff;
	__u64 at = message_at(s, desc >> 8 & 0xff), done = s->ret > 0 ? s->ret : 0;
	__u64 iov = at ? user_word(s, at, 2) : 0, count = at ? user_word(s, at, 3) : 0;
	__u64 control, control_len;
	switch (op) {
	case OP_X_MSG_IN:
		put_iov(iov, count, done, at ? user_word(s, at, 0) : 0);
		break;
	case OP_X_MSG_OUT:
		put_iov(iov, count, done ? done : 0xffff, at ? user_word(s, at, 0) : 0);
		break;
	case OP_X_MSG_SIZE:
		put(s, iov_size(iov, count), 4);
		break;
	case OP_X_MSG_CONTROL:
		control_len = s->is_repeated ? s->control_len : at && s->ret >= 0 ? user_word(s, at, 5) : 0;
		control = s->is_repeated ? s->control : control_len ? user_word(s, at, 4) : 0;
		put_user_bytes(s, control, control_len > 0xffff ? 0 : control_len);
		break;
	case OP_X_MSG_TUPLE_OUT:
	case OP_X_MSG_TUPLE_IN:
		if (at && s->ret >= 0)
			put_tuple(arg(s, 0),
				  op == OP_X_MSG_TUPLE_IN ? TUPLE_INCOMING :
							    TUPLE_SENDS | TUPLE_LEN((__u32)user_word(s, at, 1)),
				  user_word(s, at, 0));
		else
			put_empty(s);
		break;
	default:
		put_empty(s);
	}
	return 0;
}
