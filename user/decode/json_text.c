// SPDX-License-Identifier: GPL-2.0-only
#include "json_text.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "../utf.h"

#define NUMBER_MAX (INT64_C(1) << 62)

/* ---- ends ------------------------------------------------------------------------------- */

static void open_bracket(struct json_scan *s, bool object)
{
	uint64_t bit = UINT64_C(1) << (s->depth % 64);

	if (s->depth == JSON_DEPTH_MAX) {
		s->bad = true;
		return;
	}
	if (object)
		s->is_object[s->depth / 64] |= bit;
	else
		s->is_object[s->depth / 64] &= ~bit;
	s->depth++;
}

static void close_bracket(struct json_scan *s, bool object)
{
	if (!s->depth--) {
		s->bad = true;
		return;
	}
	s->bad = (s->is_object[s->depth / 64] >> (s->depth % 64) & 1) != object;
	s->done = !s->depth && !s->bad;
}

#define EACH_BYTE(c) (UINT64_C(0x0101010101010101) * (unsigned char)(c))

/* Has the high bit of each byte that is c, and perhaps of some behind the first of these. */
static uint64_t bytes_that_are(uint64_t word, char c)
{
	uint64_t x = word ^ EACH_BYTE(c);

	return (x - EACH_BYTE(1)) & ~x & EACH_BYTE(0x80);
}

/* Where the first quote or backslash is; n when there is none. Strings are short: a call of memchr for
 * each would take longer. */
static inline size_t find_mark(const char *p, size_t n)
{
	size_t i = 0;
	uint64_t word, found;

	for (; n - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, p + i, sizeof(word));
		word = le64toh(word);
		found = bytes_that_are(word, '"') | bytes_that_are(word, '\\');
		if (found)
			return i + (size_t)__builtin_ctzll(found) / 8;
	}
	while (i < n && p[i] != '"' && p[i] != '\\')
		i++;
	return i;
}

/* How long the string at p is, with its quotes, if it ends here and has no escapes; else 0. */
static inline size_t plain_string(const char *p, size_t n)
{
	size_t end = 1 + find_mark(p + 1, n - 1);

	return end < n && p[end] == '"' ? end + 1 : 0;
}

/* Up to and with the quote that ends the string. */
static size_t run_string(struct json_scan *s, const char *p, size_t n)
{
	size_t i = 0;

	for (; i < n; i++) {
		if (s->escaped) {
			s->escaped = false;
			continue;
		}
		i += find_mark(p + i, n - i);
		if (i < n && p[i] == '"') {
			s->in_string = false;
			s->done = !s->depth;
			return i + 1;
		}
		s->escaped = i < n;
	}
	return n;
}

static size_t run_scalar(struct json_scan *s, const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && p[i] != ',' && p[i] != '}' && p[i] != ']' && !json_text__is_blank(p[i]))
		i++;
	s->done = i < n;
	return i;
}

static void begin(struct json_scan *s, char c)
{
	s->scalar = c != '{' && c != '[' && c != '"';
	s->bad = c == ',' || c == '}' || c == ']' || c == ':' || json_text__is_blank(c);
}

/* What matters outside strings. */
static const bool is_mark[256] = {
	['"'] = true, ['{'] = true, ['}'] = true, ['['] = true, [']'] = true,
};

static void see(struct json_scan *s, char c)
{
	switch (c) {
	case '"':
		s->in_string = true;
		break;
	case '{':
	case '[':
		open_bracket(s, c == '{');
		break;
	case '}':
	case ']':
		close_bracket(s, c == '}');
		break;
	default:
		break;
	}
}

size_t json_scan__run(struct json_scan *s, const char *p, size_t n)
{
	size_t i = 0, string;

	if (!s->depth && !s->in_string && !s->scalar && n)
		begin(s, *p);
	while (i < n && !s->done && !s->bad) {
		if (s->in_string)
			i += run_string(s, p + i, n - i);
		else if (s->scalar)
			return run_scalar(s, p, n);
		else if (p[i] == '"' && s->depth && (string = plain_string(p + i, n - i)))
			i += string;
		else if (is_mark[(unsigned char)p[i]])
			see(s, p[i++]);
		else
			while (++i < n && !is_mark[(unsigned char)p[i]])
				;
	}
	return i;
}

