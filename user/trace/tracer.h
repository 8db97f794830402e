/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The BPF side as an object: load it for a plan, attach it to a process, read what it writes, and
 * take out what is left when it is detached. Only the files that tracer_state.h names see the
 * skeleton.
 *
 *   new -> attach -> activate -> poll ... -> detach -> sweep -> free
 *
 * Between sweep and free it may go on: reset, then attach and so forth.
 */
#ifndef VTBPF_TRACER_H
#define VTBPF_TRACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../discover/c_sites.h"
#include "../discover/gc_sites.h"
#include "../discover/gil_sites.h"
#include "../discover/mark_site.h"
#include "../discover/probe_plan.h"
#include "holder.h"

/* How the programs are attached. A kernel takes those from some version on; tests pick them. */
enum tracer_variant {
	TRACER_BEST = 0, /* what this kernel can do */
	TRACER_MULTI,	 /* one uprobe_multi link: Linux 6.6 */
	TRACER_COOKIES,	 /* a perf link a site, one program for all: 5.15 */
	TRACER_NUMBERED, /* a perf link and a program a site; without bpf_loop() too: 5.8 */
	TRACER_SAMPLES,	 /* no sites: stacks are sampled, and nothing else */
};

struct tracer_early;

struct tracer_config {
	uint64_t ring_bytes;	  /* rounded up to a power of two and whole pages */
	uint64_t min_duration_ns; /* 0: none */
	int max_stack_depth;	  /* -1: none */
	struct vtbpf_attrs attrs; /* zeros: thread names are not read in the kernel */
	/* One of several tracers, for which the kernel is to set aside no more than a target of so many
	 * threads needs: what has no room in the small maps is still traced, a little slower. */
	bool small;
	unsigned int threads;
	bool follow; /* its children are targets, too: see tracer__add_target() */
	/* With it, of a tracer of another interpreter in the same family: the first one's
	 * tracer__family_fd(). Who belongs to the family is noted by the first one only. 0: this is it. */
	int family_fd;
	int types_fd; /* see tracer_early__types_fd(); 0: the kernel's own */
	bool jit;     /* the target's JIT hides entries: count their exits as lost calls */
	enum tracer_variant variant;
	struct tracer_early *early; /* begun with the same ring_bytes; emptied. May be NULL */
	uint32_t triggers; /* VTBPF_WATCH_*: what watch.h may ask for; 0: nothing, at no cost */
	bool budgeted;	   /* count what the hits cost, and stop at a limit ... */
	const uint32_t *site_costs;   /* ... by the cost of a hit of each site of the plan, ns */
	uint64_t sample_period_ns;    /* tracer__attach_samples() may be used; 0: it may not */
	struct vtbpf_states states;   /* for that, and to watch exceptions: py_reader__states() */
	uint64_t runtime;	      /* for the latter */
	bool sample_sleeps;	      /* and threads that have no CPU are told of, too */
	const struct gc_plan *gc;     /* collections are told of. NULL: not; outlives the tracer */
	const struct c_plan *c_calls; /* so are calls of C functions */
	bool c_follow_caller;	      /* of these, none of a caller that is left out */
	const struct mark_site *mark; /* so are marks, where cookies are known */
	bool args; /* what calls are made with is told of, as verdicts say: VTBPF_EVENT_ARGS; and where */
	struct vtbpf_args_layout args_layout; /* that is: py_reader__args() */
	const struct gil_plan *gil; /* so are holds of the GIL, and waits for it. NULL: not */
	/* So are exceptions; `states` and py_reader__exceptions() are needed. NULL: not; outlives the
	 * tracer. */
	const struct exception_plan *exceptions;
	struct vtbpf_exceptions exception_fields;
	bool async; /* tasks have tracks of their own: VTBPF_EVENT_TRACK_NAME to _LOOP_LAG */
	bool sched; /* what threads do without a CPU is told of: VTBPF_EVENT_BLOCKED, _RUNNABLE */
};

/* Will one link hold all probes, as far as one can tell before anything is loaded? */
bool tracer__expects_multi(void);

/* Gets every record, as it came from the ring. Nonzero ends the poll or sweep with that value. */
typedef int (*tracer_record_fn)(void *ctx, const struct vtbpf_rec *rec);

struct tracer;

