/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which stack does a new frame belong to? */
#ifndef VTBPF_PARENT_BPF_H
#define VTBPF_PARENT_BPF_H

struct parent {
	__u32 depth; /* of the new frame */
	__u32 track;
	__u16 flags; /* FRAME_HIDDEN, FRAME_HIDE_BELOW: what the new frame inherits */
};

static __always_inline void child_of(struct parent *p, const struct open_frame *f)
{
	p->depth = f->depth < 0xffff ? f->depth + 1 : 0xffff;
	p->track = f->track;
	p->flags = hides_below(f) ? FRAME_HIDDEN | FRAME_HIDE_BELOW : 0;
}

/* Is `frame` open? Then everything that was above it on its track has ended, but for a C function that it
 * calls, and that calls Python. */
static __noinline bool parent_if_open(struct thread_state *t, __u32 tid, __u64 frame,
				      struct parent *p)
{
	struct open_stack *s = stack_of(t);
	struct open_frame *f = c_watched ? deep_find(t, tid, frame | FRAME_C_CALL) : 0;
	__s32 at = -1;

	if (!f)
		f = deep_find(t, tid, frame);
	if (f) {
		child_of(p, f);
		return true;
	}
	if (c_watched)
		at = stack_find(t, frame | FRAME_C_CALL);
	if (at < 0)
		at = stack_find(t, frame);
	if (at < 0 || !s)
		return false;
	close_missed(tid, at);
	child_of(p, stack_at(s, at));
	return true;
}

/*
 * A Python frame stands between the new one and its open caller, but was never entered: the
 * self-check hears of it. Not so the frame that has just ended and is being cleared, which runs
 * finalizers; 3.11 lets it be their caller.
 */
static __always_inline void note_unseen_caller(struct thread_state *t, __u64 frame)
{
	if (frame && frame != t->last_exit && layout.minor != 11)
		t->count.entry_missed++;
}

/*
 * Frames between a new one and its open caller that do not count: shims and helpers run no Python,
 * and throw() into a chain of awaiting coroutines only links those on the way, without entering
 * them (_gen_throw() in Objects/genobject.c), before it resumes the innermost.
 */
enum caller_kind { CALLER_NONE, CALLER_NO_PYTHON, CALLER_GENERATOR, CALLER_PYTHON };

static __always_inline enum caller_kind kind_of_caller(__u64 frame, const struct frame_link *link)
{
	__u32 flags = 0;
	__u8 owner = 0;

	if (frame_is_shim(frame) || frame_is_helper(link))
		return CALLER_NO_PYTHON;
	if (layout.flags & VTBPF_LAYOUT_FRAME_IS_OBJECT) {
		bpf_probe_read_user(&flags, 4, (void *)(link->code + layout.code_flags));
		return flags & CO_ANY_GENERATOR ? CALLER_GENERATOR : CALLER_PYTHON;
	}
	bpf_probe_read_user(&owner, 1, (void *)(frame + layout.frame_owner));
	return owner == layout.owner_generator ? CALLER_GENERATOR : CALLER_PYTHON;
}

#define PARENT_HOPS 512	     /* with bpf_loop() */
#define PARENT_HOPS_FEW 6    /* without */
#define PARENT_HOPS_PYTHON 8 /* real frames that are not open: after so many it is another stack */

struct caller_walk {
	struct thread_state *t;
	__u64 frame;
	__u64 first; /* first real Python frame that is not open */
	__u32 tid;
	__u32 python; /* how many of these */
	__u32 generators;
	__u32 found;
	struct parent p;
};

static __noinline long caller_step(__u32 i __attribute__((unused)), void *arg)
{
	struct caller_walk *w = arg;
	struct frame_link link;

	if (!w->frame || w->python >= PARENT_HOPS_PYTHON)
		return 1;
	if (parent_if_open(w->t, w->tid, w->frame, &w->p)) {
		w->found = 1;
		return 1;
	}
	if (frame_read_link(w->frame, &link))
		return 1;
	switch (kind_of_caller(w->frame, &link)) {
	case CALLER_PYTHON:
		if (!w->first)
			w->first = w->frame;
		w->python++;
		break;
	case CALLER_GENERATOR:
		w->generators++;
		if (async_on() && !w->first)
			w->t->linked = w->frame;
		break;
	default:
		break;
	}
	w->frame = link.previous;
	return 0;
}

/* Only suspended coroutines stood between, and their links end (3.8 to 3.10 clear them): the
 * caller is what ran last. */
static __always_inline void child_of_top(struct thread_state *t, struct parent *p)
{
	struct open_stack *s = stack_of(t);

	if (s && t->depth)
		child_of(p, stack_at(s, t->depth - 1));
}

/*
 * The caller of a new frame is not the open frame on top. Either there are frames between that do
 * not count, or another greenlet goes on, or a greenlet starts (it has no caller), or one that was
 * suspended since before the trace resumes: its frames are opened now, on a track of their own.
 */
static __always_inline void find_parent(struct thread_state *t, __u32 tid, __u64 previous,
					struct parent *p)
{
	struct caller_walk w = { .t = t, .frame = previous, .tid = tid };

	if (have_bpf_loop)
		bpf_loop(PARENT_HOPS, caller_step, &w, 0);
	else
		for (int i = 0; i < PARENT_HOPS_FEW; i++)
			if (caller_step(i, &w))
				break;
	*p = w.p;
	if (w.found) {
		note_unseen_caller(t, w.first);
		return;
	}
	p->depth = p->track = p->flags = 0;
	if (!w.first && w.generators) {
		child_of_top(t, p);
		return;
	}
	if (!t->depth && !t->deep && !w.first)
		return; /* outermost frame of the thread */
	p->track = t->depth || t->deep ? ++t->tracks : 0;
	if (!w.first)
		return; /* outermost frame of a greenlet */
	walk_frames(tid, previous, p->track);
	if (!parent_if_open(t, tid, previous, p) && !parent_if_open(t, tid, w.first, p))
		p->depth = 0;
}

#endif
