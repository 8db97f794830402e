/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JSON as text: where values begin and end, without a tree in memory. The text is untrusted; nesting
 * is bounded. What is inside a value that nobody asks for is only checked as far as needed to find its
 * end: brackets and strings.
 */
#ifndef VTBPF_JSON_TEXT_H
#define VTBPF_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH_MAX 1000

static inline bool json_text__is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* A part of a text. */
struct json_span {
	const char *p;
	size_t n;
};

/* Follows one value through pieces of text. Zeroed is at its begin. */
struct json_scan {
	uint32_t depth;
	bool in_string, escaped;
	bool scalar; /* a number or a word: it ends before what cannot belong to it */
	bool done;   /* the value has ended */
	bool bad;    /* brackets that do not match, too deep, or no value at all */
	uint64_t is_object[(JSON_DEPTH_MAX + 63) / 64];
};

/* Follows the value through n more bytes; returns how many of them belong to it, fewer than n only
 * when it is done or bad. There is no blank before it. */
size_t json_scan__run(struct json_scan *s, const char *p, size_t n);

/* Steps into an object or array, whose text it is, brackets included. false when it is none. */
bool json_text__enter(struct json_span text, char bracket, struct json_span *rest);

/* The next member or element: 1, 0 when there are no more, -EBADMSG. A key has no quotes, a value is as
 * it stands. */
int json_text__next_member(struct json_span *rest, struct json_span *key, struct json_span *value);
int json_text__next_element(struct json_span *rest, struct json_span *value);

/* The member of an object by its key, false when there is none. */
bool json_text__find(struct json_span object, const char *key, struct json_span *value);

static inline bool json_text__is(struct json_span s, const char *text)
{
	return s.n == __builtin_strlen(text) && !__builtin_memcmp(s.p, text, s.n);
}

/* A number as an integer; and a number of microseconds in nanoseconds, rounded from its decimals, with
 * no floating point on the way. false when it is none, or beyond 2^62. */
bool json_text__to_int(struct json_span value, int64_t *out);
bool json_text__us_to_ns(struct json_span value, int64_t *out);

/* The text of a string, escapes resolved, ended by a NUL; out has room for value.n bytes. Its length,
 * or -EBADMSG when it is none. What is no character becomes U+FFFD. */
long json_text__unquote(struct json_span value, char *out);

#endif
