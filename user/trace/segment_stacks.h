/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sampled stacks that a recording in segments may have to announce again: the kernel side tells of
 * each once, and every capture must be whole by itself. The kernel side forgets what it has told when a
 * segment ends, so that stacks of long ago need not be kept. The flight recorder's segments are the
 * chunks that its samples lie in.
 */
#ifndef VTBPF_SEGMENT_STACKS_H
#define VTBPF_SEGMENT_STACKS_H

#include <stdint.h>

#include <linux/types.h>

#include "../../bpf/vtbpf.h"

struct segment_stack;

struct segment_stacks {
	struct segment_stack *by_id;
	uint32_t age;	/* how often the kernel side has forgotten */
	uint64_t bytes; /* of all */
};

void segment_stacks__release(struct segment_stacks *s);

/* Takes a copy of a VTBPF_REC_STACK that was written in segment `number`. 0 or -ENOMEM. */
int segment_stacks__add(struct segment_stacks *s, const struct vtbpf_rec *rec, uint64_t number);

/* A record in segment `number` names stack `id`: its announcement, where it is to be written first;
 * else NULL. Ours until the next add or age. */
const struct vtbpf_rec_stack *segment_stacks__name(struct segment_stacks *s, uint32_t id,
						   uint64_t number);

/* The kernel side is about to forget. What it had told before the last time goes, unless a segment from
 * `first` on has it; fn is told of the code objects of those that stay. */
void segment_stacks__age(struct segment_stacks *s, uint64_t first,
			 void (*fn)(void *ctx, uint32_t code), void *ctx);

/* Of a stack, for those who name them. */
void segment_stacks__codes(const struct vtbpf_rec_stack *rec, void (*fn)(void *ctx, uint32_t code),
			   void *ctx);

uint64_t segment_stacks__count(const struct segment_stacks *s);

/* The stacks that a segment from `first` on has. */
void segment_stacks__each(const struct segment_stacks *s, uint64_t first,
			  void (*fn)(void *ctx, const struct vtbpf_rec *rec), void *ctx);

#endif
