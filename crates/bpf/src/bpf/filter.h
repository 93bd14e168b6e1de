/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The filter: rejects events of system calls that no rule can match, by tables that user space writes (`events/src/filter.rs`).
 * It evaluates an event that is built but not yet published. A comparison with a value that it cannot read is true. */
#pragma once

struct filter_check {
	__u16 param;
	__u16 pad;
	__u32 mask;
};

struct filter_range {
	__s64 least, most;
};

struct filter_type {
	__u16 first;
	__u16 flags;
	/* For calls that open a path: the positions of two parameters, the requested path and the kernel's path. */
	__u16 name, path;
	struct filter_check checks[2];
	/* Bits of the groups whose rules may match. */
	__u64 groups;
	/* Results with which the rows may accept an event: [0] of successful calls, [1] of failed calls. */
	struct filter_range results[2];
};

struct filter_row {
	__u8 how, input, param, negated;
	__u16 first, count, yes, no;
};

struct filter {
	struct filter_type types[EVENT_TYPES];
	struct filter_row rows[FILTER_ROWS];
	struct filter_range ranges[FILTER_RANGES];
	__u8 classes[256];
	__u16 next[FILTER_STATES * FILTER_CLASSES];
	__u16 lists_of[FILTER_STATES];
	__u16 lists[FILTER_LISTS];
};

/* Two sets: programs use one while user space writes the other. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct filter);
} filters SEC(".maps");

/* Numbers of filtered events by type. Only programs that have claimed their CPU's ring change them. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EVENT_TYPES);
	__type(key, __u32);
	__type(value, __u64);
} filtered_by_type SEC(".maps");

/* The set that programs use: its index in `filters` plus 1; 0: none. */
__u32 filter_in_use = 0;
/* A different number for each filter: records of an old filter are ignored. */
__u32 filter_epoch = 0;
/* One in this number of rejected events is still sent; 0: none. */
__u32 filter_sample = 0;

/* Decisions before an event is built: send it, let the rows decide when it is built, or reject it. */
#define FILTER_SENDS 0
#define FILTER_ASKS 1
#define FILTER_REJECTS 2
/* With one of the last two: it is valid only if user space need not track the call's file (see `files.h`); otherwise send it. */
#define FILTER_IF_FILE 4
/* The call may open a directory: `note_directory` records its path when the event is built. */
#define FILTER_NOTES 8
/* With FILTER_ASKS and FILTER_NOTES: the filter may reject the event only if user space would know the directory by the kernel's
 * path. */
#define FILTER_IF_NOTED 64
/* An earlier verdict on an equal open decides; without one, the verdict on this open is kept: see `opens.h`. */
#define FILTER_RECALLS 128
/* With FILTER_REJECTS, the reason: the process is in none of the type's groups. */
#define FILTER_NO_GROUP 16
/* The rows test the groups of the process, so a verdict is valid only for processes in the same groups. */
#define FILTER_ASKS_GROUPS 32
/* If the event is sent, it needs the path of the directory at which its own path begins. */
#define FILTER_NEEDS_BASE 256
/* The kernel did not run the call: a seccomp filter returned the result. */
#define FILTER_SKIPPED 512
#define FILTER_DECISION 3

/* Flags in the upper half of the header's `count`: an io_uring request made the event; the filter rejects it, and it is sent as a
 * sample; the filter may reject the close of the file that it opened; the kernel did not run its call. */
#define IS_REQUEST 0x8000
#define IS_SAMPLE 0x4000
#define CLOSES_UNSEEN 0x2000
#define SKIPPED_BY_SECCOMP 0x800
/* The same bit with IS_REQUEST: a close that failed has closed its descriptor. */
#define CLOSED_WITH_ERROR 0x800
/* The last parameters are the paths of the directories at which the event's paths begin. */
#define HAS_BASES 0x1000

#define NOT_READ 0x100 /* `read` before any text is read. */
#define UNKNOWN 2 /* Neither true nor false. */
#define LEAST_ERROR -4095

static __always_inline struct filter *filter_of(__u32 which)
{
	__u32 key = which - 1;
	return bpf_map_lookup_elem(&filters, &key);
}

