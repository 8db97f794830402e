// SPDX-License-Identifier: GPL-2.0-only
#include "py_objects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../utf.h"

#define LONG_DIGIT_BITS 30 /* PYLONG_BITS_IN_DIGIT of every 64-bit build */
#define LONG_MAX_DIGITS 3
#define LONG_TAG_SHIFT 3 /* NON_SIZE_BITS, Include/cpython/longintrepr.h (3.12) */
#define LONG_TAG_SIGN 3
#define LONG_TAG_NEGATIVE 2
#define STR_SHORT 32 /* read along with a string's header */
#define STR_HEADER_MAX 128
#define OBJECT_HEADER_MAX 64
#define REPLACEMENT 0xfffd

static int read_type(struct py_reader *r, uint64_t addr, struct py_type *type)
{
	uint64_t basicsize, dictoffset;
	int err;

	type->addr = addr;
	err = py_reader__word(r, addr, r->l.tp_flags, &type->flags);
	if (!err)
		err = py_reader__word(r, addr, r->l.tp_basicsize, &basicsize);
	if (!err)
		err = py_reader__word(r, addr, r->l.tp_dictoffset, &dictoffset);
	if (err)
		return err;
	type->basicsize = (int64_t)basicsize;
	type->dictoffset = (int64_t)dictoffset;
	return 0;
}

int py_object__type(struct py_reader *r, uint64_t object, struct py_type *type)
{
	uint64_t header[OBJECT_HEADER_MAX / 8], addr;
	struct py_type *slot;
	int err;

	if (r->l.ob_type > OBJECT_HEADER_MAX - sizeof(addr))
		return -EINVAL;
	err = py_reader__get(r, object, header, r->l.ob_type + sizeof(addr));
	if (err)
		return err;
	if (r->l.refcount_counts && !(uint32_t)header[0])
		return -ESTALE;
	memcpy(&addr, (char *)header + r->l.ob_type, sizeof(addr));
	slot = &r->types[(addr >> 4) % PY_TYPE_CACHE];
	if (slot->addr && slot->addr == addr) {
		*type = *slot;
		return 0;
	}
	err = read_type(r, addr, type);
	if (!err)
		*slot = *type;
	return err;
}

int py_object__check(struct py_reader *r, uint64_t object, uint64_t flag)
{
	struct py_type type;
	int err = py_object__type(r, object, &type);

	if (err)
		return err;
	return type.flags & flag ? 0 : -EINVAL;
}

/* Number of digits of the int whose size word is `size`. */
static int count_digits(const struct py_reader *r, uint64_t size)
{
	bool negative;

	if (r->l.long_tag) {
		negative = (size & LONG_TAG_SIGN) == LONG_TAG_NEGATIVE;
		size >>= LONG_TAG_SHIFT;
	} else {
		negative = (int64_t)size < 0;
	}
	return negative || size > LONG_MAX_DIGITS ? -ERANGE : (int)size;
}

int py_long__value(struct py_reader *r, uint64_t object, uint64_t *value)
{
	uint32_t digits[LONG_MAX_DIGITS] = { 0 };
	uint64_t size;
	int err, n;

	err = py_object__check(r, object, PY_TYPE_LONG);
	if (!err)
		err = py_reader__word(r, object, r->l.long_size, &size);
	if (err)
		return err;
	n = count_digits(r, size);
	if (n < 0)
		return n;
	if (n) {
		err = py_reader__get(r, object + r->l.long_digits, digits, n * sizeof(digits[0]));
		if (err)
			return err;
	}
	if (digits[2] >> (64 - 2 * LONG_DIGIT_BITS))
		return -ERANGE;
	*value = (uint64_t)digits[2] << (2 * LONG_DIGIT_BITS) |
		 (uint64_t)digits[1] << LONG_DIGIT_BITS | digits[0];
	return 0;
}

/* What the header of a str says of its text. */
struct str_info {
	uint64_t length; /* code points */
	uint64_t data;	 /* address of the first */
	unsigned int width;
	uint16_t inside; /* where in the object the text starts, 0 when it is elsewhere */
};

static int parse_str(const struct py_reader *r, uint64_t object, const unsigned char *raw,
		     struct str_info *s)
{
	const struct vtbpf_layout *l = &r->frame;
	uint32_t state;

