/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* New names of threads. A program that is executed gives its thread one, too, before the kernel has the call look like
 * an execve. */
#pragma once

/* Of kernels that do not tell programs the caller's registers: how much memory a thread's stack has. */
#define STACK_BYTES 16384

/* Threads that execute a program by execveat. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u8);
} execveat_tids SEC(".maps");

/* In kernel memory: they lie at the end of the stack. */
static __always_inline struct pt_regs *saved_regs(void)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id___regs, BPF_FUNC_task_pt_regs___regs))
		return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	return READ(current_task(), stack) + STACK_BYTES - bpf_core_type_size(struct pt_regs);
}

/* The type of the events of the call that the caller makes; 0 if it has none. */
static __always_inline __u16 type_of_own_call(void)
{
	struct pt_regs *regs = saved_regs();
#if defined(__TARGET_ARCH_x86)
	__u32 number = READ(regs, orig_ax);
	if (is_compat(current_task()))
		return number < SYSCALLS ? ia32_rows[number & (SYSCALLS - 1)].type : 0;
#else
	__u32 number = READ(regs, syscallno);
	if (is_compat(current_task()))
		return 0;
#endif
	return number < SYSCALLS ? syscall_rows[number & (SYSCALLS - 1)].type : 0;
}

static __always_inline bool is_exec(__u16 type)
{
	return type == EV_SYSCALL_EXECVE_19_X || type == EV_SYSCALL_EXECVEAT_X;
}

/* Notes which call executes a program. */
static __always_inline void note_exec(__u32 tid, __u16 type)
{
	__u8 yes = 1;
	if (type == EV_SYSCALL_EXECVEAT_X)
		bpf_map_update_elem(&execveat_tids, &tid, &yes, 0);
	else if (bpf_map_lookup_elem(&execveat_tids, &tid))
		bpf_map_delete_elem(&execveat_tids, &tid);
}

/* Which one did. */
static __always_inline __u32 exec_noted(__u32 tid)
{
	return bpf_map_delete_elem(&execveat_tids, &tid) ? EV_SYSCALL_EXECVE_19_X : EV_SYSCALL_EXECVEAT_X;
}
