// SPDX-License-Identifier: GPL-2.0-only
#include "proto_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

uint64_t proto__varint(const unsigned char **p)
{
	uint64_t value = 0;
	unsigned int shift = 0;

	do {
		value |= (uint64_t)(**p & 0x7f) << shift;
		shift += 7;
	} while (*(*p)++ & 0x80);
	return value;
}

bool proto__next(const unsigned char **p, const unsigned char *end, struct field *f)
{
	uint64_t tag;

	if (*p >= end)
		return false;
	tag = proto__varint(p);
	f->number = tag >> 3;
	f->data = NULL;
	if ((tag & 7) == 1) {
		assert_true(end - *p >= 8);
		memcpy(&f->value, *p, 8);
		*p += 8;
		return true;
	}
	f->value = proto__varint(p);
	if ((tag & 7) == 2) {
		f->data = *p;
		*p += f->value;
		assert_true(*p <= end);
	}
	return true;
}
