/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sampling: events that change the state are always kept, most others only in the first 1/ratio of each second. */
#pragma once

#define SECOND_NS 1000000000ULL
#define F_DUPFD 0
#define F_SETFD 2
#define F_DUPFD_CLOEXEC 1030

/* Marks the beginning or the end of omitted events. */
static __always_inline void mark_sampling(__u16 type, struct task_struct *task)
{
	struct drop_event *event = reserve(type, sizeof(*event), 1, 0x4, TASK(task, pid));
	if (!event)
		return;
	event->ratio = sampling_ratio;
	hand_over(sizeof(*event));
}

/* Whether the call changes the state if it succeeds, or with certain arguments. */
static __always_inline bool is_kept(struct call *call, __s64 ret, struct pt_regs *regs)
{
	__u16 type = call->type;
	if (type == EV_SYSCALL_CLOSE_X || type == EV_SOCKET_BIND_X)
		return ret >= 0;
	if (type == EV_SYSCALL_FCNTL_X) {
		__u64 args[6] = {};
		take_args(args, regs, call);
		__u32 command = args[1];
		return command == F_DUPFD || command == F_SETFD || command == F_DUPFD_CLOEXEC;
	}
	return call->says & ALWAYS_KEPT;
}

/* Whether sampling leaves out the event of a call. */
static __always_inline bool is_sampled_out(struct call *call, __s64 ret, struct pt_regs *regs)
{
	__u16 type = call->type;
	bool carries_state = type == EV_SYSCALL_CLOSE_X || type == EV_SOCKET_BIND_X || type == EV_SYSCALL_FCNTL_X;
	if (is_kept(call, ret, regs))
		return false;
	if (carries_state || call->says & FIRST_LEFT_OUT)
		return true;
	bool now_out = bpf_ktime_get_boot_ns() % SECOND_NS >= SECOND_NS / sampling_ratio;
	if (now_out != left_out) {
		left_out = now_out;
		mark_sampling(now_out ? EV_DROP_E : EV_DROP_X, current_task());
	}
	return now_out;
}
