/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How programs get to tracepoints. The kernel passes BTF programs the tracepoint's own arguments, which costs least. Since
 * Linux 7.0 it may preempt them: another thread then runs on the CPU, and the kernel skips the program for what that one
 * does. Perf events forbid preemption around their programs, which get an entry of the event's format instead. So bodies
 * have a form for either kernel, of which user space loads one. */
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

extern void bpf_preempt_disable(void) __ksym __weak;
extern void bpf_preempt_enable(void) __ksym __weak;

/* The same where entries lack what is asked for: events stay whole, some may be skipped. */
#define GUARDED_PROGRAM(name, tracepoint, params, body)                                                           \
	SEC("tp_btf/" #tracepoint)                                                                                \
	int BPF_PROG(name##_p, EXPAND params)                                                                     \
	{                                                                                                         \
		bpf_preempt_disable();                                                                            \
		body;                                                                                             \
		bpf_preempt_enable();                                                                             \
		return 0;                                                                                         \
	}

/* Registers of the call that the thread makes. */
static __always_inline struct pt_regs *own_regs(void)
{
	return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
}
