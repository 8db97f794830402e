/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VTBPF_PRINTABLE_H
#define VTBPF_PRINTABLE_H

#include <stdbool.h>
#include <stdint.h>

/* Does Python's repr() show the character as it is? What str.isprintable() says. */
bool printable(uint32_t c);

#endif
