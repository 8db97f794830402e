// SPDX-License-Identifier: GPL-2.0-only
#include "html_page.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "../array.h"
#include "../utf.h"
#include "html_assets.h"

#define SECTION_HEAD 5
#define LEVEL 1 /* columns of numbers: 3 makes them smaller by 1 %, and takes twice as long */
#define CHUNK (192 * 1024) /* bytes in a <script>: a multiple of 3, so that none needs padding */
#define CHUNK_BEGIN "<script type=\"application/octet-stream\">"
#define CHUNK_END "</script>\n"

struct html_sink {
	z_stream z;
	unsigned char chunk[CHUNK]; /* zlib's output, waiting to be a whole chunk */
	char base64[CHUNK / 3 * 4 + 4];
};

/* ---- from bytes to chunks --------------------------------------------------------------- */

static size_t put_base64(const unsigned char *p, size_t n, char *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *to = out;
	uint32_t v;

	for (; n >= 3; n -= 3, p += 3) {
		v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
		*to++ = digits[v >> 18];
		*to++ = digits[v >> 12 & 63];
		*to++ = digits[v >> 6 & 63];
		*to++ = digits[v & 63];
	}
	if (!n)
		return (size_t)(to - out);
	v = (uint32_t)p[0] << 16 | (n > 1 ? (uint32_t)p[1] << 8 : 0);
	*to++ = digits[v >> 18];
	*to++ = digits[v >> 12 & 63];
	*to++ = n > 1 ? digits[v >> 6 & 63] : '=';
	*to++ = '=';
	return (size_t)(to - out);
}

static void write_chunk(struct html_page *h)
{
	struct html_sink *s = h->sink;
	size_t n = put_base64(s->chunk, CHUNK - s->z.avail_out, s->base64);

	if (n) {
		outbuf__write(h->out, CHUNK_BEGIN, sizeof(CHUNK_BEGIN) - 1);
		outbuf__write(h->out, s->base64, n);
		outbuf__write(h->out, CHUNK_END, sizeof(CHUNK_END) - 1);
	}
	s->z.next_out = s->chunk;
	s->z.avail_out = CHUNK;
}

static void compress_bytes(struct html_page *h, const unsigned char *p, size_t n, int flush)
{
	z_stream *z = &h->sink->z;
	int err;

	z->next_in = (Bytef *)(uintptr_t)p;
	z->avail_in = (uInt)n;
	do {
		if (!z->avail_out)
			write_chunk(h);
		err = deflate(z, flush);
		if (err == Z_STREAM_ERROR)
			h->err = -EIO;
	} while (!h->err && (z->avail_in || (flush == Z_FINISH && err != Z_STREAM_END)));
	if (flush == Z_FINISH && !h->err)
		write_chunk(h);
}

/* ---- sections --------------------------------------------------------------------------- */

/* Room for n more bytes of the section, or NULL. */
static unsigned char *reserve(struct html_page *h, size_t n)
{
	if (h->err)
		return NULL;
	if (n > UINT32_MAX - h->n) {
		h->err = -E2BIG;
		return NULL;
	}
	h->err = ARRAY_RESERVE(h->body, h->room, h->n + n);
	return h->err ? NULL : h->body + h->n;
}

void html_page__section(struct html_page *h, char kind)
{
	unsigned char *p;

	h->n = 0;
	p = reserve(h, SECTION_HEAD);
	if (!p)
		return;
	*p = (unsigned char)kind;
	h->n = SECTION_HEAD;
}

void html_page__end_section(struct html_page *h)
{
	uint32_t n = (uint32_t)(h->n - SECTION_HEAD);

	if (h->err)
		return;
	for (int i = 0; i < 4; i++)
		h->body[1 + i] = (unsigned char)(n >> (8 * i));
	compress_bytes(h, h->body, h->n, Z_NO_FLUSH);
	h->n = 0;
}

unsigned char *html_page__put_number(unsigned char *p, uint64_t v)
{
	while (v > 127) {
		*p++ = (unsigned char)(v | 128);
		v >>= 7;
	}
	*p++ = (unsigned char)v;
	return p;
}

void html_page__number(struct html_page *h, uint64_t v)
{
	unsigned char *p = reserve(h, 10);

	if (p)
		h->n = (size_t)(html_page__put_number(p, v) - h->body);
}

void html_page__rounded(struct html_page *h, double v)
{
	html_page__number(h, (uint64_t)(fmax(v, 0) + 0.5));
}

void html_page__bytes(struct html_page *h, const void *p, size_t n)
{
	unsigned char *to = reserve(h, n);

	if (!to)
		return;
	if (n)
		memcpy(to, p, n);
	h->n += n;
}

