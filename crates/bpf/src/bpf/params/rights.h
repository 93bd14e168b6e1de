/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Descriptors that came with a message, or that the call made. */
#pragma once

#define CLONE_PIDFD 0x1000

#define SCM_RIGHTS 1
#define SCM_PIDFD 4
/* Maximum number of visited control messages and descriptors; the kernel passes at most 253 descriptors. */
#define RIGHTS_STEPS 272
/* Maximum number of bytes before the last descriptor. */
#define RIGHTS_BYTES 20000
/* Offset in the event after which no descriptor is written, so that the event does not become too large. */
#define RIGHTS_END 40000

/* Before Linux 6.9, its name identifies a pidfd. */
#define PIDFD_NAME 0x005d64666469705bULL /* "[pidfd]" */
/* The probe reports a pidfd with this mode, which no file has, and with the process id (32 bits) as its name. */
#define PIDFD_MODE 0xf000

/* The mode of a record that names, instead of a file, the thread that has the descriptors described after it; no file has it. */
#define HOLDER_MODE 0xe000

/* The description of a descriptor, which `received.rs` reads. Its name follows without a NUL, or its ends if it is a socket. */
struct right {
	__s32 fd;
	__u32 flags;
	__u64 ino;
	__u32 dev;
	__u16 mode;
	__u16 len;
};

/* Writes a socket: its type, then its family, or its ends as in put_tuple(). A Unix socket without a name gets
 * that of its peer. Returns the size. */
__noinline int write_received_socket(int fd, __u32 at)
{
	struct scratch *s = scratch();
	struct sock *sk = s ? sock_of(s, fd) : 0;
	if (!sk)
		return 0;
	struct unix_sock *named = (void *)sk;
	__u8 *to = &s->data[at & 0xffff];
	__u16 family = READ(sk, __sk_common.skc_family);
	__u32 how = family == AF_UNIX && READ(named, addr) ? TUPLE_INCOMING : 0;
	to[0] = READ(sk, sk_type);
	to[1] = family;
	__u32 len = write_tuple(s, &to[1], fd, how, 0);
	return 1 + (len ? len : 1);
}

/* The process of a pidfd, 0 if the file is none. `name` is the file's name. */
static __always_inline struct pid *pid_of_file(struct file *file, struct inode *inode, const __u8 *name)
{
	if (READ(inode, i_sb, s_magic) == PID_FS_MAGIC)
		return READ(inode, i_private);
	return *(__u64 *)name == PIDFD_NAME ? READ(file, private_data) : 0;
}

/* The task whose descriptor is described. */
static __always_inline struct task_struct *holder(struct scratch *s)
{
	return s->holder ? (struct task_struct *)s->holder : current_task();
}

/* Writes the description of a descriptor, without its name; returns whether the descriptor exists. It is a
 * separate function, because nested functions here have little room on their stacks. */
__noinline int write_right(int fd, __u32 at)
{
	struct scratch *s = scratch();
	struct file *file = s ? file_of(s, fd) : 0;
	if (!file)
		return 0;
	struct inode *inode = READ(file, f_inode);
	struct right *right = (void *)&s->data[at & 0xffff];
	right->fd = fd;
	/* Newer kernels give anonymous files the mode of a regular file, and do not show it to programs. */
	right->mode = READ(inode, i_sb, s_magic) == ANON_INODE_FS_MAGIC ? 0 : READ(inode, i_mode);
	right->ino = READ(inode, i_ino);
	/* A bit of the descriptor, not of the file. */
	right->flags = open_flags((READ(file, f_flags) & ~O_CLOEXEC) |
				  (closes_on_exec(holder(s), fd) ? O_CLOEXEC : 0));
	right->dev = encode_dev(READ(inode, i_sb, s_dev));
	note_reads(file);
	return 1;
}

