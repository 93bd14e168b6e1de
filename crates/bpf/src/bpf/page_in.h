/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Arguments in memory that is not resident. The program that builds events must not sleep, so it leaves them empty.
 * Before it, a sleepable program (Linux 7.1) reads a byte of each page that the event needs, and the kernel pages it
 * in. This program claims no ring, and writes to no memory except its stack. */
#pragma once

/* Distance between two reads. On a kernel with larger pages, several reads are on one page. */
#define PAGE 4096
#define PAGES_OF_BYTES 18
#define TEXT_PART 128
#define TEXT_PARTS 33
/* Sizes of what arguments point to, rounded up. */
#define NUMBER_BYTES 8
#define RECORD_BYTES 32
#define BLOCK_BYTES 120
#define MSG_CONTROL_MAX 4096
/* Six arguments of a 32-bit program. */
#define ARGS_BLOCK_BYTES 24

/* Instead of a message's size, which is not known before its buffers are read: more than is ever captured. */
#define OF_MESSAGE 0xffff

#define READS_PER_EVENT 4

#define FS_REQUIRES_DEV 1
#define FUSE_MAGIC 0x65735546
#define TMPFS_MAGIC 0x01021994
#define RAMFS_MAGIC 0x858458f6
#define HUGETLBFS_MAGIC 0x958458f6

struct mapping {
	bool is_local;
};

/* Whether the kernel itself can provide the page. The caller would have to wait for another process (userfaultfd, FUSE) or for a
 * server (NFS). */
static long look_at_mapping(struct task_struct *task, struct vm_area_struct *area, struct mapping *mapping)
{
	struct file *file = READ(area, vm_file);
	if (bpf_core_field_exists(area->vm_userfaultfd_ctx.ctx) && READ(area, vm_userfaultfd_ctx.ctx))
		return 0;
	if (!file) {
		mapping->is_local = true;
		return 0;
	}
	unsigned long magic = READ(file, f_inode, i_sb, s_magic);
	mapping->is_local = magic == TMPFS_MAGIC || magic == RAMFS_MAGIC || magic == HUGETLBFS_MAGIC ||
			 (magic != FUSE_MAGIC && READ(file, f_inode, i_sb, s_type, fs_flags) & FS_REQUIRES_DEV);
	return 0;
}

__noinline int page_in_at(__u64 at)
{
	struct mapping mapping = {};
	__u8 byte;
	if (!bpf_probe_read_user(&byte, sizeof(byte), (void *)at))
		return 0;
	bpf_find_vma(bpf_get_current_task_btf(), at, look_at_mapping, &mapping, 0);
	if (mapping.is_local)
		bpf_copy_from_user(&byte, sizeof(byte), (void *)at);
	return 0;
}

__noinline int page_in_bytes(__u64 at, __u64 len)
{
	__u64 end = at + len;
	int i;
	for (i = 0; i < PAGES_OF_BYTES; i++) {
		if (!at || at >= end)
			break;
		page_in_at(at);
		at = (at | (PAGE - 1)) + 1;
	}
	return 0;
}

__noinline int page_in_text(__u64 at)
{
	char part[TEXT_PART];
	int i;
	for (i = 0; i < TEXT_PARTS; i++) {
		long len = at ? bpf_probe_read_user_str(part, sizeof(part), (void *)at) : 0;
		if (len < 0) {
			/* Its end may be on the next page. */
			page_in_at(at);
			if ((at & (PAGE - 1)) + TEXT_PART > PAGE &&
			    bpf_probe_read_user_str(part, sizeof(part), (void *)at) < 0)
				page_in_at((at | (PAGE - 1)) + 1);
			len = bpf_probe_read_user_str(part, sizeof(part), (void *)at);
		}
		if (len < TEXT_PART)
			break;
		at += TEXT_PART - 1;
	}
	return 0;
}

static __always_inline __u64 word_at(__u64 at, __u32 i, bool compat)
{
	return compat ? user_u32(at + 4 * i) : user_u64(at + 8 * i);
}

/* At most this much of a buffer is captured. */
static __always_inline __u64 captured(__u64 len)
{
	__u64 most = snaplen_by_protocol && snaplen < KEPT_OF_PORTS ? KEPT_OF_PORTS : snaplen;
	return len < most ? len : most;
}

__noinline int page_in_buffers(__u64 at, __u64 count, __u64 left, int compat)
{
	int i;
	if (count > IOV_MAX)
		count = IOV_MAX;
	page_in_bytes(at, count * 16);
	for (i = 0; i < IOV_MAX; i++) {
		if (i >= count || !left)
			break;
		__u64 size = word_at(at, 2 * i + 1, compat);
		if (size > left)
			size = left;
		page_in_bytes(word_at(at, 2 * i, compat), size);
		left -= size;
	}
	return 0;
}

