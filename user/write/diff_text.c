// SPDX-License-Identifier: GPL-2.0-only
/* `vtbpf diff` for people. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../units.h"
#include "diff_writer.h"
#include "table.h"

#define ROWS 50 /* unless --limit says otherwise */
#define NAME_COLUMNS 160
#define RESOLUTION_FINE 0.08 /* worth no more runs */
#define SHIFT_MIN 0.03	     /* less is not worth a line */

struct diff_text {
	const struct diff_output *o;
	struct outbuf *out;
	char buf[8][32]; /* of numbers in one row */
	unsigned int next;
};

static void say(struct diff_text *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(struct diff_text *w, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		w->out->err = -ENOMEM;
		return;
	}
	outbuf__write(w->out, text, (size_t)n);
	free(text);
}

/* Numbers as text, which holds until eight more were asked for. */
static const char *count(struct diff_text *w, double n)
{
	return format_count((uint64_t)(n + 0.5), w->buf[w->next++ % 8], sizeof(w->buf[0]));
}

static const char *ns(struct diff_text *w, double value)
{
	return format_ns(value, w->buf[w->next++ % 8], sizeof(w->buf[0]));
}

/* ---- cells ------------------------------------------------------------------------------ */

/* "before -> after", or one of them where it did not change or there is no other. */
static void pair_cell(struct table *t, const struct diff_entry *e, const char *before,
		      const char *after)
{
	if (e->function[DIFF_BEFORE] < 0)
		table__cell(t, "%s", after);
	else if (e->function[DIFF_AFTER] < 0 || !strcmp(before, after))
		table__cell(t, "%s", before);
	else
		table__cell(t, "%s -> %s", before, after);
}

/* format: count or ns. */
#define PAIR_CELL(w, t, e, format, field)                          \
	pair_cell(t, e, format(w, (e)->values[DIFF_BEFORE].field), \
		  format(w, (e)->values[DIFF_AFTER].field))

static void name_cell(struct diff_text *w, struct table *t, const struct diff_entry *e)
{
	const struct profile_function *f = diff__function(w->o->d, e);
	char *label = malloc(profile__label_size(f) + 1);
	size_t i, n = label ? profile__put_label(f, label) : 0;

	if (!label) {
		t->err = -ENOMEM;
		return;
	}
	for (i = 0; i < n; i++) {
		if (!label[i])
			label[i] = '?'; /* or what follows would be hidden */
	}
	label[n] = '\0';
	table__cell(t, "%s", label);
	free(label);
}

static void change_cells(struct table *t, const struct diff_entry *e)
{
	if (e->verdict != DIFF_SLOWER && e->verdict != DIFF_FASTER) {
		table__cell(t, "-");
		table__cell(t, "-");
		return;
	}
	table__cell(t, "%+.1f%%", 100 * e->change);
	/* Rounded down: nothing is quite sure. */
	table__cell(t, "%.2f%%", floor(fmin(e->confidence, 0.9999) * 10000) / 100);
}

/* ---- tables ----------------------------------------------------------------------------- */

static size_t rows_of(const struct diff_text *w, size_t n)
{
	size_t limit = w->o->limit ? w->o->limit : ROWS;

	return n < limit ? n : limit;
}

static void say_more(struct diff_text *w, size_t shown, size_t n)
{
	if (shown < n)
		say(w, "... and %s more; --limit shows them\n", count(w, (double)(n - shown)));
}

static int write_changed(struct diff_text *w)
{
	static const struct table_column columns[] = {
		{ "VERDICT", 8, false },
		{ "CHANGE", 10, true },
		{ "SURE", 8, true },
		{ "CALLS", 48, true },
		{ "SELF/CALL", 32, true },
		{ "SELF", 32, true },
		{ "TOTAL/CALL", 32, true },
		{ "TOTAL", 32, true },
		{ "FUNCTION", NAME_COLUMNS, false },
	};
	const struct diff *d = w->o->d;
	struct table t = { .columns = columns, .n = 9 };
	size_t i, n = d->n_entries - d->count[DIFF_SAME], shown = rows_of(w, n);
	int err;

	for (i = 0; i < shown; i++) {
		const struct diff_entry *e = &d->entries[i];

		table__cell(&t, "%s", diff__verdict_name(e->verdict));
		change_cells(&t, e);
		PAIR_CELL(w, &t, e, count, calls);
		PAIR_CELL(w, &t, e, ns, self_p50);
		PAIR_CELL(w, &t, e, ns, self);
		PAIR_CELL(w, &t, e, ns, p50);
		PAIR_CELL(w, &t, e, ns, total);
		name_cell(w, &t, e);
	}
	err = table__write(&t, w->out);
	say_more(w, shown, n);
	return err;
}

