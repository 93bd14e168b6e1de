/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files whose reads make descriptors, and the file whose writes set the login user. Reads and writes are too frequent to look at
 * the file of each, so the programs look only while such files exist. */
#pragma once

#define PROC_MAGIC 0x9fa0
/* The first bytes of the kernel's names. */
#define NAME_OF_FANOTIFY 0x6669746f6e61665bULL /* "[fanotif" */
#define NAME_OF_USERFAULTFD 0x756166726573755bULL /* "[userfau" */
#define NAME_OF_LOGIN 0x6469756e69676f6cULL /* "loginuid" */

enum watched { NOT_WATCHED, MAKES_FILES, MAKES_FAULTS, SETS_LOGIN };

/* Whether there may be a file whose reads make descriptors. */
__u32 reads_make SEC(".bss.watched");
/* The time until which writes may set a login user; 0 if no such file was opened lately. Programs open it and write at once. */
__u64 login_until SEC(".bss.watched");
#define LOGIN_NS (1ULL << 30)

static __always_inline enum watched watched_of(struct file *file)
{
	if (name_in(file, PROC_MAGIC) == NAME_OF_LOGIN)
		return SETS_LOGIN;
	switch (name_in(file, ANON_INODE_FS_MAGIC)) {
	case NAME_OF_FANOTIFY:
		return MAKES_FILES;
	case NAME_OF_USERFAULTFD:
		return MAKES_FAULTS;
	}
	return NOT_WATCHED;
}

/* Notes whether reads of a file make descriptors: for a new or received descriptor, or one of the snapshot. */
static __always_inline void note_reads(struct file *file)
{
	enum watched watched = watched_of(file);
	if (watched == MAKES_FILES || watched == MAKES_FAULTS)
		reads_make = 1;
}

/* Notes whether writes of an opened file set the login user. `magic` is the number of its file system. */
static __always_inline void note_login(struct file *file, __u64 magic)
{
	if (magic == PROC_MAGIC && READ(file, f_mode) & FMODE_WRITE && watched_of(file) == SETS_LOGIN)
		login_until = bpf_ktime_get_boot_ns() + LOGIN_NS;
}

static __always_inline bool is_watching(void)
{
	return *(volatile __u32 *)&reads_make || *(volatile __u64 *)&login_until;
}

/* Whether it is a read that such a file accepts: preadv2 may read without an offset. */
static __always_inline bool may_make(__u32 type)
{
	return type == EV_SYSCALL_READ_X || type == EV_SYSCALL_READV_X || type == EV_SYSCALL_PREADV2_X;
}

/* Whether it is a write, also one with an offset: the files of /proc accept an offset of 0. */
static __always_inline bool may_set(__u32 type)
{
	return type == EV_SYSCALL_WRITE_X || type == EV_SYSCALL_WRITEV_X || type == EV_SYSCALL_PWRITE_X ||
	       type == EV_SYSCALL_PWRITEV_X || type == EV_SYSCALL_PWRITEV2_X;
}

/* Whether a call of this type may change the state by the file that it reads or writes. */
__noinline int may_decide(__u32 type)
{
	if (may_make(type))
		return reads_make;
	if (!may_set(type))
		return false;
	if (login_until && bpf_ktime_get_boot_ns() > login_until)
		login_until = 0;
	return login_until != 0;
}

/* Whether the file makes a read or a write change the state. */
static __always_inline bool decides(__u32 type, struct file *file)
{
	enum watched watched = file ? watched_of(file) : NOT_WATCHED;
	if (may_make(type))
		return watched == MAKES_FILES || watched == MAKES_FAULTS;
	return watched == SETS_LOGIN;
}

/* Whether a read or a write with this result may have changed the state. A read makes the descriptors of fanotify one after the
 * other, and that of a userfaultfd before the message with its number; then it may fail to write to memory. */
static __always_inline bool may_have_acted(__u32 type, long ret)
{
	return ret > 0 || (ret == -EFAULT && may_make(type));
}

/* Whether a read has made descriptors, or a write has set the login user. */
__noinline int is_decisive(__u32 type, __u32 fd, long ret)
{
	return may_have_acted(type, ret) && may_decide(type) && decides(type, file_at(own_files(), fd));
}

/* The interest in a read or a write: if it changes the state, it is reported even if others of its kind are not. */
__noinline int decided_interest(__u32 says, __u32 type, __u32 fd, long ret)
{
	if (is_watching() && is_decisive(type, fd, ret))
		return says | DESCRIPTOR_ALONE;
	return says & DESCRIPTOR_ALONE ? 0 : says;
}

/* The filter that is in use; 0 (none) for a read or a write that changes the state. */
__noinline int filter_unless_decisive(__u32 type, __u32 fd, long ret)
{
	return is_watching() && is_decisive(type, fd, ret) ? 0 : filter_in_use;
}
