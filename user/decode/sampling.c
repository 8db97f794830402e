// SPDX-License-Identifier: GPL-2.0-only
#include "sampling.h"

#include <errno.h>
#include <string.h>

int sampling__start(struct sampling *s, struct selection *sel)
{
	memset(s, 0, sizeof(*s));
	s->selection = sel;
	s->slices = sample_slices__new();
	return s->slices ? 0 : -ENOMEM;
}

void sampling__release(struct sampling *s)
{
	sample_slices__free(s->slices);
	memset(s, 0, sizeof(*s));
}

int sampling__end(struct sampling *s)
{
	return sample_slices__close(s->slices);
}

/* Puts the frames that the filters keep into s->frames. Are they all, so that what lies beneath the
 * innermost one is to be shown? */
static bool select_frames(struct sampling *s, const struct sampled_stack *stack)
{
	struct session *session = s->selection->session;
	int most = s->selection->given->max_stack_depth;
	const struct code *code;
	uint8_t verdict;

	s->n = 0;
	if (stack->truncated)
		s->frames[s->n++] = code_table__mark(session->codes, CODE_TRUNCATED);
	for (uint32_t i = stack->n; i--;) {
		code = code_table__get(session->codes, stack->codes[i]);
		verdict = selection__verdict(s->selection, code);
		if (verdict & VTBPF_HIDE_BELOW || (most >= 0 && s->n >= (size_t)most))
			return false;
		if (!(verdict & VTBPF_HIDE_CALL))
			s->frames[s->n++] = code;
	}
	return true;
}

/* One that stands for out->weight periods from out->from to out->to. */
static int add_sample(struct sampling *s, struct thread *th, uint32_t had, struct stack_sample *out)
{
	struct sample_span span = {
		.from = out->from,
		.to = out->to,
		.slack = s->now.period / 2,
		.frames = s->frames,
		.n = s->n,
	};

	if (had && !s->n) {
		s->selection->removed[REMOVED_FUNCTION] += out->weight;
		return 0;
	}
	out->track = track_table__get(s->selection->session->tracks, th, TRACK_THREAD, 0);
	if (!out->track)
		return -ENOMEM;
	out->frames = s->frames;
	out->n = s->n;
	span.track = out->track;
	s->samples += out->weight;
	return sample_slices__add(s->slices, &span) ? -ENOMEM : 1;
}

static int on_sample(struct sampling *s, const struct event *ev, struct stack_sample *out)
{
	struct session *session = s->selection->session;
	const struct sampled_stack *stack = stack_table__get(session->stacks, ev->sample.stack);
	struct thread *th = thread_table__get(session->threads, ev->tid);
	uint64_t covers = ev->sample.weight * s->now.period;

	if (!th)
		return -ENOMEM;
	if (ev->flags & VTBPF_F_UNREADABLE || !s->now.period ||
	    selection__judge_sample(s->selection, th, ev->sample.ts, ev->sample.weight))
		return 0;
	*out = (struct stack_sample){ .to = ev->sample.ts, .weight = ev->sample.weight };
	out->from = out->to > covers ? out->to - covers : 0;
	if (out->from < s->now.ts)
		out->from = s->now.ts < out->to ? s->now.ts : out->to;
	select_frames(s, stack);
	return add_sample(s, th, stack->n, out);
}

/* Whole periods asleep, the rest is kept for the next time. */
static uint64_t sleep_weight(struct sampling *s, struct thread *th, const struct event_sleep *sleep)
{
	uint64_t all = th->unsampled + (sleep->to - sleep->from);

	th->unsampled = all % s->now.period;
	return all / s->now.period;
}

static int on_sleep(struct sampling *s, const struct event *ev, struct stack_sample *out)
{
	struct session *session = s->selection->session;
	const struct sampled_stack *stack = stack_table__get(session->stacks, ev->sleep.stack);
	struct thread *th = thread_table__get(session->threads, ev->tid);
	uint64_t weight;

	if (!th)
		return -ENOMEM;
	if (!s->now.period)
		return 0;
	weight = sleep_weight(s, th, &ev->sleep);
	if (selection__judge_sample(s->selection, th, ev->sleep.from, weight))
		return 0;
	*out = (struct stack_sample){ .from = ev->sleep.from,
				      .to = ev->sleep.to,
				      .weight = weight };
	if (out->from < s->now.ts) /* it is made of whole periods */
		out->from = s->now.ts < out->to ? s->now.ts : out->to;
	if (select_frames(s, stack))
		s->frames[s->n++] = code_table__mark(session->codes, CODE_OFF_CPU + ev->sleep.wait);
	return add_sample(s, th, stack->n, out);
}

int sampling__event(struct sampling *s, const struct event *ev, struct stack_sample *out)
{
	switch (ev->kind) {
	case VTBPF_REC_SAMPLE:
		return on_sample(s, ev, out);
	case VTBPF_REC_SLEEP:
		return on_sleep(s, ev, out);
	case VTBPF_REC_SAMPLING:
		s->now = ev->sampling;
		return sample_slices__close(s->slices);
	default:
		return 0;
	}
}

bool sampling__take(struct sampling *s, struct sampled_slice *out)
{
	uint64_t shortest = s->selection->given->min_duration_ns;

	while (sample_slices__take(s->slices, out)) {
		if (out->dur >= shortest) {
			s->n_slices++;
			return true;
		}
		s->selection->removed[REMOVED_SHORT]++;
	}
	return false;
}
