/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel types that the probe reads, trimmed to the members it reads; CO-RE finds where they are. */
#ifndef EYAS_VMLINUX_H
#define EYAS_VMLINUX_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u32 __wsum;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef _Bool bool;
enum { false, true };

#define BPF_MAP_TYPE_HASH 1
#define BPF_MAP_TYPE_ARRAY 2
#define BPF_MAP_TYPE_PROG_ARRAY 3
#define BPF_MAP_TYPE_PERCPU_ARRAY 6
#define BPF_MAP_TYPE_LRU_HASH 9
#define BPF_MAP_TYPE_ARRAY_OF_MAPS 12
#define BPF_MAP_TYPE_RINGBUF 27
#define BPF_MAP_TYPE_TASK_STORAGE 29
#define BPF_F_MMAPABLE 1024
#define BPF_F_NO_PREALLOC 1
#define BPF_NOEXIST 1
#define BPF_RB_FORCE_WAKEUP 2
#define BPF_LOCAL_STORAGE_GET_F_CREATE 1

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long bp, bx, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};
#else
struct user_pt_regs {
	__u64 regs[31];
	__u64 sp, pc, pstate;
};
struct pt_regs {
	struct user_pt_regs user_regs;
	__u64 regs[31];
	__u64 orig_x0;
	__s32 syscallno;
};
#endif

struct thread_info {
	unsigned long flags;
	u32 status;
};

typedef struct { u32 val; } kuid_t;
typedef struct { u32 val; } kgid_t;
typedef struct { u32 cap[2]; } kernel_cap_t;
struct kernel_cap_val { u64 val; };

struct uid_gid_extent {
	u32 first, lower_first, count;
};
struct uid_gid_map {
	u32 nr_extents;
	struct uid_gid_extent extent[5];
	struct uid_gid_extent *forward, *reverse;
};
struct user_namespace {
	struct uid_gid_map uid_map, gid_map;
};
struct group_info {
	int ngroups;
	kgid_t gid[0];
};
struct cred {
	kuid_t uid, euid;
	kgid_t gid, egid;
	unsigned int securebits;
	kernel_cap_t cap_inheritable, cap_permitted, cap_effective;
	struct user_namespace *user_ns;
	struct group_info *group_info;
};
struct posix_acl_entry {
	short e_tag;
};
struct posix_acl {
	unsigned int a_count;
	struct posix_acl_entry a_entries[0];
};

struct qstr {
	u32 hash, len;
	const unsigned char *name;
};

struct file_system_type {
	const char *name;
	int fs_flags;
};
struct dentry;
struct mount;
struct list_head {
	struct list_head *next;
};
struct hlist_node {
	struct hlist_node *next;
};
struct hlist_head {
	struct hlist_node *first;
};
struct rb_node {
	unsigned long __rb_parent_color;
	struct rb_node *rb_right, *rb_left;
};
struct rb_root {
	struct rb_node *rb_node;
};
struct super_block {
	struct dentry *s_root;
	struct list_head s_mounts;
	u32 s_dev;
	struct file_system_type *s_type;
	unsigned long s_magic;
	unsigned long s_flags;
};

struct super_block___618 {
	struct mount *s_mounts;
};

struct timespec64 {
	__s64 tv_sec;
	long tv_nsec;
};

struct inode {
	u16 i_mode;
	kuid_t i_uid;
	kgid_t i_gid;
	unsigned int i_flags;
	struct posix_acl *i_acl;
	struct super_block *i_sb;
	unsigned long i_ino;
	u32 i_rdev;
	u32 i_state;
	struct hlist_head i_dentry;
	void *i_private;
};
enum inode_state_flags_t___618 { I_STATE___618 };
struct inode___618 {
	enum inode_state_flags_t___618 i_state;
};
struct inode_state_flags {
	u32 __state;
};
struct inode___619 {
	struct inode_state_flags i_state;
};
struct inode_state_flags___620 {
	enum inode_state_flags_t___618 __state;
};
struct inode___620 {
	struct inode_state_flags___620 i_state;
};
struct inode___611 {
	__s64 i_ctime_sec, i_mtime_sec;
	u32 i_ctime_nsec, i_mtime_nsec;
};
struct inode___66 {
	struct timespec64 __i_ctime, __i_mtime;
};
struct inode___old {
	struct timespec64 i_ctime, i_mtime;
};

