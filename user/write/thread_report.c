// SPDX-License-Identifier: GPL-2.0-only
#include "thread_report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "json_writer.h"
#include "terminal.h"

/* ---- table ------------------------------------------------------------------------------ */

#define NONE "-"
#define MAX_FRAME 240 /* columns; a name may have a hundred thousand characters */

enum column { TID, NS_TID, IDENT, NAME, COMM, DAEMON, STATE, CPU, FRAME, N_COLUMNS };

static const struct {
	const char *title;
	size_t max;
	bool right;
} columns[N_COLUMNS] = {
	[TID] = { "TID", 12, true },
	[NS_TID] = { "NS-TID", 12, true },
	[IDENT] = { "IDENT", 20, false },
	[NAME] = { "NAME", 32, false },
	[COMM] = { "COMM", 16, false },
	[DAEMON] = { "DAEMON", 6, false },
	[STATE] = { "STATE", 40, false },
	[CPU] = { "CPU", 16, true },
	[FRAME] = { "FRAME", MAX_FRAME, false },
};

struct row {
	struct terminal_text cell[N_COLUMNS];
};

static void set(struct row *row, enum column c, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void set(struct row *row, enum column c, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (text)
		row->cell[c] = terminal__text(text, columns[c].max);
	free(text);
}

static void set_frame(struct row *row, const struct live_thread *t)
{
	if (!t->function)
		set(row, FRAME, "%s", t->python ? NONE : "native");
	else if (!t->file)
		set(row, FRAME, "%s", t->function);
	else if (!t->line)
		set(row, FRAME, "%s (%s)", t->function, t->file);
	else
		set(row, FRAME, "%s (%s:%u)", t->function, t->file, t->line);
}

static void set_row(struct row *row, const struct live_thread *t)
{
	static const char *const daemon[] = {
		[LIVE_NO] = "no", [LIVE_YES] = "yes", [LIVE_UNKNOWN] = NONE
	};

	set(row, NAME, "%s", t->name ? t->name : NONE);
	if (t->ns_tid)
		set(row, NS_TID, "%d", (int)t->ns_tid);
	else
		set(row, NS_TID, NONE);
	set(row, DAEMON, "%s", daemon[t->daemon]);
	if (t->ident)
		set(row, IDENT, "0x%" PRIx64, t->ident);
	else
		set(row, IDENT, NONE);
	if (t->tid) {
		set(row, TID, "%d", (int)t->tid);
		set(row, COMM, "%s", t->comm);
		set(row, STATE, "%s%s", live_state__name(t->state),
		    t->holds_gil ? " with the GIL" : "");
		set(row, CPU, "%" PRIu64 ".%02u s", t->cpu_ms / 1000,
		    (unsigned int)(t->cpu_ms % 1000 / 10));
	} else {
		set(row, TID, NONE);
		set(row, COMM, NONE);
		set(row, STATE, NONE);
		set(row, CPU, NONE);
	}
	set_frame(row, t);
}

/* A column of no width is left out. */
static void print_row(const struct row *row, const size_t *widths, FILE *out)
{
	size_t c, pad;

	for (c = 0; c < N_COLUMNS; c++) {
		if (!widths[c])
			continue;
		pad = widths[c] - row->cell[c].columns;
		if (columns[c].right)
			fprintf(out, "%*s", (int)pad, "");
		fputs(row->cell[c].text, out);
		if (c == N_COLUMNS - 1)
			break;
		fprintf(out, "%*s", (int)(columns[c].right ? 2 : pad + 2), "");
	}
	fputc('\n', out);
}

static void print_rows(const struct row *rows, size_t n, bool inner, FILE *out)
{
	size_t widths[N_COLUMNS] = { 0 }, i, c;

	for (i = 0; i < n; i++) {
		for (c = 0; c < N_COLUMNS; c++) {
			if (rows[i].cell[c].columns > widths[c])
				widths[c] = rows[i].cell[c].columns;
		}
	}
	if (!inner)
		widths[NS_TID] = 0;
	for (i = 0; i < n; i++)
		print_row(&rows[i], widths, out);
}

int thread_report__table(const struct thread_report *t, FILE *out)
{
	size_t n = t->live->n + 1, i, c;
	struct row *rows = calloc(n, sizeof(*rows));
	int err = rows ? 0 : -ENOMEM;

	for (c = 0; rows && c < N_COLUMNS; c++)
		set(&rows[0], c, "%s", columns[c].title);
	for (i = 1; rows && i < n; i++)
		set_row(&rows[i], &t->live->threads[i - 1]);
	for (i = 0; rows && i < n; i++) {
		for (c = 0; c < N_COLUMNS; c++)
			err = rows[i].cell[c].text ? err : -ENOMEM;
	}
	if (!err)
		print_rows(rows, n, t->ns_pid, out);
	for (i = 0; rows && i < n; i++) {
		for (c = 0; c < N_COLUMNS; c++)
			free(rows[i].cell[c].text);
	}
	free(rows);
	return err;
}

/* ---- JSON ------------------------------------------------------------------------------- */

static void null_field(struct json_writer *j, const char *key)
{
	json__key(j, key);
	json__raw(j, "null", 4);
}

static void str_or_null(struct json_writer *j, const char *key, const char *s)
{
	if (s)
		json__str_field(j, key, s);
	else
		null_field(j, key);
}

static void u64_or_null(struct json_writer *j, const char *key, uint64_t value, bool known)
{
	if (known)
		json__u64_field(j, key, value);
	else
		null_field(j, key);
}

static void bool_field(struct json_writer *j, const char *key, bool value)
{
	json__key(j, key);
	json__bool(j, value);
}

static void write_frame(struct json_writer *j, const struct live_thread *t)
{
	if (!t->function) {
		null_field(j, "frame");
		return;
	}
	json__key(j, "frame");
	json__open(j, '{');
	json__str_field(j, "function", t->function);
	str_or_null(j, "file", t->file);
	u64_or_null(j, "line", t->line, t->line);
	json__close(j, '}');
}

static void write_thread(struct json_writer *j, const struct live_thread *t)
{
	json__open(j, '{');
	u64_or_null(j, "tid", t->tid, t->tid);
	if (t->ns_tid)
		json__u64_field(j, "ns_tid", t->ns_tid);
	u64_or_null(j, "ident", t->ident, t->ident);
	str_or_null(j, "name", t->name);
	str_or_null(j, "comm", t->tid ? t->comm : NULL);
	if (t->daemon == LIVE_UNKNOWN)
		null_field(j, "daemon");
	else
		bool_field(j, "daemon", t->daemon == LIVE_YES);
	bool_field(j, "native", !t->python);
	str_or_null(j, "state", t->tid ? live_state__name(t->state) : NULL);
	bool_field(j, "holds_gil", t->holds_gil);
	u64_or_null(j, "cpu_ms", t->cpu_ms, t->tid);
	write_frame(j, t);
	json__close(j, '}');
}

void thread_report__json(const struct thread_report *t, struct outbuf *out)
{
	struct json_writer j;
	size_t i;

	json__init(&j, out);
	json__open(&j, '{');
	json__u64_field(&j, "pid", t->pid);
	if (t->ns_pid)
		json__u64_field(&j, "ns_pid", t->ns_pid);
	json__str_field(&j, "python", t->python);
	bool_field(&j, "free_threaded", t->free_threaded);
	json__key(&j, "threads");
	json__open(&j, '[');
	for (i = 0; i < t->live->n; i++)
		write_thread(&j, &t->live->threads[i]);
	json__close(&j, ']');
	json__close(&j, '}');
	outbuf__write(out, "\n", 1);
}
