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
#include "waits.h"

static void prepare_sleeps(struct tracer *t, const struct tracer_config *cfg)
{
	struct vtbpf_bpf *skel = t->skel;

	t->sample_sleeps = cfg->sample_sleeps;
	t->sample_every = 1;
	bpf_program__set_autoload(skel->progs.on_switch, cfg->sample_sleeps);
	if (!cfg->sample_sleeps)
		return;
	waits__of_syscalls((uint8_t *)skel->rodata->syscall_waits);
	skel->rodata->have_task_regs = libbpf_probe_bpf_helper(BPF_PROG_TYPE_RAW_TRACEPOINT,
							       BPF_FUNC_task_pt_regs, NULL) == 1;
}

void tracer_samples__prepare(struct tracer *t, const struct tracer_config *cfg)
{
	struct vtbpf_bpf *skel = t->skel;
	struct bpf_map *maps[] = { skel->maps.sample_processes, skel->maps.sample_stacks,
				   skel->maps.sample_walks };

	bpf_program__set_autoload(skel->progs.on_sample, cfg->sample_period_ns != 0);
	skel->rodata->sample_period_ns = cfg->sample_period_ns;
	skel->rodata->states = cfg->states;
	prepare_sleeps(t, cfg);
	for (size_t i = 0; !cfg->sample_period_ns && i < sizeof(maps) / sizeof(maps[0]); i++)
		tracer__leave_small(maps[i]);
	if (!cfg->sample_period_ns && !(cfg->triggers & VTBPF_WATCH_RAISE) && !cfg->exceptions)
		tracer__leave_small(skel->maps.sample_threads);
}

/* Runs in the holder. */
static int attach(void *ctx, char *why, size_t why_size)
{
	struct attach_args *a = ctx;
	struct vtbpf_bpf *skel = a->t->skel;
	int err = tracer__watch_in_holder(a->t, why, why_size);

	if (!err && a->t->sample_sleeps &&
	    !bpf_program__attach_raw_tracepoint(skel->progs.on_switch, "sched_switch")) {
		err = -errno;
		snprintf(why, why_size, "cannot watch the scheduler: %s", strerror(errno));
	}
	if (err)
		return err;
	return sample_timers__open(a->pid, bpf_program__fd(skel->progs.on_sample),
				   skel->rodata->sample_period_ns * a->t->sample_every, why,
				   why_size);
}

void tracer__sample_each(struct tracer *t, uint32_t every, uint32_t cost)
{
	t->sample_every = every;
	t->skel->bss->sample_cost = cost;
}

/* Samples end nothing: their number says what they will cost. */
static void leave_alarms(struct tracer *t)
{
	t->skel->bss->spent_limit = UINT64_MAX;
	t->holder.alarm_fd = 0;
	t->holder.ending = NULL;
}

int tracer__attach_samples(struct tracer *t, pid_t pid, uint64_t runtime)
{
	struct attach_args args = { .t = t, .pid = pid };
	struct sampled_process process = { .runtime = runtime };
	struct target_process named = {};
	__u32 tgid = pid;
	char why[512] = "";
	int err;

	if (bpf_map_update_elem(bpf_map__fd(t->skel->maps.targets), &tgid, &named, BPF_ANY) ||
	    bpf_map_update_elem(bpf_map__fd(t->skel->maps.sample_processes), &tgid, &process,
				BPF_ANY))
		return -errno;
	t->skel->bss->codes_unwatched = true;
	t->sampling = true;
	leave_alarms(t);
	err = holder__start(&t->holder, attach, &args, why, sizeof(why));
	if (err)
		log_error("cannot sample process %d: %s", pid, why);
	return err;
}

/* ---- sleeps ----------------------------------------------------------------------------- */

/* What is there already is what the kernel has seen. */
void tracer__note_asleep(struct tracer *t, pid_t tid, uint32_t stack, uint32_t wait)
{
	struct sampled_thread asleep = {
		.asleep_since = t->skel->bss->start_ns,
		.sleep_stack = stack,
		.wait = wait,
	};
	__u32 key = tid;

	bpf_map_update_elem(bpf_map__fd(t->skel->maps.sample_threads), &key, &asleep, BPF_NOEXIST);
}

/* As moments_in() of the BPF side, with moments a period from one another: there is no further sleep
 * whose turn they could be. */
static uint64_t periods_asleep(const struct sampled_thread *s, uint64_t end, uint64_t period)
{
	uint64_t ns = end > s->asleep_since ? end - s->asleep_since : 0;
	uint64_t to_moment = s->to_moment ? s->to_moment : period / 2 + 1;

	return ns < to_moment ? 0 : 1 + (ns - to_moment) / period;
}

static void end_sleep(struct tracer *t, pid_t tid, const struct sampled_thread *s, uint64_t end)
{
	struct vtbpf_sample_counters *sum = &t->skel->bss->sample_totals;
	uint64_t period = t->skel->rodata->sample_period_ns, n = periods_asleep(s, end, period);
	struct vtbpf_rec_sleep rec = {
		.rec = { .len = sizeof(rec), .kind = VTBPF_REC_SLEEP, .tid = tid },
		.from = end - n * period,
		.to = end,
		.stack = s->sleep_stack,
		.wait = s->wait,
	};

	switch (s->sleep_stack) {
	case STACK_UNREADABLE:
		sum->unreadable += n;
		return;
	case STACK_IGNORED:
		sum->ignored += n;
		return;
	case STACK_LOST:
		sum->lost += n;
		return;
	}
	sum->taken += n;
	if (n)
		t->fn(t->ctx, &rec.rec);
}

/* What no further record told of; it is told of once, should it go on. Only while nothing is recorded. */
static void end_loss(struct tracer *t, pid_t tid, struct sampled_thread *s)
{
	struct vtbpf_rec_lost rec = {
		.rec = { .len = sizeof(rec),
			 .kind = VTBPF_REC_LOST,
			 .flags = VTBPF_F_LOST_SAMPLES,
			 .tid = tid },
		.lost = s->lost,
		.first = s->lost_first,
		.last = s->lost_last,
	};
	__u32 key = tid;

	t->fn(t->ctx, &rec.rec);
	s->lost = 0;
	bpf_map_update_elem(bpf_map__fd(t->skel->maps.sample_threads), &key, s, BPF_EXIST);
}

void tracer__end_sleeps(struct tracer *t, uint64_t end)
{
	int fd = bpf_map__fd(t->skel->maps.sample_threads);
	struct sampled_thread s;
	__u32 key, *prev = NULL;

	while (!bpf_map_get_next_key(fd, prev, &key)) {
		prev = &key;
		if (bpf_map_lookup_elem(fd, &key, &s))
			continue;
		if (s.lost && !t->skel->bss->active)
			end_loss(t, key, &s);
		if (t->sample_sleeps && s.asleep_since)
			end_sleep(t, key, &s, end);
	}
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
