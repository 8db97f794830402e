// SPDX-License-Identifier: GPL-2.0-only
#include "profile_writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../array.h"
#include "../log.h"

#define NAME_SIZE (128 * 1024)
#define UNKNOWN UINT32_MAX

/* What is known of the trace that is being read: a profile may be made of several. */
struct collecting {
	struct profile *profile;
	const struct session *session;
	uint32_t *functions; /* by code->index: the profile's number, or UNKNOWN */
	size_t n_functions;
	struct profile_track **tracks; /* by track->index */
	size_t n_tracks;
	char *name;
	uint32_t *stack; /* of one sample */
	size_t stack_room;
};

int profile_writer__begin(struct writer *w)
{
	struct collecting *c = calloc(1, sizeof(*c));

	w->priv = c;
	if (!c)
		return -ENOMEM;
	c->profile = profile__new(w->dir);
	c->name = malloc(NAME_SIZE);
	if (!c->profile || !c->name)
		return -ENOMEM;
	c->profile->cancel = w->cancel;
	return 0;
}

void profile_writer__release(struct writer *w)
{
	struct collecting *c = w->priv;

	if (!c)
		return;
	profile__free(c->profile);
	free(c->functions);
	free(c->tracks);
	free(c->name);
	free(c->stack);
	free(c);
	w->priv = NULL;
}

/* Another trace numbers its functions and tracks anew. */
static int see_session(struct collecting *c, const struct session *s)
{
	size_t i, n = code_table__count(s->codes);
	uint32_t *functions;

	if (c->session == s)
		return 0;
	functions = realloc(c->functions, n * sizeof(*functions));
	if (!functions)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		functions[i] = UNKNOWN;
	for (i = 0; i < c->n_tracks; i++)
		c->tracks[i] = NULL;
	c->functions = functions;
	c->n_functions = n;
	c->session = s;
	return 0;
}

int profile_writer__process(struct writer *w, const struct session_process *p)
{
	struct collecting *c = w->priv;

	int err = see_session(c, w->session);

	session__process_name(w->session, p, c->name, NAME_SIZE);
	return err ? err : profile__process(c->profile, p->pid, c->name);
}

static int make_room(struct collecting *c, size_t index)
{
	size_t n = c->n_tracks ? c->n_tracks : 64;
	struct profile_track **tracks;

	while (n <= index)
		n *= 2;
	if (n == c->n_tracks)
		return 0;
	tracks = realloc(c->tracks, n * sizeof(*tracks));
	if (!tracks)
		return -ENOMEM;
	while (c->n_tracks < n)
		tracks[c->n_tracks++] = NULL;
	c->tracks = tracks;
	return 0;
}

int profile_writer__track(struct writer *w, const struct track *track)
{
	struct collecting *c = w->priv;
	struct profile_track *t;
	int err, n = track__name(track, c->name, NAME_SIZE);

	err = see_session(c, w->session);
	if (!err)
		err = make_room(c, track->index);
	if (err)
		return err;
	t = profile__track(c->profile, c->name,
			   (size_t)(n < 0	   ? 0 :
				    n >= NAME_SIZE ? NAME_SIZE - 1 :
						     n));
	if (!t)
		return -ENOMEM;
	t->pid = track->thread->pid;
	t->tid = track->tid;
	t->thread = track->thread->tid;
	t->is_gaps = track->kind == TRACK_LOST || track->kind == TRACK_GIL;
	c->tracks[track->index] = t;
	return 0;
}

static int64_t function_of(struct collecting *c, const struct code *code)
{
	const struct profile_function f = {
		.name = { code->name.data, code->name.len },
		.file = { code->file.data, code->file.len },
		.line = code->line,
	};
	int64_t n;

	if (c->functions[code->index] != UNKNOWN)
		return c->functions[code->index];
	n = profile__function(c->profile, &f);
	if (n >= 0)
		c->functions[code->index] = (uint32_t)n;
	return n;
}

