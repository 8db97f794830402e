// SPDX-License-Identifier: GPL-2.0-only
/* "viztracer_metadata" and "vtbpf" of several traces: what holds for all of them, and under "combine"
 * what each says of itself. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include "../decode/row_ids.h"
#include "../version.h"
#include "chrome_merge.h"
#include "chrome_merge_info.h"
#include "own_file.h"

bool merge_info__find(const struct merge_input *in, const char *key, struct json_span *value)
{
	const struct json_span info = { in->scan.info.p, in->scan.info.n };

	return info.n && json_text__find(info, key, value);
}

void merge_info__copy_member(struct json_writer *j, struct json_span key, struct json_span value)
{
	json__raw(j, key.p - 1, key.n + 2);
	outbuf__write(j->out, ":", 1);
	outbuf__write(j->out, value.p, value.n);
}

/* ---- "viztracer_metadata" --------------------------------------------------------------- */

static struct json_span metadata_of(const struct merge_input *in)
{
	return (struct json_span){ in->scan.metadata.p, in->scan.metadata.n };
}

/* The input whose clock the times are of, NULL when they are of none. */
static const struct merge_input *clock_input(const struct chrome_merge *m)
{
	for (size_t i = 0; i < m->n; i++) {
		if (!m->in[i].clock->shift && m->in[i].scan.n_pairs)
			return &m->in[i];
	}
	return NULL;
}

static void write_metadata(struct chrome_merge *m)
{
	const struct merge_input *of_clock = clock_input(m);
	struct json_writer *j = &m->json;
	struct json_span value;
	bool overflow = false;

	for (size_t i = 0; i < m->n; i++)
		overflow |= m->in[i].scan.metadata.n &&
			    json_text__find(metadata_of(&m->in[i]), "overflow", &value) &&
			    json_text__is(value, "true");
	json__key(j, "viztracer_metadata");
	json__open(j, '{');
	json__str_field(j, "version", VTBPF_VERSION);
	json__key(j, "overflow");
	json__bool(j, overflow);
	if (of_clock) {
		json__key(j, "baseTimeNanoseconds");
		json__i64(j, clock_align__best_pair(of_clock->clock)->offset);
	}
	json__close(j, '}');
}

/* ---- machine and clock ------------------------------------------------------------------ */

/* The member, if it is in all inputs and the same. */
static void write_common(struct chrome_merge *m, const char *key)
{
	struct json_span first, other;

	if (!merge_info__find(&m->in[0], key, &first))
		return;
	for (size_t i = 1; i < m->n; i++) {
		if (!merge_info__find(&m->in[i], key, &other) || other.n != first.n ||
		    memcmp(other.p, first.p, other.n))
			return;
	}
	json__key(&m->json, key);
	json__raw(&m->json, first.p, first.n);
}

static void write_clock(struct chrome_merge *m)
{
	const struct merge_input *in = clock_input(m);
	struct json_span clock, rest, key, value;
	struct json_writer *j = &m->json;

	if (!in)
		return;
	json__key(j, "clock");
	json__open(j, '{');
	if (in->scan.boot)
		json__str_field(j, "boot_id", in->scan.boot);
	if (merge_info__find(in, "clock", &clock) && json_text__enter(clock, '{', &rest)) {
		while (json_text__next_member(&rest, &key, &value) > 0) {
			if (!json_text__is(key, "boot_id"))
				merge_info__copy_member(j, key, value);
		}
	} else {
		json__key(j, "realtime_offset_ns");
		json__i64(j, clock_align__best_pair(in->clock)->offset);
	}
	json__close(j, '}');
}

/* When the first of them began and the last one ended. */
static void write_span(struct chrome_merge *m)
{
	int64_t start = CLOCK_UNKNOWN, end = CLOCK_UNKNOWN, at;
	struct json_span value;

	for (size_t i = 0; i < m->n; i++) {
		const struct merge_input *in = &m->in[i];

		if (merge_info__find(in, "start_us", &value) &&
		    chrome_merge__time(in, value, &at) && at < start)
			start = at;
		if (merge_info__find(in, "end_us", &value) && chrome_merge__time(in, value, &at) &&
		    (end == CLOCK_UNKNOWN || at > end))
			end = at;
	}
	if (start == CLOCK_UNKNOWN || end == CLOCK_UNKNOWN)
		return;
	json__key(&m->json, "start_us");
	chrome_merge__us(&m->json, start);
	json__key(&m->json, "end_us");
	chrome_merge__us(&m->json, end);
}

