/* SPDX-License-Identifier: GPL-2.0-only */
/* Several capture files read as one. */
#ifndef VTBPF_CAPTURE_LIST_H
#define VTBPF_CAPTURE_LIST_H

#include "capture.h"

struct capture_paths {
	const char *first;
	const char **more;
	size_t n_more;
	const char *bad; /* filled when one cannot be opened */
};

/* Opens them all as one, in the order of time whatever theirs is: so come the calls of a process that
 * was recorded in several of them. 0, or a negative errno with a sentence in why about p->bad. */
int capture__open_all(struct capture_paths *p, struct capture **out, char *why, size_t why_size);

#endif
