/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Code objects by id: names, file and first line.
 *
 * A code object is announced once or more, its two strings arrive in pieces, in order, perhaps with
 * repeats. A string is kept only when whole; what never became whole reads "<unreadable>".
 */
#ifndef VTBPF_CODE_TABLE_H
#define VTBPF_CODE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "decoder.h"

#define CODE_UNREADABLE "<unreadable>"

/* UTF-8, may hold NULs, and ends in one that len does not count; belongs to the table. */
struct code_text {
	const char *data;
	size_t len;
};

struct code {
	uint32_t id;
	uint32_t part; /* of the session: ids are counted anew in each */
	uint32_t tgid;
	uint32_t line;	       /* co_firstlineno */
	uint32_t flags;	       /* co_flags */
	uint32_t index;	       /* 0, 1, 2... in order of appearance: for a writer's own tables */
	struct code_text file; /* co_filename */
	struct code_text name; /* co_qualname, or co_name up to 3.10 */
};

struct code_table;

/* NULL when out of memory; code_table__free(NULL) is legal. */
struct code_table *code_table__new(void);
void code_table__free(struct code_table *t);

/* A code object was announced (again), or a piece of a string of its came. 0 or -ENOMEM. */
int code_table__announce(struct code_table *t, const struct event_code *ev);
int code_table__piece(struct code_table *t, const struct event_str *ev);

/* What stands in a stack and is no function: its name is in brackets, its file empty. */
enum code_mark {
	CODE_TRUNCATED, /* there are more frames */
	CODE_OFF_CPU,	/* these in the order of enum vtbpf_wait */
	CODE_LOCK,
	CODE_IO,
	CODE_GIL,
	CODE_SLEEP,
	CODE_MARKS,
};

/* The mark of that name, which has no file; -1 for none. */
int code_mark__find(const char *name, size_t n);

const struct code *code_table__mark(const struct code_table *t, enum code_mark mark);

/* From now on ids are those of this part of the session; 0 at first. */
void code_table__part(struct code_table *t, uint32_t part);

/* The code object, never NULL: one of unreadable names stands in for ids that were never
 * announced. */
const struct code *code_table__get(struct code_table *t, uint32_t id);

/* How many there are, the stand-in and the marks included: indexes are below this. */
size_t code_table__count(const struct code_table *t);

#endif
