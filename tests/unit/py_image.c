// SPDX-License-Identifier: GPL-2.0-only
#include "py_image.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../user/discover/cpython.h"

static ssize_t read_image(void *ctx, uint64_t addr, void *buf, size_t len)
{
	struct image *im = ctx;

	im->reads++;
	if (im->hook)
		im->hook(im);
	if (addr < BASE || addr >= BASE + SIZE)
		return -EFAULT;
	if (len > BASE + SIZE - addr)
		len = BASE + SIZE - addr;
	memcpy(buf, im->mem + (addr - BASE), len);
	return len;
}

void *image__at(struct image *im, uint64_t addr)
{
	assert_true(addr >= BASE && addr < BASE + SIZE);
	return im->mem + (addr - BASE);
}

void image__put(struct image *im, uint64_t addr, uint64_t value)
{
	memcpy(image__at(im, addr), &value, sizeof(value));
}

uint64_t image__alloc(struct image *im, size_t size)
{
	uint64_t addr = im->top;

	im->top = (im->top + size + 63) & ~63ULL;
	assert_true(im->top <= BASE + SIZE);
	return addr;
}

uint64_t image__new_type(struct image *im, uint64_t flags, uint64_t basicsize, uint64_t dictoffset)
{
	uint64_t type = image__alloc(im, 1024);

	image__put(im, type + im->r.l.tp_flags, flags);
	image__put(im, type + im->r.l.tp_basicsize, basicsize);
	image__put(im, type + im->r.l.tp_dictoffset, dictoffset);
	return type;
}

uint64_t image__new_object(struct image *im, uint64_t type, size_t size)
{
	uint64_t object = image__alloc(im, size + 64) + 64; /* room for what lies before it */

	image__put(im, object, 1);
	image__put(im, object + im->r.l.ob_type, type);
	return object;
}

uint32_t image__str_state(struct image *im, unsigned int width, bool compact, bool ascii)
{
	const struct vtbpf_layout *l = &im->r.frame;

	return width << l->str_kind_shift | (uint32_t)compact << l->str_compact_bit |
	       (uint32_t)ascii << l->str_ascii_bit;
}

uint64_t image__new_str(struct image *im, const void *text, size_t points, unsigned int width)
{
	const struct vtbpf_layout *l = &im->r.frame;
	uint64_t object = image__new_object(im, im->t_str, l->str_compact + points * width + 4);

	image__put(im, object + l->str_length, points);
	image__put(im, object + l->str_state, image__str_state(im, width, true, false));
	memcpy(image__at(im, object + l->str_compact), text, points * width);
	return object;
}

uint64_t image__new_ascii(struct image *im, const char *text)
{
	const struct vtbpf_layout *l = &im->r.frame;
	uint64_t object = image__new_object(im, im->t_str, l->str_ascii + strlen(text) + 1);

	image__put(im, object + l->str_length, strlen(text));
	image__put(im, object + l->str_state, image__str_state(im, 1, true, true));
	memcpy(image__at(im, object + l->str_ascii), text, strlen(text));
	return object;
}

uint64_t image__new_int(struct image *im, uint64_t size_word, const uint32_t digits[3])
{
	uint64_t object = image__new_object(im, im->t_int, im->r.l.long_digits + 12);

	image__put(im, object + im->r.l.long_size, size_word);
	memcpy(image__at(im, object + im->r.l.long_digits), digits, 12);
	return object;
}

uint64_t image__new_number(struct image *im, uint64_t value)
{
	uint32_t digits[3] = { value & 0x3fffffff, value >> 30 & 0x3fffffff, value >> 60 };
	uint64_t n = digits[2] ? 3 : digits[1] ? 2 : digits[0] ? 1 : 0;

	return image__new_int(im, im->r.l.long_tag ? n << 3 | !n : n, digits);
}

/* A table of 8 slots with these keys; values[i] go into the entries when values is not NULL. */
uint64_t image__new_keys(struct image *im, unsigned int kind, const uint64_t *keys,
			 const uint64_t *values, size_t n)
{
	bool log2 = im->r.l.keys == PY_KEYS_LOG2;
	bool hash = !log2 || kind == 0;
	uint64_t table = image__alloc(im, 64 + 8 + 24 * 8), entry;
	size_t i;

	image__put(im, table, 1);
	if (log2) {
		unsigned char sizes[3] = { 3, 3, kind };

		memcpy(image__at(im, table + 8), sizes, sizeof(sizes));
		image__put(im, table + 24, n);
	} else {
		image__put(im, table + 8, 8);
		image__put(im, table + 32, n);
	}
	for (i = 0; i < n; i++) {
		entry = table + (log2 ? 32 : 40) + 8 + i * (hash ? 24 : 16) + (hash ? 8 : 0);
		image__put(im, entry, keys[i]);
		image__put(im, entry + 8, values ? values[i] : 0);
	}
	return table;
}

uint64_t image__new_dict(struct image *im, uint64_t keys, uint64_t values)
{
	uint64_t dict = image__new_object(im, im->t_dict, 64);

	image__put(im, dict + im->r.l.ma_keys, keys);
	image__put(im, dict + im->r.l.ma_values, values);
	return dict;
}

/* Values of a split table, as the version keeps them. */
uint64_t image__put_values(struct image *im, uint64_t where, const uint64_t *values, size_t n)
{
	unsigned char head[8] = { n, n, 0, 1 };

	if (im->r.l.values_items)
		memcpy(image__at(im, where), head, sizeof(head));
	memcpy(image__at(im, where + im->r.l.values_items), values, n * 8);
	return where;
}

struct image *image__new(unsigned int minor)
{
	struct image *im = calloc(1, sizeof(*im));

	assert_non_null(im);
	im->mem = calloc(1, SIZE);
	assert_non_null(im->mem);
	im->plan.layout = cpython__of(minor)->layout;
	im->plan.runtime_vaddr = RUNTIME;
	assert_int_equal(py_reader__init(&im->r, &im->plan, read_image, im), 0);
	im->top = BASE + 4096;
	im->t_str = image__new_type(im, PY_TYPE_UNICODE, 64, 0);
	im->t_int = image__new_type(im, PY_TYPE_LONG, 24, 0);
	im->t_dict = image__new_type(im, PY_TYPE_DICT, 48, 0);
	im->t_code = image__new_type(im, 0, 192, 0);
	return im;
}

void image__free(struct image *im)
{
	free(im->mem);
	free(im);
}
