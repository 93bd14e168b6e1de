/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* io_uring requests in progress, and the request that a thread carries out. Only worker threads of the process
 * carry out requests that change directory entries. */
#pragma once

#define REQUESTS_MAX 8192
#define REQUEST_TEXTS 3

struct answer {
	__u64 ring, user_data;
};

struct request {
	struct answer answer;
	/* Texts are addresses in the probe's memory. */
	__u64 args[8];
	/* The task that the event is about. */
	__u64 task;
	/* The time of the submission, and the completed request that a search found before this one. */
	__u64 since, found_before;
	__u32 slot;
	__u16 number, type, code, mark;
	__u8 opcode, flags, says, compat;
	/* Whether its names are in another map, because they are long. */
	__u8 has_long_names;
	/* How its end is seen if the kernel does not report that it succeeded: SEEN_. */
	__u8 is_silent;
	__u8 text[REQUEST_TEXTS * KEPT_SHORT];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, REQUESTS_MAX);
	__type(key, __u64);
	__type(value, struct request);
} requests SEC(".maps");

/* The address of the request that a worker thread of a ring carries out. 0: none, or unknown. */
static __always_inline __u64 request_at_work(struct task_struct *task)
{
	struct io_kiocb *req = 0;
	if (!bpf_core_field_exists(task->worker_private) || !bpf_core_type_exists(struct io_worker))
		return 0;
	struct io_worker *worker = READ(task, worker_private);
	struct io_wq_work *work = READ(worker, cur_work);
	return work ? (__u64)work - bpf_core_field_offset(req->work) : 0;
}

/* The entry of a request in one of these maps, created if it is missing. */
#define OF_WORK(map, key)                                                                                         \
	({                                                                                                        \
		__u64 key_ = key;                                                                                 \
		void *memory_ = bpf_map_lookup_elem(&map, &key_);                                                 \
		if (!memory_ && !bpf_map_update_elem(&map, &key_, (void *)&blank, BPF_NOEXIST))                   \
			memory_ = bpf_map_lookup_elem(&map, &key_);                                               \
		memory_;                                                                                          \
	})
