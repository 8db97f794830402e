// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/types.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "../../bpf/vtbpf.h"
#include "../array.h"
#include "chrome_filter.h"

#define INFO_MAX (16 << 20)
#define NAMES_MAX 65536 /* names remembered; there may be more where they hold values */
#define CANCEL_EVERY 4096
#define READINGS_MAX 3

struct name_flags {
	UT_hash_handle hh;
	unsigned char flags;
	char name[];
};

/* ---- functions -------------------------------------------------------------------------- */

static unsigned int judge_name(const struct chrome_filter *f, char *name)
{
	const char *file = chrome_event__split_name(name, NULL);
	unsigned int verdict, flags = 0;

	verdict = function_filter__verdict(&f->names, name, file ? file : "");
	if (file) {
		unsigned int by_file = function_filter__verdict(&f->files, name, file);

		flags |= by_file ? CALL_BAD_FILE : 0;
		verdict |= by_file;
	} else if (f->files.include_files.n) {
		flags |= CALL_FOLLOWS;
	}
	flags |= verdict & VTBPF_HIDE_CALL ? CALL_HIDDEN : 0;
	return flags | (verdict & VTBPF_HIDE_BELOW ? CALL_CUTS : 0);
}

static int remember(struct chrome_filter *f, struct json_span name, unsigned int flags)
{
	struct name_flags *e;

	if (HASH_COUNT(f->by_name) >= NAMES_MAX)
		return (int)flags;
	e = malloc(sizeof(*e) + name.n);
	if (!e)
		return -ENOMEM;
	e->flags = (unsigned char)flags;
	memcpy(e->name, name.p, name.n);
	HASH_ADD(hh, f->by_name, name[0], name.n, e);
	if (!e->hh.tbl) {
		free(e);
		return -ENOMEM;
	}
	return (int)flags;
}

/* What the function filter says of a function, by its name as it stands: CALL_*, or -ENOMEM. */
static int flags_of(struct chrome_filter *f, struct json_span name)
{
	struct name_flags *e;

	if (!f->by_function)
		return 0;
	HASH_FIND(hh, f->by_name, name.p, name.n, e);
	if (e)
		return e->flags;
	if (ARRAY_RESERVE(f->scratch, f->scratch_size, name.n))
		return -ENOMEM;
	if (json_text__unquote(name, f->scratch) < 0)
		*f->scratch = '\0';
	return remember(f, name, judge_name(f, f->scratch));
}

/* ---- readings --------------------------------------------------------------------------- */

static int damaged(struct chrome_filter *f, const char *what)
{
	snprintf(f->why, sizeof(f->why), "%s", what);
	return -EBADMSG;
}

static int note_event(struct chrome_filter *f, struct json_span text, bool again)
{
	struct chrome_track *track;
	struct chrome_event ev;
	int err = f->by_tree ? 0 : chrome_tracks__note_plain(&f->tracks, text), flags;

	if (err)
		return err < 0 ? err : 0;
	err = chrome_event__parse(text, &ev);
	if (err)
		return damaged(f, "an event is not JSON");
	if (!ev.has_tid)
		return 0;
	track = chrome_tracks__get(&f->tracks, &ev.key);
	if (!track)
		return -ENOMEM;
	if (!again)
		err = chrome_tracks__note(&f->tracks, track, &ev);
	if (err || ev.kind != CHROME_CALL || !f->by_tree || track->ignored)
		return err;
	flags = flags_of(f, ev.name);
	if (flags < 0)
		return flags;
	track->calls.limited = f->filter->max_stack_depth >= 0;
	track->calls.max_depth = (uint32_t)f->filter->max_stack_depth;
	return call_tree__add(&track->calls, ev.start, ev.end, (unsigned int)flags);
}

/* Keeps the value of "vtbpf" whole: it says what its threads are, and is written anew. */
static int note_info(struct chrome_filter *f, struct json_span piece)
{
	if (piece.n > INFO_MAX - f->info_len)
		return damaged(f, "its \"vtbpf\" part is larger than 16 MB");
	if (ARRAY_RESERVE(f->info, f->info_room, f->info_len + piece.n + 1))
		return -ENOMEM;
	memcpy(f->info + f->info_len, piece.p, piece.n);
	f->info_len += piece.n;
	return 0;
}

static bool is_cancelled(const struct chrome_filter *f, unsigned int *n)
{
	return f->cancel && ++*n % CANCEL_EVERY == 0 && *f->cancel;
}

static int take_item(struct chrome_filter *f, int kind, struct json_span text, bool again)
{
	static const char info_key[] = "\"vtbpf\"";

	switch (kind) {
	case CHROME_KEY:
		f->in_info = !again && json_text__is(text, info_key);
		if (f->in_info)
			f->info_len = 0; /* of two, the last one holds */
		return 0;
	case CHROME_PIECE:
		return f->in_info ? note_info(f, text) : 0;
	default:
		return note_event(f, text, again);
	}
}

