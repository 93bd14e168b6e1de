/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Plain files and directories: the filter may reject events that open or close them, if its tables allow that. */
#pragma once

/* Flag of file systems that only the kernel mounts: pipes, sockets, memfd, namespaces. */
#define SB_KERNMOUNT (1 << 22)
/* The major number of /dev/null, /dev/zero, /dev/urandom and the like. */
#define MEMORY_DEVICES 1
#define MINOR_BITS 20

/* Whether it is a plain file: a regular file or a device without a state, which user space need not track. A
 * directory is the start of paths, a terminal may become the session's, and rules test the kinds of other files. */
static __always_inline bool is_plain(struct file *file)
{
	struct inode *inode;
	__u32 kind;
	if (!file)
		return false;
	inode = READ(file, f_inode);
	kind = READ(inode, i_mode) & S_IFMT;
	if (kind == S_IFCHR)
		return READ(inode, i_rdev) >> MINOR_BITS == MEMORY_DEVICES;
	return kind == S_IFREG && !(READ(inode, i_sb, s_flags) & SB_KERNMOUNT);
}

#define AT_FDCWD -100

/* The kind of a file in a file system that only the kernel mounts; 0 for all others. */
static __always_inline __u32 kind_within(struct file *file)
{
	struct inode *inode = READ(file, f_inode);
	return file && READ(inode, i_sb, s_flags) & SB_KERNMOUNT ? READ(inode, i_mode) & S_IFMT : 0;
}

/* Directories whose path in user space equals the kernel's, by their open files. Other directories may have another
 * path in user space: through a symlink, or from before a rename. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct noted_directory);
} directories SEC(".maps");

/* Whether events contain the paths of the directories that their paths begin at, because user space may not know them. */
__u8 reports_bases = 0;

/* Whether the filter covers directories whose path in user space would be the kernel's. */
static __always_inline bool leaves_out_directories(struct filter *f)
{
	return f && f->types[EV_SYSCALL_CLOSE_X].flags & FILTER_FREE_DIRECTORIES;
}

/* Whether the filter covers a kind of files: FILTER_FREE_FILES, FILTER_FREE_PIPES or FILTER_FREE_SOCKETS. */
static __always_inline bool leaves_out(__u16 kind)
{
	struct filter *f = filter_in_use ? filter_of(filter_in_use) : 0;
	return f && f->types[EV_SYSCALL_CLOSE_X].flags & kind;
}

/* Whether user space has no entry for the file, however it was opened: a plain file, a pipe or a socket. */
static __always_inline bool is_untracked(struct file *file)
{
	__u32 kind;
	if (is_plain(file))
		return true;
	kind = kind_within(file);
	return (kind == S_IFIFO && leaves_out(FILTER_FREE_PIPES)) ||
	       (kind == S_IFSOCK && leaves_out(FILTER_FREE_SOCKETS));
}

static __always_inline bool is_directory_file(struct file *file)
{
	return file && (READ(file, f_inode, i_mode) & S_IFMT) == S_IFDIR;
}

/* Whether user space has no entry for the file: it is not tracked, or a directory whose open was left out. */
static __always_inline bool is_unseen(struct file *file)
{
	struct noted_directory *noted;
	if (is_untracked(file))
		return true;
	/* A file that is no directory may be at the address of one that is gone. */
	if (!reports_bases || !is_directory_file(file))
		return false;
	noted = bpf_map_lookup_elem(&directories, &file);
	return noted && noted->unseen && noted->unseen == filter_epoch;
}

__noinline int is_unseen_descriptor(__u32 fd)
{
	return is_unseen(file_at(own_files(), fd));
}

/* Numbers of reported calls that may have put a file into a table of descriptors that threads share, by table. Several tables
 * may have the same number. */
#define SHARED_TABLES 4096
__u32 new_descriptors[SHARED_TABLES] SEC(".bss.shared");

static __always_inline __u32 *own_new_descriptors(void)
{
	struct task_struct *task = current_task();
	__u64 table = 0;
	/* As a number, because the verifier would track a typed pointer. */
	bpf_core_read(&table, sizeof(table), &task->files);
	return &new_descriptors[(table >> 6) & (SHARED_TABLES - 1)];
}

static __always_inline bool shares_descriptors(void)
{
	struct files_struct *files = own_files();
	return files && READ(files, count.counter) != 1;
}

/* A reported call may have put a file into the caller's table, before the event has its time. A thread that is closing an unseen
 * file with the same number then reports its close, because it may have closed the new file. `early`: the decision about the
 * event. */
