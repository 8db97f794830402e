// SPDX-License-Identifier: GPL-2.0-only
#include "idle_threads.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "../urgent.h"

#define MAX_FRAMES 1024 /* innermost ones of a thread */
#define MAX_STR_BYTES (1 << 20)

/* Of code objects, and of stacks. The kernel side counts from 1. No id is given twice, whatever was
 * looked at before. */
static uint32_t next_id = 0x80000000u, next_stack = 0x80000000u;

/* A code object on one of the stacks; its names are read while it is certainly alive. */
struct idle_code {
	uint64_t addr;
	struct py_frame seen;
	uint32_t id;
	char *filename, *name;
	UT_hash_handle hh;
};

struct idle_thread {
	pid_t tid;
	size_t n;
	uint32_t *codes; /* innermost first */
};

struct idle_threads {
	struct idle_code *codes;
	size_t n;
	struct idle_thread *threads;
};

static uint32_t intern(struct idle_threads *idle, struct py_reader *r, const struct py_frame *f)
{
	struct idle_code *c;

	HASH_FIND(hh, idle->codes, &f->code, sizeof(f->code), c);
	if (c)
		return c->id;
	c = calloc(1, sizeof(*c));
	if (!c)
		return 0;
	c->addr = f->code;
	c->seen = *f;
	c->id = next_id++;
	c->filename = py_str(r, f->filename, MAX_STR_BYTES);
	c->name = py_str(r, f->name, MAX_STR_BYTES);
	HASH_ADD(hh, idle->codes, addr, sizeof(c->addr), c);
	return c->id;
}

static void read_stack(struct idle_threads *idle, struct py_reader *r, const struct py_thread *p,
		       struct py_frame *frames)
{
	struct idle_thread *t = &idle->threads[idle->n];
	int n = py_thread_frames(r, p, frames, MAX_FRAMES);

	if (n <= 0 || !p->tid)
		return;
	t->codes = calloc(n, sizeof(*t->codes));
	if (!t->codes)
		return;
	for (int i = 0; i < n; i++)
		t->codes[i] = intern(idle, r, &frames[i]);
	t->tid = p->tid;
	t->n = n;
	idle->n++;
}

struct idle_threads *idle_threads__new(struct py_reader *reader, pid_t pid)
{
	struct py_frame *frames = calloc(MAX_FRAMES, sizeof(*frames));
	struct idle_threads *idle = calloc(1, sizeof(*idle));
	struct py_threads threads = {};
	int err;

	urgent__begin();
	err = idle && frames ? py_threads__read(reader, &threads) : -ENOMEM;
	if (!err)
		err = py_threads__map_tids(&threads, pid);
	if (!err) {
		idle->threads = calloc(threads.n + 1, sizeof(*idle->threads));
		for (size_t i = 0; idle->threads && i < threads.n; i++)
			read_stack(idle, reader, &threads.threads[i], frames);
	}
	urgent__end();
	py_threads__free(&threads);
	free(frames);
	if (!err)
		return idle;
	idle_threads__free(idle);
	errno = -err;
	return NULL;
}

void idle_threads__free(struct idle_threads *idle)
{
	struct idle_code *c, *tmp;

	if (!idle)
		return;
	HASH_ITER(hh, idle->codes, c, tmp) {
		HASH_DEL(idle->codes, c);
		free(c->filename);
		free(c->name);
		free(c);
	}
	for (size_t i = 0; i < idle->n; i++)
		free(idle->threads[i].codes);
	free(idle->threads);
	free(idle);
}

static void write_codes(const struct idle_threads *idle, pid_t pid, struct capture_writer *w)
{
	for (const struct idle_code *c = idle->codes; c; c = c->hh.next) {
		struct vtbpf_rec_code r = {
			.rec = { .len = sizeof(r), .kind = VTBPF_REC_CODE, .tid = pid },
			.id = c->id,
			.tgid = pid,
			.addr = c->addr,
			.filename = c->seen.filename,
			.name = c->seen.name,
			.firstlineno = c->seen.firstlineno,
			.co_flags = c->seen.co_flags,
			.version = c->seen.co_version,
		};

		capture_writer__append(w, &r.rec);
		if (c->filename)
			capture_writer__code_str(w, c->id, VTBPF_STR_FILENAME, c->filename);
		if (c->name)
			capture_writer__code_str(w, c->id, VTBPF_STR_NAME, c->name);
	}
}

static void write_stack(const struct idle_thread *t, const struct idle_span *span,
			struct capture_writer *w)
{
	if (span->end - span->start < span->min_duration_ns)
		return;
	for (size_t i = 0; i < t->n; i++) {
		size_t depth = t->n - 1 - i;
		struct vtbpf_rec_call r = {
			.rec = { .len = sizeof(r),
				 .kind = VTBPF_REC_CALL,
				 .tid = t->tid,
				 .flags = VTBPF_F_OPEN_START | VTBPF_F_OPEN_END },
			.start = span->start + depth,
			.dur = span->end - span->start - depth,
			.code = t->codes[i],
			.depth = depth,
		};

		if (span->max_stack_depth < 0 || depth < (size_t)span->max_stack_depth)
			capture_writer__append(w, &r.rec);
	}
}

/* Threads that ended are no longer in the tracer's map, but then their first event was announced. Of
 * an ignored one nothing is told, and so nothing is known. */
static bool had_event(const struct idle_span *span, pid_t tid)
{
	return tracer__knows_thread(span->tracer, tid) ||
	       thread_names__had_event(span->names, tid) ||
	       thread_names__is_ignored(span->names, tid);
}

void idle_threads__write(const struct idle_threads *idle, const struct idle_span *span,
			 struct capture_writer *w)
{
	bool any = false;

	for (size_t i = 0; i < idle->n; i++)
		any |= !had_event(span, idle->threads[i].tid);
	if (!any)
		return;
	write_codes(idle, span->pid, w);
	for (size_t i = 0; i < idle->n; i++)
		if (!had_event(span, idle->threads[i].tid))
			write_stack(&idle->threads[i], span, w);
}

static void write_sampled(const struct idle_thread *t, uint32_t id, pid_t pid,
			  struct capture_writer *w)
{
	union {
		struct vtbpf_rec_stack stack;
		char bytes[sizeof(struct vtbpf_rec_stack) + MAX_FRAMES * sizeof(__u32)];
	} r = {};

	r.stack.rec = (struct vtbpf_rec){
		.len = sizeof(r.stack) + (t->n + 1) / 2 * 8,
		.kind = VTBPF_REC_STACK,
		.flags = t->n == MAX_FRAMES ? VTBPF_F_TRUNCATED : 0,
		.tid = pid,
	};
	r.stack.id = id;
	r.stack.n = t->n;
	memcpy(r.bytes + sizeof(r.stack), t->codes, t->n * sizeof(t->codes[0]));
	capture_writer__append(w, &r.stack.rec);
}

void idle_threads__write_stacks(const struct idle_threads *idle, pid_t pid,
				struct capture_writer *w,
				void (*fn)(void *ctx, pid_t tid, uint32_t stack), void *ctx)
{
	write_codes(idle, pid, w);
	for (size_t i = 0; i < idle->n; i++) {
		write_sampled(&idle->threads[i], next_stack, pid, w);
		fn(ctx, idle->threads[i].tid, next_stack++);
	}
}