/* Appends a descriptor to the parameter. */
__noinline int put_right(int fd)
{
	struct scratch *s = scratch();
	if (!s || s->len > RIGHTS_BYTES || !write_right(fd, s->pos + s->len))
		return 0;
	__u32 at = s->pos + s->len, len = 0;
	struct right *right = (void *)&s->data[at & 0xffff];
	if ((right->mode & S_IFMT) == S_IFSOCK)
		len = write_received_socket(fd, at + sizeof(*right));
	/* Also for the path of a socket that was opened with O_PATH: this is no open socket. */
	if (!len) {
		struct file *file = file_of(s, fd);
		len = copy_path(s, &s->data[(at + sizeof(*right)) & 0xffff], walk_from(s, file));
		len = len ? len - 1 : 0;
		struct pid *pid =
			pid_of_file(file, READ(file, f_inode), &s->data[(at + sizeof(*right)) & 0xffff]);
		if (pid) {
			right->mode = PIDFD_MODE;
			len = sizeof(__u32);
			*(__u32 *)&s->data[(at + sizeof(*right)) & 0xffff] = host_number(pid);
		}
	}
	right->len = len;
	s->len += sizeof(*right) + (len & (2 * PATH_MAX - 1));
	return 0;
}

/* A number at an offset from the current control message; 4 or 8 bytes wide. It is read into the scratch, because
 * nested functions here have little room on their stacks. */
static __always_inline __u64 control_number(struct scratch *s, __u64 from, __u32 size)
{
	s->nodes[0] = 0;
	bpf_probe_read_user(&s->nodes[0], size, (void *)from);
	return s->nodes[0];
}

/* Advances to the next control message and its descriptors; returns whether there is one. */
__noinline int next_control(void)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	__u32 word = s->compat ? 4 : 8, head = word + 8;
	__u64 from = s->control, len = s->control_len, size;
	if (len < head)
		return 0;
	size = s->compat ? control_number(s, from, 4) : control_number(s, from, 8);
	if (size < head || size > len)
		return 0;
	s->rights = 0;
	s->right = from + head;
	if (control_number(s, from + word, 4) == SOL_SOCKET) {
		__u32 kind = control_number(s, from + word + 4, 4);
		if (kind == SCM_RIGHTS || kind == SCM_PIDFD)
			s->rights = (size - head) / 4;
	}
	size = (size + word - 1) & ~(__u64)(word - 1);
	s->control = from + size;
	s->control_len = size < len ? len - size : 0;
	return 1;
}

#define FANOTIFY_HEAD 24
#define FANOTIFY_PIDFD 4
#define FAULT_BYTES 32
#define FAULT_OF_FORK 0x13

#define NO_RIGHT ((__u64)-1)

/* Goes to the next record that was read from fanotify or a userfaultfd. Returns whether there is one, and sets `right` to its
 * descriptor. Records of fanotify may be followed by others, of which one has a pidfd. Global, because the verifier would otherwise
 * check it once for each record. Its caller describes the descriptor, because the stack of nested functions is limited. */
__noinline int next_record(void)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	__u32 head = user_u32(s->control), size = head;
	__u64 fd_at = s->control;
	if (s->no_message) {
		size = FAULT_BYTES;
		fd_at = (head & 0xff) == FAULT_OF_FORK ? fd_at + 8 : 0;
	} else if (s->rights) {
		size = head >> 16;
		fd_at = (head & 0xff) == FANOTIFY_PIDFD ? fd_at + 4 : 0;
		s->rights = s->rights > size ? s->rights - size : 0;
	} else {
		s->rights = size > FANOTIFY_HEAD ? size - FANOTIFY_HEAD : 0;
		size = size >= FANOTIFY_HEAD ? FANOTIFY_HEAD : 0;
		fd_at += 16;
	}
	if (!size || size > s->control_len)
		return 0;
	s->control += size;
	s->control_len -= size;
	s->right = fd_at ? user_u32(fd_at) : NO_RIGHT;
	return 1;
}

/* Appends the descriptor that the kernel gave out last, if it is another userfaultfd than the one that was read: that of a message
 * which the kernel could not write. */
__noinline int put_last_fault(__u64 read)
{
	struct scratch *s = scratch();
	struct files_struct *files = own_files();
	__u32 fd = READ(files, next_fd) - 1;
	struct file *file = s ? file_of(s, fd) : 0;
	if (file && (__u64)file != read && watched_of(file) == MAKES_FAULTS)
		put_right(fd);
	return 0;
}

