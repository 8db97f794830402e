// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which function of the one version is which of the other? Lines move when a file is edited, directories
 * differ between checkouts, and functions are moved to other files: what is the same is looked for with
 * less and less of the name, each time among those that have found no partner so far.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "diff_parts.h"

enum key {
	BY_FILE,      /* name and file, in order of lines where there are as many on both sides */
	BY_LINE,      /* name, file and line */
	BY_LAST_PART, /* name and the file's last component, in order of lines */
	BY_NAME,      /* the name, where it is one on both sides */
	KEYS
};

struct candidate {
	const struct profile_function *f;
	uint32_t function;
	unsigned char side;
	bool taken;
};

struct matching {
	struct diff *d;
	struct candidate *c;
	size_t n;
	enum key key;
};

static struct profile_text last_part(const struct profile_text *path)
{
	const char *slash = path->n ? memrchr(path->p, '/', path->n) : NULL;

	if (!slash)
		return *path;
	return (struct profile_text){ slash + 1, path->n - (size_t)(slash + 1 - path->p) };
}

static int compare_text(const struct profile_text *a, const struct profile_text *b)
{
	size_t n = a->n < b->n ? a->n : b->n;
	int by = n ? memcmp(a->p, b->p, n) : 0;

	return by ? by : (a->n > b->n) - (a->n < b->n);
}

static int compare_file(enum key key, const struct profile_text *a, const struct profile_text *b)
{
	struct profile_text x = *a, y = *b;

	if (key == BY_NAME)
		return 0;
	if (key == BY_LAST_PART) {
		x = last_part(a);
		y = last_part(b);
	}
	return compare_text(&x, &y);
}

/* 0: they may be the same. */
static int compare_keys(enum key key, const struct candidate *a, const struct candidate *b)
{
	int by = compare_text(&a->f->name, &b->f->name);

	if (!by)
		by = compare_file(key, &a->f->file, &b->f->file);
	if (!by && key == BY_LINE)
		by = (a->f->line > b->f->line) - (a->f->line < b->f->line);
	return by;
}

/* Those that have a partner last; else by key, side and line. */
static int by_key(const void *a, const void *b, void *arg)
{
	const struct candidate *x = a, *y = b;
	const struct matching *m = arg;
	int by;

	if (x->taken != y->taken)
		return x->taken - y->taken;
	by = compare_keys(m->key, x, y);
	if (!by)
		by = x->side - y->side;
	if (!by)
		by = (x->f->line > y->f->line) - (x->f->line < y->f->line);
	return by ? by : (x->function > y->function) - (x->function < y->function);
}

static void add_entry(struct diff *d, const struct candidate *before, const struct candidate *after)
{
	struct diff_entry *e = &d->entries[d->n_entries++];

	e->function[DIFF_BEFORE] = before ? (int64_t)before->function : -1;
	e->function[DIFF_AFTER] = after ? (int64_t)after->function : -1;
}

/* n candidates of one key, BEFORE's first. */
static void pair_group(struct matching *m, struct candidate *c, size_t n)
{
	size_t before = 0, i;

	while (before < n && c[before].side == DIFF_BEFORE)
		before++;
	if (2 * before != n || (m->key == BY_NAME && before > 1))
		return;
	for (i = 0; i < before; i++) {
		add_entry(m->d, &c[i], &c[before + i]);
		c[i].taken = c[before + i].taken = true;
	}
}

static void pair(struct matching *m)
{
	size_t i, end;

	if (m->n)
		qsort_r(m->c, m->n, sizeof(*m->c), by_key, m);
	for (i = 0; i < m->n && !m->c[i].taken; i = end) {
		end = i + 1;
		while (end < m->n && !m->c[end].taken &&
		       !compare_keys(m->key, &m->c[i], &m->c[end]))
			end++;
		pair_group(m, &m->c[i], end - i);
	}
}

static void add_alone(struct matching *m)
{
	const struct candidate *c;
	size_t i;

	for (i = 0; i < m->n; i++) {
		c = &m->c[i];
		if (!c->taken)
			add_entry(m->d, c->side == DIFF_BEFORE ? c : NULL,
				  c->side == DIFF_AFTER ? c : NULL);
	}
}

static bool has_calls(const struct diff_side *side, size_t function)
{
	const struct diff_measure *m;
	size_t k;

	for (k = 0; k < side->n_runs; k++) {
		m = diff_run__measure(&side->runs[k], (int64_t)function);
		if (m && (m->values.calls > 0 || m->values.self > 0))
			return true;
	}
	return false;
}

static void collect(struct matching *m, unsigned char which)
{
	const struct diff_side *side = &m->d->side[which];
	size_t i;

	for (i = 0; i < side->names->n_functions; i++) {
		if (has_calls(side, i))
			m->c[m->n++] = (struct candidate){ &side->names->functions[i], (uint32_t)i,
							   which, false };
	}
}

int diff_names__match(struct diff *d)
{
	size_t all = d->side[0].names->n_functions + d->side[1].names->n_functions;
	struct matching m = { .d = d };

	m.c = calloc(all + 1, sizeof(*m.c));
	d->entries = calloc(all + 1, sizeof(*d->entries));
	if (!m.c || !d->entries) {
		free(m.c);
		return -ENOMEM;
	}
	collect(&m, DIFF_BEFORE);
	collect(&m, DIFF_AFTER);
	for (m.key = 0; m.key < KEYS; m.key++)
		pair(&m);
	add_alone(&m);
	free(m.c);
	return 0;
}
