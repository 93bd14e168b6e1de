/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Kernel values as the schema has them. */
#pragma once

#define O_CREAT 0100
#define O_NONBLOCK 04000
#define O_CLOEXEC 02000000
#if defined(__TARGET_ARCH_x86)
#define O_DIRECT 040000
#define O_DIRECTORY 0200000
#else
#define O_DIRECT 0200000
#define O_DIRECTORY 040000
#endif
#define O_TMPFILE (020000000 | O_DIRECTORY)
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

#define BIT(value, from, to) (((value) >> (from) & 1) << (to))

#if defined(__TARGET_ARCH_x86)
#define O_DIRECT_AT 14
#define O_LARGEFILE_AT 15
#define O_DIRECTORY_AT 16
#else
#define O_DIRECT_AT 16
#define O_LARGEFILE_AT 17
#define O_DIRECTORY_AT 14
#endif
/* The access modes 0 to 3 in the schema's numbers, two bits each. */
#define ACCESS_MODES 0x79

static __always_inline __u32 open_flags(__u32 f)
{
	return (ACCESS_MODES >> 2 * (f & 3) & 3) | BIT(f, 6, 2) | BIT(f, 7, 5) | BIT(f, 9, 8) | BIT(f, 10, 3) |
	       BIT(f, 11, 6) | BIT(f, 12, 4) | BIT(f, 12, 7) | BIT(f, 19, 12) | BIT(f, 20, 7) | BIT(f, 22, 13) |
	       BIT(f, O_DIRECT_AT, 9) | BIT(f, O_LARGEFILE_AT, 11) | BIT(f, O_DIRECTORY_AT, 10) |
	       BIT(f, O_DIRECTORY_AT, 13);
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
