/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interpreters whose handlers are functions that call one another last (3.14 on, built by clang
 * with --with-tail-call-interp). Their table looks like any other.
 */
#ifndef VTBPF_TAIL_CALL_H
#define VTBPF_TAIL_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "elf_image.h"
#include "insn.h"

/* Is the interpreter whose evaluation function is at vaddr eval one of these? */
bool tail_call__is_used(const struct elf_image *img, struct decoder *d, uint64_t eval);

#endif
