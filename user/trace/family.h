/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes that descend from the target of a recording, those that are there and those that come
 * (--follow). The kernel side records them from their first instruction on, as far as they run the
 * target's interpreter; here is what each of them is called, and what became of those that were not
 * recorded. Private to the recording, whose parts call it; all is legal where nobody is followed.
 */
#ifndef VTBPF_FAMILY_H
#define VTBPF_FAMILY_H

#include "recording_state.h"

/* 0 or -ENOMEM. */
int family__new(struct recording *r);
void family__free(struct recording *r);

/* Between attach and activate: lets in the descendants that are there. */
void family__meet(struct recording *r);

/* While it runs: follows one more process, with its descendants. */
void family__adopt(struct recording *r, pid_t pid);

/* Once recording is on: what their threads without events have on their stacks; at the end writes it. */
void family__look_at_idle(struct recording *r);
void family__put_idle(struct recording *r, uint64_t end);

/* A record of the tracer's. True: it is for us, and not for the capture. */
bool family__take(struct recording *r, const struct vtbpf_rec *rec);

/* Who follows the names of the threads of the process that a record is of, NULL when that is gone
 * already; and who reads its strings. */
struct thread_names *family__names(struct recording *r, const struct vtbpf_rec *rec);
struct string_repair *family__repair(struct recording *r, const struct vtbpf_rec *rec);

/* Some times a second. now: CLOCK_MONOTONIC, ns. */
void family__tick(struct recording *r, uint64_t now);

/* How long to wait, ns and at most `most`, before there is something to do for tick. */
uint64_t family__wait(const struct recording *r, uint64_t now, uint64_t most);

/* Is one of them there that runs Python, or may soon? The target itself does not count. */
bool family__lives_on(const struct recording *r);

/* The target is gone, and the recording goes on for the others; was that so? */
bool family__outlives_target(struct recording *r);
bool family__lost_target(const struct recording *r);

/* Probes are gone: names once more, and strings that could not be read so far. */
void family__complete(struct recording *r);

/* Those who live on, on stderr. */
void family__say_left(const struct recording *r);

/* The selectors of ignored threads have changed. Threads ignored so far. */
void family__select(struct recording *r);
size_t family__ignored(const struct recording *r);

#endif
