// SPDX-License-Identifier: GPL-2.0-only
/* What the tracer takes out of the kernel side's maps, and how it empties them. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "sweep.h"
#include "tracer_state.h"

/* ---- size ------------------------------------------------------------------------------- */

#define SMALL_SLOTS 32	   /* at least, with room for as many threads again as there are */
#define SMALL_THREADS 4096 /* a power of two */
#define SMALL_FRAMES 16384
#define SMALL_CODES 16384

void tracer__make_small(struct vtbpf_bpf *skel, const struct tracer_config *cfg)
{
	uint32_t slots = SMALL_SLOTS + 2 * cfg->threads;

	if (!cfg->small)
		return;
	if (slots > VTBPF_MAX_SLOTS || cfg->triggers) /* all stacks are mapped then */
		slots = VTBPF_MAX_SLOTS;
	bpf_map__set_max_entries(skel->maps.stacks, slots);
	bpf_map__set_max_entries(skel->maps.free_slots, slots);
	if (cfg->threads <= SMALL_THREADS / 4) { /* few of them want the same place */
		bpf_map__set_max_entries(skel->maps.threads, SMALL_THREADS);
		bpf_map__set_max_entries(skel->maps.thread_states, SMALL_THREADS);
		skel->rodata->thread_mask = SMALL_THREADS - 1;
	}
	bpf_map__set_max_entries(skel->maps.verdicts, SMALL_THREADS);
	bpf_map__set_max_entries(skel->maps.deep_frames, SMALL_FRAMES);
	bpf_map__set_max_entries(skel->maps.codes, SMALL_CODES);
}

void tracer__leave_small(struct bpf_map *map)
{
	bpf_map__set_max_entries(map, 1);
}

/* ---- reading ---------------------------------------------------------------------------- */

struct thread_map tracer__thread_map(const struct tracer *t)
{
	return (struct thread_map){ .threads_fd = bpf_map__fd(t->skel->maps.threads),
				    .states_fd = bpf_map__fd(t->skel->maps.thread_states) };
}

static void prepare_sweep(struct tracer *t, struct sweep *s, uint64_t end)
{
	*s = (struct sweep){
		.threads = tracer__thread_map(t),
		.stacks_fd = bpf_map__fd(t->skel->maps.stacks),
		.deep_fd = bpf_map__fd(t->skel->maps.deep_frames),
		.min_duration_ns = t->skel->rodata->min_duration_ns,
		.max_stack_depth = t->skel->rodata->max_stack_depth,
		.end = end,
		.totals = t->skel->bss->totals,
	};
}

int tracer__sweep(struct tracer *t, uint64_t end)
{
	struct sweep s;
	int err;

	prepare_sweep(t, &s, end);
	s.fn = t->fn;
	s.ctx = t->ctx;
	err = sweep__run(&s);
	t->swept = s.totals;
	if (!err)
		err = tracer_sched__tell(t, end, t->fn, t->ctx);
	return err ? err : tracer_gil__tell(t, end, t->fn, t->ctx);
}

int tracer__peek(struct tracer *t, uint64_t end, tracer_record_fn fn, void *ctx)
{
	struct sweep s;
	int err;

	prepare_sweep(t, &s, end);
	s.live = true;
	s.fn = fn;
	s.ctx = ctx;
	err = sweep__run(&s);
	if (!err)
		err = tracer_sched__tell(t, end, fn, ctx);
	return err ? err : tracer_gil__tell(t, end, fn, ctx);
}

bool tracer__knows_thread(const struct tracer *t, pid_t tid)
{
	struct thread_map map = tracer__thread_map(t);
	struct thread_state state;

	return thread_map__get(&map, tid, &state);
}

void tracer__counters(const struct tracer *t, struct vtbpf_counters *sum)
{
	struct thread_map map = tracer__thread_map(t);
	struct thread_state state;
	uint32_t tid, *prev = NULL;

	*sum = t->skel->bss->totals;
	while (thread_map__next(&map, prev, &tid)) {
		prev = &tid;
		if (thread_map__get(&map, tid, &state))
			counters__add(sum, &state.count);
	}
}

/* ---- between two stretches -------------------------------------------------------------- */

void tracer__reset(struct tracer *t)
{
	struct thread_map threads = tracer__thread_map(t);

	thread_map__clear(&threads, bpf_map__fd(t->skel->maps.free_slots));
	t->skel->bss->totals = t->swept;
	sweep__clear(bpf_map__fd(t->skel->maps.deep_frames));
	/* Code objects may die unseen until it goes on; each thread's own memory of them, too. */
	sweep__clear(bpf_map__fd(t->skel->maps.codes));
	__atomic_add_fetch(&t->skel->bss->code_generation, 1, __ATOMIC_RELEASE);
	tracer_samples__reset(t);
	tracer_sched__reset(t);
	tracer_gil__reset(t);
	tracer_async__reset(t);
	tracer_c_calls__reset(t);
}

void tracer__rest(struct tracer *t)
{
	struct thread_map threads = tracer__thread_map(t);

	thread_map__clear(&threads, bpf_map__fd(t->skel->maps.free_slots));
	t->skel->bss->totals = t->swept;
	sweep__clear(bpf_map__fd(t->skel->maps.deep_frames));
	__atomic_add_fetch(&t->skel->bss->code_epoch, 1, __ATOMIC_RELEASE);
	__atomic_add_fetch(&t->skel->bss->code_generation, 1, __ATOMIC_RELEASE);
	tracer_samples__reset(t);
	tracer_sched__reset(t);
	tracer_gil__reset(t);
	tracer_async__reset(t);
	tracer_c_calls__reset(t);
}

void tracer__forget_verdicts(struct tracer *t)
{
	sweep__clear(bpf_map__fd(t->skel->maps.verdicts));
	__atomic_add_fetch(&t->skel->bss->generation, 1, __ATOMIC_RELEASE);
}