__noinline int page_in_message(__u64 at, __u64 len, int compat)
{
	page_in_bytes(at, (MSG_WORDS + 1) * 8);
	__u64 name_len = (__u32)word_at(at, 1, compat), control_len = word_at(at, 5, compat);
	page_in_bytes(word_at(at, 0, compat), name_len > SOCKADDR_MAX ? SOCKADDR_MAX : name_len);
	page_in_buffers(word_at(at, 2, compat), word_at(at, 3, compat), len, compat);
	page_in_bytes(word_at(at, 4, compat), control_len > MSG_CONTROL_MAX ? MSG_CONTROL_MAX : control_len);
	return 0;
}

__noinline int page_in_messages(__u64 at, __u64 count, int compat)
{
	int i;
	for (i = 0; i < MESSAGES_MAX; i++) {
		if (i && i >= count)
			break;
		page_in_message(at, captured(OF_MESSAGE), compat);
		at += (MSG_WORDS + 1) * (compat ? 4 : 8);
	}
	return 0;
}

/* Pages in what an argument points to. `next` is the argument after it; `how` is a number of `enum reads`. */
__noinline int page_in_argument(__u32 how, __u64 at, __u64 next, long ret, int compat)
{
	__u64 done = ret > 0 ? ret : 0;
	switch (how) {
	case READS_TEXT:
		return page_in_text(at);
	case READS_NUMBER:
		return page_in_bytes(at, NUMBER_BYTES);
	case READS_RECORD:
		return page_in_bytes(at, RECORD_BYTES);
	case READS_BLOCK:
		return page_in_bytes(at, BLOCK_BYTES);
	case READS_RECEIVED:
		return page_in_bytes(at, captured(done));
	case READS_SENT:
		return page_in_bytes(at, captured(done ? done : next));
	case READS_ADDRESS:
		return page_in_bytes(at, next > SOCKADDR_MAX ? SOCKADDR_MAX : next);
	case READS_BUFFERS_RECEIVED:
		return page_in_buffers(at, next, captured(done), compat);
	case READS_BUFFERS_SENT:
		return page_in_buffers(at, next, captured(done ? done : OF_MESSAGE), compat);
	case READS_MESSAGE_RECEIVED:
		return page_in_message(at, captured(done), compat);
	case READS_MESSAGE_SENT:
		return page_in_message(at, captured(done ? done : OF_MESSAGE), compat);
	case READS_MESSAGES:
		return page_in_messages(at, done, compat);
	case READS_POLLED:
		return page_in_bytes(at, 8 * (next > POLL_MAX ? POLL_MAX : next));
	}
	return 0;
}

/* Whether the filter rejects every event with this result. Its other decisions need the scratch memory of a claimed ring. */
static __always_inline bool is_rejected(__u16 type, long ret)
{
	__u32 which = filter_in_use;
	struct filter *f = which ? filter_of(which) : 0;
	struct filter_type *row = f ? &f->types[type & (EVENT_TYPES - 1)] : 0;
	return row && row->flags & FILTER_ON && is_free(row->flags, ret) && rejects_result(row, ret);
}

/* At the end of a call. */
static __always_inline int page_in_arguments(struct pt_regs *regs, long ret)
{
	struct task_struct *task = current_task();
	struct call call = call_of(task, regs);
	__u32 all = user_reads[call.type & (EVENT_TYPES - 1)];
	__u64 args[8] = {};
	int i;
	if (!all || is_of_no_interest(&call, regs, ret) || (drop_failed && ret < 0) || is_left_out(task) ||
	    is_rejected(call.type, ret))
		return 0;
#if defined(__TARGET_ARCH_x86)
	if (call.form == ARGS_BLOCK)
		page_in_bytes((__u32)(call.which ? regs->cx : regs->bx), ARGS_BLOCK_BYTES);
#endif
	take_args(args, regs, &call);
	for (i = 0; i < READS_PER_EVENT; i++) {
		__u32 one = all >> 8 * i & 0xff, n = one & 7;
		if (!one)
			break;
		page_in_argument(one >> 3, args[n], args[(n + 1) & 7], ret, call.compat);
	}
	return 0;
}

/* The section does not say that it sleeps, so that other kernels can load the object. User space sets that flag (SLEEPABLE). */
SEC("tp_btf/sys_exit")
int BPF_PROG(page_in, struct pt_regs *regs, long ret)
{
	return page_in_arguments(regs, ret);
}
