// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "html_reader.h"

#define DATA_MAX (16u << 20)
#define TEXTS 4
#define CHUNK "<script type=\"application/octet-stream\">"

static int digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Base64 up to the '<' behind it; returns how many bytes that is. */
static size_t decode(const char *p, unsigned char *out)
{
	unsigned char *to = out;
	uint32_t bits = 0;
	int n = 0;

	for (; *p != '<' && *p != '='; p++) {
		assert_true(digit(*p) >= 0);
		bits = bits << 6 | (uint32_t)digit(*p);
		n += 6;
		if (n >= 8) {
			n -= 8;
			*to++ = (unsigned char)(bits >> n);
		}
	}
	return (size_t)(to - out);
}

void html_reader__open(struct html_reader *r, const char *page)
{
	unsigned char *packed = malloc(DATA_MAX);
	uLongf n = DATA_MAX;
	size_t n_packed = 0;
	const char *at;

	memset(r, 0, sizeof(*r));
	r->data = malloc(DATA_MAX);
	assert_non_null(packed);
	assert_non_null(r->data);
	for (at = page; (at = strstr(at, CHUNK)) != NULL;) {
		at += strlen(CHUNK);
		n_packed += decode(at, packed + n_packed);
		assert_true(n_packed < DATA_MAX);
	}
	assert_int_equal(uncompress(r->data, &n, packed, n_packed), Z_OK);
	r->n = n;
	free(packed);
	assert_true(html_reader__next(r, 'E'));
	assert_int_equal(r->at, r->n);
	html_reader__rewind(r);
}

void html_reader__close(struct html_reader *r)
{
	free(r->data);
}

void html_reader__rewind(struct html_reader *r)
{
	r->at = 0;
	r->p = r->end = NULL;
}

int html_reader__next(struct html_reader *r, char kind)
{
	const unsigned char *head;
	size_t n;

	while (r->at < r->n) {
		assert_true(r->n - r->at >= 5);
		head = r->data + r->at;
		n = head[1] | (size_t)head[2] << 8 | (size_t)head[3] << 16 | (size_t)head[4] << 24;
		assert_true(n <= r->n - r->at - 5);
		r->at += 5 + n;
		if (*head != (unsigned char)kind)
			continue;
		r->kind = kind;
		r->p = head + 5;
		r->end = r->p + n;
		return 1;
	}
	return 0;
}

uint64_t html_reader__number(struct html_reader *r)
{
	uint64_t v = 0;
	int shift = 0;

	do {
		assert_true(r->p < r->end && shift < 64);
		v |= (uint64_t)(*r->p & 127) << shift;
		shift += 7;
	} while (*r->p++ & 128);
	return v;
}

const char *html_reader__text(struct html_reader *r)
{
	static char texts[TEXTS][128 * 1024];
	static int next;
	char *text = texts[next++ % TEXTS];
	uint64_t n = html_reader__number(r);

	assert_true(n < sizeof(texts[0]) && n <= (uint64_t)(r->end - r->p));
	memcpy(text, r->p, n);
	text[n] = '\0';
	r->p += n;
	return text;
}

const char *html_reader__fact(struct html_reader *r, const char *key)
{
	const char *found, *value;

	html_reader__rewind(r);
	assert_true(html_reader__next(r, 'M'));
	while (r->p < r->end) {
		found = html_reader__text(r);
		value = html_reader__text(r);
		if (!strcmp(found, key))
			return value;
	}
	return NULL;
}

/* ---- slices ----------------------------------------------------------------------------- */

struct track_state {
	int backwards;
	uint64_t edges[256]; /* by depth */
};

static void begin_track(struct html_reader *r, uint64_t track, struct track_state *s)
{
	memset(s, 0, sizeof(*s));
	s->edges[0] = strtoull(html_reader__fact(r, "span_ns"), NULL, 10);
	html_reader__rewind(r);
	assert_true(html_reader__next(r, 'T'));
	for (uint64_t i = 0; i <= track; i++) {
		for (int k = 0; k < 3; k++)
			html_reader__number(r);
		s->backwards = (int)(html_reader__number(r) & 1);
		html_reader__number(r);
		html_reader__text(r);
	}
	if (!s->backwards)
		s->edges[0] = 0;
	html_reader__rewind(r);
}

static void place(struct track_state *s, struct html_slice *slice, uint64_t z, uint64_t dur)
{
	int64_t gap = z & 1 ? -(int64_t)((z + 1) / 2) : (int64_t)(z / 2);
	uint64_t *edge = &s->edges[slice->depth];

	assert_true(slice->depth < 255);
	if (s->backwards) {
		slice->end = *edge - (uint64_t)gap;
		slice->start = slice->end - dur;
		edge[0] = slice->start;
		edge[1] = slice->end;
	} else {
		slice->start = *edge + (uint64_t)gap;
		slice->end = slice->start + dur;
		edge[0] = slice->end;
		edge[1] = slice->start;
	}
}

static size_t read_block(struct html_reader *r, struct track_state *s, struct html_slice *out,
			 size_t max)
{
	struct html_reader columns[4];
	size_t n = html_reader__number(r), i, size;
	uint64_t v;

	assert_true(n <= max);
	for (i = 0; i < 4; i++) {
		size = html_reader__number(r);
		assert_true(size <= (size_t)(r->end - r->p));
		columns[i] = (struct html_reader){ .p = r->p, .end = r->p + size };
		r->p += size;
	}
	for (i = 0; i < n; i++) {
		v = html_reader__number(&columns[0]);
		out[i].function = v >> 3;
		out[i].flags = v & 7;
		out[i].depth = html_reader__number(&columns[1]);
		v = html_reader__number(&columns[2]);
		place(s, &out[i], v, html_reader__number(&columns[3]));
	}
	for (i = 0; i < 4; i++)
		assert_ptr_equal(columns[i].p, columns[i].end);
	return n;
}

size_t html_reader__slices(struct html_reader *r, uint64_t track, struct html_slice *out,
			   size_t max)
{
	struct track_state s;
	size_t n = 0;

	begin_track(r, track, &s);
	while (html_reader__next(r, 'S')) {
		if (html_reader__number(r) == track)
			n += read_block(r, &s, out + n, max - n);
	}
	return n;
}
