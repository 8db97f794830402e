// SPDX-License-Identifier: GPL-2.0-only
/* `vtbpf report` for people. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "../progress.h"
#include "printer.h"
#include "profile_writer.h"
#include "report_writer.h"

#define ROWS 30	    /* unless --limit says otherwise */
#define FEW_ROWS 10 /* of outliers and trends */

struct report_text {
	const struct report *r;
	const struct report_options *opts;
	struct printer to;
};

static bool is_sampled(const struct report_text *w)
{
	return profile__is_sampled(w->r->p);
}

static const char *count_title(const struct report_text *w)
{
	return is_sampled(w) ? "SAMPLES" : "CALLS";
}

static uint64_t scaled(const struct report_text *w, uint64_t seen)
{
	return is_sampled(w) ? seen : report_writer__scaled(w->r->p, seen);
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void name_cell(const struct report_text *w, struct table *t, uint32_t function)
{
	printer__name_cell(t, &w->r->p->functions[function]);
}

/* ---- functions, files, functions by thread ---------------------------------------------- */

/* What every row has: how many, and how long. */
static void sum_cells(struct report_text *w, struct table *t, uint64_t calls, uint64_t self,
		      uint64_t total)
{
	table__cell(t, "%s", printer__count(&w->to, scaled(w, calls)));
	table__cell(t, "%s", printer__ns(&w->to, (double)self));
	table__cell(t, "%s", printer__ns(&w->to, (double)total));
}

static void call_row(struct report_text *w, struct table *t, const struct report_function *f)
{
	sum_cells(w, t, f->calls, f->self, f->total);
	table__cell(t, "%s", printer__ns(&w->to, (double)f->min));
	table__cell(t, "%s", printer__ns(&w->to, f->mean));
	table__cell(t, "%s", printer__ns(&w->to, f->p50));
	table__cell(t, "%s", printer__ns(&w->to, f->p99));
	table__cell(t, "%s", printer__ns(&w->to, (double)f->max));
}

static void sample_row(struct report_text *w, struct table *t, const struct report_function *f)
{
	table__cell(t, "%s", printer__count(&w->to, f->self_samples));
	sum_cells(w, t, f->calls, f->self, f->total);
}

static const struct table_column call_columns[] = {
	{ "CALLS", 20, true }, { "SELF", 16, true }, { "TOTAL", 16, true },
	{ "MIN", 16, true },   { "MEAN", 16, true }, { "P50", 16, true },
	{ "P99", 16, true },   { "MAX", 16, true },  { "FUNCTION", PRINTER_NAME_COLUMNS, false },
};

static const struct table_column sample_columns[] = {
	{ "SELF SAMPLES", 20, true },
	{ "SAMPLES", 20, true },
	{ "SELF", 16, true },
	{ "TOTAL", 16, true },
	{ "FUNCTION", PRINTER_NAME_COLUMNS, false },
};

static int write_functions(struct report_text *w)
{
	struct table t = { .columns = call_columns, .n = 9 };
	size_t i, n, shown;
	uint32_t *order = report_writer__order(w->r, w->opts->sort, &n);

	if (!order)
		return -ENOMEM;
	if (is_sampled(w))
		t = (struct table){ .columns = sample_columns, .n = 5 };
	shown = printer__rows(&w->to, n, ROWS);
	for (i = 0; i < shown; i++) {
		const struct report_function *f = &w->r->functions[order[i]];

		if (is_sampled(w))
			sample_row(w, &t, f);
		else
			call_row(w, &t, f);
		name_cell(w, &t, order[i]);
	}
	free(order);
	return printer__table(&w->to, &t, shown, n);
}

#define SUM_COLUMNS(w, what)                                                               \
	{                                                                                  \
		{ count_title(w), 20, true }, { "SELF", 16, true }, { "TOTAL", 16, true }, \
			{ what, PRINTER_NAME_COLUMNS, false },                             \
	}

static int write_files(struct report_text *w)
{
	const struct table_column columns[] = SUM_COLUMNS(w, "FILE");
	struct table t = { .columns = columns, .n = 4 };
	size_t i, shown = printer__rows(&w->to, w->r->n_files, ROWS);

	report_writer__sort_files(w->r, w->opts->sort);
	for (i = 0; i < shown; i++) {
		const struct report_file *f = &w->r->files[i];

		sum_cells(w, &t, f->calls, f->self, f->total);
		table__cell(&t, "%.*s", (int)f->name.n, f->name.n ? f->name.p : "");
	}
	return printer__table(&w->to, &t, shown, w->r->n_files);
}

static int write_here(struct report_text *w, struct report_thread *th)
{
	const struct table_column columns[] = SUM_COLUMNS(w, "FUNCTION");
	struct terminal_text name = terminal__text(th->track->name.p, PRINTER_NAME_COLUMNS);
	struct table t = { .columns = columns, .n = 4 };
	size_t i, shown = printer__rows(&w->to, th->n_functions, FEW_ROWS);

	if (!name.text)
		return -ENOMEM;
	printer__say(&w->to, "%sthread %s, tid %llu\n", th == w->r->threads ? "" : "\n", name.text,
		     (unsigned long long)th->track->tid);
	free(name.text);
	report_writer__sort_here(w->r, th, w->opts->sort);
	for (i = 0; i < shown; i++) {
		const struct report_thread_function *f = &th->functions[i];

		sum_cells(w, &t, f->calls, f->self, f->total);
		name_cell(w, &t, f->function);
	}
	return printer__table(&w->to, &t, shown, th->n_functions);
}

static int write_by_thread(struct report_text *w)
{
	size_t i;
	int err = 0;

	for (i = 0; i < w->r->n_threads && !err; i++)
		err = write_here(w, &w->r->threads[i]);
	return err;
}

/* ---- threads, outliers, trends ---------------------------------------------------------- */

static int write_threads(struct report_text *w)
{
	const struct table_column columns[] = {
		{ "TID", 12, true },	  { "PID", 12, true },	   { count_title(w), 20, true },
		{ "IN CALLS", 16, true }, { "FROM", 16, true },	   { "TO", 16, true },
		{ "LOST", 20, true },	  { "THREAD", 80, false },
	};
	struct table t = { .columns = columns, .n = 8 };
	const struct profile *p = w->r->p;
	size_t i;

	for (i = 0; i < w->r->n_threads; i++) {
		const struct report_thread *th = &w->r->threads[i];
		uint64_t first = th->track->first, last = th->track->last;

		table__cell(&t, "%llu", (unsigned long long)th->track->tid);
		table__cell(&t, "%u", th->track->pid);
		table__cell(&t, "%s", printer__count(&w->to, scaled(w, th->calls)));
		table__cell(&t, "%s", printer__ns(&w->to, (double)th->busy));
		table__cell(&t, "%s",
			    first >= p->start ? printer__ns(&w->to, (double)(first - p->start)) :
						"-");
		table__cell(&t, "%s",
			    last >= p->start ? printer__ns(&w->to, (double)(last - p->start)) :
					       "-");
		table__cell(&t, "%s", printer__count(&w->to, th->lost));
		table__cell(&t, "%s", th->track->name.p);
	}
	printer__say(&w->to, "\nTHREADS (FROM and TO: since the begin of the trace)\n");
	return table__write(&t, w->to.out);
}

static void share_cell(struct table *t, const struct report_thread *th, uint64_t part)
{
	table__cell(t, "%.1f%%", th->busy ? 100 * (double)part / (double)th->busy : 0);
}

/* What the time of threads was spent on that were sampled asleep, too. */
static int write_waiting(struct report_text *w)
{
	static const struct table_column columns[] = {
		{ "TID", 12, true },  { "RUNNING", 8, true },  { "GIL", 8, true },
		{ "LOCK", 8, true },  { "IO", 8, true },       { "SLEEP", 8, true },
		{ "OTHER", 8, true }, { "THREAD", 80, false },
	};
	struct table t = { .columns = columns, .n = 8 };
	size_t i;

	if (!w->r->has_waiting)
		return 0;
	for (i = 0; i < w->r->n_threads; i++) {
		const struct report_thread *th = &w->r->threads[i];

		table__cell(&t, "%llu", (unsigned long long)th->track->tid);
		share_cell(&t, th, report_thread__running(th));
		share_cell(&t, th, th->waiting[VTBPF_WAIT_GIL]);
		share_cell(&t, th, th->waiting[VTBPF_WAIT_LOCK]);
		share_cell(&t, th, th->waiting[VTBPF_WAIT_IO]);
		share_cell(&t, th, th->waiting[VTBPF_WAIT_SLEEP]);
		share_cell(&t, th, th->waiting[VTBPF_WAIT_OFF_CPU]);
		table__cell(&t, "%s", th->track->name.p);
	}
	printer__say(
		&w->to,
		"\nRUNNING AND WAITING: for the GIL, for other locks, for input and output, asleep, "
		"or for a CPU and what else there is\n");
	return table__write(&t, w->to.out);
}

/* The time in which anything is known of the thread. */
static double known_time(const struct profile_track *t)
{
	uint64_t first = t->first, last = t->last;

	if (t->gil_wait && t->gil_first < first)
		first = t->gil_first;
	if (t->gil_last > last)
		last = t->gil_last;
	return last > first ? (double)(last - first) : 0;
}

static int write_gil(struct report_text *w)
{
	static const struct table_column columns[] = {
		{ "TID", 12, true },
		{ "WAITED", 16, true },
		{ "SHARE", 8, true },
		{ "THREAD", 80, false },
	};
	struct table t = { .columns = columns, .n = 4 };

	if (!w->r->p->gil_watched)
		return 0;
	for (size_t i = 0; i < w->r->n_threads; i++) {
		const struct profile_track *track = w->r->threads[i].track;
		double time = known_time(track);

		table__cell(&t, "%llu", (unsigned long long)track->tid);
		table__cell(&t, "%s", printer__ns(&w->to, (double)track->gil_wait));
		table__cell(&t, "%.1f%%", time > 0 ? 100 * (double)track->gil_wait / time : 0);
		table__cell(&t, "%s", track->name.p);
	}
	printer__say(&w->to, "\nWAITING FOR THE GIL (SHARE: of the thread's time)\n");
	return table__write(&t, w->to.out);
}

static int write_outliers(struct report_text *w)
{
	static const struct table_column columns[] = {
		{ "AT", 24, true },
		{ "TOOK", 16, true },
		{ "USUALLY", 16, true },
		{ "TID", 12, true },
		{ "FUNCTION", PRINTER_NAME_COLUMNS, false },
	};
	struct table t = { .columns = columns, .n = 5 };
	size_t i, shown = printer__rows(&w->to, w->r->n_outliers, FEW_ROWS);

	if (!shown)
		return 0;
	for (i = 0; i < shown; i++) {
		const struct report_outlier *o = &w->r->outliers[i];

		table__cell(&t, "%.6f s", (double)o->start / 1e9);
		table__cell(&t, "%s", printer__ns(&w->to, (double)o->dur));
		table__cell(&t, "%s", printer__ns(&w->to, o->usual));
		table__cell(&t, "%llu", (unsigned long long)o->track->thread);
		name_cell(w, &t, o->function);
	}
	printer__say(
		&w->to,
		"\nOUTLIERS: calls far from what their function usually takes (AT: ts of the trace)\n");
	return printer__table(&w->to, &t, shown, w->r->all_outliers);
}

static void say_forecast(struct report_text *w, const struct report_drift *d)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	double threshold, until;
	size_t unit = 0;

	if (report_drift__forecast(w->r, d, &threshold, &until)) {
		for (; threshold >= 999 && unit < 3; unit++)
			threshold /= 1000;
		printer__say(&w->to, "; p99, now %s, crosses %.0f %s in about %s at this rate",
			     printer__ns(&w->to, w->r->functions[d->function].p99), threshold,
			     units[unit], printer__ns(&w->to, until));
	}
	printer__say(&w->to, "\n");
}

