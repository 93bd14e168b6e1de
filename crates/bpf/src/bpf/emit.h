/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Events made by the interpreter, in the scratch of the CPU. */
#pragma once

/* Claims the CPU's ring and the memory to build an event in, empty but for what a system call sets; to be given back
 * by `done`. Type and task are those of the event, which is lost if there is none; no task for the
 * caller's. */
static __always_inline struct scratch *fresh(__u32 type, struct task_struct *other)
{
	struct cpu *cpu = claim_or_lose(type, other);
	struct scratch *s = scratch();
	if (!cpu)
		return 0;
	if (!s) {
		lose(cpu, &cpu->unclaimed, type, other);
		release(cpu);
		return 0;
	}
	s->task = (__u64)current_task();
	s->of_other = 0;
	s->ret = 0;
	s->compat = 0;
	s->form = ARGS_SAME;
	s->failed_exec = 0;
	s->no_message = 0;
	s->message = 0;
	s->filter = 0;
	s->early = 0;
	s->is_sample = 0;
	s->change = 0;
	s->filename = 0;
	s->fd = -1;
	return s;
}

/* The same for an event that may change the process with that id. */
static __always_inline struct scratch *fresh_change(__u32 type, struct task_struct *other, long ret, __u32 id)
{
	struct scratch *s = fresh(type, other);
	__u32 change = begin_change(type, ret, id);
	if (s)
		s->change = change;
	else
		end_change(change);
	return s;
}

static __always_inline int done(void)
{
	struct scratch *s = scratch();
	if (s && s->change)
		end_change(s->change);
	release(own_cpu());
	return 0;
}

/* Makes an event, with a function for its parameters, but for plain ones where it has those. */
static __always_inline int make(struct scratch *s, __u32 type, bool has_plain, int (*param)(__u32 desc))
{
	__u32 first = event_rows[type & (EVENT_TYPES - 1)].first, count = event_rows[type & (EVENT_TYPES - 1)].count;
	int i;
	/* Before the event has its time: what is lost from here on comes after it. */
	s->has_told = has_told(own_cpu());
	begin(s, type, s->of_other ? READ(subject(s), pid) : TASK(current_task(), pid));
	for (i = 0; i < MOST_PARAMS; i++) {
		if (i >= count)
			break;
		__u32 desc = descs[(first + i) & 2047];
		/* Most are plain: they take no call. */
		if (!has_plain || !param_plain(s, desc))
			param(desc);
	}
	submit(s);
	return 0;
}

__noinline int emit(__u32 type)
{
	struct scratch *s = scratch();
	return s ? make(s, type, true, param) : 0;
}

/* Events of one kind each, so that their programs have no more to be verified than these need. */
__noinline int emit_exec(__u32 type)
{
	struct scratch *s = scratch();
	return s ? make(s, type, false, param_of_exec) : 0;
}

__noinline int emit_exit(__u32 type)
{
	struct scratch *s = scratch();
	return s ? make(s, type, false, param_exit) : 0;
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
		s->no_message = 1;
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
