// SPDX-License-Identifier: GPL-2.0-only
#include "sample_pace.h"

#define SECOND 1e9
#define FEW 8		/* samples tell nothing */
#define LEARN 0.3	/* so much of what is seen is believed at once */
#define LEAST_BUSY 0.25 /* it may wake up at any time */
#define CALM 0.05	/* so much of a lower need for CPU time is believed at once */
#define TOO_MUCH 1.1	/* of what is allowed, before the rate goes down ... */
#define HURRIED_NS 1000000000ULL
#define FAR_TOO_MUCH 1.7 /* at once */
#define EDGES 0.1	 /* of what is allowed may go into setting timers anew */
#define TOO_LITTLE 0.7	 /* ... and up, but not soon: */
#define SETTLED_NS 5000000000ULL

void sample_pace__init(struct sample_pace *p, uint64_t period, uint64_t cost)
{
	*p = (struct sample_pace){ .period = period, .cost = (double)cost, .busy = 1 };
}

bool sample_pace__note(struct sample_pace *p, uint32_t every, uint64_t periods, uint64_t spent)
{
	double n = every ? (double)periods / every : 0;

	if (n < FEW)
		return false;
	p->notes++;
	p->cost += (spent / n - p->cost) * (p->notes * LEARN < 1 ? 1.0 / p->notes : LEARN);
	return true;
}

void sample_pace__note_busy(struct sample_pace *p, double busy)
{
	if (busy > 1)
		busy = 1;
	if (busy < LEAST_BUSY)
		busy = LEAST_BUSY;
	p->busy = busy > p->busy ? busy : p->busy + (busy - p->busy) * CALM;
}

void sample_pace__note_edge(struct sample_pace *p, uint64_t edge)
{
	p->edge = edge;
}

/* What timers cost that fire each period, of each ns. */
static double full_share(const struct sample_pace *p)
{
	return p->cost * p->busy / p->period;
}

uint32_t sample_pace__choose(const struct sample_pace *p, double share)
{
	double every = share > 0 ? full_share(p) / share : SECOND, whole;

	if (every <= 1)
		return 1;
	if (every * p->period > SECOND)
		return 0;
	whole = (uint32_t)every;
	return whole < every ? whole + 1 : whole;
}

bool sample_pace__has_drifted(const struct sample_pace *p, uint32_t every, double share,
			      uint64_t held)
{
	double now = full_share(p) / every, calm = share > 0 ? p->edge / (share * EDGES) : 0;

	if (now > share * FAR_TOO_MUCH)
		return true;
	if (now > share * TOO_MUCH)
		return held >= HURRIED_NS && held >= calm;
	return now < share * TOO_LITTLE && held >= SETTLED_NS && held >= 2 * calm &&
	       sample_pace__choose(p, share) < every;
}

double sample_pace__hz(const struct sample_pace *p, uint32_t every)
{
	return SECOND / p->period / every;
}
