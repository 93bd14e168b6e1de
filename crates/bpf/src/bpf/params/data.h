/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Bytes that went in or out. */
#pragma once

#define IOV_MAX 32

/* Bytes of an array of buffers: the first ones, as many as are kept. */
__noinline int put_iov(__u64 iov, __u64 count, __u64 limit)
{
	struct scratch *s = scratch();
	int i;
	if (!s)
		return 0;
	if (limit > snaplen)
		limit = snaplen;
	s->len = 0;
	for (i = 0; i < IOV_MAX; i++) {
		__u64 left = limit - s->len, from, size;
		if (i >= count || s->len >= limit)
			break;
		from = user_word(s, iov, 2 * i);
		size = user_word(s, iov, 2 * i + 1);
		__u32 n = size > left ? left : size;
		barrier_var(n);
		n &= 0xffff;
		if (!n || bpf_probe_read_user(&s->data[(s->pos + s->len) & 0xffff], n, (void *)from))
			break;
		s->len += n;
	}
	end_param(s, s->len & 0xffff);
	return 0;
}

__noinline int iov_size(__u64 iov, __u64 count)
{
	struct scratch *s = scratch();
	__u32 size = 0;
	int i;
	if (!s)
		return 0;
	for (i = 0; i < IOV_MAX; i++) {
		if (i >= count)
			break;
		size += user_word(s, iov, 2 * i + 1);
	}
	return size;
}

static __always_inline void put_data(struct scratch *s, __u64 from, __u64 len)
{
	put_user_bytes(s, from, len > snaplen ? snaplen : len);
}

__noinline int param_data(__u32 desc)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	__u32 n = desc >> 8 & 0xff;
	__u64 value = arg(s, n), count = arg(s, n + 1), done = s->ret > 0 ? s->ret : 0;
	switch (desc & 0xff) {
	case OP_X_READ_DATA:
		put_data(s, value, done);
		break;
	case OP_X_WRITE_DATA:
		put_data(s, value, done ? done : count);
		break;
	case OP_X_IOV_IN:
		put_iov(value, count, done);
		break;
	case OP_X_IOV_OUT:
		put_iov(value, count, done ? done : snaplen);
		break;
	case OP_X_IOV_SIZE:
		put(s, iov_size(value, count), 4);
		break;
	case OP_X_RET_SIZE:
		put(s, done, 4);
		break;
	default:
		put_empty(s);
	}
	return 0;
}

/* Of sendmmsg and recvmmsg; each is an event. */
#define MESSAGES_MAX 16
#define MSG_WORDS 7

static __always_inline __u32 word_size(struct scratch *s)
{
	return s->compat ? 4 : 8;
}

/* The header of the message that the event is about, 0 where none moved. */
static __always_inline __u64 message_at(struct scratch *s, __u32 n)
{
	/* Where there are several, each is followed by its length. */
	return s->no_message ? 0 : arg(s, n) + s->message * (MSG_WORDS + 1) * word_size(s);
}

__noinline int param_message(__u32 desc)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	__u32 op = desc & 0xff;
	__u64 at = message_at(s, desc >> 8 & 0xff), done = s->ret > 0 ? s->ret : 0;
	__u64 iov = at ? user_word(s, at, 2) : 0, count = at ? user_word(s, at, 3) : 0;
	__u64 control_len;
	switch (op) {
	case OP_X_MSG_IN:
		put_iov(iov, count, done);
		break;
	case OP_X_MSG_OUT:
		put_iov(iov, count, done ? done : snaplen);
		break;
	case OP_X_MSG_SIZE:
		put(s, iov_size(iov, count), 4);
		break;
	case OP_X_MSG_CONTROL:
		control_len = at && s->ret >= 0 ? user_word(s, at, 5) : 0;
		put_user_bytes(s, control_len ? user_word(s, at, 4) : 0, control_len > 0xffff ? 0 : control_len);
		break;
	case OP_X_MSG_TUPLE_OUT:
	case OP_X_MSG_TUPLE_IN:
		if (at && s->ret >= 0)
			put_tuple(arg(s, 0), op == OP_X_MSG_TUPLE_IN, user_word(s, at, 0));
		else
			put_empty(s);
		break;
	default:
		put_empty(s);
	}
	return 0;
}
