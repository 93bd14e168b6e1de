/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The controlling terminal, after calls that may change it. */
#pragma once

/* Whether an open may give the caller a terminal: the leader of a session without a terminal gets the one that it
 * opens. */
static __always_inline bool may_get_terminal(struct task_struct *task, struct file *file)
{
	return file && (READ(file, f_inode, i_mode) & S_IFMT) == S_IFCHR &&
	       signal_pid(task, PIDTYPE_SID) == signal_pid(task, PIDTYPE_TGID);
}

__noinline int param_terminal(__u32 desc)
{
	struct scratch *s = scratch();
	bool may_change;
	barrier_var(desc);
	if (!s)
		return 0;
	if (s->type == EV_SYSCALL_IOCTL_3_X)
		may_change = sets_terminal(arg(s, 1));
	else
		may_change = s->ret >= 0 && may_get_terminal(current_task(), file_of(s, s->ret));
	if (may_change)
		put(s, terminal(current_task()), 4);
	else
		put_empty(s);
	return 0;
}
