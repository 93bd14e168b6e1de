/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Threads whose calls a supervisor decides (seccomp). While such a thread waits, the supervisor may put a file into its table
 * (`SECCOMP_IOCTL_NOTIF_ADDFD`) and end its call in the same step. After that step, the kernel's list does not contain the thread
 * any more. So the probe notes the thread earlier, when the supervisor gets the notification. */
#pragma once

/* The first bytes of the kernel's name of a listener. */
#define NAME_OF_LISTENER 0x20706d6f63636573ULL /* "seccomp " */
/* Maximum number of waiting threads that are visited, and of noted ones. */
#define WAITING_STEPS 256
#define NOTIFIED_MAX 4096

struct notified {
	__u64 task;
	__u64 tid;
};

/* By the number of the notification, which begins with a random number for each filter. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, NOTIFIED_MAX);
	__type(key, __u64);
	__type(value, struct notified);
} notified SEC(".maps");

static __always_inline struct notification *waiting_at(struct file *file)
{
	struct seccomp_filter *filter;
	if (name_in(file, ANON_INODE_FS_MAGIC) != NAME_OF_LISTENER)
		return 0;
	filter = READ(file, private_data);
	return READ(filter, notif);
}

/* Goes to the next waiting thread, after the node `nodes[1]` of the list that begins at `nodes[2]`; returns whether the search goes
 * on. It is global, so that the verifier checks it once. */
__noinline int next_waiting(void)
{
	struct scratch *s = scratch();
	struct seccomp_knotif *one = 0;
	if (!s)
		return 0;
	s->nodes[1] = number_of(s, READ((struct list_head *)s->nodes[1], next));
	if (!s->nodes[1] || s->nodes[1] == s->nodes[2])
		return 0;
	one = (void *)(s->nodes[1] - bpf_core_field_offset(one->list));
	if (READ(one, id) != s->nodes[0])
		return 1;
	s->holder = number_of(s, READ(one, task));
	return 0;
}

/* Finds the thread that waits with the notification `nodes[0]` at the listener `fd`, and sets `holder` to it. */
__noinline int find_waiting(__u32 fd)
{
	struct scratch *s = scratch();
	int i;
	if (!s || !bpf_core_type_exists(struct seccomp_knotif))
		return 0;
	struct file *file = file_at(own_files(), fd);
	struct notification *all = file ? waiting_at(file) : 0;
	if (!all)
		return 0;
	s->nodes[1] = s->nodes[2] = number_of(s, all) + bpf_core_field_offset(all->notifications);
#pragma clang loop unroll(disable)
	for (i = 0; i < WAITING_STEPS; i++)
		if (!next_waiting())
			break;
	return 0;
}

/* A supervisor got a notification: its number is the first in the structure. */
__noinline int note_notified(void)
{
	struct scratch *s = scratch();
	struct task_struct *task;
	if (!s)
		return 0;
	s->nodes[0] = user_u64(arg(s, 2));
	find_waiting(arg(s, 0));
	task = (struct task_struct *)s->holder;
	struct notified noted = { .task = s->holder, .tid = s->holder ? READ(task, pid) : 0 };
	__u64 id = s->nodes[0];
	if (noted.task)
		bpf_map_update_elem(&notified, &id, &noted, 0);
	s->holder = 0;
	return 0;
}

/* Sets `holder` to the thread of the notification `nodes[0]`, to 0 if it is not known or has ended. */
static __always_inline void find_notified(struct scratch *s, __u32 fd)
{
	__u64 id = s->nodes[0];
	struct notified *noted = bpf_map_lookup_elem(&notified, &id);
	struct task_struct *task;
	if (!noted) {
		find_waiting(fd);
		return;
	}
	s->holder = noted->task;
	task = (struct task_struct *)s->holder;
	if (READ(task, pid) != noted->tid)
		s->holder = 0;
}
