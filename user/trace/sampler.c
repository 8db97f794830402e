// SPDX-License-Identifier: GPL-2.0-only
/* Windows of a recording in which stacks are sampled (--hz). */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "../discover/proc_task.h"
#include "../discover/py_interpreters.h"
#include "../log.h"
#include "recording_state.h"
#include "sample_timers.h"
#include "waits.h"

int sampler__prepare(struct recording *r, struct tracer_config *tracer)
{
	int err = r->reader ? py_reader__states(r->reader, &tracer->states, &r->runtime) : -ENOMEM;

	if (err && pacing_samples__give_up(r, tracer))
		return 0;
	if (err)
		log_error("process %d: cannot be %s: where its interpreter keeps its threads could "
			  "not be read",
			  r->cfg->target->pid,
			  tracer->sample_period_ns ? "sampled" : "watched for exceptions");
	tracer->runtime = r->runtime;
	if (!err && tracer->exceptions)
		py_reader__exceptions(r->reader, &tracer->exception_fields);
	r->sample_period = tracer->sample_period_ns;
	r->sampling = tracer->variant == TRACER_SAMPLES;
	return err;
}

int sampler__attach(struct recording *r)
{
	return tracer__attach_samples(r->tracer, r->cfg->target->pid, r->runtime);
}

void sampler__note_thread(struct recording *r, pid_t tid)
{
	if (r->sampling)
		sample_timers__separate(tid);
}

/* ---- threads that are asleep already ----------------------------------------------------- */

#define MAX_GILS 64

struct sleepers {
	struct recording *r;
	struct py_gil gils[MAX_GILS];
	int n_gils;
};

/* What is noted counts only of a thread that has not run since recording began: its stack is right. */
static void note_asleep(void *ctx, pid_t tid, uint32_t stack)
{
	const struct sleepers *s = ctx;
	pid_t pid = s->r->cfg->target->pid;
	uint32_t wait = VTBPF_WAIT_OFF_CPU;
	struct proc_syscall call;
	struct proc_task task;

	if (proc_task__read(pid, tid, &task) || (task.state != 'S' && task.state != 'D'))
		return;
	if (!proc_task__syscall(pid, tid, &call))
		wait = waits__of_call(&call, s->gils, s->n_gils);
	tracer__note_asleep(s->r->tracer, tid, stack, wait);
}

void sampler__look_at_sleepers(struct recording *r)
{
	struct sleepers s = { .r = r };
	pid_t pid = r->cfg->target->pid, *tids = NULL;
	struct idle_threads *idle;
	size_t n = 0;

	if (!r->cfg->tracer.sample_sleeps)
		return;
	s.n_gils = py_gils__read(r->reader, s.gils, MAX_GILS);
	idle = idle_threads__new(r->reader, pid);
	if (idle)
		idle_threads__write_stacks(idle, pid, r->w, note_asleep, &s);
	idle_threads__free(idle);
	/* and those that run no Python code */
	if (!proc_task__list(pid, &tids, &n))
		for (size_t i = 0; i < n; i++)
			note_asleep(&s, tids[i], 0);
	free(tids);
}

/* ---- windows ---------------------------------------------------------------------------- */

static void put_sampling(struct recording *r, uint64_t ts, uint64_t period)
{
	struct vtbpf_rec_sampling rec = {
		.rec = { .len = sizeof(rec),
			 .kind = VTBPF_REC_SAMPLING,
			 .tid = r->cfg->target->pid },
		.ts = ts,
		.period = period,
		.wall = r->cfg->tracer.sample_sleeps,
		.every = r->cfg->budget ? r->pacing.samples.every : 1,
	};

	capture_writer__append(r->w, &rec.rec);
}

void sampler__began(struct recording *r, uint64_t start)
{
	if (r->sampling)
		put_sampling(r, start, r->sample_period);
}

uint64_t sampler__periods(const struct recording *r)
{
	struct vtbpf_sample_counters n;

	tracer__sample_counters(r->tracer, &n);
	return n.taken + n.lost + n.unreadable + n.ignored;
}

void sampler__put_counters(struct recording *r)
{
	struct vtbpf_rec_sample_counters rec = {
		.rec = { .len = sizeof(rec),
			 .kind = VTBPF_REC_SAMPLE_COUNTERS,
			 .tid = r->cfg->target->pid },
	};

	if (!r->sampling)
		return;
	tracer__sample_counters(r->tracer, &rec.count);
	r->res->samples = rec.count;
	capture_writer__append(r->w, &rec.rec);
}

void sampler__ended(struct recording *r, uint64_t end)
{
	if (!r->sampling)
		return;
	tracer__end_sleeps(r->tracer, r->window_stop);
	put_sampling(r, end, 0);
	sampler__put_counters(r);
}
