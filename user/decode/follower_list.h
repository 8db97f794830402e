/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * C functions of one track that are left out because the function that called them is: they have no file of
 * their own that --include-files could know.
 *
 * Collected in a first reading, asked in a second. Calls come in order of their ends, a callee before its
 * caller, so those that wait for one are at hand when it comes. 24 bytes for each that waits, and each
 * that is left out.
 */
#ifndef VTBPF_FOLLOWER_LIST_H
#define VTBPF_FOLLOWER_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct follower { /* a call: its times in ns, and its depth, or FOLLOWER_DEEPEST where it is deeper */
	uint64_t start, end;
	uint32_t depth;
};

#define FOLLOWER_DEEPEST 65535

/* Zeroed is empty. */
struct follower_list {
	struct follower *waiting; /* for their caller */
	size_t n_waiting, waiting_room;
	struct follower *hidden;
	size_t n_hidden, hidden_room;
};

void follower_list__release(struct follower_list *l);

/* A C function's call. 0 or -ENOMEM. */
int follower_list__add(struct follower_list *l, const struct follower *call);

/* Any other call, of that depth, in the same order of ends; and whether it is left out. 0 or -ENOMEM. */
int follower_list__caller(struct follower_list *l, uint32_t depth, bool hidden);

/* After the last call and before the first question. */
void follower_list__ready(struct follower_list *l);

/* Is this C function's call left out? */
bool follower_list__has(const struct follower_list *l, const struct follower *call);

#endif
