/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Decisions of the kernel's security hooks, with their objects. User space attaches each program to the hook
 * itself, as a security module, or to the end of the function that calls the modules. Both pass the arguments of
 * the function, and then the result. The programs are loaded only if a rule needs them. */
#pragma once

#define HOOK_KINDS 32
/* Number of words of a program's context that are read. */
#define HOOK_WORDS 8

struct decision {
	/* Arguments, then the result. */
	__u64 args[HOOK_WORDS];
	struct entry path, target;
	/* Kernel addresses of a text (the target, if it is no entry) and of a socket address. */
	__u64 text, address;
	__u32 address_len;
	__u8 has_value;
	__s64 value, verdict;
};

/* Memory of the program that has claimed the CPU's ring. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct decision);
} decisions SEC(".maps");

/* Whether these programs disable preemption, on kernels that preempt programs and allow them to disable it. */
const volatile __u8 hooks_hold_cpu = 0;

/* Number of each hook's arguments on this kernel; the result follows them. */
__u8 hook_args[HOOK_KINDS];

static __always_inline struct decision *decision(void)
{
	__u32 key = 0;
	return bpf_map_lookup_elem(&decisions, &key);
}

static __always_inline void on_file(struct entry *entry, struct file *file)
{
	set_whole(entry, (__u64)READ(file, f_path.mnt), (__u64)READ(file, f_path.dentry));
}

/* A mount that contains an entry: that of the caller's directory, or of its root. */
static __always_inline __u64 mount_showing(struct dentry *dentry)
{
	struct task_struct *task = current_task();
	struct fs_struct *fs = READ(task, fs);
	struct vfsmount *pwd = READ(fs, pwd.mnt), *root = READ(fs, root.mnt);
	struct super_block *sb = READ(dentry, d_sb);
	if (READ(pwd, mnt_sb) == sb)
		return (__u64)pwd;
	return READ(root, mnt_sb) == sb ? (__u64)root : 0;
}

static __always_inline void has_value(struct decision *d, __s64 value)
{
	d->value = value;
	d->has_value = 1;
}

static __always_inline void named_in(struct entry *entry, __u64 dir, __u64 named)
{
	struct path *path = (struct path *)dir;
	set_entry(entry, (__u64)READ(path, mnt), READ(path, dentry), (struct dentry *)named);
}

__noinline int take_objects(__u32 hook)
{
	struct decision *d = decision();
	if (!d)
		return 0;
	__u64 *args = d->args;
	struct path *path = (struct path *)args[0];
	set_whole(&d->path, 0, 0);
	set_whole(&d->target, 0, 0);
	d->text = d->address = 0;
	d->address_len = d->has_value = 0;
	switch (hook) {
	case HOOK_bprm_check_security:
		on_file(&d->path, READ((struct linux_binprm *)args[0], file));
		break;
	case HOOK_file_open:
		on_file(&d->path, (struct file *)args[0]);
		has_value(d, READ((struct file *)args[0], f_flags));
		break;
	case HOOK_file_truncate:
		on_file(&d->path, (struct file *)args[0]);
		break;
	case HOOK_kernel_read_file:
	case HOOK_mmap_file:
		on_file(&d->path, (struct file *)args[0]);
		has_value(d, (__u32)args[1]);
		break;
	case HOOK_file_mprotect:
		on_file(&d->path, READ((struct vm_area_struct *)args[0], vm_file));
		has_value(d, (__u32)args[2]);
		break;
	case HOOK_uring_cmd:
		on_file(&d->path, READ((struct io_uring_cmd *)args[0], file));
		break;
	case HOOK_path_unlink:
	case HOOK_path_rmdir:
		named_in(&d->path, args[0], args[1]);
		break;
	case HOOK_path_mkdir:
	case HOOK_path_mknod:
		named_in(&d->path, args[0], args[1]);
		has_value(d, (__u16)args[2]);
		break;
	case HOOK_path_symlink:
		named_in(&d->path, args[0], args[1]);
		d->text = args[2];
		break;
	case HOOK_path_rename:
		named_in(&d->path, args[0], args[1]);
		named_in(&d->target, args[2], args[3]);
		break;
	case HOOK_path_link:
		path = (struct path *)args[1];
		set_entry(&d->path, (__u64)READ(path, mnt), READ((struct dentry *)args[0], d_parent),
			  (struct dentry *)args[0]);
		named_in(&d->target, args[1], args[2]);
		break;
	case HOOK_path_chmod:
		set_whole(&d->path, (__u64)READ(path, mnt), (__u64)READ(path, dentry));
		has_value(d, (__u16)args[1]);
		break;
	case HOOK_path_chown:
		set_whole(&d->path, (__u64)READ(path, mnt), (__u64)READ(path, dentry));
		has_value(d, (__s32)args[1]);
		break;
	case HOOK_path_truncate:
		set_whole(&d->path, (__u64)READ(path, mnt), (__u64)READ(path, dentry));
		break;
	case HOOK_sb_mount:
		path = (struct path *)args[1];
		set_whole(&d->path, (__u64)READ(path, mnt), (__u64)READ(path, dentry));
		d->text = args[0];
		has_value(d, args[3]);
		break;
	case HOOK_socket_bind:
	case HOOK_socket_connect:
		d->address = args[1];
		d->address_len = args[2];
		break;
	case HOOK_socket_sendmsg:
		d->address = (__u64)READ((struct msghdr *)args[1], msg_name);
		d->address_len = READ((struct msghdr *)args[1], msg_namelen);
		has_value(d, (__s32)args[2]);
		break;
	case HOOK_socket_listen:
		has_value(d, (__s32)args[1]);
		break;
	case HOOK_socket_create:
	case HOOK_bpf:
		has_value(d, (__s32)args[0]);
		break;
	case HOOK_ptrace_access_check:
		has_value(d, READ((struct task_struct *)args[0], tgid));
		break;
	case HOOK_task_fix_setuid:
		has_value(d, READ((struct cred *)args[0], euid.val));
		break;
	case HOOK_inode_setxattr: {
		/* If mounts may have their own ids, these are the first argument. */
		__u64 dentry = has_own_ids() ? args[1] : args[0];
		set_whole(&d->path, mount_showing((struct dentry *)dentry), dentry);
		d->text = has_own_ids() ? args[2] : args[1];
		break;
	}
	}
	return 0;
}

