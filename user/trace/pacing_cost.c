// SPDX-License-Identifier: GPL-2.0-only
#include "pacing_cost.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../log.h"
#include "calibrate.h"
#include "recording_state.h"

#define OWN_NS 1000000000ULL
#define LEAST_SHARE 0.5
#define MOST_WAITS 0.5
#define NOTE_NS 20000000ULL /* a stretch that tells how busy the target is */

/* What the kernel side does in a hit it measures itself, but for the looks at the clock. */
#define CLOCK_NS 40

/* Before a detach was seen, for kernels with one link a site, and where all go at once. */
#define DETACH_LINKS_NS 190000000ULL
#define DETACH_MULTI_NS 3000000ULL
#define ATTACH_NS 500000ULL
#define SLOWEST 20 /* times a program may become slower that does nothing but call */

/* CPU time that the target has used, ns; 0 where that cannot be read. */
static uint64_t read_target_cpu(const struct recording *r)
{
	clockid_t clock;

	return clock_getcpuclockid(r->cfg->target->pid, &clock) ? 0 : clock_ns(clock);
}

int pacing_cost__prepare(struct recording *r, struct tracer_config *cfg)
{
	const struct probe_plan *plan = r->cfg->plan;
	struct pacing *p = &r->pacing;
	struct hit_cost cost;
	int err;

	p->own = r->cfg->budget->own;
	p->target_cpu = p->own_target_cpu = read_target_cpu(r);
	p->told_at = clock_ns(CLOCK_MONOTONIC);
	err = calibrate__hit_cost(&cost, CALIBRATE_QUICK);
	if (err) {
		log_error("--max-overhead: cannot measure the cost of a hit: %s", strerror(-err));
		return err;
	}
	log_verbose("a hit costs %.2f us here, %.2f us where it is single-stepped",
		    cost.emulated_ns / 1e3, cost.single_step_ns / 1e3);
	for (size_t i = 0; i < plan->n_sites; i++) {
		uint64_t trap = plan->sites[i].cost == COST_SINGLE_STEP ? cost.single_step_ns :
									  cost.emulated_ns;

		p->site_costs[i] = trap + CLOCK_NS;
	}
	cfg->budgeted = true;
	cfg->site_costs = p->site_costs;
	cfg->spent_by_cpu = plan->free_threaded;
	return 0;
}

/* How busy the target is says how much it can lose, before a window has shown it. */
static void begin_account(struct recording *r, uint64_t now)
{
	struct pacing *p = &r->pacing;
	uint64_t cpu = read_target_cpu(r);
	bool links = tracer__variant(r->tracer) != TRACER_MULTI;
	struct budget_guess guess = {
		.attach_trap = ATTACH_NS,
		.detach_trap = links ? DETACH_LINKS_NS : DETACH_MULTI_NS,
		.intensity = 1,
	};

	if (now > p->told_at)
		guess.intensity = (double)(cpu - p->target_cpu) * SLOWEST / (now - p->told_at);
	if (guess.intensity > 1 || r->cfg->launched)
		guess.intensity = 1;
	budget__init(&p->budget, r->cfg->budget->stated, r->cfg->budget->start, &guess);
}

/* Threads that run Python at once, on average: what all of them pay together is shared by so many. */
static void note_lanes(struct recording *r, uint64_t now)
{
	struct pacing *p = &r->pacing;
	uint64_t cpu = read_target_cpu(r);

	if (r->cfg->plan->free_threaded && now > p->told_at && cpu > p->target_cpu)
		p->lanes = (double)(cpu - p->target_cpu) / (now - p->told_at);
	if (p->lanes < 1)
		p->lanes = 1;
	p->target_cpu = cpu;
}

/* What was spent since the last time is charged; no thread loses more than the time that passes. */
static uint64_t charge(struct recording *r, uint64_t now)
{
	struct pacing *p = &r->pacing;
	uint64_t spent = tracer__spent(r->tracer), lost;

	if (now <= p->told_at)
		return 0;
	lost = (spent - p->told) / p->lanes;
	if (lost > now - p->told_at)
		lost = now - p->told_at;
	budget__charge(&p->budget, now, lost);
	p->told = spent;
	p->told_at = now;
	return lost;
}

