/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a program sets a mark, sys.audit("vtbpf.mark", NAME): the built-in function's first instruction,
 * found by its entry in the sys module's table of methods, which is data and not stripped.
 */
#ifndef VTBPF_MARK_SITE_H
#define VTBPF_MARK_SITE_H

#include <stddef.h>
#include <stdint.h>

struct mark_site {
	uint64_t vaddr;	   /* of the probed instruction, in the file's own address space */
	uint64_t offset;   /* in the file */
	uint8_t args_reg;  /* a pointer to the arguments */
	uint8_t nargs_reg; /* how many there are */
};

/* Finds it in the interpreter's file open at fd. 0 or a negative errno: -ENOENT when there is none, or
 * none that is the only one. */
int mark_site__find(int fd, struct mark_site *site);

#endif
