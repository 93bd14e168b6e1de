/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ends of requests whose success the kernel does not report: at the kernel functions that free them or, if programs cannot be
 * attached there, in the ring's list of free requests. A request in this list is complete, and has its result until the ring uses
 * it again. The list is searched when a thread of the process has submitted requests or has completed some that others carried out.
 * What is still under way when the thread ends is reported as presumed. */
#pragma once

/* What a kernel function that frees completed requests gets: a ring, a work item, or a request. The attach cookie says which. */
#define ENDS_OF_RING 0
#define END_OF_WORK 1
#define END_OF_REQUEST 2

struct walk {
	__u64 node;
};

static long end_at_node(__u64 index, struct walk *walk)
{
	__u64 at = walk->node, req = at - bpf_core_field_offset(((struct io_kiocb *)0)->comp_list);
	struct request *r;
	if (!at)
		return 1;
	bpf_core_read(&walk->node, sizeof(walk->node), &((struct io_wq_work_node *)at)->next);
	if (READ((struct io_kiocb *)req, flags) & SILENT && (r = bpf_map_lookup_elem(&requests, &req)) && r->is_silent) {
		report_request(r, req, READ((struct io_kiocb *)req, cqe.res));
		forget_request(r, req);
	}
	return 0;
}

/* Maximum number of entries of a ring. */
#define ENTRIES_MAX 32768

static __always_inline int at_end(__u64 what, __u64 given)
{
	struct walk walk = {};
	struct io_kiocb *req = (struct io_kiocb *)given;
	if (!silent_requests)
		return 0;
	/* A number, because the verifier tracks the type of each pointer. */
	if (what == ENDS_OF_RING)
		bpf_core_read(&walk.node, sizeof(walk.node), &((struct io_ring_ctx *)given)->submit_state.compl_reqs.first);
	else if (what == END_OF_REQUEST)
		walk.node = given + bpf_core_field_offset(req->comp_list);
	else {
		given -= bpf_core_field_offset(req->work);
		req = (struct io_kiocb *)given;
		/* The worker thread has the last reference to a completed request; others have more references. */
		if (READ(req, refs.counter) == 1)
			walk.node = given + bpf_core_field_offset(req->comp_list);
	}
	/* One loop for all cases, also for one request, because the verifier limits the number of stack frames. */
	bpf_loop(what == ENDS_OF_RING ? ENTRIES_MAX : 1, end_at_node, &walk, 0);
	return 0;
}

/* Maximum number of free requests that are visited at a time; the last ones come first. */
#define FREED_MAX 4096
/* The flag of a ring whose requests are completed when its thread asks for completions. */
#define DEFERS_WORK (1 << 13)

static __always_inline bool has_free_list(void)
{
	struct io_ring_ctx *ring = 0;
	return bpf_core_field_exists(ring->submit_state.free_list);
}

/* The ring at a place, if it has such requests and belongs to the process; otherwise 0. */
static __always_inline struct io_ring_ctx *silent_ring_of(struct silent_rings *all, __u32 at, __u32 tgid)
{
	barrier_var(at);
	at &= SILENT_RINGS - 1;
	struct silent_ring *place = &all->at[at];
	return place->count && place->tgid == tgid ? (struct io_ring_ctx *)place->ring : 0;
}

/* A search of the lists of a process's rings. Lists begin with the request that ended last. */
struct search {
	__u64 node;
	/* The request that was found last; each has the one before it in `found_before`. */
	__u64 found;
	__u64 began;
	__u32 tgid, next_place;
};

static __always_inline void find_at_node(struct search *search)
{
	__u64 at = search->node, req = at - bpf_core_field_offset(((struct io_kiocb *)0)->comp_list);
	struct request *r;
	search->node = 0;
	bpf_core_read(&search->node, sizeof(search->node), &((struct io_wq_work_node *)at)->next);
	r = bpf_map_lookup_elem(&requests, &req);
	/* Another thread may have taken the request from the list meanwhile, and submitted it. */
	if (!r || r->is_silent != SEEN_WHEN_FREED || r->since >= search->began)
		return;
	r->is_silent = FOUND_FREED;
	r->found_before = search->found;
	search->found = req;
}

/* A step through the lists, one after another. */
static long step_through_freed(__u64 index, struct search *search)
{
	struct silent_rings *all = all_silent_rings();
	int i;
	if (search->node) {
		find_at_node(search);
		return 0;
	}
	for (i = 0; i < SILENT_RINGS; i++) {
		__u32 at = search->next_place;
		if (!all || at >= SILENT_RINGS)
			return 1;
		search->next_place = at + 1;
		struct io_ring_ctx *ring = silent_ring_of(all, at, search->tgid);
		if (!ring)
			continue;
		bpf_core_read(&search->node, sizeof(search->node), &ring->submit_state.free_list.next);
		return 0;
	}
	return 1;
}

#define NO_SEARCH 1

static __always_inline struct searching *searching_of(__u32 tgid)
{
	struct silent_rings *all = all_silent_rings();
	return all ? &all->searching[tgid & (SILENT_RINGS - 1)] : 0;
}

