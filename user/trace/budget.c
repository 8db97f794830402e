// SPDX-License-Identifier: GPL-2.0-only
#include "budget.h"

#define SPAN_NS 10000000000ULL
#define AIM 0.86     /* of the limit is spent in the long run: costs are known to some percent */
#define CEILING 0.96 /* of the limit in any 10 s */
#define SAVED_NS 2000000000.0 /* no more comes together than in so much time */
#define WINDOW_NS \
	1500000000.0 /* a window is to cost no more than comes together in so much time ... */
#define EDGES 5	     /* ... and so many times its edges */
#define SHORTEST_NS 2000000.0 /* window worth the name */
#define LEAST_INTENSITY 0.01
#define SURE 0.7 /* of the limit: a window that costs no more than that fits again */
#define FREE 0.8 /* of what may be lost in 10 s: samples begin again when it is no more */

void budget__init(struct budget *b, double stated, uint64_t start, const struct budget_guess *guess)
{
	*b = (struct budget){
		.stated = stated,
		.start = start,
		.last = start,
		.bucket_no = start / BUDGET_BUCKET_NS,
		.guess = *guess,
		.random = start,
		.jitter = 1,
	};
}

/* ---- what a window will cost ------------------------------------------------------------ */

static void take_more(double *known, double seen, double share)
{
	*known = seen > *known ? seen : *known + (seen - *known) * share;
}

void budget__note_intensity(struct budget *b, double intensity)
{
	if (intensity > 1)
		intensity = 1;
	take_more(&b->guess.intensity, intensity, 0.1);
}

/* How long the target was probed, by what it spent meanwhile: nobody sees the moment in which the last
 * breakpoint goes. */
static uint64_t trapped(uint64_t known, uint64_t spent, double intensity)
{
	double ns = known;

	if (intensity > 0.02)
		take_more(&ns, spent / intensity, 0.1);
	return ns;
}

void budget__note_window(struct budget *b, const struct budget_window *w)
{
	double intensity = w->recorded ? (double)w->spent_recording / w->recorded : 0;

	budget__note_intensity(b, intensity);
	b->guess.attach_trap = trapped(b->guess.attach_trap, w->spent_attach, intensity);
	b->guess.detach_trap = trapped(b->guess.detach_trap, w->spent_detach, intensity);
	if (b->guess.detach_trap > w->detach_took)
		b->guess.detach_trap = w->detach_took;
}

static double intensity_of(const struct budget *b)
{
	return b->guess.intensity > LEAST_INTENSITY ? b->guess.intensity : LEAST_INTENSITY;
}

static double end_cost(const struct budget *b)
{
	return BUDGET_EDGE_NS / 2.0 + b->guess.detach_trap * intensity_of(b);
}

static double edges_cost(const struct budget *b)
{
	return BUDGET_EDGE_NS / 2.0 + b->guess.attach_trap * intensity_of(b) + end_cost(b);
}

static double least_cost(const struct budget *b)
{
	return edges_cost(b) + SHORTEST_NS * intensity_of(b);
}

static double ceiling(const struct budget *b)
{
	return b->stated * CEILING * SPAN_NS;
}

/* What a window is to cost. */
static double choose_cost(const struct budget *b)
{
	double cost = edges_cost(b) * EDGES * b->jitter, most = b->stated * AIM * WINDOW_NS;
	double least = least_cost(b);

	if (cost > most)
		cost = most;
	return cost > least ? cost : least;
}

/* splitmix64: windows shall not keep step with the target. */
static double draw_jitter(struct budget *b)
{
	uint64_t z = b->random += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return 0.6 + 0.8 * ((z ^ z >> 31) >> 11) / 9007199254740992.0;
}

/* ---- the account ------------------------------------------------------------------------ */

static void advance(struct budget *b, uint64_t now)
{
	uint64_t no = now / BUDGET_BUCKET_NS;
	double most = b->stated * AIM * SAVED_NS, dear = choose_cost(b);

	if (now <= b->last)
		return;
	most = dear > most ? dear : most;
	b->room += (now - b->last) * b->stated * AIM;
	if (b->room > most)
		b->room = most;
	b->last = now;
	for (uint64_t n = 0; b->bucket_no < no && n < BUDGET_BUCKETS; n++) {
		uint64_t *oldest = &b->bucket[++b->bucket_no % BUDGET_BUCKETS];

		b->recent -= *oldest;
		*oldest = 0;
	}
	b->bucket_no = no;
}

void budget__charge(struct budget *b, uint64_t now, uint64_t lost)
{
	advance(b, now);
	b->room -= lost;
	b->lost += lost;
	b->bucket[b->bucket_no % BUDGET_BUCKETS] += lost;
	b->recent += lost;
	if (b->recent > b->worst)
		b->worst = b->recent;
}

struct budget_report budget__report(struct budget *b, uint64_t now)
{
	struct budget_report r = { .stated = b->stated };
	uint64_t ns;

	advance(b, now);
	ns = b->last - b->start;
	r.achieved = ns ? (double)b->lost / ns : 0;
	r.worst = ns < SPAN_NS ? r.achieved : (double)b->worst / SPAN_NS;
	return r;
}

/* ---- decisions -------------------------------------------------------------------------- */

/* A dear window is waited for longer than usual. */
static double room_of(const struct budget *b)
{
	double left = ceiling(b) - b->recent;
	double room = b->room;

	return room < left ? room : left;
}

bool budget__may_open(struct budget *b, uint64_t now)
{
	advance(b, now);
	if (room_of(b) < choose_cost(b))
		return false;
	b->jitter = draw_jitter(b);
	return true;
}

uint64_t budget__next_open(struct budget *b, uint64_t now)
{
	double missing;

	advance(b, now);
	missing = choose_cost(b) - b->room;
	if (missing <= 0) /* the last 10 s are in the way: looked at again with the next of them */
		return now + BUDGET_BUCKET_NS;
	return now + missing / (b->stated * AIM) + 1;
}

uint64_t budget__allowance(struct budget *b, uint64_t now)
{
	double room;

	advance(b, now);
	room = room_of(b) - end_cost(b);
	return room > 0 ? room : 0;
}

bool budget__is_too_small(const struct budget *b)
{
	return least_cost(b) > ceiling(b);
}

/* ---- a steady cost ---------------------------------------------------------------------- */

double budget__steady_share(const struct budget *b)
{
	return b->stated * AIM;
}

double budget__share_left(struct budget *b, uint64_t now)
{
	double share = budget__steady_share(b);

	advance(b, now);
	if (b->room < 0)
		share += b->room / SPAN_NS;
	return share > 0 ? share : 0;
}

bool budget__may_begin(struct budget *b, uint64_t now)
{
	advance(b, now);
	return b->room >= BUDGET_EDGE_NS && b->recent <= FREE * ceiling(b);
}

bool budget__is_used_up(struct budget *b, uint64_t now)
{
	advance(b, now);
	return b->recent > ceiling(b);
}

bool budget__would_fit(const struct budget *b, double intensity)
{
	struct budget then = *b;

	then.guess.intensity = intensity;
	return least_cost(&then) <= SURE * ceiling(b);
}

void budget__expect(struct budget *b, double intensity)
{
	b->guess.intensity = intensity;
}
