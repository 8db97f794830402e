// SPDX-License-Identifier: GPL-2.0-only
/* Windows of a recording in which stacks are sampled (--hz). */
#include <errno.h>
#include <time.h>

#include "../log.h"
#include "recording_state.h"
#include "sample_timers.h"

int sampler__prepare(struct recording *r, struct tracer_config *tracer)
{
	int err = r->reader ? py_reader__states(r->reader, &tracer->states, &r->runtime) : -ENOMEM;

	if (err)
		log_error("process %d: cannot be %s: where its interpreter keeps its threads could "
			  "not be read",
			  r->cfg->target->pid,
			  tracer->sample_period_ns ? "sampled" : "watched for exceptions");
	tracer->runtime = r->runtime;
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

static void put_sampling(struct recording *r, uint64_t ts, uint64_t period)
{
	struct vtbpf_rec_sampling rec = {
		.rec = { .len = sizeof(rec),
			 .kind = VTBPF_REC_SAMPLING,
			 .tid = r->cfg->target->pid },
		.ts = ts,
		.period = period,
	};

	capture_writer__append(r->w, &rec.rec);
}

void sampler__began(struct recording *r, uint64_t start)
{
	if (r->sampling)
		put_sampling(r, start, r->cfg->tracer.sample_period_ns);
}

void sampler__ended(struct recording *r, uint64_t end)
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
	put_sampling(r, end, 0);
	capture_writer__append(r->w, &rec.rec);
}
