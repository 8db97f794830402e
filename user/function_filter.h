/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which functions are traced, by their names and files: --ignore-function, --only-function,
 * --include-files, --exclude-files, --cut. Decided once for each code object; trace/ tells the
 * kernel side, decode/ applies the same to what was written before it knew.
 */
#ifndef VTBPF_FUNCTION_FILTER_H
#define VTBPF_FUNCTION_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "str_list.h"

struct function_filter {
	struct str_list ignore; /* globs on the qualified name or file:name */
	struct str_list only;
	struct str_list include_files; /* prefixes or globs, absolute or relative to cwd */
	struct str_list exclude_files;
	struct str_list args;	 /* globs as the first ones: functions whose arguments are shown */
	struct str_list c_calls; /* globs on the names of C functions, which have no file */
	bool cut;	 /* what the file filters leave out, they leave out with all beneath it */
	const char *cwd; /* of the target, for relative names; NULL unknown */
};

/* Does one of these globs fit the function's name, or file:name? */
bool function_filter__fits(const struct str_list *globs, const char *name, const char *file);

/* Does it leave anything out? */
bool function_filter__is_set(const struct function_filter *f);

/* May it leave out calls for what is above them, so that one must know their callers? */
bool function_filter__cuts(const struct function_filter *f);

/* What the filter says of a function: VTBPF_HIDE_* of bpf/vtbpf.h, 0 to keep it. */
uint8_t function_filter__verdict(const struct function_filter *f, const char *name,
				 const char *file);

#endif
