/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A page that shows what is in it, without a server or a network: the files of html/, then the data, in
 * sections. The page's reader.js is the other end of what is written here.
 *
 * A section is one byte that says what is in it, its length (32 bits, little-endian), and so many bytes:
 * numbers in base 128, seven bits a byte, the lowest first; texts as a length and UTF-8. All sections
 * together are one zlib stream, in base64, cut into <script> elements of a type that browsers do not
 * run. So no byte of the target can be taken for a part of the page.
 *
 * Errors stick, as those of an outbuf do.
 */
#ifndef VTBPF_HTML_PAGE_H
#define VTBPF_HTML_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../decode/profile.h"
#include "../decode/stack_tree.h"
#include "outbuf.h"

/* A page begins with this, by which its own files are known. */
#define HTML_PAGE_MARK "<!DOCTYPE html><!-- vtbpf trace -->"

/* Sections longer than that are better ended, and another one begun. */
#define HTML_PAGE_SECTION 262144

struct html_sink;

struct html_page {
	struct outbuf *out;
	struct html_sink *sink; /* from sections to the outbuf */
	unsigned char *body;	/* of the section that is being made */
	size_t n, room;
	int err; /* the first error, a negative errno */
};

/* Begins a page. 0 or a negative errno; release it in any case. out is the caller's. */
int html_page__begin(struct html_page *h, struct outbuf *out);

/* Ends the page. Returns the first error, of out's too. */
int html_page__end(struct html_page *h);
void html_page__release(struct html_page *h);

/* A section: begin, what is in it, end. */
void html_page__section(struct html_page *h, char kind);
void html_page__number(struct html_page *h, uint64_t v);
void html_page__rounded(struct html_page *h, double v);		    /* what is negative is 0 */
void html_page__text(struct html_page *h, const char *s, size_t n); /* bytes of any value */
void html_page__bytes(struct html_page *h, const void *p, size_t n);
void html_page__end_section(struct html_page *h);

/* Has a section enough in it? */
static inline bool html_page__is_full(const struct html_page *h)
{
	return h->n >= HTML_PAGE_SECTION;
}

/* n things in as many sections of a kind as they fill; write(page, i) writes one. */
struct html_list {
	char kind;
	size_t n;
	void (*write)(void *page, size_t i);
	void *page;
};

void html_page__list(struct html_page *h, const struct html_list *list);

/* In section 'F': what each function's numbers follow, its name, file and line. */
void html_page__function(struct html_page *h, const struct profile_function *f);

/* In section 'M': what is known of the whole, by name. */
void html_page__fact(struct html_page *h, const char *key, const char *value);
void html_page__fact_number(struct html_page *h, const char *key, uint64_t value);

/* Writes v in base 128 at p, which has room for 10 bytes; returns where it ends. */
unsigned char *html_page__put_number(unsigned char *p, uint64_t v);

/* Signed numbers, so that small ones of either sign are short. */
static inline uint64_t html_page__zigzag(int64_t v)
{
	return v < 0 ? ~((uint64_t)v << 1) : (uint64_t)v << 1;
}

/* Sections 'G': stacks, by numbers of functions, for a flame graph. With `before`, of the same nodes, one
 * of differences. index: of the track, or of all tracks together, in the page's count. */
struct html_tree {
	uint64_t index;
	const struct stack_tree *tree, *before; /* before may be NULL */
};

void html_page__tree(struct html_page *h, const struct html_tree *t);

#endif