static int write_drift(struct report_text *w)
{
	size_t i, shown = printer__rows(&w->to, w->r->n_drift, FEW_ROWS);

	if (shown)
		printer__say(&w->to, "\nDRIFT: functions that get slower or faster\n");
	for (i = 0; i < shown; i++) {
		const struct report_drift *d = &w->r->drift[i];
		char *label = printer__name(&w->r->p->functions[d->function]);
		struct terminal_text name = { NULL, 0 };

		if (label)
			name = terminal__text(label, PRINTER_NAME_COLUMNS);
		free(label);
		if (!name.text)
			return -ENOMEM;
		printer__say(&w->to,
			     "%s %s %.3g %%/min (%+.0f %% over the trace, confidence %.2f %%)",
			     name.text, d->change > 0 ? "grows" : "shrinks",
			     fabs(d->percent_per_min), 100 * d->change,
			     floor(d->confidence * 1e4) / 100);
		free(name.text);
		say_forecast(w, d);
	}
	printer__say_more(&w->to, shown, w->r->n_drift);
	return 0;
}

/* ---- all -------------------------------------------------------------------------------- */

static void write_head(struct report_text *w)
{
	const char *unit = is_sampled(w) ? "sample" : "call";
	const struct profile *p = w->r->p;
	uint64_t n = 0, lost;
	char more[192];
	size_t i;

	for (i = 0; i < w->r->n_threads; i++)
		n += w->r->threads[i].calls;
	lost = is_sampled(w) ? p->samples_lost : p->lost;
	printer__say(&w->to, "%s %s%s in %zu thread%s, %s; %s %s%s lost\n",
		     printer__count(&w->to, n), unit, plural(n), w->r->n_threads,
		     plural(w->r->n_threads), printer__ns(&w->to, (double)(p->end - p->start)),
		     printer__count(&w->to, lost), unit, plural(lost));
	if (is_sampled(w))
		printer__say(
			&w->to,
			"Stacks were sampled: there are samples, not calls, each of %s; times are what "
			"they stand for. %s could not be read.\n",
			printer__ns(&w->to, (double)p->period),
			printer__count(&w->to, p->samples_unreadable));
	else if (p->in_windows)
		printer__say(
			&w->to,
			"Traced in windows, %.3g %% of the time: CALLS are those seen divided by that; "
			"all else is of the calls seen.\n",
			100 * p->coverage);
	if (profile_writer__left_out(p, more, sizeof(more)))
		printer__say(&w->to, "%c%s.\n", toupper(*more), more + 1);
	printer__say(&w->to, "\n");
}

static int write_rows(struct report_text *w)
{
	switch (w->opts->rows) {
	case REPORT_FILES:
		return write_files(w);
	case REPORT_THREADS:
		return write_by_thread(w);
	default:
		return write_functions(w);
	}
}

static int write_report(struct writer *w, struct profile *p)
{
	struct report r;
	struct report_text rt = {
		.r = &r,
		.opts = w->report,
		.to = { .out = &w->out, .limit = w->report->limit },
	};
	int err = report__make(&r, p);

	progress__stop(); /* its line would stand between those of the report */
	if (!err) {
		write_head(&rt);
		err = write_rows(&rt);
	}
	if (!err)
		err = write_threads(&rt);
	if (!err)
		err = write_waiting(&rt);
	if (!err)
		err = write_gil(&rt);
	if (!err)
		err = write_outliers(&rt);
	if (!err)
		err = write_drift(&rt);
	report__release(&r);
	return err;
}

const struct writer_ops report_writer = {
	.name = "report",
	.extension = "",
	.event = profile_writer__gil_wait,
	.profile = write_report,
	PROFILE_WRITER_FUNCTIONS,
};
