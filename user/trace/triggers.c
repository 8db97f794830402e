// SPDX-License-Identifier: GPL-2.0-only
#include "triggers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <uthash.h>

#include "../discover/py_gc.h"
#include "../log.h"
#include "../trigger_expr.h"
#include "gc_watch.h"
#include "learned.h"
#include "raises.h"
#include "watch.h"

#define LOOK_MS 4		  /* between two looks at the calls that run */
#define QUIET_NS 1000000ULL	  /* of hits of one function that follow one another */
#define LEARN_AT_ONCE 32	  /* functions whose durations are looked at in one tick */
#define GC_AGAIN_NS 1000000000ULL /* how often it is looked for new interpreters */
#define GC_STALE_NS 1000000000ULL /* one that ended longer ago fell into a pause */
#define FIRED 256		  /* calls that have fired and may still end */

struct watched {
	uint32_t code;
	uint32_t mask; /* of the triggers that it concerns */
	char *name;
	struct code_watch *w;
	uint64_t unsaid;	 /* of w, that were seen to */
	struct learned *learned; /* NULL: no anomaly is looked for */
	uint32_t seen[WATCH_BINS];
	UT_hash_handle hh;
};

struct fired {
	pid_t tid;
	size_t trigger;
	uint64_t start;
};

struct triggers {
	struct triggers_config cfg;
	struct trigger_expr exprs[TRIGGERS_MAX];
	size_t n;
	struct hits *hits;
	struct watch_set *watches; /* NULL: none concerns functions */
	struct watched *functions; /* by code */
	struct learned *learned;
	uint32_t learn_next; /* code whose turn it is */
	struct fired fired[FIRED];
	size_t n_fired;
	struct raises *raises; /* NULL: none waits for exceptions */
	struct gc_watch *gc;   /* NULL: no trigger waits for it */
	uint64_t gc_news;      /* number of the last one heard */
	uint64_t next_look, next_gc;
	bool full; /* said that no more can be watched */
};

/* ---- begin and end ---------------------------------------------------------------------- */

uint32_t triggers__watches(const struct str_list *exprs)
{
	uint32_t what = 0;

	for (size_t i = 0; i < exprs->n; i++) {
		if (!strncmp(exprs->items[i], "slow:", 5) ||
		    !strncmp(exprs->items[i], "anomaly:", 8))
			what |= VTBPF_WATCH_EXIT;
		if (!strncmp(exprs->items[i], "rate:", 5))
			what |= VTBPF_WATCH_ENTRY;
		if (!strncmp(exprs->items[i], "exception:", 10))
			what |= VTBPF_WATCH_RAISE;
	}
	return what;
}

static int parse_all(struct triggers *t)
{
	char why[256];

	for (; t->n < t->cfg.exprs->n && t->n < TRIGGERS_MAX; t->n++) {
		int err = trigger_expr__parse(t->cfg.exprs->items[t->n], &t->exprs[t->n], why,
					      sizeof(why));
		if (err)
			return err;
	}
	return 0;
}

/* The least limit on a collection, 0: there is none. */
static uint64_t least_gc(const struct triggers *t)
{
	uint64_t least = 0;

	for (size_t i = 0; i < t->n; i++)
		if (t->exprs[i].kind == TRIGGER_GC && (!least || t->exprs[i].limit < least))
			least = t->exprs[i].limit;
	return least;
}

static uint64_t quiet_ns(const struct triggers *t)
{
	return t->cfg.cool_down_ns < QUIET_NS ? t->cfg.cool_down_ns : QUIET_NS;
}

/* What the kernel side is asked to look for. */
static int begin_watching(struct triggers *t, struct tracer *tracer)
{
	uint32_t what = triggers__watches(t->cfg.exprs);

	if (what)
		tracer__await_names(tracer);
	if (what & VTBPF_WATCH_RAISE) {
		t->raises = raises__new(tracer, t->exprs, t->n, quiet_ns(t));
		if (!t->raises)
			return -ENOMEM;
	}
	if (what & ~VTBPF_WATCH_RAISE) {
		t->watches = watch_set__new(tracer);
		if (!t->watches)
			return -errno;
	}
	return 0;
}

