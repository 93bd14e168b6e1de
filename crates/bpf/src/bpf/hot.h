/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The most frequent events: code that is generated from their rows (HOT_CASES) builds them in the ring. */
#pragma once

#if defined(__TARGET_ARCH_x86)
#define ARG0 regs->di
#define ARG1 regs->si
#define ARG2 regs->dx
#define ARG3 regs->r10
#define ARG4 regs->r8
#define ARG5 regs->r9
#else
#define ARG0 regs->orig_x0
#define ARG1 regs->regs[1]
#define ARG2 regs->regs[2]
#define ARG3 regs->regs[3]
#define ARG4 regs->regs[4]
#define ARG5 regs->regs[5]
#endif

#define HOT_STORE(at, bits, value) *(__u##bits *)(event + (at)) = (value);

/* Sets `limit` to the number of captured bytes of a buffer. The interpreter builds the event if that depends on the content. */
#define HOT_LIMIT(size)                                                                                           \
	if (snaplen_by_protocol)                                                                                  \
		return 0;                                                                                         \
	limit = (__u64)(size) > snaplen ? snaplen : (size);                                                       \
	barrier_var(limit);                                                                                       \
	limit &= 0xffff;

#define HOT_SCRATCH                                                                                               \
	s = scratch();                                                                                            \
	if (!s)                                                                                                   \
		return 0;                                                                                         \
	s->fd = -1;                                                                                               \
	s->request = 0;

/* Finds the data that was kept when the call began. Without it, or with a longer path, the interpreter builds the event. */
#define HOT_KEPT                                                                                                  \
	kept = kept_of(number);                                                                                   \
	if (!kept || kept->len > KEPT_SHORT)                                                                      \
		return 0;

#define HOT_OPENED file = ret >= 0 ? file_of(s, ret) : 0;

#define HOT_PLAIN(needs_interpreter)                                                                              \
	if (needs_interpreter)                                                                                    \
		return 0;

/* Begins an event with this number of parameters, and this maximum size. */
#define HOT_BEGIN(count, most)                                                                                    \
	event = to = room(cpu, most, type);                                                                             \
	if (!event)                                                                                               \
		return 0;                                                                                         \
	HOT_STORE(0, 64, boot_time + bpf_ktime_get_boot_ns())                                                     \
	HOT_STORE(8, 64, TASK(task, pid))                                                                         \
	HOT_STORE(20, 64, type | (__u64)(count) << 16)

/* Writes a parameter at an offset from `to`. After each parameter of variable size, `to` moves to its end. */
#define HOT_PUT(at, bits, value) *(__u##bits *)(to + (at)) = (value);

#define HOT_LENGTH(index, at, len)                                                                                \
	HOT_STORE(HEADER + 2 * (index), 16, len)                                                                  \
	to += (at) + (len);

#define HOT_TEXT(index, at, from)                                                                                 \
	len = from ? read_user_str(to + (at), 4096, (void *)from) : 0;                                  \
	if (len < 0) {                                                                                            \
		cpu->faults++;                                                                                    \
		len = 0;                                                                                          \
	}                                                                                                         \
	barrier_var(len);                                                                                         \
	len &= 0x1fff;                                                                                            \
	HOT_LENGTH(index, at, len)

#define HOT_BYTES(index, at, from)                                                                                \
	if (limit && (!from || bpf_probe_read_user(to + (at), limit, (void *)from))) {                            \
		cpu->faults += from != 0;                                                                         \
		limit = 0;                                                                                        \
	}                                                                                                         \
	HOT_LENGTH(index, at, limit)

#define HOT_NAME(index, at, from)                                                                                 \
	len = from->len;                                                                                          \
	barrier_var(len);                                                                                         \
	len &= 2 * KEPT_SHORT - 1;                                                                                \
	if (len > KEPT_SHORT)                                                                                     \
		len = KEPT_SHORT;                                                                                 \
	bpf_probe_read_kernel(to + (at), len, from->data);                                                        \
	from->number = NOTHING_KEPT;                                                                              \
	HOT_LENGTH(index, at, len)

#define HOT_ADDRESS(index, at, from)                                                                              \
	len = from->len & (2 * SOCKADDR_MAX - 1);                                                                 \
	len = write_address(to + (at), from->data, len);                                                          \
	from->number = NOTHING_KEPT;                                                                              \
	barrier_var(len);                                                                                         \
	len &= 0x7f;                                                                                              \
	HOT_LENGTH(index, at, len)

#define HOT_TUPLE(index, at, how, there, addr)                                                                    \
	len = there ? write_tuple(s, to + (at), ARG0, how, addr) : 0;                                             \
	barrier_var(len);                                                                                         \
	len &= 0x7f;                                                                                              \
	HOT_LENGTH(index, at, len)

#define HOT_PATH(index, at, of)                                                                                   \
	len = 0;                                                                                                  \
	if (of)                                                                                                   \
		len = copy_path(s, to + (at), walk_from(s, of));                                                  \
	barrier_var(len);                                                                                         \
	len &= 2 * PATH_MAX - 1;                                                                                  \
	HOT_LENGTH(index, at, len)

/* The path of the file that the call examined, if the call succeeded. */
#define HOT_LOOKED_AT(index, at, result)                                                                          \
	len = walk_looked_at(s->slot);                                                                            \
	len = copy_path(s, to + (at), (result) >= 0 ? len : 0);                                                   \
	barrier_var(len);                                                                                         \
	len &= 2 * PATH_MAX - 1;                                                                                  \
	HOT_LENGTH(index, at, len)

