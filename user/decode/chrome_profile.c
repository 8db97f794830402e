// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "../array.h"
#include "chrome_profile.h"
#include "profile_args.h"

#define LOOK_EVERY 4096

/* A function by its name as it stands in the file. */
struct known {
	UT_hash_handle hh;
	uint32_t function;
	char name[];
};

struct reading {
	struct chrome_filter *filter;
	struct profile *profile;
	struct known *by_name;
	char *scratch;
	size_t scratch_size;
	char *args; /* texts of the arguments of one call */
	size_t args_room;
};

static int fail(struct reading *r, int err, const char *what)
{
	snprintf(r->filter->why, sizeof(r->filter->why), "%s", what);
	return err;
}

/* ---- functions -------------------------------------------------------------------------- */

static int64_t make_function(struct reading *r, struct json_span name)
{
	struct profile_function f = {};
	char *file;
	long n;

	if (ARRAY_RESERVE(r->scratch, r->scratch_size, name.n))
		return -ENOMEM;
	n = json_text__unquote(name, r->scratch);
	if (n < 0) {
		n = 0;
		*r->scratch = '\0';
	}
	file = chrome_event__split_name(r->scratch, &f.line);
	f.name.p = r->scratch;
	f.name.n = file ? strlen(r->scratch) : (size_t)n;
	f.file.p = file;
	f.file.n = file ? strlen(file) : 0;
	return profile__function(r->profile, &f);
}

static int64_t function_of(struct reading *r, struct json_span name)
{
	struct known *k;
	int64_t function;

	HASH_FIND(hh, r->by_name, name.p, name.n, k);
	if (k)
		return k->function;
	function = make_function(r, name);
	k = function < 0 ? NULL : malloc(sizeof(*k) + name.n);
	if (!k)
		return function < 0 ? function : -ENOMEM;
	k->function = (uint32_t)function;
	memcpy(k->name, name.p, name.n);
	HASH_ADD(hh, r->by_name, name[0], name.n, k);
	if (!k->hh.tbl) {
		free(k);
		return -ENOMEM;
	}
	return function;
}

/* ---- tracks ----------------------------------------------------------------------------- */

/* The name is not known yet where the file is read once. */
static struct profile_track *make_track(struct reading *r, struct chrome_track *track)
{
	struct profile_track *t = profile__track(r->profile, "", 0);

	if (!t)
		return NULL;
	t->pid = (uint32_t)track->key.pid;
	t->tid = track->key.tid;
	track->profile = t;
	return profile__process(r->profile, t->pid, NULL) ? NULL : t;
}

static int name_track(const struct chrome_track *track)
{
	const struct thread *th = &track->thread;
	const char *name = th->formers ? th->formers->name : th->comm;
	struct profile_track *t = track->profile;
	char number[32];

	if (!t)
		return 0; /* it has no calls */
	t->thread = track->owner ? track->owner->key.tid : track->key.tid;
	if (!*name) {
		snprintf(number, sizeof(number), "thread %llu", (unsigned long long)track->key.tid);
		name = number;
	}
	return profile_track__rename(t, name, strlen(name));
}

static int name_tracks(const struct chrome_tracks *tracks)
{
	const struct chrome_track *track;
	int err = 0;

	for (track = tracks->by_key; track && !err; track = track->hh.next)
		err = name_track(track);
	return err;
}

static int add_gap(struct reading *r, struct profile_track *t, const struct chrome_event *ev)
{
	static const struct profile_function lost = { .name = { "lost calls", 10 } };
	struct profile_call call = { .start = (uint64_t)ev->start,
				     .dur = (uint64_t)(ev->end - ev->start) };
	int64_t function = profile__function(r->profile, &lost);

	if (function < 0)
		return (int)function;
	call.function = (uint32_t)function;
	t->is_gaps = true;
	t->lost += (uint64_t)ev->lost;
	return profile__add(r->profile, t, &call);
}

/* A string as what it says, all else as it stands. Returns where the text ends. */
static char *put_text(struct json_span value, struct profile_text *text, char *at)
{
	long n = json_text__unquote(value, at);

	if (n < 0) {
		memcpy(at, value.p, value.n);
		n = (long)value.n;
	}
	*text = (struct profile_text){ at, (size_t)n };
	return at + n;
}

/* func_args, as VizTracer has them. */
static int add_args(struct reading *r, const struct profile_track *t, const struct chrome_event *ev)
{
	struct profile_args_call call = {
		t->number, (uint64_t)ev->start, (uint64_t)(ev->end - ev->start), 0, {}
	};
	struct json_span object, rest, key, value;
	char *at;

	if (!json_text__find(ev->args, "func_args", &object) ||
	    !json_text__enter(object, '{', &rest))
		return 0;
	if (ARRAY_RESERVE(r->args, r->args_room, 2 * object.n)) /* a NUL comes after each */
		return -ENOMEM;
	at = r->args;
	while (call.n < VTBPF_MAX_ARGS && json_text__next_member(&rest, &key, &value) > 0) {
		key = (struct json_span){ key.p - 1, key.n + 2 }; /* with its quotes */
		at = put_text(key, &call.text[2 * call.n], at);
		at = put_text(value, &call.text[2 * call.n + 1], at);
		call.n++;
	}
	return call.n ? profile_args__add(r->profile, &call) : 0;
}

