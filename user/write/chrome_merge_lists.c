// SPDX-License-Identifier: GPL-2.0-only
/* What several traces say of their processes, threads and losses, as of one trace. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include "../decode/row_ids.h"
#include "chrome_merge_info.h"

/* Texts, or numbers by text. */
struct entry {
	UT_hash_handle hh;
	uint64_t number, pid;
	size_t n;
	char text[];
};

static struct entry *find_entry(struct entry *all, struct json_span text)
{
	struct entry *e;

	HASH_FIND(hh, all, text.p, text.n, e);
	return e;
}

static struct entry *add_entry(struct entry **all, struct json_span text)
{
	struct entry *e = calloc(1, sizeof(*e) + text.n);

	if (!e)
		return NULL;
	e->n = text.n;
	memcpy(e->text, text.p, text.n);
	HASH_ADD(hh, *all, text[0], e->n, e);
	if (e->hh.tbl)
		return e;
	free(e);
	return NULL;
}

static void free_entries(struct entry **all)
{
	struct entry *e, *tmp;

	HASH_ITER(hh, *all, e, tmp) {
		HASH_DEL(*all, e);
		free(e);
	}
}

static struct chrome_key key_of(struct json_span object)
{
	struct chrome_members m;

	if (chrome_event__members(object, &m))
		memset(&m, 0, sizeof(m));
	return chrome_event__key(&m);
}

/* ---- targets, threads ------------------------------------------------------------------- */

static bool is_time(struct json_span key)
{
	return key.n > 3 && !memcmp(key.p + key.n - 3, "_us", 3);
}

/* An object that tells of a process or thread, with its ids and times as they are now. */
static void write_described(struct json_writer *j, const struct merge_input *in,
			    struct json_span object, bool is_target)
{
	const struct chrome_key key = key_of(object);
	const struct scan_process *p = trace_scan__process(&in->scan, &key);
	const struct scan_row *row = trace_scan__row(&in->scan, &key);
	struct json_span rest, name, value;
	bool has_kernel_pid = false, has_boot = false;
	int64_t at;

	if (!json_text__enter(object, '{', &rest))
		return;
	json__open(j, '{');
	while (json_text__next_member(&rest, &name, &value) > 0) {
		has_kernel_pid |= json_text__is(name, "kernel_pid");
		has_boot |= json_text__is(name, "boot_id");
		if (json_text__is(name, "pid") && p) {
			json__u64_field(j, "pid", p->shown);
		} else if (json_text__is(name, "tid") && row) {
			json__u64_field(j, "tid", row->shown);
		} else if (is_time(name) && chrome_merge__time(in, value, &at)) {
			json__key_n(j, name.p, name.n);
			chrome_merge__us(j, at);
		} else {
			merge_info__copy_member(j, name, value);
		}
	}
	if (p && !has_kernel_pid && row_ids__moved(p) && !p->key.odd)
		json__u64_field(j, "kernel_pid", (uint64_t)p->kernel_pid);
	if (is_target && !has_boot && in->scan.boot)
		json__str_field(j, "boot_id", in->scan.boot);
	if (is_target && !has_boot && in->scan.host)
		json__str_field(j, "host", in->scan.host);
	json__close(j, '}');
}

static void write_objects(struct json_writer *j, const struct merge_input *in, const char *list)
{
	bool is_target = !strcmp(list, "targets");
	struct json_span all, rest, object;

	if (merge_info__find(in, list, &all) && json_text__enter(all, '[', &rest)) {
		while (json_text__next_element(&rest, &object) > 0)
			write_described(j, in, object, is_target);
	} else if (is_target && merge_info__find(in, "target", &object)) {
		write_described(j, in, object, true); /* there is one alone */
	}
}

static void write_list(struct chrome_merge *m, const char *list)
{
	struct json_writer *j = &m->json;

	json__key(j, list);
	json__open(j, '[');
	for (size_t i = 0; i < m->n; i++)
		write_objects(j, &m->in[i], list);
	json__close(j, ']');
}

