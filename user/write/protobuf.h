/* SPDX-License-Identifier: GPL-2.0-only */
/* Protocol buffers' wire format, https://protobuf.dev/programming-guides/encoding/: only what our
 * writers need. A message is built in memory, then written as a field of the one around it. */
#ifndef VTBPF_PROTOBUF_H
#define VTBPF_PROTOBUF_H

#include <stddef.h>
#include <stdint.h>

#include "outbuf.h"

/* A message being built. Zeroed is empty. Being out of memory sticks: what comes then is dropped. */
struct protobuf {
	unsigned char *data;
	size_t n, room;
	int err; /* -ENOMEM */
};

void protobuf__release(struct protobuf *m);

/* Empties it, for the next message. */
static inline void protobuf__clear(struct protobuf *m)
{
	m->n = 0;
}

/* A field of an integer type that is not zigzag; 0 is not written, as proto3 has it. */
void protobuf__u64(struct protobuf *m, uint32_t field, uint64_t value);

/* The same, and 0 is written, too. */
void protobuf__always(struct protobuf *m, uint32_t field, uint64_t value);

/* A field of 8 bytes. */
void protobuf__fixed64(struct protobuf *m, uint32_t field, uint64_t value);

/* A string, or bytes, or an inner message. */
void protobuf__bytes(struct protobuf *m, uint32_t field, const void *data, size_t n);

/* Repeated integers in one: begin, then one for each value, then end with what begin returned. */
size_t protobuf__begin(struct protobuf *m, uint32_t field);
void protobuf__value(struct protobuf *m, uint64_t value);
void protobuf__end(struct protobuf *m, size_t begun);

/* A number at out, which has room for 10 bytes. Returns where it ends. */
static inline unsigned char *protobuf__put_varint(unsigned char *out, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*out++ = (unsigned char)(value | 0x80);
	*out++ = (unsigned char)value;
	return out;
}

/* A field at out, which has room for 20 bytes. Returns where it ends. */
unsigned char *protobuf__put(unsigned char *out, uint32_t field, uint64_t value);

/* A field of the outermost message: straight to out. */
void protobuf__write_u64(struct outbuf *out, uint32_t field, uint64_t value);
void protobuf__write_bytes(struct outbuf *out, uint32_t field, const void *data, size_t n);

#endif
