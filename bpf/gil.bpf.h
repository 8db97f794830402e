/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * --gil: who has the lock that an interpreter runs under, and who waits for it. The sites are the
 * interpreter's calls of pthread_mutex_lock() and pthread_cond_signal(). Who wants the lock first locks
 * its mutex; who has got it signals switch_cond; who has given it up signals cond, both with the mutex held
 * (take_gil() and drop_gil(): Python/ceval_gil.h up to 3.11, ceval_gil.c since). So the argument tells what
 * happens: it is an address inside of struct _gil_runtime_state, of which more is looked at before an
 * address that is new is believed to be.
 */
#ifndef VTBPF_GIL_BPF_H
#define VTBPF_GIL_BPF_H

const volatile __u8 gil_arg_reg; /* that a call's first argument is in */

/* struct _gil_runtime_state, the same in 3.8 to 3.15 (Include/internal/pycore_gil.h), of which the sizes of
 * pthread_cond_t, 48, and pthread_mutex_t, 40, are those of x86_64. */
struct gil_memory {
	__u64 interval; /* us */
	__u64 last_holder;
	__u32 locked;
	__u32 _pad;
	__u64 switch_number;
	__u64 cond[6];
	__u64 mutex[5];
	__u64 switch_cond[6];
	__u64 switch_mutex[2]; /* and more */
};

#define GIL_AT(member) __builtin_offsetof(struct gil_memory, member)
#define GIL_INTERVAL_MAX 1000000000
#define USER_MIN 0x10000ULL
#define USER_MAX (1ULL << 47)

/* Who gives it up because another thread asked for it, waits until that has it, and wants it back at once:
 * as soon as it has a CPU again. One that gives it up at such a moment for a reason of its own is not back
 * so soon. */
#define GIL_BACK_NS 1000000

/* The tracer leaves their space free where nobody asks for them. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, VTBPF_MAX_GILS);
	__type(key, struct vtbpf_gil_key);
	__type(value, struct vtbpf_gil);
} gil_locks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, VTBPF_GIL_THREADS);
	__type(key, __u32); /* tid */
	__type(value, struct vtbpf_gil_thread);
} gil_threads SEC(".maps");

/* ---- which lock ------------------------------------------------------------------------- */

/* Is it one at the moment of such a signal: given up, or taken? */
static __always_inline bool gil_is_one(__u64 base, bool taken)
{
	struct gil_memory m;

	if (bpf_probe_read_user(&m, sizeof(m), (void *)base))
		return false;
	return m.interval && m.interval <= GIL_INTERVAL_MAX && m.locked == taken &&
	       m.last_holder >= USER_MIN && m.last_holder < USER_MAX && !(m.last_holder & 7) &&
	       (m.mutex[0] || m.mutex[1]) && (!taken || m.switch_mutex[0] || m.switch_mutex[1]);
}

static __always_inline struct vtbpf_gil *gil_add(const struct vtbpf_gil_key *key)
{
	struct vtbpf_gil_key count_key = { .tgid = key->tgid };
	struct vtbpf_gil fresh = {}, *count;

	count = bpf_map_lookup_elem(&gil_locks, &count_key);
	if (count)
		fresh.number = __sync_fetch_and_add(&count->number, 1);
	bpf_map_update_elem(&gil_locks, key, &fresh, BPF_NOEXIST);
	if (!count) {
		fresh.number = 1;
		bpf_map_update_elem(&gil_locks, &count_key, &fresh, BPF_NOEXIST);
	}
	return bpf_map_lookup_elem(&gil_locks, key);
}

/* ---- telling ---------------------------------------------------------------------------- */

struct gil_span {
	__u64 from, to;
	__u32 tid, number;
	__u16 what;
};

static __always_inline void gil_emit(const struct gil_span *s)
{
	struct thread_state *t = thread_of(s->tid);
	struct vtbpf_rec_event *r;

	if (s->to <= s->from || (t && t->verdict == VERDICT_IGNORE))
		return;
	r = EMIT_RESERVE(struct vtbpf_rec_event, VTBPF_REC_EVENT, s->tid);
	if (!r) {
		__sync_fetch_and_add(&events_lost, 1);
		return;
	}
	__builtin_memset((char *)r + sizeof(r->rec), 0, sizeof(*r) - sizeof(r->rec));
	r->start = s->from;
	r->dur = s->to - s->from;
	r->what = s->what;
	r->value[0] = s->number;
	bpf_ringbuf_submit(r, wakeup_flags());
}

/* The begin of what goes on since before it could be seen. */
static __always_inline __u64 gil_earliest(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 born = BPF_CORE_READ(task, start_time);

	return born > start_ns ? born : start_ns;
}

/* For how long the thread was ready to run, and had no CPU, since it began: include/linux/sched.h. */
static __always_inline __u64 gil_cpu_delay(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if (!bpf_core_field_exists(task->sched_info.run_delay))
		return 0;
	return BPF_CORE_READ(task, sched_info.run_delay);
}

/* ---- what happens ----------------------------------------------------------------------- */

/* Who was asked to give it up, by a thread that has been waiting since before, has waited for this. */
static __always_inline void gil_tell_dropper(struct vtbpf_gil *g, __u64 base,
					     const struct gil_span *wait)
{
	__u32 tid = g->dropper;
	struct vtbpf_gil_thread *t;

	if (!tid)
		return;
	g->dropper = 0;
	t = bpf_map_lookup_elem(&gil_threads, &tid);
	if (t && t->base == base && wait->from < t->dropped)
		t->handed = wait->to;
}

