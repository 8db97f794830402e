// SPDX-License-Identifier: GPL-2.0-only
#include "sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "../array.h"

/* Live maps change while one walks over them, which may then begin anew: it must end all the same.
 * More than they have room for. */
#define MOST 131072

/* A frame of the hash, with the thread it belongs to. */
struct deep_entry {
	uint32_t tid;
	struct open_frame f;
};

struct deep_list {
	struct deep_entry *e;
	size_t n, room;
};

/* ---- records ---------------------------------------------------------------------------- */

static int put_lost(struct sweep *s, uint32_t tid, const struct thread_state *t)
{
	struct vtbpf_rec_lost r = {
		.rec = { .len = sizeof(r), .kind = VTBPF_REC_LOST, .tid = tid },
		.lost = t->lost,
		.first = t->lost_first,
		.last = t->lost_last,
	};

	return t->lost ? s->fn(s->ctx, &r.rec) : 0;
}

static int put_thread(struct sweep *s, uint32_t tid, const struct thread_state *t)
{
	struct vtbpf_rec_thread r = {
		.rec = { .len = sizeof(r), .kind = VTBPF_REC_THREAD, .tid = tid },
		.ts = s->end,
		.tgid = t->tgid,
		.start_time = t->start_time,
		.root_self = t->root_self,
		.start_boottime = t->start_ticks * VTBPF_TICK_NS,
	};

	return t->announced ? 0 : s->fn(s->ctx, &r.rec);
}

static int put_open_call(struct sweep *s, uint32_t tid, const struct open_frame *f)
{
	struct vtbpf_rec_call_track r = { .track = f->track };
	struct vtbpf_rec_call *call = &r.call;

	if (f->flags & FRAME_HIDDEN) {
		s->totals.hidden++;
		return 0;
	}
	if (f->start > s->end) /* a hit that was under way at the end: it is not of this trace */
		return 0;
	call->start = f->start;
	call->dur = s->end - f->start;
	if (call->dur < s->min_duration_ns) {
		s->totals.below_min++;
		return 0;
	}
	if (f->depth >= s->max_stack_depth) {
		s->totals.too_deep++;
		return 0;
	}
	call->rec.tid = tid;
	call->rec.kind = f->track ? VTBPF_REC_CALL_TRACK : VTBPF_REC_CALL;
	call->rec.len = f->track ? sizeof(r) : sizeof(*call);
	call->rec.flags = VTBPF_F_OPEN_END;
	if (f->flags & FRAME_OPEN_START)
		call->rec.flags |= VTBPF_F_OPEN_START;
	call->code = f->code;
	call->depth = f->depth;
	s->totals.calls++;
	return s->fn(s->ctx, &call->rec);
}

/* ---- frames in the hash ----------------------------------------------------------------- */

static int by_tid_then_innermost(const void *a, const void *b)
{
	const struct deep_entry *x = a, *y = b;

	if (x->tid != y->tid)
		return x->tid < y->tid ? -1 : 1;
	if (x->f.start != y->f.start)
		return x->f.start > y->f.start ? -1 : 1;
	return (int)y->f.depth - (int)x->f.depth;
}

static int read_deep(struct sweep *s, struct deep_list *list)
{
	struct deep_key key, *prev = NULL;

	while (list->n < MOST && !bpf_map_get_next_key(s->deep_fd, prev, &key)) {
		prev = &key;
		if (ARRAY_RESERVE(list->e, list->room, list->n + 1))
			return -ENOMEM;
		list->e[list->n].tid = key.tid;
		if (!bpf_map_lookup_elem(s->deep_fd, &key, &list->e[list->n].f))
			list->n++;
	}
	if (list->n)
		qsort(list->e, list->n, sizeof(*list->e), by_tid_then_innermost);
	return 0;
}

static int put_deep(struct sweep *s, const struct deep_list *list, uint32_t tid)
{
	int err = 0;

	for (size_t i = 0; i < list->n && !err; i++)
		if (list->e[i].tid == tid)
			err = put_open_call(s, tid, &list->e[i].f);
	return err;
}

/* ---- threads ---------------------------------------------------------------------------- */

void counters__add(struct vtbpf_counters *sum, const struct vtbpf_counters *c)
{
	sum->calls += c->calls;
	sum->lost += c->lost;
	sum->below_min += c->below_min;
	sum->too_deep += c->too_deep;
	sum->ignored += c->ignored;
	sum->hidden += c->hidden;
	sum->duplicates += c->duplicates;
	sum->helpers += c->helpers;
	sum->unmatched += c->unmatched;
	sum->entry_missed += c->entry_missed;
	sum->exit_missed += c->exit_missed;
	sum->unreadable += c->unreadable;
	sum->stale_codes += c->stale_codes;
}

