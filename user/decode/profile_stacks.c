// SPDX-License-Identifier: GPL-2.0-only
#include "profile_stacks.h"

#include <errno.h>
#include <stdlib.h>

#include "call_walk.h"

struct adding {
	struct stack_tree *tree;
	const uint32_t *frame_of;
	uint32_t root;
	bool sampled;
};

static int enter(void *arg, struct walk_frame *frame, const struct walk_frame *parent)
{
	struct adding *a = arg;
	int64_t node = stack_tree__child(a->tree, parent ? (uint32_t)parent->user : a->root,
					 a->frame_of[frame->function]);

	if (node < 0)
		return (int)node;
	frame->user = (uint64_t)node;
	a->tree->nodes[node].count += !a->sampled;
	return 0;
}

static int leave(void *arg, struct walk_frame *frame, const struct walk_frame *parent)
{
	struct adding *a = arg;
	uint64_t ns = frame->end - frame->start;

	(void)parent;
	if (frame->inner_ns < ns)
		a->tree->nodes[frame->user].self += ns - frame->inner_ns;
	return 0;
}

static int add_calls(const struct profile *p, const struct profile_track *t, struct adding *a)
{
	const struct walk_visitor v = { .counted = true, .enter = enter, .leave = leave, .arg = a };

	return call_walk__run(p, t, &v);
}

/* Nodes of the track's tree come callers first, and so are known when what they call comes. */
static int add_samples(const struct profile *p, const struct profile_track *t, struct adding *a)
{
	const struct stack_tree *from = &t->samples;
	uint32_t *node_of = calloc(from->n, sizeof(*node_of));
	struct stack_node *node;
	int64_t to = a->root;
	size_t i;

	for (i = 0; node_of && i < from->n && to >= 0; i++) {
		if (i)
			to = stack_tree__child(a->tree, node_of[from->nodes[i].parent],
					       a->frame_of[from->nodes[i].frame]);
		if (to < 0)
			break;
		node_of[i] = (uint32_t)to;
		node = &a->tree->nodes[to];
		node->count += from->nodes[i].count;
		node->self += from->nodes[i].count * p->period;
	}
	free(node_of);
	return node_of && to >= 0 ? 0 : -ENOMEM;
}

/* Slices of a sampled trace in JSON: their time tells how many samples they were made of. */
static void count_samples(const struct profile *p, struct stack_tree *tree)
{
	size_t i;

	for (i = 0; i < tree->n; i++)
		tree->nodes[i].count = (tree->nodes[i].self + p->period / 2) / p->period;
}

int profile_stacks__add(const struct profile *p, const struct profile_track *t,
			struct stack_tree *tree, uint32_t root, const uint32_t *frame_of)
{
	struct adding a = { .tree = tree, .frame_of = frame_of, .root = root };
	int err;

	a.sampled = profile__is_sampled(p);
	if (!a.sampled)
		return add_calls(p, t, &a);
	if (p->samples)
		return t->samples.n ? add_samples(p, t, &a) : 0;
	err = add_calls(p, t, &a);
	if (!err)
		count_samples(p, tree);
	return err;
}
