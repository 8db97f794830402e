// SPDX-License-Identifier: GPL-2.0-only
#include "live_threads.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../array.h"
#include "../urgent.h"
#include "proc_task.h"
#include "py_interpreters.h"
#include "py_lines.h"
#include "py_objects.h"
#include "py_tids.h"

#define MAX_GILS 64
#define MAX_LOOKS 100 /* at a thread that may only have woken up to ask for the GIL again */
#define LOOK_EVERY_US 1000
#define ASKING_MAX_NS 300000 /* CPU time that asking does not take */
#define MAX_TRIES 16	     /* to read the frame of a thread that runs */
#define UNREADABLE "<unreadable>"

/* What is known of a thread while the list is made. */
struct extra {
	struct py_thread *py; /* NULL: it is native */
	uint64_t on_cpu;      /* CPU time at the last look, ns */
	bool settled;	      /* its state needs no other look */
};

/* What is gathered while the list is made. */
struct gathering {
	struct py_reader *r;
	pid_t pid;
	struct py_threads py;
	struct live_threads *out;
	struct extra *extra; /* of the entries of out->threads */
	struct py_gil gils[MAX_GILS];
	int n_gils;
	uint64_t switches; /* of all GILs */
	bool switched;	   /* since the last look */
};

const char *live_state__name(enum live_state state)
{
	static const char *const names[] = {
		[LIVE_RUNNING] = "running",   [LIVE_GIL_WAIT] = "waiting for the GIL",
		[LIVE_SLEEPING] = "sleeping", [LIVE_UNINTERRUPTIBLE] = "uninterruptible",
		[LIVE_STOPPED] = "stopped",   [LIVE_ENDED] = "ended",
	};

	return names[state];
}

/* ---- which threads there are ------------------------------------------------------------ */

#if defined(__x86_64__)
#define PTHREAD_TID 0x2d0 /* struct pthread, nptl/descr.h of glibc 2.4 to 2.42 */
#define PTHREAD_HAS_SELF true
#else
#define PTHREAD_TID 0xd0
#define PTHREAD_HAS_SELF false
#endif

/* The tid that glibc keeps in the thread whose pthread_t is `ident`; 0 when it is not there. */
static pid_t pthread_tid(struct py_reader *r, uint64_t ident)
{
	uint64_t self = ident;
	int32_t tid = 0;

	if (PTHREAD_HAS_SELF && py_reader__word(r, ident, 0, &self))
		return 0;
	if (self != ident || py_reader__get(r, ident + PTHREAD_TID, &tid, sizeof(tid)))
		return 0;
	return tid > 0 ? tid : 0;
}

static bool has_tid(const struct py_threads *py, pid_t tid)
{
	size_t i;

	for (i = 0; i < py->n; i++) {
		if (py->threads[i].tid == tid)
			return true;
	}
	return false;
}

/* Up to 3.10 Python does not keep the tids of threads that bypass threading; the C library does. */
static void fill_tids(struct py_reader *r, struct py_threads *py)
{
	struct py_thread *t;
	size_t i;
	pid_t tid;

	py_reader__begin(r);
	for (i = 0; i < py->n; i++) {
		t = &py->threads[i];
		tid = t->tid || !t->tstate ? 0 : pthread_tid(r, t->ident);
		if (!tid)
			continue;
		if (has_tid(py, tid))
			t->tstate = 0; /* its state in another interpreter; one is enough */
		else
			t->tid = tid;
	}
}

static int read_python(struct gathering *g)
{
	int err;

	py_threads__free(&g->py);
	urgent__begin();
	err = py_threads__read(g->r, &g->py);
	if (!err)
		fill_tids(g->r, &g->py);
	urgent__end();
	return err ? err : py_threads__map_tids(&g->py, g->pid);
}

/* What it calls itself: 0 where it lives in the same pid namespace. */
static pid_t ns_tid_of(const struct gathering *g, pid_t tid)
{
	pid_t inner = 0;
	char path[64];

	if (!tid || g->r->ns_pid == g->pid)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", g->pid, tid);
	return py_tids__read_ns(path, NULL, &inner) ? 0 : inner;
}

static int add_thread(struct gathering *g, pid_t tid, struct py_thread *py)
{
	struct live_thread *t;
	size_t n = g->out->n;

	if (ARRAY_ONE_MORE(g->extra, n) || ARRAY_ONE_MORE(g->out->threads, n))
		return -ENOMEM;
	t = &g->out->threads[n];
	memset(t, 0, sizeof(*t));
	t->tid = tid;
	t->ns_tid = ns_tid_of(g, tid);
	t->daemon = LIVE_UNKNOWN;
	g->extra[n] = (struct extra){ .py = py };
	g->out->n++;
	return 0;
}

static int compare_tids(const void *a, const void *b)
{
	const struct py_thread *x = *(struct py_thread *const *)a;
	const struct py_thread *y = *(struct py_thread *const *)b;

	return (x->tid > y->tid) - (x->tid < y->tid);
}

