// SPDX-License-Identifier: GPL-2.0-only
#include "terminal.h"

#include <locale.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "../utf.h"

#define ELLIPSIS "\xe2\x80\xa6"
#define REPLACEMENT 0xfffd
#define SHOWN_MAX 8 /* bytes of one character as it is shown: \uNNNN and a NUL */

/* One character of the text, as the terminal gets it. */
struct shown {
	char bytes[SHOWN_MAX];
	size_t n, columns;
};

/* Character classes of Unicode, whatever the language of the user. */
static locale_t unicode(void)
{
	static locale_t locale;

	if (!locale)
		locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
	return locale;
}

static uint32_t decode(const unsigned char *p, int len)
{
	static const unsigned char first_mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t c = p[0] & first_mask[len];
	int i;

	for (i = 1; i < len; i++)
		c = c << 6 | (p[i] & 0x3f);
	return c;
}

/* Characters without a width of their own that rearrange what stands around them (Unicode 15,
 * Bidi_Control), or end a line. */
static bool is_format(uint32_t c)
{
	return c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static size_t width_of(uint32_t c)
{
	locale_t before = unicode() ? uselocale(unicode()) : (locale_t)0;
	int width = wcwidth((wchar_t)c);

	if (before)
		uselocale(before);
	return width < 0 ? 1 : width;
}

static void show_escaped(uint32_t c, struct shown *out)
{
	out->n = out->columns = snprintf(out->bytes, sizeof(out->bytes),
					 c < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned int)c);
}

/* Shows the character at p, of whose n bytes it returns how many it took. */
static size_t show(const unsigned char *p, size_t n, struct shown *out)
{
	int len = utf8__check(p, n);
	uint32_t c = len > 0 ? decode(p, len) : REPLACEMENT;

	if (len <= 0) {
		out->n = strlen(UTF8_REPLACEMENT);
		memcpy(out->bytes, UTF8_REPLACEMENT, out->n);
		out->columns = 1;
		return len ? (size_t)-len : n;
	}
	if (c < 0x20 || (c >= 0x7f && c < 0xa0) || is_format(c)) {
		show_escaped(c, out);
	} else {
		out->n = len;
		memcpy(out->bytes, p, len);
		out->columns = c < 0x80 ? 1 : width_of(c);
	}
	return len;
}

/* What is shown of s within `room` columns goes to out (if not NULL); returns whether that is all. */
static bool show_all(const char *s, size_t room, char *out, struct terminal_text *t, size_t *bytes)
{
	const unsigned char *p = (const unsigned char *)s, *end = p + strlen(s);
	struct shown one;

	t->columns = *bytes = 0;
	while (p < end) {
		p += show(p, end - p, &one);
		if (t->columns + one.columns > room)
			return false;
		if (out)
			memcpy(out + *bytes, one.bytes, one.n);
		*bytes += one.n;
		t->columns += one.columns;
	}
	return true;
}

struct terminal_text terminal__text(const char *s, size_t max_columns)
{
	struct terminal_text t = { 0 };
	size_t bytes;
	bool whole = show_all(s, max_columns, NULL, &t, &bytes);

	if (!whole)
		show_all(s, max_columns - 1, NULL, &t, &bytes);
	t.text = malloc(bytes + sizeof(ELLIPSIS));
	if (!t.text)
		return t;
	show_all(s, whole ? max_columns : max_columns - 1, t.text, &t, &bytes);
	strcpy(t.text + bytes, whole ? "" : ELLIPSIS);
	t.columns += !whole;
	return t;
}
