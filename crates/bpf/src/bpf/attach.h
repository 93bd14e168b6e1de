/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Attaching programs to tracepoints. The kernel passes the tracepoint's own arguments to BTF programs, which costs
 * least. Since Linux 7.0 it may preempt them. Another thread then runs on the CPU, and the kernel skips the
 * program for that thread's events. Perf events disable preemption around their programs, but pass an entry in the
 * event's format instead. So each program has two forms, and user space loads one of them. */
#pragma once

#define BTF_PROGRAM(name, tracepoint, params, body)                                                               \
	SEC("tp_btf/" #tracepoint)                                                                                \
	int BPF_PROG(name, EXPAND params)                                                                         \
	{                                                                                                         \
		return body;                                                                                      \
	}

#define EXPAND(...) __VA_ARGS__

/* The same for kernels that preempt programs at tracepoints. */
#define PERF_PROGRAM(name, type, body)                                                                            \
	SEC("tracepoint")                                                                                         \
	int name##_p(type *entry)                                                                                 \
	{                                                                                                         \
		return body;                                                                                      \
	}

/* Programs that others call. */
enum { PROCESS_EVENTS, REQUEST_EVENTS, FREED_EVENTS, CALLED_PROGRAMS };

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, CALLED_PROGRAMS);
	__type(key, __u32);
	__type(value, __u32);
} called_programs SEC(".maps");

/* The place from which the program that runs on the CPU was called. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} called_from SEC(".maps");

static __always_inline __u32 *place_of_call(void)
{
	__u32 zero = 0;
	return bpf_map_lookup_elem(&called_from, &zero);
}

/* Several programs that call another one, so that the kernel verifies their common code only once. The kernel must not
 * preempt them. BTF programs could not share a called program, because their tracepoints have different arguments. */
#define CALLING_PROGRAM(name, tracepoint, called, place)                                                          \
	SEC("raw_tp/" #tracepoint)                                                                                \
	int name(void *ctx)                                                                                       \
	{                                                                                                         \
		__u32 *from = place_of_call();                                                                    \
		if (from) {                                                                                       \
			*from = place;                                                                            \
			bpf_tail_call(ctx, &called_programs, called);                                             \
		}                                                                                                 \
		return 0;                                                                                         \
	}

extern void bpf_preempt_disable(void) __ksym __weak;
extern void bpf_preempt_enable(void) __ksym __weak;

/* A BTF program that disables preemption, because the perf entry lacks data: the kernel may skip some events, but none is cut. */
#define GUARDED_PROGRAM(name, tracepoint, params, body)                                                           \
	SEC("tp_btf/" #tracepoint)                                                                                \
	int BPF_PROG(name##_p, EXPAND params)                                                                     \
	{                                                                                                         \
		bpf_preempt_disable();                                                                            \
		body;                                                                                             \
		bpf_preempt_enable();                                                                             \
		return 0;                                                                                         \
	}

/* Registers of the thread's current call. */
static __always_inline struct pt_regs *own_regs(void)
{
	return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
}
