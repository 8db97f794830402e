// SPDX-License-Identifier: GPL-2.0-only
/* The flight recorder in a recording: what goes into it, what it may forget, what comes out. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "../log.h"
#include "../units.h"
#include "recording_state.h"

#define KEEP_FOR_TRIGGERS_NS 10000000000ULL

static void forget(void *ctx, uint32_t code)
{
	struct recording *r = ctx;

	function_verdicts__forget(r->functions, code);
	if (r->triggers)
		triggers__forget(r->triggers, code);
}

/* ---- begin ------------------------------------------------------------------------------ */

static uint64_t keep_ns(const struct recording *r)
{
	const struct recording_config *cfg = r->cfg;

	if (!cfg->keep_ns && !cfg->tracer_entries && cfg->triggers->n)
		return KEEP_FOR_TRIGGERS_NS;
	return cfg->keep_ns;
}

static bool is_ignored(void *ctx, pid_t tid)
{
	struct recording *r = ctx;

	return thread_names__is_ignored(r->names, tid);
}

static int begin_triggers(struct recording *r)
{
	struct triggers_config cfg = {
		.exprs = r->cfg->triggers,
		.after_ns = r->cfg->after_ns,
		.cool_down_ns = r->cfg->cool_down_ns,
		.max_dumps = r->cfg->max_dumps,
		.reader = r->reader,
		.pid = r->cfg->target->pid,
		.ignored = is_ignored,
		.ctx = r,
	};

	if (!cfg.exprs->n)
		return 0;
	r->triggers = triggers__new(&cfg, r->tracer);
	if (!r->triggers)
		return -errno;
	function_verdicts__tell(r->functions, triggers__function, r->triggers);
	return 0;
}

int flight__begin(struct recording *r)
{
	struct recorder_config cfg = {
		.calls = r->cfg->tracer_entries,
		.keep_ns = keep_ns(r),
		.forget = forget,
		.ctx = r,
	};

	if (!cfg.calls && !cfg.keep_ns)
		return 0;
	if (!cfg.calls)
		cfg.max_bytes = RECORDER_MAX_BYTES;
	r->recorder = recorder__new(&cfg);
	if (!r->recorder)
		return -ENOMEM;
	r->w->sink = recorder__push;
	r->w->sink_ctx = r->recorder;
	return begin_triggers(r);
}

/* ---- while it runs ---------------------------------------------------------------------- */

static void look_for_dead_codes(struct recording *r)
{
	int err;

	if (!recorder__wants_look(r->recorder))
		return;
	if (r->sampling)
		tracer__forget_stacks(r->tracer);
	recorder__begin_look(r->recorder);
	err = tracer__live_codes(r->tracer, recorder__see, r->recorder);
	if (err)
		log_debug("cannot tell which code objects are alive: error %d", err);
	recorder__end_look(r->recorder, !err);
}

/* What a dump will need of the time before its hit must not be dropped until then. */
static void hold(struct recording *r)
{
	uint64_t oldest = triggers__oldest(r->triggers);

	if (oldest != UINT64_MAX)
		oldest = flight__since(r, oldest);
	recorder__hold(r->recorder, oldest);
}

static bool dumps_are_full(const struct recording *r)
{
	for (size_t i = 0; i < DUMPS_AT_ONCE; i++)
		if (!r->dumps[i].pid)
			return false;
	return true;
}

static void make_dumps(struct recording *r, uint64_t now, bool all)
{
	const char *expr;
	struct hit hit;

	while (!dumps_are_full(r) && triggers__take(r->triggers, now, all, &hit, &expr))
		snapshot__for_hit(r, &hit, expr);
}

void flight__tick(struct recording *r, uint64_t now)
{
	if (r->triggers) {
		if (!r->paused)
			triggers__tick(r->triggers, now);
		hold(r);
		make_dumps(r, now, false);
	}
	if (r->recorder)
		look_for_dead_codes(r);
}

int flight__wait_ms(const struct recording *r, int most)
{
	return r->triggers && !r->paused ? triggers__wait_ms(r->triggers, most) : most;
}

void flight__restart(struct recording *r)
{
	if (r->triggers)
		triggers__restart(r->triggers);
}

/* ---- what comes out --------------------------------------------------------------------- */

uint64_t flight__since(const struct recording *r, uint64_t end)
{
	uint64_t keep = keep_ns(r);

	return keep && end > keep ? end - keep : 0;
}

/* Says so where there was not room for all that was asked for. */
static void warn_if_cut(struct recording *r, uint64_t since, uint64_t end)
{
	struct recorder_use use;
	char text[256], size[32];

	recorder__use(r->recorder, &use);
	if (!since || use.cut_until <= since)
		return;
	snprintf(text, sizeof(text),
		 "only the newest %.1f s are here, not %.1f s: calls came so fast that they "
		 "fill the %s that the flight recorder may use",
		 end > use.cut_until ? (end - use.cut_until) / 1e9 : 0., (end - since) / 1e9,
		 format_size(RECORDER_MAX_BYTES, size, sizeof(size)));
	recording__warn(r, text);
}

void flight__write(struct recording *r, uint64_t since, uint64_t end)
{
	if (!r->recorder)
		return;
	warn_if_cut(r, since, end);
	sampler__put_counters(r);
	r->w->sink = NULL;
	r->res->overwritten = recorder__write(r->recorder, r->w, since);
}

/* What fired is dumped with what there is of the time after it. */
static void make_last_dumps(struct recording *r)
{
	do
		make_dumps(r, r->res->stop, true);
	while (snapshot__wait(r));
	triggers__finish(r->triggers, &r->res->hits);
	r->w->sink = NULL;
}

void flight__end(struct recording *r)
{
	if (r->triggers)
		make_last_dumps(r);
	else
		flight__write(r, flight__since(r, r->res->stop), r->res->stop);
}
