/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The current task: ids, memory, cgroups, its program. */
#pragma once

#define PIDTYPE_TGID 1
#define PIDTYPE_PGID 2
#define PIDTYPE_SID 3
#define CHILD_IN_PIDNS (1 << 29)
#define EXE_WRITABLE 1
#define EXE_UPPER 2
#define EXE_MEMFD 4
#define EXE_LOWER 8
/* Id of the cgroup hierarchy of version 2. */
#define UNIFIED 0
#define PF_EXITING 4
#define PF_IO_WORKER 0x10
#define PF_KTHREAD 0x200000

/* The task that the event is about. */
static __always_inline struct task_struct *subject(struct scratch *s)
{
	return (struct task_struct *)s->task;
}

/* The id in the pid's deepest namespace. */
static __always_inline __s64 own_number(struct pid *pid)
{
	__u32 level = READ(pid, level);
	struct upid number = {};
	if (level > 32)
		return -1;
	bpf_core_read(&number, sizeof(number), &pid->numbers[level]);
	return number.nr;
}

/* The id in the namespace of a task; 0 if it has none there, as of a process group from outside. */
static __always_inline __s64 number_within(struct task_struct *task, struct pid *pid)
{
	struct pid *thread = READ(task, thread_pid);
	__u32 level = READ(thread, level);
	struct upid own = {}, number = {};
	if (level > 32)
		return -1;
	if (READ(pid, level) < level)
		return 0;
	bpf_core_read(&own, sizeof(own), &thread->numbers[level]);
	bpf_core_read(&number, sizeof(number), &pid->numbers[level]);
	return number.ns == own.ns ? number.nr : 0;
}

static __always_inline struct pid *signal_pid(struct task_struct *task, int type)
{
	struct pid *pid = 0;
	struct signal_struct *signal = READ(task, signal);
	bpf_core_read(&pid, sizeof(pid), &signal->pids[type]);
	return pid;
}

static __always_inline struct pid_namespace *own_namespace(struct task_struct *task)
{
	struct pid *pid = READ(task, thread_pid);
	__u32 level = READ(pid, level);
	struct upid number = {};
	if (level > 32)
		return 0;
	bpf_core_read(&number, sizeof(number), &pid->numbers[level]);
	return number.ns;
}

static __always_inline __u32 pidns_flag(struct task_struct *task)
{
	struct pid_namespace *own = own_namespace(task);
	struct pid_namespace *children = READ(task, nsproxy, pid_ns_for_children);
	return READ(task, thread_pid, level) != 0 || own != children ? CHILD_IN_PIDNS : 0;
}

/* A macro, because CO-RE relocates the element of an array only with a literal index. */
#define RSS_PAGES(mm, kind)                                                                                       \
	({                                                                                                        \
		struct mm_struct___old *old = (void *)(mm);                                                       \
		__s64 pages = bpf_core_field_exists(old->rss_stat.count) ?                                        \
				      READ(old, rss_stat.count[kind].counter) :                          \
				      READ(mm, rss_stat[kind].count);                                    \
		pages < 0 ? 0 : (__u64)pages;                                                                     \
	})

/* Sizes in KiB: mapped, resident (files, anonymous, shared), and swapped memory. */
static __always_inline __u32 vm_size(struct mm_struct *mm)
{
	return READ(mm, total_vm) << page_to_kb;
}

static __always_inline __u32 vm_rss(struct mm_struct *mm)
{
	return (RSS_PAGES(mm, 0) + RSS_PAGES(mm, 1) + RSS_PAGES(mm, 3)) << page_to_kb;
}

static __always_inline __u32 vm_swap(struct mm_struct *mm)
{
	return RSS_PAGES(mm, 2) << page_to_kb;
}

static __always_inline __u32 terminal(struct task_struct *task)
{
	struct tty_struct *tty = READ(task, signal, tty);
	if (!tty)
		return 0;
	__u32 major = READ(tty, driver, major);
	__u32 minor = READ(tty, driver, minor_start) + READ(tty, index);
	return encode_dev(major << 20 | minor);
}

static __always_inline __u32 exe_flags(struct scratch *s)
{
	struct task_struct *task = subject(s);
	struct file *file = READ(task, mm, exe_file);
	struct dentry *dentry = READ(file, f_path.dentry);
	__u32 flags = exe_is_writable(s->slot) ? EXE_WRITABLE : 0, layer = layer_of(file);
	char name[8] = {};

	if (layer == 1)
		flags |= EXE_UPPER;
	if (layer == 2)
		flags |= EXE_LOWER;
	bpf_probe_read_kernel_str(name, sizeof(name), READ(dentry, d_name.name));
	if (dentry == READ(dentry, d_parent) && name[0] == 'm' && name[1] == 'e' && name[2] == 'm' &&
	    name[3] == 'f' && name[4] == 'd' && name[5] == ':')
		flags |= EXE_MEMFD;
	return flags;
}

/* A separate function, so that the compiler moves neither read before the check of what this kernel has. */
static __noinline struct kernfs_node *parent_of(struct kernfs_node *node)
{
	struct kernfs_node___old *old = (void *)node;
	if (bpf_core_field_exists(old->parent))
		return READ(old, parent);
	return READ(node, __parent);
}

#define CGROUP_DEPTH 6

/* Appends the path of a cgroup, cut to the available room, and a NUL to the parameter under construction, which
 * has s->len bytes so far. */
