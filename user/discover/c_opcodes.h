/* SPDX-License-Identifier: GPL-2.0-only */
/* The opcodes whose handlers may call a C function, of each minor version. */
#ifndef VTBPF_C_OPCODES_H
#define VTBPF_C_OPCODES_H

#include <stdint.h>

/* How a handler calls. */
enum c_handler {
	C_HANDLER_NONE,
	C_HANDLER_ANY,	   /* whatever it is: PyObject_Vectorcall() */
	C_HANDLER_KW,	   /* the same; names of arguments lie on top of the stack */
	C_HANDLER_EX,	   /* PyObject_Call(), after having made a tuple, maybe */
	C_HANDLER_SPECIAL, /* a certain kind of C function, by its own address */
	C_HANDLER_KNOWN,   /* len, isinstance: what these would call */
	C_HANDLER_APPEND,  /* list.append: no call */
	C_HANDLER_SHARED,  /* no site, but an opcode that may use another one's */
};

struct c_opcode {
	const char *name; /* as in CPython's opcode_ids.h */
	uint8_t number;
	uint8_t handler; /* enum c_handler */
};

/* Those of 3.MINOR; the list ends with a name of NULL. NULL: none are known. */
const struct c_opcode *c_opcodes__of(unsigned int minor);

#endif
