// SPDX-License-Identifier: GPL-2.0-only
/* Any bytes as a Python string's storage: what comes out is UTF-8, and no longer than was said. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/discover/py_threads.h"
#include "../../user/trace/str_pieces.h"
#include "../../user/utf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_utf8(const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;

	while (n) {
		int len = utf8__check(p, n);

		if (len < 1 || (size_t)len > n)
			abort();
		p += len;
		n -= (size_t)len;
	}
}

static void check_repair(const uint8_t *data, size_t size)
{
	size_t room = UTF8_MAX(size), n;
	char *out = malloc(room + 1);

	n = utf8__repair((const char *)data, size, out);
	if (n > room)
		abort();
	check_utf8(out, n);
	free(out);
}

static void check_storage(const uint8_t *data, size_t size, unsigned int width)
{
	size_t points = size / width, room = ucs__utf8_size(points, width), n;
	char *out = malloc(room + 1), *text;

	n = ucs__to_utf8(data, points, width, out);
	if (n > room)
		abort();
	check_utf8(out, n);
	free(out);
	text = py_utf8(data, points, width);
	if (!text)
		abort();
	check_utf8(text, strlen(text));
	free(text);
}

/* A string in pieces, which say anything of themselves but how many bytes they have. */
static void check_pieces(const uint8_t *data, size_t size)
{
	struct str_pieces pieces = { 0 };
	struct vtbpf_rec_str *rec = malloc(sizeof(*rec) + 256);
	char *text;

	while (size >= sizeof(*rec)) {
		size_t n;

		memcpy(rec, data, sizeof(*rec));
		data += sizeof(*rec);
		size -= sizeof(*rec);
		n = rec->bytes % 256;
		n = n > size ? size : n;
		rec->bytes = (uint16_t)n;
		rec->rec.len = (uint16_t)(sizeof(*rec) + n);
		rec->width = (uint8_t)(1 << rec->width % 3);
		rec->length %= 4096;
		memcpy(rec->data, data, n);
		data += n;
		size -= n;
		text = str_pieces__add(&pieces, rec);
		if (text)
			check_utf8(text, strlen(text));
		free(text);
	}
	str_pieces__reset(&pieces);
	free(rec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_repair(data, size);
	for (unsigned int width = 1; width <= 4; width *= 2)
		check_storage(data, size, width);
	check_pieces(data, size);
	return 0;
}
