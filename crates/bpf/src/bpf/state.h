/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Maps, settings, and the event under construction. */
#pragma once

#define HEADER 26
#define MAX_EVENT 65536
#define TEMP 65536
/* The maximum number of parameters of an event: those of its row, and those appended. */
#define MOST_PARAMS 34
/* Number of event types that have a row; a power of two. */
#define EVENT_TYPES 1024

/* Where the descriptions of an event's parameters start, how many there are, whether the call works on directory
 * entries, and how many of its arguments are directories that paths begin at. */
struct event_row { __u16 first; __u8 count; __u8 has_entries; __u8 bases; };
struct syscall_row { __u16 type; __u16 code; };
/* A call of 32-bit programs: the number of the same 64-bit call, if there is one, its event, its code, and how its
 * arguments differ. */
struct compat_row { __s16 number; __u16 type; __u16 code; __u8 form; __u8 which; };
/* A kind of io_uring request: number, event and code of the equivalent call, which argument is the file
 * descriptor, and whether the request creates one. */
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
/* Ways in which an event reads an argument that is an address. */
enum reads {
	READS_TEXT = 1,
	/* A number, a small structure, a larger one. */
	READS_NUMBER,
	READS_RECORD,
	READS_BLOCK,
	/* As many bytes as the call returns. */
	READS_RECEIVED,
	/* The same, or as many as the next argument says if the call returns none. */
	READS_SENT,
	/* An address of a socket, of the length in the next argument. */
	READS_ADDRESS,
	/* An array of buffers; the next argument is their number. */
	READS_BUFFERS_RECEIVED,
	READS_BUFFERS_SENT,
	/* The header of a message, or an array of such. */
	READS_MESSAGE_RECEIVED,
	READS_MESSAGE_SENT,
	READS_MESSAGES,
	/* Descriptors and events to wait for; the next argument is their number. */
	READS_POLLED,
};
struct flag_pair { __u64 from; __u64 to; };
struct flag_map { __u16 first; __u8 count; __u8 kind; __u64 otherwise; };

/* What a listed task lacks: it is ending; user space must read arguments or environment, or a long path, from /proc. */
#define GAP_ENDS 1
#define GAP_MEMORY 2
#define GAP_PATH 4

/* Features of the kernel. User space detects them before it loads the programs. */
/* The current task as a pointer that programs may dereference: Linux 5.11. */
const volatile __u8 has_task_pointer = 1;
/* Task storage for tracing programs: Linux 5.13. */
const volatile __u8 has_task_storage = 1;
/* Whether the kernel preempts the programs that claim a ring: those at tracepoints, and those at security hooks. */
const volatile __u8 programs_are_preempted = 0, hooks_are_preempted = 0;
/* The tracepoint at the end of an io_uring request gets the entry of the completion queue: Linux 6.16. */
const volatile __u8 completes_by_entry = 1;

/* A power of two, above FILTER_LONGEST_TEXT. */
#define NOTED_PATH 256

/* The path that a directory had when it was opened (`text`), its hash, and the hash of the path without its last part (0: unknown).
 * `unseen`: the filter's epoch if the event of the open was filtered out. */
struct noted_directory {
	__u64 path, above;
	__u32 unseen, len;
	__u8 text[NOTED_PATH];
};

/* One per CPU, for the program that has claimed the CPU's ring. The last one is for the iterators, of which one
 * runs at a time. */
