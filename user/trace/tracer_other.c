// SPDX-License-Identifier: GPL-2.0-only
/* Sites that are no calls': the garbage collector's (--gc), and where marks are set. */
#include <stddef.h>

#include <bpf/libbpf.h>

#include "../log.h"
#include "tracer_state.h"

/* The dearest hit of the plan: most of these are single-stepped. */
uint32_t tracer_other__cost(const struct tracer *t, const struct tracer_config *cfg)
{
	uint32_t most = 0;

	for (size_t i = 0; i < t->plan.n_sites; i++)
		if (cfg->site_costs[i] > most)
			most = cfg->site_costs[i];
	return most;
}

void tracer_other__prepare(struct tracer *t, const struct tracer_config *cfg)
{
	bool by_cookie = t->variant == TRACER_MULTI || t->variant == TRACER_COOKIES;
	struct vtbpf_bpf *skel = t->skel;

	t->gc = by_cookie ? cfg->gc : NULL;
	t->mark = by_cookie ? cfg->mark : NULL;
	if (cfg->mark && !by_cookie)
		log_verbose("note: marks cannot be seen: this kernel has no attach cookies (Linux "
			    "5.15)");
	if (!t->gc)
		tracer__leave_small(skel->maps.gc_running);
	skel->rodata->gc_watched = t->gc != NULL;
	for (size_t i = 0; t->gc && i < t->gc->n; i++)
		skel->rodata->gc_sites[i] = t->gc->places[i].site;
	if (t->gc)
		skel->rodata->gc_stats = t->gc->stats;
	skel->rodata->marks_watched = t->mark != NULL;
	if (t->mark) {
		skel->rodata->mark_args_reg = t->mark->args_reg;
		skel->rodata->mark_nargs_reg = t->mark->nargs_reg;
	}
	bpf_map__set_autocreate(skel->maps.arg_codes, cfg->args);
	bpf_map__set_autocreate(skel->maps.arg_buffers, cfg->args);
	skel->rodata->args_layout = cfg->args_layout;
	if (cfg->args)
		bpf_map__set_max_entries(skel->maps.arg_buffers,
					 bpf_map__max_entries(skel->maps.stacks));
	if (cfg->budgeted)
		skel->rodata->other_site_cost = tracer_other__cost(t, cfg);
}

size_t tracer_other__sites(const struct tracer *t, unsigned long *offsets, __u64 *cookies)
{
	size_t n = 0;

	for (size_t i = 0; t->gc && i < t->gc->n; i++, n++) {
		offsets[n] = t->gc->places[i].offset;
		cookies[n] = VTBPF_COOKIE_GC + i;
	}
	if (t->mark) {
		offsets[n] = t->mark->offset;
		cookies[n++] = VTBPF_COOKIE_MARK;
	}
	return n;
}

uint64_t tracer__lost_events(const struct tracer *t)
{
	return t->skel->bss->events_lost;
}
