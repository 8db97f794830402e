// SPDX-License-Identifier: GPL-2.0-only
#include "watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tracer_state.h"

#define THREADS_AT_ONCE 1024
#define MOST_THREADS 16384

struct watch_set {
	struct tracer *t;
	struct code_watch *watches;	 /* the map's memory */
	const struct open_stack *stacks; /* likewise */
	uint32_t codes[WATCH_MAX];	 /* whose watch it is; 0: free */
	uint32_t next;			 /* where to look for a free one */
	__u32 tids[THREADS_AT_ONCE];
	__u32 places[THREADS_AT_ONCE];
};

static size_t whole_pages(size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE);

	return (size + page - 1) & ~(page - 1);
}

#define WATCHES_BYTES whole_pages(WATCH_MAX * sizeof(struct code_watch))
#define STACKS_BYTES whole_pages(VTBPF_MAX_SLOTS * sizeof(struct open_stack))

struct watch_set *watch_set__new(struct tracer *t)
{
	struct watch_set *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->t = t;
	s->watches = mmap(NULL, WATCHES_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
			  bpf_map__fd(t->skel->maps.watches), 0);
	s->stacks = mmap(NULL, STACKS_BYTES, PROT_READ, MAP_SHARED,
			 bpf_map__fd(t->skel->maps.stacks), 0);
	if (s->watches != MAP_FAILED && s->stacks != MAP_FAILED)
		return s;
	watch_set__free(s);
	return NULL;
}

void watch_set__free(struct watch_set *s)
{
	if (!s)
		return;
	if (s->watches != MAP_FAILED)
		munmap(s->watches, WATCHES_BYTES);
	if (s->stacks != MAP_FAILED)
		munmap((void *)s->stacks, STACKS_BYTES);
	free(s);
}

/* ---- which functions -------------------------------------------------------------------- */

static uint8_t *bits_of(struct watch_set *s, uint32_t code)
{
	return &s->t->skel->bss->code_verdicts[code];
}

struct code_watch *watch_set__add(struct watch_set *s, uint32_t code, uint32_t what,
				  const struct code_watch *w)
{
	struct code_watch *to;
	__u32 at = s->next;
	size_t tries = 0;

	if (code >= VTBPF_MAX_VERDICTS)
		return NULL;
	while (s->codes[at] && tries++ < WATCH_MAX)
		at = (at + 1) % WATCH_MAX;
	to = &s->watches[at];
	if (s->codes[at])
		return NULL;
	memset(to, 0, sizeof(*to));
	to->limit_ns = w->limit_ns;
	to->quiet_ns = w->quiet_ns;
	memcpy(to->rates, w->rates, sizeof(to->rates));
	to->learns = w->learns;
	if (bpf_map_update_elem(bpf_map__fd(s->t->skel->maps.watched_codes), &code, &at, BPF_ANY))
		return NULL;
	s->codes[at] = code;
	s->next = (at + 1) % WATCH_MAX;
	__atomic_or_fetch(bits_of(s, code), what, __ATOMIC_RELEASE);
	return to;
}

void watch_set__remove(struct watch_set *s, uint32_t code)
{
	int fd = bpf_map__fd(s->t->skel->maps.watched_codes);
	__u32 at;

	if (code >= VTBPF_MAX_VERDICTS || bpf_map_lookup_elem(fd, &code, &at))
		return;
	__atomic_and_fetch(bits_of(s, code), ~(VTBPF_WATCH_EXIT | VTBPF_WATCH_ENTRY),
			   __ATOMIC_RELEASE);
	bpf_map_delete_elem(fd, &code);
	if (at < WATCH_MAX)
		s->codes[at] = 0;
}

/* ---- calls that do not end -------------------------------------------------------------- */

/*
 * The stacks are read while their threads run on them. A frame counts if it is the same at two looks
 * and lies, before and after them, below the stack's top: then it was open between them.
 */
static void look_at_stack(struct watch_set *s, pid_t tid, const struct thread_state *before,
			  void (*fn)(void *ctx, const struct running_call *call), void *ctx)
{
	const struct open_stack *stack = &s->stacks[before->slot % VTBPF_MAX_SLOTS];
	struct thread_map map = tracer__thread_map(s->t);
	struct thread_state after;
	bool looked = false;

	for (__u32 i = 0; i < before->depth && i < VTBPF_MAX_DEPTH; i++) {
		struct open_frame f = *(const volatile struct open_frame *)&stack->f[i];
		struct running_call call = { .tid = tid, .code = f.code, .start = f.start };

		if (!f.frame || f.code >= VTBPF_MAX_VERDICTS ||
		    !(*bits_of(s, f.code) & VTBPF_WATCH_EXIT))
			continue;
		if (!looked && !thread_map__get(&map, tid, &after))
			return;
		looked = true;
		if (after.slot == before->slot && i < after.depth &&
		    !memcmp(&f, &stack->f[i], OPEN_FRAME_SAME))
			fn(ctx, &call);
	}
}

void watch_set__running(struct watch_set *s, void (*fn)(void *ctx, const struct running_call *call),
			void *ctx)
{
	struct thread_map map = tracer__thread_map(s->t);
	struct thread_state state;
	__u32 next = 0, n;
	int err = 0;
	bool begun = false;

	for (size_t total = 0; !err && total < MOST_THREADS; total += n, begun = true) {
		n = THREADS_AT_ONCE;
		err = bpf_map_lookup_batch(map.threads_fd, begun ? &next : NULL, &next, s->tids,
					   s->places, &n, NULL);
		if (err && errno != ENOENT) /* which comes with the last of them */
			return;
		for (__u32 i = 0; i < n; i++)
			if (thread_map__get(&map, s->tids[i], &state) && state.slot != NO_SLOT &&
			    !state.dead)
				look_at_stack(s, s->tids[i], &state, fn, ctx);
	}
}
