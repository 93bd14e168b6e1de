/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ring buffers to user space: one for each CPU, in memory that both sides map. A program claims the ring of
 * its CPU before it reserves room, and releases it after it has published the event. So a ring has one writer, and
 * needs no lock. The head moves past an event only when the event is complete. */
#pragma once

/* Maximum number of CPUs with a ring; CPUs with higher numbers share the state after theirs, which cannot be
 * claimed. */
#define MAX_CPUS 1024

#define FREE 0
#define CLAIMED 1
#define UNCLAIMABLE 2
/* A program that the kernel may preempt adds this to `busy`. */
#define COUNTED 4
#define CACHE_LINE 64

#include "losses.h"
#include "order.h"

/* A ring consists of segments of memory. An event is in one segment. After the end of a segment there is room for
 * the rest of the longest event, and for the same size again, because the verifier may assume that the last
 * parameter is that long. */
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
	/* Position of the next event, counted in bytes from the first event on, including padding. */
	__u64 head;
	/* Value of `tail` at the last check, so that the reader's memory is rarely read. */
	__u64 tail_seen;
	/* Size of the ring in bytes, a power of two; 0 if the CPU has none. */
	__u32 size;
	__u32 first_segment;
	/* Number of events of programs that had claimed the ring, including lost ones. */
	__u64 made;
	/* Number of lost events, and of those that the ring has reported. */
	__u64 lost;
	__u64 reported;
	/* Whether a program has claimed the ring: FREE, CLAIMED, or UNCLAIMABLE if there is none; and COUNTED for each
	 * program that has claimed it, or tries to, and may be preempted. */
	__u32 busy;
	/* Number of unread bytes from which on the order of events is checked: see `order.h`. */
	__u32 roomy;
	/* Whether an event that changes the state was lost, so that the loss is reported before the next event. */
	__u32 urgent;
	/* Position up to which user space has read; only user space writes it. */
	__u64 tail __attribute__((aligned(CACHE_LINE)));
	/* Events lost because the ring was full, because they were too large, and because another program had
	 * claimed the ring; `made` does not include the last kind. */
	__u64 full __attribute__((aligned(CACHE_LINE)));
	__u64 too_large;
	__u64 unclaimed;
	/* Time of the first loss that the ring has not reported. */
	__u64 lost_since;
	/* Parameters left empty because user memory could not be read. */
	__u64 faults;
	/* Number of filtered events. */
	__u64 filtered;
	/* Number of those whose process is in none of the groups; number of filtered events since the last sample. */
	__u64 by_process;
	__u32 since_sample;
	/* The decision before the current event was built. */
	__u32 early;
	/* The last close that began on this CPU, and the state of its table of descriptors at that time: see `begin_close`. */
	__u64 closing, closing_among;
	/* Nobody reads it: an exchange with it is a full barrier. */
	__u64 barrier;
};

/* The header of every event. */
struct __attribute__((packed)) header {
	__u64 ts, tid;
	__u32 len;
	__u16 type;
	__u32 count;
};

/* The type of a loss frame, which is no event. */
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

/* Events lost because the ring was full, by type. */
__u64 full_by_type[TYPES] SEC(".bss.full");

static __always_inline void lose_full(struct cpu *cpu, __u16 type, struct task_struct *other)
{
	lose(cpu, &cpu->full, type, other);
	__sync_fetch_and_add(&full_by_type[type & (TYPES - 1)], 1);
}

/* Claims the CPU's state for a program; returns whether it did. If the kernel does not preempt the program, a program
 * that runs between the check and the claim has released the state before this one continues, so the two need not be
 * atomic. Otherwise the program counts itself, and has claimed the state if it finds only itself; until it releases
 * the state, no other one finds only itself. A compare-and-exchange would need Linux 5.12. */
static __always_inline bool is_claimed_for(struct cpu *cpu, bool is_preempted)
{
	if (!is_preempted) {
		if (*(volatile __u32 *)&cpu->busy != FREE)
			return false;
		*(volatile __u32 *)&cpu->busy = CLAIMED;
		barrier();
		return true;
	}
	__sync_fetch_and_add(&cpu->busy, COUNTED);
	if (*(volatile __u32 *)&cpu->busy == COUNTED)
		return true;
	__sync_fetch_and_add(&cpu->busy, -COUNTED);
	return false;
}

static __always_inline void release_for(struct cpu *cpu, bool is_preempted)
{
	barrier();
	if (is_preempted)
		__sync_fetch_and_add(&cpu->busy, -COUNTED);
	else
		*(volatile __u32 *)&cpu->busy = FREE;
}

/* Claims the CPU's state for this program at a tracepoint or a function; returns 0 if another one has claimed it. The
 * caller must release it. */
static __always_inline struct cpu *claim(void)
{
	struct cpu *cpu = own_cpu();
	return is_claimed_for(cpu, programs_are_preempted) ? cpu : 0;
}

/* The same; if the claim fails, the event is counted as lost. */
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
	release_for(cpu, programs_are_preempted);
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

/* The bell, which wakes user space. It carries no data. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	/* The size of the largest page. */
	__uint(max_entries, 1 << 16);
} bell SEC(".maps");

/* Whether user space sleeps until the bell rings. */
__u32 is_asleep SEC(".bss.sleep");

/* The kernel wakes the sleeper from a separate interrupt, so this may be called wherever programs run. */
__noinline int ring_bell(void)
{
	__u64 nothing = 0;
	*(volatile __u32 *)&is_asleep = 0;
	bpf_ringbuf_output(&bell, &nothing, sizeof(nothing), BPF_RB_FORCE_WAKEUP);
	return 0;
}

/* Publishes the last built event of `len` bytes. */
static __always_inline void publish(struct cpu *cpu, __u32 len)
{
	__u64 head = cpu->head + ((len + 7) & ~7U);
#if defined(__TARGET_ARCH_x86)
	/* Stores become visible in program order. */
	barrier();
	*(volatile __u64 *)&cpu->head = head;
#else
	/* An exchange is a full barrier in BPF. The next store needs none, because it depends on the branch on the
	 * tail. */
	__sync_lock_test_and_set(&cpu->head, head);
#endif
	if (*(volatile __u32 *)&is_asleep)
		ring_bell();
}

/* Reports losses in the ring; returns whether the next event may follow. If only events that do not change the
 * state were lost, the report comes later, because reports would use the room that is left for events that do. The
 * ring is claimed. */
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
	/* A program that interrupted this one meanwhile counted its loss among those. */
	if (*(volatile __u64 *)&cpu->lost != lost)
		cpu->lost_since = boot_time + bpf_ktime_get_boot_ns();
	return 1;
}

/* Reports losses if they are due. Returns whether the next event may follow. */
static __always_inline bool has_told(struct cpu *cpu)
{
	return cpu->lost == cpu->reported || report_lost();
}

/* The address for an event of up to `len` bytes, 0 if the ring is too full. */
static __always_inline __u8 *room(struct cpu *cpu, __u32 len, __u16 type)
{
	return has_told(cpu) ? place(cpu, len, type) : 0;
}
