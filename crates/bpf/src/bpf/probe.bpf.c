/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The programs: one for the end of all system calls, and others for the start, exec and exit of processes, io_uring
 * requests, and further tracepoints. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

#ifndef barrier_var
#define barrier_var(var) asm volatile("" : "+r"(var))
#endif

#include "state.h"
#include "ring.h"
#include "tables.h"
#include "filter.h"
#include "build.h"
#include "kernel/read.h"
#include "kernel/file.h"
#include "kernel/path.h"
#include "kernel/access.h"
#include "kernel/task.h"
#include "thread.h"
#include "kernel/socket.h"
#include "files.h"
#include "watch.h"
#include "verdicts.h"
#include "call.h"
#include "attach.h"
#include "silent.h"
#include "kernel/work.h"
#include "kernel/entry.h"
#include "kernel/touched.h"
#include "kernel/mounts.h"
#include "interpret.h"
#include "emit.h"
#include "skipped.h"
#include "opens.h"
#include "hot.h"
#include "fixed.h"
#include "sampling.h"
#include "rename.h"
#include "snapshot.h"
#include "request.h"
#include "params/request.h"
#include "ends.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Whether user space excludes the thread. Only for the current task, whose name a helper returns. */
static __always_inline bool is_quiet(struct task_struct *task)
{
	if (any_quiet_tid) {
		__u32 tid = TASK(task, pid), tgid = TASK(task, tgid);
		if (bpf_map_lookup_elem(&quiet_tids, &tid) || bpf_map_lookup_elem(&quiet_tids, &tgid))
			return true;
	}
	if (any_quiet_comm) {
		struct comm comm = {};
		bpf_get_current_comm(&comm, sizeof(comm));
		if (bpf_map_lookup_elem(&quiet_comms, &comm))
			return true;
	}
	return false;
}

static __always_inline bool is_left_out(struct task_struct *task)
{
	return stopped || TASK(task, tgid) == own_pid || is_quiet(task);
}

/* The end of a call that `at_sys_exit` has neither ignored nor reported. */
static __always_inline int end_of_call(struct pt_regs *regs, long ret)
{
	struct task_struct *task = current_task();
	struct call call = call_of(task, regs);
	__u16 type = call.type;
	struct scratch *s;
	if (is_of_no_interest(&call, regs, ret))
		return 0;
	if (TASK(task, tgid) == own_pid)
		own_calls++;
	if (is_left_out(task) || (drop_failed && ret < 0 && !may_change_with_error(type, ret)) ||
	    (sampling_ratio > 1 && is_sampled_out(&call, ret, regs))) {
		if (has_entries(type))
			forget_entries();
		if (has_peers(type))
			forget_peers();
		return 0;
	}
	bool exec = is_exec(type);
	/* sched_process_exec reports a started program. */
	if (exec && ret == 0)
		return 0;
#if !defined(__TARGET_ARCH_x86)
	/* sched_process_fork reports children. */
	if (ret == 0 && (type == EV_SYSCALL_CLONE_20_X || type == EV_SYSCALL_CLONE3_X))
		return 0;
#endif
	__u32 filter = filter_unless_decisive(type, FIRST_ARG(regs, &call), ret);
	s = fresh_change(type, 0, ret, TASK(task, tgid));
	if (!s)
		return 0;
	take_args(s->args, regs, &call);
	int early = with_file(filter_early(filter, type, ret), type, ret, s->args[0], s->args[1]);
	if ((early & FILTER_DECISION) == FILTER_REJECTS && leave_out_event(own_cpu(), type, early & FILTER_NO_GROUP)) {
		if (keeps(type))
			forget();
		if (has_entries(type))
			forget_entries();
		if (has_peers(type))
			forget_peers();
		return done();
	}
	note_new_descriptor(ret, early);
	early = with_rare_seccomp(with_seccomp(early, type, ret, s->args[0], s->args[1]), type, ret);
	s->ret = ret;
	s->filter = (early & FILTER_DECISION) == FILTER_ASKS ? filter : 0;
	s->is_sample = (early & FILTER_DECISION) == FILTER_REJECTS;
	s->early = early;
	s->number = call.number;
	s->code = call.code;
	s->failed_exec = exec;
	s->compat = call.compat;
	s->form = call.form;
	if (type == EV_SOCKET_SENDMMSG_X || type == EV_SOCKET_RECVMMSG_X)
		emit_messages(type);
	else
		emit(type);
	if (keeps(type))
		forget();
	if (has_entries(type))
		forget_entries();
	if (has_peers(type))
		forget_peers();
	return done();
}

