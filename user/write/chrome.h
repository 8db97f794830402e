/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to the Chrome JSON writer: chrome.c writes the events, chrome_info.c what follows
 * them. */
#ifndef VTBPF_CHROME_H
#define VTBPF_CHROME_H

#include "json_writer.h"
#include "writer.h"

/* Text that is the same in many events, made once. */
struct chrome_fragment {
	char *text; /* NULL: not made yet */
	size_t len;
};

struct chrome {
	struct json_writer json;
	char *scratch;		       /* for names of tracks and processes */
	struct chrome_fragment *names; /* by code->index: ,"name":"..."} */
	const struct code **codes;     /* by code->index: those that are named */
	size_t n_names;
	struct chrome_fragment *heads; /* by track->index: {..."pid":1,"tid":2,"ts": */
	size_t n_heads;
};

#define CHROME_SCRATCH (128 * 1024)

/* Writes ,"file_info":{...}; the capture is read again for the texts. 0 or a negative errno. */
int chrome__file_info(struct writer *w);

/* Writes ,"vtbpf":{...}. */
void chrome__vtbpf_info(struct writer *w);

/* What is no call (chrome_other.c). */
int chrome__event(struct writer *w, const struct trace_event *ev);

/* Marks of triggers in the timeline, and the field that names the first (chrome_trigger.c). */
void chrome__hits(struct chrome *c, const struct session *s);
void chrome__trigger_info(struct json_writer *j, const struct session *s);

/* Writes code's name as slices have it, unquoted and escaped: "qualname (file:line)" . Returns the
 * length; text has room for chrome__name_size(code). */
size_t chrome__name_size(const struct code *code);
size_t chrome__put_name(const struct code *code, char *text);

#endif