/* ---- what cannot be united -------------------------------------------------------------- */

static const char *basis_name(enum clock_basis basis)
{
	static const char *const names[] = {
		[CLOCK_SAME_BOOT] = "boot_id", [CLOCK_ASSUMED] = "assumed", [CLOCK_WALL] = "wall",
		[CLOCK_START] = "start",       [CLOCK_MARKER] = "marker",   [CLOCK_NO_WAY] = "none",
	};

	return names[basis];
}

static void write_pids(struct json_writer *j, const struct merge_input *in)
{
	const struct scan_process *p;
	char shown[24];

	json__key(j, "pids");
	json__open(j, '{');
	for (p = in->scan.first_process; p; p = p->next) {
		if (!row_ids__moved(p) || p->key.odd)
			continue;
		snprintf(shown, sizeof(shown), "%llu", (unsigned long long)p->shown);
		json__u64_field(j, shown, p->key.pid);
	}
	json__close(j, '}');
}

/* What the input says of itself and is not united with what others say. */
static void write_rest(struct json_writer *j, const struct merge_input *in)
{
	static const char *const united[] = { "host",	 "boot_id", "target",	"targets",
					      "filters", "threads", "warnings", OWN_FILE_JSON_KEY };
	struct json_span info = { in->scan.info.p, in->scan.info.n }, rest, key, value;
	size_t i;

	if (!info.n || !json_text__enter(info, '{', &rest))
		return;
	json__key(j, "vtbpf");
	json__open(j, '{');
	while (json_text__next_member(&rest, &key, &value) > 0) {
		for (i = 0; i < sizeof(united) / sizeof(united[0]); i++) {
			if (json_text__is(key, united[i]))
				break;
		}
		if (i == sizeof(united) / sizeof(united[0]))
			merge_info__copy_member(j, key, value);
	}
	json__close(j, '}');
}

static void null_or_string(struct json_writer *j, const char *key, const char *s)
{
	json__key(j, key);
	if (s)
		json__string(j, s);
	else
		json__raw(j, "null", 4);
}

static void write_input(struct json_writer *j, const struct merge_input *in)
{
	json__open(j, '{');
	json__str_field(j, "input", in->name);
	null_or_string(j, "host", in->scan.host);
	null_or_string(j, "boot_id", in->scan.boot);
	json__key(j, "shift_us");
	chrome_merge__us(j, in->clock->shift);
	json__key(j, "uncertainty_us");
	if (in->clock->uncertainty == CLOCK_UNKNOWN)
		json__raw(j, "null", 4);
	else
		chrome_merge__us(j, in->clock->uncertainty);
	json__str_field(j, "by", basis_name(in->clock->basis));
	write_pids(j, in);
	write_rest(j, in);
	json__close(j, '}');
}

int chrome_merge__info(struct chrome_merge *m)
{
	struct json_writer *j = &m->json;
	int err;

	write_metadata(m);
	json__key(j, "vtbpf");
	json__open(j, '{');
	json__str_field(j, "version", VTBPF_VERSION);
	write_common(m, "kernel");
	write_common(m, "host");
	write_common(m, "boot_id");
	write_clock(m);
	write_span(m);
	err = merge_info__lists(m);
	if (!err)
		err = merge_info__losses(m);
	json__key(j, "combine");
	json__open(j, '[');
	for (size_t i = 0; i < m->n; i++)
		write_input(j, &m->in[i]);
	json__close(j, ']');
	json__str_field(j, OWN_FILE_JSON_KEY, OWN_FILE_JSON_VALUE VTBPF_VERSION);
	json__close(j, '}');
	return err;
}
