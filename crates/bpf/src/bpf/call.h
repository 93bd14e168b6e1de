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

/* A call of a 32-bit program, by its number and its first argument. */
static __always_inline struct call ia32_call(__u32 number, __u32 which)
{
	struct call call = { .number = number, .compat = true };
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
	return is_compat(task) ? ia32_call(number, regs->bx) : native_call(number);
}
#define FIRST_ARG(regs, call) ((call)->compat ? (__u32)(regs)->bx : (regs)->di)
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

#define FIRST_ARG(regs, call) ((regs)->orig_x0)

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

#define NO_DESCRIPTOR 0xffff

/* The place of a new descriptor in the structure of an ioctl that writes it there. Requests and structures are part of the
 * kernel's interface to programs. Functions with many branches are global, so that the verifier checks each once. */
__noinline int place_of_descriptor(__u32 request)
{
	switch (request) {
	case 0x80047c05: /* MEDIA_IOC_REQUEST_ALLOC */
	case 0x80046990: /* IIO_GET_EVENT_FD_IOCTL */
	case 0xc0046991: /* IIO_BUFFER_GET_FD_IOCTL */
		return 0;
	case 0xc00caee0: /* KVM_CREATE_DEVICE */
		return 4;
	case 0xc0184800: /* DMA_HEAP_IOCTL_ALLOC */
	case 0xc00c642d: /* DRM_IOCTL_PRIME_HANDLE_TO_FD */
	case 0xc01064c1: /* DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD */
	case 0xc01864c1: /* the same since Linux 6.16 */
	case 0xc014a100: /* VTPM_PROXY_IOC_NEW_DEV */
		return 8;
	case 0xc0189374: /* AUTOFS_DEV_IOCTL_OPENMOUNT */
		return 12;
	case 0xc0405610: /* VIDIOC_EXPBUF */
		return 16;
	case 0xc01864c6: /* DRM_IOCTL_MODE_CREATE_LEASE */
		return 20;
	case 0xc0303e03: /* SYNC_IOC_MERGE */
	case 0xc0285700: /* SW_SYNC_IOC_CREATE_FENCE */
		return 36;
	case 0xc030b404: /* GPIO_GET_LINEEVENT_IOCTL */
		return 44;
	case 0xc16cb403: /* GPIO_GET_LINEHANDLE_IOCTL */
		return 360;
	case 0xc250b407: /* GPIO_V2_GET_LINE_IOCTL */
		return 588;
	default:
		return NO_DESCRIPTOR;
	}
}

#define NAMESPACE_REQUESTS 0xb7
#define PIDFD_REQUESTS 0xff
#define TERMINAL_PEER 0x5441
#define NAMESPACE_OF_SOCKET 0x894c
#define NEW_USERFAULTFD 0xaa00
#define KVM_REQUESTS 0xae
#define VFIO_DEVICE 0x3b6a

/* Whether a result of 0 is a descriptor. A larger result is treated as one, and described if the process has that descriptor. */
static __always_inline bool returns_descriptor(__u32 request)
{
	__u32 number = request & 0xff;
	switch (request >> 8 & 0xff) {
	case NAMESPACE_REQUESTS:
		/* NS_GET_USERNS, NS_GET_PARENT, NS_MNT_GET_NEXT, NS_MNT_GET_PREV */
		return number == 1 || number == 2 || number == 11 || number == 12;
	case PIDFD_REQUESTS:
		/* PIDFD_GET_CGROUP_NAMESPACE to PIDFD_GET_UTS_NAMESPACE */
		return number >= 1 && number <= 10;
	case KVM_REQUESTS:
		/* KVM_CREATE_VM, KVM_CREATE_VCPU, KVM_GET_STATS_FD, KVM_CREATE_GUEST_MEMFD */
		return number == 0x01 || number == 0x41 || number == 0xce || number == 0xd4;
	}
	return request == TERMINAL_PEER || request == NAMESPACE_OF_SOCKET || request == NEW_USERFAULTFD ||
	       request == VFIO_DEVICE;
}

#define NEXT_NOTIFICATION 0xc0502100
#define ADDED_DESCRIPTOR 0x2103

/* Whether a supervisor (seccomp) puts a descriptor into the table of a thread that waits for it. The kernel ignores the direction
 * and the size in the request. */
static __always_inline bool is_adding(__u32 request)
{
	return (request & 0xffff) == ADDED_DESCRIPTOR;
}

/* Whether an ioctl made a descriptor, or shows which thread may get one from a supervisor. */
__noinline int is_making(__u32 request, long ret)
{
	if (!ret && (request == NEXT_NOTIFICATION || is_adding(request)))
		return true;
	return ret > 0 || (!ret && (place_of_descriptor(request) != NO_DESCRIPTOR || returns_descriptor(request)));
}

#define SOL_SOCKET 1
#define SO_PEERPIDFD 77
#define SECCOMP_NEW_LISTENER 8

/* Whether a received message has control data; the kernel sets its length. */
static __always_inline bool has_control(__u64 message, bool compat)
{
	__u64 length = 0;
	if (compat)
		bpf_probe_read_user(&length, 4, (void *)(message + 20));
	else
		bpf_probe_read_user(&length, 8, (void *)(message + 40));
	return length;
}

/* Whether a call with this result may have received descriptors. The kernel installs them before it writes the sender's address and
 * the flags, which may fail. */
static __always_inline bool may_have_received(long ret)
{
	return ret >= 0 || ret == -EFAULT;
}

/* Whether a call with this result has failed, and may have changed descriptors before. */
static __always_inline bool may_change_with_error(__u16 type, long ret)
{
	bool receives = type == EV_SOCKET_RECVMSG_X || type == EV_SOCKET_RECVMMSG_X;
	return closes_with_error(type, ret) || (receives && ret == -EFAULT) ||
	       (reads_make && ret < 0 && may_have_acted(type, ret));
}

/* Whether a call of a kind that rarely concerns descriptors makes one or changes its bits. */
__noinline int concerns_descriptor(__u32 type, __u64 second, __u64 third, long ret, __u32 compat)
{
	__u32 request = second;
	switch (type) {
	case EV_SOCKET_RECVMSG_X:
		return may_have_received(ret) && has_control(second, compat);
	case EV_SOCKET_RECVMMSG_X:
		return ret && may_have_received(ret);
	case EV_SYSCALL_IOCTL_3_X:
		return request == FIOCLEX || request == FIONCLEX || sets_terminal(request) || is_making(request, ret);
	case EV_SOCKET_GETSOCKOPT_X:
		return !ret && request == SOL_SOCKET && (__u32)third == SO_PEERPIDFD;
	case EV_SYSCALL_SECCOMP_X:
		return ret >= 0 && request & SECCOMP_NEW_LISTENER;
	}
	return false;
}

/* Whether user space does not want this call: none of its kind, or only those that change descriptors or the state. */
static __always_inline bool is_of_no_interest(struct call *call, struct pt_regs *regs, long ret)
{
	__u64 args[6] = {};
	if (!(call->says & DESCRIPTOR_ALONE))
		return !call->says;
	if (call->says & FILE_DECIDES)
		return !decided_interest(call->says, call->type, FIRST_ARG(regs, call), ret);
	take_args(args, regs, call);
	return !concerns_descriptor(call->type, args[1], args[2], ret, call->compat);
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

/* The thread's current call, with the interest in it and its event; both are 0 if the tables do not contain its number. */
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
