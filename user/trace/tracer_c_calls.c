// SPDX-License-Identifier: GPL-2.0-only
/* --c-calls: programs and sites of their own, besides the plan's. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "sweep.h"
#include "tracer_state.h"

#define FUNCTIONS_MAX 16384 /* that are known at one time */

static struct bpf_program *program(const struct tracer *t)
{
	return t->variant == TRACER_MULTI ? t->skel->progs.on_c_site_multi :
					    t->skel->progs.on_c_site_cookie;
}

void tracer_c_calls__prepare(struct tracer *t, const struct tracer_config *cfg)
{
	bool by_cookie = t->variant == TRACER_MULTI || t->variant == TRACER_COOKIES;
	struct vtbpf_bpf *skel = t->skel;

	t->c_calls = by_cookie ? cfg->c_calls : NULL;
	skel->rodata->c_watched = t->c_calls != NULL;
	bpf_map__set_autocreate(skel->maps.c_functions, t->c_calls != NULL);
	if (!t->c_calls)
		return;
	bpf_program__set_autoload(program(t), true);
	bpf_map__set_max_entries(skel->maps.c_functions, FUNCTIONS_MAX);
	skel->rodata->c_layout = t->c_calls->layout;
	for (size_t i = 0; i < t->c_calls->n; i++) {
		const struct vtbpf_c_site *site = &t->c_calls->places[i].site;

		skel->rodata->c_sites[i] = *site;
		if (site->flags & (VTBPF_C_FRAME_IN_WORD | VTBPF_C_STACK_IN_WORD))
			skel->rodata->sites_in_words = true;
	}
	skel->rodata->c_follow_caller = cfg->c_follow_caller;
	if (cfg->budgeted)
		skel->rodata->c_site_cost = tracer_other__cost(t, cfg);
}

static int attach_multi(const struct attach_args *a)
{
	unsigned long offsets[VTBPF_MAX_C_SITES];
	__u64 cookies[VTBPF_MAX_C_SITES];
	LIBBPF_OPTS(bpf_uprobe_multi_opts, opts, .offsets = offsets, .cookies = cookies);

	for (; opts.cnt < a->t->c_calls->n; opts.cnt++) {
		offsets[opts.cnt] = a->t->c_calls->places[opts.cnt].offset;
		cookies[opts.cnt] = opts.cnt;
	}
	return bpf_program__attach_uprobe_multi(program(a->t), a->pid, a->path, NULL, &opts) ?
		       0 :
		       -errno;
}

static int attach_each(const struct attach_args *a)
{
	for (size_t i = 0; i < a->t->c_calls->n; i++) {
		LIBBPF_OPTS(bpf_uprobe_opts, opts, .bpf_cookie = i);

		if (!bpf_program__attach_uprobe_opts(program(a->t), a->pid, a->path,
						     a->t->c_calls->places[i].offset, &opts))
			return -errno;
	}
	return 0;
}

int tracer_c_calls__attach(const struct attach_args *a, char *why, size_t why_size)
{
	int err = 0;

	if (a->t->c_calls)
		err = a->t->variant == TRACER_MULTI ? attach_multi(a) : attach_each(a);
	if (err)
		snprintf(why, why_size, "the kernel refuses the probes of --c-calls: %s",
			 strerror(-err));
	return err;
}

void tracer_c_calls__reset(struct tracer *t)
{
	if (t->c_calls)
		sweep__clear(bpf_map__fd(t->skel->maps.c_functions));
}