/* ---- filters, warnings ------------------------------------------------------------------ */

static int write_filters(struct chrome_merge *m)
{
	struct json_span filters, rest, filter;
	struct json_writer *j = &m->json;
	struct entry *all = NULL;
	int err = 0;

	json__key(j, "filters");
	json__open(j, '[');
	for (size_t i = 0; i < m->n && !err; i++) {
		if (!merge_info__find(&m->in[i], "filters", &filters) ||
		    !json_text__enter(filters, '[', &rest))
			continue;
		while (!err && json_text__next_element(&rest, &filter) > 0) {
			if (find_entry(all, filter))
				continue;
			err = add_entry(&all, filter) ? 0 : -ENOMEM;
			json__raw(j, filter.p, filter.n);
		}
	}
	json__close(j, ']');
	free_entries(&all);
	return err;
}

static void write_warnings(struct chrome_merge *m)
{
	struct json_span warnings, rest, text;
	struct json_writer *j = &m->json;
	char differing[128];

	json__key(j, "warnings");
	json__open(j, '[');
	for (size_t i = 0; i < m->n; i++) {
		if (!merge_info__find(&m->in[i], "warnings", &warnings) ||
		    !json_text__enter(warnings, '[', &rest))
			continue;
		while (json_text__next_element(&rest, &text) > 0) {
			if (text.n < 2 || *text.p != '"')
				continue;
			json__string_begin(j);
			json__string_part(j, m->in[i].name, strlen(m->in[i].name));
			json__string_part(j, ": ", 2);
			outbuf__write(j->out, text.p + 1, text.n - 2);
			json__string_end(j);
		}
	}
	if (m->differing) {
		snprintf(differing, sizeof(differing),
			 "%llu source file%s not the same in all inputs: the first one's text is "
			 "shown",
			 (unsigned long long)m->differing, m->differing == 1 ? " is" : "s are");
		json__string(j, differing);
	}
	json__close(j, ']');
}

/* ---- samples, coverage ------------------------------------------------------------------ */

/* Where all were sampled at one rate, so is the whole. */
static void write_samples(struct chrome_merge *m)
{
	static const char *const sums[] = { "taken", "lost", "unreadable", "written" };
	uint64_t total[sizeof(sums) / sizeof(sums[0])] = {};
	struct json_span samples = {}, value, period = {}, wall = {};
	struct json_writer *j = &m->json;
	int64_t n;
	size_t i, k;

	for (i = 0; i < m->n; i++) {
		if (!merge_info__find(&m->in[i], "samples", &samples) ||
		    !json_text__find(samples, "period_ns", &value) ||
		    (i && (value.n != period.n || memcmp(value.p, period.p, value.n))))
			return;
		period = value;
		if (!json_text__find(samples, "wall", &value) ||
		    (i && (value.n != wall.n || memcmp(value.p, wall.p, value.n))))
			return;
		wall = value;
		for (k = 0; k < sizeof(sums) / sizeof(sums[0]); k++)
			if (json_text__find(samples, sums[k], &value) &&
			    json_text__to_int(value, &n) && n > 0)
				total[k] += (uint64_t)n;
	}
	json__key(j, "samples");
	json__open(j, '{');
	json__key(j, "period_ns");
	json__raw(j, period.p, period.n);
	json__key(j, "wall");
	json__raw(j, wall.p, wall.n);
	for (k = 0; k < sizeof(sums) / sizeof(sums[0]); k++)
		json__u64_field(j, sums[k], total[k]);
	json__close(j, '}');
}

static double number_of(struct json_span value)
{
	char text[32] = "";

	if (value.n < sizeof(text))
		memcpy(text, value.p, value.n);
	return strtod(text, NULL);
}