void html_page__text(struct html_page *h, const char *s, size_t n)
{
	char *text = malloc(UTF8_MAX(n));

	if (!text) {
		h->err = h->err ? h->err : -ENOMEM;
		return;
	}
	n = utf8__repair(s, n, text);
	html_page__number(h, n);
	html_page__bytes(h, text, n);
	free(text);
}

void html_page__function(struct html_page *h, const struct profile_function *f)
{
	html_page__text(h, f->name.p, f->name.n);
	html_page__text(h, f->file.n ? f->file.p : "", f->file.n);
	html_page__number(h, f->line);
}

void html_page__fact(struct html_page *h, const char *key, const char *value)
{
	html_page__text(h, key, strlen(key));
	html_page__text(h, value, strlen(value));
}

void html_page__fact_number(struct html_page *h, const char *key, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	html_page__fact(h, key, text);
}

void html_page__list(struct html_page *h, const struct html_list *list)
{
	size_t i = 0;

	while (i < list->n && !h->err) {
		html_page__section(h, list->kind);
		for (; i < list->n && !html_page__is_full(h) && !h->err; i++)
			list->write(list->page, i);
		html_page__end_section(h);
	}
}

/* ---- stacks ----------------------------------------------------------------------------- */

/* Nodes follow their parents: how far back that is, is mostly a small number. The root is not written. */
void html_page__tree(struct html_page *h, const struct html_tree *t)
{
	const struct stack_node *node;
	size_t i = 1;

	while (i < t->tree->n && !h->err) {
		html_page__section(h, 'G');
		html_page__number(h, t->index);
		html_page__number(h, i);
		html_page__number(h, t->before != NULL);
		for (; i < t->tree->n && !html_page__is_full(h) && !h->err; i++) {
			node = &t->tree->nodes[i];
			html_page__number(h, i - node->parent);
			html_page__number(h, node->frame);
			html_page__number(h, node->count);
			html_page__number(h, node->self);
			if (!t->before)
				continue;
			html_page__number(h, t->before->nodes[i].count);
			html_page__number(h, t->before->nodes[i].self);
		}
		html_page__end_section(h);
	}
}

/* ---- the page --------------------------------------------------------------------------- */

static void write_assets(struct outbuf *out, const struct html_asset *assets)
{
	for (; assets->name; assets++)
		outbuf__write(out, assets->begin, (size_t)(assets->end - assets->begin));
}

/* The skeleton from *at to the line `mark`; *at is then behind it. */
static void write_skeleton(struct outbuf *out, const char **at, const char *mark)
{
	size_t n = (size_t)(html_skeleton.end - *at);
	const char *end = memmem(*at, n, mark, strlen(mark));

	if (!end)
		end = html_skeleton.end;
	outbuf__write(out, *at, (size_t)(end - *at));
	*at = end == html_skeleton.end ? end : end + strlen(mark);
}

int html_page__begin(struct html_page *h, struct outbuf *out)
{
	const char *at = html_skeleton.begin;

	memset(h, 0, sizeof(*h));
	h->out = out;
	h->sink = calloc(1, sizeof(*h->sink));
	if (!h->sink)
		return h->err = -ENOMEM;
	if (deflateInit(&h->sink->z, LEVEL) != Z_OK) {
		free(h->sink);
		h->sink = NULL;
		return h->err = -ENOMEM;
	}
	h->sink->z.next_out = h->sink->chunk;
	h->sink->z.avail_out = CHUNK;
	outbuf__write(out, HTML_PAGE_MARK "\n", sizeof(HTML_PAGE_MARK));
	write_skeleton(out, &at, "@STYLE@\n");
	write_assets(out, html_styles);
	write_skeleton(out, &at, "@SCRIPT@\n");
	write_assets(out, html_scripts);
	write_skeleton(out, &at, "@DATA@\n");
	return 0;
}

int html_page__end(struct html_page *h)
{
	const char *at = html_skeleton.begin;
	size_t n = (size_t)(html_skeleton.end - at);

	/* The last section: what comes without it is not whole. */
	html_page__section(h, 'E');
	html_page__end_section(h);
	if (h->err)
		return h->err;
	compress_bytes(h, NULL, 0, Z_FINISH);
	at = memmem(at, n, "@DATA@\n", 7);
	if (at)
		outbuf__write(h->out, at + 7, (size_t)(html_skeleton.end - at) - 7);
	return h->err ? h->err : h->out->err;
}

void html_page__release(struct html_page *h)
{
	if (h->sink)
		deflateEnd(&h->sink->z);
	free(h->sink);
	free(h->body);
	memset(h, 0, sizeof(*h));
}
