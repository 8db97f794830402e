// SPDX-License-Identifier: GPL-2.0-only
#include "pacing_samples.h"

#include <string.h>
#include <unistd.h>

#include "../log.h"
#include "calibrate.h"
#include "recording_state.h"

#define PERIOD_NS 1000000ULL /* in place of windows, 1000 Hz at most */
#define WALK_NS 8000	     /* what is done in a sample, before one was seen */

/* Above this even the slowest detach leaves room for a window in any 10 s, and the programs that sample
 * need not be loaded, which costs as much as some windows: where all probes go at once, and where not. */
#define WINDOWS_FIT_MULTI 0.0099
#define WINDOWS_FIT_LINKS 0.05

void pacing_samples__prepare(struct recording *r, struct tracer_config *cfg)
{
	struct pacing_samples *s = &r->pacing.samples;
	const struct recording_config *c = r->cfg;
	double fit = tracer__expects_multi() ? WINDOWS_FIT_MULTI : WINDOWS_FIT_LINKS;

	s->asked = cfg->sample_period_ns != 0;
	s->possible = s->asked;
	/* What keeps the newest calls, or waits for some, has no use for samples. */
	if (s->asked || c->budget->stated > fit || c->tracer_entries || c->keep_ns ||
	    (c->triggers && c->triggers->n))
		return;
	cfg->sample_period_ns = PERIOD_NS;
	s->possible = true;
}

bool pacing_samples__give_up(struct recording *r, struct tracer_config *cfg)
{
	struct pacing_samples *s = &r->pacing.samples;

	if (!s->possible || s->asked)
		return false;
	cfg->sample_period_ns = 0;
	s->possible = false;
	return true;
}

/* What a sample costs is found out when it is of interest: it takes some CPU time. */
static bool measure(struct recording *r)
{
	struct pacing_samples *s = &r->pacing.samples;
	uint64_t timer;
	int err;

	if (s->tried)
		return s->pace.cost > 0;
	s->tried = true;
	err = calibrate__timer_cost(&timer);
	if (err) {
		log_verbose("cannot measure what a timer costs: %s", strerror(-err));
		return false;
	}
	log_verbose("a timer that fires costs %.2f us here", timer / 1e3);
	sample_pace__init(&s->pace, r->sample_period, timer + WALK_NS);
	s->timer_cost = timer;
	switches__init(&s->switches);
	/* It is less with timers that fire later than the kernel's own. */
	return !calibrate__switch_cost(r->sample_period, &s->switch_cost);
}

bool pacing_samples__fall_back(struct recording *r)
{
	struct pacing_samples *s = &r->pacing.samples;

	return s->possible && measure(r) &&
	       sample_pace__choose(&s->pace, budget__steady_share(&r->pacing.budget));
}

/* ---- decisions -------------------------------------------------------------------------- */

/* How often the timers were set and stopped since this was asked last, as far as it counts. */
static uint64_t look_at_switches(struct recording *r, uint64_t now)
{
	double part = r->pacing.own.busy / sysconf(_SC_NPROCESSORS_ONLN);

	return switches__look(&r->pacing.samples.switches, r->cfg->target->pid, now, part);
}

/* What the target's switches leave of a share for the samples themselves. */
static double without_switches(const struct recording *r, double share)
{
	const struct pacing_samples *s = &r->pacing.samples;

	if (s->switches.rate > 0)
		share -= s->switches.rate * s->switch_cost / 1e9;
	return share > 0 ? share : 0;
}

static double share_left(struct recording *r, uint64_t now)
{
	return without_switches(r, budget__share_left(&r->pacing.budget, now));
}

static uint32_t choose(struct recording *r, uint64_t now)
{
	return sample_pace__choose(&r->pacing.samples.pace, share_left(r, now));
}

static bool may_go_on(struct recording *r, uint64_t now)
{
	struct pacing *p = &r->pacing;
	struct pacing_samples *s = &p->samples;

	return !budget__is_used_up(&p->budget, now) &&
	       !sample_pace__has_drifted(&s->pace, s->every, share_left(r, now), now - s->began);
}

