/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Stack samples (--hz): a timer of the thread's CPU time fires, and the frames of the thread that it
 * interrupted are walked.
 *
 * A stack crosses the ring once, as a list of code objects; a sample then carries its number. What
 * tells stacks apart is a hash over their code objects' addresses, and of the inner ones' contents
 * too, for the address of a code object that died may be used for another one.
 */
#ifndef VTBPF_SAMPLE_BPF_H
#define VTBPF_SAMPLE_BPF_H

/* ---- configuration and state ------------------------------------------------------------ */

const volatile __u64 sample_period_ns;

struct vtbpf_sample_counters sample_totals;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32); /* tgid */
	__type(value, struct sampled_process);
} sample_processes SEC(".maps");

/* Least recently used stacks make room: they are announced again, under a new id. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64); /* hash */
	__type(value, struct known_stack);
} sample_stacks SEC(".maps");

/* One walk at a time on each CPU: timers and the scheduler do not interrupt one another. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sample_walk);
} sample_walks SEC(".maps");

/* ---- stacks ----------------------------------------------------------------------------- */

static __always_inline struct vtbpf_rec_stack *stack_record(struct sample_walk *w)
{
	return (struct vtbpf_rec_stack *)w->rec;
}

/* The code object is one, and what goes by it is known to user space; helpers of the interpreter's
 * own are left out. 1: it cannot be read. */
static long intern_step(__u32 i, void *arg)
{
	struct sample_walk *w = *(struct sample_walk **)arg;
	struct frame_link link = {};
	__u32 n = w->n_ids, id;

	if (i >= w->n)
		return 1;
	link.code = w->code[i & (VTBPF_MAX_SAMPLED - 1)];
	if (i && link.code == w->code[(i - 1) & (VTBPF_MAX_SAMPLED - 1)] && w->last_id) {
		id = w->last_id; /* recursion */
	} else {
		w->last_id = 0;
		if (frame_is_helper(&link))
			return 0;
		if (i >= SAMPLE_CLOSELY &&
		    word_at(link.code + attrs.ob_type) != w->process.code_type)
			goto bad;
		id = code_intern_shared(link.code, w->tgid);
		if (!id)
			goto bad;
		if (!code_is_sent(link.code, w->tgid))
			w->no_room = 1;
	}
	w->last_id = id;
	stack_record(w)->codes[n & (VTBPF_MAX_SAMPLED - 1)] = id;
	w->n_ids = n + 1;
	return 0;
bad:
	w->bad = 1;
	return 1;
}

static __always_inline int emit_stack(struct sample_walk *w, __u32 id)
{
	__u32 size = sizeof(struct vtbpf_rec_stack) + ((w->n_ids * 4 + 7) & ~7U);
	struct vtbpf_rec_stack *r = stack_record(w);

	fill_prefix(&r->rec, VTBPF_REC_STACK, size, w->tgid);
	r->rec.flags = w->truncated ? VTBPF_F_TRUNCATED : 0;
	r->id = id;
	r->n = w->n_ids;
	asm volatile("" : "+r"(size)); /* keep the bound where the verifier sees it */
	if (size > sizeof(w->rec))
		return -1;
	return bpf_ringbuf_output(&events, w->rec, size, BPF_RB_NO_WAKEUP);
}

/* Tells of the stack in w: 0; -1 when there was no room, or w->bad. */
static __noinline int announce_stack(struct sample_walk *w, __u32 id)
{
	w->n_ids = w->last_id = w->no_room = 0;
	if (have_bpf_loop)
		bpf_loop(VTBPF_MAX_SAMPLED, intern_step, &w, 0);
	else
		for (int i = 0; i < FRAMES_FEW; i++)
			if (intern_step(i, &w))
				break;
	if (w->bad || w->no_room)
		return -1;
	return emit_stack(w, id);
}

/* Id of the stack in w, which is announced when it is new; 0 when that was not possible. */
static __always_inline __u32 intern_stack(struct sample_walk *w)
{
	__u64 hash = mix(w->hash, (__u64)w->tgid << 32 | w->n << 1 | w->truncated);
	struct known_stack *known = bpf_map_lookup_elem(&sample_stacks, &hash), fresh = {};

	if (known)
		return known->id;
	fresh.id = new_id(ID_OF_STACK);
	if (announce_stack(w, fresh.id))
		return 0;
	bpf_map_update_elem(&sample_stacks, &hash, &fresh, BPF_ANY);
	return fresh.id;
}

/* ---- a sample --------------------------------------------------------------------------- */

/* What the timer counts is known at once, but misses what switching costs; what the scheduler counts is
 * what a thread is charged for, but may be so much old, a tick. */
#define TICK_NS 12000000

/*
 * How many periods of CPU time the running thread has had since its last sample: more than one when
 * the timer fired late or was held back. Its CPU time is what the timer has counted, moved to where the
 * scheduler says that it must be.
 */
static __always_inline __u32 sample_weight(struct sampled_thread *s, struct perf_event *event)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 charged = BPF_CORE_READ(task, se.sum_exec_runtime), count = 0, cpu, periods, weight;

	bpf_core_read(&count, sizeof(count), &event->count);
	if (s->timer != (__u64)event)
		s->ahead = charged - count;
	s->timer = (__u64)event;
	cpu = count + s->ahead;
	if (cpu < charged)
		cpu = charged;
	if (cpu > charged + TICK_NS)
		cpu = charged + TICK_NS;
	s->ahead = cpu - count;
	if (!s->base) /* what a thread did before it was sampled does not count */
		s->base = s->start_time > start_ns ? 1 : cpu - sample_period_ns;
	periods = (cpu - s->base + sample_period_ns / 2) / sample_period_ns;
	if ((__s64)(periods - s->done) <= 0)
		return 0;
	weight = periods - s->done;
	s->done = periods;
	return weight < MOST_PERIODS ? weight : MOST_PERIODS;
}

