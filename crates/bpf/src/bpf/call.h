/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The current system call: its number and arguments, by architecture and width. */
#pragma once

#define SYSCALLS 512

/* One call: its number, the interest in it, its event and code, and the way it passes its arguments. */
struct call {
	__u32 number;
	__u16 type;
	__u16 code;
	__u8 says;
	__u8 form;
	__u8 which;
	bool compat;
};

/* A call by the architecture's number. */
static __always_inline struct call native_call(__u32 number)
{
	struct call call = { .number = number };
	if (number < SYSCALLS) {
		call.says = interest[number & (SYSCALLS - 1)];
		call.type = syscall_rows[number & (SYSCALLS - 1)].type;
		call.code = syscall_rows[number & (SYSCALLS - 1)].code;
	}
	return call;
}

#if defined(__TARGET_ARCH_x86)
#define TS_COMPAT 2
#define IA32_SOCKETCALL 102
#define IA32_IPC 117

/* A call of a 32-bit program. */
static __always_inline struct call ia32_call(__u32 number, struct pt_regs *regs)
{
	struct call call = { .number = number, .compat = true };
	__u32 which = regs->bx;
	if (number == IA32_SOCKETCALL && which < IA32_SUBCALLS)
		number = SYSCALLS + which;
	else if (number == IA32_IPC && (which & 0xffff) < IA32_SUBCALLS)
		number = SYSCALLS + IA32_SUBCALLS + (which & 0xffff);
	barrier_var(number);
	if (number >= IA32_PLACES)
		return call;
	call.says = ia32_interest[number];
	call.type = ia32_rows[number].type;
	call.code = ia32_rows[number].code;
	call.form = ia32_rows[number].form;
	call.which = ia32_rows[number].which;
	__s16 native = ia32_rows[number].number;
	if (native >= 0)
		call.number = native;
	return call;
}

/* Six arguments in the memory of a 32-bit program. */
static __always_inline void take_block(__u64 *args, __u64 from)
{
	__u32 words[6] = {};
	int i;
	bpf_probe_read_user(words, sizeof(words), (void *)from);
	for (i = 0; i < 6; i++)
		args[i] = words[i];
}

/* Converts the arguments of a 32-bit call to those of the 64-bit call. */
static __always_inline void translate_args(__u64 *args, struct call *call)
{
	__u32 which = call->which;
	int i;
	switch (call->form) {
	case ARGS_IDS:
		for (i = 0; i < 3; i++)
			if (which >> i & 1)
				args[i] = (__u16)args[i] == 0xffff ? (__u32)-1 : (__u16)args[i];
		break;
	case ARGS_SIGNED:
		for (i = 0; i < 3; i++)
			if (which >> i & 1)
				args[i] = (__s64)(int)args[i];
		break;
	case ARGS_HALVES:
		if (which == 1)
			args[1] |= args[2] << 32;
		else
			args[3] |= args[4] << 32;
		break;
	case ARGS_BLOCK:
		take_block(args, which ? args[1] : args[0]);
		break;
	case ARGS_IPC_VALUE: {
		__u32 value = 0;
		bpf_probe_read_user(&value, sizeof(value), (void *)args[4]);
		args[0] = args[1];
		args[1] = args[2];
		args[2] = args[3];
		args[3] = value;
		break;
	}
	case ARGS_IPC_BUFFER:
		args[0] = args[1];
		args[1] = args[4];
		args[3] = args[5];
		break;
	}
}

static __always_inline void take_args(__u64 *args, struct pt_regs *regs, struct call *call)
{
	if (!call->compat) {
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
	translate_args(args, call);
}

static __always_inline bool is_compat(struct task_struct *task)
{
	return TASK(task, thread_info.status) & TS_COMPAT;
}

static __always_inline __u32 number_of_call(struct pt_regs *regs)
{
	return regs->orig_ax;
}

static __always_inline struct call call_of(struct task_struct *task, struct pt_regs *regs)
{
	__u32 number = number_of_call(regs);
	return is_compat(task) ? ia32_call(number, regs) : native_call(number);
}
#else
#define TIF_32BIT (1UL << 22)

static __always_inline void take_args(__u64 *args, struct pt_regs *regs, struct call *call)
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
	return TASK(task, thread_info.flags) & TIF_32BIT;
}

static __always_inline __u32 number_of_call(struct pt_regs *regs)
{
	return regs->syscallno;
}

static __always_inline struct call call_of(struct task_struct *task, struct pt_regs *regs)
{
	/* 32-bit calls have other numbers, which are unknown here. */
	return native_call(is_compat(task) ? (__u32)-1 : number_of_call(regs));
}
#endif

#define FIONCLEX 0x5450
#define FIOCLEX 0x5451
#define TIOCSCTTY 0x540e
#define TIOCNOTTY 0x5422

static __always_inline bool sets_terminal(__u32 request)
{
	return request == TIOCSCTTY || request == TIOCNOTTY;
}

/* Whether the interest in the call excludes this one. */
static __always_inline bool is_of_no_interest(struct call *call, struct pt_regs *regs)
{
	__u64 args[6] = {};
	if (!(call->says & DESCRIPTOR_ALONE))
		return !call->says;
	take_args(args, regs, call);
	return (__u32)args[1] != FIOCLEX && (__u32)args[1] != FIONCLEX && !sets_terminal(args[1]);
}

/* Size of a thread's stack, for kernels that do not give programs the caller's registers. */
#define STACK_BYTES 16384

/* The registers are in kernel memory, at the end of the stack. */
static __always_inline struct pt_regs *saved_regs(void)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id___regs, BPF_FUNC_task_pt_regs___regs))
		return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	return READ(current_task(), stack) + STACK_BYTES - bpf_core_type_size(struct pt_regs);
}

/* The thread's current call, with the interest in it and its event; 0 if there is no call with a row. */
static __always_inline struct call own_call(void)
{
	struct pt_regs *regs = saved_regs();
	struct call call = {};
#if defined(__TARGET_ARCH_x86)
	__u32 number = READ(regs, orig_ax);
	if (is_compat(current_task())) {
		if (number < SYSCALLS) {
			call.says = ia32_interest[number & (SYSCALLS - 1)];
			call.type = ia32_rows[number & (SYSCALLS - 1)].type;
		}
		return call;
	}
#else
	__u32 number = READ(regs, syscallno);
	if (is_compat(current_task()))
		return call;
#endif
	return native_call(number);
}
