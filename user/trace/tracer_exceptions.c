// SPDX-License-Identifier: GPL-2.0-only
/* Exceptions as events (--exceptions): sites and programs of their own. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "tracer_state.h"

void tracer_exceptions__prepare(struct tracer *t, const struct tracer_config *cfg)
{
	struct vtbpf_bpf *skel = t->skel;
	bool on = cfg->exceptions != NULL;

	t->exceptions = cfg->exceptions;
	bpf_program__set_autoload(skel->progs.on_exception_multi, on && t->variant == TRACER_MULTI);
	bpf_program__set_autoload(skel->progs.on_exception_cookie,
				  on && t->variant == TRACER_COOKIES);
	bpf_map__set_autocreate(skel->maps.landings, on);
	bpf_map__set_autocreate(skel->maps.exception_lines, on);
	bpf_map__set_autocreate(skel->maps.exception_works, on);
	bpf_map__set_autocreate(skel->maps.exception_blank, on);
	for (size_t i = 0; on && i < cfg->exceptions->n; i++)
		skel->rodata->exception_sites[i] = cfg->exceptions->places[i].site;
	if (!on)
		return;
	skel->rodata->exception_runtime = t->plan.runtime_vaddr;
	skel->rodata->exceptions = cfg->exception_fields;
}

struct bpf_program *tracer_exceptions__program(const struct tracer *t)
{
	return t->variant == TRACER_MULTI ? t->skel->progs.on_exception_multi :
					    t->skel->progs.on_exception_cookie;
}

static int attach_multi(struct attach_args *a)
{
	LIBBPF_OPTS(bpf_uprobe_multi_opts, opts);
	unsigned long offsets[VTBPF_MAX_EXCEPTION_SITES];
	__u64 cookies[VTBPF_MAX_EXCEPTION_SITES];
	const struct exception_plan *plan = a->t->exceptions;

	for (size_t i = 0; i < plan->n; i++) {
		offsets[i] = plan->places[i].offset;
		cookies[i] = i;
	}
	opts.offsets = offsets;
	opts.cookies = cookies;
	opts.cnt = plan->n;
	if (bpf_program__attach_uprobe_multi(tracer_exceptions__program(a->t), a->pid, a->path,
					     NULL, &opts))
		return 0;
	return -errno;
}

static int attach_each(struct attach_args *a)
{
	const struct exception_plan *plan = a->t->exceptions;

	for (size_t i = 0; i < plan->n; i++) {
		LIBBPF_OPTS(bpf_uprobe_opts, opts, .bpf_cookie = i);

		if (!bpf_program__attach_uprobe_opts(tracer_exceptions__program(a->t), a->pid,
						     a->path, plan->places[i].offset, &opts))
			return -errno;
	}
	return 0;
}

/* Before those of calls: of several programs at one place the kernel runs the newest first, and a call
 * that an exception resumes is to be open when it is told of. */
int tracer_exceptions__attach(struct attach_args *a, char *why, size_t why_size)
{
	int err = 0;

	if (a->t->exceptions)
		err = a->t->variant == TRACER_MULTI ? attach_multi(a) : attach_each(a);
	if (err)
		snprintf(why, why_size, "the kernel refuses the probes for exceptions: %s",
			 strerror(-err));
	return err;
}
