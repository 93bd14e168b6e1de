/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Programs that keep the other ends of datagrams (UDP). They are attached to kernel functions that get the kernel's copy of the
 * address, or, where that is not allowed, to the root cgroup. */
#pragma once

/* Reads the address of a sockaddr in kernel memory. Returns false if it has none. */
static __always_inline bool read_peer(struct peer *peer, __u64 from, bool is_v4)
{
	__u8 addr[24] = {};
	if (!from || bpf_probe_read_kernel(addr, 8, (void *)from))
		return false;
	__u16 family = *(__u16 *)addr;
	peer->port = swap16(*(__u16 *)&addr[2]);
	if (is_v4 || family == AF_INET) {
		peer->ip[0] = peer->ip[1] = 0;
		peer->ip[2] = MAPPED_WORD;
		peer->ip[3] = *(__u32 *)&addr[4];
		return true;
	}
	if (family != AF_INET6 || bpf_probe_read_kernel(addr, 24, (void *)from))
		return false;
	__builtin_memcpy(peer->ip, &addr[8], sizeof(peer->ip));
	return true;
}

static __always_inline int keep_address_of(__u64 from, bool is_v4, bool sent)
{
	struct peer *peer = new_peer(sent);
	if (peer && !read_peer(peer, from, is_v4)) {
		__builtin_memset(peer->ip, 0, sizeof(peer->ip));
		peer->port = 0;
	}
	return 0;
}

/* Type of the thread's captured call, 0 for none, or for a worker. */
static __always_inline __u16 captured_call(void)
{
	if (TASK(current_task(), flags) & (PF_KTHREAD | PF_IO_WORKER))
		return 0;
	struct call call = own_call();
	return call.says ? call.type : 0;
}

static __always_inline int at_send(struct sock *sk, struct msghdr *message, bool is_v4)
{
	/* The kernel passes datagrams of an IPv6 socket to IPv4 addresses through both functions. */
	if (READ(sk, __sk_common.skc_family) != (is_v4 ? AF_INET : AF_INET6) || !is_send(captured_call()))
		return 0;
	return keep_address_of((__u64)READ(message, msg_name), is_v4, true);
}

SEC("kprobe/udp_sendmsg")
int datagram_4(struct pt_regs *ctx)
{
	return at_send(GIVEN_1(ctx), GIVEN_2(ctx), true);
}

SEC("kprobe/udpv6_sendmsg")
int datagram_6(struct pt_regs *ctx)
{
	return at_send(GIVEN_1(ctx), GIVEN_2(ctx), false);
}

/* The kernel copies the address of the sender to the program. */
SEC("kprobe/move_addr_to_user")
int datagram_from(struct pt_regs *ctx)
{
	return is_receive(captured_call()) ? keep_address_of((__u64)GIVEN_1(ctx), false, false) : 0;
}

/* The kernel runs these programs when a socket for UDP sends to an address, or returns the address of a sender. They allow every
 * datagram. */
static __always_inline int keep_peer(struct bpf_sock_addr *ctx, bool is_v6, bool sent)
{
	struct peer *peer = new_peer(sent);
	if (!peer)
		return 1;
	peer->ip[0] = is_v6 ? ctx->user_ip6[0] : 0;
	peer->ip[1] = is_v6 ? ctx->user_ip6[1] : 0;
	peer->ip[2] = is_v6 ? ctx->user_ip6[2] : MAPPED_WORD;
	peer->ip[3] = is_v6 ? ctx->user_ip6[3] : ctx->user_ip4;
	peer->port = swap16(ctx->user_port);
	return 1;
}

#define PEER_PROGRAM(name, place, is_v6, sent)                                                                    \
	SEC("cgroup/" place)                                                                                      \
	int peer_##name(struct bpf_sock_addr *ctx)                                                                \
	{                                                                                                         \
		return keep_peer(ctx, is_v6, sent);                                                               \
	}

PEER_PROGRAM(sent_4, "sendmsg4", false, true)
PEER_PROGRAM(sent_6, "sendmsg6", true, true)
PEER_PROGRAM(received_4, "recvmsg4", false, false)
PEER_PROGRAM(received_6, "recvmsg6", true, false)
