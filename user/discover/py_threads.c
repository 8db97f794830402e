// SPDX-License-Identifier: GPL-2.0-only
#include "py_interpreters.h"
#include "py_objects.h"
#include "py_thread_list.h"
#include "py_thread_object.h"
#include "py_tids.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WALKS 4  /* of a list of thread states that changes meanwhile */
#define MAX_ROUNDS 4 /* of names, when threading._active changes meanwhile */
#define TSTATE_MAX 512
#define OWN_STATES_SINCE \
	13 /* each thread that enters an interpreter has a state of its own there */
#define MAIN_NAME "MainThread"

/* ---- thread states ---------------------------------------------------------------------- */

/* What one PyThreadState says. */
struct tstate_info {
	uint64_t prev, next, interp, ident, native_id, frame;
};

static uint64_t tstate_field(const unsigned char *raw, uint16_t at)
{
	uint64_t value = 0;

	if (at <= TSTATE_MAX - sizeof(value))
		memcpy(&value, raw + at, sizeof(value));
	return value;
}

static int read_tstate(struct py_reader *r, uint64_t addr, struct tstate_info *t)
{
	bool native = r->l.tstate_native != PY_NO_FIELD;
	size_t end = (native ? r->l.tstate_native : r->l.tstate_ident) + 8;
	unsigned char raw[TSTATE_MAX] = { 0 };
	int err;

	if (end > sizeof(raw))
		return -EINVAL;
	err = py_reader__get(r, addr, raw, end);
	if (err)
		return err;
	t->prev = tstate_field(raw, r->l.tstate_prev);
	t->next = tstate_field(raw, r->l.tstate_next);
	t->interp = tstate_field(raw, r->l.tstate_interp);
	t->ident = tstate_field(raw, r->l.tstate_ident);
	t->native_id = tstate_field(raw, r->l.tstate_native);
	t->frame = tstate_field(raw, r->l.tstate_frame);
	if (r->l.cframe_frame == PY_NO_FIELD)
		return 0;
	/* the cframe lies on the thread's C stack: without it the rest still holds */
	if (py_reader__word(r, t->frame, r->l.cframe_frame, &t->frame))
		t->frame = 0;
	return 0;
}

/*
 * Walks the thread states of an interpreter once. -EAGAIN when a link did not lead back, which
 * means that the list changed under the walk; out then has what came before. The first link is not
 * asked: a new thread goes in front of the list at any time.
 */
static int walk_tstates(struct py_reader *r, uint64_t interp, struct py_threads *out)
{
	uint64_t addr, before = 0;
	struct tstate_info info;
	struct py_thread t;
	size_t steps;
	int err;

	err = py_reader__word(r, interp, r->l.interp_threads, &addr);
	for (steps = 0; !err && addr && steps < PY_MAX_THREADS; steps++) {
		err = read_tstate(r, addr, &info);
		if (!err && (info.interp != interp || (before && info.prev != before)))
			err = -EAGAIN;
		if (err)
			return err;
		memset(&t, 0, sizeof(t));
		t.tstate = t.inner = addr;
		t.ident = info.ident;
		t.tid = info.native_id <= INT32_MAX ? info.native_id : 0;
		t.frame = info.frame;
		/* from 3.12 on a state that no thread has taken yet has no ident */
		if (info.ident)
			err = thread_list__add(out, &t);
		before = addr;
		addr = info.next;
	}
	return err;
}

static int read_tstates(struct py_reader *r, uint64_t interp, struct py_threads *out)
{
	size_t first = out->n;
	int err = -EAGAIN, walks;

	for (walks = 0; walks < MAX_WALKS && (err == -EAGAIN || err == -EFAULT); walks++) {
		out->n = first;
		err = walk_tstates(r, interp, out);
	}
	return err;
}

int py_thread__refresh(struct py_reader *r, struct py_thread *t)
{
	struct tstate_info info;
	int err;

	py_reader__begin(r);
	err = read_tstate(r, t->inner, &info);
	if (!err && info.ident != t->ident)
		err = -ESTALE;
	if (!err)
		t->frame = info.frame;
	return err;
}

/* ---- threading._active ------------------------------------------------------------------ */

/* Copies threading._active of the interpreter. -ENOENT when threading was not imported. */
static int load_active(struct py_reader *r, uint64_t interp, struct py_dict *active)
{
	uint64_t value;
	int err;

	memset(active, 0, sizeof(*active));
	err = py_module__get(r, interp, PY_SYM_THREADING, PY_SYM_ACTIVE, &value);
	return err ? err : py_dict__load(r, value, active);
}

/* Gives t what its Thread object says; takes the name. */
static void fill_thread(struct py_thread *t, const struct thread_object *o, const char *name)
{
	t->object = o->addr;
	t->daemon = o->daemon;
	if (!t->tid)
		t->tid = o->native_id;
	if (!t->name)
		t->name = name ? strdup(name) : NULL;
}

/* Hands a Thread object to the thread states of its ident, or lists it on its own. */
static int place_thread(struct py_threads *out, const struct thread_index *index, size_t n_index,
			const struct thread_object *o, const char *name)
{
	struct py_thread t = { .ident = o->ident };
	size_t low = 0, high = n_index, mid;
	int err;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (index[mid].key < o->ident)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < n_index && index[low].key == o->ident) {
		for (; low < n_index && index[low].key == o->ident; low++)
			fill_thread(&out->threads[index[low].thread], o, name);
		return 0;
	}
	fill_thread(&t, o, name);
	err = thread_list__add(out, &t);
	if (err)
		free(t.name);
	return err;
}

