/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VTBPF_STR_LIST_H
#define VTBPF_STR_LIST_H

#include <stddef.h>

/* The values of an option that may be given several times. The strings are the owner's. */
struct str_list {
	const char **items;
	size_t n;
};

/* Copies the list, not the strings, to what holds none yet; to->items is the caller's to free. 0 or
 * -ENOMEM. */
int str_list__copy(const struct str_list *from, struct str_list *to);

#endif