struct triggers *triggers__new(const struct triggers_config *cfg, struct tracer *tracer)
{
	struct hits_config hits = {
		.triggers = cfg->exprs->n,
		.after_ns = cfg->after_ns,
		.cool_down_ns = cfg->cool_down_ns,
		.max = cfg->max_dumps,
	};
	struct triggers *t = calloc(1, sizeof(*t));
	int err = t ? 0 : -ENOMEM;

	if (!err) {
		t->cfg = *cfg;
		t->hits = hits__new(&hits);
		err = t->hits ? parse_all(t) : -ENOMEM;
	}
	if (!err)
		err = begin_watching(t, tracer);
	if (!err && least_gc(t)) {
		t->gc = gc_watch__new(cfg->pid, least_gc(t));
		err = t->gc ? 0 : -errno;
	}
	if (!err)
		return t;
	triggers__free(t);
	errno = -err;
	return NULL;
}

static void drop(struct triggers *t, struct watched *f)
{
	if (f->w)
		hits__add_suppressed(t->hits, f->w->quiet);
	watch_set__remove(t->watches, f->code);
	HASH_DEL(t->functions, f);
	free(f->name);
	free(f);
}

void triggers__restart(struct triggers *t)
{
	struct watched *f, *tmp;

	HASH_ITER(hh, t->functions, f, tmp)
		drop(t, f);
	if (t->raises)
		raises__restart(t->raises);
}

void triggers__free(struct triggers *t)
{
	if (!t)
		return;
	gc_watch__free(t->gc);
	triggers__restart(t);
	learned__free(t->learned);
	for (size_t i = 0; i < t->n; i++)
		trigger_expr__release(&t->exprs[i]);
	watch_set__free(t->watches);
	raises__free(t->raises);
	hits__free(t->hits);
	free(t);
}

/* ---- which functions -------------------------------------------------------------------- */

static struct watched *find(const struct triggers *t, uint32_t code)
{
	struct watched *f;

	HASH_FIND(hh, t->functions, &code, sizeof(code), f);
	return f;
}

/* The least of what fires: by which trigger a call is a hit is decided again here. */
static uint64_t limit_of(const struct triggers *t, const struct watched *f)
{
	uint64_t limit = f->learned ? f->learned->limit : 0;

	for (size_t i = 0; i < t->n; i++)
		if (f->mask >> i & 1 && t->exprs[i].kind == TRIGGER_SLOW &&
		    (!limit || t->exprs[i].limit < limit))
			limit = t->exprs[i].limit;
	return limit;
}

static uint32_t fill_watch(const struct triggers *t, const struct watched *f, struct code_watch *w)
{
	uint32_t what = 0;
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (!(f->mask >> i & 1))
			continue;
		if (t->exprs[i].kind != TRIGGER_RATE)
			what |= VTBPF_WATCH_EXIT;
		else if (n < WATCH_RATES)
			w->rates[n++] = t->exprs[i].limit;
	}
	w->limit_ns = limit_of(t, f);
	w->quiet_ns = quiet_ns(t);
	w->learns = f->learned != NULL;
	return what | (n ? VTBPF_WATCH_ENTRY : 0);
}

static void watch(struct triggers *t, struct watched *f)
{
	struct code_watch w = {};
	uint32_t what = fill_watch(t, f, &w);

	HASH_ADD(hh, t->functions, code, sizeof(f->code), f);
	f->w = watch_set__add(t->watches, f->code, what, &w);
	if (f->w)
		return;
	if (!t->full)
		log_warn("triggers watch %d functions at most; %s is one too many", WATCH_MAX,
			 f->name);
	t->full = true;
	drop(t, f);
}

