/* SPDX-License-Identifier: GPL-2.0-only */
/* The forms of `vtbpf diff`. Errors of writing stick in the outbuf. */
#ifndef VTBPF_DIFF_WRITER_H
#define VTBPF_DIFF_WRITER_H

#include "../decode/diff.h"
#include "outbuf.h"

struct diff_output {
	const struct diff *d;
	const char *const *inputs[DIFF_SIDES]; /* names of the files */
	uint64_t limit;			       /* rows; 0: not asked for */
};

struct diff_format {
	const char *name;      /* of --format */
	const char *extension; /* of files, with the dot */
	bool stacks;	       /* wants the diff's stacks */
	int (*write)(const struct diff_output *o, struct outbuf *out);
};

extern const struct diff_format diff_text, diff_json, diff_folded, diff_html;

/* The format of that name or, where name is NULL, of the output's extension; any other extension is
 * NULL, with a sentence for the user in why. path NULL: text. */
const struct diff_format *diff_format__find(const char *name, const char *path, char *why,
					    size_t why_size);

/* "1 slower, 2 new (31 compared, ...)", the caller's to free; NULL when out of memory. */
char *diff_text__summary(const struct diff *d);

struct text_set;

/* The number in labels of what a function of the side is called, or -ENOMEM. */
int64_t diff_stacks__label(const struct diff *d, int which, size_t number, struct text_set *labels);

/* The two trees of stacks in one: frames are numbers of `labels`, the first a thread; count is
 * BEFORE's mean over its runs, self AFTER's. The same function has the same frame on both sides, by its
 * name in AFTER. 0 or -ENOMEM; release both in any case. */
int diff_stacks__merge(const struct diff *d, struct stack_tree *tree, struct text_set *labels);

#endif
