/* SPDX-License-Identifier: GPL-2.0-only */
/* A forged memory image of a Python process, laid out as one minor version lays it out. */
#ifndef VTBPF_TEST_PY_IMAGE_H
#define VTBPF_TEST_PY_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../user/discover/py_objects.h"

#define BASE 0x10000000ULL
#define SIZE (4u << 20)
#define RUNTIME BASE

#define FOR_MINORS(minor) for (minor = 8; minor <= 15; minor++)

/* The bytes from BASE on, and what may happen to them while they are read. */
struct image {
	struct py_reader r;
	struct probe_plan plan;
	unsigned char *mem;
	uint64_t top;
	unsigned long reads;
	void (*hook)(struct image *im);
	uint64_t hook_addr;
	uint64_t t_str, t_int, t_dict, t_code;
};

/* Where the image keeps the byte at addr; fails the test when it has none. */
void *image__at(struct image *im, uint64_t addr);
/* Writes a word. */
void image__put(struct image *im, uint64_t addr, uint64_t value);
/* Room for size bytes. */
uint64_t image__alloc(struct image *im, size_t size);
/* Objects. A type has no name; an object has 64 bytes of room before it. */
uint64_t image__new_type(struct image *im, uint64_t flags, uint64_t basicsize, uint64_t dictoffset);
uint64_t image__new_object(struct image *im, uint64_t type, size_t size);
uint32_t image__str_state(struct image *im, unsigned int width, bool compact, bool ascii);
uint64_t image__new_str(struct image *im, const void *text, size_t points, unsigned int width);
uint64_t image__new_ascii(struct image *im, const char *text);
/* An int from its size word and digits as they stand, and one from its value. */
uint64_t image__new_int(struct image *im, uint64_t size_word, const uint32_t digits[3]);
uint64_t image__new_number(struct image *im, uint64_t value);
uint64_t image__new_keys(struct image *im, unsigned int kind, const uint64_t *keys,
			 const uint64_t *values, size_t n);
uint64_t image__new_dict(struct image *im, uint64_t keys, uint64_t values);
uint64_t image__put_values(struct image *im, uint64_t where, const uint64_t *values, size_t n);
struct image *image__new(unsigned int minor);
void image__free(struct image *im);

#endif
