/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Threads: admission at the first event, the frames that were open before it, and their end. */
#ifndef VTBPF_THREAD_BPF_H
#define VTBPF_THREAD_BPF_H

/* ---- frames that were running before the first event ------------------------------------ */

#define WALK_MAX 16384 /* frames, with bpf_loop() */
#define WALK_FEW 48    /* without: each step is verified anew, the innermost frames must do */

/* co_flags of the code object of __init__'s helper frame (CPython 3.12+, Include/cpython/code.h):
 * its owner byte says "thread" but it runs no Python of the user's. */
#define CO_NO_MONITORING_EVENTS 0x2000000

/* CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR (the same header, all versions). */
#define CO_ANY_GENERATOR 0x2a0

struct walk_ctx {
	struct thread_state *t;
	struct open_stack *s;
	__u64 frame; /* where the walk stands */
	__u64 root;  /* outermost frame seen */
	__u32 tid;
	__u32 base; /* depth of the outermost */
	__u32 track;
	__u32 at; /* pass 2: entries below the stack's present top that are being filled */
};

static __always_inline bool frame_is_helper(const struct frame_link *link)
{
	__u32 flags = 0;

	if (layout.minor < 12)
		return false;
	bpf_probe_read_user(&flags, sizeof(flags), (void *)(link->code + layout.code_flags));
	return flags & CO_NO_MONITORING_EVENTS;
}

static __noinline long count_step(__u32 i __attribute__((unused)), void *arg)
{
	struct walk_ctx *w = arg;
	struct frame_link link;

	if (!w->frame || frame_read_link(w->frame, &link))
		return 1;
	if (!frame_is_shim(w->frame) && !frame_is_helper(&link)) {
		w->t->walk_count++;
		w->root = w->frame;
	}
	w->frame = link.previous;
	return 0;
}

/* Since when calls count that began before anybody looked. */
static __always_inline __u64 first_moment(const struct thread_state *t)
{
	return t->since > start_ns ? t->since : start_ns;
}

/* The frames come innermost first; each goes to its place counted from the outermost. */
static __noinline long fill_step(__u32 i __attribute__((unused)), void *arg)
{
	struct walk_ctx *w = arg;
	struct open_frame *f = &w->t->single;
	struct frame_link link;
	__u32 index;

	if (!w->frame || !w->t->walk_left || frame_read_link(w->frame, &link))
		return 1;
	if (!frame_is_shim(w->frame) && !frame_is_helper(&link)) {
		index = --w->t->walk_left;
		*f = (struct open_frame){};
		f->frame = w->frame;
		f->start = first_moment(w->t) + index;
		f->code = code_intern_shared(link.code, w->t->tgid);
		f->track = w->track;
		f->depth = w->base + index < 0xffff ? w->base + index : 0xffff;
		f->flags = FRAME_OPEN_START;
		index += w->at;
		if (w->s && index < VTBPF_MAX_DEPTH)
			*stack_at(w->s, index) = *f;
		else
			push_deep(w->t, f, w->tid);
	}
	w->frame = link.previous;
	return 0;
}

static __always_inline void walk_loop(struct walk_ctx *w, bool fill)
{
	if (have_bpf_loop) {
		bpf_loop(WALK_MAX, fill ? (void *)fill_step : (void *)count_step, w, 0);
		return;
	}
	for (int i = 0; i < WALK_FEW; i++)
		if (fill ? fill_step(i, w) : count_step(i, w))
			break;
}

/* Opens `frame` and all its callers as calls that were running when the trace began. */
__noinline int walk_frames(__u32 tid, __u64 frame, __u32 track)
{
	struct walk_ctx w = { .frame = frame, .tid = tid, .track = track };
	struct thread_state *t = thread_of(tid);

	if (!t)
		return -1;
	w.t = t;
	w.s = stack_of(t);
	w.at = t->depth;
	t->walk_count = 0;
	walk_loop(&w, false);
	w.frame = frame;
	t->walk_left = t->walk_count;
	walk_loop(&w, true);
	if (t->walk_left) { /* memory went away between the passes: what was filled is not to be trusted */
		t->count.unreadable++;
		return -1;
	}
	if (w.s)
		t->depth = w.at + t->walk_count;
	if (t->depth > VTBPF_MAX_DEPTH)
		t->depth = VTBPF_MAX_DEPTH;
	if (w.root && !t->root_frame)
		t->root_frame = w.root;
	return 0;
}

/* ---- first event ------------------------------------------------------------------------ */

#if defined(__TARGET_ARCH_x86)
#define THREAD_POINTER(task) BPF_CORE_READ(task, thread.fsbase)
#elif defined(__TARGET_ARCH_arm64)
#define THREAD_POINTER(task) BPF_CORE_READ(task, thread.uw.tp_value)
#endif