/* Samples know no calls. */
static int write_sampled(struct diff_text *w)
{
	static const struct table_column columns[] = {
		{ "VERDICT", 8, false },
		{ "CHANGE", 10, true },
		{ "SURE", 8, true },
		{ "SAMPLES", 48, true },
		{ "SELF", 32, true },
		{ "TOTAL", 32, true },
		{ "FUNCTION", NAME_COLUMNS, false },
	};
	const struct diff *d = w->o->d;
	struct table t = { .columns = columns, .n = 7 };
	size_t i, n = d->n_entries - d->count[DIFF_SAME], shown = rows_of(w, n);
	int err;

	for (i = 0; i < shown; i++) {
		const struct diff_entry *e = &d->entries[i];

		table__cell(&t, "%s", diff__verdict_name(e->verdict));
		change_cells(&t, e);
		PAIR_CELL(w, &t, e, count, calls);
		PAIR_CELL(w, &t, e, ns, self);
		PAIR_CELL(w, &t, e, ns, total);
		name_cell(w, &t, e);
	}
	err = table__write(&t, w->out);
	say_more(w, shown, n);
	return err;
}

/* What is called more or less often and is not in the first table. */
static int write_calls(struct diff_text *w)
{
	static const struct table_column columns[] = {
		{ "CALLS", 48, true },
		{ "SELF", 32, true },
		{ "FUNCTION", NAME_COLUMNS, false },
	};
	const struct diff *d = w->o->d;
	struct table t = { .columns = columns, .n = 3 };
	size_t i, n = 0, shown = 0;
	int err;

	for (i = 0; i < d->n_entries; i++)
		n += d->entries[i].calls_changed && d->entries[i].verdict == DIFF_SAME;
	if (!n)
		return 0;
	say(w, "\nCALLED MORE OR LESS OFTEN\n");
	for (i = 0; i < d->n_entries && shown < rows_of(w, n); i++) {
		const struct diff_entry *e = &d->entries[i];

		if (!e->calls_changed || e->verdict != DIFF_SAME)
			continue;
		PAIR_CELL(w, &t, e, count, calls);
		PAIR_CELL(w, &t, e, ns, self);
		name_cell(w, &t, e);
		shown++;
	}
	err = table__write(&t, w->out);
	say_more(w, shown, n);
	return err;
}

/* ---- all -------------------------------------------------------------------------------- */

char *diff_text__summary(const struct diff *d)
{
	const char *sep = "";
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	int i;

	if (!f)
		return NULL;
	if (d->count[DIFF_SAME] == d->n_entries)
		fputs("no function changed", f);
	for (i = 0; i < DIFF_SAME; i++) {
		if (!d->count[i])
			continue;
		fprintf(f, "%s%zu %s", sep, d->count[i], diff__verdict_name(i));
		sep = ", ";
	}
	fprintf(f, " (%zu compared, %zu %s too seldom to tell)", d->n_judged, d->n_unjudged,
		diff__is_sampled(d) ? "sampled" : "called");
	if (!fclose(f))
		return text;
	free(text);
	return NULL;
}

static void say_summary(struct diff_text *w)
{
	const struct diff *d = w->o->d;
	char *summary = diff_text__summary(d);

	say(w, "%s\n", summary ? summary : "");
	free(summary);
	if (d->resolution > 0)
		say(w, "these runs tell changes of about %.0f%% and more%s\n",
		    ceil(100 * d->resolution),
		    d->resolution > RESOLUTION_FINE ? "; more runs of each tell smaller ones (-- "
						      "between them)" :
						      "");
	if (fabs(d->shift) >= SHIFT_MIN)
		say(w,
		    "all together %.1f%% %s, as from another machine or load; verdicts are "
		    "about what goes beyond what all functions share\n",
		    100 * fabs(d->shift), d->shift > 0 ? "slower" : "faster");
}

static int write_text(const struct diff_output *o, struct outbuf *out)
{
	struct diff_text w = { .o = o, .out = out };
	const struct diff *d = o->d;
	int err = 0;

	say_summary(&w);
	if (d->count[DIFF_SAME] < d->n_entries) {
		say(&w, "\n");
		err = diff__is_sampled(d) ? write_sampled(&w) : write_changed(&w);
	}
	return err ? err : write_calls(&w);
}

const struct diff_format diff_text = {
	.name = "text",
	.extension = ".txt",
	.write = write_text,
};
