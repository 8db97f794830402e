/* SPDX-License-Identifier: GPL-2.0-only */
/* The search for the sites of --c-calls (c_sites.h), of which c_sites.c and c_stack_sites.c do
 * parts. */
#ifndef VTBPF_C_SEARCH_H
#define VTBPF_C_SEARCH_H

#include "c_opcodes.h"
#include "c_sites.h"
#include "c_ways.h"
#include "function_ref.h"
#include "sites.h"

enum { CALLS_ANY, CALLS_TUPLE, CALLS_TLS, CALLS_LEN, CALLS_LENGTH, CALLS_ISINSTANCE, C_FUNCTIONS };

#define C_KEEPS_STACK 14 /* minor version: frames keep the stack pointer, behind the instruction */

struct way {
	uint64_t from;
	struct regs regs;
};

struct c_search {
	const struct site_search *s;
	struct c_plan *plan;
	struct function_ref functions[C_FUNCTIONS];
	uint8_t stack_reg;
	const struct c_opcode *ops;
	const struct c_opcode *op; /* whose handler is looked at */
	struct way *ways;
	size_t n_ways;
	size_t exits;	      /* of this handler */
	struct c_ways family; /* of c_stack_sites.c */
};

/* What is at one instruction. */
struct c_spot {
	const struct insn *in;
	const struct regs *regs;
	uint8_t kind;	 /* enum vtbpf_c_site_kind */
	uint64_t called; /* behind which call; 0: none. Words must be read later. */
	bool in_frame;	 /* the stack pointer has been written to the frame */
};

/* Adds a site, unless it is there already. 0, -ENOSPC, or -ENOENT when what it needs is not known
 * there. */
int c_search__add(struct c_search *c, const struct c_spot *spot);

/* Adds the site behind a call before which the registers were so: the first emulated instruction,
 * or what leaves the line before one comes. Values as above. */
int c_search__add_exit(struct c_search *c, const struct insn *call, const struct regs *before);

bool c_search__calls(const struct c_search *c, const struct insn *in, int function);
uint64_t c_search__handler(const struct c_search *c, const struct c_opcode *op);
/* Is it the handler's store of the instruction that it executes? */
bool c_search__stores_instr(const struct c_search *c, const struct insn *in,
			    const struct regs *regs);
bool c_search__is_instrumented(const struct c_opcode *op);

/* The sites of all handlers but those of CALL_FUNCTION_EX, where the functions that call whatever
 * it is are inlined: what is called is read from the interpreter's stack. Values as above. */
int c_stack_sites__find(struct c_search *c);

#endif
