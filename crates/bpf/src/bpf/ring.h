/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The way to user space: a ring of each CPU's own, in memory that both sides map. Programs do not nest on a CPU while
 * `busy` says so, and so a CPU's ring has one writer, which takes no lock: an event is built where it will be read,
 * and the head moves past it when it is whole. */
#pragma once

#define MAX_CPUS 1024
#define CACHE_LINE 64

/* A ring is as many pieces of memory as it takes; an event lies in one piece, whose end is followed by room for the
 * rest of the longest one, and for as much again, as a verifier may take the last of its parameters to be so long. */
#define PIECE (1 << 20)
#define PIECE_SHIFT 20

struct piece {
	__u8 data[PIECE + 2 * MAX_EVENT];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct piece);
} pieces SEC(".maps");

struct cpu {
	/* Where the next event begins: counted in bytes from the first one on, rests between events included. */
	__u64 head;
	/* What `tail` was when it was last looked at, so that the reader's memory is rarely touched. */
	__u64 tail_seen;
	/* Bytes of the ring, a power of two; 0 where the CPU has none. */
	__u32 size;
	__u32 first_piece;
	/* Events made, and those lost by cause. */
	__u64 produced;
	__u64 full;
	__u64 too_large;
	__u64 bug;
	/* Whether a program is at work here. */
	__u32 busy;
	/* Events lost that the ring does not tell of yet. */
	__u32 missed;
	/* Up to where user space has read, which alone writes it. */
	__u64 tail __attribute__((aligned(CACHE_LINE)));
	/* Parameters left empty as user memory could not be read. */
	__u64 faults __attribute__((aligned(CACHE_LINE)));
	/* When the first of `missed` was lost. */
	__u64 missed_since;
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
	__u16 length;
	__u32 lost;
};

struct cpu cpus[MAX_CPUS] SEC(".bss.cpus");

static __always_inline struct cpu *own_cpu(void)
{
	return &cpus[bpf_get_smp_processor_id() & (MAX_CPUS - 1)];
}

static __always_inline __u8 *place(struct cpu *cpu, __u32 len)
{
	__u64 head = cpu->head;
	__u32 size = cpu->size, at = head & (size - 1), key = cpu->first_piece + (at >> PIECE_SHIFT);
	if (head + len - cpu->tail_seen > size) {
		cpu->tail_seen = *(volatile __u64 *)&cpu->tail;
		if (head + len - cpu->tail_seen > size)
			return 0;
	}
	struct piece *piece = bpf_map_lookup_elem(&pieces, &key);
	return piece ? &piece->data[at & (PIECE - 1)] : 0;
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
}

/* Counts an event that is lost for one of the reasons. */
static __always_inline void lose(struct cpu *cpu, __u64 *reason)
{
	(*reason)++;
	if (!cpu->missed++)
		cpu->missed_since = boot_time + bpf_ktime_get_boot_ns();
}

/* Says in the ring what is missing from it here; whether there was room for that. */
__noinline int tell_missed(void)
{
	struct cpu *cpu = own_cpu();
	struct loss *loss = (void *)place(cpu, sizeof(*loss));
	if (!loss)
		return 0;
	loss->header.ts = cpu->missed_since;
	loss->header.tid = 0;
	loss->header.len = sizeof(*loss);
	loss->header.type = LOSS;
	loss->header.count = 1;
	loss->length = sizeof(loss->lost);
	loss->lost = cpu->missed;
	publish(cpu, sizeof(*loss));
	cpu->missed = 0;
	return 1;
}

/* Where an event of up to `len` bytes may be built, 0 if the ring is too full for it. */
static __always_inline __u8 *room(struct cpu *cpu, __u32 len)
{
	if (cpu->missed && !tell_missed())
		return 0;
	return place(cpu, len);
}
