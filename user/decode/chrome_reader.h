/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads a Chrome trace (JSON, plain or gzip) from its begin to its end, event by event, in constant
 * memory. The file is untrusted. What it hands out is the text of the file, byte for byte.
 */
#ifndef VTBPF_CHROME_READER_H
#define VTBPF_CHROME_READER_H

#include "json_text.h"

#define CHROME_EVENT_MAX (16 << 20) /* bytes of one event, and of the key of a member */

enum chrome_item_kind {
	CHROME_END,
	CHROME_EVENT, /* text is one event, a JSON object */
	CHROME_KEY,   /* text is the key of a member besides "traceEvents", with its quotes */
	CHROME_PIECE, /* text is a piece of that member's value; pieces follow one another */
};

struct chrome_item {
	struct json_span text; /* valid until the next call */
};

struct chrome_reader;

/* Does the file at path look like JSON or gzip? */
bool chrome_reader__fits(const char *path);

/* Opens the file. 0 or a negative errno with a sentence in why; -ESPIPE when it cannot be read
 * twice. */
int chrome_reader__open(const char *path, struct chrome_reader **out, char *why, size_t why_size);
void chrome_reader__free(struct chrome_reader *r);

/* The next item: enum chrome_item_kind, or a negative errno: see chrome_reader__why. */
int chrome_reader__next(struct chrome_reader *r, struct chrome_item *item);

/* What is wrong, as a sentence with the place in the (inflated) text. */
const char *chrome_reader__why(const struct chrome_reader *r);

/* Back to the begin. 0 or a negative errno. */
int chrome_reader__rewind(struct chrome_reader *r);

/* Of the file, in bytes. */
uint64_t chrome_reader__size(const struct chrome_reader *r);

#endif
