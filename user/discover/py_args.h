/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a CPython keeps the parameters of a function and the values of simple objects. */
#ifndef VTBPF_PY_ARGS_H
#define VTBPF_PY_ARGS_H

#include "py_layout.h"

/* Of the interpreter whose objects are laid out as l says, and its code objects as `code` does. */
void py_args__layout(const struct py_layout *l, const struct vtbpf_layout *code,
		     struct vtbpf_args_layout *out);

/* Adds where the built-in types are: in the interpreter whose file is open at fd and loaded load_bias above
 * its own addresses. What the file does not tell stays 0. */
void py_args__types(int fd, uint64_t load_bias, struct vtbpf_args_layout *out);

#endif
