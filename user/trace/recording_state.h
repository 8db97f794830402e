/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A recording under way: private to recording.c (its course), window.c (pause and resume),
 * commands.c (what `vtbpf ctl` asks for), snapshot.c (its dumps) and flight.c (the flight recorder).
 */
#ifndef VTBPF_RECORDING_STATE_H
#define VTBPF_RECORDING_STATE_H

#include <limits.h>

#include "control.h"
#include "function_verdicts.h"
#include "idle_threads.h"
#include "pacing.h"
#include "recorder.h"
#include "recording.h"
#include "sources.h"
#include "exception_names.h"
#include "string_repair.h"
#include "thread_names.h"
#include "triggers.h"
#include "wall_clock.h"

struct held_call;
struct family;

/* What the kernel side holds, as a dump found it. */
struct held {
	struct held_call *calls;
};

/* Who wants a dump. */
enum dump_asker { DUMP_FOR_CTL, DUMP_FOR_SIGNAL, DUMP_FOR_HIT };

#define DUMPS_AT_ONCE 4

/* A dump being written by a child. */
struct snapshot {
	pid_t pid; /* 0: none */
	enum dump_asker asker;
	struct hit hit;	  /* which it is for */
	const char *expr; /* and of which trigger */
	int fd;		  /* what the child says, and its end */
	char *path;
	char said[PATH_MAX + 1024];
	size_t n_said;
};

struct recording {
	const struct recording_config *cfg;
	struct capture_writer *w;
	struct recording_result *res;
	struct tracer *tracer;
	struct py_reader *reader;
	struct thread_names *names;
	struct family *family; /* NULL: nobody is followed */
	struct idle_threads *idle;
	struct string_repair *repair;
	struct exception_names exception_names;
	struct sources *sources;
	struct function_verdicts *functions;
	struct segments *segments; /* NULL: there is one capture */
	struct recorder *recorder; /* NULL: all calls are kept */
	struct triggers *triggers; /* NULL: there are none */
	struct control *control;   /* NULL: cannot be controlled */
	struct snapshot dumps[DUMPS_AT_ONCE];
	unsigned int n_dumps; /* begun so far */
	struct held *held;    /* while a dump looks: calls that come out of the ring are not held */
	struct str_list ignore;		    /* selectors in force; the strings are ours */
	struct str_list noted;		    /* what was asked for while tracing; ours too */
	uint64_t window_start, window_stop; /* of this stretch of recording; stop 0: it goes on */
	uint64_t ignoring_since;	    /* what threads `vtbpf ctl` says; 0: it said nothing */
	uint64_t paused_ns;		    /* sum of the pauses that are over */
	unsigned int pauses;
	uint64_t deadline; /* when to stop, 0 never */
	uint64_t cut_due; /* since when the next segment waits for a window's end; 0: it does not */
	uint64_t next_check;
	uint64_t next_self_check; /* 0: done */
	uint64_t newest_end;	  /* of a call, as far as they have come out of the ring */
	struct pacing pacing;
	int failed;	  /* a window could not be opened: negative errno */
	uint64_t runtime; /* with --hz: _PyRuntime in the target */
	uint64_t sample_period;
	bool sampling; /* stacks are sampled for now, no calls are traced */
	bool paused;
	bool closed; /* it has ended: all that there will be is recorded */
	bool jit;
	bool misfit;  /* the self-check has found a contradiction */
	bool backlog; /* the ring was not read to its end */
};

static inline uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---- recording_records.c ---------------------------------------------------------------- */

/* A record of the tracer's, in order; ctx is the recording (tracer_record_fn). 0. */
int recording__take(void *ctx, const struct vtbpf_rec *rec);

/* ---- recording.c ------------------------------------------------------------------------ */

/* Said on the terminal, and kept in the trace for whoever reads it later. */
void recording__warn(struct recording *r, const char *text);
int recording__next_signal(struct recording *r); /* its number, or 0 */
void recording__end_with(struct recording *r, enum recording_end why);
/* Is recorded now, neither between two windows nor in a pause? */
bool recording__is_on(const struct recording *r);

/* ---- capture_head.c --------------------------------------------------------------------- */

/* With what a capture begins. */
void recording__put_session(struct recording *r, uint64_t start);
void recording__put_text(struct recording *r, enum vtbpf_text_what what, const char *text);

/* ---- window.c --------------------------------------------------------------------------- */

/* Looks at all threads, attaches and records from now on; attach: does not look. 0 or a negative errno,
 * after a message. */
int window__open(struct recording *r);
int window__attach(struct recording *r);

/* Stops, detaches, and completes the capture with what was open. 0 or a negative errno: then the end
 * of the ring was not read. */
int window__close(struct recording *r);

/* What open threads without events have on their stacks is read now, once recording is on. */
void window__look_at_idle(struct recording *r);

/* Between two windows. 0 or a negative errno, after a message; a pause that failed is one, a resume
 * that failed leaves it paused. */
