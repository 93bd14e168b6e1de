/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Arguments in user memory, copied when the call begins, because another thread may change them before it ends. */
#pragma once

#define SOCKADDR_MAX 128
#define NOTHING_KEPT -1
/* Added to the number of a call of a 32-bit program. The tracepoints of single calls do not report when such a call begins; without
 * this bit, it would use the data of an earlier call with the same number. */
#define KEPT_OF_32_BITS 0x10000

struct kept {
	/* The call for which it was kept. */
	__s32 number;
	/* Size of a path with its NUL, or of an address; more than KEPT_SHORT bytes are in the longer memory. */
	__u32 len;
	/* Flags, mode and resolution of an openat2. */
	__u64 how[3];
	__u8 data[KEPT_SHORT];
};

struct kept_long {
	__u8 data[KEPT_LONG];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct kept);
} kept_calls SEC(".maps");

/* Allocated only for threads that use longer paths. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct kept_long);
} kept_paths SEC(".maps");

/* The same by thread id, if tracing programs have no task storage. If the map is full, nothing is kept for a
 * thread. */
#define KEPT_PATHS 1024

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, KEPT_THREADS);
	__type(key, __u32);
	__type(value, struct kept);
} kept_calls_by_tid SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, KEPT_PATHS);
	__type(key, __u32);
	__type(value, struct kept_long);
} kept_paths_by_tid SEC(".maps");

static __always_inline struct kept *kept_of_thread(bool create)
{
	return OF_THREAD(kept_calls, kept_calls_by_tid, create);
}

static __always_inline struct kept_long *long_path_of_thread(bool create)
{
	return OF_THREAD(kept_paths, kept_paths_by_tid, create);
}

static __always_inline long keep_path(struct kept *kept, __u64 from)
{
	long len = read_user_str(kept->data, KEPT_SHORT, (void *)from);
	if (len < KEPT_SHORT)
		return len;
	struct kept_long *more = long_path_of_thread(true);
	return more ? read_user_str(more->data, KEPT_LONG, (void *)from) : 0;
}

static __always_inline long keep_address(struct kept *kept, __u64 from, __u32 len)
{
	len = len > SOCKADDR_MAX ? SOCKADDR_MAX : len;
	barrier_var(len);
	len &= 2 * SOCKADDR_MAX - 1;
	return bpf_probe_read_user(kept->data, len, (void *)from) ? 0 : len;
}

/* Keeps the data that an event of this type will need. */
static __always_inline int keep(__u32 number, __u16 type, __u64 *args)
{
	struct kept *kept = kept_of_thread(true);
	long len = 0;
	if (!kept)
		return 0;
	/* Memory that is not paged in is read when the call ends, because the kernel pages it in for the call. */
	kept->number = NOTHING_KEPT;
	switch (type) {
	case EV_SYSCALL_OPEN_X:
	case EV_SYSCALL_CREAT_X:
		len = keep_path(kept, args[0]);
		break;
	case EV_SYSCALL_OPENAT_2_X:
		len = keep_path(kept, args[1]);
		break;
	case EV_SYSCALL_OPENAT2_X:
		if (!bpf_probe_read_user(kept->how, sizeof(kept->how), (void *)args[2]))
			len = keep_path(kept, args[1]);
		break;
	case EV_SOCKET_CONNECT_X:
		len = keep_address(kept, args[1], args[2]);
		break;
	case EV_SYSCALL_MOUNT_X:
		keep_last_mount();
		break;
	case EV_SYSCALL_UMOUNT_1_X:
	case EV_SYSCALL_UMOUNT2_X:
		keep_mounts();
		break;
	}
	if (len > 0) {
		kept->len = len;
		kept->number = number;
	}
	return 0;
}

static __always_inline bool keeps(__u16 type)
{
	return type == EV_SYSCALL_OPENAT_2_X || type == EV_SYSCALL_OPEN_X || type == EV_SYSCALL_CREAT_X ||
	       type == EV_SYSCALL_OPENAT2_X || type == EV_SOCKET_CONNECT_X || type == EV_SYSCALL_MOUNT_X ||
	       (lacks_hooks && (type == EV_SYSCALL_UMOUNT_1_X || type == EV_SYSCALL_UMOUNT2_X));
}

/* The data that was kept for the current call with this number. */
static __always_inline struct kept *kept_of(__u32 number)
{
	struct kept *kept = kept_of_thread(false);
	return kept && kept->number == number ? kept : 0;
}

/* Nothing is kept for requests, which the thread may make after a call with the same number. */
static __always_inline struct kept *kept_for(struct scratch *s)
{
	return s->request ? 0 : kept_of(s->number | (s->compat ? KEPT_OF_32_BITS : 0));
}

static __always_inline void forget(void)
{
	struct kept *kept = kept_of_thread(false);
	if (kept)
		kept->number = NOTHING_KEPT;
}

/* Appends a path: as it was when the call began, if that was kept, otherwise as it is now. */
static __always_inline void put_path_arg(struct scratch *s, __u64 from)
{
	struct kept *kept = kept_for(s);
	void *data = kept ? kept->data : 0;
	__u32 len = kept ? kept->len : 0;
	if (len > KEPT_SHORT) {
		struct kept_long *more = long_path_of_thread(false);
		data = more ? more->data : 0;
	}
	if (!data) {
		put_user_str(s, from, KEPT_LONG);
		return;
	}
	barrier_var(len);
	len &= 2 * KEPT_LONG - 1;
	if (len > KEPT_LONG)
		len = KEPT_LONG;
	bpf_probe_read_kernel(&s->data[s->pos & 0xffff], len, data);
	end_param(s, len);
}
