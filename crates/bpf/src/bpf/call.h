/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The system call at hand: its number and arguments, by architecture and width. */
#pragma once

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

static __always_inline void take_args(__u64 *args, struct pt_regs *regs, bool compat)
{
	if (!compat) {
		args[0] = regs->di;
		args[1] = regs->si;
		args[2] = regs->dx;
		args[3] = regs->r10;
		args[4] = regs->r8;
		args[5] = regs->r9;
		return;
	}
	args[0] = (__u32)regs->bx;
	args[1] = (__u32)regs->cx;
	args[2] = (__u32)regs->dx;
	args[3] = (__u32)regs->si;
	args[4] = (__u32)regs->di;
	args[5] = (__u32)regs->bp;
	if ((__s64)regs->orig_ax == IA32_SOCKETCALL) {
		__u32 words[6] = {};
		bpf_probe_read_user(words, sizeof(words), (void *)args[1]);
		args[0] = words[0];
		args[1] = words[1];
		args[2] = words[2];
		args[3] = words[3];
		args[4] = words[4];
		args[5] = words[5];
	}
}

static __always_inline bool is_compat(struct task_struct *task)
{
	return task->thread_info.status & TS_COMPAT;
}

static __always_inline __u32 number_of_call(struct pt_regs *regs)
{
	return regs->orig_ax;
}

static __always_inline struct call call_of(struct task_struct *task, struct pt_regs *regs)
{
	struct call call = { .number = number_of_call(regs), .compat = is_compat(task) };
	if (call.compat)
		translate_ia32(&call, regs);
	return call;
}
#else
#define TIF_32BIT (1UL << 22)

static __always_inline void take_args(__u64 *args, struct pt_regs *regs, bool compat)
{
	args[0] = regs->orig_x0;
	args[1] = regs->regs[1];
	args[2] = regs->regs[2];
	args[3] = regs->regs[3];
	args[4] = regs->regs[4];
	args[5] = regs->regs[5];
}

static __always_inline bool is_compat(struct task_struct *task)
{
	return task->thread_info.flags & TIF_32BIT;
}

static __always_inline __u32 number_of_call(struct pt_regs *regs)
{
	return regs->syscallno;
}

static __always_inline struct call call_of(struct task_struct *task, struct pt_regs *regs)
{
	/* 32-bit calls have numbers of their own, which nothing here knows. */
	struct call call = { .number = is_compat(task) ? -1 : number_of_call(regs) };
	return call;
}
#endif