/* Loads the programs for `plan` (copied). NULL and errno; a message was printed. */
struct tracer *tracer__new(const struct probe_plan *plan, const struct tracer_config *cfg,
			   tracer_record_fn fn, void *ctx);
void tracer__free(struct tracer *t);

/* Lets process `pid` in and attaches all sites of the file open at fd, in a holder process of its
 * own (see holder.h). Nothing is recorded yet. 0 or a negative errno, after a message. */
int tracer__attach(struct tracer *t, pid_t pid, int fd);

/* One more process of the same program, before or after the attach: with tracer_config.follow, which
 * lets in by itself what it will fork. since: CLOCK_MONOTONIC ns, if it is not recorded from the start
 * on; else 0. 0 or a negative errno. */
int tracer__add_target(struct tracer *t, pid_t pid, uint64_t since);

/* One of them runs the program, though there was no event of it so far. */
void tracer__claim_target(struct tracer *t, pid_t pid);

/* Calls fn for each of them. */
void tracer__each_target(const struct tracer *t, void (*fn)(void *ctx, pid_t pid), void *ctx);

/* The descriptor of the map of those that were let in, the tracer's own; and, after the record of its
 * end (VTBPF_REC_PROCESS_EXIT), takes one out of it. */
int tracer__family_fd(const struct tracer *t);
void tracer__forget_target(struct tracer *t, pid_t pid);

/* Instead of that: stacks are sampled each sample_period_ns of a thread's CPU time, without a probe on
 * the target. runtime is the address of its _PyRuntime. Detached as the other; after a reset, either
 * may be attached. */
int tracer__attach_samples(struct tracer *t, pid_t pid, uint64_t runtime);

/* From the next attach on they are taken each `every` periods, and their weights say so. cost: what it
 * takes that a timer fires, ns, where that is counted. */
void tracer__sample_each(struct tracer *t, uint32_t every, uint32_t cost);

/* With sample_sleeps, once recording is on: thread tid has been asleep since then, with this stack and
 * for this reason (enum vtbpf_wait), unless the kernel has seen it run by now. */
void tracer__note_asleep(struct tracer *t, pid_t tid, uint32_t stack, uint32_t wait);

/* After detach: hands on, as records, the sleeps that go on at `end`. */
void tracer__end_sleeps(struct tracer *t, uint64_t end);

/* Samples so far. */
void tracer__sample_counters(const struct tracer *t, struct vtbpf_sample_counters *sum);

/* Every stack that is sampled from now on is announced again, under a new id. Samples under way may
 * still have an old one. */
void tracer__forget_stacks(struct tracer *t);

/* Starts recording. Returns CLOCK_MONOTONIC of that moment in ns: the start of the trace. */
uint64_t tracer__activate(struct tracer *t);

/* From now on exits of threads and execve() are watched by us, and not by who holds the probes, so also
 * between two windows. 0 or a negative errno, after a message. */
int tracer__watch(struct tracer *t);

/* ---- with tracer_config.budgeted: recording begins within tracer__attach(), and may end by itself
 * when the target's threads have spent what they may ------------------------------------- */

/* What they may spend from now on, ns of the time of one of them, by site_costs: to be said before it is
 * attached, and again as more is allowed. */
void tracer__limit(struct tracer *t, uint64_t ns);

/* Between two attaches: can several of them be hit at once, having no GIL in common? */
void tracer__spend_by_cpu(struct tracer *t, bool by_cpu);

/* What they have spent since tracer__new(), ns. */
uint64_t tracer__spent(const struct tracer *t);

/* CPU time of the processes that held the probes and are gone, ns. */
uint64_t tracer__holder_cpu(const struct tracer *t);

/* Hangs up (POLLHUP) when recording has ended by itself: then detach. -1 while not attached. */
int tracer__end_fd(const struct tracer *t);

/* What they spent of it, in the last window, while nothing was recorded: before the probes were all
 * there, and after recording had ended. To be asked after detach. */
struct tracer_edges {
	uint64_t attach, detach; /* ns */
};
struct tracer_edges tracer__edges(const struct tracer *t);

/* ---- tracer_sched.c: with tracer_config.sched -------------------------------------------- */

/* Once recording is on: thread tid has been blocked since how->since, and at most since then, in
 * how->syscall, unless the kernel has seen it run by now. Of the rest how->tgid is used. */
void tracer__note_blocked(struct tracer *t, pid_t tid, const struct sched_thread *how);