/* Those that have a thread state, sorted by tid; NULL without memory. */
static struct py_thread **sort_python(struct py_threads *py, size_t *n)
{
	struct py_thread **sorted = calloc(py->n + 1, sizeof(*sorted));
	size_t i;

	*n = 0;
	for (i = 0; sorted && i < py->n; i++) {
		if (py->threads[i].tstate)
			sorted[(*n)++] = &py->threads[i];
	}
	if (sorted)
		qsort(sorted, *n, sizeof(*sorted), compare_tids);
	return sorted;
}

/*
 * Pairs the kernel's threads with Python's. A Python thread of known tid that the kernel did not
 * list has ended, or began after the list was made; one of unknown tid comes last. Returns how many
 * of the kernel's are not Python's, or a negative errno.
 */
static int pair_threads(struct gathering *g, const pid_t *tids, size_t n_tids)
{
	size_t n, i, at = 0;
	struct py_thread **python = sort_python(&g->py, &n), *found;
	int err = python ? 0 : -ENOMEM, native = 0;

	g->out->n = 0;
	for (i = 0; !err && i < n_tids; i++) {
		while (at < n && python[at]->tid < tids[i])
			at++;
		found = at < n && python[at]->tid == tids[i] ? python[at] : NULL;
		native += !found;
		err = add_thread(g, tids[i], found);
	}
	for (i = 0; !err && i < n && !python[i]->tid; i++)
		err = add_thread(g, 0, python[i]);
	free(python);
	return err ? err : native;
}

/* A thread that has just begun may be known to the kernel and not yet to Python: where one seems
 * native, Python is asked again. */
static int find_threads(struct gathering *g)
{
	size_t n_tids = 0;
	pid_t *tids = NULL;
	int err;

	err = proc_task__list(g->pid, &tids, &n_tids);
	if (!err)
		err = read_python(g);
	if (!err)
		err = pair_threads(g, tids, n_tids);
	if (err > 0) {
		usleep(LOOK_EVERY_US);
		err = read_python(g);
		if (!err)
			err = pair_threads(g, tids, n_tids);
	}
	free(tids);
	return err < 0 ? err : 0;
}

/* ---- what they do ----------------------------------------------------------------------- */

static enum live_state state_of(char letter)
{
	switch (letter) {
	case 'R':
		return LIVE_RUNNING;
	case 'D':
		return LIVE_UNINTERRUPTIBLE;
	case 'T':
	case 't':
		return LIVE_STOPPED;
	case 'Z':
	case 'X':
		return LIVE_ENDED;
	}
	return LIVE_SLEEPING;
}

/* What a thread does that the kernel says is asleep. */
static enum live_state state_asleep(const struct gathering *g, pid_t tid)
{
	uint64_t futex = 0;
	int err = proc_task__futex(g->pid, tid, &futex), i;

	if (err == -EAGAIN)
		return LIVE_RUNNING; /* not any more */
	for (i = 0; !err && i < g->n_gils; i++) {
		if (futex >= g->gils[i].wait_begin && futex < g->gils[i].wait_end)
			return LIVE_GIL_WAIT;
	}
	return LIVE_SLEEPING;
}

static bool has_gil(const struct gathering *g, const struct py_thread *py)
{
	int i;

	for (i = 0; i < g->n_gils; i++) {
		if (g->gils[i].holder &&
		    (g->gils[i].holder == py->tstate || g->gils[i].holder == py->inner))
			return true;
	}
	return false;
}

/*
 * Who waits for the GIL wakes up every sys.getswitchinterval() to see whether it is free, and may
 * then have to wait for a CPU before it can see. A Python thread that runs without the GIL is
 * looked at until it is seen to wait, or has run for longer than asking takes while all the time
 * others had the GIL.
 */
static void settle(struct gathering *g, size_t i, bool again)
{
	struct live_thread *t = &g->out->threads[i];
	struct extra *e = &g->extra[i];
	uint64_t on_cpu;

	e->settled = !e->py || !g->n_gils || t->state != LIVE_RUNNING || t->holds_gil;
	if (e->settled)
		return;
	on_cpu = proc_task__on_cpu(g->pid, t->tid);
	e->settled = again && !g->switched && on_cpu - e->on_cpu > ASKING_MAX_NS;
	e->on_cpu = on_cpu;
}

/* Looks at thread i; `again` when it was looked at before. */
static int look(struct gathering *g, size_t i, bool again)
{
	struct live_thread *t = &g->out->threads[i];
	struct py_thread *py = g->extra[i].py;
	bool waited = again && t->state == LIVE_GIL_WAIT;
	struct proc_task task;
	int err = proc_task__read(g->pid, t->tid, &task);

	if (err)
		return err;
	memcpy(t->comm, task.comm, sizeof(t->comm));
	t->cpu_ms = task.ticks * 1000 / sysconf(_SC_CLK_TCK);
	t->state = state_of(task.state);
	if (py && t->state == LIVE_SLEEPING)
		t->state = state_asleep(g, t->tid);
	t->holds_gil = py && t->state != LIVE_GIL_WAIT && has_gil(g, py);
	if (waited && t->state == LIVE_RUNNING && !t->holds_gil)
		t->state = LIVE_GIL_WAIT; /* and asks for it */
	settle(g, i, again);
	return 0;
}

