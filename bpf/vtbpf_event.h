/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The part of the contract (vtbpf.h, which includes this) for what is no call, but has its place on the
 * timeline. */
#ifndef VTBPF_EVENT_H
#define VTBPF_EVENT_H

/* What has happened. `value` and `text` mean what is said here, and are zero otherwise. */
enum vtbpf_event_what {
	/* Slices of a thread without a CPU; nothing else happens on the thread meanwhile. */
	VTBPF_EVENT_BLOCKED = 1,  /* value: system call, VTBPF_NO_SYSCALL; waker's tid; pid */
	VTBPF_EVENT_RUNNABLE = 2, /* it could run, and had no CPU. value: 0, 0, pid */
	/* A garbage collection; value: generation, objects that gc.collect() would count. */
	VTBPF_EVENT_GC = 3,
	VTBPF_EVENT_MARK = 4, /* sys.audit("vtbpf.mark", NAME); text: NAME */
	/* Instants; texts: the exception's type (UTF-8) and, where it is raised, its message, which
	 * is a plain str (width 0: there is none). Where the kernel side could not read the type's
	 * name, that is empty on the ring, and two further values are its address and how far from
	 * its own addresses the interpreter's file is loaded. */
	VTBPF_EVENT_RAISED = 5, /* it has reached its first frame. value: line, 0 not known */
	VTBPF_EVENT_CAUGHT = 6, /* the frame goes on. value: frames left, VTBPF_NOT_COUNTED */
	/* No event, but what `track` of the thread is called in all of the trace; text: the name. The last
	 * one holds. A track without is a greenlet's. */
	VTBPF_EVENT_TRACK_NAME = 16,
	/* An arrow from a slice to another, both at an instant inside of it; value: the arrow's number. */
	VTBPF_EVENT_AWAIT = 17,	   /* a task that awaits another suspends */
	VTBPF_EVENT_AWAITED = 18,  /* the other one, when it goes on */
	VTBPF_EVENT_LOOP_LAG = 19, /* value: us by which an event loop is late */
	/* Of an interpreter's lock. A hold is on the lock's own track; value: the lock's number. */
	VTBPF_EVENT_GIL_WAIT = 20, /* from when the thread wants it until it has it */
	VTBPF_EVENT_GIL_HELD = 21,
	/* Not on the timeline itself: what the call that began at `start` was called with; value: its
	 * depth; text: see vtbpf_args.h. */
	VTBPF_EVENT_ARGS = 32,
};

/* Calls that run when recording begins begin 1 ns apart, in order of depth, which is a 16-bit number: a
 * slice inside all of them begins after that. */
#define VTBPF_STARTS_NS 65536

#define VTBPF_NO_SYSCALL (-1)	   /* a page fault */
#define VTBPF_STOPPED (-2)	   /* by a signal */
#define VTBPF_UNKNOWN_SYSCALL (-3) /* the kernel cannot tell it */

#define VTBPF_EVENT_VALUES 3
#define VTBPF_EVENT_TEXTS 3

/* A string of the target: `bytes` bytes, `width` bytes a code point as in struct vtbpf_rec_str; width 0
 * is UTF-8. */
struct vtbpf_event_text {
	__u16 bytes;
	__u8 width;
	__u8 _pad;
};

/* Slices of a thread come in order of their ends, calls among them, but for those of a thread without a
 * CPU. The texts follow one another in data. */
struct vtbpf_rec_event {
	struct vtbpf_rec rec;
	__u64 start; /* CLOCK_MONOTONIC ns */
	__u64 dur;   /* 0 of an instant */
	__s64 value[VTBPF_EVENT_VALUES];
	__u32 code;  /* id of the code object of the frame where it happened, 0: none */
	__u32 track; /* of the greenlet or task on whose track it is shown; 0: the thread's own */
	__u16 what;  /* enum vtbpf_event_what */
	__u16 _pad;
	struct vtbpf_event_text text[VTBPF_EVENT_TEXTS];
	char data[];
};

_Static_assert(sizeof(struct vtbpf_rec_event) == 72, "event record");

#endif /* VTBPF_EVENT_H */