static __always_inline int emit_thread(struct thread_state *t, __u32 tid, __u64 now)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct vtbpf_rec_thread *r = EMIT_RESERVE(struct vtbpf_rec_thread, VTBPF_REC_THREAD, tid);

	if (!r)
		return -1;
	if (t->name)
		r->rec.flags = VTBPF_F_NAME_FOLLOWS;
	r->ts = now;
	r->tgid = t->tgid;
	r->_pad = 0;
	r->start_time = t->start_time;
	r->root_self = t->root_self;
	r->start_boottime = BPF_CORE_READ(task, start_boottime);
	r->thread_pointer = THREAD_POINTER(task);
	bpf_get_current_comm(r->comm, sizeof(r->comm));
	bpf_ringbuf_submit(r, BPF_RB_FORCE_WAKEUP); /* user space decides at once */
	return 0;
}

#define ANNOUNCE_NS 1000000000 /* so long a name is tried that finds no room */

/*
 * Tells of the thread, and then of its name. Until both have found room none of its calls is written:
 * one could not be told from that of a thread to ignore.
 */
static __noinline void announce_thread(struct thread_state *t, __u32 tid)
{
	__u64 now = bpf_ktime_get_ns();

	if (!t->announce_since)
		t->announce_since = now;
	if (t->root_frame)
		t->root_self = frame_self(t->root_frame);
	t->name = t->root_frame ? thread_name_str(t->root_frame) : 0;
	if (emit_thread(t, tid, now))
		return;
	if (t->name && emit_str(t->name, tid, VTBPF_STR_THREAD, tid) &&
	    now - t->announce_since < ANNOUNCE_NS)
		return;
	t->announced = 1;
}

/* The thread's outermost frame ends. What it is called now must be told: nobody can ask later. */
__noinline int check_last_name(__u32 tid, __u64 frame)
{
	struct thread_state *t = thread_of(tid);
	__u64 name;

	if (!t || !t->name || frame != t->root_frame)
		return 0;
	name = thread_name_str(frame);
	if (!name || name == t->name)
		return 0;
	t->name = name;
	return emit_str(name, tid, VTBPF_STR_THREAD, tid);
}

static __always_inline bool verdict_is_on(const struct thread_verdict *v,
					  const struct thread_state *t)
{
	if (v->start_time)
		return v->start_time == t->start_time;
	return v->start_ticks == t->start_ticks;
}

static __always_inline void update_verdict(struct thread_state *t, __u32 tid)
{
	struct thread_verdict *v;

	t->generation = generation;
	v = bpf_map_lookup_elem(&verdicts, &tid);
	t->verdict = v && verdict_is_on(v, t) ? v->verdict : VERDICT_TRACE;
	if (t->verdict == VERDICT_IGNORE) { /* what is open is unknown when it is traced again */
		t->depth = 0;
		t->walked = t->ready = 0;
	}
}

/*
 * The verdict may have changed while the thread runs. When it is to be ignored, its open calls end
 * here; when it no longer is, those that run by then begin anew (deep ones are forgotten: user space
 * has taken them out of the hash).
 */
__noinline int change_verdict(__u32 tid)
{
	struct thread_state *t = thread_of(tid);
	__u64 now = bpf_ktime_get_ns(), at = now;
	struct open_stack *s;
	__u32 depth;
	__u8 before;

	if (!t)
		return 0;
	if (at > verdicts_ns) /* it was asleep, or waited for the GIL */
		at = verdicts_ns;
	s = stack_of(t);
	if (s && t->depth && stack_at(s, t->depth - 1)->start > at)
		at = now; /* user space was held up while it set the verdict */
	before = t->verdict;
	depth = t->depth;
	update_verdict(t, tid);
	if (t->verdict == before)
		return 0;
	if (t->verdict == VERDICT_IGNORE) {
		t->depth = depth;
		close_all(t, tid, at);
		flush_batch(tid);
	} else {
		t->deep = 0;
		t->since = at;
	}
	return 0;
}

static __always_inline void add_totals(const struct vtbpf_counters *c)
{
	__sync_fetch_and_add(&totals.calls, c->calls);
	__sync_fetch_and_add(&totals.lost, c->lost);
	__sync_fetch_and_add(&totals.below_min, c->below_min);
	__sync_fetch_and_add(&totals.too_deep, c->too_deep);
	__sync_fetch_and_add(&totals.ignored, c->ignored);
	__sync_fetch_and_add(&totals.hidden, c->hidden);
	__sync_fetch_and_add(&totals.duplicates, c->duplicates);
	__sync_fetch_and_add(&totals.helpers, c->helpers);
	__sync_fetch_and_add(&totals.unmatched, c->unmatched);
	__sync_fetch_and_add(&totals.entry_missed, c->entry_missed);
	__sync_fetch_and_add(&totals.exit_missed, c->exit_missed);
	__sync_fetch_and_add(&totals.unreadable, c->unreadable);
	__sync_fetch_and_add(&totals.stale_codes, c->stale_codes);
}

