/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The distinct stacks of a trace, as a tree: a node is a frame beneath its caller's. Memory grows with
 * the number of distinct stacks.
 */
#ifndef VTBPF_STACK_TREE_H
#define VTBPF_STACK_TREE_H

#include <stddef.h>
#include <stdint.h>

#define STACK_ROOT 0 /* node of the empty stack */

struct stack_node {
	uint32_t parent;
	uint32_t frame; /* the caller's number of what the frame is */
	uint64_t count; /* calls, or samples, that have exactly this stack */
	uint64_t self;	/* ns, of them alone */
};

struct stack_tree {
	struct stack_node *nodes; /* nodes[STACK_ROOT] is the root; parents come before children */
	size_t n, room;
	uint32_t *slots; /* hash of (parent, frame) to node; 0 empty */
	size_t n_slots;	 /* a power of two */
};

/* Makes it empty: a root alone. 0 or -ENOMEM; release in any case. */
int stack_tree__init(struct stack_tree *t);
void stack_tree__release(struct stack_tree *t);

/* The node of that frame beneath parent, made when there is none. Or -ENOMEM, also when there are
 * 2^31 nodes. */
int64_t stack_tree__child(struct stack_tree *t, uint32_t parent, uint32_t frame);

#endif
