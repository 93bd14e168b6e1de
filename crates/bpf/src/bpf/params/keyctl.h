/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* keyctl, whose arguments depend on the operation. */
#pragma once

#define KEY_NONE 0
#define KEY_NUMBER 1
#define KEY_TEXT 2
#define KEYS(a, b, c, d) (KEY_##a | KEY_##b << 2 | KEY_##c << 4 | KEY_##d << 6)
#define KEY_OPERATIONS 64

/* By operation: the four arguments after it, two bits each. */
static const volatile __u8 key_arguments[KEY_OPERATIONS] = {
	[0] = KEYS(NUMBER, NUMBER, NONE, NONE),	    /* GET_KEYRING_ID */
	[1] = KEYS(TEXT, NONE, NONE, NONE),	    /* JOIN_SESSION_KEYRING */
	[2] = KEYS(NUMBER, NUMBER, NUMBER, NONE),   /* UPDATE */
	[3] = KEYS(NUMBER, NONE, NONE, NONE),	    /* REVOKE */
	[4] = KEYS(NUMBER, NUMBER, NUMBER, NONE),   /* CHOWN */
	[5] = KEYS(NUMBER, NUMBER, NONE, NONE),	    /* SETPERM */
	[6] = KEYS(NUMBER, NUMBER, NUMBER, NONE),   /* DESCRIBE */
	[7] = KEYS(NUMBER, NONE, NONE, NONE),	    /* CLEAR */
	[8] = KEYS(NUMBER, NUMBER, NONE, NONE),	    /* LINK */
	[9] = KEYS(NUMBER, NUMBER, NONE, NONE),	    /* UNLINK */
	[10] = KEYS(NUMBER, TEXT, TEXT, NUMBER),    /* SEARCH */
	[11] = KEYS(NUMBER, NUMBER, NUMBER, NONE),  /* READ */
	[12] = KEYS(NUMBER, NUMBER, NUMBER, NUMBER), /* INSTANTIATE */
	[13] = KEYS(NUMBER, NUMBER, NUMBER, NONE),  /* NEGATE */
	[14] = KEYS(NUMBER, NONE, NONE, NONE),	    /* SET_REQKEY_KEYRING */
	[15] = KEYS(NUMBER, NUMBER, NONE, NONE),    /* SET_TIMEOUT */
	[16] = KEYS(NUMBER, NONE, NONE, NONE),	    /* ASSUME_AUTHORITY */
	[17] = KEYS(NUMBER, NUMBER, NUMBER, NONE),  /* GET_SECURITY */
	[19] = KEYS(NUMBER, NUMBER, NUMBER, NUMBER), /* REJECT */
	[20] = KEYS(NUMBER, NUMBER, NUMBER, NUMBER), /* INSTANTIATE_IOV */
	[21] = KEYS(NUMBER, NONE, NONE, NONE),	    /* INVALIDATE */
	[22] = KEYS(NUMBER, NUMBER, NONE, NONE),    /* GET_PERSISTENT */
	[23] = KEYS(NUMBER, NUMBER, NUMBER, NUMBER), /* DH_COMPUTE */
	[24] = KEYS(NUMBER, NUMBER, TEXT, NONE),    /* PKEY_QUERY */
	[25] = KEYS(NUMBER, TEXT, NUMBER, NUMBER),  /* PKEY_ENCRYPT */
	[26] = KEYS(NUMBER, TEXT, NUMBER, NUMBER),  /* PKEY_DECRYPT */
	[27] = KEYS(NUMBER, TEXT, NUMBER, NUMBER),  /* PKEY_SIGN */
	[28] = KEYS(NUMBER, TEXT, NUMBER, NUMBER),  /* PKEY_VERIFY */
	[29] = KEYS(NUMBER, TEXT, TEXT, NONE),	    /* RESTRICT_KEYRING */
	[30] = KEYS(NUMBER, NUMBER, NUMBER, NUMBER), /* MOVE */
	[31] = KEYS(NUMBER, NUMBER, NONE, NONE),    /* CAPABILITIES */
	[32] = KEYS(NUMBER, NUMBER, NUMBER, NONE),  /* WATCH_KEY */
};

__noinline int param_keyctl(__u32 desc)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	__u32 n = desc >> 8 & 0xff, operation = arg(s, 0);
	__u32 kinds = operation < KEY_OPERATIONS ? key_arguments[operation & (KEY_OPERATIONS - 1)] : 0;
	__u32 kind = kinds >> (2 * (n - 1) & 7) & 3;
	__u64 value = arg(s, n);
	__u32 at = HEADER + 2 * (s->index & 31);
	s->data[s->pos & 0xffff] = kind == KEY_TEXT;
	s->pos++;
	if (kind == KEY_TEXT)
		put_user_str(s, value, 4096);
	else
		put(s, kind == KEY_NUMBER ? value : 0, 8);
	/* The length includes the byte with the type. */
	*(__u16 *)&s->data[at] += 1;
	return 0;
}
