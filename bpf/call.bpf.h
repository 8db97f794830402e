/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Entries and exits: how a hit at a site opens, closes or leaves alone a frame. */
#ifndef VTBPF_CALL_BPF_H
#define VTBPF_CALL_BPF_H

struct hit {
	__u64 frame;
	__u64 instr;	/* next_instr at an entry, 0 unknown */
	__u64 oparg_at; /* where that instruction's oparg is */
	__u8 kind;
};

/* ---- which stack does a new frame belong to? -------------------------------------------- */

struct parent {
	__u32 depth; /* of the new frame */
	__u32 track;
};

static __always_inline void child_of(struct parent *p, const struct open_frame *f)
{
	p->depth = f->depth < 0xffff ? f->depth + 1 : 0xffff;
	p->track = f->track;
}

/* Is `frame` open? Then everything that was above it on its track has ended. */
static __noinline bool parent_if_open(struct thread_state *t, __u32 tid, __u64 frame,
				      struct parent *p)
{
	struct open_stack *s = stack_of(t);
	struct open_frame *f = deep_find(t, tid, frame);
	__s32 at;

	if (f) {
		child_of(p, f);
		return true;
	}
	at = stack_find(t, frame);
	if (at < 0 || !s)
		return false;
	close_missed(tid, at);
	child_of(p, stack_at(s, at));
	return true;
}

/*
 * A Python frame stands between the new one and its open caller, but was never entered: the self-check
 * hears of it. Not so the frame that has just ended and is being cleared, which runs finalizers; 3.11
 * lets it be their caller.
 */
static __always_inline void note_unseen_caller(struct thread_state *t, __u64 frame)
{
	if (frame && frame != t->last_exit && layout.minor != 11)
		t->count.entry_missed++;
}

#define PARENT_HOPS 4 /* shim, __init__ helper, and room for one frame that was never entered */

/*
 * The caller of a new frame is not the open frame on top. Either there are frames between that run
 * no Python (C code called the interpreter; CPython 3.12's helper under __init__), or another
 * greenlet goes on, or a greenlet starts (it has no caller), or one that was suspended since
 * before the trace resumes: its frames are opened now, on a track of their own.
 */
static __noinline void find_parent(struct thread_state *t, __u32 tid, __u64 previous,
				   struct parent *p)
{
	__u64 frame = previous, first = 0;
	struct frame_link link;

	p->depth = 0;
	p->track = 0;
	for (int i = 0; i < PARENT_HOPS && frame; i++) {
		if (parent_if_open(t, tid, frame, p)) {
			note_unseen_caller(t, first);
			return;
		}
		if (frame_read_link(frame, &link))
			break;
		if (!first && !frame_is_shim(frame) && !frame_is_helper(&link))
			first = frame;
		frame = link.previous;
	}
	if (!t->depth && !t->deep && !first)
		return; /* outermost frame of the thread */
	p->track = ++t->tracks;
	if (!first)
		return; /* outermost frame of a greenlet */
	walk_frames(tid, first, p->track);
	if (parent_if_open(t, tid, first, p))
		return;
	p->depth = 0;
}

/* ---- entry ------------------------------------------------------------------------------ */

/* CPython may dispatch the first instruction of a call twice (RESUME after instrumentation
 * changed). */
static __always_inline bool is_duplicate(struct thread_state *t, const struct hit *hit)
{
	if (t->last_frame != hit->frame || t->last_instr != hit->instr)
		return false;
	t->count.duplicates++;
	return true;
}

/* 3.15 starts generator expressions with an extra RESUME that is no call. */
static __always_inline bool is_no_call(const struct hit *hit)
{
	__u8 oparg = 0;

	if (!layout.resume_mask || !hit->oparg_at)
		return false;
	bpf_probe_read_user(&oparg, 1, (void *)hit->oparg_at);
	return (oparg & layout.resume_mask) == layout.resume_ignore;
}

static __always_inline void open_call(struct thread_state *t, __u32 tid, const struct hit *hit)
{
	struct open_stack *s = stack_of(t);
	struct open_frame f = {}, *top;
	struct frame_link link;
	struct parent p = {};

	if (frame_read_link(hit->frame, &link)) {
		t->count.unreadable++;
		return;
	}
	f.code = code_intern(s, link.code, t->tgid);
	if (!f.code)
		t->count.unreadable++;
	top = s && t->depth ? stack_at(s, t->depth - 1) : 0;
	if (top && !t->deep && top->frame == link.previous)
		child_of(&p, top);
	else
		find_parent(t, tid, link.previous, &p);
	f.frame = hit->frame;
	f.track = p.track;
	f.depth = p.depth;
	t->last_frame = hit->frame;
	t->last_instr = hit->instr;
	f.start = bpf_ktime_get_ns();
	stack_push(t, s, &f, tid);
}

static __always_inline void on_entry(struct thread_state *t, __u32 tid, const struct hit *hit)
{
	if (is_duplicate(t, hit) || is_no_call(hit))
		return;
	open_call(t, tid, hit);
}

