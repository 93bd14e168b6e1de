/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Types, classes and thread groups of lost events. They are recorded only when an event is lost, and reported in
 * the ring before the next event of the CPU. */
#pragma once

/* Maximum number of event types; a power of two. */
#define TYPES 1024
#define CLASSES 8
/* Cells of a Bloom filter of thread groups; a group has two. Each cell is a byte, so that a program that
 * interrupts another does not destroy its record. */
#define GROUP_CELLS 1024

struct lost {
	/* Time of the last lost event. */
	__u64 last;
	__u64 of_class[CLASSES];
	__u8 types[TYPES];
	__u8 groups[GROUP_CELLS];
};

/* Two, because a program that interrupts a report records its loss in the other one. */
struct lost_of_cpu {
	__u64 bank;
	struct lost banks[2];
};

/* By CPU; the last one is for all CPUs without their own state. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lost_of_cpu);
} lost_by_cpu SEC(".maps");

/* Number of CPUs with their own state. */
const volatile __u32 own_cpus = MAX_CPUS;

/* The class of a type, which user space sets before it loads the programs. */
const volatile __u8 class_of[TYPES] = {};

static __always_inline struct lost_of_cpu *own_lost(void)
{
	__u32 id = bpf_get_smp_processor_id();
	if (id > own_cpus)
		id = own_cpus;
	return bpf_map_lookup_elem(&lost_by_cpu, &id);
}

/* The two cells of a thread group; `Suspects` of the crate `eyas-scap` computes the same. */
static __always_inline void note_group(struct lost *lost, __u32 group)
{
	__u32 hash = group * 0x9e3779b1U;
	lost->groups[hash >> 22] = 1;
	lost->groups[hash >> 12 & (GROUP_CELLS - 1)] = 1;
}

/* Records a lost event: its type, the caller's thread group, and the one that the event is about, if it differs. */
__noinline int note_lost(__u32 type, __u32 group)
{
	struct lost_of_cpu *of = own_lost();
	if (!of)
		return 0;
	struct lost *lost = &of->banks[*(volatile __u64 *)&of->bank & 1];
	type &= TYPES - 1;
	lost->types[type] = 1;
	note_group(lost, bpf_get_current_pid_tgid() >> 32);
	if (group)
		note_group(lost, group);
	lost->last = boot_time + bpf_ktime_get_boot_ns();
	__sync_fetch_and_add(&lost->of_class[class_of[type] & (CLASSES - 1)], 1);
	return 0;
}

/* Converts bytes that are 0 or 1 to bits, and clears the bytes. */
static __always_inline void gather(__u64 *bits, __u8 *bytes, __u32 words)
{
	__u64 *cells = (void *)bytes;
	int i, j;
	for (i = 0; i < words; i++) {
		__u64 word = 0;
		for (j = 0; j < 8; j++) {
			word |= (cells[8 * i + j] * 0x0102040810204080ULL >> 56) << 8 * j;
			cells[8 * i + j] = 0;
		}
		bits[i] = word;
	}
}

/* The part of a report after the number of events, at a multiple of eight. */
struct what {
	__u64 last;
	__u64 of_class[CLASSES];
	__u64 types[TYPES / 64];
	__u64 groups[GROUP_CELLS / 64];
};

/* Moves the records so far to a report. */
static __always_inline void take_lost(struct what *what)
{
	struct lost_of_cpu *of = own_lost();
	int i;
	if (!of)
		return;
	struct lost *lost = &of->banks[of->bank & 1];
	*(volatile __u64 *)&of->bank = of->bank ^ 1;
	barrier();
	what->last = lost->last;
	for (i = 0; i < CLASSES; i++) {
		what->of_class[i] = lost->of_class[i];
		lost->of_class[i] = 0;
	}
	gather(what->types, lost->types, TYPES / 64);
	gather(what->groups, lost->groups, GROUP_CELLS / 64);
}