int window__pause(struct recording *r);
int window__resume(struct recording *r);

/* Writes the calls of threads without events, cut off at `end`. */
void window__put_idle(struct recording *r, uint64_t end);

/* Writes that nothing was recorded from the last window's end until `to`. */
void window__put_pause(struct recording *r, uint64_t to);

/* ---- sampler.c -------------------------------------------------------------------------- */

/* Before the tracer is made: what it needs to sample. 0 or a negative errno, after a message. */
int sampler__prepare(struct recording *r, struct tracer_config *tracer);

/* Attaches the timers. 0 or a negative errno, after a message. */
int sampler__attach(struct recording *r);

/* With --wall: threads that are asleep already are looked at, once recording is on. */
void sampler__look_at_sleepers(struct recording *r);

/* Periods of CPU time that there were samples for, so far. */
uint64_t sampler__periods(const struct recording *r);

/* A thread had its first sample. */
void sampler__note_thread(struct recording *r, pid_t tid);

/* Marks in the capture where a window of samples begins, and where it has ended, with the sums. In
 * windows of calls they do nothing. */
void sampler__began(struct recording *r, uint64_t start);
void sampler__ended(struct recording *r, uint64_t end);

/* How many there were so far. */
void sampler__put_counters(struct recording *r);

/* ---- commands.c ------------------------------------------------------------------------- */

/* Listens for `vtbpf ctl`; where that does not work, says so and goes on. */
void commands__listen(struct recording *r);

/* Answers whoever waits for the end of the recording, and listens no more. */
void commands__end(struct recording *r);
void commands__free(struct recording *r);

/* ---- held.c ----------------------------------------------------------------------------- */

/* Takes a copy of a record that a look at the running maps yields. `held` is a struct held. */
int held__add(void *held, const struct vtbpf_rec *rec);
void held__release(struct held *held);

/* Is the call among them? Then it no longer is. */
bool held__take(struct held *held, const struct vtbpf_rec *rec);

/* Drops what `keep` does not want to keep, in the order of the sweep. */
void held__keep(struct held *held, bool (*keep)(void *ctx, const struct vtbpf_rec *rec), void *ctx);

/* The call has come through the ring: it is in the capture, and no longer held. */
void held__written(struct held *held, const struct vtbpf_rec *rec);

/* Writes what is held, callees before callers: open calls are cut off at `end`; those that ended before
 * `since` are left out. */
void held__write(const struct held *held, struct capture_writer *w, uint64_t since, uint64_t end);

/* ---- snapshot.c ------------------------------------------------------------------------- */

/* What is held, and then the ring, so that nothing falls between the two. Returns the moment up to which
 * all is there. */
uint64_t snapshot__collect(struct recording *r, struct held *held);

/* Begins a dump, or joins the one for the same asker that is under way. 0, or a negative errno with a
 * sentence in why. */
int snapshot__begin(struct recording *r, enum dump_asker asker, char *why, size_t why_size);

/* A dump for a hit of trigger `expr`, which must outlive it. 0 or a negative errno: -EBUSY when there
 * are too many under way. */
int snapshot__for_hit(struct recording *r, const struct hit *hit, const char *expr);

/* SIGUSR1 came: a dump, and what became of it on stderr. */
void snapshot__on_signal(struct recording *r);

/* Looks after the dumps under way; tells who waits for one when it is done. */
void snapshot__tick(struct recording *r);

/* The recording ends: so do dumps that are not whole. */
void snapshot__end(struct recording *r);

/* Waits for a dump under way to be done. False when there is none. A signal abandons them all. */
bool snapshot__wait(struct recording *r);

/* ---- flight.c --------------------------------------------------------------------------- */

/* Where only the newest calls are kept, records go to memory from now on. 0 or a negative errno. */
int flight__begin(struct recording *r);

/* Looks for what triggers wait for, has dumps made that are due, and forgets, now and then, what no kept
 * call refers to. */
void flight__tick(struct recording *r, uint64_t now);
int flight__wait_ms(const struct recording *r, int most);

/* All code objects have new ids from now on. */
void flight__restart(struct recording *r);

/* Writes what is kept to the capture; where there are triggers, to the last dumps. */
void flight__end(struct recording *r);

/* Writes what ended at `since` or later, for a trace up to `end`; the capture takes records itself
 * from then on. */
void flight__write(struct recording *r, uint64_t since, uint64_t end);

/* When the oldest calls ended that a trace up to `end` has, ns; 0: it has all. */
uint64_t flight__since(const struct recording *r, uint64_t end);

/* ---- off_cpu.c: --sched ------------------------------------------------------------------ */

/* What system calls are called; the threads of a process that are asleep as a window begins, once it is
 * on. since: ns, if the process is recorded from a later moment on; else 0. */
void off_cpu__put_names(struct recording *r);
void off_cpu__look_at_sleepers(struct recording *r, pid_t pid, uint64_t since);

#endif
