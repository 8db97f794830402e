/* SPDX-License-Identifier: GPL-2.0-only */
/* A string of the target that comes in pieces (struct vtbpf_rec_str), one after the other. */
#ifndef VTBPF_STR_PIECES_H
#define VTBPF_STR_PIECES_H

#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

#include "../../bpf/vtbpf.h"

/* Zeros are an empty one. */
struct str_pieces {
	unsigned char *bytes; /* as Python stores it */
	uint32_t size, got;
};

/* Adds a piece; one at offset 0 begins anew. When the string is whole by it: malloc'ed UTF-8, and p is
 * empty again. Else NULL. */
char *str_pieces__add(struct str_pieces *p, const struct vtbpf_rec_str *rec);

/* Makes p empty. */
void str_pieces__reset(struct str_pieces *p);

#endif