__noinline int note_new_descriptor(__u64 ret, __u32 early)
{
	if ((long)ret < 0 || early & FILTER_IF_FILE || !filter_in_use || !shares_descriptors())
		return 0;
#if defined(__TARGET_ARCH_x86)
	__sync_fetch_and_add(own_new_descriptors(), 1);
#else
	/* The exchange is a full barrier. */
	__sync_fetch_and_add(own_new_descriptors(), 1);
	__sync_lock_test_and_set(&own_cpu()->barrier, 1);
#endif
	return 0;
}

/* The current call closes an unseen file. When the call ends, the file is gone, so its beginning is recorded for the
 * CPU: the thread, the descriptor, and the number of the thread's CPU changes. All are in one word, because
 * another thread may record its own call at any time. A second word contains the thread again, whether it shares its
 * descriptors, and the number of those that others have put there. */
#define TID_BITS 22
#define FD_BITS 20
#define MIGRATION_BITS 21

static __always_inline __u64 note_of_close(struct task_struct *task, __u32 fd)
{
	__u64 moves = TASK(task, se.nr_migrations) & ((1 << MIGRATION_BITS) - 1);
	__u64 tid = TASK(task, pid) & ((1 << TID_BITS) - 1);
	return tid << (FD_BITS + MIGRATION_BITS) | moves << FD_BITS | fd | 1ULL << 63;
}

#define CLOSES_SHARED (1ULL << 32)

/* See `call.h`. */
static __always_inline bool is_compat(struct task_struct *task);

/* The thread, and whether its call is that of a 32-bit program: such a call may begin without a note. */
static __always_inline __u64 closer(struct task_struct *task)
{
	return (__u64)TASK(task, pid) << 33 | (__u64)is_compat(task) << 62;
}

static __always_inline __u64 second_note(struct task_struct *task)
{
	__u64 thread = closer(task);
	return shares_descriptors() ? thread | CLOSES_SHARED | *(volatile __u32 *)own_new_descriptors() : thread;
}

static __always_inline int begin_close(__u32 fd)
{
	struct cpu *cpu = own_cpu();
	struct filter *f = filter_in_use ? filter_of(filter_in_use) : 0;
	struct task_struct *task = current_task();
	__u64 note = 0;
	if (f && f->types[EV_SYSCALL_CLOSE_X].flags & FILTER_FREE_FILES && fd < 1 << FD_BITS) {
		/* Before the check of the file, so that a later change of the table is noticed. */
		*(volatile __u64 *)&cpu->closing_among = second_note(task);
		if (is_unseen(file_at(own_files(), fd)))
			note = note_of_close(task, fd);
	}
	*(volatile __u64 *)&cpu->closing = note;
	return 0;
}

/* Whether the call closed an unseen file, and no thread that shares the descriptors can have put another file there before. */
static __always_inline bool has_closed_unseen(__u32 fd)
{
	struct cpu *cpu = own_cpu();
	struct task_struct *task = current_task();
	__u64 note = *(volatile __u64 *)&cpu->closing, among = *(volatile __u64 *)&cpu->closing_among;
	if (!note || fd >= 1 << FD_BITS || note != note_of_close(task, fd))
		return false;
	*(volatile __u64 *)&cpu->closing = 0;
	if (!(among & CLOSES_SHARED))
		return among == closer(task);
	return among == second_note(task);
}

static __always_inline __u64 hash_of(__u8 *event, __u32 at, __u32 len)
{
	__u64 hash = (__u64)filter_epoch << 32 | len;
	int i;
	for (i = 0; i <= FILTER_LONGEST_TEXT; i += 8) {
		if (i >= len)
			break;
		__u64 word = *(__u64 *)(event + ((at + i) & 0x1ffff));
		if (len - i < 8)
			word <<= 64 - 8 * (len - i);
		hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 29;
	}
	return hash;
}

/* As `filter_place`, for the first parameter, without a function call, because the stack of nested functions is
 * limited. */
static __always_inline __u32 first_place(__u8 *event)
{
	return HEADER + 2 * (*(__u16 *)(event + 22) & 63);
}

/* The descriptor of the directory at which the path of an open begins; -1 if there is none. */
static __always_inline __s64 base_of(__u8 *event)
{
	__u16 type = *(__u16 *)(event + 20);
	if (type == EV_SYSCALL_OPENAT_2_X || type == EV_SYSCALL_OPENAT2_X)
		return *(__s64 *)(event + ((first_place(event) + length_of(event, 0)) & 0xffff));
	return type == EV_SYSCALL_OPEN_X || type == EV_SYSCALL_CREAT_X ? AT_FDCWD : -1;
}

