/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* io_uring requests. The probe reads a request's arguments when the kernel takes the request from its ring; the
 * kernel has copied its texts by then. The probe makes the event of the corresponding call when the kernel reports
 * the result. */
#pragma once

#define REQUEST_KINDS 64
#define ANSWERS_MAX 4096
/* Flags of a submission queue entry (the first two), of a ring, and of a splice. */
#define BY_SLOT 1
#define CHOOSES_BUFFER (1 << 5)
#define RING_POLLS 2
#define SPLICE_IN_BY_SLOT (1U << 31)
/* Instead of an index in a ring's table of files: the kernel chooses one. */
#define ANY_SLOT ((__u32)-1)
/* A descriptor with an unknown number. */
#define UNKNOWN_FD 0x7fffffff
/* Bits of an entry in a ring's table of files that are no part of the address. */
#define FILE_BITS 7

/* Flags in the upper half of the header's `count`, above the kind of the request: the event belongs to a request; a
 * kernel thread takes the ring's requests; the result is not known; the last parameter describes the request's
 * descriptor. */
#define OF_REQUEST 0x8000
#define OF_POLLED_RING 0x100
#define IS_PRESUMED 0x200
#define IS_DESCRIBED 0x400

/* Names that are longer than those in a request, by its address and the number of the text. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, KEPT_PATHS);
	__type(key, __u64);
	__type(value, struct kept_long);
} long_names SEC(".maps");

/* Requests by the program's user_data. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, ANSWERS_MAX);
	__type(key, struct answer);
	__type(value, __u64);
} answers SEC(".maps");

#define TEXT_OF(r, which) (&(r)->text[(which) * KEPT_SHORT])

static __always_inline __u64 request_of(struct answer *answer)
{
	__u64 *found = bpf_map_lookup_elem(&answers, answer);
	return found ? *found : 0;
}

/* The number by which events name a direct descriptor, an index in a ring's table. No descriptor of a process has it. */
static __always_inline __u64 direct(__u64 ring, __u32 slot)
{
	return ((ring >> 6 & 0x3fffffff) | 0x40000000) << 32 | slot;
}

/* The file at an index in a ring's table. */
static __always_inline struct file *file_in(struct io_ring_ctx *ring, __u32 slot)
{
	struct io_ring_ctx___old *old = (void *)ring;
	__u64 file;
	if (bpf_core_field_exists(ring->file_table.data.nodes)) {
		if (slot >= READ(ring, file_table.data.nr))
			return 0;
		struct io_rsrc_node **nodes = READ(ring, file_table.data.nodes);
		struct io_rsrc_node *node = READ_POINTER(nodes + slot);
		file = READ(node, file_ptr);
	} else {
		if (slot >= READ(old, nr_user_files))
			return 0;
		/* A number, because the verifier of 6.12 does not allow adding a large number to a pointer that it
		 * tracks. */
		__u64 files = 0;
		bpf_core_read(&files, sizeof(files), &old->file_table.files);
		file = READ((struct io_fixed_file *)files + slot, file_ptr);
	}
	return (struct file *)(file & ~(__u64)FILE_BITS);
}

/* The owner of the request. If a kernel thread takes requests from the ring, it is the process that owns the ring. */
static __always_inline struct task_struct *owner_of(struct io_kiocb *req)
{
	struct io_kiocb___old *old = (void *)req;
	struct task_struct *task = bpf_core_field_exists(req->tctx) ? READ(req, tctx, task) : READ(old, task);
	return READ(task, flags) & PF_IO_WORKER ? READ(task, group_leader) : task;
}

static __always_inline bool is_owner_left_out(struct task_struct *task)
{
	__u32 tid = READ(task, pid), tgid = READ(task, tgid);
	if (stopped || tgid == own_pid)
		return true;
	if (any_quiet_tid && (bpf_map_lookup_elem(&quiet_tids, &tid) || bpf_map_lookup_elem(&quiet_tids, &tgid)))
		return true;
	if (any_quiet_comm) {
		struct comm comm = {};
		bpf_core_read(&comm, sizeof(comm), &task->comm);
		return bpf_map_lookup_elem(&quiet_comms, &comm);
	}
	return false;
}

