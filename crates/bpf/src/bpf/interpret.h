/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Builds one parameter from its description in `descs`. The verifier checks each global function once, so programs stay small. */
#pragma once

#include "kept.h"
#include "params/user.h"
#include "params/flags.h"
#include "params/task.h"
#include "params/open.h"
#include "params/entry.h"
#include "params/data.h"
#include "params/socket.h"
#include "kernel/notified.h"
#include "params/rights.h"
#include "params/process.h"
#include "params/ipc.h"
#include "params/wait.h"
#include "params/quota.h"
#include "params/keyctl.h"
#include "params/misc.h"
#include "params/mount.h"
#include "params/xattr.h"
#include "params/terminal.h"

/* Plain parameters of calls: an argument, the result, a text. One call of `put` writes all numbers, because the verifier
 * follows each path through the code separately. */
static __always_inline int param_plain(struct scratch *s, __u32 desc)
{
	__u32 op = desc & 0xff, n = desc >> 8 & 0xff, size = desc >> 16 & 0xff, map = desc >> 24;
	__u64 value = arg(s, n);
	switch (op) {
	case OP_RET:
		value = s->ret;
		break;
	case OP_ARG:
		break;
	case OP_ARGS32:
	case OP_DIRFD:
		value = (__s64)(int)value;
		break;
	case OP_ARGU32:
	case OP_DEV:
		/* Events encode device numbers as user space does. */
		value = (__u32)value;
		break;
	case OP_USERU32:
		value = user_id(s, value);
		break;
	case OP_USERU64:
		value = user_offset(s, value);
		break;
	case OP_MAP:
		value = translate(map, value);
		break;
	case OP_ZERO:
		value = 0;
		break;
	case OP_X_SYSCALL_CODE:
		value = s->code;
		size = 2;
		break;
	case OP_X_SYSCALL_NUMBER:
		value = s->number;
		size = 2;
		break;
	case OP_USERSTR:
		put_user_str(s, value, 4096);
		return 1;
	case OP_CUSTOM:
	case OP_EMPTY:
		put_empty(s);
		return 1;
	default:
		return 0;
	}
	put(s, value, size);
	return 1;
}

/* Parameters of the event of a started program. */
static __always_inline int param_of_exec(__u32 desc)
{
	struct scratch *s = scratch();
	if (!s || s->pos > MAX_EVENT)
		return 0;
	switch (desc & 0xff) {
	case OP_RET:
		put(s, s->ret, 8);
		break;
	CASES_IMAGE:
		return param_image(desc);
	CASES_CGROUPS:
		return param_cgroups(desc);
	CASES_TASK:
		return param_task(desc);
	CASES_PROGRAM:
		return param_program(desc);
	case OP_X_PWD:
		put_directory(s, true);
		break;
	case OP_X_MADE:
		return param_rights(desc);
	default:
		put_empty(s);
	}
	return 0;
}

static __always_inline int param(__u32 desc)
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
	CASES_ENTRY:
		return param_entry(desc);
	CASES_DATA:
		return param_data(desc);
	CASES_MESSAGE:
		return param_message(desc);
	CASES_RIGHTS:
		return param_rights(desc);
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
	CASES_MOUNT:
		return param_mount(desc);
	CASES_XATTR:
		return param_xattr(desc);
	CASES_TERMINAL:
		return param_terminal(desc);
	}
	return 0;
}