/* The frames of the running thread, into w. */
static __always_inline void take_stack(struct sample_walk *w, struct sampled_thread *t, __u64 now)
{
	__u64 newest = word_at(w->process.runtime + states.runtime_interpreters);

	if (newest != t->newest_interp || (!t->n && now >= t->search_at))
		find_states(t, newest, now);
	if (walk_states(w, t)) {
		find_states(t, newest, now);
		if (walk_states(w, t))
			w->bad = 1;
	}
}

static __always_inline void count_samples(__u64 *counter, __u32 weight)
{
	__sync_fetch_and_add(counter, weight);
}

#define TRIES_WITHOUT_FRAMES 16

/* A thread's name is read off its outermost frame, which a new one may not have yet. */
static __always_inline void introduce(struct thread_state *t, struct sampled_thread *s, __u32 tid,
				      __u64 root)
{
	if (!root && ++s->frameless < TRIES_WITHOUT_FRAMES)
		return;
	if (!t->root_frame)
		t->root_frame = root;
	announce_thread(t, tid);
}

static __always_inline void note_lost_samples(struct sampled_thread *s, __u64 now, __u32 n)
{
	if (!s->lost)
		s->lost_first = now - n * sample_period_ns;
	s->lost += n;
	s->lost_last = now;
	count_samples(&sample_totals.lost, n);
}

/* As with calls: before the next one that fits. */
static __always_inline int emit_lost_samples(struct sampled_thread *s, __u32 tid)
{
	struct vtbpf_rec_lost *r;

	if (!s->lost)
		return 0;
	r = EMIT_RESERVE(struct vtbpf_rec_lost, VTBPF_REC_LOST, tid);
	if (!r)
		return -1;
	r->rec.flags = VTBPF_F_LOST_SAMPLES;
	r->lost = s->lost;
	r->first = s->lost_first;
	r->last = s->lost_last;
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	s->lost = 0;
	return 0;
}

static __always_inline int emit_sample(__u32 tid, __u64 now, __u32 stack, __u32 weight)
{
	struct vtbpf_rec_sample *r = EMIT_RESERVE(struct vtbpf_rec_sample, VTBPF_REC_SAMPLE, tid);

	if (!r)
		return -1;
	if (stack == STACK_UNREADABLE)
		r->rec.flags = VTBPF_F_UNREADABLE;
	r->ts = now;
	r->stack = stack == STACK_UNREADABLE ? 0 : stack;
	r->weight = weight;
	bpf_ringbuf_submit(r, wakeup_flags());
	return 0;
}

/* Id of the stack of the running thread, which is not ignored; 0: it runs no Python code; or one of
 * STACK_*. */
static __noinline __u32 running_stack(struct thread_state *t, struct sampled_thread *s)
{
	struct sampled_process *p = bpf_map_lookup_elem(&sample_processes, &t->tgid);
	__u32 tid = current_ids(), zero = 0, stack = 0;
	struct sample_walk *w = bpf_map_lookup_elem(&sample_walks, &zero);

	if (!p || !w)
		return STACK_LOST;
	w->process = *p;
	w->tgid = t->tgid;
	take_stack(w, s, bpf_ktime_get_ns());
	p->code_type = w->process.code_type;
	if (!t->announced)
		introduce(t, s, tid, w->bad ? 0 : w->root);
	if (!w->bad && w->n) {
		stack = intern_stack(w);
		if (!stack && !w->bad)
			return STACK_LOST;
	}
	return w->bad ? STACK_UNREADABLE : stack;
}

static __always_inline int sample_thread(struct thread_state *t, struct sampled_thread *s,
					 __u32 weight)
{
	__u64 now = bpf_ktime_get_ns();
	__u32 tid = current_ids(), stack = running_stack(t, s);

	if (stack == STACK_LOST || emit_lost_samples(s, tid) ||
	    emit_sample(tid, now, stack, weight))
		return -1;
	count_samples(stack == STACK_UNREADABLE ? &sample_totals.unreadable : &sample_totals.taken,
		      weight);
	return 0;
}

/* The thread that is to be sampled, NULL when its process is none of ours. */
static __always_inline struct thread_state *sampled_state(__u32 tid, __u32 tgid)
{
	struct thread_state *t = thread_of(tid);

	if (!t || t->dead)
		t = thread_new(tid, tgid);
	if (t && t->generation != generation)
		update_verdict(t, tid);
	return t;
}

static __always_inline void take_sample(struct perf_event *event)
{
	__u64 id = current_ids();
	struct sampled_thread *s;
	struct thread_state *t;
	__u32 weight;

	if (!active)
		return;
	t = sampled_state(id, id >> 32);
	s = t ? sampled_thread_of(id, t->start_time) : 0;
	if (!s)
		return;
	if (!BPF_CORE_READ(event, parent))
		s->timed = 1;
	else if (s->timed)
		return; /* it has a timer of its own besides */
	weight = sample_weight(s, event);
	if (!weight)
		return;
	if (t->verdict == VERDICT_IGNORE)
		count_samples(&sample_totals.ignored, weight);
	else if (sample_thread(t, s, weight))
		note_lost_samples(s, bpf_ktime_get_ns(), weight);
}

#endif