void triggers__function(void *triggers, uint32_t code, const char *name, const char *file)
{
	struct triggers *t = triggers;
	struct watched *f;
	uint32_t mask = 0;
	bool learns = false;

	if (t->raises)
		raises__function(t->raises, code, name, file);
	for (size_t i = 0; i < t->n; i++) {
		if (t->exprs[i].kind == TRIGGER_EXCEPTION ||
		    !trigger_expr__matches(&t->exprs[i], name, file))
			continue;
		mask |= 1U << i;
		learns |= t->exprs[i].kind == TRIGGER_ANOMALY;
	}
	if (!mask || !t->watches || find(t, code))
		return;
	f = calloc(1, sizeof(*f));
	if (!f)
		return;
	f->code = code;
	f->mask = mask;
	f->name = strdup(name);
	f->learned = learns ? learned__of(&t->learned, name, file) : NULL;
	watch(t, f);
}

void triggers__forget(struct triggers *t, uint32_t code)
{
	struct watched *f = find(t, code);

	if (f)
		drop(t, f);
	if (t->raises)
		raises__forget(t->raises, code);
}

/* ---- hits ------------------------------------------------------------------------------- */

/* A call that hangs fires once, though it is found at each look and again at its end. */
static bool fired_before(struct triggers *t, size_t trigger, pid_t tid, uint64_t start)
{
	for (size_t i = 0; i < FIRED; i++)
		if (t->fired[i].start == start && t->fired[i].tid == tid &&
		    t->fired[i].trigger == trigger)
			return true;
	t->fired[t->n_fired++ % FIRED] = (struct fired){ tid, trigger, start };
	return false;
}

static void note(struct triggers *t, size_t trigger, struct hit *hit, const char *name)
{
	/* It may have begun the call before it was known who it is. */
	if (t->cfg.ignored(t->cfg.ctx, hit->tid))
		return;
	hit->trigger = trigger;
	snprintf(hit->name, sizeof(hit->name), "%s", name ? name : "");
	if (hits__note(t->hits, hit))
		log_verbose("%s: %s", t->cfg.exprs->items[trigger], hit->name);
}

static bool is_too_slow(const struct triggers *t, const struct watched *f, size_t i, uint64_t took)
{
	if (!(f->mask >> i & 1))
		return false;
	if (t->exprs[i].kind == TRIGGER_SLOW)
		return took > t->exprs[i].limit;
	return t->exprs[i].kind == TRIGGER_ANOMALY && f->learned && f->learned->limit &&
	       took > f->learned->limit;
}

static void note_slow(struct triggers *t, const struct watched *f, uint64_t start,
		      const struct hit *slow)
{
	for (size_t i = 0; i < t->n; i++) {
		struct hit hit = *slow;

		if (is_too_slow(t, f, i, hit.value) && !fired_before(t, i, hit.tid, start))
			note(t, i, &hit, f->name);
	}
}

static void note_rate(struct triggers *t, const struct watched *f,
		      const struct vtbpf_rec_trigger *rec)
{
	for (size_t i = 0; i < t->n; i++) {
		struct hit hit = { .ts = rec->ts, .value = rec->value, .tid = rec->rec.tid };

		if (f->mask >> i & 1 && t->exprs[i].kind == TRIGGER_RATE &&
		    t->exprs[i].limit == rec->limit)
			note(t, i, &hit, f->name);
	}
}

void triggers__record(struct triggers *t, const struct vtbpf_rec_trigger *rec)
{
	const struct watched *f = find(t, rec->code);
	struct hit hit = { .ts = rec->ts, .value = rec->value, .tid = rec->rec.tid };

	if (!f)
		return;
	if (rec->what == VTBPF_TRIGGER_SLOW)
		note_slow(t, f, rec->start, &hit);
	else if (rec->what == VTBPF_TRIGGER_RATE)
		note_rate(t, f, rec);
}

void triggers__raise(struct triggers *t, const struct vtbpf_rec_raise *rec)
{
	struct hit hit = { .ts = rec->ts, .tid = rec->rec.tid };
	char name[HIT_NAME_BYTES];
	uint32_t mask = t->raises ? raises__judge(t->raises, rec, name, sizeof(name)) : 0;

	for (size_t i = 0; i < t->n; i++)
		if (mask >> i & 1)
			note(t, i, &hit, name);
}

