/* SPDX-License-Identifier: GPL-2.0-only */
/* Text for people: sentences, numbers as they are read, and tables cut to so many rows. */
#ifndef VTBPF_PRINTER_H
#define VTBPF_PRINTER_H

#include "../decode/profile.h"
#include "table.h"

#define PRINTER_NAME_COLUMNS 160 /* of a function */

/* out and limit are the caller's to set, the rest is zeroed. Errors stick in out and in tables. */
struct printer {
	struct outbuf *out;
	uint64_t limit;	 /* rows, as --limit says; 0: not asked for */
	char buf[8][32]; /* of numbers */
	unsigned int next;
};

void printer__say(struct printer *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Numbers as text, which holds until eight more were asked for. */
const char *printer__count(struct printer *p, uint64_t n);
const char *printer__ns(struct printer *p, double ns);

/* How many of n rows are shown, where it is `usual` that are without --limit. */
size_t printer__rows(const struct printer *p, size_t n, size_t usual);

/* Writes a line about the rows that are not shown. */
void printer__say_more(struct printer *p, size_t shown, size_t n);

/* Writes the table, and a line about the rows that are not in it. 0 or -ENOMEM. */
int printer__table(struct printer *p, struct table *t, size_t shown, size_t n);

/* The function as the trace names it, printable; the caller's to free, NULL when out of memory. */
char *printer__name(const struct profile_function *f);

void printer__name_cell(struct table *t, const struct profile_function *f);

#endif