static void drop(struct gathering *g, size_t i)
{
	size_t after = --g->out->n - i;

	memmove(&g->out->threads[i], &g->out->threads[i + 1], after * sizeof(*g->out->threads));
	memmove(&g->extra[i], &g->extra[i + 1], after * sizeof(*g->extra));
}

/* Whether the GIL may have come to the thread, or gone from it, since the last look. */
static bool is_contender(const struct gathering *g, size_t i)
{
	const struct live_thread *t = &g->out->threads[i];

	return g->extra[i].py && (t->state == LIVE_RUNNING || t->state == LIVE_GIL_WAIT);
}

static void look_at_gils(struct gathering *g)
{
	uint64_t switches = 0;
	int i;

	urgent__begin();
	g->n_gils = py_gils__read(g->r, g->gils, MAX_GILS);
	urgent__end();
	for (i = 0; i < g->n_gils; i++)
		switches += g->gils[i].switches;
	g->switched = switches != g->switches;
	g->switches = switches;
}

/* One look at all threads, or again at those that run or want to. Returns whether another one may
 * tell more. */
static bool look_at_all(struct gathering *g, bool again)
{
	bool unsettled = false;
	size_t i = 0;

	look_at_gils(g);
	while (i < g->out->n && g->out->threads[i].tid) { /* those without a tid come last */
		if ((!again || is_contender(g, i)) && look(g, i, again)) {
			drop(g, i); /* it has ended */
			continue;
		}
		unsettled |= !g->extra[i].settled;
		i++;
	}
	return unsettled;
}

static void read_states(struct gathering *g)
{
	bool unsettled = look_at_all(g, false);
	int looks;

	for (looks = 1; unsettled && looks < MAX_LOOKS; looks++) {
		usleep(LOOK_EVERY_US);
		unsettled = look_at_all(g, true);
	}
}

/* ---- where they are --------------------------------------------------------------------- */

static void free_frame(struct live_thread *t)
{
	free(t->function);
	free(t->file);
	t->function = t->file = NULL;
	t->line = 0;
}

/* 0, also when there is no frame, or a negative errno when what was read cannot be believed. */
static int read_frame(struct py_reader *r, struct py_thread *py, struct live_thread *t)
{
	struct py_frame f;
	int err = py_thread__refresh(r, py), n;

	if (err || !py->frame)
		return err;
	n = py_thread_frames(r, py, &f, 1);
	if (n <= 0)
		return n ? n : -EAGAIN;
	err = py_frame__line(r, &f, &t->line);
	if (err)
		return err;
	t->function = py_str__read(r, f.name, VTBPF_MAX_STR_BYTES);
	t->file = py_str__read(r, f.filename, VTBPF_MAX_STR_BYTES);
	return t->function && t->file && py_frame__holds(r, &f) ? 0 : -EAGAIN;
}

static void read_top_frame(struct py_reader *r, struct py_thread *py, struct live_thread *t)
{
	int err = -EAGAIN, tries;

	urgent__begin();
	for (tries = 0; err && err != -ESRCH && tries < MAX_TRIES; tries++) {
		free_frame(t);
		err = read_frame(r, py, t);
	}
	urgent__end();
	if (!err)
		return;
	free_frame(t);
	if (py->frame && err != -ESTALE)
		t->function = strdup(UNREADABLE);
}

/* ---- the whole -------------------------------------------------------------------------- */

static void describe(struct gathering *g, size_t i)
{
	struct live_thread *t = &g->out->threads[i];
	struct py_thread *py = g->extra[i].py;

	if (!py)
		return;
	t->python = true;
	t->ident = py->ident;
	t->name = py->name;
	py->name = NULL;
	if (py->object)
		t->daemon = py->daemon ? LIVE_YES : LIVE_NO;
	else if (t->tid == g->pid) /* the main thread, before anything imported threading */
		t->daemon = LIVE_NO;
	read_top_frame(g->r, py, t);
}

int live_threads__read(struct py_reader *r, pid_t pid, struct live_threads *out)
{
	struct gathering *g = calloc(1, sizeof(*g));
	size_t i;
	int err;

	memset(out, 0, sizeof(*out));
	if (!g)
		return -ENOMEM;
	g->r = r;
	g->pid = pid;
	g->out = out;
	err = find_threads(g);
	if (!err) {
		read_states(g);
		for (i = 0; i < out->n; i++)
			describe(g, i);
		err = out->n ? 0 : -ESRCH;
	}
	if (err)
		live_threads__free(out);
	py_threads__free(&g->py);
	free(g->extra);
	free(g);
	return err;
}

void live_threads__free(struct live_threads *l)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		free_frame(&l->threads[i]);
		free(l->threads[i].name);
	}
	free(l->threads);
	memset(l, 0, sizeof(*l));
}
