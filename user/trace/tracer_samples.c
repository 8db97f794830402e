// SPDX-License-Identifier: GPL-2.0-only
/* The tracer's other half: stacks sampled by timers, without a probe on the target. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../log.h"
#include "sample_timers.h"
#include "sweep.h"
#include "tracer_state.h"

void tracer_samples__prepare(struct tracer *t, const struct tracer_config *cfg)
{
	struct vtbpf_bpf *skel = t->skel;
	struct bpf_map *maps[] = { skel->maps.sample_processes, skel->maps.sample_stacks,
				   skel->maps.sample_walks };

	bpf_program__set_autoload(skel->progs.on_sample, cfg->sample_period_ns != 0);
	skel->rodata->sample_period_ns = cfg->sample_period_ns;
	skel->rodata->states = cfg->states;
	for (size_t i = 0; !cfg->sample_period_ns && i < sizeof(maps) / sizeof(maps[0]); i++)
		bpf_map__set_autocreate(maps[i], false);
	if (!cfg->sample_period_ns && !(cfg->triggers & VTBPF_WATCH_RAISE))
		bpf_map__set_autocreate(skel->maps.sample_threads, false);
}

/* Runs in the holder. */
static int attach(void *ctx, char *why, size_t why_size)
{
	struct attach_args *a = ctx;
	struct vtbpf_bpf *skel = a->t->skel;
	int err = tracer__watch_in_holder(a->t, why, why_size);

	if (err)
		return err;
	return sample_timers__open(a->pid, bpf_program__fd(skel->progs.on_sample),
				   skel->rodata->sample_period_ns, why, why_size);
}

int tracer__attach_samples(struct tracer *t, pid_t pid, uint64_t runtime)
{
	struct attach_args args = { .t = t, .pid = pid };
	struct sampled_process process = { .runtime = runtime };
	__u32 tgid = pid, one = 1;
	char why[512] = "";
	int err;

	if (bpf_map_update_elem(bpf_map__fd(t->skel->maps.targets), &tgid, &one, BPF_ANY) ||
	    bpf_map_update_elem(bpf_map__fd(t->skel->maps.sample_processes), &tgid, &process,
				BPF_ANY))
		return -errno;
	t->skel->bss->codes_unwatched = true;
	err = holder__start(&t->holder, attach, &args, why, sizeof(why));
	if (err)
		log_error("cannot sample process %d: %s", pid, why);
	return err;
}

void tracer__sample_counters(const struct tracer *t, struct vtbpf_sample_counters *sum)
{
	*sum = t->skel->bss->sample_totals;
}

void tracer__forget_stacks(struct tracer *t)
{
	sweep__clear(bpf_map__fd(t->skel->maps.sample_stacks));
}

void tracer_samples__reset(struct tracer *t)
{
	if (!t->skel->rodata->sample_period_ns)
		return;
	t->skel->bss->codes_unwatched = false;
	sweep__clear(bpf_map__fd(t->skel->maps.sample_stacks));
	sweep__clear(bpf_map__fd(t->skel->maps.sample_threads));
}
