// SPDX-License-Identifier: GPL-2.0-only
#include "py_lines.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "py_objects.h"

#define CODE_UNIT 2
#define MAX_CODE_BYTES (64 << 20)
#define MAX_TABLE_BYTES (4 << 20)
#define MAX_TLBC 65536 /* threads that have bytecode of their own */

/* ---- the three forms -------------------------------------------------------------------- */

/*
 * Objects/lnotab_notes.txt (3.8, 3.9): pairs of an address increment and a signed line increment.
 * An instruction's line is that of the last pair that begins at or before it.
 */
static uint32_t find_lnotab(const struct py_line_table *t, uint64_t offset)
{
	uint32_t line = t->firstlineno;
	uint64_t at = 0;
	size_t i;

	for (i = 0; i + 1 < t->n; i += 2) {
		at += t->bytes[i];
		if (at > offset)
			break;
		line += (int8_t)t->bytes[i + 1];
	}
	return line;
}

/* Objects/lnotab_notes.txt (3.10): pairs of a range's length and a signed line increment, -128 for
 * a range without a line. */
static uint32_t find_pairs(const struct py_line_table *t, uint64_t offset)
{
	uint32_t line = t->firstlineno;
	uint64_t end = 0;
	int8_t delta;
	size_t i;

	for (i = 0; i + 1 < t->n; i += 2) {
		end += t->bytes[i];
		delta = (int8_t)t->bytes[i + 1];
		if (delta != -128)
			line += delta;
		if (end > offset)
			return delta == -128 ? 0 : line;
	}
	return 0;
}

/* Objects/locations.md (3.11; 3.14: InternalDocs/code_objects.md) */
#define LOCATION_START 0x80
#define LOCATION_ONE_LINE 10 /* to 12: on this line, or one or two below */
#define LOCATION_NO_COLUMNS 13
#define LOCATION_LONG 14
#define LOCATION_NONE 15

/* A number of 6 bits a byte, least significant first, 0x40 set in all but the last byte. Its lowest
 * bit is the sign. */
static int32_t read_svarint(const unsigned char *p, const unsigned char *end)
{
	uint32_t value = 0;
	unsigned int shift;

	for (shift = 0; p < end && shift < 32; shift += 6, p++) {
		value |= (uint32_t)(*p & 0x3f) << shift;
		if (!(*p & 0x40))
			break;
	}
	return value & 1 ? -(int32_t)(value >> 1) : (int32_t)(value >> 1);
}

static uint32_t find_location(const struct py_line_table *t, uint64_t offset)
{
	const unsigned char *p = t->bytes, *end = p + t->n;
	uint32_t line = t->firstlineno;
	uint64_t at = 0;
	unsigned int kind;

	while (p < end && *p & LOCATION_START) {
		kind = *p >> 3 & 15;
		at += ((*p & 7) + 1) * CODE_UNIT;
		p++;
		if (kind == LOCATION_NO_COLUMNS || kind == LOCATION_LONG)
			line += read_svarint(p, end);
		else if (kind >= LOCATION_ONE_LINE && kind < LOCATION_NO_COLUMNS)
			line += kind - LOCATION_ONE_LINE;
		if (at > offset)
			return kind == LOCATION_NONE ? 0 : line;
		while (p < end && !(*p & LOCATION_START))
			p++;
	}
	return 0;
}

uint32_t py_line_table__find(const struct py_line_table *t, uint64_t offset)
{
	uint32_t line = 0;

	if (t->form == PY_LINES_LNOTAB)
		line = find_lnotab(t, offset);
	else if (t->form == PY_LINES_PAIRS)
		line = find_pairs(t, offset);
	else if (t->form == PY_LINES_LOCATIONS)
		line = find_location(t, offset);
	/* a damaged table may count below the first line of a file */
	return line <= INT32_MAX ? line : 0;
}

/* ---- of a frame ------------------------------------------------------------------------- */