/* Even one sample in a second is too much. */
static void refuse(struct recording *r)
{
	struct pacing_samples *s = &r->pacing.samples;
	char text[256];

	if (s->refused)
		return;
	s->refused = true;
	snprintf(
		text, sizeof(text),
		"--max-overhead %g%%: samples cost more than that, for a target whose threads come to "
		"a CPU %.0f times a second; none are taken until that is less",
		r->cfg->budget->stated * 100, s->switches.all);
	recording__warn(r, text);
}

bool pacing_samples__shall_be_open(struct recording *r, uint64_t now)
{
	struct pacing *p = &r->pacing;
	struct pacing_samples *s = &p->samples;
	double share;

	if (!s->asked && !p->too_small)
		return false;
	if (p->open)
		return may_go_on(r, now);
	if (!measure(r))
		return false;
	look_at_switches(r, now);
	if (s->switches.rate < 0)
		return false;
	share = without_switches(r, budget__steady_share(&p->budget));
	if (!sample_pace__choose(&s->pace, share))
		refuse(r);
	return budget__may_begin(&p->budget, now) && choose(r, now);
}

/* ---- stretches -------------------------------------------------------------------------- */

void pacing_samples__before(struct recording *r, uint64_t now)
{
	struct pacing_samples *s = &r->pacing.samples;

	s->every = choose(r, now);
	if (!s->every)
		s->every = 1000000000 / s->pace.period;
	s->began = now;
	s->spent = 0;
	s->noted = sampler__periods(r);
	tracer__sample_each(r->tracer, s->every, s->timer_cost);
	if (!s->said)
		log_verbose(
			"samples at %.1f Hz; a switch costs %.2f us more, and there are %.0f a second",
			sample_pace__hz(&s->pace, s->every), s->switch_cost / 1e3, s->switches.all);
	s->said = true;
}

void pacing_samples__after(struct recording *r, uint64_t edge)
{
	struct pacing_samples *s = &r->pacing.samples;
	uint64_t ns = r->window_stop > r->window_start ? r->window_stop - r->window_start : 0;

	sample_pace__note_edge(&s->pace, edge);
	s->sampled += ns;
	s->hz_time += sample_pace__hz(&s->pace, s->every) * ns;
	log_debug(
		"sampled for %.3f s at %.1f Hz; a sample costs %.2f us, the timers %.2f ms to set, "
		"%.0f switches a second %.2f us each",
		ns / 1e9, sample_pace__hz(&s->pace, s->every), s->pace.cost / 1e3, edge / 1e6,
		s->switches.all, s->switch_cost / 1e3);
}

/* The account is of what all threads spent together, so the cost of a sample is, too. */
void pacing_samples__note(struct recording *r, uint64_t now, uint64_t spent, double busy)
{
	struct pacing_samples *s = &r->pacing.samples;
	uint64_t periods = sampler__periods(r);

	budget__charge(&r->pacing.budget, now, look_at_switches(r, now) * s->switch_cost);
	sample_pace__note_busy(&s->pace, busy);
	s->spent += spent;
	if (sample_pace__note(&s->pace, s->every, periods - s->noted, s->spent)) {
		s->noted = periods;
		s->spent = 0;
	}
}

void pacing_samples__release(struct recording *r)
{
	switches__release(&r->pacing.samples.switches);
}

/* ---- what is told ----------------------------------------------------------------------- */

double pacing_samples__mean_hz(const struct recording *r, uint64_t *sampled)
{
	const struct pacing_samples *s = &r->pacing.samples;

	*sampled = s->sampled;
	return s->sampled ? s->hz_time / s->sampled : 0;
}

void pacing_samples__status(const struct recording *r, FILE *out)
{
	const struct pacing *p = &r->pacing;

	fprintf(out, "mode %s\n", r->sampling ? "samples" : "windows");
	if (r->sampling)
		fprintf(out, "sample_hz %.3f\n",
			p->open ? sample_pace__hz(&p->samples.pace, p->samples.every) : 0);
}
