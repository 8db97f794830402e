/* SPDX-License-Identifier: GPL-2.0-only */
/* What a hit costs on this machine, measured on vtbpf itself: the target is not involved. */
#ifndef VTBPF_CALIBRATE_H
#define VTBPF_CALIBRATE_H

#include <stdint.h>

struct hit_cost {
	uint64_t emulated_ns;	 /* CPU time of one hit of an empty program */
	uint64_t single_step_ns; /* the same on an instruction the kernel single-steps */
};

/* A quick one takes some milliseconds of CPU, and is some percent off at times. */
enum calibrate_how { CALIBRATE_WELL, CALIBRATE_QUICK };

/* Well takes about half a second. 0 or a negative errno; needs the privileges of tracing. */
int calibrate__hit_cost(struct hit_cost *cost, enum calibrate_how how);

/* What each turn of a thread on a CPU costs besides what it costs anyway, ns, when it has a timer of its
 * CPU time that fires each period ns. Takes a millisecond. 0 or a negative errno. */
int calibrate__switch_cost(uint64_t period, uint64_t *ns);

/* What it costs a thread that a timer of its CPU time fires, ns: the interrupt, and setting the timer
 * anew. Takes some 20 ms of CPU time. 0 or a negative errno. */
int calibrate__timer_cost(uint64_t *ns);

#endif
