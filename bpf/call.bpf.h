/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Entries and exits: how a hit at a site opens, closes or leaves alone a frame. */
#ifndef VTBPF_CALL_BPF_H
#define VTBPF_CALL_BPF_H

struct hit {
	__u64 frame;
	__u64 instr; /* the instruction at an entry, 0 unknown: opcode, then oparg */
	__u8 kind;
	__u8 raises; /* exceptions are watched there */
};

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

	if (!layout.resume_mask || !hit->instr)
		return false;
	bpf_probe_read_user(&oparg, 1, (void *)(hit->instr + 1));
	return (oparg & layout.resume_mask) == layout.resume_ignore;
}

/* Up to 3.10 it does not show whether throw() resumes a frame. */
static __always_inline enum task_inner may_be_inner(const struct parent *p, __u64 instr)
{
	if (p->track >= TASK_TRACKS_FROM)
		return INNER_NONE;
	return !instr || layout.minor < 11 ? INNER_ANY : INNER_GENERATOR;
}

/* The outermost coroutine of a task has a track of its own. */
static __always_inline void begin_task(struct parent *p, __u32 track)
{
	if (!track)
		return;
	p->track = track;
	p->depth = 0;
	p->flags |= FRAME_TASK;
}

/* What a call has from its caller, and from its own function. */
static __always_inline void inherit(struct open_frame *f, const struct parent *p)
{
	f->track = p->track;
	f->depth = p->depth;
	f->flags = p->flags | verdict_flags(f->code);
}

#define STACK_PAGE 4096

/*
 * From 3.11 on a frame that is no generator's lies in a stack of its interpreter's, right above that of
 * its caller, at a distance that is the same for all frames of a code object. Stacks have pages of
 * their own, and greenlets stacks of their own. So who lies there, in the same page, is called by
 * the one below or by what that called in C, and need not be asked for its caller
 * (_PyThreadState_PushFrame() in Python/pystate.c, push_chunk() there).
 */
static __always_inline bool may_lie_on(const struct open_frame *top, __u64 frame)
{
	return layout.minor >= 11 && frame > top->frame &&
	       frame / STACK_PAGE == top->frame / STACK_PAGE;
}

static __always_inline bool frame_lies_on(const struct open_frame *top, __u64 frame)
{
	return top->size && frame == top->frame + top->size && may_lie_on(top, frame);
}

/* `frame` is called by the one on top: how far apart are they? */
__noinline int learn_size(__u32 tid, __u64 frame)
{
	struct thread_state *t = thread_of(tid);
	struct open_stack *s = t ? stack_of(t) : 0;
	struct code_slot *slot;
	struct open_frame *top;
	__u8 owner = 0xff;

	if (!s)
		return 0;
	top = stack_at(s, t->depth - 1);
	if (!may_lie_on(top, frame))
		return 0;
	bpf_probe_read_user(&owner, 1, (void *)(top->frame + layout.frame_owner));
	if (owner != OWNER_THREAD)
		return 0;
	top->size = frame - top->frame;
	slot = &s->codes[(top->known - 1) & (CODE_SLOTS - 1)];
	if (top->known && slot->id == top->code)
		slot->size = top->size;
	return 0;
}

/*
 * Asks the frame for its code object and its caller, and puts what that makes of the new call into
 * t->single. A function of its own to the verifier, as emit_str() is.
 */
__noinline int read_call(__u32 tid, __u64 frame, __u64 instr)
{
	struct thread_state *t = thread_of(tid);
	struct open_stack *s = t ? stack_of(t) : 0;
	struct frame_link link;
	struct parent p = {};
	struct open_frame *f;
	__u32 code;

	if (!t)
		return -1;
	if (frame_read_link(frame, &link)) {
		t->count.unreadable++;
		return -1;
	}
	if (async_on())
		t->linked = 0;
	code = code_intern(link.code, instr, tid);
	if (!code)
		t->count.unreadable++;
	f = s && t->depth && !t->deep ? stack_at(s, t->depth - 1) : 0;
	if (f && f->frame == link.previous) {
		child_of(&p, f);
		if (frame - f->frame != f->size)
			learn_size(tid, frame);
	} else {
		find_parent(t, tid, link.previous, &p);
	}
	if (async_on())
		begin_task(&p,
			   task_enter(tid, t->linked ? t->linked : frame, may_be_inner(&p, instr)));
	f = &t->single; /* find_parent() may have used it */
	f->code = code;
	f->known = slot_index(code_key_of(link.code, instr)) + 1;
	f->size = s ? s->codes[slot_index(code_key_of(link.code, instr))].size : 0;
	inherit(f, &p);
	return 0;
}

static __always_inline void open_call(struct thread_state *t, __u32 tid, const struct hit *hit)
{
	struct open_stack *s = stack_of(t);
	struct code_slot *slot = slot_of_instr(t, s, hit->instr);
	struct open_frame *top, *f = &t->single;
	struct parent p = {};

	top = slot && t->depth && !t->deep ? stack_at(s, t->depth - 1) : 0;
	if (top && frame_lies_on(top, hit->frame)) {
		f->code = slot->id;
		f->known = slot_index(hit->instr) + 1;
		f->size = slot->size;
		child_of(&p, top);
		inherit(f, &p);
	} else if ((!slot && is_no_call(hit)) || read_call(tid, hit->frame, hit->instr)) {
		return;
	}
	f->frame = hit->frame;
	t->last_frame = hit->frame;
	t->last_instr = hit->instr;
	f->start = bpf_ktime_get_ns();
	stack_push(t, s, f, tid);
	if (async_on() && f->flags & FRAME_TASK)
		task_entered(tid, f->frame, f->start, f->flags & FRAME_HIDDEN);
	if (triggers & VTBPF_WATCH_ENTRY && verdict_on(f->code) & VTBPF_WATCH_ENTRY)
		watch_entry(tid, f->code, f->start);
}

