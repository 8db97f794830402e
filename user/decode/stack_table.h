/* SPDX-License-Identifier: GPL-2.0-only */
/* Sampled stacks by id, as the capture announces them. */
#ifndef VTBPF_STACK_TABLE_H
#define VTBPF_STACK_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoder.h"

struct sampled_stack {
	uint32_t n;
	bool truncated;	  /* there were frames beyond the outermost of these */
	uint32_t codes[]; /* ids of code objects, innermost first */
};

struct stack_table;

/* NULL when out of memory; stack_table__free(NULL) is legal. */
struct stack_table *stack_table__new(void);
void stack_table__free(struct stack_table *t);

/* A stack was announced (again: the last one holds). 0 or -ENOMEM. */
int stack_table__announce(struct stack_table *t, const struct event *ev);

/* From now on ids are those of this part of the session; 0 at first. */
void stack_table__part(struct stack_table *t, uint32_t part);

/* The stack, never NULL: an empty one stands in for ids that were never announced. */
const struct sampled_stack *stack_table__get(struct stack_table *t, uint32_t id);

#endif
