// SPDX-License-Identifier: GPL-2.0-only
#include "capture_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoder.h"

struct input {
	struct capture *capture;
	uint64_t start; /* of the recording */
};

static int by_start(const void *a, const void *b)
{
	uint64_t x = ((const struct input *)a)->start, y = ((const struct input *)b)->start;

	return x < y ? -1 : x > y;
}

static int read_start(struct input *in)
{
	const struct vtbpf_rec *rec;
	struct event ev;

	if (capture__next(in->capture, &rec) == 1 && rec->kind == VTBPF_REC_SESSION &&
	    !decoder__decode(rec, &ev))
		in->start = ev.session.start;
	return capture__seek(in->capture, capture__start(in->capture));
}

int capture__open_all(struct capture_paths *p, struct capture **out, char *why, size_t why_size)
{
	size_t n = 1 + p->n_more, i;
	struct input *in = calloc(n, sizeof(*in));
	int err = 0;

	p->bad = p->first;
	if (!in) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	for (i = 0; i < n && !err; i++) {
		p->bad = i ? p->more[i - 1] : p->first;
		err = capture__open(p->bad, &in[i].capture, why, why_size);
		if (!err && n > 1 && (err = read_start(&in[i])))
			snprintf(why, why_size, "cannot be read");
	}
	if (err) {
		while (i--)
			capture__free(in[i].capture);
	} else {
		qsort(in, n, sizeof(*in), by_start);
		for (i = 1; i < n; i++)
			capture__append(in[0].capture, in[i].capture);
		*out = in[0].capture;
	}
	free(in);
	return err;
}
