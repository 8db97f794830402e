/* SPDX-License-Identifier: GPL-2.0-only */
/* The tracer's inside: private to the files tracer*.c, live_codes.c, watch.c and raises.c, which alone
 * see the skeleton. */
#ifndef VTBPF_TRACER_STATE_H
#define VTBPF_TRACER_STATE_H

#include "thread_map.h"
#include "tracer.h"
#include "kernel_object.h"

#define TRACER_WATCHES 3 /* links: for exits, execs and forks */

struct tracer {
	struct vtbpf_bpf *skel;
	struct ring_buffer *ring;
	struct probe_plan plan;
	const struct gc_plan *gc;     /* the configuration's; NULL: collections are not watched */
	const struct mark_site *mark; /* likewise */
	const struct gil_plan *gil;   /* likewise */
	const struct exception_plan *exceptions; /* likewise */
	const struct c_plan *c_calls;		 /* likewise */
	struct holder holder;
	tracer_record_fn fn;
	void *ctx;
	enum tracer_variant variant; /* never TRACER_BEST */
	size_t most;		     /* bytes that one poll may hand on, 0: all there are */
	size_t handed;
	bool budgeted;
	bool sample_sleeps;
	bool sched;
	bool args;
	bool async;
	bool sampling;	       /* that is what is attached, or was last */
	uint32_t sample_every; /* periods */
	bool following;
	struct bpf_link *watch[TRACER_WATCHES]; /* see tracer__watch() */
	uint64_t spent_before;			/* by windows that are over, ns */
	struct tracer_edges edges;
	struct vtbpf_counters swept; /* what all threads counted, as the last sweep found it */
};

/* The ring as the kernel takes it: a power of two, whole pages. */
uint64_t tracer__ring_size(uint64_t want);

/* What is attached to what, for who does it: the holder. */
struct attach_args {
	struct tracer *t;
	pid_t pid;
	char path[64];
};

/* The program for a site of the plan: one for all, or one for each. */
struct bpf_program *tracer__site_program(const struct tracer *t, size_t site);

/* ---- tracer_budget.c -------------------------------------------------------------------- */

/* Before the attach, with the limit set; once all is attached, in the holder; after the detach. */
void tracer__prepare_spending(struct tracer *t);
void tracer__begin_spending(struct tracer *t);
void tracer__end_spending(struct tracer *t);

/* ---- tracer_maps.c ---------------------------------------------------------------------- */

struct thread_map tracer__thread_map(const struct tracer *t);

/* Before it is loaded: makes the maps smaller where cfg->small says so. */
void tracer__make_small(struct vtbpf_bpf *skel, const struct tracer_config *cfg);

/* And one that nothing uses: it must be there all the same, as before Linux 6.8 the verifier reads
 * functions that are never called too (kernel/bpf/verifier.c, do_check_subprogs). */
void tracer__leave_small(struct bpf_map *map);

/* In the holder, unless it is done already: threads that end, and programs that the process becomes, are
 * told of. 0, or a negative errno with a sentence in why. */
int tracer__watch_in_holder(struct tracer *t, char *why, size_t why_size);

/* ---- tracer_samples.c ------------------------------------------------------------------- */

/* Before the programs are loaded, and when a sweep is done. */
void tracer_samples__prepare(struct tracer *t, const struct tracer_config *cfg);
void tracer_samples__reset(struct tracer *t);

/* ---- tracer_gil.c ----------------------------------------------------------------------- */

/* Before the programs are loaded; in the holder: 0, or a negative errno with a sentence in why. */
void tracer_gil__prepare(struct tracer *t, const struct tracer_config *cfg);
int tracer_gil__attach(const struct attach_args *a, char *why, size_t why_size);

/* Hands on, as records, the holds and waits that go on at `end`. 0, or what fn returned. */
int tracer_gil__tell(const struct tracer *t, uint64_t end, tracer_record_fn fn, void *ctx);
void tracer_gil__reset(const struct tracer *t);

/* ---- tracer_sched.c --------------------------------------------------------------------- */

/* Before the programs are loaded; in the holder: 0, or a negative errno with a sentence in why. */
void tracer_sched__prepare(struct tracer *t, const struct tracer_config *cfg);
int tracer_sched__attach(struct tracer *t, char *why, size_t why_size);

/* Hands on, as records, what threads do without a CPU at `end`. 0 or fn's value. */
int tracer_sched__tell(struct tracer *t, uint64_t end, tracer_record_fn fn, void *ctx);
void tracer_sched__reset(struct tracer *t);

/* ---- tracer_async.c --------------------------------------------------------------------- */

/* As those of --sched. */
void tracer_async__prepare(struct tracer *t, const struct tracer_config *cfg);
int tracer_async__attach(struct tracer *t, char *why, size_t why_size);
void tracer_async__reset(struct tracer *t);

/* ---- tracer_c_calls.c -------------------------------------------------------------------- */

/* Before the programs are loaded; in the holder: 0, or a negative errno with a sentence in why. */
void tracer_c_calls__prepare(struct tracer *t, const struct tracer_config *cfg);
int tracer_c_calls__attach(const struct attach_args *a, char *why, size_t why_size);
void tracer_c_calls__reset(struct tracer *t);

/* ---- tracer_other.c: sites that are no calls', besides the plan's ------------------------ */

/* Before the programs are loaded. */
void tracer_other__prepare(struct tracer *t, const struct tracer_config *cfg);

/* Where they are in the file, and their cookies: how many, at most VTBPF_MAX_COOKIES -
 * VTBPF_COOKIE_GC. */
size_t tracer_other__sites(const struct tracer *t, unsigned long *offsets, __u64 *cookies);

/* ---- tracer_exceptions.c ---------------------------------------------------------------- */

/* Before the programs are loaded; in the holder: 0, or a negative errno with a sentence in why. */
void tracer_exceptions__prepare(struct tracer *t, const struct tracer_config *cfg);
int tracer_exceptions__attach(struct attach_args *a, char *why, size_t why_size);
struct bpf_program *tracer_exceptions__program(const struct tracer *t);

/* What a hit of a site that is not the plan's costs, ns: as the dearest of the plan. */
uint32_t tracer_other__cost(const struct tracer *t, const struct tracer_config *cfg);

#endif
