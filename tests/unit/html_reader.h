/* SPDX-License-Identifier: GPL-2.0-only */
/* For tests: the data of an HTML report, as its own page reads it. */
#ifndef VTBPF_HTML_READER_H
#define VTBPF_HTML_READER_H

#include <stddef.h>
#include <stdint.h>

struct html_reader {
	unsigned char *data; /* all sections */
	size_t n, at;
	char kind;		      /* of the section */
	const unsigned char *p, *end; /* what is left of it */
};

/* Takes the data out of a page, and fails the test when it is not whole. */
void html_reader__open(struct html_reader *r, const char *page);
void html_reader__close(struct html_reader *r);

/* Goes to the next section of that kind; 0 at the end. html_reader__rewind goes back to the begin. */
int html_reader__next(struct html_reader *r, char kind);
void html_reader__rewind(struct html_reader *r);

/* What comes next in the section. The text is valid until the next one of four. */
uint64_t html_reader__number(struct html_reader *r);
const char *html_reader__text(struct html_reader *r);

/* The value of a fact, or NULL; valid as texts are. */
const char *html_reader__fact(struct html_reader *r, const char *key);

struct html_slice {
	uint64_t function, flags, depth, start, end;
};

/* The slices of a track, in the order of the file; returns how many there are. */
size_t html_reader__slices(struct html_reader *r, uint64_t track, struct html_slice *out,
			   size_t max);

#endif
