/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Functions that --trigger watches: how long each call took, and how many came in a second. What is a
 * hit is decided here; which functions, and against which limits, by user space. Where nothing is
 * watched none of this is loaded.
 */
#ifndef VTBPF_TRIGGER_BPF_H
#define VTBPF_TRIGGER_BPF_H

static __always_inline struct code_watch *watch_of(__u32 code)
{
	__u32 *index = bpf_map_lookup_elem(&watched_codes, &code);

	return index ? bpf_map_lookup_elem(&watches, index) : 0;
}

/* How many bits n has, without a loop: what clz tells, which BPF does not have. */
static __always_inline __u32 bits_of(__u64 n)
{
	__u32 bits = 0;

	if (n >> 32) {
		bits += 32;
		n >>= 32;
	}
	if (n >> 16) {
		bits += 16;
		n >>= 16;
	}
	if (n >> 8) {
		bits += 8;
		n >>= 8;
	}
	if (n >> 4) {
		bits += 4;
		n >>= 4;
	}
	if (n >> 2) {
		bits += 2;
		n >>= 2;
	}
	return bits + (n >> 1 ? 2 : n);
}

/* Which part of the histogram a duration belongs to (vtbpf_state.h). */
static __always_inline __u32 duration_bin(__u64 ns)
{
	__u32 bits = bits_of(ns), bin;

	if (bits <= WATCH_BIN_BITS)
		return ns;
	bin = (bits - WATCH_BIN_BITS) << WATCH_BIN_BITS |
	      (ns >> (bits - 1 - WATCH_BIN_BITS) & ((1 << WATCH_BIN_BITS) - 1));
	return bin < WATCH_BINS ? bin : WATCH_BINS - 1;
}

static __always_inline void emit_trigger(struct code_watch *w, const struct vtbpf_rec_trigger *hit)
{
	struct vtbpf_rec_trigger *r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);

	w->last = *hit;
	if (!r) { /* user space looks at `last` then */
		__sync_fetch_and_add(&w->unsaid, 1);
		return;
	}
	*r = *hit;
	bpf_ringbuf_submit(r, BPF_RB_FORCE_WAKEUP);
}

static __always_inline void fill_trigger(struct vtbpf_rec_trigger *r, __u32 tid, __u32 code)
{
	r->rec.len = sizeof(*r);
	r->rec.kind = VTBPF_REC_TRIGGER;
	r->rec.tid = tid;
	r->code = code;
}

/* A watched call has returned, or suspends. */
__noinline int watch_exit(__u32 tid, __u32 code, __u64 start, __u64 end)
{
	struct code_watch *w = watch_of(code);
	struct vtbpf_rec_trigger hit = {};
	__u64 took = end - start;
	__u32 bin;

	if (!w)
		return 0;
	if (w->learns) {
		bin = duration_bin(took);
		if (bin < WATCH_BINS)
			__sync_fetch_and_add(&w->bins[bin], 1);
	}
	if (!w->limit_ns || took <= w->limit_ns)
		return 0;
	/* Hits that follow closely are counted only: the ring has room for more than that. */
	if (end < w->quiet_until) {
		__sync_fetch_and_add(&w->quiet, 1);
		return 0;
	}
	w->quiet_until = end + w->quiet_ns;
	fill_trigger(&hit, tid, code);
	hit.what = VTBPF_TRIGGER_SLOW;
	hit.ts = end;
	hit.start = start;
	hit.value = took;
	emit_trigger(w, &hit);
	return 0;
}

/* Drops the calls of a second ago from the sum, a sixteenth at a time. */
static __always_inline void advance_rate(struct code_watch *w, __u64 bucket)
{
	__u64 behind = bucket - w->bucket;

	for (__u32 i = 0; i < WATCH_BUCKETS; i++) {
		__u32 at = (bucket - i) & (WATCH_BUCKETS - 1);

		if (i >= behind)
			break;
		w->sum -= w->counts[at];
		w->counts[at] = 0;
	}
	w->bucket = bucket;
}

/* A watched call begins. Each limit is hit when the count crosses it, and again after it fell below. */
__noinline int watch_entry(__u32 tid, __u32 code, __u64 now)
{
	struct code_watch *w = watch_of(code);
	struct vtbpf_rec_trigger hit = {};
	__u64 bucket = now / WATCH_BUCKET_NS;
	__u32 at = bucket & (WATCH_BUCKETS - 1);

	if (!w)
		return 0;
	if (bucket > w->bucket)
		advance_rate(w, bucket);
	w->counts[at]++;
	w->sum++;
	for (__u32 i = 0; i < WATCH_RATES; i++) {
		if (!w->rates[i] || w->sum <= w->rates[i]) {
			w->over[i] = 0;
			continue;
		}
		if (w->over[i])
			continue;
		w->over[i] = 1;
		fill_trigger(&hit, tid, code);
		hit.what = VTBPF_TRIGGER_RATE;
		hit.ts = now;
		hit.start = now;
		hit.value = w->sum;
		hit.limit = w->rates[i];
		emit_trigger(w, &hit);
	}
	return 0;
}

#endif
