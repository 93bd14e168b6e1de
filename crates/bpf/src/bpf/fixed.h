/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Events with a fixed size, for other events than system calls, built in the ring itself. */
#pragma once

#define FIXED_PARAMS_MAX 6

/* Claims the CPU's ring and reserves room for an event of `size` bytes, with its header, and the lengths in
 * `lengths`: four bits each, the first lowest. `hand_over` publishes it. */
static __always_inline void *reserve(__u16 type, __u32 size, __u32 count, __u32 lengths, __u64 tid)
{
	struct cpu *cpu = claim_or_lose(type, 0);
	struct header *event;
	int i;
	if (!cpu)
		return 0;
	cpu->made++;
	event = (void *)room(cpu, size, type);
	if (!event) {
		lose_full(cpu, type, 0);
		release(cpu);
		return 0;
	}
	event->ts = boot_time + bpf_ktime_get_boot_ns();
	event->tid = tid;
	event->len = size;
	event->type = type;
	event->count = count;
	__u16 *slots = (void *)(event + 1);
	for (i = 0; i < FIXED_PARAMS_MAX; i++)
		if (i < count)
			slots[i] = lengths >> 4 * i & 15;
	return event;
}

static __always_inline int hand_over(__u32 size)
{
	struct cpu *cpu = own_cpu();
	publish(cpu, size);
	release(cpu);
	return 0;
}

struct __attribute__((packed)) drop_event {
	struct header header;
	__u16 lengths[1];
	__u32 ratio;
};

struct __attribute__((packed)) switch_event {
	struct header header;
	__u16 lengths[6];
	__u64 next, pgft_maj, pgft_min;
	__u32 vm_size, vm_rss, vm_swap;
};

struct __attribute__((packed)) signal_event {
	struct header header;
	__u16 lengths[3];
	__u64 sender, receiver;
	__u8 signal;
};

struct __attribute__((packed)) fault_event {
	struct header header;
	__u16 lengths[3];
	__u64 address, ip;
	__u32 error;
};
