/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The part of the contract (vtbpf.h, which includes this) for what is no call, but has its place on the
 * timeline. */
#ifndef VTBPF_EVENT_H
#define VTBPF_EVENT_H

/* What has happened. `value` and `text` mean what is said here, and are zero otherwise. */
enum vtbpf_event_what {
	/* Slices of a thread without a CPU; nothing else happens on the thread meanwhile. */
	VTBPF_EVENT_BLOCKED = 1,  /* value: system call, VTBPF_NO_SYSCALL; waker's tid, 0: none */
	VTBPF_EVENT_RUNNABLE = 2, /* it could run, and had no CPU */
	/* A garbage collection; value: generation, objects that gc.collect() would count. */
	VTBPF_EVENT_GC = 3,
	VTBPF_EVENT_MARK = 4, /* sys.audit("vtbpf.mark", NAME); text: NAME */
};

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
	__u32 track; /* of the greenlet on whose track it is shown; 0: the thread's own */
	__u16 what;  /* enum vtbpf_event_what */
	__u16 _pad;
	struct vtbpf_event_text text[VTBPF_EVENT_TEXTS];
	char data[];
};

_Static_assert(sizeof(struct vtbpf_rec_event) == 72, "event record");

#endif /* VTBPF_EVENT_H */
