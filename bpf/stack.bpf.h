/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The open frames of a thread. Normally a plain stack: an entry pushes, an exit pops the top. What
 * makes it more than that:
 *
 * - frames are matched by address, never by order alone, so an exit that was missed or a greenlet
 *   that was switched out cannot shift everything after it;
 * - a frame that ends below the top leaves a dead entry (frame == 0) that goes when it comes up;
 * - beyond VTBPF_MAX_DEPTH, or without a slot, frames are kept in a hash by address.
 */
#ifndef VTBPF_STACK_BPF_H
#define VTBPF_STACK_BPF_H

static __always_inline struct open_frame *stack_at(struct open_stack *s, __u32 i)
{
	return &s->f[i & (VTBPF_MAX_DEPTH - 1)];
}

/* Drops dead entries from the top. Bounded: what remains is dropped at the next exit. */
static __always_inline void stack_trim(struct thread_state *t, struct open_stack *s)
{
	for (int i = 0; i < 8; i++) {
		if (!t->depth || stack_at(s, t->depth - 1)->frame)
			return;
		t->depth--;
	}
}

/* ---- searching ------------------------------------------------------------------------------- */

struct find_ctx {
	struct open_stack *s;
	__u64 frame;
	__u32 depth;
	__s32 found;
};

static long find_step(__u32 i, void *arg)
{
	struct find_ctx *f = arg;
	__u32 at = f->depth - 1 - i;

	if (i >= f->depth)
		return 1;
	if (stack_at(f->s, at)->frame != f->frame)
		return 0;
	f->found = at;
	return 1;
}

/* Index of an open frame in the array, searched from the top; -1 when it is not there. */
__noinline int stack_search(__u32 slot, __u32 depth, __u64 frame)
{
	struct find_ctx f = { .frame = frame, .depth = depth, .found = -1 };

	f.s = bpf_map_lookup_elem(&stacks, &slot);
	if (!f.s || !frame)
		return -1;
	if (have_bpf_loop) {
		bpf_loop(VTBPF_MAX_DEPTH, find_step, &f, 0);
		return f.found;
	}
	for (int i = 0; i < VTBPF_MAX_DEPTH; i++)
		if (find_step(i, &f))
			break;
	return f.found;
}

static __always_inline int stack_find(struct thread_state *t, __u64 frame)
{
	return stack_search(t->slot, t->depth, frame);
}

static __always_inline struct open_frame *deep_find(struct thread_state *t, __u32 tid, __u64 frame)
{
	struct deep_key key = { .frame = frame, .tid = tid };

	if (!t->deep)
		return 0;
	return bpf_map_lookup_elem(&deep_frames, &key);
}

/* ---- pushing --------------------------------------------------------------------------------- */

static __noinline int push_deep(struct thread_state *t, struct open_frame *f, __u32 tid)
{
	struct deep_key key = { .frame = f->frame, .tid = tid };

	if (bpf_map_update_elem(&deep_frames, &key, f, BPF_ANY)) {
		note_loss(t, f->start, f->start);
		return -1;
	}
	t->deep++;
	return 0;
}

static __always_inline void stack_push(struct thread_state *t, struct open_stack *s,
				       struct open_frame *f, __u32 tid)
{
	if (!s || t->depth >= VTBPF_MAX_DEPTH) {
		push_deep(t, f, tid);
		return;
	}
	*stack_at(s, t->depth) = *f;
	t->depth++;
}

/* ---- functions that are left out ------------------------------------------------------------- */

static __always_inline __u8 verdict_on(__u32 code)
{
	return code < VTBPF_MAX_VERDICTS ? code_verdicts[code] : 0;
}

/*
 * What is known of a function when it is called. A call that is under way when the verdict comes is
 * written at its end, though its function is to be left out: decode then knows what else lies
 * beneath it, and drops both.
 */
static __always_inline __u16 verdict_flags(__u32 code)
{
	__u8 verdict = verdict_on(code);

	return (verdict & VTBPF_HIDE_CALL ? FRAME_HIDDEN : 0) |
	       (verdict & VTBPF_HIDE_BELOW ? FRAME_HIDE_BELOW : 0);
}

