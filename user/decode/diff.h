/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What `vtbpf diff` says of two versions of a program, or two times: which functions take longer or less
 * for one call, which appeared and which are gone.
 *
 * Compared is the time that a call of a function takes by itself (self), so that a function is not
 * blamed for what it calls, and of the distribution of these times the quartile and the median, so that
 * calls that lost the CPU for a while do not count. See diff_judge.c.
 *
 * Memory grows with the number of functions, and of distinct stacks where those are asked for.
 */
#ifndef VTBPF_DIFF_H
#define VTBPF_DIFF_H

#include "profile.h"
#include "stack_tree.h"

enum diff_which { DIFF_BEFORE, DIFF_AFTER, DIFF_SIDES };

enum diff_verdict { DIFF_SLOWER, DIFF_FASTER, DIFF_NEW, DIFF_GONE, DIFF_SAME, DIFF_VERDICTS };

#define DIFF_QUANTILES 2 /* quartile and median */

/* Of a function in one run, or means over several runs. Of a part of the time (windows) calls, self and
 * total are scaled to all of it. Times in ns, as in decode/report.h. */
struct diff_values {
	double calls; /* or samples that it was running in */
	double self, total;
	double min, mean, p50, p99, max; /* of calls; of samples 0 */
	double self_p50;
};

enum diff_times {
	DIFF_PLAIN,
	DIFF_EVEN,
	DIFF_TIMES
}; /* as they were; at the machine's full speed */

struct diff_quantiles {
	double log_ns[DIFF_QUANTILES]; /* of self; of samples, which are DIFF_PLAIN: of its part of all */
	double error[DIFF_QUANTILES]; /* standard errors of these */
};

/* The calls of a function that began in one cell of the run's time. */
struct diff_cell {
	float excess; /* mean of how much longer than usual they took, as a logarithm */
	float calls;
};

struct diff_measure {
	struct diff_values values;
	uint64_t n; /* calls seen from begin to end; or samples of it alone */
	struct diff_quantiles times[DIFF_TIMES];
	double freedom; /* degrees of, of the errors */
	bool brief;	/* it was called in a small part of the run's time only */
	double usual;	/* logarithm of the usual self time, ns */
	double wide; /* how far its calls are from each other beyond what is usual, as a logarithm */
	struct diff_cell *cells; /* of the run; NULL: it is brief, or called too seldom */
};

struct diff_run {
	struct diff_measure *measures; /* by the number in the side's names; later ones are missing */
	size_t n;
	uint32_t n_cells; /* that the time of the run is cut into */
	double exposure;  /* part of the calls that were seen; of samples: how many there are */
	bool whole;	  /* no call was missed */
	uint64_t period;  /* of samples, 0: calls */
	bool wall;
	double unsteady; /* how much faster and slower the machine was meanwhile, as a logarithm */
	double offset[DIFF_QUANTILES]; /* by how much all of the run is slower than the side's others */
};

struct diff_side {
	struct profile *names; /* functions of all its runs, and threads: those have no measures */
	struct diff_run *runs;
	size_t n_runs;
	struct stack_tree
		stacks; /* frames: numbers in names, first the thread; self: ns or samples */
};

/* A function in both, or in one. */
struct diff_entry {
	int64_t function[DIFF_SIDES]; /* number in the side's names, -1: not there */
	struct diff_values values[DIFF_SIDES];
	uint64_t n[DIFF_SIDES]; /* calls that were looked at, in all runs */
	enum diff_verdict verdict;
	bool judged;	       /* there were calls enough */
	enum diff_times times; /* those that it is judged by */
	bool brief;	       /* but in a small part of the time */
	double change;	   /* of self time for a call, beyond what all changed; 0.1: 10 % more */
	double confidence; /* of slower and faster: 0 to 1 */
	bool calls_changed;
};

struct diff {
	struct diff_side side[DIFF_SIDES];
	bool with_stacks;
	struct diff_entry *entries; /* slower, faster, new, gone, same; what matters most first */
	size_t n_entries;
	size_t count[DIFF_VERDICTS];
	double shift;	   /* by how much all functions are slower, as change */
	double resolution; /* changes of self time below that may go unseen, 0: nothing judged */
	size_t n_judged;   /* functions */
	size_t n_unjudged; /* in both, but called too seldom */
	uint32_t *entry_of[DIFF_SIDES]; /* by number in the side's names: index in entries, or
					   UINT32_MAX for threads and what was never called */
};

/* with_stacks: side[].stacks will be needed. NULL when out of memory. */
struct diff *diff__new(bool with_stacks);
void diff__free(struct diff *d);

/* One more run of a side; the profile is not needed afterwards. 0 or a negative errno. */
int diff__add(struct diff *d, enum diff_which which, const struct profile *p);

/* Were all runs sampled, or none, and in the same way? Otherwise they cannot be compared. */
bool diff__comparable(const struct diff *d);
bool diff__is_sampled(const struct diff *d);

/* After the last run, of which each side has one at least: fills entries and what follows. 0 or
 * -ENOMEM. */
int diff__judge(struct diff *d);

/* The function's name as AFTER has it, or BEFORE where it is gone. */
const struct profile_function *diff__function(const struct diff *d, const struct diff_entry *e);

const char *diff__verdict_name(enum diff_verdict verdict);

#endif