static __always_inline struct file *opened(struct scratch *s, __u8 *event)
{
	return file_of(s, *(__s64 *)(event + first_place(event)));
}

#define MOST_STEPS 32

__noinline int is_below_base(__u32 steps, __u32 path)
{
	struct scratch *s = scratch();
	__u8 *event = built();
	struct vfsmount *mount;
	struct dentry *dentry, *above;
	int i;
	if (!s || !event || steps > MOST_STEPS)
		return 0;
	__s64 base = base_of(event);
	if (base == AT_FDCWD) {
		struct fs_struct *fs = READ(current_task(), fs);
		mount = READ(fs, pwd.mnt);
		above = READ(fs, pwd.dentry);
	} else {
		struct file *directory = base < 0 ? 0 : file_at(own_files(), base);
		__u64 key = number_of(s, directory);
		struct noted_directory *known = key ? bpf_map_lookup_elem(&directories, &key) : 0;
		if (!known || known->path != hash_of(event, path & 0xffff, s->left))
			return 0;
		mount = READ(directory, f_path.mnt);
		above = READ(directory, f_path.dentry);
	}
	struct file *file = opened(s, event);
	if (!file || READ(file, f_path.mnt) != mount)
		return 0;
	dentry = READ(file, f_path.dentry);
	for (i = 0; i < MOST_STEPS; i++) {
		if (i >= steps)
			break;
		dentry = (struct dentry *)number_of(s, READ(dentry, d_parent));
	}
	return dentry == above;
}

__noinline int is_above_base(__u32 path, __u32 path_len)
{
	struct scratch *s = scratch();
	__u8 *event = built();
	if (!s || !event)
		return 0;
	__s64 base = base_of(event);
	__u64 key = base < 0 ? 0 : number_of(s, file_at(own_files(), base));
	struct noted_directory *known = key ? bpf_map_lookup_elem(&directories, &key) : 0;
	return known && known->above && known->above == hash_of(event, path & 0xffff, path_len);
}

/* Length of a directory's path without its last part. */
static __always_inline __u32 length_above(__u8 *event, __u32 at, __u32 len)
{
	int i;
	for (i = 1; i <= FILTER_LONGEST_TEXT; i++) {
		if (i > len)
			break;
		/* The root's path has a slash. */
		if (event[(at + len - i) & 0x1ffff] == '/')
			return len - i ? len - i : 1;
	}
	return 0;
}

/* Records the path that user space will have for the directory that the current event opens; returns whether it is the kernel's
 * path. */
__noinline int note_directory(void)
{
	__u32 which = filter_in_use;
	struct filter *f = which ? filter_of(which) : 0;
	struct scratch *s = scratch();
	__u8 *event = built();
	if (!s || !event)
		return 0;
	struct file *file = opened(s, event);
	__u64 key = number_of(s, file);
	if (!is_directory_file(file))
		return 0;
	if (!f)
		return forget_directory(key);
	struct filter_type *type = &f->types[*(__u16 *)(event + 20) & (EVENT_TYPES - 1)];
	__u32 name = type->name, path = type->path;
	__u32 at = filter_place(name) & 0xffff, place = filter_place(path) & 0xffff;
	__u32 len = at ? length_of(event, name) : 0, path_len = place ? length_of(event, path) : 0;
	if (len)
		len--;
	if (path_len)
		path_len--;
	if (!place || is_shown_otherwise(&type->checks[0]) || is_shown_otherwise(&type->checks[1]) ||
	    filter_same(at, len, place, path_len) == IS_OTHER)
		return forget_directory(key);
	struct noted_directory *noted = &s->noted;
	noted->path = hash_of(event, place, path_len);
	noted->above = 0;
	noted->unseen = 0;
	path_len &= NOTED_PATH - 1;
	noted->len = path_len;
	bpf_probe_read_kernel(noted->text, path_len, event + place);
	/* Through memory, because the verifier would otherwise check what follows once for each length. */
	*(volatile __u32 *)&s->left = length_above(event, place, path_len);
	__u32 above = *(volatile __u32 *)&s->left;
	if (above)
		noted->above = hash_of(event, place, above);
	return !bpf_map_update_elem(&directories, &key, noted, 0);
}

/* Notes that the event of the open of this directory is filtered out. `note_directory` has noted the directory. */
static __always_inline void hide_directory(__u32 fd)
{
	struct file *file = file_at(own_files(), fd);
	struct noted_directory *noted = file ? bpf_map_lookup_elem(&directories, &file) : 0;
	if (noted)
		*(volatile __u32 *)&noted->unseen = filter_epoch;
}