static __always_inline bool hides_below(const struct open_frame *f)
{
	return f->flags & FRAME_HIDE_BELOW || verdict_on(f->code) & VTBPF_HIDE_BELOW;
}

static long hide_step(__u32 i, void *arg)
{
	struct find_ctx *c = arg;
	struct open_frame *f = stack_at(c->s, i + 1), *caller = stack_at(c->s, i);

	if (i + 1 >= c->depth)
		return 1;
	if (f->track == caller->track && hides_below(caller))
		f->flags |= FRAME_HIDE_BELOW;
	return 0;
}

/* A function was called before it was known that it cuts off what is beneath it: so says every frame
 * that is open there now to what it will call. */
__noinline int hide_below_cuts(__u32 tid)
{
	struct thread_state *t = thread_of(tid);
	struct find_ctx c = {};

	if (!t)
		return 0;
	t->cuts = cut_generation;
	c.s = stack_of(t);
	c.depth = t->depth;
	if (!c.s)
		return 0;
	if (have_bpf_loop) {
		bpf_loop(VTBPF_MAX_DEPTH, hide_step, &c, 0);
		return 0;
	}
	for (int i = 0; i < VTBPF_MAX_DEPTH - 1; i++)
		if (hide_step(i, &c))
			break;
	return 0;
}

/* ---- closing --------------------------------------------------------------------------------- */

struct close_ctx {
	struct thread_state *t;
	struct open_stack *s;
	__u64 now;
	__u32 tid;
	__u32 stop;  /* close entries above this index ... */
	__u32 track; /* ... of this track, or of all tracks */
	__u32 flags;
};

#define ALL_TRACKS 0xffffffff

static long close_step(__u32 i, void *arg)
{
	struct close_ctx *c = arg;
	__u32 at = c->t->depth - 1 - i;
	struct open_frame *f;

	if (i >= c->t->depth || (__s32)at <= (__s32)c->stop)
		return 1;
	f = stack_at(c->s, at);
	if (f->frame && (c->track == ALL_TRACKS || f->track == c->track)) {
		if (c->flags & VTBPF_F_EXIT_MISSED)
			c->t->count.exit_missed++;
		/* A hit that was under way when recording ended may open a frame after that. */
		if (f->start <= c->now)
			emit_call(c->t, c->s, f, c->tid, c->now, c->flags);
		f->frame = 0;
	}
	return 0;
}

#define CLOSE_FEW 16 /* without bpf_loop() */

/* 0, or 1 when not all could be looked at. */
static __always_inline int close_entries(struct close_ctx *c)
{
	if (have_bpf_loop) {
		bpf_loop(VTBPF_MAX_DEPTH, close_step, c, 0);
		return 0;
	}
	for (int i = 0; i < CLOSE_FEW; i++)
		if (close_step(i, c))
			return 0;
	return 1;
}

/* Frames above entry `at` on its own track must be gone, though their exits were not seen. */
__noinline int close_missed(__u32 tid, __s32 at)
{
	struct close_ctx c = { .tid = tid, .stop = at, .flags = VTBPF_F_EXIT_MISSED };

	c.t = thread_of(tid);
	if (!c.t)
		return 0;
	c.s = stack_of(c.t);
	if (!c.s)
		return 0;
	c.now = bpf_ktime_get_ns();
	c.track = stack_at(c.s, at)->track;
	close_entries(&c);
	stack_trim(c.t, c.s);
	return 0;
}

/* The thread ends: everything that is open ends with it. */
static __noinline void close_all(struct thread_state *t, __u32 tid, __u64 now)
{
	struct close_ctx c = { .t = t,
			       .now = now,
			       .tid = tid,
			       .stop = -1,
			       .track = ALL_TRACKS,
			       .flags = VTBPF_F_OPEN_END };

	c.s = stack_of(t);
	if (!c.s)
		return;
	if (close_entries(&c)) {
		t->count.lost += t->depth - CLOSE_FEW;
		t->lost += t->depth - CLOSE_FEW;
	}
	t->depth = 0;
}

#endif