/* Where all were recorded in windows: the mean, by how long each was recorded. */
static void write_coverage(struct chrome_merge *m)
{
	struct json_span value, start, end;
	double covered = 0, time = 0, coverage, span;
	char text[32];
	int n;

	for (size_t i = 0; i < m->n; i++) {
		if (!merge_info__find(&m->in[i], "coverage", &value) ||
		    !merge_info__find(&m->in[i], "start_us", &start) ||
		    !merge_info__find(&m->in[i], "end_us", &end))
			return;
		coverage = number_of(value);
		span = number_of(end) - number_of(start);
		if (!(coverage >= 0 && coverage <= 1 && span > 0))
			return;
		covered += coverage * span;
		time += span;
	}
	if (!(time > 0))
		return;
	n = snprintf(text, sizeof(text), "%.6f", covered / time);
	json__key(&m->json, "coverage");
	json__raw(&m->json, text, (size_t)n);
}

int merge_info__lists(struct chrome_merge *m)
{
	int err;

	write_list(m, "targets");
	err = write_filters(m);
	write_list(m, "threads");
	write_samples(m);
	write_coverage(m);
	write_warnings(m);
	return err;
}

/* ---- losses ----------------------------------------------------------------------------- */

/* The pid, as it is now, of the input's thread of that id; 0 unknown. */
static uint64_t pid_of_thread(const struct merge_input *in, struct json_span tid)
{
	const struct scan_row *row;
	int64_t number;

	if (!json_text__to_int(tid, &number))
		return 0;
	for (row = in->scan.first_row; row; row = row->next) {
		if (!row->key.odd && row->key.tid == (uint64_t)number)
			return row->process->shown;
	}
	return 0;
}

/* Of two processes with the same thread id, the second says its own, too. */
static int add_loss(struct entry **all, const struct merge_input *in, struct json_span key,
		    uint64_t lost)
{
	uint64_t pid = pid_of_thread(in, key);
	struct entry *e = find_entry(*all, key);
	char text[64];
	int n;

	if (e && e->pid != pid && key.n < 24) {
		n = snprintf(text, sizeof(text), "%.*s of process %llu", (int)key.n, key.p,
			     (unsigned long long)pid);
		key = (struct json_span){ text, (size_t)n };
		e = find_entry(*all, key);
	}
	if (!e)
		e = add_entry(all, key);
	if (!e)
		return -ENOMEM;
	e->pid = pid;
	e->number += lost;
	return 0;
}

static int add_losses(struct entry **all, const struct merge_input *in, uint64_t *total)
{
	struct json_span losses, by_thread, rest, key, value;
	int64_t n;
	int err = 0;

	if (!merge_info__find(in, "losses", &losses))
		return 0;
	if (json_text__find(losses, "total", &value) && json_text__to_int(value, &n) && n > 0)
		*total += (uint64_t)n;
	if (!json_text__find(losses, "by_thread", &by_thread) ||
	    !json_text__enter(by_thread, '{', &rest))
		return 0;
	while (!err && json_text__next_member(&rest, &key, &value) > 0) {
		if (json_text__to_int(value, &n) && n > 0)
			err = add_loss(all, in, key, (uint64_t)n);
	}
	return err;
}

int merge_info__losses(struct chrome_merge *m)
{
	struct json_writer *j = &m->json;
	struct entry *all = NULL, *e;
	uint64_t total = 0;
	int err = 0;

	for (size_t i = 0; i < m->n && !err; i++)
		err = add_losses(&all, &m->in[i], &total);
	json__key(j, "losses");
	json__open(j, '{');
	json__u64_field(j, "total", total);
	json__key(j, "by_thread");
	json__open(j, '{');
	for (e = all; e; e = e->hh.next) {
		json__raw(j, "\"", 1);
		outbuf__write(j->out, e->text, e->n);
		outbuf__write(j->out, "\":", 2);
		j->comma = false;
		json__u64(j, e->number);
	}
	json__close(j, '}');
	json__close(j, '}');
	free_entries(&all);
	return err;
}