/* Removes a file that was opened otherwise than by a call with a path, because user space may know it by another path. */
__noinline int forget_directory(__u64 file)
{
	bpf_map_delete_elem(&directories, &file);
	return 0;
}

#define F_DUPFD 0
#define F_SETFD 2
#define F_DUPFD_CLOEXEC 1030

/* Whether the call concerns only an unseen file, or, for `fcntl`, nothing that is tracked. For a copy, the new
 * descriptor is checked, because another thread may have replaced the file of the old one. */
__noinline int is_of_unseen(__u16 type, long ret, __u32 fd, __u32 command)
{
	if (type == EV_SYSCALL_CLOSE_X)
		return has_closed_unseen(fd);
	if (type == EV_SYSCALL_FCNTL_X && command == F_SETFD)
		return is_unseen_descriptor(fd);
	if (type == EV_SYSCALL_FCNTL_X && command != F_DUPFD && command != F_DUPFD_CLOEXEC)
		return true;
	return is_unseen_descriptor(ret);
}

/* Global, because the verifier would otherwise follow all later code once for each of these types. */
__noinline int makes_file(__u32 type)
{
	return type == EV_SYSCALL_OPEN_X || type == EV_SYSCALL_OPENAT_2_X || type == EV_SYSCALL_OPENAT2_X ||
	       type == EV_SYSCALL_OPEN_BY_HANDLE_AT_X || type == EV_SYSCALL_OPEN_TREE_X ||
	       type == EV_SYSCALL_OPEN_TREE_ATTR_X || type == EV_SYSCALL_FSMOUNT_X || type == EV_SYSCALL_FSPICK_X;
}

#define SECCOMP_MODE_FILTER 2

/* Whether a seccomp filter, which any program can set for itself, decides which calls of the thread the kernel runs. */
static __always_inline bool has_seccomp_filter(void)
{
	struct task_struct *task = current_task();
	return bpf_core_field_exists(task->seccomp.mode) && TASK(task, seccomp.mode) == SECCOMP_MODE_FILTER;
}

/* Whether the descriptors show that the kernel did not run a call: a filter, or its supervisor, can return any result for it, for a
 * close also an error. If threads share the descriptors, another one may have changed them since. Then only a close is checked: its
 * descriptor has a file again only if the call of another thread has put it there, and that call has an event of its own. */
__noinline int was_skipped(__u32 type, __u64 ret, __u32 fd, __u32 command)
{
	bool copies = false;
	switch (type) {
	case EV_SYSCALL_CLOSE_X: {
		struct file *left = file_at(own_files(), fd);
		return left && !(shares_descriptors() && leaves_out(FILTER_FREE_FILES) && is_unseen(left)) ? FILTER_SKIPPED : 0;
	}
	case EV_SYSCALL_FCNTL_X:
		if (command != F_DUPFD && command != F_DUPFD_CLOEXEC)
			return 0;
		/* fallthrough */
	case EV_SYSCALL_DUP_1_X:
	case EV_SYSCALL_DUP2_X:
	case EV_SYSCALL_DUP3_X:
		copies = true;
		break;
	case EV_SYSCALL_OPEN_X:
	case EV_SYSCALL_OPENAT_2_X:
	case EV_SYSCALL_OPENAT2_X:
	case EV_SYSCALL_CREAT_X:
	case EV_SOCKET_SOCKET_X:
	case EV_SOCKET_ACCEPT_5_X:
	case EV_SOCKET_ACCEPT4_6_X:
		break;
	default:
		return 0;
	}
	if (shares_descriptors())
		return 0;
	struct files_struct *files = own_files();
	struct file *file = file_at(files, ret);
	return (copies ? file != file_at(files, fd) : !file) ? FILTER_SKIPPED : 0;
}

/* `early` with whether a seccomp filter skipped the call. */
static __always_inline int with_seccomp(int early, __u16 type, long ret, __u32 fd, __u32 command)
{
	bool may_be = (ret >= 0 || closes_with_error(type, ret)) && has_seccomp_filter();
	return may_be ? early | was_skipped(type, ret, fd, command) : early;
}

/* The decision before an event is built: `early`, changed by the event's file if that matters. */
static __always_inline int with_file(int early, __u16 type, long ret, __u32 fd, __u32 command)
{
	if (!(early & FILTER_IF_FILE))
		return reports_bases && ret >= 0 && makes_file(type) ? early | FILTER_NOTES : early;
	if (is_of_unseen(type, ret, fd, command))
		return early;
	return makes_file(type) ? FILTER_NOTES : FILTER_SENDS;
}
