/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Extended attributes. */
#pragma once

/* An xattr_args: address, size and flags of a value. */
#define XATTR_ARGS_SIZE 8
#define XATTR_ARGS_FLAGS 12

__noinline int param_xattr(__u32 desc)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	__u32 n = desc >> 8 & 0xff;
	__u64 value = arg(s, n), size = arg(s, n + 1);
	switch (desc & 0xff) {
	case OP_X_XATTR_ARGS_VALUE:
		size = user_u32(value + XATTR_ARGS_SIZE);
		value = user_u64(value);
		put_user_bytes(s, value, size > snaplen ? snaplen : size);
		break;
	case OP_X_XATTR_VALUE:
		put_user_bytes(s, value, size > snaplen ? snaplen : size);
		break;
	case OP_X_XATTR_ARGS_FLAGS:
		put(s, user_u32(value + XATTR_ARGS_FLAGS), 4);
		break;
	default:
		put_empty(s);
	}
	return 0;
}
