/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sockets: addresses and pairs of addresses. */
#pragma once

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_NETLINK 16
#define AF_PACKET 17
#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define SOCK_PACKET 10
#define SOCK_TYPE_MASK 0xf
#define IPPROTO_UDP 17
#define IPPROTO_UDPLITE 136
/* The third word of an IPv4 address in an IPv6 socket. */
#define MAPPED_WORD 0xffff0000

static __always_inline __u16 swap16(__u16 v)
{
	return v >> 8 | v << 8;
}

#include "peers.h"

static __always_inline struct sock *sock_of(struct scratch *s, int fd)
{
	struct file *file = file_of(s, fd);
	if (!file || (READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	struct socket *socket = READ(file, private_data);
	return READ(socket, sk);
}

static __always_inline __u32 kind_of_peer(struct sock *sk, __u32 incoming)
{
	__u16 protocol = READ(sk, sk_protocol);
	__u32 is_udp = protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE;
	return (is_udp ? PEER_OF_UDP : 0) | (incoming ? PEER_IS_SOURCE : 0);
}

/* Size of the path of a Unix socket, with its NUL. */
#define UNIX_PATH_MAX 109

/* Maximum size of a pair of addresses: that of two Unix sockets, with a path. */
#define TUPLE_MAX (17 + UNIX_PATH_MAX)

/* Options of put_tuple() for the ends. */
#define TUPLE_INCOMING 1 /* The other end is the source. */
#define TUPLE_SENDS 2 /* A datagram goes to the address in the call, whatever peer the socket has. */
#define TUPLE_LEN(bytes) ((__u32)(bytes) << 8) /* Length of the address in the call. */

/* Ends a name of which `n` was read: the length of a path, or 0 for an abstract name of `size` bytes with its NUL. Returns the
 * number of written bytes. */
static __always_inline __u32 end_unix_name(__u8 *to, bool is_abstract, __u32 size, long n)
{
	if (is_abstract && !n) {
		n = size;
		to[(size - 1) & 0x7f] = 0;
	}
	return n > 0 ? n & 0x7f : 0;
}

/* Writes the name of a Unix socket, without the NUL before an abstract name, which may contain others. Reads only the `len`
 * bytes of the address. Returns the number of written bytes, including a NUL; 0 if there is no name. */
static __always_inline __u32 write_unix_name(__u8 *to, const char *name, __s32 len)
{
	char first = 0;
	if (len <= 2 || bpf_probe_read_kernel(&first, 1, name))
		return 0;
	/* Size of the name: that of the address without its family (two bytes), plus a NUL. */
	__u32 skipped = first == 0, size = len - 1 - skipped;
	if (size > UNIX_PATH_MAX)
		size = UNIX_PATH_MAX;
	/* A bound that the verifier sees. */
	barrier_var(size);
	size &= 0x7f;
	long n = skipped ? bpf_probe_read_kernel(to, size, name + 1) : bpf_probe_read_kernel_str(to, size, name);
	return end_unix_name(to, skipped, size, n);
}

/* The same for the address in a call, in user memory. */
static __always_inline __u32 write_named_unix(__u8 *to, __u64 user_addr, __u32 len)
{
	char first = 0;
	if (len <= 2 || bpf_probe_read_user(&first, 1, (void *)(user_addr + 2)))
		return 0;
	__u32 skipped = first == 0, size = len - 1 - skipped;
	if (size > UNIX_PATH_MAX)
		size = UNIX_PATH_MAX;
	/* A bound that the verifier sees. */
	barrier_var(size);
	size &= 0x7f;
	long n = skipped ? bpf_probe_read_user(to, (size - 1) & 0x7f, (void *)(user_addr + 3)) :
			   read_user_str(to, size, (void *)(user_addr + 2));
	return end_unix_name(to, skipped, size, n);
}

/* The local port; a raw socket has its protocol there. */
static __always_inline __u16 local_port(struct sock *sk)
{
	return READ(sk, sk_type) == SOCK_RAW ? 0 : swap16(READ((struct inet_sock *)sk, inet_sport));
}

/* Writes both ends of a socket. Returns the number of written bytes. */
static __always_inline __u32 write_tuple(struct scratch *s, __u8 *to, int fd, __u32 how, __u64 user_addr)
{
	__u32 incoming = how & TUPLE_INCOMING;
	struct sock *sk = sock_of(s, fd);
	__u16 family = sk ? READ(sk, __sk_common.skc_family) : 0;
	if (family == AF_INET) {
		struct inet_sock *inet = (void *)sk;
		__u32 local = READ(inet, inet_saddr), remote = READ(sk, __sk_common.skc_daddr);
		__u16 lport = local_port(sk);
		__u16 rport = swap16(READ(sk, __sk_common.skc_dport));
		int is_named = !rport || (how & TUPLE_SENDS && READ(sk, sk_type) != SOCK_STREAM);
		if (is_named && user_addr && take_peer(user_addr, PEER_IS_V4 | kind_of_peer(sk, incoming))) {
			remote = s->peer_ip[3];
			rport = s->peer_port;
		}
		to[0] = AF_INET;
		*(__u32 *)&to[1] = incoming ? remote : local;
		*(__u16 *)&to[5] = incoming ? rport : lport;
		*(__u32 *)&to[7] = incoming ? local : remote;
		*(__u16 *)&to[11] = incoming ? lport : rport;
		return 13;
	} else if (family == AF_INET6) {
		struct in6_addr local = BPF_CORE_READ(sk, __sk_common.skc_v6_rcv_saddr);
		struct in6_addr remote = BPF_CORE_READ(sk, __sk_common.skc_v6_daddr);
		__u16 lport = local_port(sk);
		__u16 rport = swap16(READ(sk, __sk_common.skc_dport));
		int is_named = !rport || (how & TUPLE_SENDS && READ(sk, sk_type) != SOCK_STREAM);
		if (is_named && user_addr && take_peer(user_addr, kind_of_peer(sk, incoming))) {
			__builtin_memcpy(&remote, s->peer_ip, sizeof(remote));
			rport = s->peer_port;
		}
		to[0] = AF_INET6;
		if (incoming) {
			__builtin_memcpy(&to[1], &remote, 16);
			*(__u16 *)&to[17] = rport;
			__builtin_memcpy(&to[19], &local, 16);
			*(__u16 *)&to[35] = lport;
		} else {
			__builtin_memcpy(&to[1], &local, 16);
			*(__u16 *)&to[17] = lport;
			__builtin_memcpy(&to[19], &remote, 16);
			*(__u16 *)&to[35] = rport;
		}
		return 37;
	} else if (family == AF_UNIX) {
		struct unix_sock *own = (void *)sk;
		struct sock *peer = READ(own, peer);
		struct unix_sock *named = incoming ? own : (void *)peer;
		to[0] = AF_UNIX;
		__u64 ours = number_of(s, own), theirs = number_of(s, peer);
		*(__u64 *)&to[1] = incoming ? ours : theirs;
		*(__u64 *)&to[9] = incoming ? theirs : ours;
		bool is_named = !named || (how & TUPLE_SENDS && READ(sk, sk_type) != SOCK_STREAM);
		__u32 len;
		if (is_named && user_addr) {
			len = write_named_unix(&to[17], user_addr, how >> 8);
		} else {
			struct unix_address *addr = READ(named, addr);
			len = write_unix_name(&to[17],
					      (char *)addr + bpf_core_field_offset(struct unix_address, name) + 2,
					      addr ? READ(addr, len) : 0);
		}
		if (!len) {
			to[17] = 0;
			len = 1;
		}
		return 17 + (len & 0x7f);
	}
	return 0;
}

__noinline int put_tuple(int fd, __u32 how, __u64 user_addr)
{
	struct scratch *s = scratch();
	if (s)
		end_param(s, write_tuple(s, &s->data[s->pos & 0xffff], fd, how, user_addr));
	return 0;
}
