// SPDX-License-Identifier: GPL-2.0-only
#include "arg_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../utf.h"
#include "printable.h"

#define UNREADABLE "<unreadable>"

static size_t padded(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

bool arg__next(struct event_bytes *left, struct arg *arg)
{
	struct vtbpf_arg a;
	size_t name_at = sizeof(a), value_at;

	if (left->len < sizeof(a))
		return false;
	memcpy(&a, left->data, sizeof(a));
	value_at = name_at + padded(a.name_bytes);
	if (a.name_bytes > VTBPF_ARG_NAME || a.bytes > VTBPF_ARG_BYTES ||
	    value_at + a.bytes > left->len)
		return false;
	*arg = (struct arg){
		.name = { { left->data + name_at, a.name_bytes }, a.name_width },
		.length = a.length,
		.kind = a.kind,
		.value = { { left->data + value_at, a.bytes }, a.width },
	};
	value_at += padded(a.bytes);
	if (value_at > left->len)
		value_at = left->len;
	left->data += value_at;
	left->len -= value_at;
	return true;
}

static bool is_width(uint8_t width)
{
	return width == 1 || width == 2 || width == 4;
}

size_t arg__put_name(const struct arg *arg, char *out)
{
	const struct event_string *s = &arg->name;

	if (!is_width(s->width) || !s->bytes.len)
		return (size_t)sprintf(out, UNREADABLE);
	return ucs__to_utf8(s->bytes.data, s->bytes.len / s->width, s->width, out);
}

/* ---- numbers ---------------------------------------------------------------------------- */

#define DIGIT_BITS 30 /* PYLONG_BITS_IN_DIGIT of 64-bit builds */
#define DIGITS (VTBPF_ARG_BYTES / 4)
#define GROUP 1000000000 /* nine decimal digits */
#define GROUPS (DIGITS * 302 / 270 + 2)

/* Divides a number of n digits by GROUP; returns the rest. */
static uint32_t divide(uint32_t *digits, size_t n)
{
	uint64_t rest = 0;

	while (n--) {
		rest = rest << DIGIT_BITS | digits[n];
		digits[n] = (uint32_t)(rest / GROUP);
		rest %= GROUP;
	}
	return (uint32_t)rest;
}

static size_t put_int(const struct arg *arg, char *out)
{
	size_t n = arg->value.bytes.len / 4, groups = 0, at;
	uint32_t digits[DIGITS], group[GROUPS];

	if (arg->length > n || n > DIGITS) /* beyond what was read */
		return (size_t)sprintf(out, "<int>");
	memcpy(digits, arg->value.bytes.data, n * 4);
	for (size_t i = 0; i < n; i++)
		digits[i] &= (1U << DIGIT_BITS) - 1;
	do {
		group[groups++] = divide(digits, n);
		while (n && !digits[n - 1])
			n--;
	} while (n && groups < GROUPS);
	at = (size_t)sprintf(out, "%s%u", arg->value.width ? "-" : "", group[groups - 1]);
	for (size_t i = groups - 1; i--;)
		at += (size_t)sprintf(out + at, "%09u", group[i]);
	return at;
}

static size_t put_bool(const struct arg *arg, char *out)
{
	return (size_t)sprintf(out, arg->length ? "True" : "False");
}

#define MOST_DIGITS 17 /* tell any double from any other */

/* The next number of as many digits, further from 0. False where that has a digit more. */
static bool count_up(char *text)
{
	char *digit = strchr(text, 'e');

	while (digit-- > text) {
		if (*digit >= '0' && *digit < '9') {
			++*digit;
			return true;
		}
		if (*digit == '9')
			*digit = '0';
	}
	return false;
}

/* The fewest digits that still mean this number, as D.DDDe+XX. Powers of two have more room above than
 * below: what is next to them may mean another number, and what is further above not. */
static void shortest(double value, char *text, size_t size)
{
	for (int n = 0; n < MOST_DIGITS; n++) {
		snprintf(text, size, "%.*e", n, value);
		if (strtod(text, NULL) == value || (count_up(text) && strtod(text, NULL) == value))
			return;
	}
}

/* Python writes an exponent below 1e-4 and from 1e16 on (float_repr_style "short"). */
#define EXPONENT_BELOW (-4)
#define EXPONENT_FROM 16

static size_t put_float(const struct arg *arg, char *out)
{
	char text[40], *e;
	int exponent, digits;
	double value;

	if (arg->value.bytes.len != sizeof(value))
		return (size_t)sprintf(out, UNREADABLE);
	memcpy(&value, arg->value.bytes.data, sizeof(value));
	if (isnan(value))
		return (size_t)sprintf(out, "nan");
	if (isinf(value))
		return (size_t)sprintf(out, value < 0 ? "-inf" : "inf");
	shortest(value, text, sizeof(text));
	e = strchr(text, 'e');
	exponent = atoi(e + 1);
	if (exponent < EXPONENT_BELOW || exponent >= EXPONENT_FROM)
		return (size_t)sprintf(out, "%s", text);
	digits = (int)(e - text) - (value < 0 || signbit(value)) - 1; /* behind the first */
	digits -= digits > 0;					      /* the point */
	digits -= exponent;
	return (size_t)sprintf(out, "%.*f", digits > 1 ? digits : 1, value);
}

/* ---- texts ------------------------------------------------------------------------------ */

static bool holds(const struct event_string *s, size_t n, uint32_t wanted)
{
	for (size_t i = 0; i < n; i++) {
		if (ucs__at(s->bytes.data, i, s->width) == wanted)
			return true;
	}
	return false;
}

static char *put_hex(char *out, uint32_t c)
{
	if (c <= 0xff)
		return out + sprintf(out, "\\x%02x", c);
	if (c <= 0xffff)
		return out + sprintf(out, "\\u%04x", c);
	return out + sprintf(out, "\\U%08x", c);
}

static char *put_character(char *out, uint32_t c, char quote)
{
	switch (c) {
	case '\t':
		return out + sprintf(out, "\\t");
	case '\n':
		return out + sprintf(out, "\\n");
	case '\r':
		return out + sprintf(out, "\\r");
	}
	if (c == '\\' || c == (uint32_t)quote)
		*out++ = '\\';
	return printable(c) ? utf8__put(c, out) : put_hex(out, c);
}

/* As unicode_repr(), Objects/unicodeobject.c, and an ellipsis where it goes on. */
static size_t put_str(const struct arg *arg, char *out)
{
	const struct event_string *s = &arg->value;
	char quote = '\'', *at = out;
	size_t n;

	if (!is_width(s->width))
		return (size_t)sprintf(out, UNREADABLE);
	n = s->bytes.len / s->width;
	if (n > VTBPF_ARG_CHARS)
		n = VTBPF_ARG_CHARS;
	if (holds(s, n, '\'') && !holds(s, n, '"'))
		quote = '"';
	*at++ = quote;
	for (size_t i = 0; i < n; i++)
		at = put_character(at, ucs__at(s->bytes.data, i, s->width), quote);
	*at++ = quote;
	if (arg->length > n)
		at += sprintf(at, "…");
	return (size_t)(at - out);
}

/* type.__name__: in C, modules stand before it. */
static struct event_bytes type_name(const struct arg *arg)
{
	struct event_bytes name = arg->value.bytes;
	const char *dot = memrchr(name.data, '.', name.len);

	if (dot) {
		name.len -= (size_t)(dot + 1 - name.data);
		name.data = dot + 1;
	}
	return name;
}

static size_t put_type(const struct arg *arg, char *out)
{
	struct event_bytes name = type_name(arg);
	char *at = out;

	*at++ = '<';
	at += utf8__repair(name.data, name.len, at);
	if (arg->kind == VTBPF_ARG_SIZED)
		at += sprintf(at, " len %llu", (unsigned long long)arg->length);
	*at++ = '>';
	return (size_t)(at - out);
}

size_t arg__put_value(const struct arg *arg, char *out)
{
	switch (arg->kind) {
	case VTBPF_ARG_NONE:
		return (size_t)sprintf(out, "None");
	case VTBPF_ARG_BOOL:
		return put_bool(arg, out);
	case VTBPF_ARG_INT:
		return put_int(arg, out);
	case VTBPF_ARG_FLOAT:
		return put_float(arg, out);
	case VTBPF_ARG_STR:
		return put_str(arg, out);
	case VTBPF_ARG_SIZED:
	case VTBPF_ARG_OTHER:
		return put_type(arg, out);
	default:
		return (size_t)sprintf(out, UNREADABLE);
	}
}