static __always_inline void put_object(struct scratch *s, struct entry *entry)
{
	end_param(s, write_entry(s, entry, false) & 0x3fff);
}

__noinline int put_decided_address(void)
{
	struct scratch *s = scratch();
	struct decision *d = decision();
	if (!s || !d)
		return 0;
	__u32 len = d->address_len;
	len = len > SOCKADDR_MAX ? SOCKADDR_MAX : len;
	barrier_var(len);
	len &= 2 * SOCKADDR_MAX - 1;
	if (!d->address || bpf_probe_read_kernel(&s->data[TEMP], len, (void *)d->address))
		len = 0;
	end_param(s, write_address(&s->data[s->pos & 0xffff], &s->data[TEMP], len));
	return 0;
}

__noinline int put_decided_paths(void)
{
	struct scratch *s = scratch();
	struct decision *d = decision();
	if (!s || !d)
		return 0;
	put_object(s, &d->path);
	if (d->target.dentry)
		put_object(s, &d->target);
	else
		put_kernel_str(s, d->text);
	return 0;
}

/* Whether the decision is for a worker thread's request. */
static __always_inline bool is_of_worker(struct task_struct *task)
{
	return TASK(task, flags) & (PF_KTHREAD | PF_IO_WORKER);
}

/* The event of the surrounding call, if that is captured; in `io_uring_enter` it may belong to a request. */
static __always_inline __u16 call_at_hand(struct task_struct *task)
{
	if (is_of_worker(task))
		return 0;
	struct call call = own_call();
	return call.says || call.type == EV_SYSCALL_IO_URING_ENTER_X ? call.type : 0;
}

__noinline int emit_decision(__u32 hook)
{
	struct scratch *s = scratch();
	struct decision *d = decision();
	struct task_struct *task = current_task();
	if (!s || !d)
		return 0;
	s->has_told = has_told(own_cpu());
	take_objects(hook);
	begin(s, EV_LSM_X, is_of_worker(task) ? TASK(task, tgid) : TASK(task, pid));
	put(s, hook, 1);
	put(s, d->verdict, 8);
	put_decided_paths();
	put_decided_address();
	if (d->has_value)
		put(s, d->value, 8);
	else
		put_empty(s);
	put(s, call_at_hand(task), 2);
	submit(s, false);
	return 0;
}

static __always_inline void report_decision(__u32 hook, void *ctx)
{
	struct cpu *cpu = own_cpu();
	if (!is_claimed_for(cpu, hooks_are_preempted)) {
		lose(cpu, &cpu->unclaimed, EV_LSM_X, 0);
		return;
	}
	struct decision *d = decision();
	if (d && empty_scratch()) {
		bpf_probe_read_kernel(d->args, sizeof(d->args), ctx);
		d->verdict = (__s32)d->args[hook_args[hook & (HOOK_KINDS - 1)] & (HOOK_WORDS - 1)];
		emit_decision(hook);
	}
	release_for(cpu, hooks_are_preempted);
}

static __always_inline int decide(__u32 hook, void *ctx)
{
	if (is_left_out(current_task()))
		return 0;
	if (hooks_hold_cpu)
		bpf_preempt_disable();
	report_decision(hook, ctx);
	if (hooks_hold_cpu)
		bpf_preempt_enable();
	/* As a security module, the program denies nothing. */
	return 0;
}

#define DECIDED(hook, function)                                                                                   \
	SEC("fexit/" #function)                                                                                   \
	int decide_##hook(void *ctx)                                                                              \
	{                                                                                                         \
		return decide(HOOK_##hook, ctx);                                                           \
	}

HOOK_PROGRAMS