/* A byte, or an empty parameter. */
#define HOT_FLAG(index, at, holds)                                                                                \
	len = holds;                                                                                              \
	HOT_PUT(at, 8, 1)                                                                                         \
	HOT_LENGTH(index, at, len)

#define HOT_NOTHING(index, at, len) HOT_LENGTH(index, at, len)

/* The controlling terminal, or an empty parameter if it cannot have changed. */
#define HOT_TERMINAL(index, at, may_change)                                                                       \
	len = (may_change) ? 4 : 0;                                                                               \
	if (len)                                                                                                  \
		HOT_PUT(at, 32, terminal(task))                                                                   \
	HOT_LENGTH(index, at, len)

#define HOT_END(at)                                                                                               \
	to += (at);                                                                                               \
	break;

/* Builds the event and returns its length; 0 if it is none of these, needs the interpreter, or may not fit into the ring. */
static __always_inline __u32 build_hot(struct cpu *cpu, struct task_struct *task, struct pt_regs *regs, long ret,
				       __u16 type, __u32 number)
{
	struct scratch *s;
	struct kept *kept;
	struct file *file;
	__u8 *event, *to;
	__u32 limit;
	long len;
	switch (type) {
	HOT_CASES
	default:
		return 0;
	}
	__u32 all = to - event;
	HOT_STORE(16, 32, all)
	return all;
}

static __always_inline bool is_by_process(void)
{
	struct scratch *s = scratch();
	return s && s->by_process;
}

/* Whether the event may need the path of the directory at which its own path begins, which only the interpreter appends: 0 or 1.
 * For an open, FILTER_NEEDS_BASE: its event is first built without that path, because the filter may reject it. */
__noinline int may_need_base(__u32 type, __u64 base)
{
	if (!reports_bases || !event_rows[type & (EVENT_TYPES - 1)].bases || (int)base < 0)
		return 0;
	return type == EV_SYSCALL_OPENAT_2_X ? FILTER_NEEDS_BASE : 1;
}

/* Whether the event's call may make a descriptor. */
__noinline int may_make_descriptor(__u32 type)
{
	return type == EV_SYSCALL_OPEN_X || type == EV_SYSCALL_OPENAT_2_X || type == EV_SYSCALL_FCNTL_X;
}

/* The interpreter must build an open again that is to be sent: makes the kept path valid again, which the first build used up. */
static __always_inline void hand_on_open(struct cpu *cpu, __u32 number, bool is_sample)
{
	struct kept *kept = kept_of_thread(false);
	if (kept)
		kept->number = number;
	/* If the interpreter rejects it, it becomes a sample again. */
	if (is_sample)
		cpu->since_sample = filter_sample;
}

/* Publishes the built event of `len` bytes, or filters it out. Returns 0 if the interpreter must build it again. `call`: its type
 * and, from bit 32 on, its number. Global, because the verifier would otherwise check it once for each type. */
__noinline int end_hot(__u32 filter, __u64 call, __u64 ret, __u32 len)
{
	struct cpu *cpu = own_cpu();
	__u32 early = *(volatile __u32 *)&cpu->early, type = (__u16)call;
	int decision = early & FILTER_DECISION;
	bool is_noted = early & FILTER_NOTES && note_directory();
	bool is_rejected = decision == FILTER_ASKS && (is_noted || !(early & FILTER_IF_NOTED)) &&
			   filter_rejects(filter, type);
	if (early & FILTER_RECALLS)
		learn_open(ret, is_rejected);
	if (is_rejected && leave_out_event(cpu, type, is_by_process())) {
		if (early & FILTER_IF_NOTED)
			hide_directory(ret);
		return 1;
	}
	if (early & FILTER_NEEDS_BASE) {
		hand_on_open(cpu, call >> 32, is_rejected || decision == FILTER_REJECTS);
		return 0;
	}
	__u8 *event = built();
	bool is_sample = is_rejected || (decision == FILTER_REJECTS && is_still_rejected(early, type));
	__u16 marks = marks_of(early, is_sample);
	if (event && marks)
		*(__u16 *)(event + 24) = marks;
	cpu->made++;
	publish(cpu, len);
	return 1;
}

/* Builds and publishes the event, or filters it out. Returns false if the interpreter must build it. */
static __always_inline bool make_hot(struct task_struct *task, struct pt_regs *regs, long ret, __u16 type,
				     __u32 number)
{
	__u32 filter = filter_in_use;
	int early = filter_early(filter, type, ret);
	int needs_base = may_need_base(type, ARG0);
	struct cpu *cpu;
	if (needs_base == 1)
		return false;
	early |= needs_base;
	cpu = claim();
	if (!cpu)
		return false;
	if (type == EV_SYSCALL_OPEN_X || type == EV_SYSCALL_OPENAT_2_X)
		early = early_of_open(early, type, number, type == EV_SYSCALL_OPEN_X ? ARG1 : ARG2, ret);
	else
		early = with_file(early, type, ret, ARG0, ARG1);
	if ((early & FILTER_DECISION) == FILTER_REJECTS && leave_out_event(cpu, type, early & FILTER_NO_GROUP)) {
		release(cpu);
		if (has_entries(type))
			forget_entries();
		if (has_peers(type))
			forget_peers();
		return true;
	}
	if (may_make_descriptor(type))
		note_new_descriptor(ret, early);
	early = with_seccomp(early, type, ret, ARG0, ARG1);
	/* Through memory, because the verifier would otherwise check all following code once for each value. */
	*(volatile __u32 *)&cpu->early = early;
	__u32 len = build_hot(cpu, task, regs, ret, type, number);
	bool is_done = len && end_hot(filter, type | (__u64)number << 32, ret, len);
	release(cpu);
	if (is_done && has_peers(type))
		forget_peers();
	return is_done;
}
