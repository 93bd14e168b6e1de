/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One parameter from its descriptor. Each function is verified by itself, so that the programs stay small. */
#pragma once

#include "kept.h"
#include "params/user.h"
#include "params/flags.h"
#include "params/task.h"
#include "params/open.h"
#include "params/data.h"
#include "params/socket.h"
#include "params/process.h"
#include "params/ipc.h"
#include "params/wait.h"
#include "params/quota.h"
#include "params/keyctl.h"
#include "params/misc.h"

/* Parameters of plain calls: an argument, the result, a text. */
static __always_inline int param_plain(struct scratch *s, __u32 desc)
{
	__u32 op = desc & 0xff, n = desc >> 8 & 0xff, size = desc >> 16 & 0xff, map = desc >> 24;
	__u64 value = arg(s, n);
	switch (op) {
	case OP_RET:
		put(s, s->ret, size);
		return 1;
	case OP_ARG:
		put(s, value, size);
		return 1;
	case OP_ARGS32:
		put(s, (__s64)(int)value, size);
		return 1;
	case OP_ARGU32:
		put(s, (__u32)value, size);
		return 1;
	case OP_DIRFD:
		put(s, (__s64)(int)value, size);
		return 1;
	case OP_USERSTR:
		put_user_str(s, value, 4096);
		return 1;
	case OP_USERU32:
		put(s, user_u32(value), size);
		return 1;
	case OP_USERU64:
		put(s, user_u64(value), size);
		return 1;
	case OP_MAP:
		put(s, translate(map, value), size);
		return 1;
	case OP_DEV:
		/* User space has them in the form that events have, too. */
		put(s, (__u32)value, size);
		return 1;
	case OP_ZERO:
		put(s, 0, size);
		return 1;
	case OP_X_SYSCALL_CODE:
		put(s, syscall_rows[s->number & 511].code, 2);
		return 1;
	case OP_X_SYSCALL_NUMBER:
		put(s, s->number, 2);
		return 1;
	case OP_CUSTOM:
	case OP_EMPTY:
		put_empty(s);
		return 1;
	}
	return 0;
}

__noinline int param(__u32 desc)
{
	struct scratch *s = scratch();
	if (!s || s->pos > MAX_EVENT)
		return 0;
	switch (desc & 0xff) {
	CASES_IMAGE:
		return param_image(desc);
	CASES_CGROUPS:
		return param_cgroups(desc);
	CASES_TASK:
		return param_task(desc);
	CASES_PROGRAM:
		return param_program(desc);
	CASES_OPEN:
		return param_open(desc);
	CASES_PATH:
		return param_path(desc);
	CASES_DATA:
		return param_data(desc);
	CASES_MESSAGE:
		return param_message(desc);
	CASES_ADDRESS:
		return param_address(desc);
	CASES_SOCKET:
		return param_socket(desc);
	CASES_SOCKOPT:
		return param_sockopt(desc);
	CASES_PROCESS:
		return param_process(desc);
	CASES_EXIT:
		return param_exit(desc);
	CASES_IPC:
		return param_ipc(desc);
	CASES_WAIT:
		return param_wait(desc);
	CASES_QUOTA:
		return param_quota(desc);
	CASES_KEYCTL:
		return param_keyctl(desc);
	CASES_MISC:
		return param_misc(desc);
	}
	return 0;
}