/* See `verdicts.h`. */
__noinline __u64 own_groups(void);

static __always_inline bool is_error(long ret)
{
	return ret < 0 && ret >= LEAST_ERROR;
}

#define EBADF 9
#define EFAULT 14

/* Whether a close has freed its descriptor although it failed: the kernel first frees it, then flushes the file, which may fail. */
static __always_inline bool closes_with_error(__u16 type, long ret)
{
	return type == EV_SYSCALL_CLOSE_X && is_error(ret) && ret != -EBADF;
}

/* Whether the filter may leave out every rejected event with this result. */
static __always_inline bool is_free(__u16 flags, long ret)
{
	return flags & FILTER_FREE || (is_error(ret) && flags & FILTER_FREE_FAILED);
}

/* Whether the rows reject every event of a call with this result. */
static __always_inline bool rejects_result(struct filter_type *type, long ret)
{
	struct filter_range *range = ret < 0 ? &type->results[1] : &type->results[0];
	return ret >= LEAST_ERROR && (ret < range->least || ret > range->most);
}

/* The decision before an event is built. `which` is the filter that also decides later: another one may be in use by then. The
 * function is global, because the verifier would otherwise check all following code once for each decision. */
__noinline int filter_early(__u32 which, __u32 type, __u64 ret)
{
	struct filter *f = which ? filter_of(which) : 0;
	if (!f)
		return FILTER_SENDS;
	struct filter_type *row = &f->types[type & (EVENT_TYPES - 1)];
	__u16 flags = row->flags;
	int only = 0;
	if (!(flags & FILTER_ON))
		return FILTER_SENDS;
	if (!is_free(flags, ret) || (!(flags & FILTER_FREE) && closes_with_error(type, ret))) {
		if (is_error(ret) || !(flags & FILTER_FREE_FILES))
			return FILTER_SENDS;
		only = FILTER_IF_FILE;
	}
	if (rejects_result(row, ret))
		return FILTER_REJECTS | only;
	if (flags & FILTER_BY_PROCESS && !(own_groups() & row->groups))
		return FILTER_REJECTS | FILTER_NO_GROUP | only;
	only |= flags & FILTER_GROUPED ? FILTER_ASKS_GROUPS : 0;
	return FILTER_ASKS | only | (flags & FILTER_BY_PATH ? FILTER_RECALLS : 0);
}

/* The marks of a sent event, from the decision before it was built. */
static __always_inline __u16 marks_of(int early, bool is_sample)
{
	return (is_sample ? IS_SAMPLE : 0) | (early & FILTER_IF_FILE ? CLOSES_UNSEEN : 0) |
	       (early & FILTER_SKIPPED ? SKIPPED_BY_SECCOMP : 0);
}

/* Counts a rejected event. Returns false if it is sent as a sample. The caller has claimed the CPU's ring. */
static __always_inline bool leave_out_event(struct cpu *cpu, __u16 type, bool by_process)
{
	__u32 key = type & (EVENT_TYPES - 1), sample = filter_sample;
	if (sample && ++cpu->since_sample >= sample) {
		cpu->since_sample = 0;
		return false;
	}
	__u64 *count = bpf_map_lookup_elem(&filtered_by_type, &key);
	if (count)
		++*count;
	cpu->made++;
	cpu->filtered++;
	cpu->by_process += by_process;
	return true;
}

/* Whether the filter still rejects a sample at the event's time. If the process has changed since the decision, the decision was
 * about another state of the process. */
__noinline int is_still_rejected(__u32 early, __u32 type)
{
	__u32 which = filter_in_use;
	struct filter *f = which ? filter_of(which) : 0;
	struct scratch *s = scratch();
	if (!f || !s)
		return 0;
	if (early & FILTER_NO_GROUP)
		return !(own_groups() & f->types[type & (EVENT_TYPES - 1)].groups);
	return !(early & FILTER_ASKS_GROUPS) || own_groups() == s->groups;
}

/* The last built event, in the claimed ring. */
static __always_inline __u8 *built(void)
{
	struct cpu *cpu = own_cpu();
	__u32 at = cpu->head & (cpu->size - 1), key = cpu->first_segment + (at >> SEGMENT_SHIFT);
	struct ring_segment *segment = bpf_map_lookup_elem(&ring_segments, &key);
	return segment ? &segment->data[at & (SEGMENT - 1)] : 0;
}

