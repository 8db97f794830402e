/* SPDX-License-Identifier: GPL-2.0-only */
/* From an instruction of a code object to its line. */
#ifndef VTBPF_PY_LINES_H
#define VTBPF_PY_LINES_H

#include <stddef.h>
#include <stdint.h>

#include "py_layout.h"
#include "py_reader.h"
#include "py_threads.h"

/* A code object's line table: the bytes of co_lnotab or co_linetable. */
struct py_line_table {
	enum py_lines_form form;
	const unsigned char *bytes;
	size_t n;
	uint32_t firstlineno;
};

/* The line of the instruction that is `offset` bytes behind the start of the code, as a traceback
 * would show it; 0 when it has none (3.10 on) or the table does not reach so far. */
uint32_t py_line_table__find(const struct py_line_table *t, uint64_t offset);

/* The line that the frame executes, within a pass; 0 when it has none. 0, or -ESTALE when the
 * frame's instruction is not in its code, which means that it was read while it changed, or another
 * negative errno. */
int py_frame__line(struct py_reader *r, const struct py_frame *f, uint32_t *line);

#endif
