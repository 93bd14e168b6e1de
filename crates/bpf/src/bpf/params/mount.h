/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Mounts through descriptors. */
#pragma once

/* Instead of an argument's number: the call's result. */
#define OF_RESULT 8

static __always_inline struct vfsmount *mounted(struct scratch *s, __u32 n)
{
	int fd = n == OF_RESULT ? s->ret : (int)arg(s, n);
	struct file *file = s->ret >= 0 ? file_of(s, fd) : 0;
	return file ? READ(file, f_path.mnt) : 0;
}

static __always_inline void put_text_of(struct scratch *s, const char *text)
{
	put_kernel_str(s, text ? number_of(s, (void *)text) : 0);
}

__noinline int param_mount(__u32 desc)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	__u32 n = desc >> 8 & 0xff;
	__u64 attr = arg(s, n);
	struct vfsmount *mount;
	struct mount *real;
	switch (desc & 0xff) {
	case OP_X_MOUNTED_TYPE:
		mount = mounted(s, n);
		put_text_of(s, mount ? READ(mount, mnt_sb, s_type, name) : 0);
		break;
	case OP_X_MOUNTED_DEV:
		mount = mounted(s, n);
		real = (void *)mount - bpf_core_field_offset(struct mount, mnt);
		put_text_of(s, mount ? READ(real, mnt_devname) : 0);
		break;
	/* Members of a mount_attr. */
	case OP_X_ATTR_SET:
		put(s, user_u64(attr), 4);
		break;
	case OP_X_ATTR_CLR:
		put(s, user_u64(attr + 8), 4);
		break;
	case OP_X_ATTR_PROPAGATION:
		put(s, user_u64(attr + 16), 4);
		break;
	default:
		put_empty(s);
	}
	return 0;
}