/* The state is as that of a place that is free; what was counted is not lost. */
static __always_inline void state_reset(struct thread_state *t)
{
	const __u32 from = __builtin_offsetof(struct thread_state, last_frame);

	add_totals(&t->count);
	__builtin_memset((void *)t + from, 0, sizeof(*t) - from);
}

#ifdef VTBPF_OLD_KERNEL
#define PLACE_IS_BEING_TAKEN 0x80000000 /* with the place: a key in `threads` that is no tid */
#endif

/* Gives the place to the thread if it is free: nobody else does so meanwhile. */
static __always_inline bool claim_place(struct thread_state *t, __u32 place __attribute__((unused)),
					__u32 tid)
{
#ifdef VTBPF_OLD_KERNEL
	__u32 key = PLACE_IS_BEING_TAKEN | place;
	bool free;

	if (bpf_map_update_elem(&threads, &key, &place, BPF_NOEXIST))
		return false;
	free = !t->tid;
	if (free)
		t->tid = tid;
	bpf_map_delete_elem(&threads, &key);
	return free;
#else
	return !__sync_val_compare_and_swap(&t->tid, 0, tid);
#endif
}

/* A place of its own for a thread, NULL when none is free. */
static __always_inline struct thread_state *take_place(__u32 tid)
{
	struct thread_state *t;
	__u32 place;

	for (__u32 i = 0; i < THREAD_PLACES; i++) {
		place = (tid + i * THREAD_STRIDE) & thread_mask;
		t = state_at(place);
		if (!t || !claim_place(t, place, tid))
			continue;
		if (!bpf_map_update_elem(&threads, &tid, &place, BPF_ANY))
			return t;
		t->tid = 0;
		return 0;
	}
	return 0;
}

/* Admits the running thread: NULL when its process is not a target. */
static __always_inline struct thread_state *thread_new(__u32 tid, __u32 tgid)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct thread_state *t;
	struct target_process *p = bpf_map_lookup_elem(&targets, &tgid);

	if (!p) {
		__sync_fetch_and_add(&totals.foreign, 1);
		return 0;
	}
	t = thread_of(tid);
	if (t) /* a thread that is gone, with losses nobody was told of */
		state_reset(t);
	else
		t = take_place(tid);
	if (!t) {
		__sync_fetch_and_add(&totals.lost, 1);
		return 0;
	}
	t->tgid = tgid;
	t->since = p->since;
	p->seen = own_recording;
	t->start_time = BPF_CORE_READ(task, start_time);
	t->start_ticks = BPF_CORE_READ(task, start_boottime) / VTBPF_TICK_NS;
	if (bpf_map_pop_elem(&free_slots, &t->slot))
		t->slot = NO_SLOT;
	update_verdict(t, tid);
	return t;
}

/* ---- end -------------------------------------------------------------------------------- */

/* Of a thread that could not be announced no call was written: its losses are told, without a name. */
static __always_inline void announce_late(struct thread_state *t, __u32 tid, __u64 now)
{
	if (!t->walked || t->announced)
		return;
	t->name = 0;
	if (!emit_thread(t, tid, now))
		t->announced = 1;
}

static __noinline void thread_end(struct thread_state *t, __u32 tid)
{
	__u64 now = bpf_ktime_get_ns();
	__u64 end = !active && stopped_ns ? stopped_ns : now; /* of what is recorded */
	struct vtbpf_rec_thread_exit *r;

	close_all(t, tid, end);
	flush_batch(tid);
	announce_late(t, tid, now);
	r = EMIT_RESERVE(struct vtbpf_rec_thread_exit, VTBPF_REC_THREAD_EXIT, tid);
	if (r) {
		r->ts = now;
		bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	}
	if (t->slot != NO_SLOT)
		bpf_map_push_elem(&free_slots, &t->slot, BPF_ANY);
	t->slot = NO_SLOT;
	t->dead = 1;
	/* Losses that cannot be told now, and frames in the hash, are left for user space to
	 * sweep. */
	if ((t->lost && emit_lost(t, tid)) || t->deep || (t->walked && !t->announced))
		return;
	bpf_map_delete_elem(&threads, &tid);
	state_reset(t);
	t->tid = 0;
}

#endif
