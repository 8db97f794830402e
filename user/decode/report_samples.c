// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "report_stats.h"

/* Adds what has node on its stack to the functions and files that are on it, each once. */
static void add_node(struct report_making *m, const struct profile_track *t, uint32_t node)
{
	const struct stack_node *nodes = t->samples.nodes;
	uint64_t count = nodes[node].count, ns = count * m->p->period;
	struct function_stats *st;
	struct report_function *rf;
	uint32_t i;

	for (i = node; i != STACK_ROOT; i = nodes[i].parent) {
		st = &m->stats[nodes[i].frame];
		rf = &m->r->functions[nodes[i].frame];
		if (!m->file_active[st->file]++) {
			m->r->files[st->file].calls += count;
			m->r->files[st->file].total += ns;
		}
		if (st->active++)
			continue;
		rf->calls += count;
		rf->total += ns;
		st->here.calls += count;
		st->here.total += ns;
	}
	for (i = node; i != STACK_ROOT; i = nodes[i].parent) {
		m->stats[nodes[i].frame].active = 0;
		m->file_active[m->stats[nodes[i].frame].file] = 0;
	}
	m->thread->calls += count;
	m->thread->busy += ns;
	if (node == STACK_ROOT)
		return;
	st = &m->stats[nodes[node].frame];
	rf = &m->r->functions[nodes[node].frame];
	rf->self_samples += count;
	rf->self += ns;
	st->here.self += ns;
	m->r->files[st->file].self += ns;
}

int report_samples__add(struct report_making *m, const struct profile_track *t)
{
	uint32_t i;

	for (i = 0; i < t->samples.n; i++) {
		if (t->samples.nodes[i].count)
			add_node(m, t, i);
	}
	return 0;
}
