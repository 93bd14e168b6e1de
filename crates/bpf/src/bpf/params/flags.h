/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Kernel values as the schema has them. */
#pragma once

#define O_CREAT 0100
#define O_TMPFILE 020200000
#define O_NONBLOCK 04000
#define O_CLOEXEC 02000000
#if defined(__TARGET_ARCH_x86)
#define O_DIRECT 040000
#else
#define O_DIRECT 0200000
#endif
#define S_IALLUGO 07777
#define SIGHUP 1
#define SIGINT 2
#define SIGQUIT 3
#define SIGKILL 9
#define SIGTERM 15
#define SIGCHLD 17
#define SIGTSTP 20
#define SIGRTMIN 32
#define SIGRTMAX 64

__noinline int translate(__u32 map, __u64 value)
{
	struct flag_map m = {
		.first = flag_maps[map & 63].first,
		.count = flag_maps[map & 63].count,
		.kind = flag_maps[map & 63].kind,
		.otherwise = flag_maps[map & 63].otherwise,
	};
	__u32 result = 0;
	int i;
	if (m.kind == 0)
		return value;
	for (i = 0; i < 64; i++) {
		if (i >= m.count)
			break;
		__u64 from = flag_pairs[(m.first + i) & 1023].from;
		__u64 to = flag_pairs[(m.first + i) & 1023].to;
		if (m.kind == 2) {
			if (from == value)
				return to;
		} else {
			__u64 hit = value & from;
			/* All ones if any bit is set: no branch, so that the verifier sees one path. */
			result |= to & ((__s64)(hit | -hit) >> 63);
		}
	}
	return m.kind == 2 ? m.otherwise : result;
}

__noinline int open_flags(__u64 flags)
{
	static const volatile __u32 pairs[12][2] = {
#if defined(__TARGET_ARCH_x86)
		{ 0x4000, 512 }, { 0x8000, 2048 }, { 0x10000, 9216 },
#else
		{ 0x10000, 512 }, { 0x20000, 2048 }, { 0x4000, 9216 },
#endif
		{ 0x40, 4 }, { 0x80, 32 }, { 0x200, 256 }, { 0x400, 8 }, { 0x800, 64 }, { 0x1000, 144 },
		{ 0x80000, 4096 }, { 0x100000, 128 }, { 0x400000, 8192 },
	};
	__u32 mode = flags & 3, result = mode == 1 ? 2 : mode == 2 ? 3 : 1;
	int i;
	for (i = 0; i < 12; i++) {
		__s64 hit = flags & pairs[i][0];
		result |= pairs[i][1] & ((hit | -hit) >> 63);
	}
	return result;
}

static __always_inline __u32 open_mode(__u64 flags, __u64 mode)
{
	return flags & (O_CREAT | O_TMPFILE) ? mode & S_IALLUGO : 0;
}

/* Whether the kernel's siginfo of such a signal names who sent it. */
static __always_inline bool has_sender(int signal, int code)
{
	switch (signal) {
	case SIGKILL:
	case SIGCHLD:
		return true;
	case SIGHUP:
	case SIGINT:
	case SIGQUIT:
	case SIGTERM:
	case SIGTSTP:
		/* From a process rather than from the kernel. */
		return code <= 0;
	}
	return signal >= SIGRTMIN && signal <= SIGRTMAX;
}

/* Of the pairs (protection or absence, write or read, user or supervisor) one each; the others may be there. */
static __always_inline __u32 fault_flags(__u64 error)
{
	return (error & 1 ? 1 : 2) | (error & 2 ? 4 : 8) | (error & 4 ? 16 : 32) | (error & 8 ? 64 : 0) |
	       (error & 16 ? 128 : 0);
}
