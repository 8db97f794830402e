/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What becomes of each call of one track when filters look at its callers, though a caller comes after
 * what it called: how deep it is, what cuts above it, who called it.
 *
 * Calls come in order of their ends, or of their starts, callers first. In the former order each takes
 * one byte, and eight more as long as its caller has not come; a call with many callees takes sixteen.
 */
#ifndef VTBPF_CALL_TREE_H
#define VTBPF_CALL_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is known of a call by itself. */
enum call_flags {
	CALL_HIDDEN = 1,   /* left out for its function's sake */
	CALL_CUTS = 2,	   /* and so is all beneath it */
	CALL_FOLLOWS = 4,  /* has no file: its caller's file decides */
	CALL_BAD_FILE = 8, /* its file is left out */
};

/* What becomes of it. */
enum call_fate { CALL_KEPT, CALL_LEFT_OUT, CALL_TOO_DEEP };

struct call_wide;	 /* a call with many callees */
struct call_tree_caller; /* one that is open while the tree is walked */

/* Zeroed is empty. */
struct call_tree {
	bool limited;	    /* set by the caller: levels from max_depth on, the outermost is 0, */
	uint32_t max_depth; /* are too deep */
	bool by_start;	    /* set by the caller: callers come before what they call */
	uint8_t *node;	    /* flags and number of callees; in the end the fate */
	size_t n, room;
	int64_t *waiting; /* starts of calls whose caller has not come */
	size_t n_waiting, waiting_room;
	struct call_wide *wide;
	size_t n_wide, wide_room;
	struct call_tree_caller *open;
	size_t n_open, open_room;
	int64_t last_start, last_end;
	bool not_by_end, not_by_start; /* orders that the calls do not have */
	size_t left_out;	       /* calls with that fate: known once decided */
	size_t next;		       /* of call_tree__next */
};

/* One more call, times in ns. 0 or -ENOMEM. */
int call_tree__add(struct call_tree *t, int64_t start, int64_t end, unsigned int flags);

/* After the last call: decides on all. 0, -ENOMEM, -EAGAIN when the calls have the other order than
 * by_start said (the tree is then empty again, and by_start changed), or -EILSEQ when neither. */
int call_tree__decide(struct call_tree *t);

/* The fates, one call after the other, and back to the first. */
enum call_fate call_tree__next(struct call_tree *t);
void call_tree__rewind(struct call_tree *t);

void call_tree__release(struct call_tree *t);

#endif
