/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The other ends of a call's datagrams, as the kernel used them: programs in datagrams.h keep the kernel's copy of each address,
 * which another thread cannot change. */
#pragma once

/* Maximum number of messages of one sendmmsg or recvmmsg that have an event. */
#define MESSAGES_MAX 16
/* Maximum number of threads whose last addresses are kept. */
#define PEER_THREADS 8192

/* Address and port (in host order) of the other end. IPv4 addresses are mapped to IPv6. All zeros: the call has no address. */
struct peer {
	__u32 ip[4];
	__u16 port;
};

struct peers {
	/* Number of datagrams since the end of the thread's last captured call of this kind. */
	__u32 count;
	/* 1: these datagrams were sent; 0: they were received. */
	__u32 sent;
	/* The addresses of the first MESSAGES_MAX datagrams, then that of the last one after these. */
	struct peer at[MESSAGES_MAX + 1];
};

/* By thread id. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PEER_THREADS);
	__type(key, __u32);
	__type(value, struct peers);
} peers_of_threads SEC(".maps");

#define KEEPS_SENT 1
#define KEEPS_RECEIVED 2

/* Whether programs keep the addresses of all sent datagrams, and of all received ones: KEEPS_ bits. */
__u8 keeps_peers = 0;

static __always_inline struct peers *own_peers(void)
{
	__u32 tid = bpf_get_current_pid_tgid();
	return bpf_map_lookup_elem(&peers_of_threads, &tid);
}

/* Room for the address of the thread's next datagram; 0 if there is none. */
static __always_inline struct peer *new_peer(bool sent)
{
	struct peers *peers = own_peers();
	if (!peers) {
		__u32 tid = bpf_get_current_pid_tgid();
		bpf_map_update_elem(&peers_of_threads, &tid, (void *)&blank, BPF_NOEXIST);
		peers = bpf_map_lookup_elem(&peers_of_threads, &tid);
	}
	if (!peers)
		return 0;
	if (peers->sent != sent)
		peers->count = 0;
	peers->sent = sent;
	__u32 at = peers->count < MESSAGES_MAX ? peers->count : MESSAGES_MAX;
	barrier_var(at);
	if (at > MESSAGES_MAX)
		return 0;
	peers->count++;
	return &peers->at[at];
}

static __always_inline bool is_send(__u16 type)
{
	return type == EV_SOCKET_SENDTO_X || type == EV_SOCKET_SENDMSG_X || type == EV_SOCKET_SENDMMSG_X;
}

static __always_inline bool is_receive(__u16 type)
{
	return type == EV_SOCKET_RECVFROM_X || type == EV_SOCKET_RECVMSG_X || type == EV_SOCKET_RECVMMSG_X;
}

/* Whether programs keep the addresses of such calls. */
static __always_inline bool has_peers(__u16 type)
{
	return (keeps_peers & KEEPS_SENT && is_send(type)) || (keeps_peers & KEEPS_RECEIVED && is_receive(type));
}

static __always_inline void forget_peers(void)
{
	struct peers *peers = own_peers();
	if (peers)
		peers->count = 0;
}

/* The address that was kept for the event's message; 0 if there is none. */
static __always_inline struct peer *kept_peer(struct scratch *s, bool sent)
{
	struct peers *peers = own_peers();
	__u32 count = peers ? peers->count : 0, at = count - 1;
	if (!count || peers->sent != sent)
		return 0;
	if (s->messages) {
		/* One address more: the message after the last one failed. Several: io_uring requests, which reset no count, came first. */
		__u32 others = count - s->messages;
		at = others > 1 ? others + s->message : s->message;
		if (at >= count || (others > 1 && count > MESSAGES_MAX))
			return 0;
	}
	if (at > MESSAGES_MAX)
		at = MESSAGES_MAX;
	barrier_var(at);
	return at > MESSAGES_MAX ? 0 : &peers->at[at];
}

#define PEER_OF_UDP 1
/* The socket is not for IPv6. */
#define PEER_IS_V4 2
/* The datagram was received. */
#define PEER_IS_SOURCE 4

/* Finds the other end of a datagram whose call has an address: the kept one, otherwise what is in the program's memory now.
 * Returns whether there is one. */
__noinline int take_peer(__u64 user_addr, __u32 of)
{
	struct scratch *s = scratch();
	__u8 addr[24] = {};
	if (!s)
		return 0;
	/* An io_uring request keeps its own copy of the address. */
	struct peer *kept = keeps_peers && of & PEER_OF_UDP && !s->request ? kept_peer(s, !(of & PEER_IS_SOURCE)) : 0;
	if (kept) {
		__builtin_memcpy(s->peer_ip, kept->ip, sizeof(s->peer_ip));
		s->peer_port = kept->port;
		return kept->ip[2] || kept->ip[3] || kept->port;
	}
	if (bpf_probe_read_user(addr, 8, (void *)user_addr))
		return 0;
	__u16 family = *(__u16 *)addr;
	s->peer_port = swap16(*(__u16 *)&addr[2]);
	/* IPv4 sockets accept an address without a family. */
	if (family == AF_INET || (!family && of & PEER_IS_V4)) {
		s->peer_ip[0] = s->peer_ip[1] = 0;
		s->peer_ip[2] = MAPPED_WORD;
		s->peer_ip[3] = *(__u32 *)&addr[4];
		return 1;
	}
	if (family != AF_INET6 || of & PEER_IS_V4 || bpf_probe_read_user(addr, 24, (void *)user_addr))
		return 0;
	__builtin_memcpy(s->peer_ip, &addr[8], sizeof(s->peer_ip));
	return 1;
}
