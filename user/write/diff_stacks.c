// SPDX-License-Identifier: GPL-2.0-only
/* The stacks of BEFORE and AFTER in one tree. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "../decode/text_set.h"
#include "diff_writer.h"

int64_t diff_stacks__label(const struct diff *d, int which, size_t number, struct text_set *labels)
{
	uint32_t entry = d->entry_of[which][number];
	const struct profile_function *f = &d->side[which].names->functions[number];
	int64_t no;
	char *text;

	if (entry != UINT32_MAX)
		f = diff__function(d, &d->entries[entry]);
	text = malloc(profile__label_size(f));
	if (!text)
		return -ENOMEM;
	no = text_set__add(labels, text, profile__put_label(f, text));
	free(text);
	return no;
}

static int name_frames(const struct diff *d, int which, struct text_set *labels, uint32_t *label_of)
{
	int64_t no;
	size_t i;

	for (i = 0; i < d->side[which].names->n_functions; i++) {
		no = diff_stacks__label(d, which, i, labels);
		if (no < 0)
			return (int)no;
		label_of[i] = (uint32_t)no;
	}
	return 0;
}

/* Nodes come callers first, and so are known when what they call comes. */
static int add_nodes(const struct diff_side *side, int which, struct stack_tree *tree,
		     const uint32_t *label_of)
{
	uint32_t *to = calloc(side->stacks.n, sizeof(*to));
	int64_t node = STACK_ROOT;
	uint64_t value;
	size_t i;

	for (i = 1; to && i < side->stacks.n; i++) {
		const struct stack_node *from = &side->stacks.nodes[i];

		node = stack_tree__child(tree, to[from->parent], label_of[from->frame]);
		if (node < 0)
			break;
		to[i] = (uint32_t)node;
		value = (from->self + side->n_runs / 2) / side->n_runs;
		if (which == DIFF_BEFORE)
			tree->nodes[node].count += value;
		else
			tree->nodes[node].self += value;
	}
	free(to);
	return to && node >= 0 ? 0 : -ENOMEM;
}

int diff_stacks__merge(const struct diff *d, struct stack_tree *tree, struct text_set *labels)
{
	uint32_t *label_of;
	int i, err = stack_tree__init(tree);

	for (i = 0; i < DIFF_SIDES && !err; i++) {
		label_of = calloc(d->side[i].names->n_functions + 1, sizeof(*label_of));
		err = label_of ? name_frames(d, i, labels, label_of) : -ENOMEM;
		if (!err)
			err = add_nodes(&d->side[i], i, tree, label_of);
		free(label_of);
	}
	return err;
}