static __always_inline void hold_text(struct request *r, __u32 at, __u32 which, const void *from)
{
	long len = from ? bpf_probe_read_kernel_str(TEXT_OF(r, which), KEPT_SHORT, from) : 0;
	r->args[at] = len > 0 ? (__u64)TEXT_OF(r, which) : 0;
}

static __always_inline void hold_name(struct request *r, __u64 req, __u32 at, __u32 which, struct filename *name)
{
	const char *from = READ(name, name);
	struct kept_long *more;
	__u64 key = req | which;
	if (!from || bpf_probe_read_kernel_str(TEXT_OF(r, which), KEPT_SHORT, from) < KEPT_SHORT) {
		r->args[at] = from ? (__u64)TEXT_OF(r, which) : 0;
		return;
	}
	r->has_long_names = 1;
	bpf_map_update_elem(&long_names, &key, (void *)&blank, 0);
	more = bpf_map_lookup_elem(&long_names, &key);
	/* Without room for the whole name, its beginning is kept. */
	r->args[at] = more && bpf_probe_read_kernel_str(more->data, KEPT_LONG, from) > 0 ? (__u64)more->data :
											  (__u64)TEXT_OF(r, which);
}

static __always_inline void hold_bytes(struct request *r, __u32 at, __u32 which, const void *from, __u32 len, bool of_user)
{
	len = len > KEPT_SHORT ? KEPT_SHORT : len;
	barrier_var(len);
	len &= 2 * KEPT_SHORT - 1;
	if (len > KEPT_SHORT || !from ||
	    (of_user ? bpf_probe_read_user(TEXT_OF(r, which), len, from) : bpf_probe_read_kernel(TEXT_OF(r, which), len, from)))
		len = 0;
	r->args[at] = len ? (__u64)TEXT_OF(r, which) : 0;
	r->args[at + 1] = len;
}

/* Newer kernels have copied the address of a socket beside the request. Some copy only the address. The copy of
 * others begins with a pointer, whose alignment differs from every address family with events. Older kernels have
 * only the user address. */
static __always_inline void hold_address(struct request *r, struct io_kiocb *req, __u32 at, __u32 which, void *user,
					 __u32 len)
{
	struct io_async_msghdr *beside = READ(req, async_data);
	bool is_copied = !bpf_core_type_exists(struct io_async_connect) && beside;
	void *from = user;
	__u64 first = 0;
	if (is_copied) {
		bpf_probe_read_kernel(&first, sizeof(first), beside);
		from = first & 7 ? (void *)beside : &beside->addr;
	}
	hold_bytes(r, at, which, from, len > SOCKADDR_MAX ? SOCKADDR_MAX : len, !is_copied);
}

/* The destination of a message, if the request contains it. */
static __always_inline void hold_target(struct request *r, struct io_kiocb *req, __u32 at, __u32 which)
{
	struct io_sr_msg___old *old = (void *)req;
	struct io_async_msghdr *beside = READ(req, async_data);
	if (bpf_core_field_exists(old->addr))
		hold_bytes(r, at, which, READ(old, addr), READ(old, addr_len), true);
	else if (beside && READ(beside, msg.msg_name) == &beside->addr)
		hold_bytes(r, at, which, &beside->addr, READ(beside, msg.msg_namelen), false);
}

/* A kernel that lacks a kind of request also lacks its structure. */
#define OF_KIND(of) if (bpf_core_type_exists(struct of))
#define NUMBER(at, of, member) OF_KIND(of) r->args[at] = READ((struct of *)req, member);
#define OPEN_FLAGS(at, of, member)                                                                                \
	OF_KIND(of) r->args[at] = READ((struct of *)req, member) & ~(1ULL << (O_LARGEFILE_AT));
