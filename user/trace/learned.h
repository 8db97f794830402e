/* SPDX-License-Identifier: GPL-2.0-only */
/* What functions usually take, by name: whatever ids their code objects had. */
#ifndef VTBPF_LEARNED_H
#define VTBPF_LEARNED_H

#include <stdint.h>

#include <uthash.h>

#include "usual.h"

struct learned {
	char *key;
	struct usual usual;
	uint64_t limit; /* ns, above which a call is an outlier; 0: not known yet */
	UT_hash_handle hh;
};

/* That of a function, made if there is room for it (WATCH_MAX, watch.h). It stays in *all. NULL. */
struct learned *learned__of(struct learned **all, const char *name, const char *file);

void learned__free(struct learned *all);

#endif
