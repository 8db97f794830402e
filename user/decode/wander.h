/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How unsteady was the machine while a trace was made? Other programs, the CPU's frequency and its heat
 * make everything slower for a while. What a function took that ran in a part of the time only is
 * uncertain by that, however alike its calls were to each other.
 *
 * The time of the trace is cut into 32 coarse cells, and into fine ones of about 20 ms. The steadiness is
 * seen on functions that run all the time: by how much their calls in one cell, all together, are longer
 * than they usually are. That is also how slow the machine was in that cell, by which what ran in it can
 * be measured. Virtual machines have two speeds often enough, a third apart, and change between them
 * many times a second.
 */
#ifndef VTBPF_WANDER_H
#define VTBPF_WANDER_H

#include <stdbool.h>
#include <stdint.h>

#define WANDER_COARSE 32
#define WANDER_FINE_MAX 2048 /* a multiple of WANDER_COARSE */

struct wander {
	uint64_t start, span; /* of the trace, ns */
	uint32_t n_fine;
	/* Sums by cell, of every other call: chance makes these two differ, the machine both. */
	double sum[WANDER_FINE_MAX][2];
	double weight[WANDER_FINE_MAX][2];
	double slowness[WANDER_FINE_MAX]; /* of wander__measure() */
	double coarse, fine;		  /* variance of cells; fine: within a coarse one */
};

/* The cells that one function runs in. Zeroed is none. */
struct wander_cells {
	uint32_t fine, coarse;		 /* how many */
	uint32_t last_fine, last_coarse; /* plus one */
};

/* A trace from start to end, ns. */
void wander__init(struct wander *w, uint64_t start, uint64_t end);

/* A call of the function begins then. Calls come in order of time, or against it. */
void wander__visit(const struct wander *w, struct wander_cells *cells, uint64_t at);

/* Is it seen often enough to tell how steady the machine is? */
bool wander_cells__are_spread(const struct wander_cells *cells);

/* The no. call of such a function, which usually takes so many ns, took so much more, as a logarithm. */
void wander__note(struct wander *w, uint64_t at, uint64_t no, double excess, double usual_ns);

/* After the last note: how slow the machine was in each cell, beside its fastest tenth. Forgets what was
 * noted; notes may come again. */
void wander__measure(struct wander *w);

/* That of the time `at`, as a logarithm; 0 before wander__measure(). */
double wander__slowness(const struct wander *w, uint64_t at);

/* After the last note. */
void wander__finish(struct wander *w);

/* The variance of what a function usually took (as a logarithm) that is due to when it ran. */
double wander__variance(const struct wander *w, const struct wander_cells *cells);

#endif
