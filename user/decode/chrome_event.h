/* SPDX-License-Identifier: GPL-2.0-only */
/* What the filters need to know of one event of a Chrome trace. */
#ifndef VTBPF_CHROME_EVENT_H
#define VTBPF_CHROME_EVENT_H

#include "json_text.h"

/* Whose event it is. Ids are numbers, or hashes of what stands there instead. */
struct chrome_key {
	uint64_t pid, tid;
	uint64_t odd; /* which of them are hashes: CHROME_ODD_* */
};

#define CHROME_ODD_PID 1
#define CHROME_ODD_TID 2

/* The members of an event as they stand in its text; n 0 where there is none. */
struct chrome_members {
	struct json_span ph, cat, pid, tid, ts, dur, name, args;
};

enum chrome_kind {
	CHROME_OTHER,	     /* goes with its thread */
	CHROME_CALL,	     /* a complete event of a function */
	CHROME_GAP,	     /* vtbpf's mark of lost calls */
	CHROME_GIL_WAIT,     /* goes with its thread, too; its times are known */
	CHROME_THREAD_NAME,  /* args.name names the thread */
	CHROME_PROCESS_INFO, /* metadata of the whole process, whatever its tid */
};

struct chrome_event {
	enum chrome_kind kind;
	bool has_tid;
	struct chrome_key key;
	struct json_span name; /* of a call: the string with its quotes */
	struct json_span args; /* the object, n 0 when there is none */
	int64_t start, end;    /* of a call or gap, ns */
	int64_t lost;	       /* of a gap: calls */
};

/* 0, or -EBADMSG when text is not a JSON object. Of two members of one name the last one holds. */
int chrome_event__members(struct json_span text, struct chrome_members *m);
struct chrome_key chrome_event__key(const struct chrome_members *m);
bool chrome_event__is_call(const struct chrome_members *m);

/* Reads no further than to whose event it is and that it is a complete one (ph X), if it is. */
bool chrome_event__glance(struct json_span text, struct chrome_key *key);

/* The same return as of __members. */
int chrome_event__parse(struct json_span text, struct chrome_event *ev);

/* Does the call go on beyond the end of the trace? Did it begin before it? */
bool chrome_event__is_open(const struct chrome_event *ev);
bool chrome_event__was_open(const struct chrome_event *ev);

/* Is it no call, but made of samples? */
bool chrome_event__is_sampled(const struct chrome_event *ev);

/* "func (path:line)", as VizTracer names Python functions, to its parts, in place: func and path are
 * then strings of their own. Returns path, or NULL when name has no such form: that of a C function,
 * which has no file. line may be NULL. */
char *chrome_event__split_name(char *name, uint32_t *line);

#endif
