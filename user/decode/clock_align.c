// SPDX-License-Identifier: GPL-2.0-only
#include "clock_align.h"

#include <stdlib.h>
#include <string.h>

/* ---- clocks ----------------------------------------------------------------------------- */

/* Which inputs are of one clock is written into `clock`: the number of the first of them. */
struct clocks {
	struct clock_input *in;
	size_t n;
};

const struct clock_pair *clock_align__best_pair(const struct clock_input *in)
{
	const struct clock_pair *best = NULL;

	for (size_t i = 0; i < in->n_pairs; i++) {
		if (!best || in->pairs[i].error <= best->error)
			best = &in->pairs[i];
	}
	return best;
}

static const struct clock_pair *pair_of_clock(const struct clocks *c, size_t clock)
{
	const struct clock_pair *best = NULL, *pair;

	for (size_t i = clock; i < c->n; i++) {
		pair = c->in[i].clock == clock ? clock_align__best_pair(&c->in[i]) : NULL;
		if (pair && (!best || pair->error < best->error))
			best = pair;
	}
	return best;
}

/* How wrong the pair may be: what it says of itself, or what others of the same clock tell. */
static int64_t error_of_clock(const struct clocks *c, size_t clock)
{
	const struct clock_pair *best = pair_of_clock(c, clock);
	int64_t spread = 0;

	for (size_t i = clock; i < c->n; i++) {
		for (size_t k = 0; c->in[i].clock == clock && k < c->in[i].n_pairs; k++) {
			int64_t apart = llabs(c->in[i].pairs[k].offset - best->offset);

			spread = apart > spread ? apart : spread;
		}
	}
	return best->error + spread;
}

static void group_by_boot(struct clocks *c)
{
	for (size_t i = 0; i < c->n; i++) {
		struct clock_input *in = &c->in[i];

		in->clock = i;
		for (size_t k = 0; in->boot && k < i; k++) {
			if (c->in[k].boot && !strcmp(c->in[k].boot, in->boot)) {
				in->clock = c->in[k].clock;
				break;
			}
		}
	}
}

/* The clock that one of unknown machine is of, as far as can be told: the nearest. */
static size_t nearest_clock(const struct clocks *c, size_t i)
{
	const struct clock_pair *own = clock_align__best_pair(&c->in[i]), *pair;
	int64_t apart, least = CLOCK_SAME + 1;
	size_t nearest = i;

	for (size_t k = 0; k < c->n; k++) {
		if (c->in[k].clock != k || k == i || (!c->in[k].boot && k > i))
			continue;
		pair = pair_of_clock(c, k);
		apart = pair ? llabs(pair->offset - own->offset) : CLOCK_UNKNOWN;
		if (apart < least) {
			least = apart;
			nearest = k;
		}
	}
	return nearest;
}

/* One that says nothing at all is of the first clock of which something is known. */
static size_t first_clock(const struct clocks *c)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->in[i].boot || c->in[i].n_pairs)
			return c->in[i].clock;
	}
	return 0;
}

/* `clock` is the number of the first input of it. */
static void number_clocks(struct clocks *c)
{
	for (size_t i = 0; i < c->n; i++) {
		size_t old = c->in[i].clock;

		if (old <= i)
			continue;
		for (size_t k = i; k < c->n; k++) {
			if (c->in[k].clock == old)
				c->in[k].clock = i;
		}
	}
}

static void find_clocks(struct clocks *c)
{
	size_t i;

	group_by_boot(c);
	for (i = 0; i < c->n; i++) {
		c->in[i].basis = c->in[i].boot ? CLOCK_SAME_BOOT : CLOCK_ASSUMED;
		if (!c->in[i].boot && c->in[i].n_pairs)
			c->in[i].clock = nearest_clock(c, i);
	}
	for (i = 0; i < c->n; i++) {
		if (!c->in[i].boot && !c->in[i].n_pairs)
			c->in[i].clock = first_clock(c);
	}
	number_clocks(c);
}

