/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stretches of one track beneath calls that a filter leaves out with all that they call.
 *
 * Collected in a first reading, asked in a second. Calls come in order of their ends, a callee before
 * its caller, so a stretch swallows those inside it; and two that follow one another with nothing in
 * between become one. What remains are at most as many stretches, of 32 bytes each, as there are
 * calls on the track that are not beneath one, and one more.
 */
#ifndef VTBPF_CUT_LIST_H
#define VTBPF_CUT_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A call: its times in ns, and a rank greater than its caller's, for where times are equal. */
struct cut_span {
	uint64_t start, end;
	uint64_t rank;
};

struct cut {
	struct cut_span span;
	uint64_t loose; /* earliest start of a call between the last stretch and this one */
};

/* Zeroed is empty, and takes calls in order of their ends. */
struct cut_list {
	struct cut *cut;
	size_t n, room;
	uint64_t last_end;
	uint64_t loose;	   /* as in struct cut, since the last stretch */
	bool has_loose;	   /* there was one */
	bool out_of_order; /* a call came after one that ends later */
};

void cut_list__release(struct cut_list *l);

/* A call that cuts; and one that does not. 0 or -ENOMEM. */
int cut_list__add(struct cut_list *l, const struct cut_span *call);
void cut_list__pass(struct cut_list *l, const struct cut_span *call);

/* After the last call and before the first question. Where calls came out of order, answers are only
 * as good as they can be. */
void cut_list__ready(struct cut_list *l);

/* Is the call beneath one of the calls that cut? These themselves are not. */
bool cut_list__covers(const struct cut_list *l, const struct cut_span *call);

#endif