/* ---- tracer_other.c: sites that are no calls' -------------------------------------------- */

/* Events that are no calls and found no room in the ring. */
uint64_t tracer__lost_events(const struct tracer *t);

/* ---- tracer_raises.c: exceptions, with VTBPF_WATCH_RAISE -------------------------------- */

/* After one that a trigger waits for, further ones like it are only counted for so long. */
void tracer__quiet_raises_for(struct tracer *t, uint64_t ns);

/* What is to be done with those of this type in this function. */
void tracer__decide_raise(struct tracer *t, const struct raise_key *key,
			  const struct raise_state *state);

/* How many the ring had no room for, and the last of them; how many were only counted. */
uint64_t tracer__unsaid_raises(const struct tracer *t, struct vtbpf_rec_raise *last);
uint64_t tracer__quiet_raises(const struct tracer *t);

/* ---- for all ---------------------------------------------------------------------------- */

/* Ignores or traces thread tid from its next event on, if it is the thread that the verdict means. 0
 * or a negative errno. */
int tracer__decide_thread(struct tracer *t, pid_t tid, const struct thread_verdict *verdict);

/* The thread that started at start_time is gone: drops the verdict on it. */
void tracer__forget_thread(struct tracer *t, pid_t tid, uint64_t start_time);

/* From now on calls of a code object (the id of its record) are left out as `verdict` says
 * (VTBPF_HIDE_*). */
void tracer__set_verdict(struct tracer *t, uint32_t code, uint8_t verdict);

/* Has the ring become readable for each new code object: there may be a verdict on it. */
void tracer__await_names(struct tracer *t);

/* Becomes readable when the ring wants to be read. Poll it at least each 20 ms besides. */
int tracer__fd(const struct tracer *t);

/* Hands on what is in the ring, as much as takes some milliseconds. 1 when there may be more, 0, or
 * fn's nonzero value, a negative errno. */
int tracer__poll(struct tracer *t);

/* Stops recording. Returns CLOCK_MONOTONIC of that moment in ns: the end of the trace, as good as;
 * a hit that was under way on another CPU may still end a little later. */
uint64_t tracer__deactivate(struct tracer *t);

/* Removes every breakpoint (the holder exits) and hands on the rest of the ring. */
int tracer__detach(struct tracer *t);

/* The same for a target that has ended, whose probes nobody hits any more: does not wait for the
 * holder. It becomes the caller's, for holder__stop(). */
int tracer__detach_gone(struct tracer *t, struct holder *rest);

/* After detach: hands on, as records, what stayed in the maps: calls that are still open (ended at
 * `end`), losses not told of, threads and code objects not announced, and the counters. */
int tracer__sweep(struct tracer *t, uint64_t end);

/* The same while tracing goes on, to another function: the records that a detach now would give. Calls
 * that end meanwhile may be missing, and come out of the ring instead. */
int tracer__peek(struct tracer *t, uint64_t end, tracer_record_fn fn, void *ctx);

/* In a process forked from ours: the probes are not its business, their end does not wait for it. */
void tracer__leave(struct tracer *t);

/* After a sweep: forgets open calls and threads, which the sweep has written, and code objects, which
 * are announced anew. Counters go on. */
void tracer__reset(struct tracer *t);

/* The same between two windows, which may follow one another fast: code objects are not forgotten, but
 * looked at again. */
void tracer__rest(struct tracer *t);

/* No thread is ignored any more, until tracer__set_ignored() says so anew. */
void tracer__forget_verdicts(struct tracer *t);

/* Has thread tid had an event, or been ignored? After detach. */
bool tracer__knows_thread(const struct tracer *t, pid_t tid);

/* Tells of each code object that a record may still name: those that the kernel side remembers, and
 * those of open or waiting calls. Some may be told of twice. 0 or a negative errno. */
int tracer__live_codes(struct tracer *t, void (*fn)(void *ctx, uint32_t code), void *ctx);

/* Totals so far, cheap enough for a progress line. */
void tracer__counters(const struct tracer *t, struct vtbpf_counters *sum);

/* libbpf's messages go through log.h from now on. */
void tracer__route_messages(void);

/* Which variant was loaded, and how many instructions the verifier looked at for its program, the
 * largest where there are two. */
enum tracer_variant tracer__variant(const struct tracer *t);
uint32_t tracer__verified_insns(const struct tracer *t);

#endif