/* ---- by host ---------------------------------------------------------------------------- */

/* Does an event of the input lie before the zero of the clock? */
static bool is_before(const struct clocks *c, const struct clock_input *in, size_t clock)
{
	const struct clock_pair *to = pair_of_clock(c, clock), *from = pair_of_clock(c, in->clock);

	return in->clock != clock && in->first != CLOCK_UNKNOWN && to && from &&
	       in->first + from->offset < to->offset;
}

static size_t choose_clock(const struct clocks *c)
{
	size_t chosen = c->in[0].clock, earliest = chosen;
	const struct clock_pair *pair, *least = pair_of_clock(c, chosen);
	bool before = false;

	for (size_t i = 0; i < c->n; i++) {
		before |= is_before(c, &c->in[i], chosen);
		pair = pair_of_clock(c, c->in[i].clock);
		if (pair && least && pair->offset < least->offset) {
			least = pair;
			earliest = c->in[i].clock;
		}
	}
	return before ? earliest : chosen;
}

static bool is_known(const struct clocks *c, size_t clock)
{
	for (size_t i = clock; i < c->n; i++) {
		if (c->in[i].clock == clock && c->in[i].boot)
			return true;
	}
	return false;
}

/* How far off it may be that an input that does not say its machine is of the clock it was given. */
static int64_t assumption_error(const struct clocks *c, const struct clock_input *in)
{
	const struct clock_pair *own = clock_align__best_pair(in);
	const struct clock_pair *clock = pair_of_clock(c, in->clock);

	if (in->boot || (in == &c->in[in->clock] && !is_known(c, in->clock)))
		return 0;
	return own && clock ? llabs(own->offset - clock->offset) : CLOCK_UNKNOWN;
}

static void shift_by_wall(const struct clocks *c, struct clock_input *in, size_t clock)
{
	const struct clock_pair *to = pair_of_clock(c, clock), *from = pair_of_clock(c, in->clock);

	in->shift = 0;
	in->uncertainty = assumption_error(c, in);
	if (in->clock == clock)
		return;
	in->basis = to && from ? CLOCK_WALL : CLOCK_NO_WAY;
	if (!to || !from) {
		in->uncertainty = CLOCK_UNKNOWN;
		return;
	}
	in->shift = from->offset - to->offset;
	if (in->uncertainty != CLOCK_UNKNOWN)
		in->uncertainty += error_of_clock(c, clock) + error_of_clock(c, in->clock);
}

/* ---- by an event ------------------------------------------------------------------------ */

static int64_t event_of(const struct clock_input *in, enum clock_mode mode)
{
	return mode == CLOCK_BY_START ? in->first : in->marker;
}

static void shift_by_event(struct clocks *c, enum clock_mode mode)
{
	int64_t to = CLOCK_UNKNOWN, least = 0, at;
	size_t i;

	for (i = 0; i < c->n && to == CLOCK_UNKNOWN; i++)
		to = event_of(&c->in[i], mode);
	for (i = 0; i < c->n; i++) {
		struct clock_input *in = &c->in[i];

		at = event_of(in, mode);
		in->basis = mode == CLOCK_BY_START ? CLOCK_START : CLOCK_MARKER;
		in->shift = at == CLOCK_UNKNOWN ? 0 : to - at;
		in->uncertainty = i ? CLOCK_UNKNOWN : 0;
		if (in->first != CLOCK_UNKNOWN && in->first + in->shift < least)
			least = in->first + in->shift;
	}
	for (i = 0; i < c->n; i++)
		c->in[i].shift -= least;
}

void clock_align__solve(struct clock_input *in, size_t n, enum clock_mode mode)
{
	struct clocks c = { in, n };
	size_t clock;

	find_clocks(&c);
	if (mode != CLOCK_BY_HOST) {
		shift_by_event(&c, mode);
		return;
	}
	clock = n ? choose_clock(&c) : 0;
	for (size_t i = 0; i < n; i++)
		shift_by_wall(&c, &in[i], clock);
}
