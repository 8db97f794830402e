/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The part of the contract (vtbpf.h, which includes this) for calls of C functions (--c-calls). */
#ifndef VTBPF_CCALL_H
#define VTBPF_CCALL_H

#define VTBPF_MAX_C_SITES 128
#define VTBPF_C_TYPES 3	  /* whose objects are C functions, as sys.setprofile sees them */
#define VTBPF_C_OPCODES 4 /* words of 64 bits: a bit an opcode */

/* What it means that a site of a handler that calls is reached. */
enum vtbpf_c_site_kind {
	VTBPF_C_EXIT = 1, /* a C function that the frame called has returned or raised */
	/* What a handler is about to call is on the interpreter's stack: callable, self
	 * or NULL, oparg arguments. */
	VTBPF_C_SPECIAL = 2,
	VTBPF_C_APPEND = 3, /* the same; list.append() is done without a call */
	/* The machine's call, of a function whose first arguments are the callable and ... */
	VTBPF_C_VECTOR = 4, /* an array of arguments, and their number */
	VTBPF_C_TUPLE = 5,  /* a tuple of arguments; the state of the thread may come before them */
	VTBPF_C_KW = 6,	    /* as SPECIAL; the names of arguments lie on top of the stack */
};

struct vtbpf_c_site {
	__u64 vaddr; /* of the probed instruction, in the file's own address space */
	__u8 kind;   /* enum vtbpf_c_site_kind */
	__u8 frame_reg;
	__u8 stack_reg;		  /* of SPECIAL, APPEND, KW: the interpreter's stack pointer */
	__u8 flags;		  /* VTBPF_C_* */
	__s16 frame_at, stack_at; /* as frame_at in struct vtbpf_site */
	__u32 _pad[2];
};

#define VTBPF_C_FRAME_IN_WORD 0x01
#define VTBPF_C_STACK_IN_WORD 0x02
#define VTBPF_C_STACK_IN_FRAME 0x04 /* the stack pointer is in the frame, behind the instruction */

struct vtbpf_c_layout {
	__u64 types[VTBPF_C_TYPES]; /* PyCFunction_Type and PyCMethod_Type, PyMethodDescr_Type: in
				     * the file's own address space */
	__u64 tuple_type;	    /* PyTuple_Type, likewise */
	__u64 method_type;	    /* PyMethod_Type, likewise; what one is bound to is called */
	__u64 opcodes[VTBPF_C_OPCODES]; /* that may call; others may share the code of a site */
	__u16 frame_instr;		/* frame -> the instruction that it executes */
	__u16 head;			/* bytes of an object's head; its type is the last word */
	__u16 callable_first; /* the callable lies below self, from 3.13 on; else above it,
					 * unless it is a method's */
	__u16 _pad;
};

/* co_flags of a VTBPF_REC_CODE that is no code object, but a C function: it has no file and line. name is
 * the address of its own name, a C string; filename that of its type's, which is one as well (or 0), ... */
#define VTBPF_CODE_IS_C 0x80000000
#define VTBPF_CODE_HAS_MODULE 0x40000000 /* ... or the object that says which module it is of */

#endif
