/* SPDX-License-Identifier: GPL-2.0-only */
/* Records of the kernel/user contract to events: the one place that reads the wire layout. */
#ifndef VTBPF_DECODER_H
#define VTBPF_DECODER_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../bpf/vtbpf.h"

/* The kernel's largest thread id (PID_MAX_LIMIT, include/linux/threads.h); larger ones are made
 * up. */
#define KERNEL_TID_MAX 4194304u

/* Bytes inside the record: not ended by a NUL, not checked to be UTF-8. */
struct event_bytes {
	const char *data;
	size_t len;
};

struct event_call {
	uint64_t start, dur; /* ns; start + dur does not overflow */
	uint32_t code;
	uint32_t track;
	uint16_t depth;
};

struct event_code {
	uint32_t id, tgid, firstlineno, co_flags;
};

struct event_str {
	uint32_t code;
	uint32_t offset, length;
	uint8_t which, width; /* as on the wire: any value */
	struct event_bytes piece;
};

struct event_thread {
	uint64_t ts, start_time;
	uint32_t tgid;
	char comm[VTBPF_COMM_LEN + 1];
};

struct event_thread_name {
	uint64_t ident;
	uint32_t tgid;
	struct event_bytes name;
	char comm[VTBPF_COMM_LEN + 1];
};

struct event_lost {
	uint64_t lost, first, last;
};

struct event_session {
	uint64_t start, proc_start;
	/* Two clocks are not read at one instant: an offset that is 0 may come out as a little
	 * less. */
	int64_t realtime_offset, boottime_offset;
	uint32_t ns_pid, python;
};

struct event_text {
	uint16_t what;
	struct event_bytes text;
};

struct event_process {
	uint32_t ppid;
	struct event_bytes name;
};

struct event_source {
	bool is_name;
	struct event_bytes data;
};

struct event_span {
	uint64_t from, to; /* ns */
};

struct event_overhead {
	uint64_t from, to, lost; /* ns */
	double worst, stated;	 /* parts of the time: 0.02 is 2 % */
	uint32_t windows;
	bool sampled; /* stacks were sampled, where windows would have cost too much */
};

struct event_sample {
	uint64_t ts;
	uint32_t stack, weight;
};

struct event_stack {
	uint32_t id, n;
	const uint32_t *codes; /* innermost first; in the record */
};

struct event_sleep {
	uint64_t from, to; /* ns */
	uint32_t stack, wait;
};

struct event_sampling {
	uint64_t ts, period; /* ns; period 0: sampling ends */
	uint32_t every;	     /* a thread is sampled each so many periods, 1 or more */
	bool wall;
};

struct event_hit {
	uint64_t ts, value;
	struct event_bytes expr, name;
};

/* Storage of a string: width bytes a code point, or UTF-8 where it is 0. */
struct event_string {
	struct event_bytes bytes;
	uint8_t width;
};

/* What is no call, but has its place on the timeline. */
struct event_other {
	uint64_t start, dur; /* ns; start + dur does not overflow */
	int64_t value[VTBPF_EVENT_VALUES];
	uint32_t code, track;
	uint16_t what; /* as on the wire: any value */
	struct event_string text[VTBPF_EVENT_TEXTS];
};

struct event_missed {
	uint32_t ppid;
	char comm[VTBPF_COMM_LEN + 1];
	struct event_bytes reason;
};

struct event {
	uint8_t kind; /* enum vtbpf_rec_kind, or a kind this version does not know */
	uint8_t flags;
	bool more; /* text, source: the next one of this kind goes on with it */
	uint32_t tid;
	union {
		struct event_call call;
		struct event_code code;
		struct event_str str;
		struct event_thread thread;
		struct event_thread_name thread_name;
		struct event_lost lost;
		struct event_session session;
		struct event_text text;
		struct event_process process;
		struct event_source source;
		struct event_span span; /* pause, window, left out */
		struct event_overhead overhead;
		struct event_sample sample;
		struct event_stack stack;
		struct event_sleep sleep;
		struct event_sampling sampling;
		struct event_hit hit;
		struct event_other other;
		struct event_missed missed;
		struct vtbpf_counters counters;
		struct vtbpf_sample_counters sample_counters;
		uint64_t overwritten; /* calls: overflow */
		uint32_t ns_pid;      /* of process tid */
		uint64_t ts;	      /* thread exit, exec, end */
	};
};

/* Decodes one record of rec->len readable bytes. 0, or -EBADMSG when it contradicts itself. A
 * record of an unknown kind is fine and has nothing but its kind. Pointers in ev point into the
 * record. */
int decoder__decode(const struct vtbpf_rec *rec, struct event *ev);

#endif
