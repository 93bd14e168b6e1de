/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Appending to the event under construction. */
#pragma once

/* Appends the length of the parameter that was just written. */
static __always_inline void end_param(struct scratch *s, __u32 len)
{
	__u32 at = HEADER + 2 * (s->index & 63);
	*(__u16 *)&s->data[at] = len;
	s->index++;
	s->pos += len;
}

static __always_inline void put(struct scratch *s, __u64 value, __u32 size)
{
	*(__u64 *)&s->data[s->pos & 0xffff] = value;
	end_param(s, size);
}

static __always_inline void put_empty(struct scratch *s)
{
	end_param(s, 0);
}

/* Reads a text in user memory, with its NUL, and returns its length, or an error. Older kernels return 0 for an
 * empty text, although its NUL was read. */
static __always_inline long read_user_str(void *to, __u32 size, const void *from)
{
	long len = bpf_probe_read_user_str(to, size, from);
	return len ? len : 1;
}

static __always_inline void put_user_str(struct scratch *s, __u64 from, __u32 max)
{
	long len = from ? read_user_str(&s->data[s->pos & 0xffff], max, (void *)from) : 0;
	if (len < 0)
		own_cpu()->faults++;
	end_param(s, len > 0 ? len & 0xffff : 0);
}

static __always_inline void put_kernel_str(struct scratch *s, __u64 from)
{
	long len = from ? bpf_probe_read_kernel_str(&s->data[s->pos & 0xffff], 4096, (void *)from) : 0;
	end_param(s, len > 0 ? len & 0xffff : 0);
}

static __always_inline void put_user_bytes(struct scratch *s, __u64 from, __u64 len)
{
	len = len > 0xffff ? 0xffff : len;
	__u32 bounded = len;
	barrier_var(bounded);
	bounded &= 0xffff;
	if (!from || !bounded) {
		bounded = 0;
	} else if (bpf_probe_read_user(&s->data[s->pos & 0xffff], bounded, (void *)from)) {
		own_cpu()->faults++;
		bounded = 0;
	}
	end_param(s, bounded);
}

static __always_inline void begin(struct scratch *s, __u16 type, __u64 tid)
{
	__u32 count = event_rows[type & (EVENT_TYPES - 1)].count;
	s->type = type;
	s->index = 0;
	*(__u64 *)&s->data[0] = boot_time + bpf_ktime_get_boot_ns();
	*(__u64 *)&s->data[8] = tid;
	*(__u16 *)&s->data[20] = type;
	*(__u32 *)&s->data[22] = count;
	s->pos = HEADER + 2 * count;
}

/* The task that the event is about, if it is not the current one. */
static __always_inline struct task_struct *other_task(struct scratch *s)
{
	return s->of_other ? (struct task_struct *)s->task : 0;
}

/* Publishes the event, unless the filter leaves it out. The filter decides only about calls: the verifier would check all its
 * functions again for each program that makes other events. */
static __always_inline void submit(struct scratch *s, bool is_call)
{
	struct cpu *cpu = own_cpu();
	__u32 len = s->pos;
	if (len > MAX_EVENT) {
		cpu->made++;
		lose(cpu, &cpu->too_large, *(__u16 *)&s->data[20], other_task(s));
		return;
	}
	*(__u32 *)&s->data[16] = len;
	__u8 *to = s->has_told ? place(cpu, len, *(__u16 *)&s->data[20]) : 0;
	barrier_var(len);
	len &= 0x1ffff;
	if (!to || len > MAX_EVENT || bpf_probe_read_kernel(to, len, s->data)) {
		cpu->made++;
		lose_full(cpu, *(__u16 *)&s->data[20], other_task(s));
		return;
	}
	if (!is_call) {
		cpu->made++;
		publish(cpu, len);
		s->published = 1;
		return;
	}
	bool is_sample = s->is_sample && is_still_rejected(s->early, s->type);
	if (s->filter && filter_rejects(s->filter, s->type)) {
		if (leave_out_event(cpu, s->type, s->by_process))
			return;
		is_sample = true;
	}
	cpu->made++;
	if (s->early & FILTER_NOTES)
		note_directory();
	if (is_sample || s->early & (FILTER_IF_FILE | FILTER_SKIPPED))
		*(__u16 *)(to + 24) |= marks_of(s->early, is_sample);
	publish(cpu, len);
	s->published = 1;
}
