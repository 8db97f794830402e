// SPDX-License-Identifier: GPL-2.0-only
#include "utf.h"

#include <string.h>

static int continues(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* Bounds of the second byte of a well-formed sequence (Unicode 15, table 3-7): what they shut out
 * is overlong forms, surrogates and values beyond U+10FFFF. */
static int second_byte_ok(unsigned char lead, unsigned char c)
{
	switch (lead) {
	case 0xe0:
		return c >= 0xa0 && c <= 0xbf;
	case 0xed:
		return c >= 0x80 && c <= 0x9f;
	case 0xf0:
		return c >= 0x90 && c <= 0xbf;
	case 0xf4:
		return c >= 0x80 && c <= 0x8f;
	default:
		return continues(c);
	}
}

static int sequence_length(unsigned char lead)
{
	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead <= 0xdf)
		return 2;
	if (lead >= 0xe0 && lead <= 0xef)
		return 3;
	if (lead >= 0xf0 && lead <= 0xf4)
		return 4;
	return -1;
}

int utf8__check(const unsigned char *p, size_t n)
{
	int want = sequence_length(p[0]), i;

	for (i = 1; i < want; i++) {
		if ((size_t)i == n)
			return 0;
		if (i == 1 ? !second_byte_ok(p[0], p[1]) : !continues(p[i]))
			return -i;
	}
	return want;
}

size_t ucs__utf8_size(size_t n, unsigned int width)
{
	return width == 1 ? n * 2 : width == 2 ? n * 3 : n * 4;
}

char *utf8__put(uint32_t cp, char *out)
{
	if (cp < 0x80) {
		*out++ = (char)cp;
		return out;
	}
	if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		cp = 0xfffd;
	if (cp < 0x800) {
		*out++ = (char)(0xc0 | cp >> 6);
	} else if (cp < 0x10000) {
		*out++ = (char)(0xe0 | cp >> 12);
		*out++ = (char)(0x80 | (cp >> 6 & 0x3f));
	} else {
		*out++ = (char)(0xf0 | cp >> 18);
		*out++ = (char)(0x80 | (cp >> 12 & 0x3f));
		*out++ = (char)(0x80 | (cp >> 6 & 0x3f));
	}
	*out++ = (char)(0x80 | (cp & 0x3f));
	return out;
}

uint32_t ucs__at(const void *data, size_t i, unsigned int width)
{
	const unsigned char *p = (const unsigned char *)data + i * width;
	uint16_t u2;
	uint32_t u4;

	if (width == 1)
		return *p;
	if (width == 2) {
		memcpy(&u2, p, sizeof(u2));
		return u2;
	}
	memcpy(&u4, p, sizeof(u4));
	return u4;
}

size_t ucs__to_utf8(const void *data, size_t n, unsigned int width, char *out)
{
	char *start = out;
	size_t i;

	for (i = 0; i < n; i++)
		out = utf8__put(ucs__at(data, i, width), out);
	return (size_t)(out - start);
}

size_t utf8__repair(const char *s, size_t n, char *out)
{
	size_t i, len = 0;
	int step;

	for (i = 0; i < n; i += (size_t)(step < 0 ? -step : step)) {
		step = utf8__check((const unsigned char *)s + i, n - i);
		memcpy(out + len, step > 0 ? s + i : UTF8_REPLACEMENT, step > 0 ? (size_t)step : 3);
		len += step > 0 ? (size_t)step : 3;
		if (!step)
			step = (int)(n - i); /* cut off by the end */
	}
	return len;
}
