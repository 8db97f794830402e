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
	char *last; /* the block that is being filled */
	size_t n_last, last_room;
	uint64_t n; /* records in all */
};

/* Where one is reading: records come from the first to the last, or the other way. Zeroed with spool
 * and list set is at the begin. */
struct spool_cursor {
	struct spool *spool;
	const struct spool_list *list;
	bool backwards;
	uint64_t done; /* records handed out */
	char *block;
	uint64_t block_no; /* whose block that is, plus one; 0 none */
};

/* The file is made where the first record does not fit into memory: in dir, or where that is NULL in
 * $TMPDIR or /var/tmp. Records have record_size <= 64 bytes. NULL when out of memory. */
struct spool *spool__new(const char *dir, size_t record_size);
void spool__free(struct spool *s);

/* Adds a record to the end of the list. 0 or a negative errno. */
int spool__append(struct spool *s, struct spool_list *list, const void *record);

/* Forgets all that was written; lists must be released before. */
void spool__reset(struct spool *s);
void spool_list__release(struct spool_list *list);

/* The next record, valid until the next call: 1, 0 at the end, or a negative errno. */
int spool_cursor__next(struct spool_cursor *c, const void **record);
void spool_cursor__release(struct spool_cursor *c);

#endif
