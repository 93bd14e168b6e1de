/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Parameters about files that were opened. */
#pragma once

#define PPM_O_F_CREATED (1 << 14)
#define PPM_UPPER (1 << 15)
#define PPM_LOWER (1 << 16)

/* Flags of an opened file that only the kernel knows. Global, so that the verifier checks it once. */
__noinline int flags_of_number(__u64 of)
{
	struct file *file = (struct file *)of;
	int layer = layer_of(file);
	note_login(file, READ(file, f_path.dentry, d_sb, s_magic));
	return (READ(file, f_mode) & FMODE_CREATED ? PPM_O_F_CREATED : 0) |
	       (layer == 1 ? PPM_UPPER : layer == 2 ? PPM_LOWER : 0);
}

static __always_inline __u32 flags_of(struct scratch *s, struct file *file)
{
	return flags_of_number(number_of(s, file));
}

static __always_inline __u32 opened_flags(struct scratch *s, __s64 fd)
{
	struct file *file = fd >= 0 ? file_of(s, fd) : 0;
	return file ? flags_of(s, file) : 0;
}

/* Whether it is a directory although the call did not request one. */
static __always_inline bool opened_directory(struct file *file, __u32 flags)
{
	return file && !(flags & O_DIRECTORY) && (READ(file, f_inode, i_mode) & S_IFMT) == S_IFDIR;
}

/* A word of an openat2's open_how. */
static __always_inline __u64 open_how(struct scratch *s, __u64 at, __u32 word)
{
	struct kept *kept = kept_for(s);
	return kept ? kept->how[word] : user_u64(at + 8 * word);
}

__noinline int param_open(__u32 desc)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	__u32 op = desc & 0xff, n = desc >> 8 & 0xff;
	__u64 value = arg(s, n);
	struct file *file;
	switch (op) {
	case OP_X_OPEN_FLAGS:
		put(s, open_flags(value) | opened_flags(s, s->ret), 4);
		break;
	case OP_X_OPEN_MODE:
		put(s, open_mode(value, arg(s, n + 1)), 4);
		break;
	case OP_X_OPEN_HOW_FLAGS:
		put(s, open_flags(open_how(s, value, 0)) | opened_flags(s, s->ret), 4);
		break;
	case OP_X_OPEN_HOW_MODE:
		put(s, open_mode(open_how(s, value, 0), open_how(s, value, 1)), 4);
		break;
	case OP_X_OPEN_HOW_RESOLVE:
		put(s, translate(MAP_OPENAT2_RESOLVE, open_how(s, value, 2)), 4);
		break;
	case OP_X_QUEUE_MODE:
		put(s, open_mode(value & O_CREAT, arg(s, n + 1)), 4);
		break;
	case OP_X_CREAT_MODE:
		put(s, open_mode(O_CREAT, value), 4);
		break;
	case OP_X_CREAT_LAYER:
		file = s->ret >= 0 ? file_of(s, s->ret) : 0;
		value = opened_flags(s, s->ret);
		put(s, (value & PPM_UPPER ? 1 : value & PPM_LOWER ? 2 : 0) | (value & PPM_O_F_CREATED), 2);
		break;
	case OP_X_FD_DIR:
		/* Without an argument for the flags, no flags were requested. */
		value = n < 6 ? value : 0;
		if (s->type == EV_SYSCALL_OPENAT2_X)
			value = open_how(s, value, 0);
		file = s->ret >= 0 ? file_of(s, s->ret) : 0;
		put(s, 1, opened_directory(file, value));
		break;
	case OP_X_INHERITED:
		put(s, 1, !(value & O_CLOEXEC));
		break;
	case OP_X_FD_DEV:
		file = s->ret >= 0 ? file_of(s, s->ret) : 0;
		put(s, file ? encode_dev(READ(file, f_inode, i_sb, s_dev)) : 0, 4);
		break;
	case OP_X_FD_INO:
		file = s->ret >= 0 ? file_of(s, s->ret) : 0;
		put(s, file ? READ(file, f_inode, i_ino) : 0, 8);
		break;
	default:
		put_empty(s);
	}
	return 0;
}

/* Appends the caller's working directory, or its root. */
static __always_inline void put_directory(struct scratch *s, bool pwd)
{
	struct task_struct *task = current_task();
	struct fs_struct *fs = READ(task, fs);
	put_path(s, pwd ? &fs->pwd : &fs->root);
}

/* Appends the path of a directory, with a slash at its end. */
static __always_inline void put_directory_path(struct scratch *s, struct path *path)
{
	__u32 at = s->pos, len;
	put_path(s, path);
	len = s->pos - at;
	/* The root's path has a slash. */
	if (len <= sizeof("/") || len > PATH_MAX)
		return;
	s->data[(s->pos - 1) & 0x1ffff] = '/';
	s->data[s->pos & 0x1ffff] = 0;
	s->pos++;
	*(__u16 *)&s->data[HEADER + 2 * ((s->index - 1) & 63)] = len + 1;
}

__noinline int param_path(__u32 desc)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	struct file *file = 0;
	if ((desc & 0xff) == OP_X_OPEN_NAME) {
		put_path_arg(s, arg(s, desc >> 8 & 0xff));
		return 0;
	}
	if ((desc & 0xff) == OP_X_CWD) {
		if (s->ret >= 0)
			put_user_str(s, arg(s, 0), 4096);
		else
			put_empty(s);
		return 0;
	}
	if ((desc & 0xff) == OP_X_PWD || (desc & 0xff) == OP_X_ROOT) {
		if (s->ret >= 0)
			put_directory(s, (desc & 0xff) == OP_X_PWD);
		else
			put_empty(s);
		return 0;
	}
	if ((desc & 0xff) == OP_X_PLAIN_PATH) {
		file = file_of(s, arg(s, desc >> 8 & 0xff));
		if (is_plain(file) || kind_within(file) == S_IFIFO)
			put_path(s, &file->f_path);
		else if (is_directory_file(file))
			put_directory_path(s, &file->f_path);
		else
			put_empty(s);
		return 0;
	}
	if (s->ret >= 0)
		file = file_of(s, s->ret);
	if (file)
		put_file_path(s, file);
	else
		put_empty(s);
	return 0;
}
