/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Exceptions that --trigger waits for. PyTraceBack_Here(frame object) is called for each frame that an
 * exception reaches (Python/traceback.c; Python/ceval.c, `error:`): for the first one it has no
 * traceback yet. What is raised again has one. User space decides on each pair of type and function
 * once; after that an exception that nobody waits for costs a lookup.
 */
#ifndef VTBPF_RAISE_BPF_H
#define VTBPF_RAISE_BPF_H

struct raised {
	__u64 type, traceback;
	__u64 value; /* the exception; up to 3.11 maybe what it will be made of */
};

enum raised_where { RAISED_NONE, RAISED_FOUND, RAISED_STALE };

/* The exception that is on its way in a state of the running thread, if it still is one. From 3.12 on
 * it is one object; before, its type, value and traceback are kept side by side
 * (Include/cpython/pystate.h). */
static __always_inline enum raised_where read_raised(__u64 state, __u64 ident, struct raised *r)
{
	__u64 words[3] = {};

	if (word_at(state + states.tstate_ident) != ident)
		return RAISED_STALE;
	bpf_probe_read_user(words, sizeof(words), (void *)(state + states.tstate_raised));
	if (!words[0])
		return RAISED_NONE;
	r->type = words[0];
	r->value = words[1];
	r->traceback = words[2];
	if (states.raised_traceback == VTBPF_NO_FIELD)
		return RAISED_FOUND;
	r->type = word_at(words[0] + attrs.ob_type);
	r->value = words[0];
	r->traceback = word_at(words[0] + states.raised_traceback);
	return RAISED_FOUND;
}

/* A thread that runs code of several interpreters has an exception on its way in one of them. */
static __noinline enum raised_where read_any_raised(const struct sampled_thread *s,
						    struct raised *r)
{
	enum raised_where where = s->n ? RAISED_NONE : RAISED_STALE;

	for (__u32 i = 0; i < SAMPLED_STATES; i++) {
		if (i >= s->n || where != RAISED_NONE)
			break;
		where = read_raised(s->tstate[i], s->ident, r);
	}
	return where;
}

/* The exception that is on its way in the running thread; runtime: where its process has _PyRuntime. Its
 * states are looked for again when one has gone, and now and then when they do not have it. */
static __noinline bool find_raised(struct thread_state *t, __u32 tid, __u64 runtime,
				   struct raised *r)
{
	__u64 newest = word_at(runtime + states.runtime_interpreters), now;
	struct sampled_thread *s = sampled_thread_of(tid, t->start_time);
	enum raised_where where = RAISED_STALE;

	if (!s)
		return false;
	if (newest == s->newest_interp)
		where = read_any_raised(s, r);
	if (where == RAISED_FOUND)
		return true;
	now = bpf_ktime_get_ns();
	if (newest == s->newest_interp && (where == RAISED_NONE || s->misses) && now < s->search_at)
		return false;
	find_states(s, newest, now);
	return read_any_raised(s, r) == RAISED_FOUND;
}

static __always_inline void fill_raise(struct vtbpf_rec_raise *r, const struct raise_key *key,
				       __u32 tid, __u64 now)
{
	fill_prefix(&r->rec, VTBPF_REC_RAISE, sizeof(*r), tid);
	r->ts = now;
	r->code = key->code;
	r->_pad = 0;
	__builtin_memcpy(r->type, key->type, sizeof(r->type));
}

static __always_inline void tell_raise(const struct raise_key *key, __u32 tid)
{
	struct raise_state *s = bpf_map_lookup_elem(&raises, key), fresh = {};
	__u64 now = bpf_ktime_get_ns();
	struct vtbpf_rec_raise *r;

	if (s && s->verdict == RAISE_DROP)
		return;
	if (s && now < s->quiet_until) {
		if (s->verdict == RAISE_TELL)
			__sync_fetch_and_add(&raises_quiet, 1);
		return;
	}
	r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);
	if (!r) { /* user space looks at `last_unsaid` then */
		fill_raise(&last_unsaid, key, tid, now);
		__sync_fetch_and_add(&raises_unsaid, 1);
		return;
	}
	fill_raise(r, key, tid, now);
	bpf_ringbuf_submit(r, BPF_RB_FORCE_WAKEUP);
	fresh.quiet_until = now + raise_quiet_ns;
	if (s)
		s->quiet_until = fresh.quiet_until;
	else /* user space may have been quicker */
		bpf_map_update_elem(&raises, key, &fresh, BPF_NOEXIST);
}

/* An exception has reached a frame. A function of its own to the verifier. */
__noinline int watch_raise(__u32 tid, __u64 frame)
{
	struct thread_state *t = thread_of(tid);
	struct raise_key key = {};
	struct raised raised = {};
	struct frame_link link;

	if (!t || !find_raised(t, tid, raise_runtime, &raised) || raised.traceback)
		return 0;
	if (!frame_read_link(frame, &link))
		key.code = code_intern(link.code, 0, tid);
	bpf_probe_read_user_str(key.type, sizeof(key.type),
				(void *)word_at(raised.type + states.tp_name));
	tell_raise(&key, tid);
	return 0;
}

#endif
