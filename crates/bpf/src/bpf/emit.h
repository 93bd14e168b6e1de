/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Events that the interpreter builds, in the scratch memory of the CPU. */
#pragma once

/* The memory for an event, empty except for the data of a system call. The ring is claimed. */
static __always_inline struct scratch *empty_scratch(void)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
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
	s->has_kind = 0;
	s->published = 0;
	s->request = 0;
	s->filename = 0;
	s->fd = -1;
	s->holder = 0;
	s->is_repeated = 0;
	return s;
}

/* Claims the CPU's ring and the memory for an event. `done` releases both. Type and task are those of the event, which is
 * lost if the ring cannot be claimed; no task means the current one. */
static __always_inline struct scratch *fresh(__u32 type, struct task_struct *other)
{
	struct cpu *cpu = claim_or_lose(type, other);
	struct scratch *s = cpu ? empty_scratch() : 0;
	if (cpu && !s) {
		lose(cpu, &cpu->unclaimed, type, other);
		release(cpu);
	}
	return s;
}

/* Like `fresh`, for an event that may change the process with this id: see `begin_change`. */
static __always_inline struct scratch *fresh_change(__u32 type, struct task_struct *other, long ret, __u32 id)
{
	struct scratch *s = fresh(type, other);
	__u32 change = begin_change(type, ret, id);
	if (s) {
		s->change = change;
	} else {
		forget_kind(id);
		end_change(change);
	}
	return s;
}

static __always_inline int done(void)
{
	struct scratch *s = scratch();
	if (s && s->change) {
		note_kind();
		end_change(s->change);
	}
	release(own_cpu());
	return 0;
}

/* Number of the directories whose paths the event contains after its parameters. */
static __always_inline __u32 reported_bases(__u32 type)
{
	return reports_bases ? event_rows[type & (EVENT_TYPES - 1)].bases & 3 : 0;
}

/* Appends the path that a descriptor's directory had when it was opened, as user space would know it, or otherwise its path.
 * Nothing, if it is no directory. */
__noinline int put_base(int fd)
{
	struct scratch *s = scratch();
	struct file *file = s && s->pos <= MAX_EVENT ? file_of(s, fd) : 0;
	if (!s)
		return 0;
	if (!is_directory_file(file)) {
		put_empty(s);
		return 0;
	}
	__u64 key = number_of(s, file);
	struct noted_directory *noted = bpf_map_lookup_elem(&directories, &key);
	__u32 len = noted ? noted->len : 0;
	if (!noted || !len) {
		put_path(s, &file->f_path);
		return 0;
	}
	barrier_var(len);
	len &= NOTED_PATH - 1;
	bpf_probe_read_kernel(&s->data[s->pos & 0xffff], len, noted->text);
	s->data[(s->pos + len) & 0x1ffff] = 0;
	end_param(s, len + 1);
	return 0;
}

/* Appends the paths of the directories that the event's paths may begin at, whatever these paths are. It gets the type from
 * `scratch`, because its caller has no room on the stack for it. */
__noinline int put_bases(void)
{
	struct scratch *s = scratch();
	int i;
	if (!s)
		return 0;
	const volatile struct event_row *row = &event_rows[s->type & (EVENT_TYPES - 1)];
	__u32 first = row->first, count = row->count;
	for (i = 0; i < MOST_PARAMS; i++) {
		if (i >= count)
			break;
		__u32 desc = descs[(first + i) & 2047];
		if ((desc & 0xff) == OP_DIRFD)
			put_base(arg(s, desc >> 8 & 7));
	}
	*(__u32 *)&s->data[22] = (count + s->bases) | HAS_BASES << 16;
	return 0;
}

/* Begins an event. It is global, because `emit` has no room on the stack for it. */
__noinline int begin_event(__u32 type, __u32 has_bases)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	/* Losses are reported before the event gets its time, because later losses come after it. */
	s->has_told = has_told(own_cpu());
	begin(s, type, s->of_other ? READ(subject(s), pid) : TASK(current_task(), pid));
	s->decisive = has_bases && is_watching() && is_decisive(type, s->args[0], s->ret);
	s->bases = s->decisive ? 1 : has_bases ? reported_bases(type) : 0;
	s->pos += 2 * s->bases;
	return 0;
}

/* Builds and publishes an event. `param` builds its parameters, except the plain ones of calls. */
static __always_inline int make(struct scratch *s, __u32 type, bool is_call, int (*param)(__u32 desc))
{
	__u32 first = event_rows[type & (EVENT_TYPES - 1)].first, count = event_rows[type & (EVENT_TYPES - 1)].count;
	int i;
	begin_event(type, is_call);
	for (i = 0; i < MOST_PARAMS; i++) {
		if (i >= count)
			break;
		__u32 desc = descs[(first + i) & 2047];
		/* Most parameters are plain, and need no function call. */
		if (!is_call || !param_plain(s, desc))
			param(desc);
	}
	if (is_call && s->decisive)
		put_change();
	else if (is_call && s->bases)
		put_bases();
	submit(s, is_call);
	return 0;
}

__noinline int emit(__u32 type)
{
	struct scratch *s = scratch();
	return s ? make(s, type, true, param) : 0;
}

/* One function for each kind of event, so that the verifier checks only what each program needs. */
__noinline int emit_exec(__u32 type)
{
	struct scratch *s = scratch();
	return s ? make(s, type, false, param_of_exec) : 0;
}

/* The only parameter of a rename: the new name, which is in kernel memory. */
__noinline int param_rename(__u32 desc)
{
	struct scratch *s = scratch();
	if (s)
		put_kernel_str(s, s->filename);
	return 0;
}

__noinline int emit_rename(__u32 type)
{
	struct scratch *s = scratch();
	return s ? make(s, type, false, param_rename) : 0;
}

__noinline int emit_exit(__u32 type)
{
	struct scratch *s = scratch();
	return s ? make(s, type, false, param_exit) : 0;
}

/* One event for each transferred message, or one for a call without any. */
__noinline int emit_messages(__u32 type)
{
	struct scratch *s = scratch();
	int i;
	if (!s)
		return 0;
	__s64 count = s->ret;
	if (count <= 0) {
		/* The first message may have brought descriptors although the call failed. */
		s->no_message = type != EV_SOCKET_RECVMMSG_X || count != -EFAULT;
		return emit(type);
	}
	s->messages = count;
	for (i = 0; i < MESSAGES_MAX; i++) {
		if (i >= count)
			break;
		s->message = i;
		s->ret = user_u32(message_at(s, 1) + MSG_WORDS * word_size(s));
		emit(type);
	}
	s->messages = 0;
	return 0;
}
