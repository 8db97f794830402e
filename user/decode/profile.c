// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "../array.h"
#include "call_walk.h"
#include "profile_args.h"

#define OVERFLOW_LEVELS 4 /* what then does not nest is dropped */

struct profile_name {
	UT_hash_handle hh;
	uint32_t function;
	char key[];
};

struct profile *profile__new(const char *dir)
{
	struct profile *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->coverage = 1;
	p->dir = dir ? strdup(dir) : NULL;
	p->spool = spool__new(dir, sizeof(struct profile_call));
	if (p->spool && (p->dir || !dir))
		return p;
	profile__free(p);
	return NULL;
}

static void free_track(struct profile_track *t)
{
	spool_list__release(&t->calls);
	stack_tree__release(&t->samples);
	free((char *)t->name.p);
	free(t);
}

void profile__free(struct profile *p)
{
	struct profile_process *process, *next;
	struct profile_name *e, *tmp;
	size_t i;

	if (!p)
		return;
	HASH_ITER(hh, p->by_name, e, tmp) {
		HASH_DEL(p->by_name, e);
		free(e);
	}
	for (i = 0; i < p->n_tracks; i++)
		free_track(p->tracks[i]);
	HASH_ITER(hh, p->processes, process, next) {
		HASH_DEL(p->processes, process);
		free((char *)process->name.p);
		free(process);
	}
	free(p->tracks);
	free(p->functions);
	spool__free(p->spool);
	profile_args__free(p->args);
	free(p->dir);
	free(p);
}

/* ---- functions -------------------------------------------------------------------------- */

/* What tells functions apart: line, length of the name, name, NUL, file. The names that the profile
 * hands out lie in it. */
#define KEY_HEAD (sizeof(uint32_t) + sizeof(uint64_t))

static struct profile_name *make_key(const struct profile_function *f, size_t *n)
{
	uint64_t name_n = f->name.n;
	struct profile_name *e;
	char *p;

	*n = KEY_HEAD + f->name.n + 1 + f->file.n;
	e = calloc(1, sizeof(*e) + *n + 1);
	if (!e)
		return NULL;
	p = e->key;
	memcpy(p, &f->line, sizeof(f->line));
	memcpy(p + sizeof(f->line), &name_n, sizeof(name_n));
	memcpy(p + KEY_HEAD, f->name.p, f->name.n);
	if (f->file.n)
		memcpy(p + KEY_HEAD + f->name.n + 1, f->file.p, f->file.n);
	return e;
}

static int add_function(struct profile *p, const struct profile_function *f, struct profile_name *e)
{
	if (p->n_functions == UINT32_MAX ||
	    ARRAY_RESERVE(p->functions, p->functions_room, p->n_functions + 1))
		return -ENOMEM;
	e->function = (uint32_t)p->n_functions;
	p->functions[p->n_functions++] = (struct profile_function){
		.name = { e->key + KEY_HEAD, f->name.n },
		.file = { e->key + KEY_HEAD + f->name.n + 1, f->file.n },
		.line = f->line,
	};
	return 0;
}

int64_t profile__function(struct profile *p, const struct profile_function *f)
{
	struct profile_name *e, *found;
	size_t n;

	e = make_key(f, &n);
	if (!e)
		return -ENOMEM;
	HASH_FIND(hh, p->by_name, e->key, n, found);
	if (found) {
		free(e);
		return found->function;
	}
	HASH_ADD(hh, p->by_name, key[0], n, e);
	if (!e->hh.tbl) {
		free(e);
		return -ENOMEM;
	}
	return add_function(p, f, e) ? -ENOMEM : (int64_t)e->function;
}

size_t profile__label_size(const struct profile_function *f)
{
	return f->name.n + f->file.n + sizeof(" (:4294967295)");
}

size_t profile__put_label(const struct profile_function *f, char *out)
{
	char *p = out;

	memcpy(p, f->name.p, f->name.n);
	p += f->name.n;
	if (!f->file.n)
		return f->name.n;
	memcpy(p, " (", 2);
	memcpy(p + 2, f->file.p, f->file.n);
	p += 2 + f->file.n;
	p += sprintf(p, ":%u)", f->line);
	return (size_t)(p - out);
}

/* ---- processes -------------------------------------------------------------------------- */

static struct profile_process *process_of(struct profile *p, uint32_t pid)
{
	struct profile_process *process;

	HASH_FIND(hh, p->processes, &pid, sizeof(pid), process);
	if (process)
		return process;
	process = calloc(1, sizeof(*process));
	if (!process)
		return NULL;
	process->pid = pid;
	HASH_ADD(hh, p->processes, pid, sizeof(pid), process);
	if (process->hh.tbl)
		return process;
	free(process);
	return NULL;
}

int profile__process(struct profile *p, uint32_t pid, const char *name)
{
	struct profile_process *process = process_of(p, pid);
	char *copy;

	if (!process || !name)
		return process ? 0 : -ENOMEM;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	free((char *)process->name.p);
	process->name.p = copy;
	process->name.n = strlen(copy);
	return 0;
}

