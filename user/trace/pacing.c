// SPDX-License-Identifier: GPL-2.0-only
#include "pacing.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "../log.h"
#include "pacing_cost.h"
#include "recording_state.h"

#define HOURS_NS 250000000ULL /* so often the clock on the wall is looked at */
#define NAMES_NS 1000000000ULL
#define LONGEST_PERIOD_NS 2000000000ULL
#define OPEN_POLL_NS 50000000ULL
#define LASTING_NS 200000000ULL
#define CUT_NS 500000000ULL /* so long a segment's end waits for a window's */
#define IDLE_SHARE 100	    /* what looking at idle threads may take: a hundredth of the time ... */
#define IDLE_SHARE_BUDGET 500 /* ... and less where that is counted */

/* ---- windows ---------------------------------------------------------------------------- */

void pacing__put_window(struct recording *r, uint64_t end)
{
	struct vtbpf_rec_window rec = {
		.rec = { .len = sizeof(rec), .kind = VTBPF_REC_WINDOW, .tid = r->cfg->target->pid },
		.from = r->window_start,
		.to = end > r->window_start ? end : r->window_start,
	};

	if (r->pacing.in_windows && r->pacing.open && !r->sampling)
		capture_writer__append(r->w, &rec.rec);
}

static void announce(struct recording *r)
{
	if (!r->pacing.announced && r->cfg->attached)
		r->cfg->attached(r->cfg->attached_ctx);
	r->pacing.announced = true;
}

/* The stacks of threads without events. Reading them may take longer than a window lasts that must not
 * cost much; they do not change, so there is time to see whether it lasts. */
static void look_at_idle(struct recording *r, uint64_t begin)
{
	struct pacing *p = &r->pacing;
	uint64_t took;

	if (r->idle || begin < p->next_idle ||
	    (r->cfg->budget && begin < r->window_start + LASTING_NS))
		return;
	window__look_at_idle(r);
	took = clock_ns(CLOCK_MONOTONIC) - begin;
	p->next_idle = begin + took * (r->cfg->budget ? IDLE_SHARE_BUDGET : IDLE_SHARE);
}

static void open_window(struct recording *r, uint64_t now)
{
	struct pacing *p = &r->pacing;
	int err;

	if (now >= p->next_names) { /* threads that came and went must not be remembered for ever */
		thread_names__restart(r->names);
		thread_names__scan(r->names);
		p->next_names = now + NAMES_NS + 100 * (clock_ns(CLOCK_MONOTONIC) - now);
	}
	now = clock_ns(CLOCK_MONOTONIC);
	if (r->cfg->budget)
		pacing_cost__before(r, now);
	err = window__attach(r);
	if (err) {
		r->failed = err;
		recording__end_with(r, END_FAILED);
		return;
	}
	p->attach_ns = clock_ns(CLOCK_MONOTONIC) - now;
	p->open = true;
	sampler__began(r, r->window_start);
	announce(r);
}

static int close_window(struct recording *r)
{
	struct pacing *p = &r->pacing;
	uint64_t begin = clock_ns(CLOCK_MONOTONIC), end;
	int err = window__close(r);

	end = clock_ns(CLOCK_MONOTONIC);
	pacing__put_window(r, r->window_stop);
	p->open = false;
	idle_threads__free(r->idle);
	r->idle = NULL;
	tracer__rest(r->tracer);
	p->windows += !r->sampling;
	if (r->window_stop > r->window_start && !r->sampling)
		p->recorded += r->window_stop - r->window_start;
	duty__note_edge(&p->duty, p->attach_ns + end - begin);
	if (r->cfg->budget)
		pacing_cost__after(r, end);
	return err;
}

static bool ended_by_itself(struct recording *r)
{
	struct pollfd fd = { .fd = tracer__end_fd(r->tracer) };

	return fd.fd >= 0 && poll(&fd, 1, 0) > 0;
}

/* ---- pauses ----------------------------------------------------------------------------- */

static int stop_for_now(struct recording *r)
{
	int err = 0;

	if (r->pacing.open)
		err = close_window(r);
	else
		r->window_stop = clock_ns(CLOCK_MONOTONIC);
	r->paused = true;
	r->pauses++;
	return err;
}

static void go_on(struct recording *r)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	window__put_pause(r, now);
	r->paused_ns += now - r->window_stop;
	r->paused = false;
	r->window_stop = 0;
}

static void heed_pauses(struct recording *r)
{
	bool pause = r->pacing.off_hours || r->pacing.by_user;

	if (pause && !r->paused)
		stop_for_now(r);
	else if (!pause && r->paused)
		go_on(r);
}

int pacing__pause(struct recording *r)
{
	r->pacing.by_user = true;
	return r->paused ? 0 : stop_for_now(r);
}

void pacing__resume(struct recording *r)
{
	r->pacing.by_user = false;
	heed_pauses(r);
}

static void look_at_clock(struct recording *r, uint64_t now)
{
	struct pacing *p = &r->pacing;
	bool off;

	if (now < p->next_hours)
		return;
	p->next_hours = now + HOURS_NS;
	off = !schedule__is_active(r->cfg->active, r->cfg->n_active, time(NULL));
	if (off != p->off_hours)
		log_verbose(off ? "outside --active: recording waits" : "--active: it is time");
	p->off_hours = off;
}