static __always_inline __u32 length_of(__u8 *event, __u32 index)
{
	return *(__u16 *)(event + HEADER + 2 * (index & 63));
}

/* Offset of a parameter from the event's first byte; 0 if the event has no such parameter. */
__noinline int filter_place(__u32 index)
{
	__u8 *event = built();
	__u32 count, at;
	int i;
	if (!event)
		return 0;
	count = *(__u16 *)(event + 22);
	if (index >= count)
		return 0;
	at = HEADER + 2 * count;
	for (i = 0; i < MOST_PARAMS; i++) {
		if (i >= index)
			break;
		at += length_of(event, i);
	}
	return at & 0xffff;
}

/* Sets the bits in a state's list: those for texts that must end here, or all others. */
__noinline int filter_set(__u32 which, __u32 state, __u32 at_end)
{
	struct filter *f = filter_of(which);
	struct scratch *s = scratch();
	__u32 at;
	int i;
	if (!f || !s)
		return 0;
	at = f->lists_of[state & (FILTER_STATES - 1)];
	for (i = 0; i < FILTER_LIST; i++) {
		__u32 bit = f->lists[(at + i) & (FILTER_LISTS - 1)];
		if (bit == FILTER_LIST_END)
			break;
		if (!(bit & FILTER_AT_END) == !at_end)
			s->facts[bit >> 6 & 7] |= 1ULL << (bit & 63);
	}
	return 0;
}

/* What is unknown of the text that was read last: the path as user space shows it, or also as the program passed it. */
#define AS_SHOWN 1
#define UNREAD 2

/* Number of bytes that one call of `filter_bytes` or `filter_back` reads: the verifier checks a loop of this length, not more. */
#define FILTER_BYTES 32

/* Runs the state machine over up to FILTER_BYTES bytes. See `filter_run`. */
__noinline int filter_bytes(__u32 which, __u32 from, __u32 count, __u32 is_path)
{
	struct filter *f = filter_of(which);
	struct scratch *s = scratch();
	__u8 *event = built();
	int i;
	if (!f || !s || !event)
		return UNKNOWN;
	event += from & 0xffff;
	for (i = 0; i < FILTER_BYTES; i++) {
		if (i >= count)
			break;
		__u32 byte = event[i];
		if (byte < ' ' || byte > '~')
			return UNKNOWN;
		/* Finds parts that user space removes from a path: `.`, `..` and empty ones. In memory, because the
		 * verifier would follow each value of a register separately. */
		__u32 part = *(volatile __u32 *)&s->part;
		if (byte == '/') {
			if (is_path && part == 1)
				return UNKNOWN;
			if (is_path && part)
				*(volatile __u8 *)&s->unread = AS_SHOWN;
			part = 1;
		} else if (part) {
			part = byte == '.' && part < 3 ? part + 1 : 0;
		}
		*(volatile __u32 *)&s->part = part;
		__u32 next = f->next[(s->state & (FILTER_STATES - 1)) * FILTER_CLASSES +
				     (f->classes[byte] & (FILTER_CLASSES - 1))];
		s->state = next & (FILTER_HAS_LIST - 1);
		if (next & FILTER_HAS_LIST)
			filter_set(which, s->state, 0);
	}
	return 0;
}

/* Runs the state machine over a text. Returns UNKNOWN if rules may see another text, because user space escapes bytes or joins
 * slashes. Sets AS_SHOWN if user space shows the path otherwise than the program passed it: it is relative, or has `.` or `..`.
 * Inlined, because the kernel allows eight nested calls. */