struct hlist_bl_node {
	struct hlist_bl_node **pprev;
};
struct dentry {
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	struct super_block *d_sb;
	/* Since Linux 6.8. */
	struct hlist_node d_sib;
	struct hlist_head d_children;
	union {
		struct hlist_node d_alias;
	} d_u;
};
struct dentry___7 {
	struct hlist_node d_alias;
};
struct proc_ns_operations {
	char *name;
};
struct ns_common {
	struct proc_ns_operations *ops;
	unsigned int inum;
};
struct mnt_namespace {
	struct ns_common ns;
	struct rb_root mounts;
};
struct mnt_idmap {
	struct uid_gid_map uid_map, gid_map;
};
struct mnt_idmap___62 {
	struct user_namespace *owner;
};
struct vfsmount {
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
	int mnt_flags;
	struct mnt_idmap *mnt_idmap;
};
struct vfsmount___512 {
	struct user_namespace *mnt_userns;
};
struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct mnt_namespace *mnt_ns;
	const char *mnt_devname;
	struct rb_node mnt_node;
	u64 mnt_id_unique;
};
struct mount___618 {
	struct mount *mnt_next_for_sb;
};
struct mount___old {
	struct list_head mnt_instance;
};
struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};
struct file {
	struct path f_path;
	struct inode *f_inode;
	unsigned int f_mode, f_flags;
	void *private_data;
};
struct notification {
	struct list_head notifications;
};
struct seccomp_filter {
	struct notification *notif;
};
struct seccomp_knotif {
	struct task_struct *task;
	u64 id;
	struct list_head list;
};
struct fdtable {
	unsigned int max_fds;
	struct file **fd;
	unsigned long *close_on_exec, *open_fds;
};
typedef struct { int counter; } atomic_t;
struct files_struct {
	atomic_t count;
	struct fdtable *fdt;
	unsigned int next_fd;
};

struct percpu_counter {
	s64 count;
};
typedef struct { s64 counter; } atomic_long_t;
struct mm_rss_stat {
	atomic_long_t count[4];
};
struct mm_struct {
	unsigned long total_vm, arg_start, arg_end, env_start, env_end, saved_auxv[2];
	struct file *exe_file;
	struct percpu_counter rss_stat[4];
};
struct mm_struct___old {
	struct mm_rss_stat rss_stat;
};

struct pid_namespace {
	u32 level;
	struct task_struct *child_reaper;
};
struct upid {
	int nr;
	struct pid_namespace *ns;
};
struct pid {
	unsigned int level;
	struct upid numbers[1];
};
/* Functions that programs may call. */
enum bpf_func_id___regs {
	BPF_FUNC_task_pt_regs___regs = 175,
};

struct tty_driver {
	int major, minor_start;
};
struct tty_struct {
	int index;
	struct tty_driver *driver;
};
struct rlimit {
	unsigned long rlim_cur, rlim_max;
};
struct signal_struct {
	int nr_threads;
	struct list_head thread_head;
	unsigned int is_child_subreaper : 1;
	unsigned int has_child_subreaper : 1;
	struct pid *pids[4];
	struct tty_struct *tty;
	struct rlimit rlim[16];
};
struct net {
	struct ns_common ns;
};
struct nsproxy {
	struct mnt_namespace *mnt_ns;
	struct pid_namespace *pid_ns_for_children;
	struct net *net_ns;
};
struct fs_struct {
	struct path root, pwd;
};

