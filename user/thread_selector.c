// SPDX-License-Identifier: GPL-2.0-only
#include "thread_selector.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

/* All of s as an unsigned number in that base: false when it is none. */
static bool parse_number(const char *s, int base, uint64_t *value)
{
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	*value = strtoull(s, &end, base);
	return !*end && !errno;
}

bool thread_selector__matches(const char *selector, const struct thread_ids *ids)
{
	uint64_t value;

	if (parse_number(selector, 10, &value))
		return value == ids->tid;
	if (!strncmp(selector, "ident:", 6))
		return parse_number(selector + 6, 0, &value) && value && value == ids->ident;
	if (ids->name && !fnmatch(selector, ids->name, 0))
		return true;
	return ids->comm && *ids->comm && !fnmatch(selector, ids->comm, 0);
}

bool thread_selector__any(const char **selectors, size_t n, const struct thread_ids *ids)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (thread_selector__matches(selectors[i], ids))
			return true;
	}
	return false;
}