/* ---- parts ------------------------------------------------------------------------------ */

static void skip(struct json_span *rest, size_t n)
{
	rest->p += n;
	rest->n -= n;
}

static inline void skip_blanks(struct json_span *rest)
{
	while (rest->n && json_text__is_blank(*rest->p))
		skip(rest, 1);
}

/* How long the value at the begin is, if it is a string without escapes or a number; else 0. */
static size_t simple_value(struct json_span rest)
{
	size_t n = 0;

	if (!rest.n)
		return 0;
	if (*rest.p == '"')
		return plain_string(rest.p, rest.n);
	while (n < rest.n && ((rest.p[n] >= '0' && rest.p[n] <= '9') || rest.p[n] == '.'))
		n++;
	/* what else may belong to it is not looked for here */
	return n && n < rest.n && (rest.p[n] == ',' || rest.p[n] == '}') ? n : 0;
}

/* Takes the value at the begin of rest off it. */
static bool take_value(struct json_span *rest, struct json_span *value)
{
	size_t n = simple_value(*rest);
	struct json_scan s;

	if (n) {
		*value = (struct json_span){ rest->p, n };
		skip(rest, n);
		return true;
	}
	s.depth = 0;
	s.in_string = s.escaped = s.scalar = s.done = s.bad = false;
	n = json_scan__run(&s, rest->p, rest->n);
	if (!s.done)
		return false;
	*value = (struct json_span){ rest->p, n };
	skip(rest, n);
	return true;
}

bool json_text__enter(struct json_span text, char bracket, struct json_span *rest)
{
	if (text.n < 2 || *text.p != bracket)
		return false;
	*rest = text;
	skip(rest, 1);
	skip_blanks(rest);
	return true;
}

/* Past the comma behind a value, to the next one; or to the end. */
static bool to_next(struct json_span *rest)
{
	skip_blanks(rest);
	if (!rest->n)
		return false;
	if (*rest->p != ',')
		return *rest->p == '}' || *rest->p == ']';
	skip(rest, 1);
	skip_blanks(rest);
	return rest->n && *rest->p != '}' && *rest->p != ']';
}

int json_text__next_element(struct json_span *rest, struct json_span *value)
{
	if (!rest->n)
		return -EBADMSG;
	if (*rest->p == ']')
		return 0;
	return take_value(rest, value) && to_next(rest) ? 1 : -EBADMSG;
}

int json_text__next_member(struct json_span *rest, struct json_span *key, struct json_span *value)
{
	if (!rest->n)
		return -EBADMSG;
	if (*rest->p == '}')
		return 0;
	if (*rest->p != '"' || !take_value(rest, key))
		return -EBADMSG;
	skip(key, 1);
	key->n--;
	skip_blanks(rest);
	if (!rest->n || *rest->p != ':')
		return -EBADMSG;
	skip(rest, 1);
	skip_blanks(rest);
	return take_value(rest, value) && to_next(rest) ? 1 : -EBADMSG;
}

bool json_text__find(struct json_span object, const char *key, struct json_span *value)
{
	struct json_span rest, name;

	if (!json_text__enter(object, '{', &rest))
		return false;
	while (json_text__next_member(&rest, &name, value) > 0) {
		if (json_text__is(name, key))
			return true;
	}
	return false;
}

/* ---- numbers ---------------------------------------------------------------------------- */