static __always_inline void gil_taken(const struct vtbpf_gil_key *key, struct vtbpf_gil *g,
				      __u32 tid, __u64 now)
{
	struct vtbpf_gil_thread *t = bpf_map_lookup_elem(&gil_threads, &tid);
	struct gil_span s = { .to = now, .tid = tid, .what = VTBPF_EVENT_GIL_WAIT };

	s.number = g->number;
	if (!t) {
		struct vtbpf_gil_thread fresh = { .base = key->base, .tgid = key->tgid };

		s.from = gil_earliest(); /* it has been waiting */
		bpf_map_update_elem(&gil_threads, &tid, &fresh, BPF_ANY);
	} else {
		/* Where nobody had it, there was nothing to wait for. */
		s.from = t->base == key->base && t->wants && t->contended ? t->wants : now;
		t->base = key->base;
		t->wants = t->dropped = t->handed = 0;
	}
	gil_tell_dropper(g, key->base, &s);
	g->holder = tid;
	g->since = g->taken = now;
	gil_emit(&s);
}

static __always_inline void gil_dropped(const struct vtbpf_gil_key *key, struct vtbpf_gil *g,
					__u32 tid, __u64 now)
{
	struct vtbpf_gil_thread *t = bpf_map_lookup_elem(&gil_threads, &tid);
	struct gil_span s = { .to = now, .tid = tid, .what = VTBPF_EVENT_GIL_HELD };
	struct vtbpf_gil_thread fresh = { .base = key->base, .tgid = key->tgid };
	__u64 interval = 0;

	s.from = g->holder == tid ? g->since : g->taken ? now : gil_earliest();
	s.number = g->number;
	g->holder = 0;
	gil_emit(&s);
	bpf_probe_read_user(&interval, sizeof(interval), (void *)key->base);
	if (!t) {
		bpf_map_update_elem(&gil_threads, &tid, &fresh, BPF_ANY);
		t = bpf_map_lookup_elem(&gil_threads, &tid);
		if (!t)
			return;
	}
	t->base = key->base;
	t->wants = t->handed = 0;
	t->dropped = now - s.from >= interval * 1000 ? now : 0; /* else nobody could ask for it */
	t->cpu_delay = t->dropped ? gil_cpu_delay() : 0;
	g->dropper = t->dropped ? tid : 0;
}

/* Has it been waiting since it gave the lock up? */
static __always_inline bool gil_is_back(const struct vtbpf_gil_thread *t, __u64 now)
{
	__u64 gone;

	if (!t->dropped || !t->handed)
		return false;
	gone = now - t->handed;
	return gone < GIL_BACK_NS || gone < GIL_BACK_NS + gil_cpu_delay() - t->cpu_delay;
}

static __always_inline bool gil_key_of(struct vtbpf_gil_key *key, __u32 *tid)
{
	__u64 id = current_ids();

	*tid = id;
	key->tgid = id >> 32;
	return active && bpf_map_lookup_elem(&targets, &key->tgid);
}

/* pthread_cond_signal(cond): whose condition it is tells what it means. */
static __always_inline void gil_take_signal(__u64 cond)
{
	struct vtbpf_gil_key key = {};
	struct vtbpf_gil *g;
	__u64 now = bpf_ktime_get_ns();
	__u32 tid;

	if (!gil_key_of(&key, &tid))
		return;
	key.base = cond - GIL_AT(switch_cond);
	g = bpf_map_lookup_elem(&gil_locks, &key);
	if (!g && gil_is_one(key.base, true))
		g = gil_add(&key);
	if (g) {
		gil_taken(&key, g, tid, now);
		return;
	}
	key.base = cond - GIL_AT(cond);
	g = bpf_map_lookup_elem(&gil_locks, &key);
	if (!g && gil_is_one(key.base, false))
		g = gil_add(&key);
	if (g)
		gil_dropped(&key, g, tid, now);
}

/* pthread_mutex_lock(mutex), which is a lock's only if one is known there, or gets known before the thread
 * has it. */
static __always_inline void gil_take_lock(__u64 mutex)
{
	struct vtbpf_gil_thread *t, fresh = {};
	struct vtbpf_gil_key key = { .base = mutex - GIL_AT(mutex) };
	__u64 now = bpf_ktime_get_ns();
	struct vtbpf_gil *g;
	__u32 tid, locked = 0;

	if (!gil_key_of(&key, &tid))
		return;
	g = bpf_map_lookup_elem(&gil_locks, &key);
	if (g && g->holder == tid)
		return; /* it gives it up */
	t = bpf_map_lookup_elem(&gil_threads, &tid);
	if (t && !g)
		return; /* another mutex, or the first time that a new lock is wanted */
	bpf_probe_read_user(&locked, sizeof(locked), (void *)(key.base + GIL_AT(locked)));
	fresh.base = key.base;
	fresh.tgid = key.tgid;
	fresh.wants = now;
	fresh.contended = locked == 1;
	if (t && g && t->base == key.base && gil_is_back(t, now)) {
		fresh.wants = t->dropped;
		fresh.contended = 1;
	}
	bpf_map_update_elem(&gil_threads, &tid, &fresh, BPF_ANY);
}

#endif
