/* SPDX-License-Identifier: GPL-2.0-only */
/* Tables for people: columns as wide as they need be, and no cell of a kind that a terminal would obey. */
#ifndef VTBPF_TABLE_H
#define VTBPF_TABLE_H

#include <stdbool.h>

#include "outbuf.h"
#include "terminal.h"

struct table_column {
	const char *title;
	size_t max; /* columns of the terminal; what is longer is cut */
	bool right;
};

/* columns and n are the caller's to set, the rest is zeroed. */
struct table {
	const struct table_column *columns;
	size_t n;
	struct terminal_text *cells; /* row by row, n each */
	size_t n_cells, room;
	int err; /* -ENOMEM */
};

/* The next cell, from left to right. */
void table__cell(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Writes titles and rows, and frees the rows. 0 or -ENOMEM. */
int table__write(struct table *t, struct outbuf *out);

#endif