/* ---- begin and end ---------------------------------------------------------------------- */

int pacing__prepare(struct recording *r, struct tracer_config *cfg)
{
	const struct recording_config *c = r->cfg;
	struct pacing *p = &r->pacing;
	uint64_t longest = LONGEST_PERIOD_NS;

	p->in_windows = c->sample_rate || (c->budget && !cfg->sample_period_ns);
	p->on = p->in_windows || c->budget || c->n_active;
	p->lanes = 1;
	if (c->duration_ns && c->duration_ns / 5 < longest)
		longest = c->duration_ns / 5;
	if (c->sample_rate)
		duty__init(&p->duty, c->sample_rate, longest, clock_ns(CLOCK_REALTIME));
	if (!c->budget)
		return 0;
	pacing_samples__prepare(r, cfg);
	return pacing_cost__prepare(r, cfg);
}

int pacing__begin(struct recording *r)
{
	struct pacing *p = &r->pacing;
	uint64_t now = r->res->start;
	int err = tracer__watch(r->tracer);

	if (err)
		return err;
	r->window_start = now;
	p->next_names = now + NAMES_NS; /* they were looked at */
	look_at_clock(r, now);
	if (p->off_hours) {
		r->window_stop = now;
		r->paused = true;
		log_info("it is not the time of --active: waiting for it");
	}
	if (r->cfg->launched) /* it waits for us */
		announce(r);
	pacing__tick(r, now);
	return r->failed;
}

int pacing__end(struct recording *r)
{
	struct pacing *p = &r->pacing;
	int err = p->open ? close_window(r) : 0;
	uint64_t all;

	r->res->stop = clock_ns(CLOCK_MONOTONIC);
	if (r->paused) {
		window__put_pause(r, r->res->stop);
		r->paused_ns += r->res->stop - r->window_stop;
	}
	all = r->res->stop - r->res->start - r->paused_ns;
	r->res->windows = p->windows;
	r->res->coverage = p->in_windows && all ? (double)p->recorded / all : 1;
	if (r->cfg->budget)
		pacing_cost__end(r);
	return err;
}

/* ---- now and then ----------------------------------------------------------------------- */

bool pacing__may_cut(const struct recording *r)
{
	return !r->pacing.in_windows || !r->pacing.open || r->sampling;
}

static bool shall_be_open(struct recording *r, uint64_t now)
{
	struct pacing *p = &r->pacing;

	if (r->cfg->budget && r->sampling)
		return pacing_samples__shall_be_open(r, now);
	if (r->cut_due && p->in_windows && (!p->open || now >= r->cut_due + CUT_NS))
		return false;
	if (r->cfg->sample_rate && !duty__is_on(&p->duty, now))
		return false;
	return p->open || !r->cfg->budget || budget__may_open(&p->budget, now);
}

void pacing__tick(struct recording *r, uint64_t now)
{
	struct pacing *p = &r->pacing;
	bool open;

	if (!p->on || r->res->end)
		return;
	look_at_clock(r, now);
	heed_pauses(r);
	if (r->cfg->budget)
		pacing_cost__tick(r, now);
	if (r->paused)
		return;
	open = shall_be_open(r, now);
	if (p->open && (!open || ended_by_itself(r)))
		close_window(r);
	else if (!p->open && open)
		open_window(r, now);
	if (p->open)
		look_at_idle(r, clock_ns(CLOCK_MONOTONIC));
}

uint64_t pacing__wait(struct recording *r, uint64_t now, uint64_t most)
{
	struct pacing *p = &r->pacing;
	uint64_t next = now + most, t;

	if (!p->on)
		return most;
	if (r->cfg->n_active && p->next_hours < next)
		next = p->next_hours;
	if (r->cfg->budget && r->sampling)
		return next > now ? next - now : 0;
	if (!r->paused && r->cfg->sample_rate) {
		t = duty__next(&p->duty, now);
		next = t < next ? t : next;
	}
	if (!r->paused && r->cfg->budget) {
		t = p->open ? now + OPEN_POLL_NS : budget__next_open(&p->budget, now);
		next = t < next ? t : next;
	}
	if (r->cut_due && r->cut_due + CUT_NS < next)
		next = r->cut_due + CUT_NS;
	return next > now ? next - now : 0;
}

bool pacing__may_doze(const struct recording *r)
{
	return pacing__is_closed(r) || (r->cfg->budget && r->sampling);
}

bool pacing__is_closed(const struct recording *r)
{
	return r->pacing.on && !r->pacing.open;
}

void pacing__status(struct recording *r, FILE *out)
{
	struct pacing *p = &r->pacing;
	uint64_t now = clock_ns(CLOCK_MONOTONIC), recorded = p->recorded;
	uint64_t all = now - r->res->start - r->paused_ns;

	if (r->paused)
		all -= now - r->window_stop;
	if (p->open && now > r->window_start && !r->sampling)
		recorded += now - r->window_start;
	if (p->in_windows)
		fprintf(out, "window %s\nwindows %u\ncoverage %.6f\n",
			p->open && !r->sampling ? "open" : "closed",
			p->windows + (p->open && !r->sampling), all ? (double)recorded / all : 0);
	if (r->cfg->budget)
		pacing_cost__status(r, out);
}
