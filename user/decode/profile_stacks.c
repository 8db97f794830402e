// SPDX-License-Identifier: GPL-2.0-only
#include "profile_stacks.h"

#include "call_walk.h"

struct adding {
	struct stack_tree *tree;
	const uint32_t *frame_of;
	uint32_t root;
};

static int enter(void *arg, struct walk_frame *frame, const struct walk_frame *parent)
{
	struct adding *a = arg;
	int64_t node = stack_tree__child(a->tree, parent ? (uint32_t)parent->user : a->root,
					 a->frame_of[frame->function]);

	if (node < 0)
		return (int)node;
	frame->user = (uint64_t)node;
	a->tree->nodes[node].count++;
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

int profile_stacks__add(const struct profile *p, const struct profile_track *t,
			struct stack_tree *tree, uint32_t root, const uint32_t *frame_of)
{
	struct adding a = { .tree = tree, .frame_of = frame_of, .root = root };
	const struct walk_visitor v = { .enter = enter, .leave = leave, .arg = &a };

	return call_walk__run(p, t, &v);
}
