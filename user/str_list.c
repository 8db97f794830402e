// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "str_list.h"

int str_list__copy(const struct str_list *from, struct str_list *to)
{
	to->items = calloc(from->n + 1, sizeof(*to->items));
	if (!to->items)
		return -ENOMEM;
	to->n = from->n;
	for (size_t i = 0; i < from->n; i++)
		to->items[i] = from->items[i];
	return 0;
}
