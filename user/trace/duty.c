// SPDX-License-Identifier: GPL-2.0-only
#include "duty.h"

#define FIRST_EDGE_NS 40000000ULL /* before one was measured: an attach and a detach */
#define EDGE_SHARE 4		  /* at least so many times that shall pass between two windows */
#define SHORTEST_NS 250000000ULL  /* period */
#define MIN_WINDOW_NS 2000000ULL

void duty__init(struct duty *d, double fraction, uint64_t longest, uint64_t seed)
{
	*d = (struct duty){
		.fraction = fraction,
		.longest = longest > SHORTEST_NS ? longest : SHORTEST_NS,
		.edge = FIRST_EDGE_NS,
		.random = seed,
	};
}

void duty__note_edge(struct duty *d, uint64_t ns)
{
	d->edge = (d->edge * 3 + ns) / 4;
}

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014) */
static uint64_t next_random(struct duty *d)
{
	uint64_t z = d->random += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/*
 * Long enough that what lies between two windows is some times what detaching and attaching take; and
 * no shorter than a window that is worth it.
 */
static uint64_t choose_period(const struct duty *d)
{
	double period = EDGE_SHARE * d->edge / d->fraction;
	double gap = EDGE_SHARE * d->edge / (1 - d->fraction);

	if (period > d->longest)
		period = d->longest;
	if (period < gap)
		period = gap;
	if (period * d->fraction < MIN_WINDOW_NS)
		period = MIN_WINDOW_NS / d->fraction;
	return period < SHORTEST_NS ? SHORTEST_NS : period;
}

static void begin_period(struct duty *d, uint64_t at)
{
	uint64_t mean = choose_period(d), window;
	uint64_t period = mean * 3 / 4 + next_random(d) % (mean / 2 + 1);

	window = period * d->fraction;
	d->period_end = at + period;
	d->from = at + next_random(d) % (period - window + 1);
	d->until = d->from + window;
}

bool duty__is_on(struct duty *d, uint64_t now)
{
	if (!d->period_end || now > d->period_end + d->longest) /* first, or after a pause */
		begin_period(d, now);
	while (now >= d->period_end)
		begin_period(d, d->period_end);
	return now >= d->from && now < d->until;
}

uint64_t duty__next(const struct duty *d, uint64_t now)
{
	return now < d->from ? d->from : now < d->until ? d->until : d->period_end;
}
