// SPDX-License-Identifier: GPL-2.0-only
/* Which functions are called more often, or less. One trace may be longer than the other: that is common
 * to all. */
#include <math.h>

#include "diff_parts.h"

#define CALLS_FACTOR 1.5 /* called so much more often is worth a line */
#define CALLS_SIGMA 3

static bool has_both(const struct diff_entry *e)
{
	return e->values[DIFF_BEFORE].calls > 0 && e->values[DIFF_AFTER].calls > 0;
}

void diff_calls__judge(struct diff *d, double *value)
{
	struct diff_entry *e;
	double shift, a, b;
	size_t i, n = 0;

	for (i = 0; i < d->n_entries; i++) {
		e = &d->entries[i];
		if (e->judged && has_both(e))
			value[n++] =
				log(e->values[DIFF_AFTER].calls / e->values[DIFF_BEFORE].calls);
	}
	diff_stats__sort(value, n);
	shift = diff_stats__common(value, n);
	for (i = 0; i < d->n_entries; i++) {
		e = &d->entries[i];
		if (!has_both(e))
			continue;
		a = e->values[DIFF_AFTER].calls * exp(-shift);
		b = e->values[DIFF_BEFORE].calls;
		e->calls_changed = fabs(log(a / b)) >= log(CALLS_FACTOR) &&
				   fabs(a - b) >= CALLS_SIGMA * sqrt(a + b);
	}
}
