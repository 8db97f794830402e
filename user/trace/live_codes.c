// SPDX-License-Identifier: GPL-2.0-only
/* Which code objects the kernel side may still name in a record. */
#include <errno.h>
#include <stdlib.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tracer_state.h"

#define BATCH 4096
#define MOST \
	(1 << 20) /* elements looked at: a map that changes meanwhile must not hold us for ever */

struct look {
	void (*fn)(void *ctx, uint32_t code);
	void *ctx;
};

struct code_batch {
	struct code_key keys[BATCH];
	struct code_info infos[BATCH];
};

static int look_at_codes(int fd, struct code_batch *b, const struct look *look)
{
	__u32 next = 0, n = BATCH;
	bool begun = false;
	size_t total = 0;
	int err = 0;

	while (!err && total < MOST) {
		n = BATCH;
		/* -ENOENT with the last ones */
		err = bpf_map_lookup_batch(fd, begun ? &next : NULL, &next, b->keys, b->infos, &n,
					   NULL);
		if (err && err != -ENOENT && errno != ENOENT)
			return -errno;
		for (__u32 i = 0; i < n; i++)
			look->fn(look->ctx, b->infos[i].id);
		total += n;
		begun = true;
	}
	return 0;
}

/* The thread runs meanwhile: what it opens now is of a code object that is in the hash, too. */
static void look_at_stack(const struct open_stack *s, const struct thread_state *t,
			  const struct look *look)
{
	for (__u32 i = 0; i < t->depth && i < VTBPF_MAX_DEPTH; i++)
		if (s->f[i].frame)
			look->fn(look->ctx, s->f[i].code);
	for (__u32 i = 0; i < CODE_SLOTS; i++)
		if (s->codes[i].addr)
			look->fn(look->ctx, s->codes[i].id);
	for (__u32 i = 0; i < BATCH_CALLS; i++)
		look->fn(look->ctx, s->batch[i].code);
}

static int look_at_threads(const struct tracer *t, struct open_stack *stack,
			   const struct look *look)
{
	struct thread_map threads = tracer__thread_map(t);
	int stacks = bpf_map__fd(t->skel->maps.stacks);
	struct thread_state state;
	__u32 tid, *prev = NULL;
	size_t n = 0;

	while (n++ < MOST && thread_map__next(&threads, prev, &tid)) {
		prev = &tid;
		if (thread_map__get(&threads, tid, &state) && state.slot != NO_SLOT &&
		    !bpf_map_lookup_elem(stacks, &state.slot, stack))
			look_at_stack(stack, &state, look);
	}
	return n < MOST ? 0 : -E2BIG;
}

static int look_at_deep(int fd, const struct look *look)
{
	struct deep_key key, *prev = NULL;
	struct open_frame f;
	size_t n = 0;

	while (n++ < MOST && !bpf_map_get_next_key(fd, prev, &key)) {
		prev = &key;
		if (!bpf_map_lookup_elem(fd, &key, &f))
			look->fn(look->ctx, f.code);
	}
	return n < MOST ? 0 : -E2BIG;
}

int tracer__live_codes(struct tracer *t, void (*fn)(void *ctx, uint32_t code), void *ctx)
{
	const struct look look = { .fn = fn, .ctx = ctx };
	struct open_stack *stack = malloc(sizeof(*stack));
	struct code_batch *b = malloc(sizeof(*b));
	int err = stack && b ? 0 : -ENOMEM;

	if (!err)
		err = look_at_codes(bpf_map__fd(t->skel->maps.codes), b, &look);
	if (!err)
		err = look_at_threads(t, stack, &look);
	if (!err)
		err = look_at_deep(bpf_map__fd(t->skel->maps.deep_frames), &look);
	free(stack);
	free(b);
	return err;
}
