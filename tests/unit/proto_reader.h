/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads protocol buffers back, for tests of what writes them. */
#ifndef VTBPF_TEST_PROTO_READER_H
#define VTBPF_TEST_PROTO_READER_H

#include <stdbool.h>
#include <stdint.h>

struct field {
	uint64_t number, value; /* value: of a number, else length */
	const unsigned char *data;
};

/* Takes the varint at *p, which moves on. */
uint64_t proto__varint(const unsigned char **p);

/* Takes the field at *p, which moves on; false at the end. One that goes beyond it fails the test. */
bool proto__next(const unsigned char **p, const unsigned char *end, struct field *f);

#endif
