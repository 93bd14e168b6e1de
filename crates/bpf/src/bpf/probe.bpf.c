/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The programs: one for all system calls, one each for the life of processes. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

#ifndef barrier_var
#define barrier_var(var) asm volatile("" : "+r"(var))
#endif

#include "state.h"
#include "tables.h"
#include "build.h"
#include "file.h"
#include "task.h"
#include "socket.h"
#include "params.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define TS_COMPAT 2
#define IA32_EXECVE_AS_64 59
#define NR_IA32_SOCKETCALL 102

static __always_inline int emit(struct scratch *s, __u16 type)
{
	struct task_struct *task = current_task();
	__u32 first = event_rows[type & 511].first, count = event_rows[type & 511].count;
	int i;
	begin(s, type, task->pid);
	for (i = 0; i < 32; i++) {
		if (i >= count)
			break;
		param(descs[(first + i) & 2047]);
	}
	submit(s);
	return 0;
}

static __always_inline bool is_own(struct task_struct *task)
{
	return stopped || task->tgid == own_pid;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(sys_exit, struct pt_regs *regs, long ret)
{
	struct task_struct *task = current_task();
	__s64 number;
	bool compat = false;
#if defined(__TARGET_ARCH_x86)
	number = regs->orig_ax;
	compat = task->thread_info.status & TS_COMPAT;
	if (compat) {
		if (number < 0 || number > 511 || number == NR_IA32_SOCKETCALL)
			return 0;
		number = ia32_numbers[number & 511];
	}
#else
	number = regs->syscallno;
#endif
	if (number < 0 || number > 511 || !interest[number & 511])
		return 0;
	if (is_own(task) || (drop_failed && ret < 0))
		return 0;
	__u16 type = syscall_rows[number & 511].type;
	bool exec = type == EV_SYSCALL_EXECVE_19_X || type == EV_SYSCALL_EXECVEAT_X;
	/* A program that was started tells so itself, from sched_process_exec. */
	if (exec && ret == 0)
		return 0;
	struct scratch *s = scratch();
	if (!s) {
		counters[bpf_get_smp_processor_id() & (MAX_CPUS - 1)].no_scratch++;
		return 0;
	}
	s->ret = ret;
	s->number = number;
	s->failed_exec = exec;
#if defined(__TARGET_ARCH_x86)
	if (compat) {
		s->args[0] = (__u32)regs->bx;
		s->args[1] = (__u32)regs->cx;
		s->args[2] = (__u32)regs->dx;
		s->args[3] = (__u32)regs->si;
		s->args[4] = (__u32)regs->di;
		s->args[5] = (__u32)regs->bp;
	} else {
		s->args[0] = regs->di;
		s->args[1] = regs->si;
		s->args[2] = regs->dx;
		s->args[3] = regs->r10;
		s->args[4] = regs->r8;
		s->args[5] = regs->r9;
	}
#else
	s->args[0] = regs->orig_x0;
	s->args[1] = regs->regs[1];
	s->args[2] = regs->regs[2];
	s->args[3] = regs->regs[3];
	s->args[4] = regs->regs[4];
	s->args[5] = regs->regs[5];
#endif
	return emit(s, type);
}

static __always_inline struct scratch *fresh(void)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	s->ret = 0;
	s->failed_exec = 0;
	__builtin_memset(s->args, 0, sizeof(s->args));
	return s;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(sched_process_exec, struct task_struct *task, int old_pid, struct linux_binprm *binprm)
{
	struct scratch *s;
	if (!want_exec || is_own(task) || !(s = fresh()))
		return 0;
	return emit(s, EV_SYSCALL_EXECVE_19_X);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(sched_process_exit, struct task_struct *task)
{
	struct scratch *s;
	if (!want_exit || is_own(task) || !(s = fresh()))
		return 0;
	return emit(s, EV_PROCEXIT_1_E);
}
