// SPDX-License-Identifier: GPL-2.0-only
/* `vtbpf diff --json`. */
#include <math.h>
#include <stdio.h>

#include "diff_writer.h"
#include "json_writer.h"

static void double_field(struct json_writer *j, const char *key, double value, int decimals)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%.*f", decimals, value);

	json__key(j, key);
	json__raw(j, text, (size_t)n);
}

static void whole_field(struct json_writer *j, const char *key, double value)
{
	json__u64_field(j, key, (uint64_t)(fmax(value, 0) + 0.5));
}

static void write_values(const struct diff_output *o, struct json_writer *j,
			 const struct diff_entry *e, int which)
{
	const struct diff_values *v = &e->values[which];

	if (e->function[which] < 0) {
		json__raw(j, "null", 4);
		return;
	}
	json__open(j, '{');
	whole_field(j, diff__is_sampled(o->d) ? "samples" : "calls", v->calls);
	whole_field(j, "self_ns", v->self);
	whole_field(j, "total_ns", v->total);
	if (!diff__is_sampled(o->d)) {
		whole_field(j, "min_ns", v->min);
		whole_field(j, "mean_ns", v->mean);
		whole_field(j, "p50_ns", v->p50);
		whole_field(j, "p99_ns", v->p99);
		whole_field(j, "max_ns", v->max);
		whole_field(j, "self_p50_ns", v->self_p50);
	}
	json__close(j, '}');
}

static void write_name(const struct diff_output *o, struct json_writer *j,
		       const struct diff_entry *e)
{
	const struct profile_function *f = diff__function(o->d, e);

	json__key(j, "name");
	json__string_n(j, f->name.p, f->name.n);
	json__key(j, "file");
	json__string_n(j, f->file.p ? f->file.p : "", f->file.n);
	json__u64_field(j, "line", f->line);
	json__str_field(j, "verdict", diff__verdict_name(e->verdict));
}

static void write_entry(const struct diff_output *o, struct json_writer *j,
			const struct diff_entry *e)
{
	json__open(j, '{');
	write_name(o, j, e);
	if (e->judged) {
		double_field(j, "change_percent", 100 * e->change, 2);
		double_field(j, "confidence", e->confidence, 6);
	}
	if (e->calls_changed) {
		json__key(j, "calls_changed");
		json__bool(j, true);
	}
	json__key(j, "before");
	write_values(o, j, e, DIFF_BEFORE);
	json__key(j, "after");
	write_values(o, j, e, DIFF_AFTER);
	json__close(j, '}');
	outbuf__write(j->out, "\n", 1);
}

static void write_entries(const struct diff_output *o, struct json_writer *j, const char *key,
			  bool changed)
{
	const struct diff_entry *e = o->d->entries;
	size_t i, n = 0;

	json__key(j, key);
	json__open(j, '[');
	for (i = 0; i < o->d->n_entries; i++) {
		if ((e[i].verdict != DIFF_SAME) != changed)
			continue;
		if (o->limit && n++ >= o->limit)
			break;
		write_entry(o, j, &e[i]);
	}
	json__close(j, ']');
}

static void write_inputs(const struct diff_output *o, struct json_writer *j, const char *key,
			 int which)
{
	size_t i;

	json__key(j, key);
	json__open(j, '[');
	for (i = 0; i < o->d->side[which].n_runs; i++)
		json__string(j, o->inputs[which][i]);
	json__close(j, ']');
}

static int write_json(const struct diff_output *o, struct outbuf *out)
{
	struct json_writer j;

	json__init(&j, out);
	json__open(&j, '{');
	write_entries(o, &j, "functions", true);
	write_entries(o, &j, "unchanged", false);
	write_inputs(o, &j, "before", DIFF_BEFORE);
	write_inputs(o, &j, "after", DIFF_AFTER);
	json__u64_field(&j, "judged", o->d->n_judged);
	double_field(&j, "all_percent", 100 * o->d->shift, 2);
	double_field(&j, "resolution_percent", 100 * o->d->resolution, 1);
	json__key(&j, "sampled");
	json__bool(&j, diff__is_sampled(o->d));
	json__close(&j, '}');
	outbuf__write(out, "\n", 1);
	return 0;
}

const struct diff_format diff_json = {
	.name = "json",
	.extension = ".json",
	.write = write_json,
};
