/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads members of the kernel's structures, through pointers whose type the verifier does not know. */
#pragma once

/* If the kernel has it (6.2), this function gives such a pointer its type, so a member is read by one instruction
 * instead of a call. Both read 0 if the pointer is invalid. */
extern void *bpf_rdonly_cast(const void *pointer, __u32 type) __ksym __weak;

#define CAST(from)                                                                                                \
	((__typeof__(from))bpf_rdonly_cast(from, bpf_core_type_id_kernel(__typeof__(*(from)))))

#define HOP(from, member)                                                                                         \
	({                                                                                                        \
		__auto_type from_ = (from);                                                                       \
		__typeof__(from_->member) value_;                                                                 \
		if (bpf_rdonly_cast)                                                                              \
			value_ = CAST(from_)->member;                                                             \
		else                                                                                              \
			bpf_core_read(&value_, sizeof(value_), &from_->member);                                   \
		value_;                                                                                           \
	})

/* A pointer in a structure that the verifier trusts. If possible, a cast removes the trust, because for each read
 * of a trusted pointer the verifier would search all kernel types to find whether the trust is inherited. */
#define READ_TRUSTED(from, member)                                                                                \
	({                                                                                                        \
		__auto_type from_ = (from);                                                                       \
		(bpf_rdonly_cast ? CAST(from_) : from_)->member;                                                  \
	})

/* A number or pointer, reached through up to five members. */
#define READ_1(from, a) HOP(from, a)
#define READ_2(from, a, b) HOP(READ_1(from, a), b)
#define READ_3(from, a, b, c) HOP(READ_2(from, a, b), c)
#define READ_4(from, a, b, c, d) HOP(READ_3(from, a, b, c), d)
#define READ_5(from, a, b, c, d, e) HOP(READ_4(from, a, b, c, d), e)
#define READ_N(a, b, c, d, e, name, ...) name
#define READ(from, ...) READ_N(__VA_ARGS__, READ_5, READ_4, READ_3, READ_2, READ_1)(from, __VA_ARGS__)

/* A pointer in an array of pointers, read as the only member of a structure. */
#define READ_POINTER(from) ((__typeof__(*(from)))READ((struct list_head *)(from), next))

/* If the kernel does not give programs a typed pointer to the current task, it is a number. */
static __always_inline struct task_struct *current_task(void)
{
	if (has_task_pointer)
		return (struct task_struct *)bpf_get_current_task_btf();
	return (struct task_struct *)bpf_get_current_task();
}

/* A member of the current task, or of a structure that it points to. */
#define TASK(from, member) (has_task_pointer ? (from)->member : READ(from, member))

static __always_inline __s64 host_number(struct pid *pid)
{
	struct upid number = {};
	bpf_core_read(&number, sizeof(number), &pid->numbers[0]);
	return number.nr;
}
