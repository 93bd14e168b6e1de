/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The way to user space: a ring of each CPU's own, in memory that both sides map. A program claims the ring of its CPU
 * before it takes room there, and keeps it until the event is published, so that a ring has one writer, which takes no
 * lock: an event is built where it will be read, and the head moves past it when it is whole. */
#pragma once

/* CPUs that can have a ring; those with higher numbers share the state behind theirs, which nobody can claim. */
#define MAX_CPUS 1024

#define FREE 0
#define CLAIMED 1
#define UNCLAIMABLE 2
#define CACHE_LINE 64

#include "losses.h"
#include "order.h"

/* A ring has as many segments of memory as its size takes; an event lies in one segment, whose end is followed by room for the
 * rest of the longest one, and for as much again, as a verifier may take the last of its parameters to be so long. */
#define SEGMENT (1 << 20)
#define SEGMENT_SHIFT 20

struct ring_segment {
	__u8 data[SEGMENT + 2 * MAX_EVENT];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ring_segment);
} ring_segments SEC(".maps");

struct cpu {
	/* Where the next event begins: counted in bytes from the first one on, rests between events included. */
	__u64 head;
	/* What `tail` was when it was last looked at, so that the reader's memory is rarely touched. */
	__u64 tail_seen;
	/* Bytes of the ring, a power of two; 0 where the CPU has none. */
	__u32 size;
	__u32 first_segment;
	/* Events made by programs that had claimed the ring, whether they were lost or not. */
	__u64 made;
	/* Events lost for any reason, and how many of them the ring has reported. */
	__u64 lost;
	__u64 reported;
	/* Whether a program has claimed the ring: FREE, CLAIMED, or UNCLAIMABLE where there is none. */
	__u32 busy;
	/* How full the ring is before it is looked at which events still find room. */
	__u32 roomy;
	/* Whether an event was lost that changes the state, so that what is lost is reported before the next event. */
	__u32 urgent;
	/* Up to where user space has read, which alone writes it. */
	__u64 tail __attribute__((aligned(CACHE_LINE)));
	/* Events lost as the ring was full, as they were too large, and as another program had claimed the ring; the last
	 * are not among those made. */
	__u64 full __attribute__((aligned(CACHE_LINE)));
	__u64 too_large;
	__u64 unclaimed;
	/* When the first event was lost that the ring has not reported. */
	__u64 lost_since;
	/* Parameters left empty as user memory could not be read. */
	__u64 faults;
	/* Events that the filter left out, and those since it sent one nevertheless. */
	__u64 filtered;
	/* Those of them whose process is in none of the groups that they are left out for. */
	__u64 by_process;
	__u32 since_sample;
	/* What was decided before the event at hand was built. */
	__u32 early;
	/* The close that began last here: see `files.h`. */
	__u64 closing;
};

/* What every event begins with. */
struct __attribute__((packed)) header {
	__u64 ts, tid;
	__u32 len;
	__u16 type;
	__u32 count;
};

/* In the place of events that were lost: no event itself, of a type that none has. */
#define LOSS 0xffff

struct __attribute__((packed)) loss {
	struct header header;
	__u16 lengths[5];
	__u32 lost;
	struct what what;
};

_Static_assert(__builtin_offsetof(struct loss, what) % 8 == 0, "what was lost is not aligned");

struct cpu cpus[MAX_CPUS + 1] SEC(".bss.cpus");

static __always_inline struct cpu *own_cpu(void)
{
	__u32 id = bpf_get_smp_processor_id();
	return id < own_cpus ? &cpus[id & (MAX_CPUS - 1)] : &cpus[MAX_CPUS];
}

/* Counts an event that is lost for one of the reasons. A program that interrupts this one may do so, too. */
static __always_inline void lose(struct cpu *cpu, __u64 *reason, __u32 type, struct task_struct *other)
{
	if (is_first(type))
		*(volatile __u32 *)&cpu->urgent = 1;
	note_lost(type, other ? BPF_CORE_READ(other, tgid) : 0);
	if (cpu->lost == cpu->reported)
		cpu->lost_since = boot_time + bpf_ktime_get_boot_ns();
	__sync_fetch_and_add(reason, 1);
	__sync_fetch_and_add(&cpu->lost, 1);
}

/* Events lost as the ring was full, by their type. */
__u64 full_by_type[TYPES] SEC(".bss.full");

static __always_inline void lose_full(struct cpu *cpu, __u16 type, struct task_struct *other)
{
	lose(cpu, &cpu->full, type, other);
	__sync_fetch_and_add(&full_by_type[type & (TYPES - 1)], 1);
}

/* The CPU's state, for one program to make events; 0 where another has it, which this one interrupts. It is to be
 * released. A program that comes between the look and the claim has released it when this one goes on, so that the two
 * need not be one step. */
