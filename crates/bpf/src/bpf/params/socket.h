/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ends of sockets, their queues, their options. */
#pragma once

#define EINPROGRESS 115
#define SO_ERROR 4
#define SO_COOKIE 57
/* Timeouts; the newer options have 64 bits in every program. */
#define IS_NEW_TIMEOUT(option) ((option) == 66 || (option) == 67)
#define IS_TIMEOUT(option) ((option) == 20 || (option) == 21 || IS_NEW_TIMEOUT(option))
/* Options below 64 whose value is a number: all but 4, 13, 17, 20, 21, 26, 28 and those above 49. */
#define NUMBER_OPTIONS 0x0003ffffebcddfeeULL

/* The type in the first byte of an option's value. */
enum option_kind { OPTION_BYTES, OPTION_ERRNO, OPTION_U32, OPTION_U64, OPTION_TIME };

/* Maximum size of an address: that of a Unix socket, with a path. */
#define ADDRESS_MAX (1 + UNIX_PATH_MAX)

/* Writes the address of `len` bytes at `from`: family byte, address, port in host order; or the path, without the NUL before
 * an abstract name, which may contain others. Returns the number of written bytes. */
static __always_inline __u32 write_address(__u8 *to, __u8 *from, __u32 len)
{
	__u16 family = len >= 2 ? *(__u16 *)from : 0;
	if (family == AF_INET && len >= 8) {
		to[0] = AF_INET;
		*(__u32 *)&to[1] = *(__u32 *)&from[4];
		*(__u16 *)&to[5] = swap16(*(__u16 *)&from[2]);
		return 7;
	}
	if (family == AF_INET6 && len >= 24) {
		to[0] = AF_INET6;
		*(__u64 *)&to[1] = *(__u64 *)&from[8];
		*(__u64 *)&to[9] = *(__u64 *)&from[16];
		*(__u16 *)&to[17] = swap16(*(__u16 *)&from[2]);
		return 19;
	}
	if (family == AF_UNIX) {
		to[0] = AF_UNIX;
		to[1] = 0;
		__u32 n = write_unix_name(&to[1], (char *)from + 2, len);
		return n ? 1 + n : 2;
	}
	return 0;
}

/* Writes the address that a socket is bound to, in the same form. Returns 0 for families without such a form. Unlike the argument
 * of a bind, another thread cannot change it, and it has the port that the kernel chose. */
static __always_inline __u32 write_bound(struct scratch *s, __u8 *to, int fd)
{
	struct sock *sk = sock_of(s, fd);
	struct unix_sock *named = (void *)sk;
	__u16 family = sk ? READ(sk, __sk_common.skc_family) : 0;
	__u16 port = local_port(sk);
	to[0] = family;
	if (family == AF_INET) {
		*(__u32 *)&to[1] = READ(sk, __sk_common.skc_rcv_saddr);
		*(__u16 *)&to[5] = port;
		return 7;
	}
	if (family == AF_INET6) {
		struct in6_addr local = BPF_CORE_READ(sk, __sk_common.skc_v6_rcv_saddr);
		__builtin_memcpy(&to[1], &local, 16);
		*(__u16 *)&to[17] = port;
		return 19;
	}
	if (family == AF_UNIX) {
		struct unix_address *addr = READ(named, addr);
		__u32 n = write_unix_name(&to[1], (char *)addr + bpf_core_field_offset(struct unix_address, name) + 2,
					  addr ? READ(addr, len) : 0);
		return n ? 1 + n : 0;
	}
	return 0;
}

__noinline int put_bound(int fd)
{
	struct scratch *s = scratch();
	__u32 len = s ? write_bound(s, &s->data[s->pos & 0xffff], fd) : 0;
	if (len)
		end_param(s, len & 0x7f);
	return len;
}

/* Writes the address after a call that binds a socket, which listen does with one that was never bound. Returns whether the
 * parameter is written: a bind that fails shows the address that it was given. */
static __always_inline bool put_bound_by(struct scratch *s)
{
	bool listens = s->type == EV_SOCKET_LISTEN_X;
	if ((listens || s->type == EV_SOCKET_BIND_X) && !s->ret && put_bound(arg(s, 0)))
		return true;
	if (listens)
		put_empty(s);
	return listens;
}

__noinline int param_address(__u32 desc)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	__u32 n = desc >> 8 & 0xff, len = arg(s, n + 1) & 0xffff;
	if (put_bound_by(s))
		return 0;
	__u64 from = arg(s, n);
	struct kept *kept = kept_for(s);
	if (kept)
		len = kept->len;
	len = len > SOCKADDR_MAX ? SOCKADDR_MAX : len;
	barrier_var(len);
	len &= 2 * SOCKADDR_MAX - 1;
	if (kept)
		bpf_probe_read_kernel(&s->data[TEMP], len, kept->data);
	else if (bpf_probe_read_user(&s->data[TEMP], len, (void *)from))
		len = 0;
	end_param(s, write_address(&s->data[s->pos & 0xffff], &s->data[TEMP], len));
	return 0;
}