	memcpy(&s->length, raw + l->str_length, sizeof(s->length));
	memcpy(&state, raw + l->str_state, sizeof(state));
	s->width = state >> l->str_kind_shift & 7;
	if (s->width != 1 && s->width != 2 && s->width != 4)
		return -EINVAL;
	if (s->length >= (1ULL << 48))
		return -EFBIG;
	if (!(state >> l->str_compact_bit & 1)) {
		/* a subclass of str keeps its text apart, and a pointer to it where others keep
		 * text */
		memcpy(&s->data, raw + l->str_compact, sizeof(s->data));
		s->inside = 0;
		return 0;
	}
	s->inside = state >> l->str_ascii_bit & 1 ? l->str_ascii : l->str_compact;
	s->data = object + s->inside;
	return 0;
}

/* Reads and parses the header of a str; raw gets what is mapped of STR_HEADER_MAX bytes. */
static ssize_t read_str_header(struct py_reader *r, uint64_t object, unsigned char *raw,
			       struct str_info *s)
{
	const struct vtbpf_layout *l = &r->frame;
	size_t want = (size_t)l->str_compact + STR_SHORT;
	ssize_t n;
	int err;

	if (want > STR_HEADER_MAX || l->str_length + 8u > l->str_ascii ||
	    l->str_state + 4u > l->str_ascii || l->str_ascii > l->str_compact)
		return -EINVAL;
	/* a short ASCII string may end before a long header would, and its page with it */
	memset(raw, 0, STR_HEADER_MAX);
	n = py_reader__get_some(r, object, raw, l->str_ascii, want);
	if (n < 0)
		return n;
	err = parse_str(r, object, raw, s);
	return err ? err : n;
}

bool py_str__equals(struct py_reader *r, uint64_t object, const char *text)
{
	unsigned char raw[STR_HEADER_MAX];
	size_t len = strlen(text);
	struct str_info s;
	ssize_t n = read_str_header(r, object, raw, &s);

	if (n < 0 || s.width != 1 || s.length != len || !s.inside)
		return false;
	return (size_t)n >= s.inside + len && !memcmp(raw + s.inside, text, len);
}

/* NUL would end the C string early, surrogates and what lies beyond Unicode are not UTF-8. */
static uint32_t presentable(uint32_t c)
{
	if (!c || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
		return REPLACEMENT;
	return c;
}

char *py_utf8(const void *storage, size_t points, unsigned int width)
{
	char *text = malloc(points * 4 + 1), *out = text, *fitted;
	size_t i;

	if (!text)
		return NULL;
	for (i = 0; i < points; i++)
		out = utf8__put(presentable(ucs__at(storage, i, width)), out);
	*out = '\0';
	fitted = realloc(text, out - text + 1);
	return fitted ? fitted : text;
}

char *py_str__read(struct py_reader *r, uint64_t object, size_t max_bytes)
{
	unsigned char raw[STR_HEADER_MAX], *data;
	struct str_info s;
	char *text = NULL;
	ssize_t got;
	size_t size;

	if (max_bytes > VTBPF_MAX_STR_BYTES)
		max_bytes = VTBPF_MAX_STR_BYTES;
	if (py_object__check(r, object, PY_TYPE_UNICODE))
		return NULL;
	got = read_str_header(r, object, raw, &s);
	if (got < 0)
		return NULL;
	if (s.length > max_bytes / s.width)
		s.length = max_bytes / s.width;
	size = s.length * s.width;
	if (s.inside && (size_t)got >= s.inside + size)
		return py_utf8(raw + s.inside, s.length, s.width);
	data = malloc(size + 1);
	if (data && (!size || py_reader__get(r, s.data, data, size) == 0))
		text = py_utf8(data, s.length, s.width);
	free(data);
	return text;
}

char *py_str(struct py_reader *r, uint64_t object, size_t max_bytes)
{
	py_reader__begin(r);
	return py_str__read(r, object, max_bytes);
}

char *py_c_string(struct py_reader *r, uint64_t addr, size_t max)
{
	char *raw = malloc(max + 1), *text = NULL;
	ssize_t got = -1;
	size_t n;

	py_reader__begin(r);
	if (raw)
		got = py_reader__get_some(r, addr, raw, 1, max + 1);
	if (got > 0) {
		n = strnlen(raw, (size_t)got);
		if (n < (size_t)got)
			text = py_utf8((unsigned char *)raw, n, 1);
	}
	free(raw);
	return text;
}
