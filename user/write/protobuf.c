// SPDX-License-Identifier: GPL-2.0-only
#include "protobuf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "../array.h"

#define VARINT_MAX 10
#define WIRE_VARINT 0
#define WIRE_FIXED64 1
#define WIRE_BYTES 2

static size_t put_varint(unsigned char *out, uint64_t value)
{
	return (size_t)(protobuf__put_varint(out, value) - out);
}

static size_t put_tag(unsigned char *out, uint32_t field, unsigned int wire)
{
	return put_varint(out, (uint64_t)field << 3 | wire);
}

void protobuf__release(struct protobuf *m)
{
	free(m->data);
	memset(m, 0, sizeof(*m));
}

static bool make_room(struct protobuf *m, size_t n)
{
	if (!m->err)
		m->err = ARRAY_RESERVE(m->data, m->room, m->n + n);
	return !m->err;
}

void protobuf__value(struct protobuf *m, uint64_t value)
{
	if (make_room(m, VARINT_MAX))
		m->n += put_varint(m->data + m->n, value);
}

void protobuf__u64(struct protobuf *m, uint32_t field, uint64_t value)
{
	if (value)
		protobuf__always(m, field, value);
}

void protobuf__always(struct protobuf *m, uint32_t field, uint64_t value)
{
	if (!make_room(m, 2 * VARINT_MAX))
		return;
	m->n += put_tag(m->data + m->n, field, WIRE_VARINT);
	m->n += put_varint(m->data + m->n, value);
}

void protobuf__fixed64(struct protobuf *m, uint32_t field, uint64_t value)
{
	if (!make_room(m, VARINT_MAX + sizeof(value)))
		return;
	m->n += put_tag(m->data + m->n, field, WIRE_FIXED64);
	for (unsigned int shift = 0; shift < 64; shift += 8)
		m->data[m->n++] = (unsigned char)(value >> shift);
}

void protobuf__bytes(struct protobuf *m, uint32_t field, const void *data, size_t n)
{
	if (!make_room(m, 2 * VARINT_MAX + n))
		return;
	m->n += put_tag(m->data + m->n, field, WIRE_BYTES);
	m->n += put_varint(m->data + m->n, n);
	if (n)
		memcpy(m->data + m->n, data, n);
	m->n += n;
}

/* How long it gets is known at the end only: its length then is moved in before it. */
size_t protobuf__begin(struct protobuf *m, uint32_t field)
{
	if (make_room(m, VARINT_MAX))
		m->n += put_tag(m->data + m->n, field, WIRE_BYTES);
	return m->n;
}

void protobuf__end(struct protobuf *m, size_t begun)
{
	unsigned char length[VARINT_MAX];
	size_t n;

	if (!make_room(m, VARINT_MAX))
		return;
	n = put_varint(length, m->n - begun);
	memmove(m->data + begun + n, m->data + begun, m->n - begun);
	memcpy(m->data + begun, length, n);
	m->n += n;
}

unsigned char *protobuf__put(unsigned char *out, uint32_t field, uint64_t value)
{
	out += put_tag(out, field, WIRE_VARINT);
	return out + put_varint(out, value);
}

void protobuf__write_u64(struct outbuf *out, uint32_t field, uint64_t value)
{
	unsigned char head[2 * VARINT_MAX];
	size_t n = put_tag(head, field, WIRE_VARINT);

	n += put_varint(head + n, value);
	outbuf__write(out, head, n);
}

void protobuf__write_bytes(struct outbuf *out, uint32_t field, const void *data, size_t n)
{
	unsigned char head[2 * VARINT_MAX];
	size_t len = put_tag(head, field, WIRE_BYTES);

	len += put_varint(head + len, n);
	outbuf__write(out, head, len);
	outbuf__write(out, data, n);
}
