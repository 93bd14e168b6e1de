/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Verdicts on processes, which user space writes: which groups of rules cannot match the caller's process. The probe counts
 * each change of a process before it builds the event, and again when the event is published. A verdict is valid only while the
 * counts are those with which it was written. See `events/src/verdicts.rs`. */
#pragma once

struct verdict_slot {
	/* Number of changes that have begun, and that have ended. */
	__u32 begun, ended;
	__u64 words[VERDICT_WORDS];
};

/* By process id; the last slot counts changes that descendants of the changed process see. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, VERDICT_SLOTS + 1);
	__type(key, __u32);
	__type(value, struct verdict_slot);
} verdicts SEC(".maps");

static __always_inline struct verdict_slot *verdict_slot(__u32 key)
{
	return bpf_map_lookup_elem(&verdicts, &key);
}

static __always_inline __u64 excluded(__u64 word, __u64 stamp)
{
	return word >> VERDICT_GROUPS_OF_WORD == stamp ? word & ((1ULL << VERDICT_GROUPS_OF_WORD) - 1) : 0;
}

/* The groups that the caller's process may be in. */
__noinline __u64 own_groups(void)
{
	__u32 id = TASK(current_task(), tgid);
	struct verdict_slot *slot = verdict_slot(id & (VERDICT_SLOTS - 1)), *lineage = verdict_slot(VERDICT_LINEAGE);
	if (!slot || !lineage)
		return ~0ULL;
	/* In any order: each word contains the counts for which it is valid. */
	__u64 first = *(volatile __u64 *)&slot->words[0];
	__u64 second = *(volatile __u64 *)&slot->words[1];
	__u64 third = *(volatile __u64 *)&slot->words[2];
	__u64 own = *(volatile __u32 *)&slot->begun, above = *(volatile __u32 *)&lineage->begun;
	__u64 high = (__u64)id >> 16 << (VERDICT_ID_SHIFT - VERDICT_GROUPS_OF_WORD);
	return ~(excluded(first, high | own) | excluded(second, high | (own + above)) << VERDICT_GROUPS_OF_WORD |
		 excluded(third, high | (own + above)) << 2 * VERDICT_GROUPS_OF_WORD);
}

#define CHANGES_OTHERS 0x80000000

/* Whether the caller may have descendants: it has children, or leads other threads, which may have children, or adopts
 * orphans. */
static __always_inline bool may_have_children(struct task_struct *task)
{
	struct list_head *children = (void *)task + bpf_core_field_offset(struct task_struct, children);
	struct signal_struct *signal = READ(task, signal);
	if (READ(task, children.next) != children)
		return true;
	/* Descendants see only the leader of the process. */
	if (TASK(task, pid) != TASK(task, tgid))
		return false;
	return READ(signal, nr_threads) != 1 || BPF_CORE_READ_BITFIELD_PROBED(signal, is_child_subreaper) ||
	       READ(own_namespace(task), child_reaper) == task;
}

/* Begins an event of this type and result, which may change the process with this id: the caller's or a child. Returns the
 * argument for `end_change`. */
__noinline int begin_change(__u32 type, __u64 ret, __u32 id)
{
	__u32 which = filter_in_use, key = id & (VERDICT_SLOTS - 1);
	struct filter *f = which ? filter_of(which) : 0;
	struct verdict_slot *slot = verdict_slot(key), *lineage = verdict_slot(VERDICT_LINEAGE);
	int i;
	if (!f || !slot || !lineage)
		return 0;
	__u32 flags = f->types[type & (EVENT_TYPES - 1)].flags;
	if (!(flags & FILTER_CHANGES) || (flags & FILTER_IF_ZERO && ret))
		return 0;
	__sync_fetch_and_add(&slot->begun, 1);
	for (i = 0; i < VERDICT_WORDS; i++)
		*(volatile __u64 *)&slot->words[i] = 0;
	if (!(flags & FILTER_CHANGES_LINEAGE) || !may_have_children(current_task()))
		return key + 1;
	__sync_fetch_and_add(&lineage->begun, 1);
	return CHANGES_OTHERS | (key + 1);
}

/* Ends the change: the event is published or lost. */
__noinline int end_change(__u32 change)
{
	struct verdict_slot *slot, *lineage = verdict_slot(VERDICT_LINEAGE);
	__u32 key = (change & ~CHANGES_OTHERS) - 1;
	if (change & CHANGES_OTHERS && lineage)
		__sync_fetch_and_add(&lineage->ended, 1);
	slot = change ? verdict_slot(key & (2 * VERDICT_SLOTS - 1)) : 0;
	if (slot)
		__sync_fetch_and_add(&slot->ended, 1);
	return 0;
}
