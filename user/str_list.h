/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VTBPF_STR_LIST_H
#define VTBPF_STR_LIST_H

#include <stddef.h>

/* The values of an option that may be given several times. The strings are the owner's. */
struct str_list {
	const char **items;
	size_t n;
};

#endif
