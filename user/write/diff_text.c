// SPDX-License-Identifier: GPL-2.0-only
/* `vtbpf diff` for people. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diff_writer.h"
#include "printer.h"

#define ROWS 50		     /* unless --limit says otherwise */
#define RESOLUTION_FINE 0.08 /* worth no more runs */
#define SHIFT_MIN 0.03	     /* less is not worth a line */

struct diff_text {
	const struct diff_output *o;
	struct printer to;
};

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

static void count_cell(struct diff_text *w, struct table *t, const struct diff_entry *e)
{
	pair_cell(t, e, printer__count(&w->to, (uint64_t)(e->values[DIFF_BEFORE].calls + 0.5)),
		  printer__count(&w->to, (uint64_t)(e->values[DIFF_AFTER].calls + 0.5)));
}

#define NS_CELL(w, t, e, field)                                                \
	pair_cell(t, e, printer__ns(&(w)->to, (e)->values[DIFF_BEFORE].field), \
		  printer__ns(&(w)->to, (e)->values[DIFF_AFTER].field))

static void name_cell(const struct diff_text *w, struct table *t, const struct diff_entry *e)
{
	printer__name_cell(t, diff__function(w->o->d, e));
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

static const struct table_column call_columns[] = {
	{ "VERDICT", 8, false },
	{ "CHANGE", 10, true },
	{ "SURE", 8, true },
	{ "CALLS", 48, true },
	{ "SELF/CALL", 32, true },
	{ "SELF", 32, true },
	{ "TOTAL/CALL", 32, true },
	{ "TOTAL", 32, true },
	{ "FUNCTION", PRINTER_NAME_COLUMNS, false },
};

/* Samples know no calls. */
static const struct table_column sample_columns[] = {
	{ "VERDICT", 8, false },
	{ "CHANGE", 10, true },
	{ "SURE", 8, true },
	{ "SAMPLES", 48, true },
	{ "SELF", 32, true },
	{ "TOTAL", 32, true },
	{ "FUNCTION", PRINTER_NAME_COLUMNS, false },
};

static int write_changed(struct diff_text *w)
{
	const struct diff *d = w->o->d;
	bool sampled = diff__is_sampled(d);
	struct table t = { .columns = call_columns, .n = 9 };
	size_t i, n = d->n_entries - d->count[DIFF_SAME], shown = printer__rows(&w->to, n, ROWS);

	if (sampled)
		t = (struct table){ .columns = sample_columns, .n = 7 };
	for (i = 0; i < shown; i++) {
		const struct diff_entry *e = &d->entries[i];

		table__cell(&t, "%s", diff__verdict_name(e->verdict));
		change_cells(&t, e);
		count_cell(w, &t, e);
		if (!sampled)
			NS_CELL(w, &t, e, self_p50);
		NS_CELL(w, &t, e, self);
		if (!sampled)
			NS_CELL(w, &t, e, p50);
		NS_CELL(w, &t, e, total);
		name_cell(w, &t, e);
	}
	return printer__table(&w->to, &t, shown, n);
}

/* What is called more or less often and is not in the first table. */
static int write_calls(struct diff_text *w)
{
	static const struct table_column columns[] = {
		{ "CALLS", 48, true },
		{ "SELF", 32, true },
		{ "FUNCTION", PRINTER_NAME_COLUMNS, false },
	};
	const struct diff *d = w->o->d;
	struct table t = { .columns = columns, .n = 3 };
	size_t i, n = 0, shown = 0;

	for (i = 0; i < d->n_entries; i++)
		n += d->entries[i].calls_changed && d->entries[i].verdict == DIFF_SAME;
	if (!n)
		return 0;
	printer__say(&w->to, "\nCALLED MORE OR LESS OFTEN\n");
	for (i = 0; i < d->n_entries && shown < printer__rows(&w->to, n, ROWS); i++) {
		const struct diff_entry *e = &d->entries[i];

		if (!e->calls_changed || e->verdict != DIFF_SAME)
			continue;
		count_cell(w, &t, e);
		NS_CELL(w, &t, e, self);
		name_cell(w, &t, e);
		shown++;
	}
	return printer__table(&w->to, &t, shown, n);
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

	printer__say(&w->to, "%s\n", summary ? summary : "");
	free(summary);
	if (d->resolution > 0)
		printer__say(&w->to, "these runs tell changes of about %.0f%% and more%s\n",
			     ceil(100 * d->resolution),
			     d->resolution > RESOLUTION_FINE ?
				     "; more runs of each tell smaller ones (-- "
				     "between them)" :
				     "");
	if (fabs(d->shift) >= SHIFT_MIN)
		printer__say(
			&w->to,
			"all together %.1f%% %s, as from another machine or load; verdicts are "
			"about what goes beyond what all functions share\n",
			100 * fabs(d->shift), d->shift > 0 ? "slower" : "faster");
}

static int write_text(const struct diff_output *o, struct outbuf *out)
{
	struct diff_text w = { .o = o, .to = { .out = out, .limit = o->limit } };
	const struct diff *d = o->d;
	int err = 0;

	say_summary(&w);
	if (d->count[DIFF_SAME] < d->n_entries) {
		printer__say(&w.to, "\n");
		err = write_changed(&w);
	}
	return err ? err : write_calls(&w);
}

const struct diff_format diff_text = {
	.name = "text",
	.extension = ".txt",
	.write = write_text,
};