/* Begins a search, unless one runs, which then searches again: NO_SEARCH. Returns the first completed request of the process that is
 * to be reported, or 0. A function of its own, so that its stack is free again when the events are built. */
__noinline __u64 begin_search(__u32 tgid)
{
	struct search search = { .tgid = tgid };
	struct searching *searching = searching_of(tgid);
	if (!searching || !follows_freed || !silent_requests || !has_free_list())
		return NO_SEARCH;
	*(volatile __u64 *)&searching->is_wanted = 1;
	if (__sync_lock_test_and_set(&searching->is_running, 1))
		return NO_SEARCH;
	/* The exchange is a full barrier: the search sees what ended before another one was wanted. */
	__sync_lock_test_and_set(&searching->is_wanted, 0);
	search.began = bpf_ktime_get_ns();
	bpf_loop(FREED_MAX, step_through_freed, &search, 0);
	return search.found;
}

/* Ends a search. Returns whether another one was wanted meanwhile. */
__noinline int end_search(__u32 tgid)
{
	struct searching *searching = searching_of(tgid);
	if (!searching)
		return false;
	__sync_lock_test_and_set(&searching->is_running, 0);
	return *(volatile __u64 *)&searching->is_wanted;
}

/* Reports the found requests in the order in which they ended. */
static long report_found(__u64 index, __u64 *found)
{
	__u64 req = *found;
	struct request *r = req ? bpf_map_lookup_elem(&requests, &req) : 0;
	if (!r)
		return 1;
	*found = r->found_before;
	report_request(r, req, READ((struct io_kiocb *)req, cqe.res));
	forget_request(r, req);
	return 0;
}

/* After so many searches, requests that end meanwhile are found by a later search. */
#define SEARCHES 3

/* Reports the completed requests of the process. */
static __always_inline int at_freed(void)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	int i;
	if (!follows_freed || !silent_requests)
		return 0;
	for (i = 0; i < SEARCHES; i++) {
		__u64 found = begin_search(tgid);
		if (found == NO_SEARCH)
			return 0;
		bpf_loop(found ? FREED_MAX : 0, report_found, &found, 0);
		if (!end_search(tgid))
			return 0;
	}
	return 0;
}

/* Whose requests are presumed: those of a thread, or those of the process in rings with one of the flags. */
struct left {
	__u64 task;
	__u32 tgid, flags;
};

static long presume_left(struct bpf_map *map, const __u64 *key, struct request *r, struct left *left)
{
	struct io_ring_ctx *ring = (struct io_ring_ctx *)r->answer.ring;
	struct task_struct *task = (struct task_struct *)r->task;
	__u64 req = *key;
	if (r->is_silent != SEEN_WHEN_FREED)
		return 0;
	if (r->task != left->task && !(READ(ring, flags) & left->flags && READ(task, tgid) == left->tgid))
		return 0;
	r->is_silent = FOUND_FREED;
	report_presumed(r, req);
	if (left->task) {
		forget_request(r, req);
	} else {
		/* If the request fails later, the kernel reports that. */
		forget_silent(r->answer.ring, r->is_silent);
		r->is_silent = 0;
	}
	return 0;
}

static __always_inline void presume_all(struct left *left)
{
	struct silent_rings *all = follows_freed && silent_requests ? all_silent_rings() : 0;
	__u32 i, found = 0;
	for (i = 0; i < SILENT_RINGS; i++) {
		struct io_ring_ctx *ring = all ? silent_ring_of(all, i, left->tgid) : 0;
		found |= ring && (left->task || READ(ring, flags) & left->flags);
	}
	if (found)
		bpf_for_each_map_elem(&requests, presume_left, left, 0);
}

/* At the end of a call that submits requests. If the ring is closed before the thread asks for completions, the kernel completes
 * the requests in a thread of its own. */
static __always_inline int at_submitted(void)
{
	struct left left = { .tgid = bpf_get_current_pid_tgid() >> 32, .flags = DEFERS_WORK };
	at_freed();
	presume_all(&left);
	return 0;
}

#define NAME_OF_POLLER 0x2d7071732d756f69ULL /* "iou-sqp-" */

/* Whether this is the thread that takes the requests of a ring; they belong to the main thread. */
__noinline int is_poller(void)
{
	struct task_struct *task = current_task();
	struct comm comm = {};
	bpf_get_current_comm(&comm, sizeof(comm));
	return TASK(task, flags) & PF_IO_WORKER && *(__u64 *)&comm == NAME_OF_POLLER;
}

/* At the end of a thread. The kernel completes its last requests elsewhere. */
static __always_inline int at_end_of_thread(void)
{
	struct left left = { .task = (__u64)current_task(), .tgid = bpf_get_current_pid_tgid() >> 32 };
	if (!silent_requests)
		return 0;
	at_freed();
	if (is_poller())
		left.flags = RING_POLLS;
	presume_all(&left);
	return 0;
}