/* ---- tracks and calls ------------------------------------------------------------------- */

int profile_track__rename(struct profile_track *t, const char *name, size_t n)
{
	char *copy = malloc(n + 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, name, n);
	copy[n] = '\0';
	free((char *)t->name.p);
	t->name.p = copy;
	t->name.n = n;
	return 0;
}

struct profile_track *profile__track(struct profile *p, const char *name, size_t n)
{
	struct profile_track *t;

	if (ARRAY_RESERVE(p->tracks, p->tracks_room, p->n_tracks + 1))
		return NULL;
	t = calloc(1, sizeof(*t));
	if (!t || profile_track__rename(t, name, n)) {
		free(t);
		return NULL;
	}
	t->number = p->n_tracks;
	p->tracks[p->n_tracks++] = t;
	return t;
}

static void note_order(struct profile_track *t, const struct profile_call *call)
{
	int64_t start = (int64_t)call->start, end = (int64_t)(call->start + call->dur);

	if (!t->calls.n || call->start < t->first)
		t->first = call->start;
	if (call->start + call->dur > t->last)
		t->last = call->start + call->dur;
	if (t->calls.n) {
		t->not_by_end |= end < t->last_end;
		t->not_by_start |= start < t->last_start;
	}
	t->last_start = start;
	t->last_end = end;
}

int profile__add(struct profile *p, struct profile_track *t, const struct profile_call *call)
{
	struct profile_call *slot;
	int err = 0;

	note_order(t, call);
	if (!t->is_gaps) {
		if (!p->calls || call->start < p->start)
			p->start = call->start;
		if (call->start + call->dur > p->end)
			p->end = call->start + call->dur;
		p->calls++;
	}
	slot = spool__slot(p->spool, &t->calls, &err);
	if (slot)
		*slot = *call;
	return err;
}

void profile__gil_wait(struct profile *p, struct profile_track *t, uint64_t start, uint64_t dur)
{
	if (!t->gil_wait || start < t->gil_first)
		t->gil_first = start;
	if (start + dur > t->gil_last)
		t->gil_last = start + dur;
	t->gil_wait += dur;
	p->gil_watched = true;
}

int profile__sample(struct profile *p, struct profile_track *t, const struct profile_sample *sample)
{
	int64_t node = STACK_ROOT;
	size_t i;
	int err;

	if (!t->samples.n) {
		err = stack_tree__init(&t->samples);
		if (err)
			return err;
	}
	for (i = 0; i < sample->n && node >= 0; i++)
		node = stack_tree__child(&t->samples, (uint32_t)node, sample->functions[i]);
	if (node < 0)
		return (int)node;
	t->samples.nodes[node].count += sample->weight;
	p->samples += sample->weight;
	return 0;
}

/* ---- what does not nest ----------------------------------------------------------------- */

struct settling {
	struct profile *profile;
	struct profile_track *track;
};

static struct profile_track *make_overflow(struct profile *p, const struct profile_track *t)
{
	struct profile_track *o;
	char *name = NULL;
	int n;

	if (t->level)
		n = asprintf(&name, "%s", t->name.p);
	else
		n = asprintf(&name, "%s <overlapping>", t->name.p);
	if (n < 0)
		return NULL;
	o = profile__track(p, name, (size_t)n);
	free(name);
	if (!o)
		return NULL;
	o->pid = t->pid;
	o->tid = t->tid;
	o->thread = t->thread;
	o->is_gaps = t->is_gaps;
	o->level = t->level + 1;
	o->by_start = t->by_start;
	o->reversed = !t->by_start;
	return o;
}

static int move(void *arg, const struct profile_call *call)
{
	struct settling *s = arg;
	struct profile_track *t = s->track;

	if (t->level == OVERFLOW_LEVELS) {
		s->profile->dropped++;
		return 0;
	}
	if (!t->overflow)
		t->overflow = make_overflow(s->profile, t);
	if (!t->overflow)
		return -ENOMEM;
	return spool__append(s->profile->spool, &t->overflow->calls, call);
}

void profile__choose(struct profile *p)
{
	if (p->exact && (!p->sampled || p->sampled_share < 0.5))
		p->period = 0;
	if (p->period)
		p->in_windows = false; /* these were calls */
}

static int pass(void *arg, struct walk_frame *frame, const struct walk_frame *parent)
{
	(void)arg;
	(void)frame;
	(void)parent;
	return 0;
}

int profile__settle(struct profile *p)
{
	struct settling s = { .profile = p };
	const struct walk_visitor v = { .enter = pass, .misfit = move, .arg = &s };
	size_t i;
	int err = 0;

	/* Tracks that are made on the way are walked too. */
	for (i = 0; i < p->n_tracks && !err; i++) {
		s.track = p->tracks[i];
		if (!s.track->level) {
			if (s.track->not_by_end && s.track->not_by_start)
				return -EILSEQ;
			s.track->by_start = s.track->not_by_end;
		}
		err = call_walk__run(p, s.track, &v);
	}
	return err;
}