/* ob_size of the object at addr: 0 to max, or -EINVAL. */
static int read_size(struct py_reader *r, uint64_t addr, uint64_t max, uint64_t *size)
{
	int err = py_reader__word(r, addr, r->l.var_size, size);

	return err ? err : *size > max ? -EINVAL : 0;
}

#define NOT_BEGUN UINT64_MAX /* offset of a frame that stands before its first instruction */

/* Up to 3.10 a frame stores the index of the instruction, -1 before the first one. */
static int index_offset(struct py_reader *r, const struct py_frame *f, uint64_t *offset)
{
	unsigned int unit = r->l.lines == PY_LINES_PAIRS ? CODE_UNIT : 1;
	int64_t index = (int32_t)f->instr;
	uint64_t code, size;
	int err = py_reader__word(r, f->code, r->l.code_bytes, &code);

	if (!err)
		err = read_size(r, code, MAX_CODE_BYTES, &size);
	if (err)
		return err;
	*offset = index == -1 ? NOT_BEGUN : (uint64_t)index * unit;
	return index == -1 || *offset < size ? 0 : -ESTALE;
}

/* Where the bytecode begins that the frame runs: in the code object, or (free-threaded builds from
 * 3.14 on) in the copy of it that its thread uses, Include/internal/pycore_code.h. */
static int bytecode_start(struct py_reader *r, const struct py_frame *f, uint64_t *start)
{
	uint64_t copies, n;
	int err;

	*start = f->code + r->l.code_bytes;
	if (!f->tlbc || r->l.code_tlbc == PY_NO_FIELD)
		return 0;
	err = py_reader__word(r, f->code, r->l.code_tlbc, &copies);
	if (!err)
		err = py_reader__word(r, copies, 0, &n);
	if (err)
		return err;
	if (f->tlbc >= n || n > MAX_TLBC)
		return -ESTALE;
	return py_reader__word(r, copies, 8 + 8 * (int64_t)f->tlbc, start);
}

/* From 3.11 on it stores the address of the instruction; before the first one, 3.11 and 3.12 have
 * one code unit less. */
static int pointer_offset(struct py_reader *r, const struct py_frame *f, uint64_t *offset)
{
	uint64_t start, units;
	int err = bytecode_start(r, f, &start);

	if (!err)
		err = read_size(r, f->code, MAX_CODE_BYTES / CODE_UNIT, &units);
	if (err)
		return err;
	if (f->instr == start - CODE_UNIT)
		*offset = NOT_BEGUN;
	else
		*offset = f->instr - start;
	return *offset == NOT_BEGUN || *offset < units * CODE_UNIT ? 0 : -ESTALE;
}

/* Copies the line table of f's code object; t->bytes is the caller's to free. */
static int read_table(struct py_reader *r, const struct py_frame *f, struct py_line_table *t)
{
	unsigned char *bytes;
	uint64_t size;
	int err = read_size(r, f->lines, MAX_TABLE_BYTES, &size);

	if (err)
		return err;
	bytes = malloc(size + 1);
	if (!bytes)
		return -ENOMEM;
	/* one byte more than the table: there is always one, the NUL that ends every bytes object */
	err = py_reader__get(r, f->lines + r->l.bytes_data, bytes, size + 1);
	t->bytes = bytes;
	t->n = size;
	return err;
}

int py_frame__line(struct py_reader *r, const struct py_frame *f, uint32_t *line)
{
	struct py_line_table t = { .form = r->l.lines, .firstlineno = f->firstlineno };
	bool is_index = r->l.lines != PY_LINES_LOCATIONS;
	uint64_t offset;
	int err;

	*line = 0;
	err = is_index ? index_offset(r, f, &offset) : pointer_offset(r, f, &offset);
	if (!err && offset == NOT_BEGUN) {
		*line = f->firstlineno;
		return 0;
	}
	if (!err)
		err = read_table(r, f, &t);
	if (!err)
		*line = py_line_table__find(&t, offset);
	free((void *)t.bytes);
	return err;
}
