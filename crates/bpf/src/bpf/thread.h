/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Memory of threads, kept from one program to the next: with the task, or by thread id where tracing programs keep nothing
 * with a task. */
#pragma once

/* Threads that have some by their ids. */
#define KEPT_THREADS 16384
#define LARGEST_KEPT 4096
/* Bytes of a text that is kept beside other things, and of one that has memory of its own. */
#define KEPT_SHORT 256
#define KEPT_LONG 4096

/* What it begins as. */
const volatile __u8 blank[LARGEST_KEPT] = {};

/* Memory of the calling thread's in one of these, 0 if there is none; `create`: it is made if it is not there. */
#define OF_THREAD(storage, by_tid, create)                                                                        \
	({                                                                                                        \
		void *memory_;                                                                                    \
		if (has_task_storage) {                                                                           \
			memory_ = bpf_task_storage_get(&storage, bpf_get_current_task_btf(), 0,                   \
						       create ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);              \
		} else {                                                                                          \
			__u32 tid_ = bpf_get_current_pid_tgid();                                                  \
			memory_ = bpf_map_lookup_elem(&by_tid, &tid_);                                            \
			if (create && !memory_ &&                                                                 \
			    !bpf_map_update_elem(&by_tid, &tid_, (void *)&blank, BPF_NOEXIST))                    \
				memory_ = bpf_map_lookup_elem(&by_tid, &tid_);                                    \
		}                                                                                                 \
		memory_;                                                                                          \
	})
