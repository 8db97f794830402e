/* SPDX-License-Identifier: GPL-2.0-only */
/* Different texts, numbered from 0 on as they come. */
#ifndef VTBPF_TEXT_SET_H
#define VTBPF_TEXT_SET_H

#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

/* One of them: n bytes of any value, and a NUL. */
struct text_entry {
	UT_hash_handle hh;
	uint32_t number;
	uint32_t uses; /* how often it was added */
	size_t n;
	char text[];
};

/* Zeroed is empty. */
struct text_set {
	struct text_entry *by_text, **entries; /* entries: by number */
	size_t n, room;
};

void text_set__release(struct text_set *s);

/* The text's number, or -ENOMEM. */
int64_t text_set__add(struct text_set *s, const char *text, size_t n);

#endif
