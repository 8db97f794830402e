// SPDX-License-Identifier: GPL-2.0-only
/*
 * Folded stacks, one a line, as flamegraph.pl and others read them: thread;caller;callee N. N is the
 * time in ns of that stack alone, or how many samples had it where stacks were sampled.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../array.h"
#include "../decode/profile_stacks.h"
#include "../utf.h"
#include "folded.h"
#include "json_writer.h"
#include "profile_writer.h"
#include "../decode/text_set.h"

struct folded {
	const struct profile *p;
	struct text_set frames; /* of functions and threads: two that read the same are one */
	uint32_t *frame_of;	/* by function */
	struct stack_tree tree;
	char *scratch;
	uint32_t *path; /* of one stack, from its leaf on */
	size_t path_room;
	bool by_count; /* N is a number of samples */
};

size_t folded__clean(const char *s, size_t n, char *out)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t i, len = 0;
	int step;

	for (i = 0; i < n; i += (size_t)(step > 0 ? step : step < 0 ? -step : 1)) {
		step = utf8__check(p + i, n - i);
		if (step <= 0) {
			memcpy(out + len, UTF8_REPLACEMENT, 3);
			len += 3;
		} else if (p[i] == ';') {
			out[len++] = ':';
		} else if (p[i] < 0x20 || p[i] == 0x7f || (p[i] == 0xc2 && p[i + 1] < 0xa0)) {
			out[len++] = '?'; /* control characters, C1 too */
		} else if (step == 3 && p[i] == 0xe2 && p[i + 1] == 0x80 &&
			   (p[i + 2] == 0xa8 || p[i + 2] == 0xa9)) {
			out[len++] = '?'; /* line and paragraph separator */
		} else {
			memcpy(out + len, p + i, (size_t)step);
			len += (size_t)step;
		}
	}
	return len;
}

static int64_t frame(struct folded *f, const char *text, size_t n)
{
	char *out = realloc(f->scratch, 3 * n + 2);

	if (!out)
		return -ENOMEM;
	f->scratch = out;
	n = folded__clean(text, n, out);
	if (!n)
		out[n++] = '?'; /* a frame without a name would be none */
	return text_set__add(&f->frames, out, n);
}

static int name_functions(struct folded *f)
{
	const struct profile *p = f->p;
	size_t i, n;
	int64_t no = 0;
	char *label;

	f->frame_of = calloc(p->n_functions + 1, sizeof(*f->frame_of));
	if (!f->frame_of)
		return -ENOMEM;
	for (i = 0; i < p->n_functions && no >= 0; i++) {
		label = malloc(profile__label_size(&p->functions[i]));
		if (!label)
			return -ENOMEM;
		n = profile__put_label(&p->functions[i], label);
		no = frame(f, label, n);
		free(label);
		f->frame_of[i] = (uint32_t)no;
	}
	return no < 0 ? (int)no : 0;
}

static int64_t thread_node(struct folded *f, const struct profile_track *t)
{
	char *name = profile_writer__track_name(f->p, t);
	int64_t no;

	if (!name)
		return -ENOMEM;
	no = frame(f, name, strlen(name));
	free(name);
	return no < 0 ? no : stack_tree__child(&f->tree, STACK_ROOT, (uint32_t)no);
}

/* Losses have no time of their own: a line of 0 tells how many. */
static int add_losses(struct folded *f, const struct profile_track *t, uint32_t node)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "lost %llu calls", (unsigned long long)t->lost);
	int64_t no = frame(f, text, (size_t)n);

	if (no >= 0)
		no = stack_tree__child(&f->tree, node, (uint32_t)no);
	if (no < 0)
		return (int)no;
	f->tree.nodes[no].count++;
	return 0;
}

static int add_tracks(struct folded *f)
{
	const struct profile_track *t;
	int64_t node;
	size_t i;
	int err = 0;

	for (i = 0; i < f->p->n_tracks && !err; i++) {
		t = f->p->tracks[i];
		if (profile_track__is_empty(t) || (t->is_gaps && !t->lost))
			continue;
		node = thread_node(f, t);
		if (node < 0)
			return (int)node;
		err = t->is_gaps ?
			      add_losses(f, t, (uint32_t)node) :
			      profile_stacks__add(f->p, t, &f->tree, (uint32_t)node, f->frame_of);
	}
	return err;
}

static int write_line(struct folded *f, struct outbuf *o, uint32_t node)
{
	const struct stack_node *nodes = f->tree.nodes;
	const struct text_entry *e;
	size_t n = 0;
	uint32_t i;

	for (i = node; i != STACK_ROOT; i = nodes[i].parent) {
		if (ARRAY_RESERVE(f->path, f->path_room, n + 1))
			return -ENOMEM;
		f->path[n++] = nodes[i].frame;
	}
	while (n--) {
		e = f->frames.entries[f->path[n]];
		outbuf__write(o, e->text, e->n);
		outbuf__write(o, n ? ";" : " ", 1);
	}
	outbuf__reserve(o, 24);
	o->at = json__put_u64(o->at, f->by_count ? nodes[node].count : nodes[node].self);
	outbuf__write(o, "\n", 1);
	return 0;
}

static int write_lines(struct folded *f, struct outbuf *o)
{
	uint32_t i;
	int err = 0;

	for (i = 1; i < f->tree.n && !err && !o->err; i++) {
		if (f->tree.nodes[i].count)
			err = write_line(f, o, i);
	}
	return err;
}

static int folded_profile(struct writer *w, struct profile *p)
{
	struct folded f = { .p = p, .by_count = profile__is_sampled(p) };
	int err = stack_tree__init(&f.tree);

	profile_writer__warn_of_left_out(p);
	if (!err)
		err = name_functions(&f);
	if (!err)
		err = add_tracks(&f);
	if (!err)
		err = write_lines(&f, &w->out);
	stack_tree__release(&f.tree);
	text_set__release(&f.frames);
	free(f.frame_of);
	free(f.scratch);
	free(f.path);
	return err;
}

const struct writer_ops folded_writer = {
	.name = "folded",
	.extension = ".folded",
	.profile = folded_profile,
	PROFILE_WRITER_FUNCTIONS,
};
