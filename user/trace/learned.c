// SPDX-License-Identifier: GPL-2.0-only
#include "learned.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "watch.h"

struct learned *learned__of(struct learned **all, const char *name, const char *file)
{
	struct learned *l = NULL;
	char *key;

	if (asprintf(&key, "%s:%s", file, name) < 0)
		return NULL;
	HASH_FIND_STR(*all, key, l);
	if (!l && HASH_COUNT(*all) < WATCH_MAX)
		l = calloc(1, sizeof(*l));
	if (!l || l->key) {
		free(key);
		return l;
	}
	l->key = key;
	HASH_ADD_KEYPTR(hh, *all, l->key, strlen(l->key), l);
	return l;
}

void learned__free(struct learned *all)
{
	struct learned *l, *tmp;

	HASH_ITER(hh, all, l, tmp) {
		HASH_DEL(all, l);
		free(l->key);
		free(l);
	}
}