struct kernfs_node {
	const char *name;
	struct kernfs_node *__parent;
};
struct kernfs_node___old {
	struct kernfs_node *parent;
};
struct cgroup_root {
	int hierarchy_id;
};
struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
};
struct cgroup_subsys_state {
	struct cgroup *cgroup;
};
struct css_set {
	struct cgroup_subsys_state *subsys[16];
};
enum cgroup_subsys_id {
	cpuset_cgrp_id,
	cpu_cgrp_id,
	cpuacct_cgrp_id,
	io_cgrp_id,
	memory_cgrp_id,
	devices_cgrp_id,
	freezer_cgrp_id,
	net_cls_cgrp_id,
	perf_event_cgrp_id,
	net_prio_cgrp_id,
	hugetlb_cgrp_id,
	pids_cgrp_id,
	rdma_cgrp_id,
	misc_cgrp_id,
};

struct sched_entity {
	u64 nr_migrations;
};

struct seccomp {
	int mode;
};
struct task_struct {
	struct thread_info thread_info;
	struct sched_entity se;
	void *stack;
	unsigned int flags;
	struct list_head children, thread_node;
	void *worker_private;
	struct mm_struct *mm;
	int exit_code;
	int pid, tgid;
	struct task_struct *real_parent, *group_leader;
	struct pid *thread_pid;
	u64 start_time, start_boottime;
	unsigned long min_flt, maj_flt;
	struct cred *cred;
	char comm[16];
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	kuid_t loginuid;
	struct css_set *cgroups;
	struct seccomp seccomp;
};

struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
};
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};
struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	u32 fd;
	struct file *file;
};

struct linux_binprm {
	const char *filename;
	struct file *file;
};
struct vm_userfaultfd_ctx {
	struct userfaultfd_ctx *ctx;
};
struct vm_area_struct {
	struct file *vm_file;
	struct vm_userfaultfd_ctx vm_userfaultfd_ctx;
};
struct io_uring_cmd {
	struct file *file;
};

union __sifields {
	/* The sender stands first in every signal that has one. */
	struct {
		int _pid;
	} _kill;
};
struct kernel_siginfo {
	struct {
		int si_signo, si_errno, si_code;
		union __sifields _sifields;
	};
};
struct k_sigaction;

struct in6_addr {
	u8 s6_addr[16];
};
struct sock_common {
	__be32 skc_daddr, skc_rcv_saddr;
	__be16 skc_dport;
	u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
};
struct sock {
	struct sock_common __sk_common;
	u32 sk_ack_backlog, sk_max_ack_backlog;
	u16 sk_type, sk_protocol;
};
struct socket {
	short type;
	struct file *file;
	struct sock *sk;
};
struct inet_sock {
	struct sock sk;
	__be32 inet_saddr;
	__be16 inet_sport;
};
struct sockaddr_un {
	u16 sun_family;
	char sun_path[108];
};
struct unix_address {
	int len;
	struct sockaddr_un name[0];
};
struct unix_sock {
	struct sock sk;
	struct unix_address *addr;
	struct sock *peer;
};
struct trace_event_raw_sys_exit {
	long ret;
};
struct trace_event_raw_sched_process_exec {
	u32 __data_loc_filename;
	s32 old_pid;
};
struct trace_event_raw_sched_process_fork {
	s32 child_pid;
};
struct trace_event_raw_io_uring_submit_req {
	void *req;
};
struct trace_event_raw_io_uring_complete {
	void *ctx;
	void *req;
	u64 user_data;
	int res;
};
struct trace_event_raw_io_uring_cqe_overflow {
	void *ctx;
	u64 user_data;
	s32 res;
	u32 cflags;
};