/* Finished calls that were not yet many enough to be written. */
static int put_batch(struct sweep *s, const struct thread_state *t, const struct open_stack *stack)
{
	int err = 0;

	for (__u32 i = 0; i < t->batched && i < BATCH_CALLS && !err; i++) {
		s->totals.calls++;
		err = s->fn(s->ctx, &stack->batch[i].rec);
	}
	return err;
}

static int put_stack(struct sweep *s, uint32_t tid, const struct thread_state *t,
		     const struct open_stack *stack)
{
	__u32 depth = t->depth;
	int err = 0;

	if (depth > VTBPF_MAX_DEPTH)
		depth = VTBPF_MAX_DEPTH;
	while (depth-- && !err)
		if (stack->f[depth].frame)
			err = put_open_call(s, tid, &stack->f[depth]);
	return err;
}

static int put_counters(struct sweep *s)
{
	struct vtbpf_rec_counters r = {
		.rec = { .len = sizeof(r), .kind = VTBPF_REC_COUNTERS },
		.count = s->totals,
	};

	return s->fn(s->ctx, &r.rec);
}

#define LOOKS 8

/* The stack of a thread that may be running: in `stack` remains what two looks at it have in common.
 * A batch written between them is in the ring: then both are taken again. */
static bool read_live(struct sweep *s, uint32_t tid, struct thread_state *t,
		      struct open_stack *stack)
{
	struct open_stack *again = malloc(sizeof(*again));
	struct thread_state t2;
	bool good = false;

	for (int look = 0; again && look < LOOKS && !good; look++) {
		if (!thread_map__get(&s->threads, tid, t) || t->slot == NO_SLOT ||
		    bpf_map_lookup_elem(s->stacks_fd, &t->slot, stack) ||
		    bpf_map_lookup_elem(s->stacks_fd, &t->slot, again) ||
		    !thread_map__get(&s->threads, tid, &t2))
			break;
		good = t2.slot == t->slot && t2.count.calls == t->count.calls &&
		       t2.count.lost == t->count.lost && t2.batched >= t->batched;
	}
	for (__u32 i = 0; good && i < VTBPF_MAX_DEPTH; i++)
		if (i >= t2.depth || memcmp(&stack->f[i], &again->f[i], OPEN_FRAME_SAME))
			stack->f[i].frame = 0;
	free(again);
	return good;
}

static bool read_stack(struct sweep *s, uint32_t tid, struct thread_state *t,
		       struct open_stack *stack)
{
	if (s->live)
		return read_live(s, tid, t, stack);
	return t->slot != NO_SLOT && !bpf_map_lookup_elem(s->stacks_fd, &t->slot, stack);
}

static int sweep_thread(struct sweep *s, uint32_t tid, const struct deep_list *deep,
			struct open_stack *stack)
{
	struct thread_state t;
	bool has_stack;
	int err;

	if (!thread_map__get(&s->threads, tid, &t))
		return 0;
	counters__add(&s->totals, &t.count);
	has_stack = read_stack(s, tid, &t, stack);
	err = has_stack ? put_batch(s, &t, stack) : 0;
	if (err || t.verdict == VERDICT_IGNORE)
		return err;
	err = put_thread(s, tid, &t);
	if (!err)
		err = put_deep(s, deep, tid);
	if (!err && has_stack)
		err = put_stack(s, tid, &t, stack);
	return err ? err : put_lost(s, tid, &t);
}

int sweep__run(struct sweep *s)
{
	struct open_stack *stack = malloc(sizeof(*stack));
	struct deep_list deep = {};
	__u32 tid, *prev = NULL;
	size_t n = 0;
	int err = stack ? read_deep(s, &deep) : -ENOMEM;

	while (!err && n++ < MOST && thread_map__next(&s->threads, prev, &tid)) {
		prev = &tid;
		err = sweep_thread(s, tid, &deep, stack);
	}
	if (!err)
		err = put_counters(s);
	free(deep.e);
	free(stack);
	return err;
}

/* ---- clearing --------------------------------------------------------------------------- */

void sweep__clear(int map_fd)
{
	char keys[2][32];
	void *key = keys[0], *next = keys[1], *other;
	bool more = !bpf_map_get_next_key(map_fd, NULL, key);

	/* The key after it is asked for first: after one that is gone it begins anew. */
	while (more) {
		more = !bpf_map_get_next_key(map_fd, key, next);
		bpf_map_delete_elem(map_fd, key);
		other = key;
		key = next;
		next = other;
	}
}

void sweep__forget_deep(int deep_fd, uint32_t tid)
{
	struct deep_key keys[2], *key = &keys[0], *next = &keys[1], *other;
	bool more = !bpf_map_get_next_key(deep_fd, NULL, key);

	for (size_t n = 0; more && n < MOST; n++) {
		more = !bpf_map_get_next_key(deep_fd, key, next);
		if (key->tid == tid)
			bpf_map_delete_elem(deep_fd, key);
		other = key;
		key = next;
		next = other;
	}
}