void pacing_cost__before(struct recording *r, uint64_t now)
{
	struct pacing *p = &r->pacing;

	note_lanes(r, now);
	p->told = tracer__spent(r->tracer);
	p->told_at = now;
	p->window_began = p->told;
	p->window_charged = 0;
	tracer__limit(r->tracer, budget__allowance(&p->budget, now));
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Threads that wait for one another, or for the GIL, lose by the hits of others, too, the more of the
 * time these take: by up to half as much again, measured with a hundred busy threads. */
static uint64_t with_waits(uint64_t spent, uint64_t time)
{
	double part = time ? (double)spent / time : 0;

	return spent + spent * (part < MOST_WAITS ? part : MOST_WAITS);
}

/* All that the window cost in hits. A thread cannot lose more than the time there was: a busy one tells
 * by that when a hit costs less than it was thought to. */
static void sum_up(struct recording *r, uint64_t now, struct budget_window *w)
{
	struct pacing *p = &r->pacing;
	struct tracer_edges edges = tracer__edges(r->tracer);
	uint64_t all = (tracer__spent(r->tracer) - p->window_began) / p->lanes;

	w->recorded = r->window_stop > r->window_start ? r->window_stop - r->window_start : 0;
	w->detach_took = now > r->window_stop ? now - r->window_stop : 0;
	w->spent_attach = least(edges.attach / p->lanes, p->attach_ns);
	w->spent_detach = least(edges.detach / p->lanes, w->detach_took);
	all -= least(all, (edges.attach + edges.detach) / p->lanes);
	w->spent_recording = least(with_waits(all, w->recorded), w->recorded);
}

void pacing_cost__after(struct recording *r, uint64_t now)
{
	struct pacing *p = &r->pacing;
	uint64_t holder = tracer__holder_cpu(r->tracer), all;
	struct budget_window w;

	sum_up(r, now, &w);
	budget__note_window(&p->budget, &w);
	all = w.spent_attach + w.spent_recording + w.spent_detach;
	/* Whoever sets and removes the probes pushes the target's threads off their CPUs. */
	budget__charge(&p->budget, now,
		       all - least(all, p->window_charged) + holder - p->holder_cpu +
			       BUDGET_EDGE_NS);
	log_debug("window %u: %.2f ms, cost %.2f ms, of that %.2f before and %.2f after it, and "
		  "%.2f for the probes to come and go",
		  p->windows, w.recorded / 1e6, all / 1e6, w.spent_attach / 1e6,
		  w.spent_detach / 1e6, (holder - p->holder_cpu) / 1e6);
	p->holder_cpu = holder;
}

/* What vtbpf takes where no CPU is idle, it takes from all that run, by and large alike; no more than
 * half of it is believed to come from others than the target. */
static void charge_own(struct recording *r, uint64_t now)
{
	struct pacing *p = &r->pacing;
	uint64_t since = p->own.at, cpu = read_target_cpu(r), own = own_cost__take(&p->own);
	double share = LEAST_SHARE;

	if (p->own.at > since && cpu > p->own_target_cpu)
		share = (double)(cpu - p->own_target_cpu) / (p->own.at - since) /
			sysconf(_SC_NPROCESSORS_ONLN);
	share = share < LEAST_SHARE ? LEAST_SHARE : share > 1 ? 1 : share;
	p->own_target_cpu = cpu;
	budget__charge(&p->budget, now, own * share);
	p->next_own = now + OWN_NS;
	if (own)
		log_debug("vtbpf itself took %.2f ms from others: %.0f%% of what it used",
			  own / 1e6, p->own.busy * 100);
}

static void warn_of_small_budget(struct recording *r)
{
	char text[256];

	r->pacing.too_small = true;
	snprintf(text, sizeof(text),
		 "--max-overhead %g%%: on this kernel, and for a target that calls so much, the "
		 "shortest window costs more than that allows in 10 s; none is opened until it "
		 "calls less",
		 r->cfg->budget->stated * 100);
	recording__warn(r, text);
}

void pacing_cost__tick(struct recording *r, uint64_t now)
{
	struct pacing *p = &r->pacing;
	uint64_t since = p->told_at, lost, left;

	if (!p->budget.start)
		begin_account(r, now);
	if (now >= p->next_own)
		charge_own(r, now);
	if (!p->open && !p->too_small && budget__is_too_small(&p->budget))
		warn_of_small_budget(r);
	if (!p->open || now < since + NOTE_NS)
		return;
	lost = charge(r, now);
	p->window_charged += lost;
	budget__note_intensity(&p->budget, (double)lost / (now - since));
	left = budget__allowance(&p->budget, now);
	/* Once it is used up, the kernel side has ended the window, or is about to. */
	if (left)
		tracer__limit(r->tracer, left);
}

void pacing_cost__put(struct recording *r, uint64_t now)
{
	struct budget *b = &r->pacing.budget;
	struct budget_report report = budget__report(b, now);
	struct vtbpf_rec_overhead rec = {
		.rec = { .len = sizeof(rec),
			 .kind = VTBPF_REC_OVERHEAD,
			 .tid = r->cfg->target->pid },
		.from = b->start,
		.to = now,
		.lost = b->lost,
		.worst = report.worst * 1e9,
		.stated = report.stated * 1e9,
		.windows = r->pacing.windows,
	};

	capture_writer__append(r->w, &rec.rec);
}

void pacing_cost__end(struct recording *r)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	charge_own(r, now);
	pacing_cost__put(r, now);
	r->res->budget = r->pacing.budget;
	r->res->own = r->pacing.own;
}

void pacing_cost__status(struct recording *r, FILE *out)
{
	struct budget_report report = budget__report(&r->pacing.budget, clock_ns(CLOCK_MONOTONIC));

	fprintf(out,
		"overhead_stated_percent %g\noverhead_achieved_percent %.3f\n"
		"overhead_worst_10s_percent %.3f\n",
		report.stated * 100, report.achieved * 100, report.worst * 100);
}
