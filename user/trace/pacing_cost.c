// SPDX-License-Identifier: GPL-2.0-only
#include "pacing_cost.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../discover/py_interpreters.h"
#include "../log.h"
#include "calibrate.h"
#include "recording_state.h"

#define OWN_NS 1000000000ULL
#define LEAST_SHARE 0.5
#define MOST_WAITS 0.5
#define NOTE_NS 20000000ULL /* a stretch that tells how busy the target is */
#define NOTE_SAMPLES_NS 150000000ULL
#define QUIET_LOOK_NS 1000000000ULL
#define QUIET_NS 10000000000ULL /* so long it must be, for windows to come back */

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

static int find_hit_costs(struct recording *r)
{
	const struct probe_plan *plan = r->cfg->plan;
	struct hit_cost cost;
	int err = calibrate__hit_cost(&cost, CALIBRATE_QUICK);

	if (err) {
		log_error("--max-overhead: cannot measure the cost of a hit: %s", strerror(-err));
		return err;
	}
	log_verbose("a hit costs %.2f us here, %.2f us where it is single-stepped",
		    cost.emulated_ns / 1e3, cost.single_step_ns / 1e3);
	for (size_t i = 0; i < plan->n_sites; i++) {
		uint64_t trap = plan->sites[i].cost == COST_SINGLE_STEP ? cost.single_step_ns :
									  cost.emulated_ns;

		r->pacing.site_costs[i] = trap + CLOCK_NS;
	}
	return 0;
}