static __always_inline void on_entry(struct thread_state *t, __u32 tid, const struct hit *hit)
{
	if (!is_duplicate(t, hit))
		open_call(t, tid, hit);
}

/* ---- exit ------------------------------------------------------------------------------- */

/*
 * Helpers of CPython's own end without having begun, and so does a call that would exceed the
 * recursion limit, which profilers are not told of either. Under the JIT it is a call whose entry was
 * hidden.
 */
static __always_inline void count_unmatched(struct thread_state *t, __u64 frame, __u64 now)
{
	struct frame_link link;

	if (!frame_read_link(frame, &link) && frame_is_helper(&link)) {
		t->count.helpers++;
		return;
	}
	t->count.unmatched++;
	if (unmatched_is_lost)
		note_loss(t, now, now);
}

/* A call ends as it should. */
static __always_inline void end_call(struct thread_state *t, struct open_stack *s,
				     struct open_frame *f, __u32 tid, __u64 now, __u8 flags)
{
	if (triggers & VTBPF_WATCH_EXIT && verdict_on(f->code) & VTBPF_WATCH_EXIT)
		watch_exit(tid, f->code, f->start, now);
	if (async_on() && f->flags & FRAME_TASK)
		task_leave(tid, f->frame, now, flags & VTBPF_F_SUSPENDED, f->flags & FRAME_HIDDEN);
	emit_call(t, s, f, tid, now, flags);
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
		end_call(t, s, f, tid, now, flags);
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
	end_call(t, s, f, tid, now, flags);
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
	end_call(t, s, top, tid, now, flags);
	t->depth--;
	if (!t->depth && t->name)
		check_last_name(tid, frame);
	if (t->depth && !stack_at(s, t->depth - 1)->frame)
		stack_trim(t, s);
}

/* ---- throw() ---------------------------------------------------------------------------- */

/* PyTraceBack_Here(PyFrameObject *) is called for each frame that an exception enters. For a
 * generator frame that is not open it means that throw() resumed it: then hit becomes its entry. */
static __always_inline bool is_throw(struct thread_state *t, __u32 tid, struct hit *hit)
{
	struct open_stack *s = stack_of(t);
	__u64 frame = frame_of_object(hit->frame);
	__u8 owner = 0;

	if (!frame)
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

static __always_inline bool has_object(const struct hit *hit)
{
	return hit->kind == VTBPF_SITE_TRACEBACK || hit->kind == VTBPF_SITE_EXCEPTION;
}

/* At the first event of a thread, what was running before it is opened. An exit ends a frame that
 * was running; an entry's frame was not, so the walk starts at its caller. */
static __always_inline void open_running_frames(struct thread_state *t, __u32 tid,
						const struct hit *hit)
{
	struct frame_link link = {};
	__u64 from = hit->frame;

	t->walked = 1;
	if (has_object(hit))
		from = frame_of_object(from);
	if (hit->kind == VTBPF_SITE_ENTRY || hit->kind == VTBPF_SITE_THROW) {
		frame_read_link(from, &link);
		t->root_frame = from;
		from = link.previous;
		if (from && !frame_is_shim(from))
			t->root_frame = 0;
	}
	walk_frames(tid, from, 0);
}

/* Before anything of the thread is recorded. */
static __always_inline void make_ready(struct thread_state *t, __u32 tid, const struct hit *hit)
{
	bool first = !t->walked;

	if (first)
		open_running_frames(t, tid, hit);
	if (!t->announced)
		announce_thread(t, tid);
	if (async_on() && first)
		task_running(tid);
	t->ready = t->announced;
}

/* The running thread, ready to be recorded. NULL where it is not to be. */
static __always_inline struct thread_state *thread_of_hit(const struct hit *hit, __u64 id)
{
	__u32 tid = id;
	struct thread_state *t = thread_of(tid);

	if (!t || t->dead)
		t = thread_new(tid, id >> 32);
	if (!t)
		return 0;
	if (t->generation != generation)
		change_verdict(tid);
	if (t->verdict == VERDICT_IGNORE) {
		if (hit->kind == VTBPF_SITE_ENTRY)
			t->count.ignored++;
		return 0;
	}
	if (!t->ready)
		make_ready(t, tid, hit);
	if (t->cuts != cut_generation)
		hide_below_cuts(tid);
	return t;
}

static __always_inline void handle_hit(struct hit *hit)
{
	__u64 id = current_ids();
	struct thread_state *t = thread_of_hit(hit, id);
	__u32 tid = id;

	if (!t)
		return;
	if (async_on() && t->awaiting)
		task_awaits(tid);
	if (triggers & VTBPF_WATCH_RAISE && hit->raises)
		watch_raise(tid, has_object(hit) ? frame_of_object(hit->frame) : hit->frame);
	if (hit->kind == VTBPF_SITE_EXCEPTION || hit->kind == VTBPF_SITE_RAISED)
		return;
	if (hit->kind == VTBPF_SITE_EXIT || hit->kind == VTBPF_SITE_YIELD)
		on_exit(t, tid, hit->frame, hit->kind == VTBPF_SITE_YIELD ? VTBPF_F_SUSPENDED : 0);
	else if (hit->kind != VTBPF_SITE_TRACEBACK || is_throw(t, tid, hit))
		on_entry(t, tid, hit);
}

#endif