/* The family of a new socket. For old programs, the kernel makes a packet socket of this type of Internet socket. */
static __always_inline __u32 family_of(struct scratch *s)
{
	__u32 family = arg(s, 0), type = arg(s, 1) & SOCK_TYPE_MASK;
	return family == AF_INET && type == SOCK_PACKET ? AF_PACKET : family;
}

__noinline int param_socket(__u32 desc)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	__u32 op = desc & 0xff, n = desc >> 8 & 0xff;
	int fd = arg(s, 0);
	__u64 addr = n < 6 ? arg(s, n) : 0;
	struct sock *sk;
	switch (op) {
	case OP_X_TUPLE_CONNECT:
		if (s->ret == 0 || s->ret == -EINPROGRESS)
			put_tuple(fd, 0, 0);
		else
			put_empty(s);
		break;
	case OP_X_TUPLE_ACCEPT:
		if (s->ret >= 0)
			put_tuple(s->ret, TUPLE_INCOMING, 0);
		else
			put_empty(s);
		break;
	case OP_X_TUPLE_OUT:
	case OP_X_TUPLE_IN:
		if (s->ret >= 0)
			put_tuple(fd, op == OP_X_TUPLE_IN ? TUPLE_INCOMING : TUPLE_SENDS | TUPLE_LEN(arg(s, n + 1)), addr);
		else
			put_empty(s);
		break;
	case OP_X_FAMILY:
		put(s, translate(MAP_SOCKET_FAMILY, family_of(s)), 4);
		break;
	case OP_X_QUEUE_PCT:
	case OP_X_QUEUE_LEN:
	case OP_X_QUEUE_MAX: {
		sk = s->ret >= 0 ? sock_of(s, fd) : 0;
		__u32 len = sk ? READ(sk, sk_ack_backlog) : 0;
		__u32 max = sk ? READ(sk, sk_max_ack_backlog) : 0;
		if (op == OP_X_QUEUE_PCT)
			put(s, max ? len * 100 / max : 0, 1);
		else
			put(s, op == OP_X_QUEUE_LEN ? len : max, 4);
		break;
	}
	case OP_X_PORT_CHOSEN: {
		/* Whether the kernel chose the port. The probe keeps the address of a request. */
		__u32 head = 0;
		if (!s->request)
			head = user_u32(addr);
		else if (bpf_probe_read_kernel(&head, sizeof(head), (void *)addr))
			head = -1;
		sk = s->ret ? 0 : sock_of(s, fd);
		if (sk && !(head >> 16) && READ((struct inet_sock *)sk, inet_sport) &&
		    (READ(sk, __sk_common.skc_family) == AF_INET || READ(sk, __sk_common.skc_family) == AF_INET6))
			put(s, 1, 1);
		else
			put_empty(s);
		break;
	}
	case OP_X_PAIR_SOURCE:
	case OP_X_PAIR_PEER: {
		sk = s->ret == 0 ? sock_of(s, user_u32(addr)) : 0;
		struct unix_sock *pair = (void *)sk;
		put(s, !sk ? 0 : number_of(s, op == OP_X_PAIR_SOURCE ? sk : READ(pair, peer)), 8);
		break;
	}
	default:
		put_empty(s);
	}
	return 0;
}

static __always_inline void put_option(struct scratch *s, __u8 kind, __u64 value, __u32 size)
{
	s->data[s->pos & 0xffff] = kind;
	*(__u64 *)&s->data[(s->pos + 1) & 0xffff] = value;
	end_param(s, 1 + size);
}

static __always_inline void put_option_value(struct scratch *s, __u64 value, __u32 len)
{
	__u32 option = arg(s, 2);
	if ((__u32)arg(s, 1) != SOL_SOCKET)
		option = -1;
	if (option == SO_ERROR) {
		put_option(s, OPTION_ERRNO, -(__s64)(int)user_u32(value), 8);
	} else if (IS_TIMEOUT(option)) {
		put_option(s, OPTION_TIME, user_time(s, value, 1000, IS_NEW_TIMEOUT(option)), 8);
	} else if (option == SO_COOKIE) {
		put_option(s, OPTION_U64, user_u64(value), 8);
	} else if (option < 64 && (NUMBER_OPTIONS >> (option & 63) & 1)) {
		put_option(s, OPTION_U32, user_u32(value), 4);
	} else {
		__u32 at = HEADER + 2 * (s->index & 31);
		s->data[s->pos & 0xffff] = OPTION_BYTES;
		s->pos++;
		put_user_bytes(s, value, len);
		/* The length includes the byte before them. */
		*(__u16 *)&s->data[at] += 1;
	}
}

__noinline int param_sockopt(__u32 desc)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	__u32 len = s->type == EV_SOCKET_GETSOCKOPT_X ? user_u32(arg(s, 4)) : (__u16)arg(s, 4);
	switch (desc & 0xff) {
	case OP_X_OPT_NAME:
		put(s, (__u32)arg(s, 1) == SOL_SOCKET ? translate(MAP_SOCKET_OPTIONS, (__u32)arg(s, 2)) : 0, 1);
		break;
	case OP_X_OPT_LEN:
		put(s, len, 4);
		break;
	default:
		put_option_value(s, arg(s, 3), len);
	}
	return 0;
}
