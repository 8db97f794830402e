/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One recording: attach to a target, stream its records into a capture until something ends it,
 * detach, and complete the capture. When recording__run() returns the target is untouched again, or
 * gone.
 */
#ifndef VTBPF_RECORDING_H
#define VTBPF_RECORDING_H

#include <stdbool.h>
#include <stdint.h>

#include "../discover/probe_plan.h"
#include "../discover/target.h"
#include "../function_filter.h"
#include "../schedule.h"
#include "../str_list.h"
#include "budget.h"
#include "capture_writer.h"
#include "hits.h"
#include "own_cost.h"
#include "tracer.h"

struct member_link;

enum recording_end {
	END_RUNNING = 0,
	END_SIGNAL, /* Ctrl-C or SIGTERM */
	END_DURATION,
	END_TARGET_EXIT,
	END_TARGET_EXEC, /* it became another program */
	END_CONTROL,	 /* `vtbpf ctl stop` */
	END_CAPTURE,	 /* the capture cannot be written any more */
	END_FAILED,	 /* a window of many could not be opened */
};

/* With --max-overhead. */
struct budget_config {
	double stated;	     /* part of the target's time that may be lost */
	uint64_t start;	     /* when vtbpf began, CLOCK_MONOTONIC ns */
	struct own_cost own; /* since then */
};

struct recording_config {
	const struct target *target;
	const struct probe_plan *plan;
	struct tracer_config tracer;
	uint64_t duration_ns; /* 0: no limit */
	const char **ignore_threads;
	size_t n_ignore_threads;
	const char **only_threads;
	size_t n_only_threads;
	const struct function_filter *functions; /* which functions to leave out */
	uint64_t tracer_entries;		 /* keep the newest calls only; 0: all */
	const struct str_list *triggers; /* TRIGGERS_MAX at most; dumps are made for them only */
	uint64_t after_ns, cool_down_ns; /* see triggers.h */
	unsigned int max_dumps;
	uint64_t keep_ns;	      /* keep only calls that ended within this time; 0: all */
	const char **filters;	      /* filters in force, as text for the capture */
	double sample_rate;	      /* part of the time to record; 0: all of it */
	struct budget_config *budget; /* what it may cost; NULL: anything */
	const struct schedule_span *active; /* when to record; none: always */
	size_t n_active;
	size_t n_filters;
	/* Selectors that are to be applied to the capture when it is converted: what is taken back
	 * meanwhile is taken out. May be NULL. */
	struct str_list *ignore_in_decode;
	const char *output; /* where the trace will be, for messages and the names of dumps */
	/* Runs in a child: converts the capture at `from` to a new file `to`. 0 or a negative errno,
	 * after a message. NULL: no dumps. */
	int (*dump)(void *ctx, const char *from, const char *to);
	void *dump_ctx;
	/* A recording in segments (segment.h): an order asks for the next one. The
	 * capture from `start` to `stop` is whole; the writer is to be given another file. With dump_ctx;
	 * 0 or a negative errno. NULL: there is one capture. */
	int (*next_capture)(void *ctx, uint64_t start, uint64_t stop);
	int order_fd; /* struct member_order or a byte come here; -1: never */
	/* With --follow. In a child, records process pid, which runs another interpreter than the target,
	 * with what the link says of the family. The exit status. NULL: such processes are missed. */
	int (*run_kin)(void *ctx, pid_t pid, struct member_link *link);
	void *kin_ctx;
	pid_t family;  /* this is such a one, in the family of that process; 0: it is not */
	int signal_fd; /* signalfd of SIGINT, SIGTERM, SIGHUP, SIGUSR1; they are blocked */
	void (*attached)(void *ctx); /* all sites are attached and recording is on; may be NULL */
	void *attached_ctx;
	/* Of a launched program: is it our child, so that Ctrl-C reaches it as well? Then the
	 * recording goes on for up to a second after Ctrl-C, to have its end too. */
	bool launched;
	/* The program, where the target is not that but was started by it: it is followed as well, and the
	 * recording goes on until it has ended; and its pidfd. Else 0. */
	pid_t wrapper;
	int wrapper_fd;
};

struct recording_result {
	enum recording_end end;
	int signal;	      /* for END_SIGNAL */
	uint64_t start, stop; /* CLOCK_MONOTONIC ns */
	uint64_t calls, lost;
	struct vtbpf_counters counters;
	struct vtbpf_sample_counters samples;
	uint64_t ignored_threads;
	uint64_t overwritten; /* calls that were not among the newest */
	struct hits_sums hits;
	char **kin_captures; /* what others of the family recorded; the caller's, as the files are */
	size_t n_kin;
	unsigned int dumps;   /* made for them */
	int capture_err;      /* negative errno when the capture is cut short */
	struct budget budget; /* with --max-overhead: to be charged with what comes after, and told */
	struct own_cost own;
	unsigned int windows;
	double coverage;
	bool in_windows;     /* with --max-overhead: calls are traced in windows */
	double sample_hz;    /* and of the samples in their place, or of --hz: per s of CPU time */
	uint64_t sampled_ns; /* for so long */
	/* Of a target that has ended: on its way out. The caller waits for it with holder__stop(),
	 * which takes some 40 ms, when it has nothing better to do. */
	struct holder holder;
};

/* 0 or a negative errno after a message. A capture cut short by a full disk is no failure of this
 * function: the result tells. */
int recording__run(const struct recording_config *cfg, struct capture_writer *w,
		   struct recording_result *res);

#endif
