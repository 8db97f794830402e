/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Writing records to the ring buffer, and accounting for what found no room. Finished calls wait in
 * a batch of their thread and are written together: reserving room costs more than all else that
 * is done with a call.
 */
#ifndef VTBPF_EMIT_BPF_H
#define VTBPF_EMIT_BPF_H

/*
 * A wake-up costs more than a record, so the reader is woken once per `wakeup_bytes`, and polls for
 * the rest. Only while the fill crosses that mark: a reader that is behind is awake anyway.
 */
static __always_inline __u64 wakeup_flags(void)
{
	__u64 avail = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);

	if (avail >= wakeup_bytes && avail < wakeup_bytes + wakeup_bytes / 4)
		return BPF_RB_FORCE_WAKEUP;
	return BPF_RB_NO_WAKEUP;
}

static __always_inline void fill_prefix(struct vtbpf_rec *rec, __u8 kind, __u16 len, __u32 tid)
{
	rec->len = len;
	rec->kind = kind;
	rec->flags = 0;
	rec->tid = tid;
}

#define EMIT_RESERVE(type, rec_kind, who)                                                  \
	({                                                                                 \
		type *__r = bpf_ringbuf_reserve(&events, sizeof(type), 0);                 \
		if (__r)                                                                   \
			fill_prefix((struct vtbpf_rec *)__r, rec_kind, sizeof(type), who); \
		__r;                                                                       \
	})

static __always_inline void note_losses(struct thread_state *t, __u32 n, __u64 start, __u64 end)
{
	if (!t->lost)
		t->lost_first = start;
	t->lost += n;
	t->lost_last = end;
	t->count.lost += n;
}

static __always_inline void note_loss(struct thread_state *t, __u64 start, __u64 end)
{
	note_losses(t, 1, start, end);
}

/* Tells of calls lost so far. Called before the next record that fits, so that a gap is known as
 * soon as it ends. */
static __always_inline int emit_lost(struct thread_state *t, __u32 tid)
{
	struct vtbpf_rec_lost *r = EMIT_RESERVE(struct vtbpf_rec_lost, VTBPF_REC_LOST, tid);

	if (!r)
		return -1;
	r->lost = t->lost;
	r->first = t->lost_first;
	r->last = t->lost_last;
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	t->lost = 0;
	return 0;
}

static __always_inline struct thread_state *state_at(__u32 place)
{
	return bpf_map_lookup_elem(&thread_states, &place);
}

/* The thread's state, NULL when there is none. */
static __always_inline struct thread_state *thread_of(__u32 tid)
{
	struct thread_state *t = state_at(tid & thread_mask);
	__u32 *place;

	if (t && t->tid == tid)
		return t;
	place = bpf_map_lookup_elem(&threads, &tid);
	t = place ? state_at(*place) : 0;
	return t && t->tid == tid ? t : 0;
}

static __always_inline struct open_stack *stack_of(struct thread_state *t)
{
	__u32 slot = t->slot;

	return bpf_map_lookup_elem(&stacks, &slot);
}

/* Writes the calls that wait. Not static: the verifier then proves it once instead of once per
 * caller, as with the others of its kind. */
__noinline int flush_batch(__u32 tid)
{
	struct thread_state *t = thread_of(tid);
	struct open_stack *s = t ? stack_of(t) : 0;
	struct vtbpf_rec_call *last;
	__u32 n;

	if (!s || !t->batched)
		return 0;
	n = t->batched <= BATCH_CALLS ? t->batched : BATCH_CALLS;
	t->batched = 0;
	if (t->announced && !(t->lost && emit_lost(t, tid)) &&
	    !bpf_ringbuf_output(&events, s->batch, n * sizeof(s->batch[0]), wakeup_flags())) {
		t->count.calls += n;
		return 0;
	}
	last = &s->batch[(n - 1) & (BATCH_CALLS - 1)];
	note_losses(t, n, s->batch[0].start, last->start + last->dur);
	return 0;
}

static __always_inline void fill_call(struct vtbpf_rec_call *r, const struct open_frame *f,
				      __u64 end, __u8 flags)
{
	if (f->flags & FRAME_OPEN_START)
		flags |= VTBPF_F_OPEN_START;
	r->rec.flags = flags;
	r->start = f->start;
	r->dur = end - f->start;
	r->code = f->code;
	r->depth = f->depth;
	r->_pad = 0;
}

static __always_inline int emit_track_call(const struct open_frame *f, __u32 tid, __u64 end,
					   __u8 flags)
{
	struct vtbpf_rec_call_track *r =
		EMIT_RESERVE(struct vtbpf_rec_call_track, VTBPF_REC_CALL_TRACK, tid);

	if (!r)
		return -1;
	fill_call(&r->call, f, end, flags);
	r->track = f->track;
	r->_pad = 0;
	bpf_ringbuf_submit(r, wakeup_flags());
	return 0;
}

static __always_inline int emit_plain_call(const struct open_frame *f, __u32 tid, __u64 end,
					   __u8 flags)
{
	struct vtbpf_rec_call *r = EMIT_RESERVE(struct vtbpf_rec_call, VTBPF_REC_CALL, tid);

	if (!r)
		return -1;
	fill_call(r, f, end, flags);
	bpf_ringbuf_submit(r, wakeup_flags());
	return 0;
}

/* The call in t->single, of a greenlet or of a thread that has no batch. */
__noinline int emit_single(__u32 tid, __u64 end, __u8 flags)
{
	struct thread_state *t = thread_of(tid);
	struct open_frame *f;

	if (!t)
		return 0;
	f = &t->single;
	if (!t->announced || (t->lost && emit_lost(t, tid)) ||
	    (f->track ? emit_track_call(f, tid, end, flags) : emit_plain_call(f, tid, end, flags)))
		note_loss(t, f->start, end);
	else
		t->count.calls++;
	return 0;
}

/* One finished call: kept out by the filters, or written, now or with others. */
static __always_inline void emit_call(struct thread_state *t, struct open_stack *s,
				      struct open_frame *f, __u32 tid, __u64 end, __u8 flags)
{
	struct vtbpf_rec_call *r;

	if (f->flags & FRAME_HIDDEN) {
		t->count.hidden++;
		return;
	}
	if (min_duration_ns && end - f->start < min_duration_ns) {
		t->count.below_min++;
		return;
	}
	if (f->depth >= max_stack_depth) {
		t->count.too_deep++;
		return;
	}
	if (f->track || !s) {
		t->single = *f;
		emit_single(tid, end, flags);
		return;
	}
	r = &s->batch[t->batched & (BATCH_CALLS - 1)];
	fill_prefix(&r->rec, VTBPF_REC_CALL, sizeof(*r), tid);
	fill_call(r, f, end, flags);
	if (++t->batched >= BATCH_CALLS)
		flush_batch(tid);
}

#endif
