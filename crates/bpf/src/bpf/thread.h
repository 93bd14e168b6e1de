/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Memory per thread that lasts from one program run to the next: in task storage, or in a map by thread id where
 * tracing programs have no task storage. */
#pragma once

/* Maximum number of threads in the maps by thread id. */
#define KEPT_THREADS 16384
#define LARGEST_KEPT 4096
/* Length of a text that is kept together with other data, and of one that has memory of its own. */
#define KEPT_SHORT 256
#define KEPT_LONG 4096

/* The initial content of an entry in a map. */
const volatile __u8 blank[LARGEST_KEPT] = {};

/* The calling thread's memory in one of these maps, or 0 if there is none. `create`: create it if it is missing. */
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
