/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to the making of a report: what is gathered of each function while one walks the calls. */
#ifndef VTBPF_REPORT_STATS_H
#define VTBPF_REPORT_STATS_H

#include "call_walk.h"
#include "report.h"

struct function_stats {
	struct sketch all;   /* durations of calls seen from begin to end */
	struct sketch outer; /* of outermost activations alone, once there are others */
	struct sketch open;  /* of calls not seen from begin to end */
	bool recursive;
	struct trend *trend; /* of outermost activations, NULL so far */
	uint64_t sum;	     /* of what is in `all`, ns */
	uint64_t open_sum;
	uint32_t file;		 /* number among the files */
	uint32_t active;	 /* activations on the stack that one is walking */
	double usual, deviation; /* median, and that of logarithms from it; 0: not known */
	double limit;		 /* outliers take longer */
	struct report_thread_function here; /* on the track that one is walking */
};

struct report_making {
	struct report *r;
	const struct profile *p;
	struct function_stats *stats; /* by function */
	uint32_t *file_active;	      /* as `active`, by file */
	struct report_thread *thread; /* whose calls are walked */
};

/* The distribution against which one call stands out. */
static inline const struct sketch *function_stats__outer(const struct function_stats *st)
{
	return st->recursive ? &st->outer : &st->all;
}

/* Walks the calls of a track for the numbers; adds up the samples of one. */
int report_calls__add(struct report_making *m, const struct profile_track *t);
int report_samples__add(struct report_making *m, const struct profile_track *t);

/* A second walk over all outermost activations seen from begin to end. */
int report_drift__note(struct report_making *m, struct function_stats *st,
		       const struct walk_frame *f);

/* Once all tracks were walked: each walks or looks at what was gathered, and fills its part of the
 * report. 0 or a negative errno. */
int report_outliers__find(struct report_making *m);
int report_drift__find(struct report_making *m);

#endif