struct decimal {
	bool negative;
	const char *digits, *end; /* with perhaps a point in between */
	long exponent;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool read_exponent(const char *p, const char *end, long *exponent)
{
	bool negative = p < end && *p == '-';
	const char *first;

	p += p < end && (*p == '-' || *p == '+');
	for (first = p; p < end && is_digit(*p) && *exponent < 1000; p++)
		*exponent = *exponent * 10 + (*p - '0');
	if (negative)
		*exponent = -*exponent;
	return p == end && p > first;
}

static bool read_decimal(struct json_span v, struct decimal *d)
{
	const char *p = v.n ? v.p : "", *end = p + v.n;
	size_t digits = 0, points = 0;

	*d = (struct decimal){ .negative = v.n && *p == '-' };
	p += d->negative;
	for (d->digits = p; p < end && (is_digit(*p) || (*p == '.' && digits)); p++) {
		digits += *p != '.';
		points += *p == '.';
	}
	d->end = p;
	if (!digits || points > 1 || p[-1] == '.')
		return false;
	if (p == end)
		return true;
	return (*p == 'e' || *p == 'E') && read_exponent(p + 1, end, &d->exponent);
}

/* The value times 10^shift, rounded: digit by digit, the point moved by shift and the exponent. */
static bool scale(const struct decimal *d, long shift, int64_t *out)
{
	const char *point = memchr(d->digits, '.', (size_t)(d->end - d->digits)), *p = d->digits;
	long whole = (point ? point : d->end) - d->digits + d->exponent + shift, i = 0;
	int64_t value = 0;
	bool up = false;

	for (; i < whole || p < d->end; i++) {
		int digit = 0;

		if (p < d->end) {
			p += *p == '.';
			digit = *p++ - '0';
		}
		if (i == whole)
			up = digit >= 5;
		if (i >= whole)
			break;
		if (value > (NUMBER_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	value += up;
	*out = d->negative ? -value : value;
	return true;
}

bool json_text__to_int(struct json_span value, int64_t *out)
{
	struct decimal d;

	return read_decimal(value, &d) && scale(&d, 0, out);
}

#define WHOLE_MAX 15 /* digits: with three more the number is below 2^62 */

/* What most of them are, digits and at most three decimals. */
static bool plain_us_to_ns(struct json_span v, int64_t *out)
{
	int64_t value = 0;
	size_t i, decimals = 0;

	for (i = 0; i < v.n && i < WHOLE_MAX && is_digit(v.p[i]); i++)
		value = value * 10 + (v.p[i] - '0');
	if (i && i + 1 < v.n && v.p[i] == '.') {
		for (i++; i < v.n && decimals < 3 && is_digit(v.p[i]); i++, decimals++)
			value = value * 10 + (v.p[i] - '0');
	}
	if (!i || i < v.n)
		return false;
	for (; decimals < 3; decimals++)
		value *= 10;
	*out = value;
	return true;
}

bool json_text__us_to_ns(struct json_span value, int64_t *out)
{
	struct decimal d;

	if (plain_us_to_ns(value, out))
		return true;
	return read_decimal(value, &d) && scale(&d, 3, out);
}

/* ---- strings ---------------------------------------------------------------------------- */

/* Four hex digits behind \u, at p; -1 when they are none. */
static long hex4(const char *p, const char *end)
{
	long value = 0;
	int i;

	if (end - p < 4)
		return -1;
	for (i = 0; i < 4; i++) {
		char c = p[i] | 0x20;

		if (is_digit(p[i]))
			value = value << 4 | (p[i] - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (c - 'a' + 10);
		else
			return -1;
	}
	return value;
}

/* What stands behind "\u"; returns the end of it, NULL when it is wrong. */
static const char *unescape_unicode(const char *p, const char *end, char **out)
{
	long cp = hex4(p, end), low;

	if (cp < 0)
		return NULL;
	p += 4;
	if (cp >= 0xd800 && cp <= 0xdfff) {
		low = end - p >= 6 && p[0] == '\\' && p[1] == 'u' ? hex4(p + 2, end) : -1;
		if (cp < 0xdc00 && low >= 0xdc00 && low <= 0xdfff) {
			cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
			p += 6;
		} else {
			cp = 0xfffd;
		}
	}
	*out = utf8__put((uint32_t)cp, *out);
	return p;
}

static const char *unescape(const char *p, const char *end, char **out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *which;

	if (p == end)
		return NULL;
	if (*p == 'u')
		return unescape_unicode(p + 1, end, out);
	which = memchr(from, *p, sizeof(from) - 1);
	if (!which)
		return NULL;
	*(*out)++ = to[which - from];
	return p + 1;
}

long json_text__unquote(struct json_span value, char *out)
{
	const char *p = value.p + 1, *end = value.p + value.n - 1;
	char *start = out;

	if (value.n < 2 || *value.p != '"' || *end != '"')
		return -EBADMSG;
	while (p && p < end) {
		if (*p == '\\')
			p = unescape(p + 1, end, &out);
		else
			*out++ = *p++;
	}
	*out = '\0';
	return p ? out - start : -EBADMSG;
}