struct scratch {
	/* Index of this scratch memory; 0 means that of the current CPU. */
	__u32 slot;
	/* Six are used. The length is a power of two, so that a mask bounds the index. */
	__u64 args[8];
	__s64 ret;
	__u32 pos;
	__u16 type;
	__u16 number;
	__u16 code;
	__u32 index;
	/* Kernel address of the task that the event is about: the caller, or the child that it creates. */
	__u64 task;
	/* Whether the caller's longs are 32 bits wide, and how its call passes the arguments: ARGS_. */
	__u8 compat;
	__u8 form;
	__u8 failed_exec;
	/* Whether the event is about another task than the caller: a child, or a thread that gets a new name. */
	__u8 of_other;
	/* For a call with several messages: whether no message was transferred, or which message the event is
	 * about. */
	__u8 no_message;
	__u8 message;
	/* Number of its messages; 0 for other calls. */
	__u32 messages;
	/* The other end of a datagram: see `take_peer`. */
	__u32 peer_ip[4];
	__u16 peer_port;
	/* Kernel address of the path of a program that was started. */
	__u64 filename;
	/* The id that the thread had before. */
	__s32 old_tid;
	/* A pointer on its way to a number: see `number_of`. */
	__u64 pointer;
	/* The file that was looked up last, and its file descriptor, because several parameters need the same
	 * file. */
	__u64 file;
	__s32 fd;
	/* Kernel address of the task whose descriptors are described; 0 for the caller. */
	__u64 holder;
	/* Current position of a walk along a path: pointers as numbers. */
	__u64 dentry, mount, root;
	/* Whether the ring reports all events that were dropped before this one. */
	__u8 has_told;
	/* Whether the walk along the path reached the root. */
	__u8 whole;
	/* Which data of a task could not be reported: GAP_ bits. Only tasks that iterators list have them. */
	__u8 gaps;
	/* Loop counters. In memory, because the verifier then does not track their values. */
	__u32 at;
	__u32 len;
	/* If a path is too long, its middle is cut out: where the kept end begins. */
	__u32 end;
	/* Length of the last name in the path that the caller passed. */
	__u32 given;
	/* For an io_uring request: its flags in the event's header, and whether a parameter after those of the row
	 * describes the file that it used. Kernel addresses of that file and of the file that it made are below. */
	__u16 request;
	__u8 described;
	/* Whether the request receives messages until it is cancelled, each with its control data in a buffer of its own. */
	__u8 is_repeated;
	/* Whether a parameter after those of the row shows what a read or a write has changed: see `watch.h`. */
	__u8 decisive;
	/* Number of parameters after those of the row: a description of the descriptor, or paths of directories. */
	__u32 bases;
	__u64 own_file, made_file;
	/* For an event that a filter evaluates: which filter (0: none), the decision before the event was built,
	 * and whether the event is sent although no rule matches. */
	__u32 filter;
	__u32 early;
	__u8 is_sample;
	/* Whether a row that tests a group was false, and the groups that the process may be in. */
	__u8 by_process;
	__u64 groups;
	/* The change of the process that the current event reports, whether the event reports the kind of that process, its key,
	 * and whether the event is published: see `verdicts.h`. */
	__u32 change;
	__u8 has_kind, published;
	__u64 kind;
	/* The text that the rows read last: the bits that it set, its parameter, what is unknown of it (AS_SHOWN or UNREAD), and whether
	 * the requested path is another text for the kernel's path. */
	__u64 facts[8];
	__u32 read;
	__u8 unread;
	__u8 resolved;
	/* For the comparison of a path with the kernel's path, from the end: bytes of the kernel's path that are
	 * left; for the current part its length, its dots and whether it differs; parts that `..` removes, and
	 * parts that were equal. */
	__u32 left, part_len, part_dots, differs, up, parts;
	/* For the current path: 1 after a slash, and one more for each dot after that; otherwise 0. */
	__u32 part;
	/* State of the machine that reads texts. */
	__u32 state;
	/* For an open: the requested path; the hashes, the groups and the outcome by which a verdict is kept, and whether one
	 * may be kept. */
	__u64 asked[2 * 256 / 8 + 1];
	__u64 judged_one, judged_other, judged_groups;
	__u32 judged_outcome;
	__u8 judged;
	/* Whether the event's two paths are equal, or it has only the requested one. */
	__u8 alike;
	/* The remaining control messages, in user memory, and the remaining descriptors of one. */
	__u64 control, control_len, right;
	__u32 rights;
	struct noted_directory noted;
	/* A control group and its ancestors; other code keeps intermediate values here. */
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

/* Threads whose events are left out, by name and by id of thread or process. */
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

/* Settings. User space writes them before the programs run or while they run. */
__u8 interest[512];
#if defined(__TARGET_ARCH_x86)
/* The calls of 32-bit programs by number, followed by the subcalls of `socketcall` and of `ipc`. */
#define IA32_SUBCALLS 32
#define IA32_PLACES (512 + 2 * IA32_SUBCALLS)
__u8 ia32_interest[IA32_PLACES];
#endif
/* Bits of the entry for a call: whether it is wanted, and how sampling treats it. */
#define WANTED 1
#define ALWAYS_KEPT 2
#define FIRST_LEFT_OUT 4
/* Only calls of this kind that make descriptors or change the state otherwise: see `concerns_descriptor`. */
#define DESCRIPTOR_ALONE 8
/* For reads and writes: the file may make the call change the state. */
#define FILE_DECIDES 16
/* The first 1/ratio of each second is captured; 1 captures everything. */
__u32 sampling_ratio = 1;
/* Whether the programs are leaving out the rest of a second. */
__u8 left_out = 0;
__u64 boot_time = 0;
__u32 snaplen = 80;
/* Whether more data is kept for sockets with certain ports and protocols. */
__u8 snaplen_by_protocol = 0;
/* Range of ports for which the maximum of data is kept; no port if the last is 0. */
__u16 first_full_port = 0, last_full_port = 0;
__u16 statsd_port = 8125;
/* A page has 1 << page_to_kb KiB. */
__u32 page_to_kb = 2;
__u32 own_pid = -1;
/* Index of the scratch memory of the iterators. */
__u32 iterator_slot = 0;
__u8 drop_failed = 0;
/* Whether events report new names of threads. */
__u8 reports_names = 0;
__u8 stopped = 0;
/* Whether any setting needs more than the table and `own_pid`: capture stopped, sampling, failed calls left out,
 * or threads left out. */
__u8 is_choosy = 0;
__u8 any_quiet_comm = 0, any_quiet_tid = 0;
/* Number of wanted calls that the capturing process has made. The process compares it to detect that its calls are
 * not captured. */
__u64 own_calls SEC(".bss.guard");

/* The kernel returns from an update of a map of maps only after every program that ran before the update has
 * ended. */
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

/* A pointer as a number. The verifier allows any arithmetic with it. */
static __always_inline __u64 number_of(struct scratch *s, void *pointer)
{
	*(void *volatile *)&s->pointer = pointer;
	return *(volatile __u64 *)&s->pointer;
}

/* Scratch memory by index. Global functions take only numbers, because pointer arguments need Linux 5.12. */
static __always_inline struct scratch *scratch_in(__u32 slot)
{
	__u32 key = slot ? slot : bpf_get_smp_processor_id();
	return bpf_map_lookup_elem(&scratches, &key);
}

static __always_inline struct scratch *scratch(void)
{
	return scratch_in(0);
}