static __always_inline int filter_run(__u32 which, __u32 from, __u32 len, __u32 is_path)
{
	struct scratch *s = scratch();
	__u8 *event = built();
	int i;
	if (!s || !event || len > FILTER_LONGEST_TEXT)
		return UNKNOWN;
	s->state = FILTER_FIRST_STATE;
	s->part = 0;
	event += from & 0xffff;
	if (is_path && (!len || event[0] != '/' || (len > 1 && event[(len - 1) & 0xff] == '/')))
		*(volatile __u8 *)&s->unread = AS_SHOWN;
	/* It may be `(NULL)`, which user space treats as no value. */
	if (!is_path && len == 6 && event[0] == '(')
		return UNKNOWN;
	for (i = 0; i <= FILTER_LONGEST_TEXT; i += FILTER_BYTES) {
		if (i >= len)
			break;
		if (filter_bytes(which, from + i, len - i, is_path))
			return UNKNOWN;
	}
	if (is_path && s->part && len > 1)
		*(volatile __u8 *)&s->unread = AS_SHOWN;
	filter_set(which, s->state, 1);
	return 0;
}

/* Whether the bits of a parameter mean that rules see another path than the requested one. */
static __always_inline bool is_shown_otherwise(struct filter_check *check)
{
	__u8 *event = built();
	__u32 param = check->param;
	if (param == FILTER_NO_PARAM)
		return false;
	__u32 at = filter_place(param) & 0xffff;
	if (!event || !at || length_of(event, param) != 4)
		return true;
	return (*(__u32 *)(event + at) & check->mask) == check->mask;
}

/* Ends a part of the requested path. Returns whether it differs from the last part that is left of the kernel's path, at `path`. */
static __always_inline bool is_other_part(struct scratch *s, __u8 *event, __u32 path)
{
	__u32 len = s->part_len, left = s->left;
	bool is_name = len > 2 || len != s->part_dots;
	if (len == 2 && s->part_dots == 2) {
		s->up++;
	} else if (is_name && s->up) {
		s->up--;
	} else if (is_name) {
		if (s->differs || left <= len || event[(path + left - 1 - len) & 0x1ffff] != '/')
			return true;
		s->left = left - 1 - len;
		s->parts++;
	}
	s->part_len = 0;
	s->part_dots = 0;
	s->differs = 0;
	return false;
}

/* Compares up to FILTER_BYTES bytes of the two paths, backwards. Returns 1 if they differ. */
__noinline int filter_back(__u32 begin, __u32 end, __u32 path)
{
	struct scratch *s = scratch();
	__u8 *event = built();
	int i;
	if (!s || !event)
		return 1;
	for (i = 0; i < FILTER_BYTES; i++) {
		if (end <= begin)
			break;
		end--;
		__u32 byte = event[end & 0x1ffff];
		if (byte == '/') {
			if (is_other_part(s, event, path))
				return 1;
			continue;
		}
		__u32 len = *(volatile __u32 *)&s->part_len, left = *(volatile __u32 *)&s->left;
		if (left <= len || event[(path + left - 1 - len) & 0x1ffff] != byte)
			*(volatile __u32 *)&s->differs = 1;
		*(volatile __u32 *)&s->part_dots += byte == '.';
		*(volatile __u32 *)&s->part_len = len + 1;
	}
	return 0;
}

/* See `files.h`. */
__noinline int note_directory(void);
__noinline int forget_directory(__u64 file);

/* Whether the opened file is `steps` levels below the directory at which the call's path begins. If the call names that directory
 * by a descriptor, user space must also know the directory by what is left of the kernel's path, at `path`. */
__noinline int is_below_base(__u32 steps, __u32 path);

/* Whether the kernel's path, at `path`, is the one by which user space knows the starting directory, without its last part. */
__noinline int is_above_base(__u32 path, __u32 path_len);

#define IS_OTHER 0
#define IS_SAME_TEXT 1
#define IS_SAME_PATH 2

/* Whether two texts of this length are equal. */
static __always_inline bool is_same_text(__u8 *event, __u32 at, __u32 other, __u32 len)
{
	int i;
	for (i = 0; i <= FILTER_LONGEST_TEXT; i += 8) {
		if (i >= len)
			break;
		__u64 differ = *(__u64 *)(event + ((at + i) & 0x1ffff)) ^ *(__u64 *)(event + ((other + i) & 0x1ffff));
		if (len - i < 8)
			differ <<= 64 - 8 * (len - i);
		if (differ)
			return false;
	}
	return true;
}

/* Compares the requested path with the kernel's: the same text, another text for the same path (relative, or with `.`, `..` or
 * `//`), or another path. Inlined, like `filter_run`. */