/* Reads the whole file for threads, names and trees. */
static int read_ahead(struct chrome_filter *f, bool again)
{
	struct chrome_item item;
	unsigned int n = 0;
	int kind, err;

	while ((kind = chrome_reader__next(f->reader, &item)) > 0) {
		err = take_item(f, kind, item.text, again);
		if (!err && is_cancelled(f, &n))
			err = -ECANCELED;
		if (err)
			return err;
	}
	return kind ? kind : chrome_reader__rewind(f->reader);
}

/* ---- decisions -------------------------------------------------------------------------- */

static enum removed judge_call(struct chrome_filter *f, struct chrome_track *track,
			       const struct chrome_event *ev)
{
	enum call_fate fate = f->by_tree ? call_tree__next(&track->calls) : CALL_KEPT;
	bool is_short = (uint64_t)(ev->end - ev->start) < f->filter->min_duration_ns;

	if (fate == CALL_LEFT_OUT)
		return REMOVED_FUNCTION;
	if (is_short)
		return REMOVED_SHORT;
	return fate == CALL_TOO_DEEP ? REMOVED_DEEP : REMOVED_NOT;
}

static enum removed judge(struct chrome_filter *f, struct chrome_track *track,
			  const struct chrome_event *ev)
{
	struct chrome_track *of = track->shared ? chrome_tracks__of_event(&f->tracks, ev) : NULL;

	if (track->ignored || (of && of->ignored))
		return REMOVED_THREAD;
	if (track->vanished)
		return REMOVED_FUNCTION;
	return ev->kind == CHROME_CALL ? judge_call(f, track, ev) : REMOVED_NOT;
}

/* The event's track, NULL when it belongs to none that could be left out. */
static int find_track(struct chrome_filter *f, struct json_span text, struct chrome_event *ev,
		      struct chrome_track **track)
{
	*track = NULL;
	if (chrome_event__parse(text, ev))
		return damaged(f, "an event is not JSON");
	if (!ev->has_tid || ev->kind == CHROME_PROCESS_INFO)
		return 0;
	*track = chrome_tracks__get(&f->tracks, &ev->key);
	if (!*track)
		return -ENOMEM;
	return f->reads_once ? chrome_tracks__note(&f->tracks, *track, ev) : 0;
}

static void rewind_trees(struct chrome_filter *f)
{
	struct chrome_track *track, *tmp;

	HASH_ITER(hh, f->tracks.by_key, track, tmp)
		call_tree__rewind(&track->calls);
}

/* With --tracer-entries: how many calls are older than the newest. */
static int count_old(struct chrome_filter *f)
{
	uint64_t newest = f->filter->tracer_entries, finished = 0;
	struct chrome_track *track;
	struct chrome_event ev;
	struct chrome_item item;
	unsigned int n = 0;
	int kind, err;

	while ((kind = chrome_reader__next(f->reader, &item)) > 0) {
		if (kind != CHROME_EVENT)
			continue;
		err = find_track(f, item.text, &ev, &track);
		if (!err && is_cancelled(f, &n))
			err = -ECANCELED;
		if (err)
			return err;
		if (track && ev.kind == CHROME_CALL && !judge(f, track, &ev) &&
		    !chrome_event__is_open(&ev))
			finished++;
	}
	f->too_old = finished > newest ? finished - newest : 0;
	f->overflow = f->too_old;
	rewind_trees(f);
	return kind ? kind : chrome_reader__rewind(f->reader);
}

static int decide_track(struct chrome_filter *f, struct chrome_track *track)
{
	int err;

	if (track->ignored)
		call_tree__release(&track->calls);
	if (!track->calls.n)
		return 0;
	err = call_tree__decide(&track->calls);
	if (err == -EILSEQ)
		snprintf(
			f->why, sizeof(f->why),
			"the calls of thread %llu come neither in order of their ends, as VizTracer "
			"writes them, nor of their starts: what lies beneath what cannot be told",
			(unsigned long long)track->key.tid);
	if (!err)
		track->vanished = track->calls.left_out == track->calls.n;
	return err;
}

/* 0; -EAGAIN when the file must be read again, for some of the trees; or another negative errno. */
static int decide(struct chrome_filter *f)
{
	struct chrome_track *track, *tmp;
	int err, result = 0;

	HASH_ITER(hh, f->tracks.by_key, track, tmp) {
		err = decide_track(f, track);
		if (err && err != -EAGAIN)
			return err;
		if (err)
			result = err;
	}
	return result;
}

