/* SPDX-License-Identifier: GPL-2.0-only */
/* What --trigger waits for, as people write it: slow:GLOB>50ms, exception:TYPE[@FUNCTION], gc>20ms,
 * rate:GLOB>1000/s, anomaly:GLOB. */
#ifndef VTBPF_TRIGGER_EXPR_H
#define VTBPF_TRIGGER_EXPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trigger_kind { TRIGGER_SLOW, TRIGGER_EXCEPTION, TRIGGER_GC, TRIGGER_RATE, TRIGGER_ANOMALY };

struct trigger_expr {
	enum trigger_kind kind;
	char *function; /* glob on the qualified name or FILE:NAME; NULL: any, or none at all */
	char *type;	/* of an exception: glob on its name */
	uint64_t limit; /* ns; of a rate: calls in a second */
};

/* 0; -EINVAL with a sentence in why that says what is wrong and what is right; -ENOMEM. */
int trigger_expr__parse(const char *text, struct trigger_expr *e, char *why, size_t why_size);
void trigger_expr__release(struct trigger_expr *e);

/* Is the function meant? */
bool trigger_expr__matches(const struct trigger_expr *e, const char *name, const char *file);

/* Is the type of an exception meant? With or without its module. */
bool trigger_expr__matches_type(const struct trigger_expr *e, const char *tp_name);

#endif
