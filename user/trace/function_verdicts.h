/* SPDX-License-Identifier: GPL-2.0-only */
/* The function filter at work while tracing: reads the names of code objects as they come, decides
 * on each once, and tells the kernel side. */
#ifndef VTBPF_FUNCTION_VERDICTS_H
#define VTBPF_FUNCTION_VERDICTS_H

#include "../function_filter.h"
#include "tracer.h"

struct function_verdicts;

/* The filter is copied, its strings and the tracer must outlive the result. NULL: no memory. */
struct function_verdicts *function_verdicts__new(const struct function_filter *filter,
						 struct tracer *tracer);
void function_verdicts__free(struct function_verdicts *v);

/* From now on fn hears of each code object whose names have become known. */
void function_verdicts__tell(struct function_verdicts *v,
			     void (*fn)(void *ctx, uint32_t code, const char *name,
					const char *file),
			     void *ctx);

/* Takes a piece of a code object's file name or name. */
void function_verdicts__note(struct function_verdicts *v, const struct vtbpf_rec_str *rec);

/* Its id will not be named again. */
void function_verdicts__forget(struct function_verdicts *v, uint32_t code);

/* Adds a glob to those of --ignore-function, for functions known and yet to come. 0 or -ENOMEM. */
int function_verdicts__ignore(struct function_verdicts *v, const char *glob);

#endif