int pacing_cost__prepare(struct recording *r, struct tracer_config *cfg)
{
	struct pacing *p = &r->pacing;

	p->own = r->cfg->budget->own;
	p->target_cpu = p->own_target_cpu = read_target_cpu(r);
	p->told_at = clock_ns(CLOCK_MONOTONIC);
	cfg->budgeted = true;
	cfg->site_costs = p->site_costs;
	return p->samples.asked ? 0 : find_hit_costs(r);
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

/* Can several threads run Python at once? Without a GIL, or where interpreters have one each (PEP 684). */
static bool is_parallel(const struct recording *r)
{
	struct py_gil gils[2];

	return r->cfg->plan->free_threaded || py_gils__read(r->reader, gils, 2) > 1;
}

/* Threads that pay at once, on average: what all of them pay together is shared by so many. A sample is
 * paid for with the GIL or without. */
static void note_lanes(struct recording *r, uint64_t now)
{
	struct pacing *p = &r->pacing;
	uint64_t cpu = read_target_cpu(r);
	bool parallel = r->sampling || is_parallel(r);

	p->lanes = 1;
	if (parallel && now > p->told_at && cpu > p->target_cpu)
		p->lanes = (double)(cpu - p->target_cpu) / (now - p->told_at);
	if (p->lanes < 1)
		p->lanes = 1;
	p->target_cpu = cpu;
	if (!p->open)
		tracer__spend_by_cpu(r->tracer, parallel);
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
	if (r->sampling)
		pacing_samples__before(r, now);
	else
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

/* Whoever sets and removes the probes or timers pushes the target's threads off their CPUs. */
static uint64_t take_holder_cpu(struct recording *r)
{
	uint64_t before = r->pacing.holder_cpu;

	r->pacing.holder_cpu = tracer__holder_cpu(r->tracer);
	return r->pacing.holder_cpu - before;
}

static void after_samples(struct recording *r, uint64_t now)
{
	uint64_t edge = take_holder_cpu(r) + BUDGET_EDGE_NS;

	charge(r, now);
	budget__charge(&r->pacing.budget, now, edge);
	pacing_samples__after(r, edge);
}

void pacing_cost__after(struct recording *r, uint64_t now)
{
	struct pacing *p = &r->pacing;
	uint64_t holder, all;
	struct budget_window w;

	if (r->sampling) {
		after_samples(r, now);
		return;
	}
	holder = take_holder_cpu(r);
	sum_up(r, now, &w);
	budget__note_window(&p->budget, &w);
	all = w.spent_attach + w.spent_recording + w.spent_detach;
	budget__charge(&p->budget, now,
		       all - least(all, p->window_charged) + holder + BUDGET_EDGE_NS);
	log_debug("window %u: %.2f ms, cost %.2f ms, of that %.2f before and %.2f after it, and "
		  "%.2f for the probes to come and go",
		  p->windows, w.recorded / 1e6, all / 1e6, w.spent_attach / 1e6,
		  w.spent_detach / 1e6, holder / 1e6);
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

/* ---- windows that do not fit ------------------------------------------------------------ */

static void warn_of_small_budget(struct recording *r)
{
	char text[320];

	snprintf(text, sizeof(text),
		 "--max-overhead %g%%: on this kernel, and for a target that calls so much, the "
		 "shortest window costs more than that allows in 10 s; %s until it calls less",
		 r->cfg->budget->stated * 100,
		 r->sampling ? "stacks are sampled instead, as often as that allows," :
			       "none is opened");
	if (r->pacing.warned)
		log_verbose("%s", text);
	else
		recording__warn(r, text);
	r->pacing.warned = true;
}

static void give_up_windows(struct recording *r)
{
	struct pacing *p = &r->pacing;

	p->too_small = true;
	p->quiet_since = p->quiet_at = 0;
	r->sampling = pacing_samples__fall_back(r);
	warn_of_small_budget(r);
}

/* What each ns may cost at most: the target was so busy since the last look. */
static double look_at_intensity(struct recording *r, uint64_t now)
{
	struct pacing *p = &r->pacing;
	uint64_t cpu = read_target_cpu(r), used = cpu - p->quiet_cpu, time = now - p->quiet_at;
	double most = p->quiet_at && time ? (double)used * SLOWEST / time : 1;

	p->quiet_at = now;
	p->quiet_cpu = cpu;
	return most < 1 ? most : 1;
}

/* Nobody calls much who has no CPU time: windows come back when that was so for a while. */
static void look_for_quiet(struct recording *r, uint64_t now)
{
	struct pacing *p = &r->pacing;
	double intensity;

	if (now < p->quiet_at + QUIET_LOOK_NS)
		return;
	intensity = look_at_intensity(r, now);
	if (!budget__would_fit(&p->budget, intensity))
		p->quiet_since = 0;
	else if (!p->quiet_since)
		p->quiet_since = now;
	else if (now >= p->quiet_since + QUIET_NS) {
		log_verbose("the target is quiet: windows are tried again");
		budget__expect(&p->budget, intensity);
		p->too_small = false;
	}
}

/* ---- now and then ----------------------------------------------------------------------- */

static void note_window(struct recording *r, uint64_t now)
{
	struct pacing *p = &r->pacing;
	uint64_t since = p->told_at, lost = charge(r, now), left;

	p->window_charged += lost;
	budget__note_intensity(&p->budget, (double)lost / (now - since));
	left = budget__allowance(&p->budget, now);
	/* Once it is used up, the kernel side has ended the window, or is about to. */
	if (left)
		tracer__limit(r->tracer, left);
}

static void note_samples(struct recording *r, uint64_t now)
{
	struct pacing *p = &r->pacing;
	uint64_t told = p->told, time = now - p->told_at, cpu = p->target_cpu;

	note_lanes(r, now);
	cpu = p->target_cpu > cpu ? p->target_cpu - cpu : 0;
	charge(r, now);
	pacing_samples__note(r, now, p->told - told, time ? (double)cpu / time : 1);
}

void pacing_cost__tick(struct recording *r, uint64_t now)
{
	struct pacing *p = &r->pacing;

	if (!p->budget.start)
		begin_account(r, now);
	if (now >= p->next_own)
		charge_own(r, now);
	if (p->too_small && p->in_windows)
		look_for_quiet(r, now);
	if (!p->open && p->in_windows && !p->too_small) {
		r->sampling = false;
		if (budget__is_too_small(&p->budget))
			give_up_windows(r);
	}
	if (!p->open || now < p->told_at + (r->sampling ? NOTE_SAMPLES_NS : NOTE_NS))
		return;
	if (r->sampling)
		note_samples(r, now);
	else
		note_window(r, now);
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
		.flags = r->pacing.in_windows && r->pacing.samples.said ? VTBPF_OVERHEAD_SAMPLED :
									  0,
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
	r->res->in_windows = r->pacing.in_windows;
	r->res->sample_hz = pacing_samples__mean_hz(r, &r->res->sampled_ns);
}

void pacing_cost__status(struct recording *r, FILE *out)
{
	struct budget_report report = budget__report(&r->pacing.budget, clock_ns(CLOCK_MONOTONIC));

	fprintf(out,
		"overhead_stated_percent %g\noverhead_achieved_percent %.3f\n"
		"overhead_worst_10s_percent %.3f\n",
		report.stated * 100, report.achieved * 100, report.worst * 100);
	pacing_samples__status(r, out);
}
