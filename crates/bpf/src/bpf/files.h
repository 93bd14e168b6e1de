/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files whose descriptors nobody uses: while the filter says so, events that open or close them may be left out. */
#pragma once

/* Of file systems that no program mounts: pipes, sockets, memory that memfd_create makes, namespaces. */
#define SB_KERNMOUNT (1 << 22)
/* The major number of /dev/null, /dev/zero, /dev/urandom and their like. */
#define MEMORY_DEVICES 1
#define MINOR_BITS 20

/* Whether it is one of those: a regular file or a device without a state, of which user space has to follow nothing. A
 * directory is where paths begin, a terminal may become that of the session, and other files are of kinds that rules ask for. */
static __always_inline bool is_plain(struct file *file)
{
	struct inode *inode;
	__u32 kind;
	if (!file)
		return false;
	inode = READ(file, f_inode);
	kind = READ(inode, i_mode) & S_IFMT;
	if (kind == S_IFCHR)
		return READ(inode, i_rdev) >> MINOR_BITS == MEMORY_DEVICES;
	return kind == S_IFREG && !(READ(inode, i_sb, s_flags) & SB_KERNMOUNT);
}

__noinline int is_plain_descriptor(__u32 fd)
{
	return is_plain(file_at(own_files(), fd));
}

/* The call at hand closes such a file. When it ends, the file is gone, so that its begin is noted for the CPU: by thread,
 * descriptor, and how often the thread has changed CPUs. In one word, as another thread may note its own at any time. */
#define TID_BITS 22
#define FD_BITS 20
#define MIGRATION_BITS 21

static __always_inline __u64 note_of_close(struct task_struct *task, __u32 fd)
{
	__u64 moves = TASK(task, se.nr_migrations) & ((1 << MIGRATION_BITS) - 1);
	__u64 tid = TASK(task, pid) & ((1 << TID_BITS) - 1);
	return tid << (FD_BITS + MIGRATION_BITS) | moves << FD_BITS | fd | 1ULL << 63;
}

/* Another thread that has the same descriptors could put something else there before the call takes it away. */
static __always_inline int begin_close(__u32 fd)
{
	struct cpu *cpu = own_cpu();
	struct filter *f = filter_in_use ? filter_of(filter_in_use) : 0;
	struct files_struct *files = own_files();
	__u64 note = 0;
	if (f && f->types[EV_SYSCALL_CLOSE_X].flags & FILTER_FREE_FILES && fd < 1 << FD_BITS && files &&
	    READ(files, count.counter) == 1 && is_plain(file_at(files, fd)))
		note = note_of_close(current_task(), fd);
	*(volatile __u64 *)&cpu->closing = note;
	return 0;
}

static __always_inline bool has_closed_plain(__u32 fd)
{
	struct cpu *cpu = own_cpu();
	__u64 note = *(volatile __u64 *)&cpu->closing;
	if (!note || fd >= 1 << FD_BITS || note != note_of_close(current_task(), fd))
		return false;
	*(volatile __u64 *)&cpu->closing = 0;
	return true;
}

/* What is decided before an event is built, with a look at its file where that matters. */
static __always_inline int with_file(int early, __u16 type, long ret, __u32 fd)
{
	bool is_one;
	if (!(early & FILTER_IF_FILE))
		return early;
	is_one = type == EV_SYSCALL_CLOSE_X ? has_closed_plain(fd) : is_plain_descriptor(ret);
	return is_one ? early : FILTER_SENDS;
}