/* Maximum number of bytes that a read which failed may have written. */
#define FAILED_READ_BYTES 4096

/* Appends the descriptors of all records. */
static __always_inline void put_read_rights(struct scratch *s)
{
	int i;
	struct file *file = s->request ? (struct file *)s->own_file : file_of(s, arg(s, 0));
	/* A direct descriptor may have the number of one that the read has made. */
	know_file(s, -1, 0);
	s->no_message = file && watched_of(file) == MAKES_FAULTS;
	s->control = s->type == EV_SYSCALL_READ_X ? arg(s, 1) : user_word(s, arg(s, 1), 0);
	s->control_len = s->pos >= RIGHTS_END ? 0 : s->ret > 0 ? s->ret : FAILED_READ_BYTES;
	s->rights = 0;
	s->len = 0;
#pragma clang loop unroll(disable)
	for (i = 0; i < RIGHTS_STEPS; i++) {
		if (!next_record())
			break;
		if (s->right != NO_RIGHT)
			put_right(s->right);
	}
	if (s->no_message)
		put_last_fault(number_of(s, file));
	end_param(s, s->len & 0x7fff);
}

/* Appends what a read or a write has changed: the descriptors that it made, or the login user. */
__noinline int put_change(void)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	if (may_make(s->type))
		put_read_rights(s);
	else
		put(s, login_of(subject(s)), 4);
	*(__u32 *)&s->data[22] = event_rows[s->type & (EVENT_TYPES - 1)].count + 1;
	return 0;
}

/* The descriptor that an ioctl made. Its result may be another number, and then the descriptor is described as it is. */
static __always_inline int made_by_ioctl(struct scratch *s)
{
	__u32 place = place_of_descriptor(arg(s, 1));
	if (is_adding(arg(s, 1)))
		return -1;
	if (place != NO_DESCRIPTOR)
		return s->ret ? -1 : user_u32(arg(s, 2) + place);
	return s->ret > 0 || (!s->ret && returns_descriptor(arg(s, 1))) ? s->ret : -1;
}

/* Begins the description of a descriptor that a supervisor has put into the table of another thread: writes which thread that is
 * (0: not known). Returns whether it is known; put_right() then describes the descriptor. It reads that thread's table, not the
 * supervisor's, which is right even if the other thread has already closed the descriptor. */
__noinline int begin_added(void)
{
	struct scratch *s = scratch();
	struct task_struct *task;
	if (!s)
		return 0;
	struct right *right = (void *)&s->data[s->pos & 0xffff];
	s->nodes[0] = user_u64(arg(s, 2));
	find_notified(s, arg(s, 0));
	right->fd = s->ret;
	right->flags = 0;
	right->ino = 0;
	right->dev = 0;
	right->mode = HOLDER_MODE;
	right->len = sizeof(__u32);
	task = (struct task_struct *)s->holder;
	*(__u32 *)&s->data[(s->pos + sizeof(*right)) & 0xffff] = s->holder ? READ(task, pid) : 0;
	s->len += sizeof(*right) + sizeof(__u32);
	if (!s->holder)
		return 0;
	know_file(s, s->ret, number_of(s, file_of_task(task, s->ret)));
	return 1;
}

/* Whether events show what the sockets of a family are. */
static __always_inline bool is_known_family(__u32 family)
{
	return family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK;
}

#define AUXV_PAIRS 24
#define AUXV_EXECFD 2

/* The descriptor of the executed file that an interpreter gets (binfmt_misc); less than 0 for none. It is in the auxiliary vector
 * that the kernel passes to a program, which ends with a pair of zeros. */
