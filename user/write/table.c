// SPDX-License-Identifier: GPL-2.0-only
#include "table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "../array.h"

#define GAP 2 /* columns between two columns */

static struct terminal_text *next_cell(struct table *t)
{
	if (ARRAY_RESERVE(t->cells, t->room, t->n_cells + 1))
		return NULL;
	return &t->cells[t->n_cells];
}

void table__cell(struct table *t, const char *fmt, ...)
{
	struct terminal_text *cell = next_cell(t);
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (cell && text) {
		*cell = terminal__text(text, t->columns[t->n_cells % t->n].max);
		if (cell->text)
			t->n_cells++;
		else
			cell = NULL;
	}
	if (!cell || !text)
		t->err = -ENOMEM;
	free(text);
}

static void pad(struct outbuf *out, size_t n)
{
	while (n--)
		outbuf__write(out, " ", 1);
}

static void write_cell(struct outbuf *out, const struct table *t, size_t column, size_t width,
		       const struct terminal_text *cell)
{
	size_t more = width - cell->columns;
	bool last = column == t->n - 1;

	if (t->columns[column].right)
		pad(out, more);
	outbuf__write(out, cell->text, strlen(cell->text));
	if (last)
		outbuf__write(out, "\n", 1);
	else
		pad(out, GAP + (t->columns[column].right ? 0 : more));
}

static void write_rows(const struct table *t, const size_t *width, struct outbuf *out)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		const struct terminal_text title = { (char *)t->columns[i].title,
						     strlen(t->columns[i].title) };

		write_cell(out, t, i, width[i], &title);
	}
	for (i = 0; i < t->n_cells; i++)
		write_cell(out, t, i % t->n, width[i % t->n], &t->cells[i]);
}

int table__write(struct table *t, struct outbuf *out)
{
	size_t *width = calloc(t->n, sizeof(*width)), i;
	int err = width ? t->err : -ENOMEM;

	for (i = 0; width && i < t->n; i++)
		width[i] = strlen(t->columns[i].title);
	for (i = 0; width && i < t->n_cells; i++) {
		if (t->cells[i].columns > width[i % t->n])
			width[i % t->n] = t->cells[i].columns;
	}
	if (!err)
		write_rows(t, width, out);
	for (i = 0; i < t->n_cells; i++)
		free(t->cells[i].text);
	free(t->cells);
	free(width);
	t->cells = NULL;
	t->n_cells = t->room = 0;
	return err;
}
