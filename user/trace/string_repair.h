/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names that the kernel side could not read. A BPF program cannot fault a page in, and the names of
 * code compiled into the interpreter, and of C functions, often lie in file pages that nobody has
 * touched yet. From here they can be read.
 */
#ifndef VTBPF_STRING_REPAIR_H
#define VTBPF_STRING_REPAIR_H

#include "../discover/py_threads.h"
#include "capture_writer.h"

struct string_repair;

/* reader's process was forked from origin's, or origin is NULL: where the one is gone, the other
 * one's names are at the same addresses. Both stay the caller's. NULL: no memory. */
struct string_repair *string_repair__new(struct py_reader *reader, struct py_reader *origin,
					 struct capture_writer *w);
void string_repair__free(struct string_repair *s);

/* Remembers where the strings of a code object, or a C function, are. */
void string_repair__code(struct string_repair *s, const struct vtbpf_rec_code *code);

/* A string could not be read: reads it now and writes it to the capture. */
void string_repair__note(struct string_repair *s, const struct vtbpf_rec_str *str);

/* Tries again those that still fail, at the end. */
void string_repair__run(struct string_repair *s);

#endif
