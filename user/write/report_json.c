// SPDX-License-Identifier: GPL-2.0-only
/* `vtbpf report --json`. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../progress.h"
#include "json_writer.h"
#include "report_writer.h"

struct report_json {
	const struct report *r;
	const struct report_options *opts;
	struct json_writer json;
};

static void text_field(struct json_writer *j, const char *key, const struct profile_text *text)
{
	json__key(j, key);
	json__string_n(j, text->p, text->n);
}

static void double_field(struct json_writer *j, const char *key, double value, int decimals)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%.*f", decimals, value);

	json__key(j, key);
	json__raw(j, text, (size_t)n);
}

static void write_name(struct report_json *w, uint32_t function)
{
	const struct profile_function *f = &w->r->p->functions[function];

	text_field(&w->json, "name", &f->name);
	text_field(&w->json, "file", &f->file);
	json__u64_field(&w->json, "line", f->line);
}

/* Calls or samples, whichever there are. */
static void write_count(struct report_json *w, uint64_t seen)
{
	const struct profile *p = w->r->p;

	if (profile__is_sampled(p)) {
		json__u64_field(&w->json, "samples", seen);
		return;
	}
	json__u64_field(&w->json, "calls", report_writer__scaled(p, seen));
	if (p->in_windows)
		json__u64_field(&w->json, "calls_seen", seen);
}

/* What files and the functions of a thread have: how many, and how long. */
static void write_sums(struct report_json *w, uint64_t calls, uint64_t self, uint64_t total)
{
	write_count(w, calls);
	json__u64_field(&w->json, "self_ns", self);
	json__u64_field(&w->json, "total_ns", total);
}

static bool is_beyond(const struct report_json *w, size_t i)
{
	return w->opts->limit && i >= w->opts->limit;
}

static void write_function(struct report_json *w, uint32_t function)
{
	const struct report_function *f = &w->r->functions[function];
	struct json_writer *j = &w->json;

	json__open(j, '{');
	write_name(w, function);
	write_count(w, f->calls);
	if (profile__is_sampled(w->r->p))
		json__u64_field(j, "self_samples", f->self_samples);
	json__u64_field(j, "self_ns", f->self);
	json__u64_field(j, "total_ns", f->total);
	if (!profile__is_sampled(w->r->p)) {
		json__u64_field(j, "min_ns", f->min);
		json__u64_field(j, "mean_ns", (uint64_t)(f->mean + 0.5));
		json__u64_field(j, "p50_ns", (uint64_t)(f->p50 + 0.5));
		json__u64_field(j, "p99_ns", (uint64_t)(f->p99 + 0.5));
		json__u64_field(j, "max_ns", f->max);
	}
	json__close(j, '}');
	outbuf__write(j->out, "\n", 1);
}

static int write_functions(struct report_json *w)
{
	size_t i, n;
	uint32_t *order = report_writer__order(w->r, w->opts->sort, &n);

	if (!order)
		return -ENOMEM;
	json__key(&w->json, "functions");
	json__open(&w->json, '[');
	for (i = 0; i < n && !is_beyond(w, i); i++)
		write_function(w, order[i]);
	json__close(&w->json, ']');
	free(order);
	return 0;
}

static void write_here(struct report_json *w, struct report_thread *th)
{
	struct json_writer *j = &w->json;
	size_t i;

	report_writer__sort_here(w->r, th, w->opts->sort);
	json__key(j, "functions");
	json__open(j, '[');
	for (i = 0; i < th->n_functions && !is_beyond(w, i); i++) {
		const struct report_thread_function *f = &th->functions[i];

		json__open(j, '{');
		write_name(w, f->function);
		write_sums(w, f->calls, f->self, f->total);
		json__close(j, '}');
	}
	json__close(j, ']');
}

/* By what it waited for; the rest it ran. */
static void write_waiting(struct report_json *w, const struct report_thread *th)
{
	static const char *const names[VTBPF_WAITS] = {
		[VTBPF_WAIT_OFF_CPU] = "off_cpu_ns", [VTBPF_WAIT_LOCK] = "lock_ns",
		[VTBPF_WAIT_IO] = "io_ns",	     [VTBPF_WAIT_GIL] = "gil_ns",
		[VTBPF_WAIT_SLEEP] = "sleep_ns",
	};
	struct json_writer *j = &w->json;
	unsigned int i;

	if (!w->r->has_waiting)
		return;
	json__u64_field(j, "running_ns", report_thread__running(th));
	json__key(j, "waiting");
	json__open(j, '{');
	for (i = 0; i < VTBPF_WAITS; i++)
		json__u64_field(j, names[i], th->waiting[i]);
	json__close(j, '}');
}

