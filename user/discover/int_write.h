/* SPDX-License-Identifier: GPL-2.0-only */
/* x86_64 instructions that write an int to memory, or tell where one lies. */
#ifndef VTBPF_INT_WRITE_H
#define VTBPF_INT_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum int_write_how {
	INT_STORE,    /* mov */
	INT_EXCHANGE, /* xchg */
	INT_COMPARE,  /* lock cmpxchg */
	INT_ADDRESS,  /* lea: writes nothing */
};

struct int_write {
	enum int_write_how how;
	uint8_t base;	   /* numbered as in bpf/vtbpf.h; VTBPF_GC_BASE_IP: the instruction */
	uint8_t value_reg; /* what is written, else VTBPF_NO_REG: `value` */
	int64_t disp;
	int32_t value;
};

/* Parses the instruction of exactly len bytes, which is known to begin there. False for all others, and
 * for those whose address is more than a register and a constant. */
bool int_write__parse(const uint8_t *code, size_t len, struct int_write *w);

#endif