__noinline int fd_for_interpreter(void)
{
	struct scratch *s = scratch();
	struct task_struct *task = current_task();
	struct mm_struct *mm = READ(task, mm);
	int i;
	if (!s || !mm)
		return -1;
	__u64 from = number_of(s, mm) + bpf_core_field_offset(mm->saved_auxv);
	for (i = 0; i < AUXV_PAIRS; i++) {
		__u64 pair[2] = {};
		bpf_probe_read_kernel(pair, sizeof(pair), (void *)(from + sizeof(pair) * i));
		if (!pair[0])
			break;
		if (pair[0] == AUXV_EXECFD)
			return pair[1];
	}
	return -1;
}

/* The descriptor that the call made; less than 0 for none. */
static __always_inline int made_fd(struct scratch *s)
{
	__u64 at = arg(s, 0);
	if (s->type == EV_SYSCALL_EXECVE_19_X || s->type == EV_SYSCALL_EXECVEAT_X)
		return s->ret < 0 || s->failed_exec ? -1 : fd_for_interpreter();
	/* The descriptor of a request may be direct, and is described elsewhere. */
	if (s->of_other || s->ret < 0 || s->request)
		return -1;
	switch (s->type) {
	case EV_SYSCALL_CLONE_20_X:
		return s->ret && at & CLONE_PIDFD ? user_u32(arg(s, 2)) : -1;
	case EV_SYSCALL_CLONE3_X:
		return s->ret && user_u64(at) & CLONE_PIDFD ? user_u32(user_u64(at + sizeof(__u64))) : -1;
	case EV_SYSCALL_IOCTL_3_X:
		return made_by_ioctl(s);
	case EV_SOCKET_GETSOCKOPT_X:
		return concerns_descriptor(s->type, arg(s, 1), arg(s, 2), s->ret, s->compat) ? user_u32(arg(s, 3)) : -1;
	case EV_SYSCALL_SECCOMP_X:
		return concerns_descriptor(s->type, arg(s, 1), arg(s, 2), s->ret, s->compat) ? s->ret : -1;
	case EV_SOCKET_SOCKET_X:
		return is_known_family(family_of(s)) ? -1 : s->ret;
	case EV_SOCKET_ACCEPT_5_X:
	case EV_SOCKET_ACCEPT4_6_X: {
		struct sock *sk = sock_of(s, s->ret);
		return sk && is_known_family(READ(sk, __sk_common.skc_family)) ? -1 : s->ret;
	}
	default:
		return s->ret;
	}
}

/* Finds the control data of the event's message, unless that is known already. It is global, so that the verifier follows the code
 * after it only once. */
__noinline int find_control(__u32 n)
{
	struct scratch *s = scratch();
	if (!s || s->is_repeated)
		return 0;
	__u64 at = message_at(s, n);
	s->control_len = at && may_have_received(s->ret) ? user_word(s, at, 5) : 0;
	s->control = s->control_len ? user_word(s, at, 4) : 0;
	return 0;
}

__noinline int param_rights(__u32 desc)
{
	struct scratch *s = scratch();
	if (!s)
		return 0;
	if ((desc & 0xff) == OP_X_MADE) {
		s->len = 0;
		if (s->type == EV_SYSCALL_IOCTL_3_X && (__u32)arg(s, 1) == NEXT_NOTIFICATION)
			note_notified();
		else if (s->type == EV_SYSCALL_IOCTL_3_X && is_adding(arg(s, 1)) && s->ret >= 0 && begin_added())
			put_right(s->ret);
		/* From here on, descriptors are those of this thread again. */
		if (s->holder) {
			know_file(s, -1, 0);
			s->holder = 0;
		}
		int fd = made_fd(s);
		if (fd >= 0)
			put_right(fd);
		end_param(s, s->len & 0x7fff);
		return 0;
	}
	int i;
	find_control(desc >> 8 & 0xff);
	if (!s->control_len || s->pos >= RIGHTS_END) {
		put_empty(s);
		return 0;
	}
	s->rights = 0;
	s->len = 0;
#pragma clang loop unroll(disable)
	for (i = 0; i < RIGHTS_STEPS; i++) {
		if (s->rights) {
			put_right(control_number(s, s->right, 4));
			s->right += 4;
			s->rights--;
		} else if (!next_control()) {
			break;
		}
	}
	end_param(s, s->len & 0x7fff);
	return 0;
}
