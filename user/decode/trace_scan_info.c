// SPDX-License-Identifier: GPL-2.0-only
/* What vtbpf and VizTracer say of a trace: its machine, its clock, its processes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../array.h"
#include "trace_scan.h"

#define OFFSET_MAX ((int64_t)1 << 61) /* ns from boot to 1970, and no less than 0 */
#define PAIRS_MAX 100000

/* The string under the key, the caller's to free. NULL when there is none or no memory. */
static char *string_of(struct json_span object, const char *key)
{
	struct json_span value;
	char *text;

	if (!json_text__find(object, key, &value) || value.n < 3)
		return NULL;
	text = malloc(value.n);
	if (text && json_text__unquote(value, text) <= 0) {
		free(text);
		text = NULL;
	}
	return text;
}

static int64_t number_of(struct json_span object, const char *key, int64_t otherwise)
{
	struct json_span value;
	int64_t n;

	return json_text__find(object, key, &value) && json_text__to_int(value, &n) ? n : otherwise;
}

/* ---- clock ------------------------------------------------------------------------------ */

static int add_pair(struct trace_scan *s, int64_t offset, int64_t error)
{
	if (offset > OFFSET_MAX || offset < 0 || s->n_pairs >= PAIRS_MAX)
		return 0;
	if (error < 0 || error > CLOCK_UNSYNCHRONISED)
		error = CLOCK_UNSYNCHRONISED;
	if (ARRAY_ONE_MORE(s->pairs, s->n_pairs))
		return -ENOMEM;
	s->pairs[s->n_pairs++] = (struct clock_pair){ offset, error };
	return 0;
}

/* [time in us, CLOCK_REALTIME - CLOCK_MONOTONIC in ns, error of the former in us or null] */
static int note_pair(struct trace_scan *s, struct json_span pair)
{
	struct json_span rest, value;
	int64_t offset = 0, error;
	bool has_offset;

	if (!json_text__enter(pair, '[', &rest) || json_text__next_element(&rest, &value) <= 0 ||
	    json_text__next_element(&rest, &value) <= 0)
		return 0;
	has_offset = json_text__to_int(value, &offset);
	if (!has_offset || json_text__next_element(&rest, &value) <= 0 ||
	    !json_text__us_to_ns(value, &error))
		error = -1;
	return has_offset ? add_pair(s, offset, error) : 0;
}

static int note_clock(struct trace_scan *s, struct json_span clock)
{
	struct json_span pairs, rest, pair;
	int64_t offset = number_of(clock, "realtime_offset_ns", CLOCK_UNKNOWN);
	int err = 0;

	s->boot = string_of(clock, "boot_id");
	if (json_text__find(clock, "realtime_pairs", &pairs) && json_text__enter(pairs, '[', &rest))
		while (!err && json_text__next_element(&rest, &pair) > 0)
			err = note_pair(s, pair);
	if (!err && !s->n_pairs && offset != CLOCK_UNKNOWN)
		err = add_pair(s, offset, -1);
	return err;
}

/* ---- processes -------------------------------------------------------------------------- */

static void note_target(struct trace_scan *s, struct json_span target)
{
	int64_t pid = number_of(target, "pid", -1);
	struct chrome_key key = { .pid = (uint64_t)pid };
	struct scan_process *p = pid > 0 ? trace_scan__process(s, &key) : NULL;
	char *boot;

	if (!p)
		return;
	p->kernel_pid = number_of(target, "kernel_pid", pid);
	p->start_ticks = number_of(target, "start_ticks", -1);
	boot = string_of(target, "boot_id");
	if (!boot && s->boot)
		boot = strdup(s->boot);
	free(p->boot);
	p->boot = boot;
}

static void note_targets(struct trace_scan *s, struct json_span info)
{
	struct json_span targets, rest, target;

	if (json_text__find(info, "target", &target))
		note_target(s, target);
	if (json_text__find(info, "targets", &targets) && json_text__enter(targets, '[', &rest))
		while (json_text__next_element(&rest, &target) > 0)
			note_target(s, target);
}

/* ---- all -------------------------------------------------------------------------------- */

static int note_metadata(struct trace_scan *s)
{
	struct json_span metadata = { s->metadata.p, s->metadata.n }, value;
	int64_t offset = number_of(metadata, "baseTimeNanoseconds", CLOCK_UNKNOWN), at;

	if (json_text__find(metadata, "sync_marker", &value) && json_text__us_to_ns(value, &at) &&
	    at > -SCAN_TIME_MAX && at < SCAN_TIME_MAX)
		s->sync = at;
	return s->n_pairs || offset == CLOCK_UNKNOWN ? 0 : add_pair(s, offset, -1);
}

int trace_scan__note_info(struct trace_scan *s)
{
	struct json_span info = { s->info.p, s->info.n }, clock;
	int err = 0;

	if (s->info.n && json_text__find(info, "clock", &clock))
		err = note_clock(s, clock);
	if (s->info.n) {
		if (!s->boot)
			s->boot = string_of(info, "boot_id");
		s->host = string_of(info, "host");
		note_targets(s, info);
	}
	if (!err && s->metadata.n)
		err = note_metadata(s);
	return err;
}
