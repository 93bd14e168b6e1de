/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Parameters of single calls. */
#pragma once

#define MODULE_IMAGE_MAX 57344
#define FSCONFIG_SET_STRING 1
#define FSCONFIG_SET_BINARY 2
#define FSCONFIG_SET_PATH 3
#define FSCONFIG_SET_PATH_EMPTY 4
#define MS_MGC_MASK 0xffff0000
#define MS_MGC_VALUE 0xc0ed0000

/* Permissions and type: no type means a regular file; a type that mknod does not create is left out. */
static __always_inline __u32 node_mode(__u32 mode)
{
	__u32 type = mode & S_IFMT;
	if (!type)
		type = S_IFREG;
	else if (type != S_IFSOCK && type != S_IFREG && type != S_IFBLK && type != S_IFCHR && type != S_IFIFO)
		type = 0;
	return (mode & S_IALLUGO) | type;
}

__noinline int param_misc(__u32 desc)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	__u32 op = desc & 0xff, n = desc >> 8 & 0xff;
	__u64 value = arg(s, n);
	__u32 command = arg(s, 1);
	switch (op) {
	case OP_X_LONG_OFFSET:
		put(s, value << 32 | (__u32)arg(s, n + 1), 8);
		break;
	case OP_X_NODE_MODE:
		put(s, node_mode(value), 4);
		break;
	case OP_X_DIRECTORY_MODE:
		put(s, value & DIRECTORY_MODE, 4);
		break;
	case OP_X_MOUNT_FLAGS:
		put(s, (value & MS_MGC_MASK) == MS_MGC_VALUE ? value & ~MS_MGC_MASK : value, 4);
		break;
	case OP_X_MODULE_IMAGE:
		/* Limited so that the event never exceeds the maximum size. */
		put_user_bytes(s, value, arg(s, n + 1) > MODULE_IMAGE_MAX ? MODULE_IMAGE_MAX : arg(s, n + 1));
		break;
	case OP_X_FS_BYTES:
		if (command == FSCONFIG_SET_BINARY && s->ret >= 0)
			put_user_bytes(s, value, (__u32)arg(s, n + 1));
		else
			put_empty(s);
		break;
	case OP_X_FS_TEXT:
		if (s->ret >= 0 && (command == FSCONFIG_SET_STRING || command == FSCONFIG_SET_PATH ||
				    command == FSCONFIG_SET_PATH_EMPTY))
			put_user_str(s, value, 4096);
		else
			put_empty(s);
		break;
	default:
		put_empty(s);
	}
	return 0;
}
