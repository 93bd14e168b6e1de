/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Pipes, semaphores, futexes. */
#pragma once

#define SETVAL 16
#define IPC_64 0x100
#define PIPE_FLAG_BITS (O_NONBLOCK | O_CLOEXEC | O_DIRECT)
#define FUTEX_CMD_MASK 127
#define FUTEX_LAST_CMD 12
#define FUTEX_OPTIONS (128 | 256)

static __always_inline __u32 futex_op(__u32 op)
{
	__u32 command = op & FUTEX_CMD_MASK;
	return (command <= FUTEX_LAST_CMD ? command : 0) | (op & FUTEX_OPTIONS);
}

/* A member of one of the first two operations: number, operation, flags. */
static __always_inline __u16 semaphore_word(struct scratch *s, __u32 n)
{
	__u16 word = 0;
	if (s->ret == 0 && n / 3 < (__u32)arg(s, 2))
		bpf_probe_read_user(&word, sizeof(word), (void *)(arg(s, 1) + 2 * n));
	return n % 3 == 2 ? translate(MAP_SEMOP_FLAGS, word) : word;
}

__noinline int param_ipc(__u32 desc)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	__u32 op = desc & 0xff, n = desc >> 8 & 0xff;
	__u64 value = arg(s, n);
	struct file *file;
	switch (op) {
	case OP_X_USER_FD:
		value = arg(s, n & 7) + (n & SECOND ? 4 : 0);
		put(s, s->ret == 0 ? (__s64)(int)user_u32(value) : -1, 8);
		break;
	case OP_X_PIPE_INO:
		value = arg(s, n & 7) + (n & SECOND ? 4 : 0);
		file = s->ret == 0 ? file_of(s, user_u32(value)) : 0;
		put(s, file ? READ(file, f_inode, i_ino) : 0, 8);
		break;
	case OP_X_PIPE_FLAGS:
		/* The flags of open, without an access mode. */
		put(s, open_flags(value & PIPE_FLAG_BITS) & ~3, 4);
		break;
	case OP_X_FUTEX_OP:
		put(s, futex_op(value), 2);
		break;
	case OP_X_SEMBUF:
		put(s, semaphore_word(s, n), 2);
		break;
	case OP_X_SEM_COMMAND:
		/* C libraries of 32-bit programs add the version of the structures. */
		put(s, translate(MAP_SEMCTL_CMD, s->compat ? value & ~IPC_64 : value), 2);
		break;
	case OP_X_SEM_VALUE:
		put(s, (arg(s, 2) & 0xffff & ~IPC_64) == SETVAL ? value : 0, 4);
		break;
	default:
		put_empty(s);
	}
	return 0;
}