/* ---- now and then ----------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void on_running(void *ctx, const struct running_call *call)
{
	struct triggers *t = ctx;
	const struct watched *f = find(t, call->code);
	struct hit hit = { .ts = now_ns(), .tid = call->tid };

	if (!f || hit.ts < call->start)
		return;
	hit.value = hit.ts - call->start;
	note_slow(t, f, call->start, &hit);
}

/* Learns from what was called since, and sees to hits that the ring had no room for. */
static void look_at_function(struct triggers *t, struct watched *f)
{
	if (f->w->unsaid != f->unsaid) {
		struct vtbpf_rec_trigger last = f->w->last;

		f->unsaid = f->w->unsaid;
		triggers__record(t, &last);
	}
	if (!f->learned || !usual__add(&f->learned->usual, f->w->bins, f->seen))
		return;
	f->learned->limit = usual__limit(&f->learned->usual);
	__atomic_store_n(&f->w->limit_ns, limit_of(t, f), __ATOMIC_RELAXED);
}

/* A few of them in each tick, in turn. */
static void look_at_functions(struct triggers *t)
{
	struct watched *f = find(t, t->learn_next);

	if (!f)
		f = t->functions;
	for (size_t i = 0; f && i < LEARN_AT_ONCE; i++, f = f->hh.next)
		look_at_function(t, f);
	t->learn_next = f ? f->code : 0;
}

static void note_gc(struct triggers *t, const struct gc_seen *seen)
{
	struct hit hit = { .ts = now_ns(), .value = seen->took };
	bool known = false;

	for (size_t i = 0; i < t->n; i++) {
		if (t->exprs[i].kind != TRIGGER_GC || seen->took <= t->exprs[i].limit ||
		    fired_before(t, i, 0, seen->start))
			continue;
		if (!known)
			hit.tid = py_gc__running_thread(t->cfg.reader, t->cfg.pid);
		known = true;
		note(t, i, &hit, "garbage collection");
	}
}

static void look_at_gc(struct triggers *t, uint64_t now)
{
	uint64_t addrs[GC_FLAGS_MAX];
	struct gc_seen seen;
	int n;

	if (now >= t->next_gc) {
		n = py_gc__flags(t->cfg.reader, addrs, GC_FLAGS_MAX);
		gc_watch__set(t->gc, addrs, n > 0 ? n : 0);
		t->next_gc = now + GC_AGAIN_NS;
	}
	while (gc_watch__next(t->gc, &t->gc_news, &seen))
		if (now < seen.start + seen.took + GC_STALE_NS)
			note_gc(t, &seen);
}

void triggers__tick(struct triggers *t, uint64_t now)
{
	struct vtbpf_rec_raise unsaid;

	if (t->gc)
		look_at_gc(t, now);
	if (t->raises && raises__unsaid(t->raises, &unsaid))
		triggers__raise(t, &unsaid);
	if (!t->watches || now < t->next_look)
		return;
	t->next_look = now + LOOK_MS * 1000000ULL / 2;
	watch_set__running(t->watches, on_running, t);
	look_at_functions(t);
}

int triggers__wait_ms(const struct triggers *t, int most)
{
	return (t->watches || t->gc) && most > LOOK_MS ? LOOK_MS : most;
}

bool triggers__take(struct triggers *t, uint64_t now, bool all, struct hit *hit, const char **expr)
{
	if (!hits__take(t->hits, now, all, hit))
		return false;
	*expr = t->cfg.exprs->items[hit->trigger];
	return true;
}

uint64_t triggers__oldest(const struct triggers *t)
{
	return hits__oldest(t->hits);
}

void triggers__finish(struct triggers *t, struct hits_sums *sums)
{
	triggers__restart(t);
	if (t->raises)
		hits__add_suppressed(t->hits, raises__quiet(t->raises));
	hits__sums(t->hits, sums);
}