static int add_call(struct reading *r, struct profile_track *t, const struct chrome_event *ev)
{
	struct profile_call call = { .start = (uint64_t)ev->start,
				     .dur = (uint64_t)(ev->end - ev->start) };
	int64_t function = function_of(r, ev->name);

	if (function < 0)
		return (int)function;
	call.function = (uint32_t)function;
	if (ev->args.n) {
		call.flags |= chrome_event__was_open(ev) ? PROFILE_OPEN_START : 0;
		call.flags |= chrome_event__is_open(ev) ? PROFILE_OPEN_END : 0;
		call.flags |= chrome_event__is_sampled(ev) ? PROFILE_SAMPLED : 0;
	}
	*(call.flags & PROFILE_SAMPLED ? &r->profile->sampled : &r->profile->exact) += 1;
	if (r->profile->keeps_args && ev->args.n) {
		int err = add_args(r, t, ev);

		if (err)
			return err;
	}
	return profile__add(r->profile, t, &call);
}

static int on_process(struct reading *r, const struct chrome_event *ev)
{
	struct json_span name;
	char *text;
	int err = 0;

	if (!json_text__is(ev->name, "\"process_name\"") || !ev->args.n ||
	    !json_text__find(ev->args, "name", &name))
		return 0;
	text = malloc(name.n + 1);
	if (!text)
		return -ENOMEM;
	if (json_text__unquote(name, text) >= 0)
		err = profile__process(r->profile, (uint32_t)ev->key.pid, text);
	free(text);
	return err;
}

static int on_event(struct reading *r, struct json_span text)
{
	struct chrome_track *track;
	struct profile_track *t;
	struct chrome_event ev;
	int keeps = chrome_filter__look(r->filter, text, &ev, &track);

	if (keeps > 0 && ev.kind == CHROME_PROCESS_INFO)
		return on_process(r, &ev);
	if (keeps <= 0 || !track ||
	    (ev.kind != CHROME_CALL && ev.kind != CHROME_GAP && ev.kind != CHROME_GIL_WAIT))
		return keeps < 0 ? keeps : 0;
	if (ev.start < 0)
		return fail(r, -ERANGE, "a call begins before time 0");
	t = track->profile ? track->profile : make_track(r, track);
	if (!t)
		return -ENOMEM;
	if (ev.kind == CHROME_GIL_WAIT) {
		profile__gil_wait(r->profile, t, (uint64_t)ev.start, (uint64_t)(ev.end - ev.start));
		return 0;
	}
	return ev.kind == CHROME_GAP ? add_gap(r, t, &ev) : add_call(r, t, &ev);
}

/* ---- all -------------------------------------------------------------------------------- */

static int read_events(struct reading *r)
{
	struct chrome_filter *f = r->filter;
	struct chrome_item item;
	unsigned int n = 0;
	int kind, err = 0;

	while (!err && (kind = chrome_reader__next(f->reader, &item)) != 0) {
		if (kind < 0)
			return kind;
		err = kind == CHROME_EVENT ? on_event(r, item.text) :
					     chrome_filter__note(f, kind, item.text);
		if (err || ++n % LOOK_EVERY)
			continue;
		if (f->cancel && *f->cancel)
			err = -ECANCELED;
	}
	return err;
}

/* A number that is no integer; `otherwise` when there is none. */
static double number_in(struct json_span object, const char *key, double otherwise)
{
	struct json_span value;
	char number[32];

	if (!json_text__find(object, key, &value) || value.n >= sizeof(number))
		return otherwise;
	memcpy(number, value.p, value.n);
	number[value.n] = '\0';
	return strtod(number, NULL);
}

static void note_sampling(struct profile *p, struct json_span info)
{
	struct json_span samples, value;
	int64_t period;

	if (!json_text__find(info, "samples", &samples) ||
	    !json_text__find(samples, "period_ns", &value) || !json_text__to_int(value, &period) ||
	    period <= 0)
		return;
	p->period = (uint64_t)period;
	p->sampled_share = number_in(samples, "share", 1);
	p->wall = json_text__find(samples, "wall", &value) && json_text__is(value, "true");
}

/* What vtbpf's own JSON says of the whole. */
static void note_info(struct reading *r)
{
	struct json_span info = { r->filter->info, r->filter->info_len }, value;
	struct profile *p = r->profile;

	p->lost = chrome_filter__lost(r->filter);
	if (!info.p)
		return;
	if (json_text__find(info, "clock", &value) &&
	    json_text__find(value, "realtime_offset_ns", &value))
		json_text__to_int(value, &p->realtime_offset);
	if (json_text__find(info, "clock", &value) &&
	    json_text__find(value, "boottime_offset_ns", &value))
		json_text__to_int(value, &p->boottime_offset);
	note_sampling(p, info);
	p->coverage = number_in(info, "coverage", -1);
	p->in_windows = p->coverage >= 0;
	if (!(p->coverage > 0 && p->coverage <= 1))
		p->coverage = 1;
	profile__choose(p);
}

int chrome_profile__read(struct chrome_filter *f, struct profile *p)
{
	struct reading r = { .filter = f, .profile = p };
	struct known *k, *tmp;
	int err = read_events(&r);

	if (!err)
		err = chrome_filter__note_end(f);
	if (!err)
		err = name_tracks(&f->tracks);
	HASH_ITER(hh, r.by_name, k, tmp) {
		HASH_DEL(r.by_name, k);
		free(k);
	}
	free(r.scratch);
	free(r.args);
	if (!err)
		err = profile__settle(p);
	if (err == -EILSEQ)
		fail(&r, err,
		     "the calls of a thread come neither in order of their ends, as VizTracer "
		     "writes them, nor of their starts");
	if (!err)
		note_info(&r);
	return err;
}