static __always_inline struct cpu *claim(void)
{
	struct cpu *cpu = own_cpu();
	if (*(volatile __u32 *)&cpu->busy != FREE)
		return 0;
	*(volatile __u32 *)&cpu->busy = CLAIMED;
	barrier();
	return cpu;
}

/* The same, where an event is lost that finds no ring to claim. */
static __always_inline struct cpu *claim_or_lose(__u32 type, struct task_struct *other)
{
	struct cpu *cpu = claim();
	if (!cpu) {
		cpu = own_cpu();
		lose(cpu, &cpu->unclaimed, type, other);
		return 0;
	}
	return cpu;
}

static __always_inline void release(struct cpu *cpu)
{
	barrier();
	*(volatile __u32 *)&cpu->busy = FREE;
}

static __always_inline __u8 *place(struct cpu *cpu, __u32 len, __u16 type)
{
	__u64 head = cpu->head;
	__u32 size = cpu->size, at = head & (size - 1), key = cpu->first_segment + (at >> SEGMENT_SHIFT);
	if (head + len - cpu->tail_seen > cpu->roomy) {
		cpu->tail_seen = *(volatile __u64 *)&cpu->tail;
		if (head + len - cpu->tail_seen > limit_of(size, type))
			return 0;
	}
	struct ring_segment *segment = bpf_map_lookup_elem(&ring_segments, &key);
	return segment ? &segment->data[at & (SEGMENT - 1)] : 0;
}

/* What wakes user space. It carries nothing else. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	/* As large as the largest page. */
	__uint(max_entries, 1 << 16);
} bell SEC(".maps");

/* Whether user space sleeps until the bell rings. */
__u32 is_asleep SEC(".bss.sleep");

/* The kernel wakes who sleeps from an interrupt of its own, so that this may be called wherever programs run. */
__noinline int ring_bell(void)
{
	__u64 nothing = 0;
	*(volatile __u32 *)&is_asleep = 0;
	bpf_ringbuf_output(&bell, &nothing, sizeof(nothing), BPF_RB_FORCE_WAKEUP);
	return 0;
}

/* Hands over the event of `len` bytes that was built last. */
static __always_inline void publish(struct cpu *cpu, __u32 len)
{
	__u64 head = cpu->head + ((len + 7) & ~7U);
#if defined(__TARGET_ARCH_x86)
	/* Stores are seen in the order in which they are made. */
	barrier();
	*(volatile __u64 *)&cpu->head = head;
#else
	/* An exchange is a full barrier in BPF. What is written next needs none: it waits for the branch that looked
	 * at the tail. */
	__sync_lock_test_and_set(&cpu->head, head);
#endif
	if (*(volatile __u32 *)&is_asleep)
		ring_bell();
}

/* Says in the ring what is missing from it here; whether the next event may follow. Where others than those that change the
 * state are lost while there is room for these, a report before each of them would take it: it comes later. The ring is
 * claimed. */
__noinline int report_lost(void)
{
	struct cpu *cpu = own_cpu();
	if (!cpu->urgent && cpu->head + sizeof(struct loss) - *(volatile __u64 *)&cpu->tail > cpu->roomy)
		return 1;
	struct loss *loss = (void *)place(cpu, sizeof(*loss), LOSS);
	if (!loss)
		return 0;
	*(volatile __u32 *)&cpu->urgent = 0;
	__u64 lost = *(volatile __u64 *)&cpu->lost;
	loss->header.ts = cpu->lost_since;
	loss->header.tid = 0;
	loss->header.len = sizeof(*loss);
	loss->header.type = LOSS;
	loss->header.count = sizeof(loss->lengths) / sizeof(loss->lengths[0]);
	loss->lengths[0] = sizeof(loss->lost);
	loss->lengths[1] = sizeof(loss->what.last);
	loss->lengths[2] = sizeof(loss->what.of_class);
	loss->lengths[3] = sizeof(loss->what.types);
	loss->lengths[4] = sizeof(loss->what.groups);
	loss->lost = lost - cpu->reported;
	take_lost((struct what *)((__u8 *)loss + __builtin_offsetof(struct loss, what)));
	publish(cpu, sizeof(*loss));
	*(volatile __u64 *)&cpu->reported = lost;
	/* A program that interrupted this one meanwhile took its loss for one of those. */
	if (*(volatile __u64 *)&cpu->lost != lost)
		cpu->lost_since = boot_time + bpf_ktime_get_boot_ns();
	return 1;
}

/* Whether the ring reports what was lost before and is to be reported now. */
static __always_inline bool has_told(struct cpu *cpu)
{
	return cpu->lost == cpu->reported || report_lost();
}

/* Where an event of up to `len` bytes may be built, 0 if the ring is too full for it. */
static __always_inline __u8 *room(struct cpu *cpu, __u32 len, __u16 type)
{
	return has_told(cpu) ? place(cpu, len, type) : 0;
}
