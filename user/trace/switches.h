/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How often a process's threads come to a CPU. Where they have timers of CPU time, these are set and
 * stopped each time, and that costs as much as many a sample.
 *
 * A thread loses by its own turns; by those of others only as far as no CPU is idle, and then by its part
 * of what all lose.
 */
#ifndef VTBPF_SWITCHES_H
#define VTBPF_SWITCHES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* One thread's turns so far. */
struct switch_count {
	pid_t tid;
	uint64_t runs;
};

struct switches {
	struct switch_count *seen; /* by tid, at the last look */
	size_t n_seen;
	uint64_t at;   /* of that look, ns; 0: nobody has looked */
	uint64_t next; /* when to look again: it takes a while where there are many threads */
	double all;    /* a second, of all threads together */
	double rate;   /* those that count; less than 0: not known yet */
};

void switches__init(struct switches *s);
void switches__release(struct switches *s);

/* If it is time to look: how many count since the last look; else 0. share: the part of all turns by which
 * one thread loses. What did threads that have ended meanwhile is not known. */
uint64_t switches__look(struct switches *s, pid_t pid, uint64_t now, double share);

/* What a look has found: takes over `counts`, which malloc() gave. */
struct switch_look {
	struct switch_count *counts; /* by tid */
	size_t n;
	uint64_t at, took; /* ns */
	double share;
};
uint64_t switches__note(struct switches *s, const struct switch_look *look);

#endif
