// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "../units.h"
#include "printer.h"

void printer__say(struct printer *p, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		p->out->err = -ENOMEM;
		return;
	}
	outbuf__write(p->out, text, (size_t)n);
	free(text);
}

static char *next_buf(struct printer *p)
{
	return p->buf[p->next++ % (sizeof(p->buf) / sizeof(p->buf[0]))];
}

const char *printer__count(struct printer *p, uint64_t n)
{
	return format_count(n, next_buf(p), sizeof(p->buf[0]));
}

const char *printer__ns(struct printer *p, double ns)
{
	return format_ns(ns, next_buf(p), sizeof(p->buf[0]));
}

size_t printer__rows(const struct printer *p, size_t n, size_t usual)
{
	size_t limit = p->limit ? p->limit : usual;

	return n < limit ? n : limit;
}

void printer__say_more(struct printer *p, size_t shown, size_t n)
{
	if (shown < n)
		printer__say(p, "... and %s more; --limit shows them\n",
			     printer__count(p, n - shown));
}

int printer__table(struct printer *p, struct table *t, size_t shown, size_t n)
{
	int err = table__write(t, p->out);

	printer__say_more(p, shown, n);
	return err;
}

char *printer__name(const struct profile_function *f)
{
	char *name = malloc(profile__label_size(f) + 1);
	size_t i, n;

	if (!name)
		return NULL;
	n = profile__put_label(f, name);
	for (i = 0; i < n; i++) {
		if (!name[i])
			name[i] = '?'; /* or what follows would be hidden */
	}
	name[n] = '\0';
	return name;
}

void printer__name_cell(struct table *t, const struct profile_function *f)
{
	char *name = printer__name(f);

	if (name)
		table__cell(t, "%s", name);
	else
		t->err = -ENOMEM;
	free(name);
}