/* ---- exit ------------------------------------------------------------------------------- */

/* A call that ends but never began for us is a lost call (the JIT of 3.14+ makes such), unless the
 * frame is CPython's own helper. */
static __always_inline void count_unmatched(struct thread_state *t, __u64 frame, __u64 now)
{
	struct frame_link link;

	if (!frame_read_link(frame, &link) && frame_is_helper(&link)) {
		t->count.helpers++;
		return;
	}
	t->count.unmatched++;
	note_loss(t, now, now);
}

/* The frame that ends is not on top: it lies deeper, in the hash, or was never entered. */
static __noinline void close_elsewhere(struct thread_state *t, __u32 tid, __u64 frame, __u64 now,
				       __u8 flags)
{
	struct deep_key key = { .frame = frame, .tid = tid };
	struct open_frame *f = deep_find(t, tid, frame);
	struct open_stack *s = stack_of(t);
	__s32 at;

	if (f) {
		emit_call(t, f, tid, now, flags);
		bpf_map_delete_elem(&deep_frames, &key);
		t->deep--;
		return;
	}
	at = stack_find(t, frame);
	if (at < 0 || !s) {
		count_unmatched(t, frame, now);
		return;
	}
	close_missed(tid, at);
	f = stack_at(s, at);
	emit_call(t, f, tid, now, flags);
	f->frame = 0;
	stack_trim(t, s);
}

static __always_inline void on_exit(struct thread_state *t, __u32 tid, __u64 frame, __u8 flags)
{
	struct open_stack *s = stack_of(t);
	__u64 now = bpf_ktime_get_ns();
	struct open_frame *top;

	t->last_frame = 0;
	t->last_exit = frame;
	top = s && t->depth ? stack_at(s, t->depth - 1) : 0;
	if (!top || top->frame != frame) {
		close_elsewhere(t, tid, frame, now, flags);
		return;
	}
	emit_call(t, top, tid, now, flags);
	t->depth--;
	if (t->depth && !stack_at(s, t->depth - 1)->frame)
		stack_trim(t, s);
}

/* ---- throw() ---------------------------------------------------------------------------- */

/* PyTraceBack_Here(PyFrameObject *) is called for each frame that an exception enters. For a
 * generator frame that is not open it means that throw() resumed it: then hit becomes its entry. */
static __always_inline bool is_throw(struct thread_state *t, __u32 tid, struct hit *hit)
{
	struct open_stack *s = stack_of(t);
	__u64 frame = 0;
	__u8 owner = 0;

	if (bpf_probe_read_user(&frame, 8, (void *)(hit->frame + layout.frameobj_frame)))
		return false;
	if (s && t->depth && stack_at(s, t->depth - 1)->frame == frame)
		return false;
	if (bpf_probe_read_user(&owner, 1, (void *)(frame + layout.frame_owner)) ||
	    owner != layout.owner_generator)
		return false;
	hit->frame = frame;
	return !deep_find(t, tid, frame) && stack_find(t, frame) < 0;
}

/* ---- all hits --------------------------------------------------------------------------- */

/* At the first event of a thread, what was running before it is opened. An exit ends a frame that
 * was running; an entry's frame was not, so the walk starts at its caller. */
static __always_inline void open_running_frames(struct thread_state *t, __u32 tid,
						const struct hit *hit)
{
	struct frame_link link = {};
	__u64 from = hit->frame;

	t->walked = 1;
	if (hit->kind == VTBPF_SITE_TRACEBACK)
		bpf_probe_read_user(&from, 8, (void *)(from + layout.frameobj_frame));
	if (hit->kind == VTBPF_SITE_ENTRY || hit->kind == VTBPF_SITE_THROW) {
		frame_read_link(from, &link);
		bpf_probe_read_user(&t->root_self, 8, (void *)(from + layout.frame_localsplus));
		from = link.previous;
		if (from && !frame_is_shim(from))
			t->root_self = 0;
	}
	walk_frames(tid, from, 0);
	if (!t->announced)
		announce_thread(t, tid, bpf_ktime_get_ns());
}

static __always_inline void handle_hit(struct hit *hit)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 tid = id;
	struct thread_state *t = bpf_map_lookup_elem(&threads, &tid);

	if (!t || t->dead)
		t = thread_new(tid, id >> 32);
	if (!t)
		return;
	if (t->generation != generation)
		update_verdict(t, tid);
	if (t->verdict == VERDICT_IGNORE) {
		if (hit->kind == VTBPF_SITE_ENTRY)
			t->count.ignored++;
		return;
	}
	if (!t->walked)
		open_running_frames(t, tid, hit);
	if (hit->kind == VTBPF_SITE_EXIT || hit->kind == VTBPF_SITE_YIELD)
		on_exit(t, tid, hit->frame, hit->kind == VTBPF_SITE_YIELD ? VTBPF_F_SUSPENDED : 0);
	else if (hit->kind != VTBPF_SITE_TRACEBACK || is_throw(t, tid, hit))
		on_entry(t, tid, hit);
}

#endif
