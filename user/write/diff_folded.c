// SPDX-License-Identifier: GPL-2.0-only
/* Folded stacks with two numbers, BEFORE's and AFTER's self time in ns, or samples: what Brendan Gregg's
 * difffolded.pl writes and flamegraph.pl reads. */
#include <errno.h>
#include <stdlib.h>

#include "../array.h"
#include "../decode/text_set.h"
#include "diff_writer.h"
#include "folded.h"
#include "json_writer.h"

struct diff_lines {
	struct stack_tree tree;
	struct text_set labels;
	struct outbuf *out;
	uint32_t *path; /* of one stack, from its leaf on */
	size_t path_room;
	char *scratch;
};

static int write_frame(struct diff_lines *l, uint32_t frame)
{
	const struct text_entry *e = l->labels.entries[frame];
	char *text = realloc(l->scratch, 3 * e->n + 1);
	size_t n;

	if (!text)
		return -ENOMEM;
	l->scratch = text;
	n = folded__clean(e->text, e->n, text);
	if (!n)
		text[n++] = '?'; /* a frame without a name would be none */
	outbuf__write(l->out, text, n);
	return 0;
}

static int write_line(struct diff_lines *l, uint32_t node)
{
	const struct stack_node *nodes = l->tree.nodes;
	uint32_t i;
	size_t n = 0;
	int err = 0;

	for (i = node; i != STACK_ROOT; i = nodes[i].parent) {
		if (ARRAY_RESERVE(l->path, l->path_room, n + 1))
			return -ENOMEM;
		l->path[n++] = nodes[i].frame;
	}
	while (n-- && !err) {
		err = write_frame(l, l->path[n]);
		outbuf__write(l->out, n ? ";" : " ", 1);
	}
	outbuf__reserve(l->out, 48);
	l->out->at = json__put_u64(l->out->at, nodes[node].count);
	*l->out->at++ = ' ';
	l->out->at = json__put_u64(l->out->at, nodes[node].self);
	outbuf__write(l->out, "\n", 1);
	return err;
}

static int write_folded(const struct diff_output *o, struct outbuf *out)
{
	struct diff_lines l = { .out = out };
	uint32_t i;
	int err = diff_stacks__merge(o->d, &l.tree, &l.labels);

	for (i = 1; i < l.tree.n && !err && !out->err; i++) {
		if (l.tree.nodes[i].count || l.tree.nodes[i].self)
			err = write_line(&l, i);
	}
	stack_tree__release(&l.tree);
	text_set__release(&l.labels);
	free(l.path);
	free(l.scratch);
	return err;
}

const struct diff_format diff_folded = {
	.name = "folded",
	.extension = ".folded",
	.stacks = true,
	.write = write_folded,
};