uint8_t profile_writer__flags(const struct slice *s)
{
	return (s->flags & VTBPF_F_OPEN_START ? PROFILE_OPEN_START : 0) |
	       (s->flags & (VTBPF_F_OPEN_END | VTBPF_F_EXIT_MISSED) ? PROFILE_OPEN_END : 0);
}

int profile_writer__slice(struct writer *w, const struct slice *slice)
{
	struct collecting *c = w->priv;
	struct profile_call call = { .start = slice->start, .dur = slice->dur };
	int64_t function = function_of(c, slice->code);

	if (function < 0)
		return (int)function;
	call.function = (uint32_t)function;
	call.flags = profile_writer__flags(slice);
	if (slice->sampled)
		call.flags |= PROFILE_SAMPLED;
	*(slice->sampled ? &c->profile->sampled : &c->profile->exact) += 1;
	return profile__add(c->profile, c->tracks[slice->track->index], &call);
}

int profile_writer__gap(struct writer *w, const struct gap *gap)
{
	static const struct profile_function calls = { .name = { "lost calls", 10 } },
					     samples = { .name = { "lost samples", 12 } };
	struct collecting *c = w->priv;
	struct profile_track *t = c->tracks[gap->track->index];
	struct profile_call call = { .start = gap->first, .dur = gap->last - gap->first };
	int64_t function = profile__function(c->profile, gap->samples ? &samples : &calls);

	if (function < 0)
		return (int)function;
	call.function = (uint32_t)function;
	if (!gap->samples)
		t->lost += gap->lost;
	return profile__add(c->profile, t, &call);
}

int profile_writer__sample(struct writer *w, const struct stack_sample *sample)
{
	struct collecting *c = w->priv;
	struct profile_sample s = { .n = sample->n, .weight = sample->weight };
	int64_t function;
	size_t i;

	if (ARRAY_RESERVE(c->stack, c->stack_room, sample->n))
		return -ENOMEM;
	s.functions = c->stack;
	for (i = 0; i < sample->n; i++) {
		function = function_of(c, sample->frames[i]);
		if (function < 0)
			return (int)function;
		c->stack[i] = (uint32_t)function;
	}
	return profile__sample(c->profile, c->tracks[sample->track->index], &s);
}

struct profile *profile_writer__profile(struct writer *w)
{
	return ((struct collecting *)w->priv)->profile;
}

struct profile_track *profile_writer__track_of(struct writer *w, const struct track *track)
{
	return ((struct collecting *)w->priv)->tracks[track->index];
}

static struct profile_track *events_of(struct collecting *c, struct profile_track *t)
{
	int n;

	if (t->events)
		return t->events;
	if (t->is_gaps) /* nothing else lies there */
		return t->events = t;
	n = snprintf(c->name, NAME_SIZE, "%s events", t->name.p);
	t->events = profile__track(c->profile, c->name, n < NAME_SIZE ? (size_t)n : NAME_SIZE - 1);
	if (!t->events)
		return NULL;
	t->events->pid = t->pid;
	t->events->tid = t->tid;
	t->events->thread = t->thread;
	t->events->is_gaps = true;
	return t->events;
}

int profile_writer__event(struct writer *w, const struct trace_event *ev)
{
	struct collecting *c = w->priv;
	struct profile_track *t;
	const struct profile_function f = { .name = { ev->name.data, ev->name.len } };
	struct profile_call call = { .start = ev->start, .dur = ev->dur };
	int64_t function;

	if (ev->phase == TRACE_COUNTER) /* no rows of numbers there */
		return 0;
	t = events_of(c, c->tracks[ev->track->index]);
	function = profile__function(c->profile, &f);
	if (!t)
		return -ENOMEM;
	if (function < 0)
		return (int)function;
	call.function = (uint32_t)function;
	c->profile->events++;
	return profile__add(c->profile, t, &call);
}

int profile_writer__gil_wait(struct writer *w, const struct trace_event *ev)
{
	struct collecting *c = w->priv;

	if (ev->what == VTBPF_EVENT_GIL_WAIT)
		profile__gil_wait(c->profile, c->tracks[ev->track->index], ev->start, ev->dur);
	return 0;
}