#define NAME(at, which, of, member)                                                                               \
	if (bpf_core_field_exists(((struct of *)req)->member))                                                    \
		hold_name(r, (__u64)req, at, which, READ((struct of *)req, member));                              \
	else if (bpf_core_field_exists(((struct of##___7 *)req)->member.__incomplete_filename))                   \
		hold_name(r, (__u64)req, at, which,                                                               \
			  READ((struct of##___7 *)req, member.__incomplete_filename));
#define TEXT(at, which, of, member) OF_KIND(of) hold_text(r, at, which, READ((struct of *)req, member));
#define VALUE(at, which, of, member, size)                                                                        \
	OF_KIND(of) hold_bytes(r, at, which, READ((struct of *)req, member), READ((struct of *)req, size), false);
#define ADDRESS(at, which, of, member, size)                                                                      \
	OF_KIND(of) hold_address(r, req, at, which, READ((struct of *)req, member), READ((struct of *)req, size));
#define KERNEL_ADDRESS(at, which, of, size)                                                                       \
	OF_KIND(of) hold_address(r, req, at, which, 0, READ((struct of *)req, size));
#define TARGET(at, which) hold_target(r, req, at, which);
#define CLOSED(at)                                                                                                \
	r->slot = READ((struct io_close *)req, file_slot);                                                        \
	r->args[at] = r->slot ? direct(r->answer.ring, r->slot - 1) : (__s64)READ((struct io_close *)req, fd);
#define SPLICE_IN(at)                                                                                             \
	r->args[at] = READ((struct io_splice *)req, flags) & SPLICE_IN_BY_SLOT ?                                  \
			      direct(r->answer.ring, READ((struct io_splice *)req, splice_fd_in)) :               \
			      (__s64)READ((struct io_splice *)req, splice_fd_in);
#define SLOT(of) OF_KIND(of) r->slot = READ((struct of *)req, file_slot);

__noinline int hold_arguments(__u64 key)
{
	struct request *r = bpf_map_lookup_elem(&requests, &key);
	struct io_kiocb *req = (struct io_kiocb *)key;
	if (!r)
		return 0;
	switch (r->opcode) {
	REQUEST_CASES
	}
	switch (r->opcode) {
	SLOT_CASES
	}
	return 0;
}

#define RECEIVES_REPEATEDLY 2
#define ECANCELED 125

static __always_inline bool is_repeated(struct io_kiocb *req)
{
	struct io_sr_msg *message = (struct io_sr_msg *)req;
	return bpf_core_field_exists(message->flags) && READ(message, flags) & RECEIVES_REPEATEDLY;
}

/* Notes what a request of this type may change: by the file that it has read or written, or by a message. For a request that
 * receives repeatedly, the control data of each message is in the buffer that the kernel chose, and the kernel's pointer is at the
 * end of that data. This function and the next one are global, because their callers have no room for them on the stack. */
__noinline int note_meaning(__u32 type, __u64 key)
{
	struct scratch *s = scratch();
	struct io_kiocb *req = (struct io_kiocb *)key;
	if (!s)
		return 0;
	bool may_decide_now = may_have_acted(type, s->ret) && may_decide(type);
	s->decisive = may_decide_now && decides(type, (struct file *)s->own_file);
	/* A close may also have failed before it began. A number that another thread has used again has the event of its call. */
	if (closes_with_error(type, s->ret) && s->ret != -ECANCELED && !(s->args[0] >> 31) && !file_of(s, s->args[0]))
		s->request |= CLOSED_WITH_ERROR;
	if (type != EV_SOCKET_RECVMSG_X || !is_repeated(req))
		return 0;
	struct io_async_msghdr *beside = READ(req, async_data);
	if (!bpf_core_field_exists(beside->controllen) || !beside)
		return 0;
	s->is_repeated = 1;
	bool has_received = s->ret && may_have_received(s->ret);
	s->control_len = has_received ? READ(beside, controllen) - READ(beside, msg.msg_controllen) : 0;
	s->control = (__u64)READ(beside, msg.msg_control_user) - s->control_len;
	return 0;
}

/* Whether the request brought descriptors or changed the state otherwise, if its kind is of no interest. */
__noinline int concerns_state(__u64 key, long res)
{
	struct request *r = bpf_map_lookup_elem(&requests, &key);
	struct io_kiocb *req = (struct io_kiocb *)key;
	if (!r)
		return false;
	if (r->type == EV_SOCKET_RECVMSG_X)
		return may_have_received(res) && (is_repeated(req) || has_control(r->args[1], r->compat));
	return may_have_acted(r->type, res) && may_decide(r->type) && decides(r->type, READ(req, file));
}

/* Notes the file of a descriptor as the one that the request made.
 * This is a function of its own, so that its stack is free again when the event is built. `ready_request` prepares the scratch
 * memory for that. */
__noinline int note_made_file(__u32 slot, __u64 fd)
{
	struct scratch *s = scratch_in(slot);
	if (s)
		s->made_file = (__u64)file_of(s, fd);
	return 0;
}

static __always_inline void ready_request(struct scratch *s, struct request *r, struct io_kiocb *req, __s64 res)
{
	struct io_ring_ctx *ring = (struct io_ring_ctx *)r->answer.ring;
	__u32 kind = r->opcode & (REQUEST_KINDS - 1);
	bool makes = request_rows[kind].makes;
	__s8 own = request_rows[kind].own;
	s->ret = res;
	s->number = r->number;
	s->code = r->code;
	s->compat = r->compat;
	s->task = r->task;
	s->of_other = 1;
	s->request = r->mark;
	__builtin_memcpy(s->args, r->args, sizeof(s->args));
	s->own_file = own >= 0 ? (__u64)READ(req, file) : 0;
	/* The kernel has let go of the file. It is still the right one if the process has it open. */
	if (r->is_silent >= SEEN_WHEN_FREED && own >= 0 && !(r->flags & BY_SLOT)) {
		note_made_file(s->slot, r->args[own & 7]);
		if (s->made_file != s->own_file)
			s->own_file = 0;
	}
	s->described = own >= 0 && s->own_file && r->flags & BY_SLOT;
	s->made_file = 0;
	/* The kernel has stored the buffer that it chose there. */
	if (r->flags & CHOOSES_BUFFER && r->type == EV_SYSCALL_READ_X)
		s->args[1] = READ((struct io_rw *)req, addr);
	if (r->flags & CHOOSES_BUFFER && r->type == EV_SOCKET_RECVFROM_X)
		s->args[1] = (__u64)READ((struct io_sr_msg *)req, buf);
	note_meaning(r->type, number_of(s, req));
	if (!makes || res < 0)
		return;
	if (r->type == EV_SYSCALL_PIPE2_X || s->request & IS_PRESUMED) {
		/* Two descriptors, whose numbers the kernel writes to memory; or an unknown number. */
		if (!r->slot && r->type != EV_SYSCALL_PIPE2_X)
			s->ret = UNKNOWN_FD;
		else if (r->slot && r->slot != ANY_SLOT && r->type != EV_SYSCALL_PIPE2_X)
			s->ret = direct(r->answer.ring, r->slot - 1);
	} else if (r->slot) {
		__u32 slot = r->slot == ANY_SLOT ? res : r->slot - 1;
		s->ret = direct(r->answer.ring, slot);
		s->made_file = (__u64)file_in(ring, slot);
	} else {
		note_made_file(s->slot, res);
	}
}

/* Whether sampling leaves the event out. */
static __always_inline bool is_request_sampled_out(__u8 says)
{
	return sampling_ratio > 1 && !(says & ALWAYS_KEPT) &&
	       (says & FIRST_LEFT_OUT || bpf_ktime_get_boot_ns() % SECOND_NS >= SECOND_NS / sampling_ratio);
}

__noinline int emit_request(__u32 type);

/* Whether no event is made of a failed request. Global, because the callers have no room on their stacks. */
__noinline int is_dropped(__u64 key, long res)
{
	struct request *r = bpf_map_lookup_elem(&requests, &key);
	return !r || !may_change_with_error(r->type, res);
}

static __always_inline void report_request(struct request *r, __u64 req, __s64 res)
{
	struct scratch *s;
	if (r->says & DESCRIPTOR_ALONE && !concerns_state(req, res))
		return;
	if (stopped || (drop_failed && res < 0 && is_dropped(req, res)) || is_request_sampled_out(r->says))
		return;
	s = fresh(r->type, (struct task_struct *)r->task);
	if (!s)
		return;
	ready_request(s, r, (struct io_kiocb *)req, res);
	if (s->made_file)
		note_new_descriptor(0, 0);
	if (has_entries(r->type))
		take_over(req);
	emit_request(r->type);
	if (has_entries(r->type))
		forget_entries();
	done();
}

/* The event of a request whose result is not known. */
static __always_inline void report_presumed(struct request *r, __u64 req)
{
	r->mark |= IS_PRESUMED;
	report_request(r, req, 0);
	r->mark &= ~IS_PRESUMED;
}

/* The same, as a function of its own, for callers that must stay small. */
__noinline int presume(__u64 req)
{
	struct request *r = bpf_map_lookup_elem(&requests, &req);
	if (r)
		report_presumed(r, req);
	return 0;
}

static __always_inline void forget_request(struct request *r, __u64 req)
{
	int i;
	if (r->is_silent)
		forget_silent(r->answer.ring, r->is_silent);
	bpf_map_delete_elem(&answers, &r->answer);
	if (has_entries(r->type))
		forget_work(req);
	for (i = 0; i < REQUEST_TEXTS; i++) {
		__u64 key = req | i;
		if (r->has_long_names)
			bpf_map_delete_elem(&long_names, &key);
	}
	bpf_map_delete_elem(&requests, &req);
}

static __always_inline bool is_compat_ring(struct io_ring_ctx *ring)
{
	struct io_ring_ctx___old *old = (void *)ring;
	return bpf_core_field_exists(old->compat) && BPF_CORE_READ_BITFIELD_PROBED(old, compat);
}

/* The interest in a kind of requests. Whether one of a kind that rarely matters concerns the state is known when it is complete. */
__noinline int interest_in(__u32 kind)
{
	__s16 number = request_rows[kind & (REQUEST_KINDS - 1)].number;
	__u16 type = request_rows[kind & (REQUEST_KINDS - 1)].type;
	__u8 says = number >= 0 ? interest[number & (SYSCALLS - 1)] : 0;
	if (says & DESCRIPTOR_ALONE && type != EV_SOCKET_RECVMSG_X && !may_decide(type))
		return 0;
	return says;
}

static __always_inline int take_request(__u64 key)
{
	struct io_kiocb *req = (struct io_kiocb *)key;
	__u32 kind = READ(req, opcode);
	if (kind >= REQUEST_KINDS)
		return 0;
	__u8 says = interest_in(kind);
	if (!says)
		return 0;
	struct task_struct *task = owner_of(req);
	if (is_owner_left_out(task))
		return 0;
	struct request *r = silent_requests ? bpf_map_lookup_elem(&requests, &key) : 0;
	__u64 ring = 0;
	bpf_core_read(&ring, sizeof(ring), &req->ctx);
	/* The previous request at this address has ended unseen. If it belonged to another task, that task may be gone. */
	if (r && r->is_silent) {
		if (r->task == (__u64)task && r->answer.ring == ring)
			presume(key);
		else
			lose(own_cpu(), &own_cpu()->unclaimed, r->type, 0);
		forget_request(r, key);
	}
	__s8 own = request_rows[kind & (REQUEST_KINDS - 1)].own;
	bpf_map_update_elem(&requests, &key, (void *)&blank, 0);
	r = bpf_map_lookup_elem(&requests, &key);
	if (!r) {
		lose(own_cpu(), &own_cpu()->unclaimed, request_rows[kind & (REQUEST_KINDS - 1)].type, task);
		return 0;
	}
	r->answer.ring = ring;
	r->answer.user_data = READ(req, cqe.user_data);
	r->task = (__u64)task;
	r->number = request_rows[kind & (REQUEST_KINDS - 1)].number;
	r->type = request_rows[kind & (REQUEST_KINDS - 1)].type;
	r->code = request_rows[kind & (REQUEST_KINDS - 1)].code;
	r->says = says;
	r->opcode = kind;
	r->flags = READ(req, flags);
	r->compat = is_compat_ring((struct io_ring_ctx *)ring);
	r->mark = OF_REQUEST | kind | (READ((struct io_ring_ctx *)ring, flags) & RING_POLLS ? OF_POLLED_RING : 0);
	/* The previous request at this address may have ended without a report. */
	if (has_entries(r->type))
		forget_work(key);
	hold_arguments(key);
	if (own >= 0) {
		__s64 fd = READ(req, cqe.fd);
		r->args[own & 7] = r->flags & BY_SLOT ? direct(ring, fd) : fd;
	}
	bpf_map_update_elem(&answers, &r->answer, &key, 0);
	/* If the request succeeds, the kernel does not report it. */
	if (r->flags & SILENT) {
		r->since = bpf_ktime_get_ns();
		r->is_silent = note_silent(ring, READ(task, tgid));
		if (!r->is_silent)
			presume(key);
	}
	return 0;
}

static __always_inline int end_request(__u64 req, __s64 res, bool is_last)
{
	struct request *r = req ? bpf_map_lookup_elem(&requests, &req) : 0;
	if (!r)
		return 0;
	report_request(r, req, res);
	if (is_last)
		forget_request(r, req);
	return 0;
}
