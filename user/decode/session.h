/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All that a capture says besides its calls: the first reading of two.
 *
 * Memory grows with the number of functions, threads and tracks, not with the number of calls.
 */
#ifndef VTBPF_SESSION_H
#define VTBPF_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture.h"
#include "code_table.h"
#include "stack_table.h"
#include "thread_table.h"
#include "track_table.h"

/* Bytes that came in one piece or more. */
struct session_text {
	char *data; /* ends in a NUL that len does not count */
	size_t len;
	uint32_t part; /* of the session that says it */
};

struct session_texts {
	size_t n;
	struct session_text *text;
};

struct session_process {
	uint32_t pid;	     /* as it is shown: made up where an earlier process had the same */
	uint32_t kernel_pid; /* its own */
	uint32_t ppid;
	uint32_t ns_pid; /* what it calls itself; 0: the same as we do, or unknown */
	uint32_t number; /* 0, 1, 2... */
	uint32_t part;	 /* of the session whose target it is, or where it appeared */
	bool is_target;
	struct session_text name; /* multiprocessing's, empty when there is none */
	struct session_process *next;
};

struct process_slot;

/* A source file in the capture; its text is read from there when it is needed. */
struct session_source {
	struct session_text name;
	uint64_t offset; /* of the first record of its text */
	bool used;	 /* by a function with slices in the output: for the writer */
};

#define SESSION_TEXTS (VTBPF_TEXT_ARGS + 1)

/*
 * A capture may hold the recordings of several processes, or of one process one after the other: each
 * begins with a record of its own (VTBPF_REC_SESSION) and is a part. Ids of code objects are those of
 * the part. A capture without such a record is one part, too.
 */
struct session_part {
	struct session_process *process; /* the target; NULL when the capture does not say */
	struct event_session info;
	uint64_t start, end; /* as recorded, 0 unknown */
	uint64_t exec;	     /* when the target became another program, 0 never */
	bool has_end;
	bool relative; /* the target belongs to the family of another part's */
	struct vtbpf_counters counters;
	struct vtbpf_sample_counters samples;
	bool sums_known; /* of the samples, from the kernel */
};

/* A stretch of time of one process. */
struct session_span {
	uint64_t from, to;
	uint32_t pid;  /* as shown */
	uint32_t part; /* that says so */
};

/* A stretch in which stacks were sampled, `hz` times per second of CPU time. */
struct session_sampled {
	struct session_span span;
	double hz;
	bool open; /* its end has not come yet */
};

/* What a trigger fired on. */
struct session_hit {
	uint64_t ts, value; /* value: ns, or calls in a second; 0: none */
	struct thread *thread;
	char *expr, *name;
};

/* A process that was to be followed, and is not in the trace. */
struct session_missed {
	uint32_t pid, ppid;
	char comm[VTBPF_COMM_LEN + 1];
	char *reason;
};

struct session {
	uint32_t pid;		   /* of the target; 0 when the capture does not say */
	struct event_session info; /* of the first part, as pid is */
	struct session_part *parts;
	uint32_t n_parts;
	uint32_t part;	  /* that the records being read belong to */
	uint32_t entered; /* VTBPF_REC_SESSION records read so far */
	bool has_session, has_end, has_counters;
	uint64_t start, end; /* of the trace, ns: as recorded, or the first and last time seen */
	struct session_texts texts[SESSION_TEXTS];	  /* by enum vtbpf_text_what */
	struct session_process *processes, *last_process; /* in order of appearance */
	struct process_slot *process_by_key, *process_by_pid;
	uint32_t n_processes;
	struct session_source *sources;
	size_t n_sources;
	struct session_span *pauses; /* when nothing was recorded; of each part in order */
	size_t n_pauses;
	struct session_span *windows; /* when alone something was recorded, likewise */
	size_t n_windows;
	struct session_hit *hits; /* why it was made, where it is a trigger's dump */
	size_t n_hits;
	struct session_missed *missed;
	size_t n_missed;
	struct event_overhead overhead; /* --max-overhead: of the part where it was worst */
	bool has_overhead;
	struct vtbpf_counters counters; /* of all parts */
	uint64_t overwritten;		/* calls that gave way to newer ones (--tracer-entries) */
	struct code_table *codes;
	struct thread_table *threads;
	struct track_table *tracks;
	struct stack_table *stacks;
	struct event_sampling sampling;	 /* the first; period 0: calls were recorded, not samples */
	struct session_sampled *sampled; /* when samples were taken; of each part in order */
	size_t n_sampled;
	struct vtbpf_sample_counters samples;
	uint64_t calls;	    /* call records */
	const char *damage; /* why the capture was not read to its end, NULL if it was */
	bool text_more;	    /* the next text record goes on with the last text */
};

struct session *session__new(void);
void session__free(struct session *s);

/* Reads the capture to its end. 0, -ECANCELED or another negative errno. cancel may be NULL. */
int session__read(struct session *s, struct capture *c, volatile bool *cancel);

/* For another reading: back to the first part; and on to the next, when a VTBPF_REC_SESSION says so. */
void session__rewind(struct session *s);
void session__next_part(struct session *s);

/* First text of that kind, NULL when there is none. */
const struct session_text *session__text(const struct session *s, enum vtbpf_text_what what);

/* First text of that kind in that part. */
const struct session_text *session__part_text(const struct session *s, uint32_t part,
					      enum vtbpf_text_what what);

/* Is one of the texts of that kind this one? */
bool session__has_text(const struct session *s, enum vtbpf_text_what what, const char *text);

/* Calls lost by threads that are not ignored, and, where none is, by threads that never told. */
uint64_t session__lost(const struct session *s);

/* Was recorded in windows, and not all the time? */
bool session__has_windows(const struct session *s);

/* The windows' part of the time, pauses not counted: 1 where all the time was recorded. */
double session__coverage(const struct session *s);

/* The part of the time, pauses not counted, for which stacks were sampled. */
double session__sampled_share(const struct session *s);

/* The process of that pid in the part being read, made when there is none. NULL when out of
 * memory. */
struct session_process *session__process(struct session *s, uint32_t pid);

/* The same of a part's target, which began at that time (proc_start of its VTBPF_REC_SESSION). */
struct session_process *session__target(struct session *s, uint32_t pid, uint64_t start);

/* Takes a record of one that is missed. 0 or -ENOMEM. */
int session__add_missed(struct session *s, const struct event *ev);

/* A part of session__free. */
void session__free_processes(struct session *s);

/* What VizTracer would call the process: multiprocessing's name, else the script, -m or -c of its
 * command line. snprintf's return value. */
int session__process_name(const struct session *s, const struct session_process *p, char *buf,
			  size_t size);

/* Of the records so far, one tells of this time in the part being read. */
void session__saw_time(struct session *s, uint64_t from, uint64_t to);

/* ---- session_other.c -------------------------------------------------------------------- */

/* What is no call: its thread and track are made known. 0 or -ENOMEM. */
int session__see_other(struct session *s, const struct event *ev);

/* The track of the thread on which it lies. NULL when out of memory. */
struct track *session__track_of_other(struct session *s, struct thread *th,
				      const struct event_other *o);

/* Shortens a slice of the part being read to what was recorded of it: it ends where a window or the
 * time before a pause ends, and begins after the calls that run when one begins. False when nothing of
 * it was recorded. */
bool session__clip(const struct session *s, struct event_span *span);

/* ---- session_hit.c ---------------------------------------------------------------------- */

int session__add_hit(struct session *s, const struct event *ev);
void session__free_hits(struct session *s);

#endif
