// SPDX-License-Identifier: GPL-2.0-only
/* What is no call: its track, and what of it was recorded. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../utf.h"
#include "decoder.h"
#include "session.h"

struct track *session__track_of_other(struct session *s, struct thread *th,
				      const struct event_other *o)
{
	enum track_kind kind = o->track ? TRACK_GREENLET : TRACK_THREAD;

	if (o->what == VTBPF_EVENT_GIL_HELD)
		return track_table__get(s->tracks, th, TRACK_GIL, (uint32_t)o->value[0]);
	return track_table__get(s->tracks, th, kind, o->track);
}

/* Viewers show names on a line: what a terminal would obey is left to the writers, an end of the string
 * is taken for one. */
static int name_track(struct track *track, const struct event_string *s)
{
	size_t n = 0;
	char *name;
	int err;

	name = malloc(UTF8_MAX(s->bytes.len) + 1);
	if (!name)
		return -ENOMEM;
	if (s->width)
		n = ucs__to_utf8(s->bytes.data, s->bytes.len / s->width, s->width, name);
	else
		n = utf8__repair(s->bytes.data, s->bytes.len, name);
	err = track__give_name(track, name, strnlen(name, n));
	free(name);
	return err;
}

static bool is_off_cpu(const struct event_other *o)
{
	return o->what == VTBPF_EVENT_BLOCKED || o->what == VTBPF_EVENT_RUNNABLE;
}

int session__see_other(struct session *s, const struct event *ev)
{
	const struct event_other *o = &ev->other;
	struct thread *th = thread_table__get(s->threads, ev->tid);
	struct track *track = th ? session__track_of_other(s, th, o) : NULL;

	if (!track)
		return -ENOMEM;
	if (o->what == VTBPF_EVENT_TRACK_NAME)
		return o->track ? name_track(track, &o->text[0]) : 0;
	if (is_off_cpu(o) && !th->pid && o->value[2] > 0 && o->value[2] <= KERNEL_TID_MAX)
		th->pid = (uint32_t)o->value[2]; /* nobody else tells, of one without Python */
	session__saw_time(s, o->start, o->start + o->dur);
	return 0;
}

/* How many of these stretches, which are in order of part and time, come before or begin until then. */
static size_t begun(const struct session_span *spans, size_t n, uint32_t part, uint64_t until)
{
	size_t low = 0, middle;

	while (low < n) {
		middle = low + (n - low) / 2;
		if (spans[middle].part < part ||
		    (spans[middle].part == part && spans[middle].from <= until))
			low = middle + 1;
		else
			n = middle;
	}
	return low;
}

static void begin_after(struct event_span *span, uint64_t edge)
{
	if (span->from < edge + VTBPF_STARTS_NS)
		span->from = edge + VTBPF_STARTS_NS;
}

static void end_before(struct event_span *span, uint64_t edge)
{
	if (span->to > edge)
		span->to = edge;
}

static void clip_to_window(const struct session *s, struct event_span *span)
{
	size_t n = begun(s->windows, s->n_windows, s->part, span->to);
	const struct session_span *w = n ? &s->windows[n - 1] : NULL;

	if (w && w->part == s->part) {
		begin_after(span, w->from);
		end_before(span, w->to);
	} else if (s->n_windows && begun(s->windows, s->n_windows, s->part, UINT64_MAX) > n) {
		end_before(span, 0); /* before the first window */
	}
}

static void clip_to_pauses(const struct session *s, struct event_span *span)
{
	size_t n = begun(s->pauses, s->n_pauses, s->part, span->to);
	const struct session_span *p;

	for (; n && s->pauses[n - 1].part == s->part; n--) {
		p = &s->pauses[n - 1];
		if (span->to > p->to) {
			begin_after(span, p->to);
			return;
		}
		end_before(span, p->from);
	}
}

bool session__clip(const struct session *s, struct event_span *span)
{
	const struct session_part *part = &s->parts[s->part];
	bool is_instant = span->from == span->to;
	uint64_t at = span->from;

	if (part->process)
		begin_after(span, part->start);
	end_before(span, part->end);
	clip_to_window(s, span);
	clip_to_pauses(s, span);
	if (!is_instant)
		return span->from < span->to;
	/* It has no length that could be in the way: only its place matters. */
	is_instant = span->to == at && span->from <= at + VTBPF_STARTS_NS;
	span->from = span->to = at;
	return is_instant;
}
