/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Arguments and numbers in user memory. */
#pragma once

static __always_inline __u64 arg(struct scratch *s, __u32 n)
{
	barrier_var(n);
	return s->args[n & 7];
}

static __always_inline __u64 user_u64(__u64 at)
{
	__u64 value = 0;
	bpf_probe_read_user(&value, sizeof(value), (void *)at);
	return value;
}

static __always_inline __u32 user_u32(__u64 at)
{
	__u32 value = 0;
	bpf_probe_read_user(&value, sizeof(value), (void *)at);
	return value;
}

/* The i-th member of a structure of longs and pointers, in the caller's width. */
static __always_inline __u64 user_word(struct scratch *s, __u64 at, __u32 i)
{
	return s->compat ? user_u32(at + 4 * i) : user_u64(at + 8 * i);
}

/* A number of 32 bits, which has 16 bits in old calls of 32-bit programs. */
static __always_inline __u64 user_id(struct scratch *s, __u64 at)
{
	__u32 value = user_u32(at);
	return s->form == ARGS_HALF_POINTEES ? value & 0xffff : value;
}

/* A number of 64 bits, which has 32 bits in old calls of 32-bit programs. */
static __always_inline __u64 user_offset(struct scratch *s, __u64 at)
{
	return s->form == ARGS_HALF_POINTEES ? user_u32(at) : user_u64(at);
}

/* Seconds and a fraction in units of `unit` ns, in the width of the caller's longs, or `wide`. */
static __always_inline __u64 user_time(struct scratch *s, __u64 at, __u64 unit, bool wide)
{
	if (wide || s->form == ARGS_LONG_TIMES)
		return user_u64(at) * 1000000000ULL + user_u64(at + 8) * unit;
	return user_word(s, at, 0) * 1000000000ULL + user_word(s, at, 1) * unit;
}