static void write_threads(struct report_json *w)
{
	struct json_writer *j = &w->json;
	size_t i;

	json__key(j, "threads");
	json__open(j, '[');
	for (i = 0; i < w->r->n_threads; i++) {
		struct report_thread *th = &w->r->threads[i];

		json__open(j, '{');
		text_field(j, "name", &th->track->name);
		json__u64_field(j, "pid", th->track->pid);
		json__u64_field(j, "tid", th->track->tid);
		if (th->track->thread != th->track->tid)
			json__u64_field(j, "thread", th->track->thread);
		write_count(w, th->calls);
		json__u64_field(j, "busy_ns", th->busy);
		write_waiting(w, th);
		if (w->r->p->gil_watched)
			json__u64_field(j, "gil_wait_ns", th->track->gil_wait);
		json__u64_field(j, "first_ns", th->track->first);
		json__u64_field(j, "last_ns", th->track->last);
		json__u64_field(j, "lost", th->lost);
		if (w->opts->rows == REPORT_THREADS)
			write_here(w, th);
		json__close(j, '}');
		outbuf__write(j->out, "\n", 1);
	}
	json__close(j, ']');
}

static void write_files(struct report_json *w)
{
	struct json_writer *j = &w->json;
	size_t i;

	if (w->opts->rows != REPORT_FILES)
		return;
	report_writer__sort_files(w->r, w->opts->sort);
	json__key(j, "files");
	json__open(j, '[');
	for (i = 0; i < w->r->n_files && !is_beyond(w, i); i++) {
		const struct report_file *f = &w->r->files[i];

		json__open(j, '{');
		text_field(j, "file", &f->name);
		write_sums(w, f->calls, f->self, f->total);
		json__close(j, '}');
	}
	json__close(j, ']');
}

static void write_outliers(struct report_json *w)
{
	struct json_writer *j = &w->json;
	size_t i;

	json__key(j, "outliers");
	json__open(j, '[');
	for (i = 0; i < w->r->n_outliers && !is_beyond(w, i); i++) {
		const struct report_outlier *o = &w->r->outliers[i];

		json__open(j, '{');
		write_name(w, o->function);
		json__u64_field(j, "tid", o->track->thread);
		json__u64_field(j, "ts_ns", o->start);
		json__u64_field(j, "dur_ns", o->dur);
		json__u64_field(j, "usual_ns", (uint64_t)(o->usual + 0.5));
		json__close(j, '}');
		outbuf__write(j->out, "\n", 1);
	}
	json__close(j, ']');
}

static void write_drift(struct report_json *w)
{
	struct json_writer *j = &w->json;
	size_t i;

	json__key(j, "drift");
	json__open(j, '[');
	for (i = 0; i < w->r->n_drift && !is_beyond(w, i); i++) {
		const struct report_drift *d = &w->r->drift[i];

		json__open(j, '{');
		write_name(w, d->function);
		double_field(j, "percent_per_min", d->percent_per_min, 3);
		double_field(j, "confidence", d->confidence, 6);
		json__close(j, '}');
	}
	json__close(j, ']');
}

static void write_about(struct report_json *w)
{
	const struct profile *p = w->r->p;
	struct json_writer *j = &w->json;

	json__u64_field(j, "start_ns", p->start);
	json__u64_field(j, "end_ns", p->end);
	json__u64_field(j, "lost", p->lost);
	json__u64_field(j, "all_outliers", w->r->all_outliers);
	if (p->in_windows)
		double_field(j, "coverage", p->coverage, 6);
	if (p->exact && p->sampled) /* both, one after the other: what is not counted here */
		json__u64_field(j, profile__is_sampled(p) ? "calls_left_out" : "slices_left_out",
				profile__is_sampled(p) ? p->exact : p->sampled);
	if (!profile__is_sampled(p))
		return;
	json__key(j, "sampled");
	json__bool(j, true);
	json__u64_field(j, "period_ns", p->period);
	json__u64_field(j, "samples_lost", p->samples_lost);
	json__u64_field(j, "samples_unreadable", p->samples_unreadable);
}

static int write_report(struct writer *w, struct profile *p)
{
	struct report r;
	struct report_json rj = { .r = &r, .opts = w->report };
	int err = report__make(&r, p);

	progress__stop(); /* its line would stand between those of the report */
	if (!err) {
		json__init(&rj.json, &w->out);
		json__open(&rj.json, '{');
		err = write_functions(&rj);
	}
	if (!err) {
		write_threads(&rj);
		write_files(&rj);
		write_outliers(&rj);
		write_drift(&rj);
		write_about(&rj);
		json__close(&rj.json, '}');
		outbuf__write(&w->out, "\n", 1);
	}
	report__release(&r);
	return err;
}

const struct writer_ops report_json_writer = {
	.name = "report-json",
	.extension = "",
	.event = profile_writer__gil_wait,
	.profile = write_report,
	PROFILE_WRITER_FUNCTIONS,
};
