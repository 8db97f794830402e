// SPDX-License-Identifier: GPL-2.0-only
#include "segment_stacks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct segment_stack {
	uint32_t id;
	uint32_t age;
	uint64_t written; /* number of the last segment that has it */
	struct vtbpf_rec_stack *rec;
	UT_hash_handle hh;
};

static void drop(struct segment_stacks *s, struct segment_stack *stack)
{
	HASH_DEL(s->by_id, stack);
	s->bytes -= stack->rec->rec.len + sizeof(*stack);
	free(stack->rec);
	free(stack);
}

void segment_stacks__release(struct segment_stacks *s)
{
	struct segment_stack *stack, *next;

	HASH_ITER(hh, s->by_id, stack, next)
		drop(s, stack);
}

int segment_stacks__add(struct segment_stacks *s, const struct vtbpf_rec *rec, uint64_t number)
{
	uint32_t id = ((const struct vtbpf_rec_stack *)rec)->id;
	struct segment_stack *stack;

	HASH_FIND_INT(s->by_id, &id, stack);
	if (stack)
		drop(s, stack);
	stack = calloc(1, sizeof(*stack));
	if (stack)
		stack->rec = malloc(rec->len);
	if (!stack || !stack->rec)
		goto fail;
	memcpy(stack->rec, rec, rec->len);
	stack->id = id;
	stack->age = s->age;
	stack->written = number;
	HASH_ADD_INT(s->by_id, id, stack);
	if (stack->hh.tbl) {
		s->bytes += rec->len + sizeof(*stack);
		return 0;
	}
fail:
	if (stack)
		free(stack->rec);
	free(stack);
	return -ENOMEM;
}

const struct vtbpf_rec_stack *segment_stacks__name(struct segment_stacks *s, uint32_t id,
						   uint64_t number)
{
	struct segment_stack *stack;

	HASH_FIND_INT(s->by_id, &id, stack);
	if (!stack || stack->written == number)
		return NULL;
	stack->written = number;
	return stack->rec;
}

static uint32_t n_codes(const struct vtbpf_rec_stack *rec)
{
	uint32_t room = (rec->rec.len - sizeof(*rec)) / sizeof(rec->codes[0]);

	return rec->n < room ? rec->n : room;
}

void segment_stacks__codes(const struct vtbpf_rec_stack *rec, void (*fn)(void *ctx, uint32_t code),
			   void *ctx)
{
	for (uint32_t i = 0; i < n_codes(rec); i++)
		fn(ctx, rec->codes[i]);
}

void segment_stacks__age(struct segment_stacks *s, uint64_t first,
			 void (*fn)(void *ctx, uint32_t code), void *ctx)
{
	struct segment_stack *stack, *next;

	HASH_ITER(hh, s->by_id, stack, next) {
		if (stack->age < s->age && stack->written < first)
			drop(s, stack);
		else
			segment_stacks__codes(stack->rec, fn, ctx);
	}
	s->age++;
}

uint64_t segment_stacks__count(const struct segment_stacks *s)
{
	return HASH_COUNT(s->by_id);
}

void segment_stacks__each(const struct segment_stacks *s, uint64_t first,
			  void (*fn)(void *ctx, const struct vtbpf_rec *rec), void *ctx)
{
	for (const struct segment_stack *stack = s->by_id; stack; stack = stack->hh.next)
		if (stack->written >= first)
			fn(ctx, &stack->rec->rec);
}