static __always_inline int at_sys_exit(struct pt_regs *regs, long ret)
{
	struct task_struct *task = current_task();
	/* Most calls are decided here. Calls of 32-bit programs have other numbers. */
	if (!is_compat(task)) {
		__u32 number = number_of_call(regs);
		__u32 says = number < SYSCALLS ? interest[number & (SYSCALLS - 1)] : 0;
		if (says & FILE_DECIDES)
			says = decided_interest(says, syscall_rows[number & (SYSCALLS - 1)].type, ARG0, ret);
		if (!says)
			return 0;
		if (!is_choosy && !(says & DESCRIPTOR_ALONE) && TASK(task, tgid) != own_pid &&
		    make_hot(task, regs, ret, syscall_rows[number & (SYSCALLS - 1)].type, number))
			return 0;
	}
	return end_of_call(regs, ret);
}

/* The end of a call. After one that may have completed requests whose success the kernel does not report, another program looks
 * for them. */
#define END_OF_CALL(ctx, regs, ret)                                                                               \
	({                                                                                                        \
		at_sys_exit(regs, ret);                                                                           \
		if (follows_freed && silent_requests && is_submission(regs))                                      \
			bpf_tail_call(ctx, &called_at_exit, 0);                                                   \
		0;                                                                                                \
	})

BTF_PROGRAM(sys_exit, sys_exit, (struct pt_regs *regs, long ret), END_OF_CALL(ctx, regs, ret))
PERF_PROGRAM(sys_exit, struct trace_event_raw_sys_exit, END_OF_CALL(entry, own_regs(), entry->ret))

/* Empty programs, to measure the minimum cost of programs at the end of all calls, and at the beginning of opens and closes. */
BTF_PROGRAM(empty, sys_exit, (struct pt_regs *regs, long ret), 0)
PERF_PROGRAM(empty, void, 0)