static __always_inline int filter_same(__u32 at, __u32 len, __u32 path, __u32 path_len)
{
	struct scratch *s = scratch();
	__u8 *event = built();
	int i;
	if (!s || !event || !len || len > FILTER_LONGEST_TEXT || path_len > FILTER_LONGEST_TEXT)
		return IS_OTHER;
	at &= 0xffff;
	path &= 0xffff;
	if (len == path_len && is_same_text(event, at, path, len))
		return IS_SAME_TEXT;
	s->left = path_len;
	s->part_len = s->part_dots = s->differs = s->up = s->parts = 0;
	for (i = 0; i <= FILTER_LONGEST_TEXT; i += FILTER_BYTES) {
		if (i >= len)
			break;
		if (filter_back(at, at + len - i, path))
			return IS_OTHER;
	}
	if (event[at] == '/')
		return s->left ? IS_OTHER : IS_SAME_PATH;
	/* Programs open `..` to return from a directory that they searched. */
	if (len == 2 && event[at] == '.' && event[(at + 1) & 0x1ffff] == '.')
		return is_above_base(path, path_len) ? IS_SAME_PATH : IS_OTHER;
	if (is_other_part(s, event, path) || s->up)
		return IS_OTHER;
	return is_below_base(s->parts, path) ? IS_SAME_PATH : IS_OTHER;
}

/* Reads a text, or a requested path and the kernel's (`other`), once for all rows. Sets `unread` if the outcome is unknown. */
__noinline int filter_read(__u32 which, __u32 param, __u32 other, __u32 is_path)
{
	struct filter *f = filter_of(which);
	struct scratch *s = scratch();
	__u8 *event = built();
	int i, unknown = 0;
	if (!f || !s || !event)
		return 0;
	for (i = 0; i < 8; i++)
		s->facts[i] = 0;
	s->read = param;
	s->resolved = 0;
	s->alike = 1;
	*(volatile __u8 *)&s->unread = 0;
	__u32 at = filter_place(param) & 0xffff, len = at ? length_of(event, param) : 0;
	if (is_path) {
		struct filter_type *type = &f->types[*(__u16 *)(event + 20) & (EVENT_TYPES - 1)];
		unknown = is_shown_otherwise(&type->checks[0]) | is_shown_otherwise(&type->checks[1]);
	}
	if (!len)
		unknown = UNKNOWN;
	/* Without the NUL. */
	if (len && !event[(at + len - 1) & 0x1ffff])
		len--;
	__u32 place = 0, length = 0;
	if (is_path && other != FILTER_NO_PARAM && !unknown) {
		place = filter_place(other) & 0xffff;
		length = place ? length_of(event, other) : 0;
		if (length && !event[(place + length - 1) & 0x1ffff])
			length--;
		int same = length ? filter_same(at, len, place, length) : IS_OTHER;
		s->resolved = same == IS_SAME_PATH;
		s->alike = !length || same == IS_SAME_TEXT;
		/* If they are the same path, the machine reads only the kernel's. */
		if (same != IS_OTHER)
			len = 0;
	}
	if (!unknown && len)
		unknown = filter_run(which, at, len, is_path);
	if (!unknown && length)
		unknown = filter_run(which, place, length, 1);
	if (unknown)
		s->unread = UNREAD;
	return 0;
}

/* Whether a number is in one of the ranges: 0, 1, or UNKNOWN if there are too many. */
__noinline int filter_among(__u32 which, __u32 first, __u32 count, __u64 number)
{
	struct filter *f = filter_of(which);
	__s64 value = number;
	int i;
	if (!f)
		return UNKNOWN;
	for (i = 0; i < 64; i++) {
		if (i >= count)
			return 0;
		struct filter_range *range = &f->ranges[(first + i) & (FILTER_RANGES - 1)];
		if (value >= range->least && value <= range->most)
			return 1;
	}
	return UNKNOWN;
}

/* Whether the row compares a path as the program passed it, possibly after user space has added the path that it leads to. */
static __always_inline bool is_raw(struct filter_row *row)
{
	return row->input == FILTER_INPUT_RAW_PATH || row->input == FILTER_INPUT_GIVEN_PATH;
}

