/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Writing records to the ring buffer: reserve, fill, submit, and account for what found no room. */
#ifndef VTBPF_EMIT_BPF_H
#define VTBPF_EMIT_BPF_H

#define WAKEUP_EVERY 32 /* records of a thread between two looks at the fill */

/*
 * A wake-up costs more than a record, so the reader is woken once per `wakeup_bytes`, and polls for
 * the rest. Only while the fill crosses that mark: a reader that is behind is awake anyway.
 */
static __always_inline __u64 wakeup_flags(const struct thread_state *t)
{
	__u64 avail;

	if (t->count.calls % WAKEUP_EVERY)
		return BPF_RB_NO_WAKEUP;
	avail = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);
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

static __always_inline void note_loss(struct thread_state *t, __u64 start, __u64 end)
{
	if (!t->lost)
		t->lost_first = start;
	t->lost++;
	t->lost_last = end;
	t->count.lost++;
}

/* Tells of calls lost so far. Called before the next record that fits, so that a gap is known as
 * soon as it ends. */
static __noinline int emit_lost(struct thread_state *t, __u32 tid)
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

static __noinline int emit_track_call(struct thread_state *t, struct open_frame *f, __u32 tid,
				      __u64 end, __u8 flags)
{
	struct vtbpf_rec_call_track *r =
		EMIT_RESERVE(struct vtbpf_rec_call_track, VTBPF_REC_CALL_TRACK, tid);

	if (!r)
		return -1;
	fill_call(&r->call, f, end, flags);
	r->track = f->track;
	r->_pad = 0;
	bpf_ringbuf_submit(r, wakeup_flags(t));
	return 0;
}

/* One finished call: kept out by the filters, written, or counted as lost. */
static __always_inline void emit_call(struct thread_state *t, struct open_frame *f, __u32 tid,
				      __u64 end, __u8 flags)
{
	struct vtbpf_rec_call *r;

	if (min_duration_ns && end - f->start < min_duration_ns) {
		t->count.below_min++;
		return;
	}
	if (f->depth >= max_stack_depth) {
		t->count.too_deep++;
		return;
	}
	if (t->lost && emit_lost(t, tid))
		goto lost;
	if (f->track) {
		if (emit_track_call(t, f, tid, end, flags))
			goto lost;
	} else {
		r = EMIT_RESERVE(struct vtbpf_rec_call, VTBPF_REC_CALL, tid);
		if (!r)
			goto lost;
		fill_call(r, f, end, flags);
		bpf_ringbuf_submit(r, wakeup_flags(t));
	}
	t->count.calls++;
	return;
lost:
	note_loss(t, f->start, end);
}

#endif