/*
 * One item of _active. The Thread, its name and the memory of both may be freed and used for
 * another one while they are read; what was read counts only if the item was still there
 * afterwards.
 */
static int read_active(struct py_reader *r, const struct py_dict *active,
		       const struct py_dict_item *item, struct thread_object *o, char **name)
{
	uint64_t ident;
	int err;

	*name = NULL;
	err = thread_object__load(r, item->value, o);
	if (!err)
		err = py_long__value(r, item->key, &ident);
	if (err)
		return err;
	if (!ident || o->ident != ident)
		return -EINVAL;
	*name = thread_object__name(r, o);
	return py_dict__holds(r, active, item) ? 0 : -ESTALE;
}

/* Names the threads from `first` on, which are those of one interpreter. -ESTALE when it could not
 * believe all of what it read. */
static int name_threads(struct py_reader *r, const struct py_dict *active, struct py_threads *out,
			size_t first)
{
	struct thread_index *index = thread_list__index(out, first, THREADS_BY_IDENT);
	size_t n_index = out->n - first, i;
	struct thread_object o;
	int err = index ? 0 : -ENOMEM, stale = 0;
	char *name;

	for (i = 0; !err && i < active->n; i++) {
		err = read_active(r, active, &active->items[i], &o, &name);
		if (!err)
			err = place_thread(out, index, n_index, &o, name);
		else if (err == -ESTALE || err == -EAGAIN)
			stale = -ESTALE;
		if (err != -ENOMEM && err != -EFBIG && err != -ESRCH)
			err = 0; /* not a Thread, or one that has just gone */
		free(name);
		thread_object__free(&o);
	}
	free(index);
	return err ? err : stale;
}

/* A dict that grows moves: those who were not reached before that are looked for where it is now. */
static int read_names(struct py_reader *r, uint64_t interp, struct py_threads *out, size_t first)
{
	struct py_dict active;
	int err, rounds = 0;

	do {
		err = load_active(r, interp, &active);
		if (!err)
			err = name_threads(r, &active, out, first);
		py_dict__free(&active);
	} while ((err == -ESTALE || err == -EAGAIN) && ++rounds < MAX_ROUNDS);
	return err;
}

/* ---- interpreters ----------------------------------------------------------------------- */

static int read_interpreter(struct py_reader *r, uint64_t interp, struct py_threads *out)
{
	size_t first = out->n;
	int err;

	err = read_tstates(r, interp, out);
	if (err == -ENOMEM || err == -ESRCH)
		return err;
	err = thread_list__drop_unstarted(out, first);
	return err ? err : read_names(r, interp, out, first);
}

/*
 * After a fork Thread.native_id is still the parent's (3.8 to 3.13), and up to 3.10 a thread
 * without a Thread has none. The thread that the interpreter takes for its main one is then the
 * process's first, unless it turns out to be another that really exists (Python embedded in a
 * thread).
 */
static void correct_main_tid(struct py_reader *r, struct py_threads *out)
{
	struct py_thread *main = NULL;
	uint64_t ident;
	size_t i;

	if (py_reader__word(r, r->runtime, r->l.runtime_main_thread, &ident) || !ident)
		return;
	for (i = 0; i < out->n; i++) {
		if (out->threads[i].tid == r->ns_pid)
			return;
		if (!main && out->threads[i].tstate && out->threads[i].ident == ident)
			main = &out->threads[i];
	}
	if (main && (!main->tid || !py_tids__has(r->pid, main->tid)))
		main->tid = r->ns_pid;
}

/* The process's first thread is called MainThread also where nobody has imported threading. */
static int name_main(struct py_reader *r, struct py_threads *out)
{
	struct py_thread *t;
	size_t i;

	if (!r->ns_pid)
		return 0;
	correct_main_tid(r, out);
	for (i = 0; i < out->n; i++) {
		t = &out->threads[i];
		if (t->object || t->tid != r->ns_pid)
			continue;
		t->name = strdup(MAIN_NAME);
		if (!t->name)
			return -ENOMEM;
	}
	return 0;
}

/*
 * Up to 3.12 run_string() of another interpreter borrows that one's oldest thread state, which goes
 * on to bear the ident of the thread that made the interpreter (Modules/_xxsubinterpretersmodule.c).
 */
static void forget_inner(struct py_threads *out)
{
	size_t i;

	for (i = 0; i < out->n; i++)
		out->threads[i].inner = out->threads[i].tstate;
}

int py_threads__read(struct py_reader *r, struct py_threads *out)
{
	uint64_t interps[PY_MAX_INTERPRETERS] = { 0 };
	int err = 0, n;

	memset(out, 0, sizeof(*out));
	py_reader__begin(r);
	n = py_interpreters__list(r, interps, PY_MAX_INTERPRETERS);
	if (n < 0)
		return n;
	/* the main interpreter is the oldest; what it calls a thread counts before what others do */
	while (n-- && err != -ENOMEM && !r->gone)
		err = read_interpreter(r, interps[n], out);
	if (r->gone)
		err = -ESRCH;
	else if (err != -ENOMEM)
		err = name_main(r, out);
	if (!err)
		err = thread_list__merge_tids(out);
	if (!err && r->l.minor < OWN_STATES_SINCE)
		forget_inner(out);
	if (err)
		py_threads__free(out);
	return err;
}
