/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The part of the contract (vtbpf.h, which includes this) that sampled stacks need. */
#ifndef VTBPF_SAMPLE_H
#define VTBPF_SAMPLE_H

/*
 * A thread had the CPU at ts, CLOCK_MONOTONIC ns, with these frames. The sample stands for `weight`
 * periods of CPU time that end there: more than one when the timer came late. stack 0: the thread
 * runs no Python code.
 */
struct vtbpf_rec_sample {
	struct vtbpf_rec rec;
	__u64 ts;
	__u32 stack;  /* id announced by a VTBPF_REC_STACK */
	__u32 weight; /* periods */
};

/* flags of a sample: the frames could not be read, or were about to change; stack is 0 */
#define VTBPF_F_UNREADABLE 0x01

/* n ids of code objects follow, the innermost frame's first. May come again under another id. */
struct vtbpf_rec_stack {
	struct vtbpf_rec rec;
	__u32 id;
	__u32 n; /* <= VTBPF_MAX_SAMPLED */
	__u32 codes[];
};

/* flags of a stack: there are frames beyond the outermost of these */
#define VTBPF_F_TRUNCATED 0x01

/* What a thread waits for that has no CPU. */
enum vtbpf_wait {
	VTBPF_WAIT_OFF_CPU = 0, /* a CPU, or what is none of the others */
	VTBPF_WAIT_LOCK = 1,
	VTBPF_WAIT_IO = 2,
	VTBPF_WAIT_GIL = 3,
	VTBPF_WAIT_SLEEP = 4,
	VTBPF_WAITS,
};

/* --wall: a thread was off its CPU, which is over; stands for to - from, so many whole periods. */
struct vtbpf_rec_sleep {
	struct vtbpf_rec rec;
	__u64 from, to; /* CLOCK_MONOTONIC ns */
	__u32 stack;	/* as in a sample */
	__u32 wait;	/* enum vtbpf_wait */
};

/* Comes before the first sample, and with period 0 after the last one. */
struct vtbpf_rec_sampling {
	struct vtbpf_rec rec; /* tid: the target's pid */
	__u64 ts;	      /* CLOCK_MONOTONIC ns */
	__u64 period;	      /* CPU time that a weight of 1 stands for, ns; 0: sampling ends */
	__u32 wall;	      /* 1: threads off their CPU are told of, too */
	__u32 every;	      /* a thread is sampled each so many periods; 0: each */
};

/* In samples, each as many as its weight says. */
struct vtbpf_sample_counters {
	__u64 taken;	  /* with a stack, or of a thread that runs no Python code */
	__u64 lost;	  /* found no room in the ring */
	__u64 unreadable; /* the frames made no sense, or could not be read */
	__u64 ignored;	  /* of ignored threads */
};

struct vtbpf_rec_sample_counters {
	struct vtbpf_rec rec;
	struct vtbpf_sample_counters count;
};

_Static_assert(sizeof(struct vtbpf_rec_sample) == 24, "sample record");
_Static_assert(sizeof(struct vtbpf_rec_stack) == 16, "stack record");
_Static_assert(sizeof(struct vtbpf_rec_sleep) == 32, "sleep record");

#endif /* VTBPF_SAMPLE_H */