struct marks {
	const char *track, *name;
	const struct session_span *spans;
	size_t n;
};

/* Stretches of time on a track of their own, so that what lies between is not taken for idleness. */
static int add_marks(struct collecting *c, const struct marks *m)
{
	const struct profile_function f = { .name = { m->name, strlen(m->name) } };
	struct profile_call call = {};
	struct profile_track *t;
	int64_t function;
	int err = 0;

	if (!m->n)
		return 0;
	t = profile__track(c->profile, m->track, strlen(m->track));
	function = profile__function(c->profile, &f);
	if (!t || function < 0)
		return -ENOMEM;
	t->pid = m->spans[0].pid;
	t->is_gaps = true;
	call.function = (uint32_t)function;
	for (size_t i = 0; i < m->n && !err; i++) {
		call.start = m->spans[i].from;
		call.dur = m->spans[i].to - m->spans[i].from;
		err = profile__add(c->profile, t, &call);
	}
	return err;
}

static int add_recorded(struct collecting *c, const struct session *s)
{
	const struct marks pauses = { "vtbpf", "paused", s->pauses, s->n_pauses };
	const struct marks windows = { "vtbpf windows", "window", s->windows, s->n_windows };
	int err = add_marks(c, &pauses);

	return err ? err : add_marks(c, &windows);
}

void profile_writer__span_marks(struct profile *p)
{
	struct profile_track *t;
	size_t i;

	for (i = 0; i < p->n_tracks; i++) {
		t = p->tracks[i];
		if (!t->is_gaps || !t->calls.n)
			continue;
		if (p->end <= p->start || t->first < p->start)
			p->start = t->first;
		if (t->last > p->end)
			p->end = t->last;
	}
}

int profile_writer__end(struct writer *w)
{
	struct collecting *c = w->priv;

	int err = add_recorded(c, w->session);

	if (err)
		return err;
	c->profile->lost = session__lost(w->session);
	c->profile->realtime_offset = w->session->info.realtime_offset;
	c->profile->boottime_offset = w->session->info.boottime_offset;
	c->profile->period = w->session->sampling.period;
	c->profile->wall = w->session->sampling.wall;
	c->profile->samples_lost = w->session->samples.lost;
	c->profile->samples_unreadable = w->session->samples.unreadable;
	c->profile->sampled_share = session__sampled_share(w->session);
	c->profile->in_windows = session__has_windows(w->session);
	c->profile->coverage = session__coverage(w->session);
	profile__choose(c->profile);
	return w->ops->profile(w, c->profile);
}

bool profile_writer__left_out(const struct profile *p, char *text, size_t size)
{
	if (!p->exact || !p->sampled)
		return false;
	if (profile__is_sampled(p))
		snprintf(text, size,
			 "%llu calls were recorded and not sampled: they are not in what counts "
			 "samples",
			 (unsigned long long)p->exact);
	else
		snprintf(
			text, size,
			"stacks were sampled for %.3g %% of the time: the %llu slices made of them "
			"are not in what counts calls",
			p->sampled_share * 100, (unsigned long long)p->sampled);
	return true;
}

void profile_writer__warn_of_left_out(const struct profile *p)
{
	char text[192];

	if (profile_writer__left_out(p, text, sizeof(text)))
		log_warn("%s", text);
}

char *profile_writer__track_name(const struct profile *p, const struct profile_track *t)
{
	char *name = NULL;
	int n;

	if (profile__has_processes(p))
		n = asprintf(&name, "%s (%u)", t->name.p, t->pid);
	else
		n = asprintf(&name, "%s", t->name.p);
	return n < 0 ? NULL : name;
}

static int give_away(struct writer *w, struct profile *p)
{
	return w->sink->take(w->sink, p);
}

const struct writer_ops profile_sink_writer = {
	.name = "none",
	.extension = "",
	.profile = give_away,
	PROFILE_WRITER_FUNCTIONS,
};