/* Requests of io_uring. Each kind has a structure of its own in the same place. */
struct filename {
	const char *name;
};
struct delayed_filename {
	struct filename *__incomplete_filename;
};
struct sockaddr_storage {
	char data[128];
};
struct open_how {
	u64 flags, mode, resolve;
};
struct xattr_name {
	char name[256];
};
struct kernel_xattr_ctx {
	void *kvalue;
	unsigned long size;
	struct xattr_name *kname;
	unsigned int flags;
};
struct io_cqe {
	u64 user_data;
	s32 res, fd;
};
struct io_rsrc_node {
	unsigned long file_ptr;
};
struct io_fixed_file {
	unsigned long file_ptr;
};
struct io_rsrc_data {
	unsigned int nr;
	struct io_rsrc_node **nodes;
};
struct io_file_table {
	struct io_rsrc_data data;
};
struct io_file_table___old {
	struct io_fixed_file *files;
};
struct io_wq_work_node {
	struct io_wq_work_node *next;
};
struct io_wq_work_list {
	struct io_wq_work_node *first;
};
struct io_submit_state {
	struct io_wq_work_node free_list;
	struct io_wq_work_list compl_reqs;
};
struct io_ring_ctx {
	unsigned int flags;
	struct io_file_table file_table;
	struct io_submit_state submit_state;
};
struct io_ring_ctx___old {
	unsigned int nr_user_files;
	unsigned int compat : 1;
	struct io_file_table___old file_table;
};
struct io_uring_task {
	struct task_struct *task;
};
struct io_wq_work {
	u32 flags;
};
/* A thread that carries out requests. */
struct io_worker {
	struct io_wq_work *cur_work;
};
struct io_kiocb {
	struct file *file;
	u8 opcode;
	u32 flags;
	struct io_cqe cqe;
	struct io_ring_ctx *ctx;
	struct io_uring_task *tctx;
	void *async_data;
	struct io_wq_work_node comp_list;
	atomic_t refs;
	struct io_wq_work work;
};
struct io_kiocb___old {
	struct task_struct *task;
};
struct io_uring_cqe {
	u64 user_data;
	s32 res;
};
struct io_open {
	int dfd;
	u32 file_slot;
	struct filename *filename;
	struct open_how how;
};
struct io_close {
	int fd;
	u32 file_slot;
};
struct io_connect {
	void *addr;
	int addr_len;
};
struct io_async_connect {
	struct sockaddr_storage address;
};
struct io_bind {
	int addr_len;
};
struct io_listen {
	int backlog;
};
struct io_shutdown {
	int how;
};
struct io_accept {
	int flags;
	int iou_flags;
	u32 file_slot;
};
struct io_sr_msg {
	void *umsg, *buf;
	int len;
	unsigned int msg_flags;
	u16 flags;
};
struct io_sr_msg___old {
	void *addr;
	u16 addr_len;
};
struct msghdr {
	void *msg_name;
	int msg_namelen;
	void *msg_control_user;
	unsigned long msg_controllen;
};
struct io_async_msghdr {
	struct msghdr msg;
	unsigned long controllen;
	struct sockaddr_storage addr;
};
struct io_rw {
	u64 addr;
	u32 len;
};
struct io_unlink {
	int dfd, flags;
	struct filename *filename;
};
struct io_rename {
	int old_dfd, new_dfd, flags;
	struct filename *oldpath, *newpath;
};
struct io_mkdir {
	int dfd;
	u16 mode;
	struct filename *filename;
};
struct io_link {
	int old_dfd, new_dfd, flags;
	struct filename *oldpath, *newpath;
};
struct io_statx {
	int dfd;
	unsigned int mask, flags;
	struct filename *filename;
};
struct io_xattr {
	struct kernel_xattr_ctx ctx;
	struct filename *filename;
};
struct io_socket {
	int domain, type, protocol;
	u32 file_slot;
};
struct io_splice {
	s64 off_out, off_in;
	u64 len;
	int splice_fd_in;
	unsigned int flags;
};
struct io_ftrunc {
	s64 len;
};
struct io_pipe {
	int *fds;
	int flags, file_slot;
};
/* From Linux 7.0 on, a name is in a structure of its own. */
struct io_open___7 {
	struct delayed_filename filename;
};
struct io_unlink___7 {
	struct delayed_filename filename;
};
struct io_rename___7 {
	struct delayed_filename oldpath, newpath;
};
struct io_mkdir___7 {
	struct delayed_filename filename;
};
struct io_link___7 {
	struct delayed_filename oldpath, newpath;
};
struct io_statx___7 {
	struct delayed_filename filename;
};
struct io_xattr___7 {
	struct delayed_filename filename;
};

#pragma clang attribute pop

/* The context of programs at the addresses of sockets, whose layout is part of the kernel's interface to programs. */
struct bpf_sock_addr {
	__u32 user_family, user_ip4, user_ip6[4], user_port;
};
#endif
