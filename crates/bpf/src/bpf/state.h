/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Maps, settings, and the event under construction. */
#pragma once

#define HEADER 26
#define MAX_EVENT 65536
#define TEMP 65536
/* Parameters that an event has at most: those of its row, and those behind. */
#define MOST_PARAMS 33
/* Types of events that have a row; a power of two. */
#define EVENT_TYPES 1024

/* Where the parameters of an event are described, how many there are, and whether its call works on entries of directories. */
struct event_row { __u16 first; __u8 count; __u8 has_entries; };
struct syscall_row { __u16 type; __u16 code; };
/* A call of 32-bit programs: the number of the 64-bit call that it is, if there is one, its event, its code, and how its
 * arguments differ. */
struct compat_row { __s16 number; __u16 type; __u16 code; __u8 form; __u8 which; };
/* A kind of request of io_uring: number, event and code of the call that it stands for, which argument the descriptor is that
 * it works on, and whether it makes one. */
struct request_row { __s16 number; __u16 type; __u16 code; __s8 own; __u8 makes; };
enum args_form {
	ARGS_SAME,
	ARGS_IDS,
	ARGS_SIGNED,
	ARGS_HALVES,
	ARGS_BLOCK,
	ARGS_HALF_POINTEES,
	ARGS_LONG_TIMES,
	ARGS_IPC_VALUE,
	ARGS_IPC_BUFFER,
};
struct flag_pair { __u64 from; __u64 to; };
struct flag_map { __u16 first; __u8 count; __u8 kind; __u64 otherwise; };

/* A task ends; its arguments or environment, or a path that is too long, are to be had from /proc. */
#define GAP_ENDS 1
#define GAP_MEMORY 2
#define GAP_PATH 4

/* What the kernel has, which user space finds out before it loads the programs. */
/* The current task as a pointer that may be followed: Linux 5.11. */
const volatile __u8 has_task_pointer = 1;
/* Memory that tracing programs keep with a task: Linux 5.13. */
const volatile __u8 has_task_storage = 1;
/* What a ring of io_uring reports at the end of a request is an entry of the completion queue: Linux 6.16. */
const volatile __u8 completes_by_entry = 1;

/* One per CPU, for the program that has claimed the CPU's ring. One more, the last, is the iterators': one of them runs at a
 * time. */
