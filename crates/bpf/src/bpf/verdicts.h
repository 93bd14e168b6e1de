/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Verdicts on processes, which user space writes: which groups of rules cannot match the caller's process. The probe counts
 * each change of a process before it builds the event, and again when the event is published. A verdict is valid only while the
 * counts are those with which it was written. See `events/src/verdicts.rs`. */
#pragma once

struct verdict_slot {
	/* Number of changes that have begun, and that have ended. */
	__u32 begun, ended;
	__u64 words[VERDICT_WORDS];
	/* The key of the process's kind: a hash of its name and control groups, as the event of its start or of its last exec reported
	 * them. Its lowest bits (KIND_ID) are the bits of the process id that do not select the slot. 0: none. */
	__u64 kind;
};

#define KIND_ID 63

/* By the lowest bits of the process id. One more slot (VERDICT_LINEAGE) counts changes that also affect descendants; its first word
 * is the salt of keys. The slots after it contain the words of kinds, by the highest bits of the key. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, VERDICT_KIND_SLOTS + VERDICT_KINDS);
	__type(key, __u32);
	__type(value, struct verdict_slot);
} verdicts SEC(".maps");

/* Secret random numbers, so that nobody can choose two kinds with the same key. */
const volatile __u64 kind_keys[VERDICT_KIND_KEYS] = {};

static __always_inline struct verdict_slot *verdict_slot(__u32 key)
{
	return bpf_map_lookup_elem(&verdicts, &key);
}

static __always_inline __u64 excluded(__u64 word, __u64 stamp)
{
	return word >> VERDICT_GROUPS_OF_WORD == stamp ? word & ((1ULL << VERDICT_GROUPS_OF_WORD) - 1) : 0;
}

/* The groups that the kind of a process excludes, by the key in the process's slot. */
static __always_inline __u64 excluded_by_kind(__u64 key, __u32 id)
{
	if (key <= KIND_ID || (key & KIND_ID) != id >> 16)
		return 0;
	_Static_assert(VERDICT_KINDS == 4096, "the highest twelve bits of a key are its slot");
	struct verdict_slot *slot = verdict_slot(VERDICT_KIND_SLOTS + (key >> 52));
	if (!slot)
		return 0;
	__u64 stamp = key << 8 >> 24;
	/* Each word contains the key for which it is valid. */
	return excluded(*(volatile __u64 *)&slot->words[0], stamp) |
	       excluded(*(volatile __u64 *)&slot->words[1], stamp) << VERDICT_GROUPS_OF_WORD |
	       excluded(*(volatile __u64 *)&slot->words[2], stamp) << 2 * VERDICT_GROUPS_OF_WORD;
}

/* The groups that the caller's process may be in. */
__noinline __u64 own_groups(void)
{
	__u32 id = TASK(current_task(), tgid);
	struct verdict_slot *slot = verdict_slot(id & (VERDICT_SLOTS - 1)), *lineage = verdict_slot(VERDICT_LINEAGE);
	if (!slot || !lineage)
		return ~0ULL;
	/* User space may write them meanwhile: each word contains the counts for which it is valid. */
	__u64 first = *(volatile __u64 *)&slot->words[0];
	__u64 second = *(volatile __u64 *)&slot->words[1];
	__u64 third = *(volatile __u64 *)&slot->words[2];
	__u64 own = *(volatile __u32 *)&slot->begun, above = *(volatile __u32 *)&lineage->begun;
	__u64 high = (__u64)id >> 16 << (VERDICT_ID_SHIFT - VERDICT_GROUPS_OF_WORD);
	return ~(excluded(first, high | own) | excluded(second, high | (own + above)) << VERDICT_GROUPS_OF_WORD |
		 excluded(third, high | (own + above)) << 2 * VERDICT_GROUPS_OF_WORD |
		 excluded_by_kind(*(volatile __u64 *)&slot->kind, id));
}

#define CHANGES_OTHERS 0x80000000 /* The change also affects descendants. */

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

/* Removes the key of a process's kind. */
static __always_inline void forget_kind(__u32 id)
{
	struct verdict_slot *slot = verdict_slot(id & (VERDICT_SLOTS - 1));
	if (slot)
		*(volatile __u64 *)&slot->kind = 0;
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
	/* A new name, or the end of the process. Credentials are not part of the kind. */
	if (type == EV_SYSCALL_PRCTL_X || type == EV_TASK_RENAME_X ||
	    (type == EV_PROCEXIT_1_E && TASK(current_task(), pid) == id))
		forget_kind(id);
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

/* Adds a word to both hashes: see `kind_key` in `events/src/verdicts.rs`. */
static __always_inline void hash_kind_word(__u64 *hashes, __u64 word, __u32 at)
{
	__u64 key = kind_keys[at], next = kind_keys[at + 1];
	hashes[0] += (__u64)((__u32)word + (__u32)key) * (__u32)((word >> 32) + (key >> 32));
	hashes[1] += (__u64)((__u32)word + (__u32)next) * (__u32)((word >> 32) + (next >> 32));
}

/* The key of the kind of process that the event is about: its name is the parameter before the control groups, which are being
 * appended to the event. */
__noinline int hash_kind(void)
{
	struct scratch *s = scratch();
	struct verdict_slot *lineage = verdict_slot(VERDICT_LINEAGE);
	__u64 hashes[2] = {};
	int i;
	if (!s || !lineage)
		return 0;
	__u32 name_len = *(__u16 *)&s->data[HEADER + 2 * ((s->index - 1) & 63)];
	__u32 at = (s->pos - name_len) & 0xffff, len = name_len + (s->len & 0xffff);
	s->has_kind = 1;
	s->kind = 0;
	if (!name_len || !s->len || len > VERDICT_KIND_TEXT)
		return 0;
	hash_kind_word(hashes, len, 0);
	for (i = 0; i < VERDICT_KIND_TEXT / 8; i++) {
		__u32 left = len - 8 * i;
		if (8 * i >= len)
			break;
		__u64 word = *(__u64 *)&s->data[at + 8 * i];
		if (left < 8)
			word = word << (64 - 8 * left) >> (64 - 8 * left);
		hash_kind_word(hashes, word, i + 1);
	}
	s->kind = hashes[0] * (kind_keys[VERDICT_KIND_KEYS - 2] | 1) + hashes[1] * (kind_keys[VERDICT_KIND_KEYS - 1] | 1) +
		  *(volatile __u64 *)&lineage->words[0];
	return 0;
}

/* Stores the key of a process's kind after the event that reports the kind. If that event is lost, or the threads of the process
 * are of several kinds, the process has no key. Only the thread that the event is about makes calls afterwards. */
__noinline int note_kind(void)
{
	struct scratch *s = scratch();
	if (!s || !s->has_kind || s->ret)
		return 0;
	struct task_struct *task = subject(s);
	__u32 id = READ(task, tgid), tid = READ(task, pid);
	struct verdict_slot *slot = verdict_slot(id & (VERDICT_SLOTS - 1));
	if (!slot)
		return 0;
	__u64 key = s->published && s->kind ? (s->kind & ~(__u64)KIND_ID) | id >> 16 : 0;
	__u64 old = *(volatile __u64 *)&slot->kind;
	/* Another process may have the slot. */
	if (id == tid || (old != key && (old & KIND_ID) == id >> 16))
		*(volatile __u64 *)&slot->kind = id == tid ? key : 0;
	return 0;
}
