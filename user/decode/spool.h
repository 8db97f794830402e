/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Many lists of small records of one size, in one unnamed temporary file: for what must be read in
 * another order than it comes, and is too much for memory. Memory is one block for each list, and
 * eight bytes for each 16 KB in the file.
 */
#ifndef VTBPF_SPOOL_H
#define VTBPF_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spool;

/* One list. Zeroed is empty. */
struct spool_list {
	uint64_t *blocks; /* where full blocks lie in the file, in blocks */
	size_t n_blocks, blocks_room;
	char *last;	  /* the block that is being filled */
	char *next, *end; /* where its next record goes, and where its room ends */
	size_t step;	  /* bytes from one record to the next */
	uint64_t n;	  /* records in all */
};

/* Where one is reading: records come from the first to the last, or the other way. Zeroed with spool
 * and list set is at the begin. */
struct spool_cursor {
	struct spool *spool;
	const struct spool_list *list;
	bool backwards;
	uint64_t done;	/* records handed out */
	const char *at; /* the next record, */
	size_t left;	/* and how many there are of its block */
	ptrdiff_t step; /* bytes to the one after it */
	char *block;
};

/* The file is made where the first record does not fit into memory: in dir, or where that is NULL in
 * $TMPDIR or /var/tmp. Records have record_size <= 64 bytes. NULL when out of memory. */
struct spool *spool__new(const char *dir, size_t record_size);
void spool__free(struct spool *s);

/* Makes room where there is none: only for spool__slot. 0 or a negative errno. */
int spool__grow(struct spool *s, struct spool_list *list);

/* One more record at the end of the list, to be filled by the caller. NULL with a negative errno in
 * *err. */
static inline void *spool__slot(struct spool *s, struct spool_list *list, int *err)
{
	void *slot;

	if (__builtin_expect(list->next == list->end, 0)) {
		*err = spool__grow(s, list);
		if (*err)
			return NULL;
	}
	slot = list->next;
	list->next += list->step;
	list->n++;
	return slot;
}

/* Adds a record to the end of the list. 0 or a negative errno. */
int spool__append(struct spool *s, struct spool_list *list, const void *record);

/* Forgets all that was written; lists must be released before. */
void spool__reset(struct spool *s);
void spool_list__release(struct spool_list *list);

/* Goes on to the next block: only for spool_cursor__next. 1, 0 at the end, or a negative errno. */
int spool_cursor__fill(struct spool_cursor *c);

/* The next record, valid until the next call: 1, 0 at the end, or a negative errno. */
static inline int spool_cursor__next(struct spool_cursor *c, const void **record)
{
	if (__builtin_expect(!c->left, 0)) {
		int got = spool_cursor__fill(c);

		if (got <= 0)
			return got;
	}
	*record = c->at;
	c->at += c->step;
	c->left--;
	c->done++;
	return 1;
}

void spool_cursor__release(struct spool_cursor *c);

#endif