/* All trees are made anew: what a finished one holds is no longer what it was made of. */
static void empty_trees(struct chrome_filter *f)
{
	struct chrome_track *track, *tmp;

	HASH_ITER(hh, f->tracks.by_key, track, tmp) {
		bool by_start = track->calls.by_start;

		call_tree__release(&track->calls);
		track->calls.by_start = by_start;
	}
}

/* ---- all -------------------------------------------------------------------------------- */

static int start_functions(struct chrome_filter *f)
{
	const struct function_filter *fn = &f->filter->functions;

	f->by_function = function_filter__is_set(fn);
	f->by_tree = f->by_function || f->filter->max_stack_depth >= 0;
	f->names = (struct function_filter){ .ignore = fn->ignore, .only = fn->only };
	f->files = (struct function_filter){ .include_files = fn->include_files,
					     .exclude_files = fn->exclude_files,
					     .cut = fn->cut };
	f->cwd = getcwd(NULL, 0);
	f->files.cwd = f->cwd;
	f->scratch = calloc(1, 1);
	f->scratch_size = 1;
	return f->scratch ? 0 : -ENOMEM;
}

static int know_threads(struct chrome_filter *f)
{
	struct json_span info = { f->info, f->info_len }, threads;
	int err = 0;

	if (f->info && json_text__find(info, "threads", &threads))
		err = chrome_tracks__note_threads(&f->tracks, threads);
	if (!err)
		chrome_tracks__decide(&f->tracks, f->filter);
	return err;
}

bool chrome_filter__reads_once(const struct slice_filter *filter)
{
	return !filter->n_ignore_threads && !filter->n_only_threads && !filter->tracer_entries &&
	       filter->max_stack_depth < 0 && !function_filter__is_set(&filter->functions);
}

int chrome_filter__note(struct chrome_filter *f, int kind, struct json_span text)
{
	return f->reads_once ? take_item(f, kind, text, false) : 0;
}

int chrome_filter__note_end(struct chrome_filter *f)
{
	return f->reads_once ? know_threads(f) : 0;
}

int chrome_filter__start(struct chrome_filter *f)
{
	int readings = 1, err = start_functions(f);

	if (err || f->reads_once)
		return err;
	err = read_ahead(f, false);
	if (!err)
		err = know_threads(f);
	if (!err)
		err = decide(f);
	while (err == -EAGAIN && readings++ < READINGS_MAX) {
		empty_trees(f);
		err = read_ahead(f, true);
		if (!err)
			err = decide(f);
	}
	if (!err && f->filter->tracer_entries)
		err = count_old(f);
	return err;
}

void chrome_filter__release(struct chrome_filter *f)
{
	struct name_flags *e, *tmp;

	HASH_ITER(hh, f->by_name, e, tmp) {
		HASH_DEL(f->by_name, e);
		free(e);
	}
	chrome_tracks__release(&f->tracks);
	free(f->scratch);
	free(f->cwd);
	free(f->info);
	f->scratch = f->cwd = f->info = NULL;
}

int chrome_filter__look(struct chrome_filter *f, struct json_span event, struct chrome_event *ev,
			struct chrome_track **track)
{
	enum removed why;
	int err = find_track(f, event, ev, track);

	if (err || !*track)
		return err ? err : 1;
	why = judge(f, *track, ev);
	if (!why && ev->kind == CHROME_CALL && f->too_old && !chrome_event__is_open(ev)) {
		f->too_old--;
		why = REMOVED_OLD;
	}
	if (ev->kind != CHROME_THREAD_NAME)
		f->removed[why]++;
	if (!why && ev->kind == CHROME_CALL) {
		f->calls++;
		(*track)->written++;
	}
	return !why;
}

int chrome_filter__keeps(struct chrome_filter *f, struct json_span event)
{
	struct chrome_track *track;
	struct chrome_event ev;

	return chrome_filter__look(f, event, &ev, &track);
}

uint64_t chrome_filter__lost(const struct chrome_filter *f)
{
	struct json_span info = { f->info, f->info_len }, losses, total;
	int64_t n = 0;

	if (!f->info || !json_text__find(info, "losses", &losses) ||
	    !json_text__find(losses, "total", &total) || !json_text__to_int(total, &n) || n < 0)
		return 0;
	return (uint64_t)n;
}

struct chrome_totals chrome_filter__totals(const struct chrome_filter *f)
{
	struct chrome_totals n = {};
	struct chrome_track *track, *tmp;

	HASH_ITER(hh, f->tracks.by_key, track, tmp) {
		n.ignored_threads += track->ignored && !track->owner;
		n.threads += track->written && !track->owner;
		n.idents += track->thread.ident != 0;
	}
	return n;
}