struct scratch {
	/* Which one it is: 0 for that of the CPU at hand. */
	__u32 slot;
	/* Six; a power of two, so that a mask bounds the index. */
	__u64 args[8];
	__s64 ret;
	__u32 pos;
	__u16 type;
	__u16 number;
	__u16 code;
	__u32 index;
	/* The task that the event is about: the caller, or the child that it makes. In kernel memory. */
	__u64 task;
	/* Whether the caller's longs are 32 bits wide, and how its call passes its arguments: ARGS_. */
	__u8 compat;
	__u8 form;
	__u8 failed_exec;
	/* Whether it is about another task than the caller: a child, or a thread that gets a name. */
	__u8 of_other;
	/* Of a call that takes several messages: whether none moved, else which of them the event is about. */
	__u8 no_message;
	__u8 message;
	/* Of a program that was started: in kernel memory. */
	__u64 filename;
	/* The id that its thread had before. */
	__s32 old_tid;
	/* A pointer on its way to a number: see `number_of`. */
	__u64 pointer;
	/* The file that was looked up last, and its descriptor; several parameters ask for one. */
	__u64 file;
	__s32 fd;
	/* Where a walk along a path has come to: pointers as numbers. */
	__u64 dentry, mount, root;
	/* Whether the ring reports all that was lost before the event. */
	__u8 has_told;
	/* Whether the path was walked to its root. */
	__u8 whole;
	/* What could not be reported about a task: GAP_ bits. Only tasks that iterators list have them. */
	__u8 gaps;
	/* Counters of loops: the verifier need not distinguish what it does not track. */
	__u32 at;
	__u32 len;
	/* Where the end of a path begins that is kept of one that is too long. */
	__u32 end;
	/* Bytes of the last name of the path that the caller gave. */
	__u32 given;
	/* Of a request of io_uring: what the event's header says of it, whether the file that it worked on is described behind
	 * the parameters, that file, and the one that it made. In kernel memory. */
	__u16 request;
	__u8 described;
	__u64 own_file, made_file;
	/* Of an event that the filter judges: which filter, none if it is 0; what was decided before it was built; whether it is
	 * sent although no rule matches it. */
	__u32 filter;
	__u32 early;
	__u8 is_sample;
	/* The groups that its process may be in, and whether a row rejected it by them. */
	__u8 by_process;
	__u64 groups;
	/* The change of the process that the event at hand reports: see `verdicts.h`. */
	__u32 change;
	/* The bits that a text set, of which parameter it is, whether it is not known what is shown of it, and whether that is
	 * another text for the same path. */
	__u64 facts[8];
	__u32 read;
	__u8 unread;
	__u8 resolved;
	/* Of a path that is compared with the kernel's own from its end: how many bytes of that are left; of the part at hand
	 * bytes, dots, and whether it differs; parts that `..` takes away, and those that were the same. */
	__u32 left, part_len, part_dots, differs, up, parts;
	/* Of the path at hand: after a slash 1, and more by each dot thereafter; else 0. */
	__u32 part;
	/* The machine's. */
	__u32 state;
	/* Of an open: the path that was asked for, and where its verdict goes, one more than the slot. */
	__u64 asked[2 * 128 / 8 + 1];
	__u32 judged;
	/* The control messages that are left, in user memory, and the descriptors that are left of one. */
	__u64 control, control_len, right;
	__u32 rights;
	/* Control groups from one upwards. */
	__u64 nodes[8];
	__u8 data[2 * 65536];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

#define COMM_LEN 16

struct comm {
	char text[COMM_LEN];
};

/* Threads that are left out, by name and by id of thread or process. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct comm);
	__type(value, __u8);
} quiet_comms SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, __u8);
} quiet_tids SEC(".maps");

/* Settings; user space writes them before or while the programs run. */
__u8 interest[512];
#if defined(__TARGET_ARCH_x86)
/* Behind calls of 32-bit programs by their numbers, those of `socketcall` and of `ipc`. */
#define IA32_SUBCALLS 32
#define IA32_PLACES (512 + 2 * IA32_SUBCALLS)
__u8 ia32_interest[IA32_PLACES];
#endif
/* What the table says of a call: that it is wanted, and what becomes of it while events are sampled. */
#define WANTED 1
#define ALWAYS_KEPT 2
#define FIRST_LEFT_OUT 4
/* Of `ioctl`: only what is done to a descriptor itself. */
#define DESCRIPTOR_ALONE 8
/* Of each second the first 1/ratio is captured; 1: all of it. */
__u32 sampling_ratio = 1;
/* Whether the rest of a second is being left out. */
__u8 left_out = 0;
__u64 boot_time = 0;
__u32 snaplen = 80;
/* Whether more is kept of what goes through sockets of some ports and protocols. */
__u8 snaplen_by_protocol = 0;
/* Ports of which the most is kept; none if the last is 0. */
__u16 first_full_port = 0, last_full_port = 0;
__u16 statsd_port = 8125;
/* A page is 1 << page_to_kb KiB. */
__u32 page_to_kb = 2;
__u32 own_pid = -1;
/* Which scratch the iterators have. */
__u32 iterator_slot = 0;
__u8 drop_failed = 0;
/* Whether new names of threads are of interest. */
__u8 reports_names = 0;
__u8 stopped = 0;
/* Whether any of these settings asks for more than a look at the table and at `own_pid`: stopped, sampling, failed
 * calls left out, threads left out. */
__u8 is_choosy = 0;
__u8 any_quiet_comm = 0, any_quiet_tid = 0;
/* Calls of interest that the process which captures has made: it notices when they are not seen. */
__u64 own_calls SEC(".bss.guard");

/* The kernel returns from an update of a map of maps when no program runs any more that ran before it. */
struct fence {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} fence SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct fence);
} fences SEC(".maps");

/* A pointer as a number, which the verifier lets take any form. */
static __always_inline __u64 number_of(struct scratch *s, void *pointer)
{
	*(void *volatile *)&s->pointer = pointer;
	return *(volatile __u64 *)&s->pointer;
}

/* By its slot: global functions take numbers alone, as those that take pointers need Linux 5.12. */
static __always_inline struct scratch *scratch_in(__u32 slot)
{
	__u32 key = slot ? slot : bpf_get_smp_processor_id();
	return bpf_map_lookup_elem(&scratches, &key);
}

static __always_inline struct scratch *scratch(void)
{
	return scratch_in(0);
}
