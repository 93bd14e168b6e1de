/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* New names of threads. An exec renames its thread before the kernel changes the number of the call to that of execve. */
#pragma once

/* Threads that execute a program by execveat. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u8);
} execveat_tids SEC(".maps");

static __always_inline bool is_exec(__u16 type)
{
	return type == EV_SYSCALL_EXECVE_19_X || type == EV_SYSCALL_EXECVEAT_X;
}

/* Records which call executes a program. */
static __always_inline void note_exec(__u32 tid, __u16 type)
{
	__u8 yes = 1;
	if (type == EV_SYSCALL_EXECVEAT_X)
		bpf_map_update_elem(&execveat_tids, &tid, &yes, 0);
	else if (bpf_map_lookup_elem(&execveat_tids, &tid))
		bpf_map_delete_elem(&execveat_tids, &tid);
}

/* The call that executed the program: removes and returns the record of the thread. */
static __always_inline __u32 exec_noted(__u32 tid)
{
	return bpf_map_delete_elem(&execveat_tids, &tid) ? EV_SYSCALL_EXECVE_19_X : EV_SYSCALL_EXECVEAT_X;
}
