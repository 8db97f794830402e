/* SPDX-License-Identifier: GPL-2.0-only */
/* What all forms of folded stacks have in common. */
#ifndef VTBPF_FOLDED_H
#define VTBPF_FOLDED_H

#include <stddef.h>

/* What would end the frame or the line is replaced, as is what is not UTF-8. Returns the length; out has
 * room for 3 n. */
size_t folded__clean(const char *s, size_t n, char *out);

#endif
