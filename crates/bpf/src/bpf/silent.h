/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Requests whose success the kernel does not report (IOSQE_CQE_SKIP_SUCCESS), and the rings that have such requests. */
#pragma once

#define SILENT (1 << 6)
/* A power of two. */
#define SILENT_RINGS 64

/* How the ends of such requests are seen: not at all, at kernel functions before the kernel frees the requests, or later in the
 * ring's list of free requests. */
#define SEEN_AT_FUNCTIONS 1
#define SEEN_WHEN_FREED 2
/* A search has found the request in that list, and will report it. */
#define FOUND_FREED 3
__u8 sees_silent_ends = 0;
/* Number of such requests under way. */
__u32 silent_requests = 0;
/* Whether the programs that search the lists of free requests may be loaded. */
const volatile __u8 follows_freed = 0;

/* The same number on every architecture, and for 32-bit programs. */
#define IO_URING_ENTER 426

static __always_inline bool is_submission(struct pt_regs *regs)
{
	return number_of_call(regs) == IO_URING_ENTER;
}

/* The program at the end of calls that submit requests. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} called_at_exit SEC(".maps");

struct silent_ring {
	__u64 ring;
	/* The process whose threads submit the requests, and the number of requests under way. */
	__u32 tgid, count;
};

/* The search of a process's rings. One runs at a time, until it has reported what it found, so that events are in the order in
 * which the requests ended. */
struct searching {
	__u64 is_running;
	/* Whether another search wanted to begin meanwhile. */
	__u64 is_wanted;
};

/* The place of a ring follows from its address, and that of a search from the id of the process. */
struct silent_rings {
	struct silent_ring at[SILENT_RINGS];
	struct searching searching[SILENT_RINGS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct silent_rings);
} silent_rings SEC(".maps");

static __always_inline struct silent_rings *all_silent_rings(void)
{
	__u32 zero = 0;
	return bpf_map_lookup_elem(&silent_rings, &zero);
}

static __always_inline struct silent_ring *place_of_ring(__u64 ring)
{
	struct silent_rings *all = all_silent_rings();
	/* A ring's structure is larger than 1 KiB, so the lowest bits do not distinguish rings. */
	return all ? &all->at[(ring >> 10 ^ ring >> 16) & (SILENT_RINGS - 1)] : 0;
}

/* Notes a request; returns how its end will be seen. Not at all (0) if another ring has its ring's place. */
__noinline int note_silent(__u64 ring, __u32 tgid)
{
	__u8 how = sees_silent_ends;
	if (how == SEEN_WHEN_FREED) {
		struct silent_ring *place = place_of_ring(ring);
		if (!place)
			return 0;
		__sync_fetch_and_add(&place->count, 1);
		if (*(volatile __u32 *)&place->count == 1) {
			place->ring = ring;
			place->tgid = tgid;
		} else if (place->ring != ring) {
			__sync_fetch_and_add(&place->count, -1);
			return 0;
		}
	}
	if (how)
		__sync_fetch_and_add(&silent_requests, 1);
	return how;
}

__noinline int forget_silent(__u64 ring, __u32 how)
{
	struct silent_ring *place = how == SEEN_AT_FUNCTIONS ? 0 : place_of_ring(ring);
	if (place)
		__sync_fetch_and_add(&place->count, -1);
	__sync_fetch_and_add(&silent_requests, -1);
	return 0;
}
