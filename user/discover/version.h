/* SPDX-License-Identifier: GPL-2.0-only */
/* Which CPython is in a file, told from its bytes; nothing is run. */
#ifndef VTBPF_VERSION_H
#define VTBPF_VERSION_H

#include <stdint.h>

#include "elf_image.h"

struct python_version {
	uint32_t hex;	  /* PY_VERSION_HEX; 0x02000000 for any Python 2 */
	uint64_t runtime; /* _PyRuntime, 0 when it has no symbol */
};

/* 0; -ENOENT when there is no CPython in the file, -ENOTSUP when there is one whose version cannot
 * be told. */
int python_version__of(const struct elf_image *img, struct python_version *v);

#endif
