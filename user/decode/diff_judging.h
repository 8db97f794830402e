/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to decode/diff_judge.c and diff_runs.c, the runs of one side. */
#ifndef VTBPF_DIFF_JUDGING_H
#define VTBPF_DIFF_JUDGING_H

#include "diff_parts.h"

#define DIFF_ERROR_MIN 0.015 /* between two runs, however even each of them is: a logarithm */

/* Logarithms, of one function at one quantile. */
struct estimate {
	double change;	/* AFTER less BEFORE */
	double error;	/* of each side's own runs, squared */
	double freedom; /* degrees of */
};

struct judging {
	struct diff *d;
	struct estimate (*estimates)[DIFF_QUANTILES]; /* by entry */
	double *value;				      /* scratch, one for each entry */
	/* Variance between runs, usual: of functions that are called all the time, and of brief ones. */
	double between[DIFF_SIDES][2];
	double shift[DIFF_QUANTILES], scatter[DIFF_QUANTILES];
	double brief_scatter[DIFF_QUANTILES];
	struct diff_paced *paced; /* by entry */
	size_t n_paced;		  /* of them, those that matter */
	size_t n_telling;	  /* functions that shift and scatter were found by */
	double unsteady;	  /* mean square of all runs */
	double self;		  /* of all functions that are judged, ns */
};

/* How many of the side's runs tell of the function? Was it called for a short while of one only? */
size_t diff_runs__with(const struct diff_side *side, int64_t function);
bool diff_runs__brief(const struct diff_side *side, int64_t function);

/* Is the function called often enough there for a run to tell? */
bool diff_runs__counts(const struct diff_side *side, const struct diff_measure *m);

/* By how much each run of a side is slower than their mean, at quantile q, for all functions alike: run
 * ->offset. 0 or -ENOMEM. */
int diff_runs__find_offsets(struct judging *j, int which, int q);

/* Of the functions that are judged, brief or not: their usual variance between the side's runs. */
double diff_runs__usual_variance(struct judging *j, int which, int q, bool brief);

/* Adds what one side knows of a function: its mean, how sure that is. */
void diff_runs__add(struct judging *j, const struct diff_entry *e, int which, int q);

#endif
