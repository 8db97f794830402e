// SPDX-License-Identifier: GPL-2.0-only
#include "stack_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_NODES 64
#define NODES_MAX (1u << 31)

int stack_tree__init(struct stack_tree *t)
{
	memset(t, 0, sizeof(*t));
	t->room = FIRST_NODES;
	t->n_slots = FIRST_NODES * 2;
	t->nodes = calloc(t->room, sizeof(*t->nodes));
	t->slots = calloc(t->n_slots, sizeof(*t->slots));
	t->n = 1;
	return t->nodes && t->slots ? 0 : -ENOMEM;
}

void stack_tree__release(struct stack_tree *t)
{
	free(t->nodes);
	free(t->slots);
	memset(t, 0, sizeof(*t));
}

/* A tree of pointers, or uthash, would take three times the memory for what is asked once a call. The
 * mixing is Fibonacci hashing, D. E. Knuth, The Art of Computer Programming 3, 6.4. */
static size_t slot_of(const struct stack_tree *t, uint32_t parent, uint32_t frame)
{
	uint64_t h = ((uint64_t)parent << 32 | frame) * 0x9e3779b97f4a7c15;

	h ^= h >> 32;
	return (h * 0x9e3779b97f4a7c15 >> 20) & (t->n_slots - 1);
}

static void put(struct stack_tree *t, uint32_t node)
{
	size_t i = slot_of(t, t->nodes[node].parent, t->nodes[node].frame);

	while (t->slots[i])
		i = (i + 1) & (t->n_slots - 1);
	t->slots[i] = node;
}

static int grow(struct stack_tree *t)
{
	struct stack_node *nodes;
	uint32_t *slots, i;

	if (t->room >= NODES_MAX)
		return -ENOMEM;
	nodes = realloc(t->nodes, t->room * 2 * sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	t->nodes = nodes;
	slots = calloc(t->n_slots * 2, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(t->slots);
	t->slots = slots;
	t->n_slots *= 2;
	t->room *= 2;
	for (i = 1; i < t->n; i++)
		put(t, i);
	return 0;
}

int64_t stack_tree__child(struct stack_tree *t, uint32_t parent, uint32_t frame)
{
	size_t i = slot_of(t, parent, frame);
	const struct stack_node *node;
	int err;

	for (; t->slots[i]; i = (i + 1) & (t->n_slots - 1)) {
		node = &t->nodes[t->slots[i]];
		if (node->parent == parent && node->frame == frame)
			return t->slots[i];
	}
	if (t->n == t->room) {
		err = grow(t);
		if (err)
			return err;
	}
	t->nodes[t->n] = (struct stack_node){ .parent = parent, .frame = frame };
	put(t, (uint32_t)t->n);
	return (int64_t)t->n++;
}
