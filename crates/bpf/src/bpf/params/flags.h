/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Conversion of kernel values to the schema's. */
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
#define O_PATH 010000000
/* The bit of O_TMPFILE besides O_DIRECTORY. */
#define O_UNNAMED 020000000
#define S_IALLUGO 07777
/* The bits that the kernel takes of the mode of a new directory. */
#define DIRECTORY_MODE 01777
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
	/* Each kind has its own loop, so that the verifier does not follow both kinds through one. */
	if (m.kind == 2) {
		/* The kernel declares these arguments as int, and ignores the upper half of the register. */
		__u32 low = value;
		for (i = 0; i < 64; i++) {
			if (i >= m.count)
				break;
			if (flag_pairs[(m.first + i) & 1023].from == low)
				return flag_pairs[(m.first + i) & 1023].to;
		}
		return m.otherwise;
	}
	for (i = 0; i < 64; i++) {
		if (i >= m.count)
			break;
		__u64 hit = value & flag_pairs[(m.first + i) & 1023].from;
		/* All ones if any bit is set, without a branch, so that the verifier sees one path. */
		result |= flag_pairs[(m.first + i) & 1023].to & ((__s64)(hit | -hit) >> 63);
	}
	return result;
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
/* The access modes in the schema's numbers, two bits each: 3 permits neither reading nor writing. */
#define ACCESS_MODES 0x39
/* O_PATH in events. The schema has no flag for it. */
#define PPM_O_PATH 0x1000000

static __always_inline __u32 open_flags(__u32 f)
{
	/* With O_PATH, all other flags have no effect, and the file can neither be read nor written. */
	if (f & O_PATH)
		return PPM_O_PATH | BIT(f, 19, 12) | BIT(f, O_DIRECTORY_AT, 10);
	/* An unnamed file is created in a directory, and is no directory. */
	__u32 kind = f & O_UNNAMED ? BIT(f, O_DIRECTORY_AT, 13) : BIT(f, O_DIRECTORY_AT, 10);
	return (ACCESS_MODES >> 2 * (f & 3) & 3) | BIT(f, 6, 2) | BIT(f, 7, 5) | BIT(f, 9, 8) | BIT(f, 10, 3) |
	       BIT(f, 11, 6) | BIT(f, 12, 4) | BIT(f, 12, 7) | BIT(f, 19, 12) | BIT(f, 20, 7) |
	       BIT(f, O_DIRECT_AT, 9) | BIT(f, O_LARGEFILE_AT, 11) | kind;
}

/* A mode has no effect if no file is created. */
static __always_inline __u32 open_mode(__u64 flags, __u64 mode)
{
	return !(flags & O_PATH) && flags & (O_CREAT | O_UNNAMED) ? mode & S_IALLUGO : 0;
}

/* Whether the kernel's siginfo of this signal contains the sender. */
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

/* One flag of each pair (protection or absence, write or read, user or supervisor), and possibly others. */
static __always_inline __u32 fault_flags(__u64 error)
{
	return (error & 1 ? 1 : 2) | (error & 2 ? 4 : 8) | (error & 4 ? 16 : 32) | (error & 8 ? 64 : 0) |
	       (error & 16 ? 128 : 0);
}