SEC("tracepoint/syscalls/sys_enter_openat")
int empty_openat(void *ctx)
{
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_close")
int empty_close(void *ctx)
{
	return 0;
}

#include "page_in.h"

/* The beginning of a call whose arguments are kept: at the tracepoint of the call, or, if that is not available,
 * of all calls. */
static __always_inline int enter(struct call *call, __u64 *args)
{
	if (!call->says || is_left_out(current_task()))
		return 0;
	return keep(call->number | (call->compat ? KEPT_OF_32_BITS : 0), call->type, args);
}

static __always_inline int enter_native(__u32 number, __u64 *args)
{
	struct call call = native_call(number);
	return enter(&call, args);
}

struct sys_enter {
	__u64 common;
	__s64 number;
	__u64 args[6];
};

/* The arguments are named, because a program must not read more arguments than the call has. */
#define ENTER(call, ...)                                                                                          \
	SEC("tracepoint/syscalls/sys_enter_" #call)                                                               \
	int enter_##call(struct sys_enter *ctx)                                                               \
	{                                                                                                         \
		__u64 args[3] = { __VA_ARGS__ };                                                                  \
		return enter_native(ctx->number, args);                                                           \
	}

#if defined(__TARGET_ARCH_x86)
ENTER(open, ctx->args[0])
ENTER(creat, ctx->args[0])
#endif
ENTER(openat, ctx->args[0], ctx->args[1])
ENTER(openat2, ctx->args[0], ctx->args[1], ctx->args[2])
ENTER(connect, ctx->args[0], ctx->args[1], ctx->args[2])
ENTER(mount)
ENTER(umount)

/* Attached while the filter covers closes. */
SEC("tracepoint/syscalls/sys_enter_close")
int enter_close(struct sys_enter *ctx)
{
	return begin_close(ctx->args[0]);
}

#if defined(__TARGET_ARCH_x86)
/* At the kernel functions of 32-bit programs' calls, because the tracepoints of single calls do not report these. The
 * functions get the address of the caller's registers. */
SEC("kprobe")
int enter_ia32(struct pt_regs *ctx)
{
	struct pt_regs *regs = GIVEN_1(ctx);
	__u64 args[6] = { (__u32)READ(regs, bx), (__u32)READ(regs, cx), (__u32)READ(regs, dx),
			  (__u32)READ(regs, si), (__u32)READ(regs, di), (__u32)READ(regs, bp) };
	struct call call = ia32_call(READ(regs, orig_ax), args[0]);
	if (!is_compat(current_task()) || !keeps(call.type))
		return 0;
	translate_args(args, &call);
	return enter(&call, args);
}
#endif

static __always_inline int at_sys_enter(struct pt_regs *regs)
{
	struct call call = call_of(current_task(), regs);
	__u64 args[6] = {};
	bool closes = call.type == EV_SYSCALL_CLOSE_X && filter_in_use;
	if (!keeps(call.type) && !closes)
		return 0;
	take_args(args, regs, &call);
	if (closes)
		return begin_close(args[0]);
	return enter(&call, args);
}

BTF_PROGRAM(sys_enter, sys_enter, (struct pt_regs *regs, long id), at_sys_enter(regs))
PERF_PROGRAM(sys_enter, void, at_sys_enter(own_regs()))

/* Children of excluded threads are excluded, too, even if their names change. */
static __always_inline int leave_out(__u32 tid)
{
	__u8 yes = 1;
	if (is_quiet(current_task()))
		bpf_map_update_elem(&quiet_tids, &tid, &yes, 0);
	return 0;
}

BTF_PROGRAM(quiet_fork, sched_process_fork, (struct task_struct *parent, struct task_struct *child),
	    leave_out(child->pid))
PERF_PROGRAM(quiet_fork, struct trace_event_raw_sched_process_fork, leave_out(entry->child_pid))

/* Removes an ended thread from the excluded ones, because another thread may get its id. */
static __always_inline int forget_left_out(__u32 tid)
{
	bpf_map_delete_elem(&quiet_tids, &tid);
	return 0;
}

BTF_PROGRAM(quiet_exit, sched_process_exit, (struct task_struct *task), forget_left_out(task->pid))
PERF_PROGRAM(quiet_exit, void, forget_left_out(TASK(current_task(), pid)))

/* Removes the data of a thread that is kept in maps. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(kept_exit, struct task_struct *task)
{
	forget_thread(task->pid);
	return 0;
}

#if !defined(__TARGET_ARCH_x86)
extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym __weak;
extern void bpf_task_release(struct task_struct *task) __ksym __weak;

/* For architectures where a child does not pass the end of the call that created it. */
static __always_inline int at_fork(struct task_struct *child)
{
	struct task_struct *parent = current_task();
	struct scratch *s;
	/* As on other architectures, a child process of the capturing process is reported, but no thread of it. */
	if (stopped || child->tgid == own_pid || is_quiet(parent) || TASK(parent, flags) & PF_KTHREAD ||
	    !(s = fresh_change(EV_SYSCALL_CLONE_20_X, child, 0, child->tgid)))
		return 0;
	s->task = (__u64)child;
	s->of_other = 1;
	emit(EV_SYSCALL_CLONE_20_X);
	return done();
}

static __always_inline int at_fork_of(__s32 tid)
{
	struct task_struct *child = bpf_task_from_pid ? bpf_task_from_pid(tid) : 0;
	if (!child) {
		lose(own_cpu(), &own_cpu()->unclaimed, EV_SYSCALL_CLONE_20_X, 0);
		return 0;
	}
	at_fork(child);
	bpf_task_release(child);
	return 0;
}

BTF_PROGRAM(process_fork, sched_process_fork, (struct task_struct *parent, struct task_struct *child), at_fork(child))
PERF_PROGRAM(process_fork, struct trace_event_raw_sched_process_fork, at_fork_of(entry->child_pid))
#endif

/* The name of the program is in kernel memory, at an offset from `base`. A thread that is no leader gets the id of
 * the leader. */
static __always_inline int at_exec(void *base, __u32 filename, int old_tid)
{
	struct task_struct *task = current_task();
	struct scratch *s;
	if (is_left_out(task) || TASK(task, flags) & PF_KTHREAD ||
	    !(s = fresh_change(EV_SYSCALL_EXECVE_19_X, 0, 0, TASK(task, tgid))))
		return 0;
	s->filename = number_of(s, base) + filename;
	s->old_tid = old_tid;
	emit_exec(exec_noted(TASK(task, pid)));
	return done();
}

PERF_PROGRAM(process_exec, struct trace_event_raw_sched_process_exec,
	     at_exec(entry, entry->__data_loc_filename & 0xffff, entry->old_pid))

/* Both names are in kernel memory. The thread may be another one of the caller's process. */
static __always_inline int at_rename(struct task_struct *task, void *name)
{
	struct task_struct *caller = current_task();
	struct scratch *s;
	__u16 call = own_call().type;
	if (is_exec(call)) {
		note_exec(TASK(caller, pid), call);
		return 0;
	}
	/* A prctl has its own event. */
	if (!reports_names || call == EV_SYSCALL_PRCTL_X)
		return 0;
	if (is_left_out(caller) || READ(task, flags) & (PF_KTHREAD | PF_IO_WORKER) ||
	    !(s = fresh_change(EV_TASK_RENAME_X, task, 0, TASK(caller, tgid))))
		return 0;
	s->task = number_of(s, task);
	s->of_other = 1;
	s->filename = number_of(s, name);
	emit_rename(EV_TASK_RENAME_X);
	return done();
}

/* Here, the kernel holds a lock, which disables preemption anyway, except on a real-time kernel. */
SEC("raw_tp/task_rename")
int BPF_PROG(task_rename_p, struct task_struct *task, void *name)
{
	bpf_preempt_disable();
	at_rename(task, name);
	bpf_preempt_enable();
	return 0;
}

static __always_inline int at_exit(void)
{
	struct scratch *s;
	struct task_struct *task = current_task();
	if (is_left_out(task) || !(s = fresh_change(EV_PROCEXIT_1_E, 0, 0, TASK(task, tgid))))
		return 0;
	emit_exit(EV_PROCEXIT_1_E);
	return done();
}

PERF_PROGRAM(process_exit, void, at_exit())

enum { AT_EXEC, AT_RENAME, AT_EXIT };

CALLING_PROGRAM(process_exec, sched_process_exec, PROCESS_EVENTS, AT_EXEC)
CALLING_PROGRAM(task_rename, task_rename, PROCESS_EVENTS, AT_RENAME)
CALLING_PROGRAM(process_exit, sched_process_exit, PROCESS_EVENTS, AT_EXIT)

SEC("raw_tp")
int process_events(unsigned long long *ctx)
{
	__u32 *from = place_of_call();
	switch (from ? *from : CALLED_PROGRAMS) {
	case AT_EXEC:
		return at_exec(READ((struct linux_binprm *)ctx[2], filename), 0, ctx[1]);
	case AT_RENAME:
		return at_rename((struct task_struct *)ctx[0], (void *)ctx[1]);
	case AT_EXIT:
		return at_exit();
	}
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	struct mm_struct *mm = prev->mm;
	struct switch_event *event;
	if (is_left_out(prev) || sampling_ratio > 1)
		return 0;
	event = reserve(EV_SCHEDSWITCH_6_E, sizeof(*event), 6, 0x444888, prev->pid);
	if (!event)
		return 0;
	event->next = (__s64)next->pid;
	event->pgft_maj = prev->maj_flt;
	event->pgft_min = prev->min_flt;
	event->vm_size = vm_size(mm);
	event->vm_rss = vm_rss(mm);
	event->vm_swap = vm_swap(mm);
	return hand_over(sizeof(*event));
}

static __always_inline int at_signal(int signal, struct kernel_siginfo *info)
{
	struct task_struct *task = current_task();
	struct signal_event *event;
	if (is_left_out(task) || sampling_ratio > 1)
		return 0;
	event = reserve(EV_SIGNALDELIVER_E, sizeof(*event), 3, 0x188, TASK(task, pid));
	if (!event)
		return 0;
	event->sender = has_sender(signal, READ(info, si_code)) ?
				(__s64)READ(info, _sifields._kill._pid) : 0;
	event->receiver = (__s64)TASK(task, pid);
	event->signal = signal;
	return hand_over(sizeof(*event));
}

BTF_PROGRAM(signal_deliver, signal_deliver,
	    (int signal, struct kernel_siginfo *info, struct k_sigaction *action), at_signal(signal, info))
/* The entry of the perf event lacks the sender. Here, too, the kernel holds a lock, which disables preemption except on
 * a real-time kernel. */
GUARDED_PROGRAM(signal_deliver, signal_deliver,
		(int signal, struct kernel_siginfo *info, struct k_sigaction *action), at_signal(signal, info))

#if defined(__TARGET_ARCH_x86)
static __always_inline int page_fault(unsigned long address, struct pt_regs *regs, unsigned long error)
{
	struct task_struct *task = current_task();
	struct fault_event *event;
	/* A fault while an event is being built is the probe's own, which reads memory that may not be paged in. A program
	 * that may be preempted counts itself instead, because the fault may be another thread's. */
	if (own_cpu()->busy == CLAIMED || is_left_out(task) || sampling_ratio > 1)
		return 0;
	event = reserve(EV_PAGE_FAULT_E, sizeof(*event), 3, 0x488, TASK(task, pid));
	if (!event)
		return 0;
	event->address = address;
	event->ip = regs->ip;
	event->error = fault_flags(error);
	return hand_over(sizeof(*event));
}

SEC("tp_btf/page_fault_user")
int BPF_PROG(fault_user, unsigned long address, struct pt_regs *regs, unsigned long error)
{
	return page_fault(address, regs, error);
}

SEC("tp_btf/page_fault_kernel")
int BPF_PROG(fault_kernel, unsigned long address, struct pt_regs *regs, unsigned long error)
{
	return page_fault(address, regs, error);
}
#endif

/* io_uring requests: the kernel takes a request from its ring, and reports the result. */
static __always_inline int at_request(void *ctx)
{
	__u64 req = 0;
	/* Read as a number, because the verifier would track a typed pointer. */
	bpf_probe_read_kernel(&req, sizeof(req), ctx);
	return take_request(req);
}

PERF_PROGRAM(uring_submit, struct trace_event_raw_io_uring_submit_req, take_request((__u64)entry->req))

/* There is no request (0) if one completes several times, or if the completion is a message from another ring. */
static __always_inline int at_completion(__u64 ring, __u64 req, __u64 user_data, int res)
{
	struct answer answer = { .ring = ring, .user_data = user_data };
	return end_request(req ? req : request_of(&answer), res, req != 0);
}

PERF_PROGRAM(uring_complete, struct trace_event_raw_io_uring_complete,
	     at_completion((__u64)entry->ctx, (__u64)entry->req, entry->user_data, entry->res))

static __always_inline int at_answer(unsigned long long *ctx)
{
	__u64 ring = 0, req = ctx[1];
	bpf_probe_read_kernel(&ring, sizeof(ring), ctx);
	if (req)
		return at_completion(ring, req, 0, READ((struct io_kiocb *)req, cqe.res));
	if (completes_by_entry) {
		struct io_uring_cqe *entry = (void *)ctx[2];
		return at_completion(ring, 0, READ(entry, user_data), READ(entry, res));
	}
	return at_completion(ring, 0, ctx[2], (int)ctx[3]);
}

#define MORE_ANSWERS 2

/* If the ring's completion queue is full, the kernel reports the result only here; before Linux 6.3, here, too. */
static __always_inline int at_overflow(void *ring, __u64 user_data, int res, __u32 flags)
{
	struct answer answer = { .ring = (__u64)ring, .user_data = user_data };
	return end_request(request_of(&answer), res, !(flags & MORE_ANSWERS));
}

PERF_PROGRAM(uring_overflow, struct trace_event_raw_io_uring_cqe_overflow,
	     at_overflow(entry->ctx, entry->user_data, entry->res, entry->cflags))

enum { AT_SUBMIT, AT_COMPLETE, AT_OVERFLOW, AT_WORK, AT_END };

CALLING_PROGRAM(uring_submit, io_uring_submit_req, REQUEST_EVENTS, AT_SUBMIT)
/* The name before Linux 6.5. */
CALLING_PROGRAM(uring_submit_old, io_uring_submit_sqe, REQUEST_EVENTS, AT_SUBMIT)
CALLING_PROGRAM(uring_complete, io_uring_complete, REQUEST_EVENTS, AT_COMPLETE)
CALLING_PROGRAM(uring_overflow, io_uring_cqe_overflow, REQUEST_EVENTS, AT_OVERFLOW)
CALLING_PROGRAM(uring_worked, io_uring_task_work_run, FREED_EVENTS, AT_WORK)
CALLING_PROGRAM(uring_left, sched_process_exit, FREED_EVENTS, AT_END)
PERF_PROGRAM(uring_worked, void, at_freed())
PERF_PROGRAM(uring_left, void, at_end_of_thread())
BTF_PROGRAM(uring_entered, sys_exit, (struct pt_regs *regs, long ret), at_submitted())
PERF_PROGRAM(uring_entered, void, at_submitted())

SEC("raw_tp")
int request_events(unsigned long long *ctx)
{
	__u32 *from = place_of_call();
	switch (from ? *from : CALLED_PROGRAMS) {
	case AT_SUBMIT:
		return at_request(ctx);
	case AT_COMPLETE:
		return at_answer(ctx);
	case AT_OVERFLOW:
		return at_overflow((void *)ctx[0], ctx[1], ctx[2], ctx[3]);
	}
	return 0;
}

/* A program of its own, because the stack of a program must have room for everything that it calls. */
SEC("raw_tp")
int freed_events(void *ctx)
{
	__u32 *from = place_of_call();
	return from && *from == AT_END ? at_end_of_thread() : at_freed();
}

/* Requests without a completion entry. The kernel does not preempt programs that are attached to functions. */
SEC("kprobe")
int uring_silent(struct pt_regs *ctx)
{
	return at_end(bpf_get_attach_cookie(ctx), (__u64)GIVEN_1(ctx));
}

#include "hook.h"
#include "datagrams.h"
