/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* quotactl: a command, and the members of its structures. */
#pragma once

#define Q_QUOTAON 0x800002
#define Q_GETFMT 0x800004
#define Q_GETINFO 0x800005
#define Q_SETINFO 0x800006
#define Q_GETQUOTA 0x800007
#define Q_SETQUOTA 0x800008
#define Q_XGETQUOTA 0x5803
#define Q_XSETQLIM 0x5804
#define DQBLK_VALID 64
#define DQINFO_VALID 20
/* The bit for the validity of each member of if_dqblk: a hexadecimal digit each, the first member lowest. */
#define DQBLK_BITS 0x54322100

static __always_inline bool of_user(__u32 command)
{
	return command == Q_GETQUOTA || command == Q_SETQUOTA || command == Q_XGETQUOTA || command == Q_XSETQLIM;
}

__noinline int param_quota(__u32 desc)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	__u32 op = desc & 0xff, n = desc >> 8 & 0xff;
	__u64 value = arg(s, n);
	__u32 command = (__u32)arg(s, 0) >> 8;
	__u64 block = arg(s, 3);
	switch (op) {
	case OP_X_QUOTA_CMD:
		put(s, translate(MAP_QUOTACTL_CMD, command), 2);
		break;
	case OP_X_QUOTA_TYPE:
		put(s, translate(MAP_QUOTACTL_TYPE, value & 0xff), 1);
		break;
	case OP_X_QUOTA_ID:
		put(s, of_user(command) ? value : 0, 4);
		break;
	case OP_X_QUOTA_FMT:
		put(s, command == Q_QUOTAON ? translate(MAP_QUOTACTL_FMT, (__u32)value) : 1, 1);
		break;
	case OP_X_QUOTA_FMT_OUT:
		put(s, command == Q_GETFMT ? translate(MAP_QUOTACTL_FMT, user_u32(block)) : 1, 1);
		break;
	case OP_X_QUOTA_FILE:
		if (command == Q_QUOTAON)
			put_user_str(s, block, 4096);
		else
			put_empty(s);
		break;
	case OP_X_DQBLK:
		if (command == Q_GETQUOTA || command == Q_SETQUOTA)
			value = user_u32(block + DQBLK_VALID) >> (DQBLK_BITS >> 4 * (n & 7) & 7) & 1;
		else
			value = 0;
		put(s, value ? user_u64(block + 8 * n) : 0, 8);
		break;
	case OP_X_DQINFO:
		if (command == Q_GETINFO || command == Q_SETINFO)
			value = user_u32(block + DQINFO_VALID) >> (n & 7) & 1;
		else
			value = 0;
		if (n == 2)
			put(s, value ? user_u32(block + 16) : 0, 1);
		else
			put(s, value ? user_u64(block + 8 * n) : 0, 8);
		break;
	default:
		put_empty(s);
	}
	return 0;
}
