/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sets of files to wait for, times, and io_uring rings. */
#pragma once

#define POLL_MAX 16

/* The count, then the file and the events of each. */
static __always_inline void put_poll(struct scratch *s, __u64 fds, __u64 count)
{
	int i;
	count = count > POLL_MAX ? POLL_MAX : count;
	s->len = 2;
	for (i = 0; i < POLL_MAX; i++) {
		struct { int fd; __u16 wanted, came; } entry = {};
		if (i >= count)
			break;
		if (bpf_probe_read_user(&entry, sizeof(entry), (void *)(fds + 8 * i))) {
			count = 0;
			s->len = 2;
			break;
		}
		__u32 at = s->pos + s->len;
		*(__s64 *)&s->data[at & 0xffff] = entry.fd;
		*(__u16 *)&s->data[(at + 8) & 0xffff] = translate(MAP_POLL_EVENTS, entry.came);
		s->len += 10;
	}
	*(__u16 *)&s->data[s->pos & 0xffff] = count;
	end_param(s, s->len & 0xff);
}

__noinline int param_wait(__u32 desc)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	__u32 op = desc & 0xff, n = desc >> 8 & 0xff;
	__u64 value = arg(s, n);
	switch (op) {
	case OP_X_POLL_FDS:
		put_poll(s, value, (__u32)arg(s, 1));
		break;
	case OP_X_TIMESPEC:
		put(s, user_time(s, value, 1, false), 8);
		break;
	case OP_X_URING_PARAM: {
		/* The first numbers of an io_uring_params: flags is the third, features the sixth. */
		__u32 word = user_u32(arg(s, 1) + 4 * n);
		if (n == 2)
			word = translate(MAP_IO_URING_SETUP_FLAGS, word);
		else if (n == 5)
			word = translate(MAP_IO_URING_SETUP_FEATS, word);
		put(s, word, 4);
		break;
	}
	default:
		put_empty(s);
	}
	return 0;
}
