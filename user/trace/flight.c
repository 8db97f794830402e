// SPDX-License-Identifier: GPL-2.0-only
/* The flight recorder in a recording: what goes into it, what it may forget, what comes out. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "../log.h"
#include "../units.h"
#include "recording_state.h"

static void forget(void *ctx, uint32_t code)
{
	struct recording *r = ctx;

	function_verdicts__forget(r->functions, code);
}

int flight__begin(struct recording *r)
{
	struct recorder_config cfg = {
		.calls = r->cfg->tracer_entries,
		.keep_ns = r->cfg->keep_ns,
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
	return 0;
}

void flight__tick(struct recording *r)
{
	int err;

	if (!r->recorder || !recorder__wants_look(r->recorder))
		return;
	recorder__begin_look(r->recorder);
	err = tracer__live_codes(r->tracer, recorder__see, r->recorder);
	if (err)
		log_debug("cannot tell which code objects are alive: error %d", err);
	recorder__end_look(r->recorder, !err);
}

uint64_t flight__since(const struct recording *r, uint64_t end)
{
	return r->cfg->keep_ns && end > r->cfg->keep_ns ? end - r->cfg->keep_ns : 0;
}

/* Says so where there was not room for all that was asked for. */
static void warn_if_cut(struct recording *r, uint64_t end)
{
	struct recorder_use use;
	char text[256], size[32];

	recorder__use(r->recorder, &use);
	if (!r->cfg->keep_ns || use.cut_until <= flight__since(r, end))
		return;
	snprintf(
		text, sizeof(text),
		"only the newest %.1f s of calls are here, not %.1f s: they came so fast that they "
		"fill the %s that the flight recorder may use",
		end > use.cut_until ? (end - use.cut_until) / 1e9 : 0., r->cfg->keep_ns / 1e9,
		format_size(RECORDER_MAX_BYTES, size, sizeof(size)));
	recording__warn(r, text);
}

void flight__dump(struct recording *r, uint64_t end)
{
	if (!r->recorder)
		return;
	warn_if_cut(r, end);
	r->w->sink = NULL;
	r->res->overwritten = recorder__write(r->recorder, r->w, flight__since(r, end));
}

void flight__end(struct recording *r)
{
	flight__dump(r, r->res->stop);
}
