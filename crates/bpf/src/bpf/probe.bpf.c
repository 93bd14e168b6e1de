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
#include "kernel/file.h"
#include "kernel/task.h"
#include "kernel/socket.h"
#include "interpret.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define PF_KTHREAD 0x200000
#define SYSCALLS 512

/* One call: its number, and the event it is sent as where that is not the number's. */
struct call {
	__s32 number;
	__u16 type;
	bool compat;
};

#if defined(__TARGET_ARCH_x86)
#define TS_COMPAT 2
#define IA32_SOCKETCALL 102

/* A 32-bit call as the 64-bit one that it behaves as. */
static __always_inline void translate_ia32(struct call *call, struct pt_regs *regs)
{
	__u32 n = call->number;
	if (n == IA32_SOCKETCALL) {
		n = (__u32)regs->bx & 31;
		call->number = socketcalls[n].number ? socketcalls[n].number : -1;
		call->type = socketcalls[n].type;
	} else if (n < SYSCALLS) {
		call->number = ia32_rows[n & (SYSCALLS - 1)].number;
		call->type = ia32_rows[n & (SYSCALLS - 1)].type;
	}
}

static __always_inline void take_args(struct scratch *s, struct pt_regs *regs)
{
	if (!s->compat) {
		s->args[0] = regs->di;
		s->args[1] = regs->si;
		s->args[2] = regs->dx;
		s->args[3] = regs->r10;
		s->args[4] = regs->r8;
		s->args[5] = regs->r9;
		return;
	}
	s->args[0] = (__u32)regs->bx;
	s->args[1] = (__u32)regs->cx;
	s->args[2] = (__u32)regs->dx;
	s->args[3] = (__u32)regs->si;
	s->args[4] = (__u32)regs->di;
	s->args[5] = (__u32)regs->bp;
	if ((__s64)regs->orig_ax == IA32_SOCKETCALL) {
		__u32 args[6] = {};
		bpf_probe_read_user(args, sizeof(args), (void *)s->args[1]);
		s->args[0] = args[0];
		s->args[1] = args[1];
		s->args[2] = args[2];
		s->args[3] = args[3];
		s->args[4] = args[4];
		s->args[5] = args[5];
	}
}

static __always_inline struct call call_of(struct task_struct *task, struct pt_regs *regs)
{
	struct call call = { .number = regs->orig_ax, .compat = task->thread_info.status & TS_COMPAT };
	if (call.compat)
		translate_ia32(&call, regs);
	return call;
}
#else
#define TIF_32BIT (1UL << 22)

static __always_inline void take_args(struct scratch *s, struct pt_regs *regs)
{
	s->args[0] = regs->orig_x0;
	s->args[1] = regs->regs[1];
	s->args[2] = regs->regs[2];
	s->args[3] = regs->regs[3];
	s->args[4] = regs->regs[4];
	s->args[5] = regs->regs[5];
}

static __always_inline struct call call_of(struct task_struct *task, struct pt_regs *regs)
{
	/* 32-bit calls have numbers of their own, which nothing here knows. */
	struct call call = { .number = task->thread_info.flags & TIF_32BIT ? -1 : regs->syscallno };
	return call;
}
#endif

__noinline int emit(__u32 type)
{
	struct scratch *s = scratch();
	__u32 first = event_rows[type & 511].first, count = event_rows[type & 511].count;
	int i;
	if (!s)
		return 0;
	begin(s, type, current_task()->pid);
	for (i = 0; i < 32; i++) {
		if (i >= count)
			break;
		param(descs[(first + i) & 2047]);
	}
	submit(s);
	return 0;
}

/* An event for each message that went, or one for a call that moved none. */
__noinline int emit_messages(__u32 type)
{
	struct scratch *s = scratch();
	int i;
	if (!s)
		return 0;
	__s64 count = s->ret;
	if (count <= 0) {
		s->messages = 1;
		return emit(type);
	}
	for (i = 0; i < MESSAGES_MAX; i++) {
		if (i >= count)
			break;
		s->message = i;
		s->ret = user_u32(message_at(s, 1) + MSG_WORDS * word_size(s));
		emit(type);
	}
	return 0;
}

static __always_inline bool is_own(struct task_struct *task)
{
	return stopped || task->tgid == own_pid;
}

/* The memory to build an event in, empty but for what a system call sets. */
static __always_inline struct scratch *fresh(void)
{
	struct scratch *s = scratch();
	if (!s) {
		counters[bpf_get_smp_processor_id() & (MAX_CPUS - 1)].no_scratch++;
		return 0;
	}
	s->ret = 0;
	s->compat = 0;
	s->failed_exec = 0;
	s->messages = 0;
	s->message = 0;
	s->filename = 0;
	return s;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(sys_exit, struct pt_regs *regs, long ret)
{
	struct task_struct *task = current_task();
	struct call call = call_of(task, regs);
	__u32 number = call.number;
	struct scratch *s;
	if (number >= SYSCALLS || !interest[number & (SYSCALLS - 1)])
		return 0;
	if (is_own(task) || (drop_failed && ret < 0))
		return 0;
	__u16 type = call.type ? call.type : syscall_rows[number & (SYSCALLS - 1)].type;
	bool exec = type == EV_SYSCALL_EXECVE_19_X || type == EV_SYSCALL_EXECVEAT_X;
	/* A program that was started tells so itself, from sched_process_exec. */
	if (exec && ret == 0)
		return 0;
	s = fresh();
	if (!s)
		return 0;
	s->ret = ret;
	s->number = number;
	s->failed_exec = exec;
	s->compat = call.compat;
	take_args(s, regs);
	if (type == EV_SOCKET_SENDMMSG_X || type == EV_SOCKET_RECVMMSG_X)
		return emit_messages(type);
	return emit(type);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(sched_process_exec, struct task_struct *task, int old_pid, struct linux_binprm *binprm)
{
	struct scratch *s;
	if (!want_exec || is_own(task) || task->flags & PF_KTHREAD || !(s = fresh()))
		return 0;
	s->filename = (__u64)binprm->filename;
	return emit(EV_SYSCALL_EXECVE_19_X);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(sched_process_exit, struct task_struct *task)
{
	if (!want_exit || is_own(task) || !fresh())
		return 0;
	return emit(EV_PROCEXIT_1_E);
}