__noinline int put_group_path(__u32 slot, __u64 of)
{
	struct scratch *s = scratch_in(slot);
	struct kernfs_node *node = (struct kernfs_node *)of, *parent;
	int i;
	if (!s)
		return 0;
	s->at = 0;
	for (i = 0; i < CGROUP_DEPTH; i++) {
		parent = parent_of(node);
		if (!parent)
			break;
		s->nodes[i] = (__u64)node;
		s->at = i + 1;
		node = (struct kernfs_node *)number_of(s, parent);
	}
	if (s->at == CGROUP_DEPTH && parent_of(node))
		s->gaps |= GAP_PATH;
	if (!s->at) {
		s->data[(s->pos + s->len) & 0xffff] = '/';
		s->len++;
	}
	for (i = 0; i < CGROUP_DEPTH; i++) {
		__u32 left = s->at;
		if (!left)
			break;
		s->at = left - 1;
		node = (struct kernfs_node *)s->nodes[(left - 1) & 7];
		s->data[(s->pos + s->len) & 0xffff] = '/';
		s->len++;
		long n = bpf_probe_read_kernel_str(&s->data[(s->pos + s->len) & 0xffff], 256, READ(node, name));
		if (n > 0)
			s->len += (n - 1) & 0xff;
	}
	s->data[(s->pos + s->len) & 0xffff] = 0;
	s->len++;
	return 0;
}

/* The same for the task's cgroup in a subsystem, with the subsystem's name; unless `always`, only if the subsystem
 * has its own hierarchy. */
static __always_inline void put_cgroup(struct scratch *s, int subsys, const char *name, __u32 name_len, bool always)
{
	struct cgroup_subsys_state *css = 0;
	struct css_set *set = READ(subject(s), cgroups);
	bpf_core_read(&css, sizeof(css), &set->subsys[subsys & 15]);
	struct kernfs_node *node = READ(css, cgroup, kn);
	if (!node || (!always && READ(css, cgroup, root, hierarchy_id) == UNIFIED))
		return;
	bpf_probe_read_kernel(&s->data[(s->pos + s->len) & 0xffff], name_len & 15, name);
	s->len += name_len;
	put_group_path(s->slot, number_of(s, node));
}

#define CGROUP(which, text, always)                                                                               \
	if (bpf_core_enum_value_exists(enum cgroup_subsys_id, which##_cgrp_id)) {                                \
		static const char name[] = text;                                                                 \
		put_cgroup(s, bpf_core_enum_value(enum cgroup_subsys_id, which##_cgrp_id), name,                 \
			   sizeof(name) - 1, always);                                                            \
	}

__noinline int cgroups_first(__u32 slot)
{
	struct scratch *s = scratch_in(slot);
	if (!s)
		return 0;
	s->len = 0;
	CGROUP(cpuset, "cpuset=", true)
	CGROUP(cpu, "cpu=", true)
	CGROUP(cpuacct, "cpuacct=", true)
	return 0;
}

__noinline int cgroups_second(__u32 slot)
{
	struct scratch *s = scratch_in(slot);
	if (!s)
		return 0;
	CGROUP(io, "io=", true)
	CGROUP(memory, "memory=", true)
	return 0;
}

#define THREADS_MAX 30
#define ANCESTORS_MAX 60
/* The search for the reaper would take too many steps. */
#define REAPER_UNKNOWN -1

/* Another running thread of the group, 0 if there is none. */
__noinline int sibling(void)
{
	struct task_struct *task = current_task();
	struct signal_struct *signal = READ(task, signal);
	struct list_head *head = (void *)signal + bpf_core_field_offset(struct signal_struct, thread_head);
	struct list_head *node = READ(head, next);
	int i;
	for (i = 0; i < THREADS_MAX; i++) {
		if (node == head || !node)
			return 0;
		struct task_struct *thread = (void *)node - bpf_core_field_offset(struct task_struct, thread_node);
		if (thread != task && !(READ(thread, flags) & PF_EXITING))
			return READ(thread, pid);
		node = READ(node, next);
	}
	return REAPER_UNKNOWN;
}

/* The new parent of this task's children: a thread of its group, an ancestor that is a child subreaper, or the
 * first process of the namespace; 0 if none is needed. */
__noinline int reaper(void)
{
	struct task_struct *task = current_task(), *parent;
	struct list_head *children = (void *)task + bpf_core_field_offset(struct task_struct, children);
	struct pid_namespace *ns = own_namespace(task);
	struct task_struct *last = READ(ns, child_reaper);
	__u32 level = READ(task, thread_pid, level);
	int i;
	if (READ(task, children.next) == children)
		return 0;
	int thread = sibling();
	if (thread)
		return thread;
	if (last == task)
		return 0;
	struct signal_struct *own = READ(task, signal);
	if (BPF_CORE_READ_BITFIELD_PROBED(own, has_child_subreaper)) {
		parent = READ(task, real_parent);
		for (i = 0; i < ANCESTORS_MAX; i++) {
			if (parent == last || READ(parent, thread_pid, level) != level)
				return READ(last, pid);
			struct signal_struct *signal = READ(parent, signal);
			if (BPF_CORE_READ_BITFIELD_PROBED(signal, is_child_subreaper))
				return READ(parent, pid);
			parent = READ(parent, real_parent);
		}
		return REAPER_UNKNOWN;
	}
	return READ(last, pid);
}

/* The login user of a task; -1 if there is none. */
static __always_inline __u32 login_of(struct task_struct *task)
{
	return bpf_core_field_exists(task->loginuid) ? READ(task, loginuid.val) : -1U;
}