/* Whether the row's comparison with the last read text is unknown. */
static __always_inline bool is_unread(struct scratch *s, struct filter_row *row)
{
	return s->unread > (row->input == FILTER_INPUT_GIVEN_PATH ? AS_SHOWN : 0);
}

/* Whether the row's comparison with the last read text is true. */
static __always_inline int has_bit(struct scratch *s, struct filter_row *row)
{
	return s->facts[row->first >> 6 & 7] >> (row->first & 63) & 1;
}

/* Whether the row's comparison is true: 0, 1, or UNKNOWN. */
static __always_inline int filter_test(__u32 which, struct filter *f, struct filter_row *row)
{
	struct scratch *s = scratch();
	__u8 *event = built();
	if (!s || !event || row->input == FILTER_INPUT_NOTHING)
		return UNKNOWN;
	if (row->input == FILTER_INPUT_GROUP) {
		bool is_in = s->groups >> (row->param & 63) & 1;
		s->by_process |= !is_in;
		return is_in;
	}
	if (row->how == FILTER_HOW_TEXTS) {
		bool is_path = row->input != FILTER_INPUT_TEXT;
		if (s->read != row->param)
			filter_read(which, row->param, row->count, is_path);
		if (is_unread(s, row) || (s->resolved && is_raw(row)))
			return UNKNOWN;
		return has_bit(s, row);
	}
	__u32 at = filter_place(row->param) & 0xffff;
	if (!at)
		return UNKNOWN;
	__u64 number = *(__u64 *)(event + at);
	__u32 bits = 64 - 8 * length_of(event, row->param);
	if (bits != 0 && bits != 32 && bits != 48 && bits != 56)
		return UNKNOWN;
	if (row->input == FILTER_INPUT_UINT) {
		number = number << bits >> bits;
		if (row->how != FILTER_HOW_RANGES) {
			__u64 mask = f->ranges[row->first & (FILTER_RANGES - 1)].least;
			return number & mask || (row->how == FILTER_HOW_BITS_OR_ZERO && !number);
		}
		return (__s64)number < 0 ? UNKNOWN : filter_among(which, row->first, row->count, number);
	}
	__s64 value = (__s64)(number << bits) >> bits;
	if (row->input == FILTER_INPUT_DESCRIPTOR && value < -1)
		value = -1;
	if (row->input == FILTER_INPUT_ERROR && value < LEAST_ERROR)
		return UNKNOWN;
	return filter_among(which, row->first, row->count, value);
}

/* Evaluates a row, and the rows after it while they test bits of the text that was read last. Returns the next row. */
__noinline int filter_step(__u32 which, __u32 at)
{
	struct filter *f = filter_of(which);
	struct scratch *s = scratch();
	int i;
	if (!f || !s)
		return FILTER_PASS;
	struct filter_row *row = &f->rows[at & (FILTER_ROWS - 1)];
	int holds = filter_test(which, f, row);
	at = holds == UNKNOWN || holds != row->negated ? row->yes : row->no;
	for (i = 0; i < FILTER_BITS_OF_STEP; i++) {
		row = &f->rows[at & (FILTER_ROWS - 1)];
		if (at >= FILTER_REJECT || row->how != FILTER_HOW_TEXTS || s->read != row->param)
			break;
		if (s->resolved && is_raw(row))
			break;
		at = is_unread(s, row) || has_bit(s, row) != row->negated ? row->yes : row->no;
	}
	return at;
}

/* Whether the rows reject the last built event. */
__noinline int filter_rejects(__u32 which, __u32 type)
{
	struct filter *f = filter_of(which);
	struct scratch *s = scratch();
	__u32 at;
	int i;
	if (!f || !s)
		return 0;
	s->read = NOT_READ;
	s->by_process = 0;
	s->groups = f->types[type & (EVENT_TYPES - 1)].flags & FILTER_GROUPED ? own_groups() : 0;
	at = f->types[type & (EVENT_TYPES - 1)].first;
	for (i = 0; i < FILTER_STEPS; i++) {
		if (at >= FILTER_REJECT)
			break;
		at = filter_step(which, at) & 0xffff;
	}
	return at == FILTER_REJECT;
}
