/* SPDX-License-Identifier: GPL-2.0-only */
/* What `vtbpf report` says of a trace: its functions, files and threads in numbers, calls that took far
 * longer than their function usually does, and functions that get slower or faster. */
#ifndef VTBPF_REPORT_H
#define VTBPF_REPORT_H

#include "decoder.h"
#include "profile.h"
#include "sketch.h"
#include "trend.h"

#define REPORT_OUTLIERS_MAX 1000

/*
 * Times in ns. total counts outermost activations only. min, mean and the quantiles are of calls that
 * were seen from begin to end, or of all where there is none; max is of all.
 */
struct report_function {
	uint64_t calls; /* or samples that it was running in; those seen, not scaled */
	uint64_t self_samples;
	uint64_t self, total;
	uint64_t min, max;
	double mean, p50, p99;
};

struct report_file {
	struct profile_text name; /* n 0: functions without a file */
	uint64_t calls, self, total;
};

struct report_thread_function {
	uint32_t function;
	uint64_t calls, self, total;
};

struct report_thread {
	const struct profile_track *track;
	uint64_t calls;				  /* or samples */
	uint64_t busy;				  /* in calls, ns */
	uint64_t waiting[VTBPF_WAITS];		  /* of busy, by enum vtbpf_wait (--wall) */
	uint64_t lost;				  /* calls */
	struct report_thread_function *functions; /* that it called */
	size_t n_functions;
};

struct report_outlier {
	uint32_t function;
	const struct profile_track *track;
	uint64_t start, dur;
	double usual; /* median of its function */
};

struct report_drift {
	uint32_t function;
	double percent_per_min; /* of what it took at the begin */
	double confidence;	/* 0 to 1 */
	double change;		/* over the whole trace: 1 is doubled */
};

struct report {
	const struct profile *p;
	bool has_waiting;		   /* it is known of the threads what they waited for */
	struct report_function *functions; /* by the profile's numbers */
	struct report_file *files;
	size_t n_files;
	struct report_thread *threads; /* tracks with calls */
	size_t n_threads;
	struct report_outlier *outliers; /* those that took longest beyond the usual first */
	size_t n_outliers;
	uint64_t all_outliers;	    /* also those that found no room */
	struct report_drift *drift; /* the fastest first */
	size_t n_drift;
};

/*
 * What the 99th percentile of a function that gets slower comes to when it goes on so, as a straight line:
 * a round duration (1, 2 or 5, 10, ... of a unit) at least half again as long as now, and the time until
 * then, both in ns. false where it gets faster or has no p99.
 */
bool report_drift__forecast(const struct report *r, const struct report_drift *d, double *threshold,
			    double *until);

/* Of a sampled thread's time, that in which it waited for nothing, ns. */
uint64_t report_thread__running(const struct report_thread *th);

/* 0 or a negative errno; release it in any case. The profile outlives it. */
int report__make(struct report *r, const struct profile *p);
void report__release(struct report *r);

#endif
