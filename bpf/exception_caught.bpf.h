/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Where a frame goes on after an exception: POP_EXCEPT, which ends the handling of one, in an `except`
 * that came to its end, a `with` that swallows, a `finally` that returns. From 3.11 on it is also what
 * comes before an exception goes on, and then RERAISE is next; that one may be another exception, which
 * has taken the place of the handled one. Up to 3.10 what takes a place is seen when it is raised.
 */
#ifndef VTBPF_EXCEPTION_CAUGHT_BPF_H
#define VTBPF_EXCEPTION_CAUGHT_BPF_H

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct landing_key);
	__type(value, struct landings);
} landings SEC(".maps");

/* ---- frames that it left ---------------------------------------------------------------- */

#define TRACEBACK_MANY 16384 /* frames, with bpf_loop() */
#define TRACEBACK_FEW 32     /* without */

struct traceback_ref {
	struct traceback_walk *w;
};

/* Each frame that the exception has reached is an entry, the last one first. One that raised it again
 * has two. */
static long traceback_step(__u32 i __attribute__((unused)), void *arg)
{
	struct traceback_walk *w = ((struct traceback_ref *)arg)->w;
	__u64 object;

	if (!w->tb)
		return 1;
	object = word_at(w->tb + exceptions.tb_frame);
	if (object != w->before)
		w->left++;
	if (frame_of_object(object) == w->frame)
		w->left = 0;
	w->before = object;
	w->tb = word_at(w->tb + exceptions.tb_next);
	return 0;
}

static __always_inline __s64 frames_left(struct traceback_walk *w, __u64 exc, __u64 frame)
{
	struct traceback_ref ref = { .w = w };

	w->tb = word_at(exc + exceptions.exc_traceback);
	w->frame = frame;
	w->before = 0;
	w->left = 0;
	if (have_bpf_loop) {
		bpf_loop(TRACEBACK_MANY, traceback_step, &ref, 0);
		return w->left;
	}
	for (int i = 0; i < TRACEBACK_FEW; i++)
		if (traceback_step(i, &ref))
			break;
	return w->tb ? VTBPF_NOT_COUNTED : w->left;
}

/* The frame of w goes on after the exception that came to it then. */
__noinline int tell_caught(__u32 tid, __u64 exc, __u64 ts)
{
	struct exception_work *w = work_of(tid);

	if (!w || frame_read_link(w->frame, &w->link) || !set_frame(tid))
		return 0;
	w->e.what = VTBPF_EVENT_CAUGHT;
	w->e.ts = ts;
	w->e.type = word_at(exc + attrs.ob_type);
	w->e.message = 0;
	w->e.value = frames_left(&w->walk, exc, w->frame);
	emit_exception(tid);
	return 0;
}

/* ---- what has come to a frame ----------------------------------------------------------- */

/* Is it the exception that has come to the frame there? */
static __always_inline bool is_landed(const struct landing *l, __u64 exc, __u64 type)
{
	return l->exc == exc || (layout.minor <= 11 && l->type == type && !is_exception(l->exc));
}

/* Where in the list that exception is, -1 nowhere. */
static __always_inline int find_landing(const struct landings *l, __u64 exc, __u64 type)
{
	for (int i = 0; i < VTBPF_LANDINGS; i++)
		if (l->at[i].ts && is_landed(&l->at[i], exc, type))
			return i;
	return -1;
}

/* Drops entries [from, upto] of the list. */
static __always_inline void drop_landings(struct landings *l, int from, int upto)
{
	for (int i = 0; i < VTBPF_LANDINGS; i++) {
		int next = i + upto - from + 1;

		if (i < from)
			continue;
		if (next < VTBPF_LANDINGS)
			l->at[i] = l->at[next & (VTBPF_LANDINGS - 1)];
		else
			__builtin_memset(&l->at[i], 0, sizeof(l->at[i]));
	}
}

/* When the exception whose handling ends came to the frame. 0: it leaves the frame now, as what it was
 * or having given way to nothing that is known. */
static __always_inline __u64 close_landing(__u32 tid, __u64 frame, __u64 exc, bool goes_on)
{
	struct landing_key key = { .frame = frame, .tid = tid };
	struct landings *l = bpf_map_lookup_elem(&landings, &key);
	int at = l ? find_landing(l, exc, word_at(exc + attrs.ob_type)) : -1;
	__u64 ts;

	if (!l || at < 0) /* it came before anybody looked, or is a part of what came */
		return goes_on ? 0 : bpf_ktime_get_ns();
	if (goes_on && !at)
		return 0;
	ts = l->at[at & (VTBPF_LANDINGS - 1)].ts;
	drop_landings(l, goes_on ? at : 0, at);
	return ts;
}

/* The exception's handling ends: it is told of afterwards, if the frame does not leave it. */
static __always_inline void end_landing(__u32 tid, struct exception_work *w, __u64 exc,
					bool goes_on)
{
	__u64 ts = close_landing(tid, w->frame, exc, goes_on), at = w->n_caught;

	if (!ts || at >= CAUGHT_MAX)
		return;
	w->caught[at].exc = exc;
	w->caught[at].ts = ts;
	w->n_caught = at + 1;
}

/* What has come to the frame before that moment came to another one at the same address. Generators
 * begin more than once: 0. */
static __always_inline __u64 frame_since(struct thread_state *t, __u32 tid,
					 const struct exception_work *w)
{
	struct open_frame *f = open_frame_near(t, tid, w->frame);

	if (!f || f->frame != w->frame || kind_of_caller(w->frame, &w->link) == CALLER_GENERATOR)
		return 0;
	return f->start;
}

/* Is it the exception of that entry, raised again? */
static __always_inline bool is_same(const struct landing *l, const struct raised *r)
{
	return r->traceback && l->exc == r->value && l->type == r->type;
}

static __always_inline void set_landing(struct landing *l, const struct exception_work *w)
{
	l->ts = w->ts;
	l->exc = w->raised.value;
	l->type = w->raised.type;
}

/* Remembers what has come to the frame of w. */
__noinline int note_landing(__u32 tid)
{
	struct thread_state *t = thread_of(tid);
	struct exception_work *w = work_of(tid);
	struct landing_key key = { .tid = tid };
	struct landings *l;
	__u64 since;
	int at = 0;

	if (!t || !w)
		return 0;
	key.frame = w->frame;
	l = bpf_map_lookup_elem(&landings, &key);
	if (!l) {
		__builtin_memset(&w->landings, 0, sizeof(w->landings));
		set_landing(&w->landings.at[0], w);
		bpf_map_update_elem(&landings, &key, &w->landings, BPF_ANY);
		return 0;
	}
	since = frame_since(t, tid, w);
	while (at < VTBPF_LANDINGS - 1 && !is_same(&l->at[at], &w->raised))
		at++;
	for (int i = VTBPF_LANDINGS - 1; i > 0; i--) {
		if (i <= at)
			l->at[i] = l->at[i - 1];
		if (l->at[i].ts < since)
			l->at[i].ts = 0;
	}
	set_landing(&l->at[0], w);
	return 0;
}

/* ---- POP_EXCEPT ------------------------------------------------------------------------- */

/* The exception that the running thread handles in one of its states, where it is known then. */
static __always_inline __u64 find_handled(struct thread_state *t, __u32 tid, __u64 *state)
{
	struct sampled_thread *s = sampled_thread_of(tid, t->start_time);
	__u64 exc;

	if (!s)
		return 0;
	for (__u32 i = 0; i < SAMPLED_STATES; i++) {
		if (i >= s->n)
			break;
		*state = s->tstate[i];
		exc = word_at(word_at(*state + exceptions.tstate_handled) +
			      exceptions.handled_value);
		if (is_exception(exc))
			return exc;
	}
	return 0;
}

/* The states of the running thread are known after that. */
__noinline int find_thread_states(__u32 tid)
{
	struct thread_state *t = thread_of(tid);
	struct exception_work *w = work_of(tid);
	struct raised raised;

	if (t && w)
		find_raised(t, tid, w->runtime, &raised);
	return 0;
}

/*
 * Where an exception goes on, the compiler writes COPY 3, POP_EXCEPT, RERAISE, and after `except*` SWAP 2
 * before these two (Python/compile.c; Python/codegen.c from 3.14 on). RERAISE alone may be the end of a
 * `finally` whose last statement handled another exception.
 */
static __always_inline bool is_reraised_after(__u64 instr)
{
	__u8 units[3 * CODE_UNIT] = {};

	if (!instr)
		return false;
	bpf_probe_read_user(units, sizeof(units), (void *)(instr - CODE_UNIT));
	return units[2 * CODE_UNIT] == exceptions.reraise &&
	       (units[0] == exceptions.copy || units[0] == exceptions.swap);
}

/* The frame of w, or the one that runs, has handled an exception. */
__noinline int end_handling(__u32 tid, __u64 instr)
{
	struct thread_state *t = thread_of(tid);
	struct exception_work *w = work_of(tid);
	__u64 exc, state = 0;

	if (!t || !w)
		return 0;
	exc = find_handled(t, tid, &state);
	if (!w->frame)
		w->frame = word_at(state + states.tstate_frame);
	if (exc)
		end_landing(tid, w, exc, is_reraised_after(instr));
	return 0;
}

/* ---- taken the place of, up to 3.10 ----------------------------------------------------- */

/* Types of blocks, and opcodes: Include/opcode.h, the same in 3.8 to 3.10. */
#define BLOCK_HANDLER 257 /* EXCEPT_HANDLER: an exception is being handled */
#define BLOCK_FINALLY 122 /* SETUP_FINALLY: one would be */
#define BLOCKS_MAX 20	  /* CO_MAXBLOCKS */
#define LOAD_CONST 100

struct block {
	__s32 type, handler, level;
};

/* Does this instruction store or delete a name (FAST, NAME, GLOBAL, DEREF)? */
static __always_inline bool is_name_op(__u8 op, __u8 deletes)
{
	op -= deletes;
	return op == 125 || op == 90 || op == 97 || op == 137;
}

/* The `finally` that the compiler puts around `except E as name`: name = None; del name. What comes
 * there goes on from there. */
static __always_inline bool is_name_cleanup(__u64 code, __u32 at)
{
	__u8 units[4 * CODE_UNIT] = {};
	__u64 bytes = word_at(code + exceptions.code_bytes) + exceptions.bytes_data;

	bpf_probe_read_user(units, sizeof(units), (void *)(bytes + at));
	return units[0] == LOAD_CONST && is_name_op(units[2], 0) && is_name_op(units[4], 1) &&
	       units[6] == exceptions.reraise;
}

/*
 * An exception goes up through the blocks of a frame until one takes it. Those it leaves were handling
 * others, which end here: each is what the thread handles then, and keeps the one before in the
 * frame's stack of values.
 */
__noinline int end_replaced(__u32 tid)
{
	struct thread_state *t = thread_of(tid);
	struct exception_work *w = work_of(tid);
	__u64 handled, state;
	struct block b;
	__u32 n = 0;

	if (!t || !w)
		return 0;
	bpf_probe_read_user(&n, sizeof(n), (void *)(w->frame + exceptions.frame_blocks));
	if (!n || n > BLOCKS_MAX)
		return 0;
	handled = find_handled(t, tid, &state);
	for (int i = 0; i < CAUGHT_MAX && n; i++) {
		n--;
		b.type = 0;
		bpf_probe_read_user(
			&b, sizeof(b),
			(void *)(w->frame + exceptions.frame_blocks + 8 + (__u64)n * sizeof(b)));
		if (b.type == BLOCK_FINALLY &&
		    is_name_cleanup(w->link.code, (__u32)b.handler * exceptions.index_unit))
			continue;
		if (b.type != BLOCK_HANDLER)
			break;
		if (handled != w->raised.value && is_exception(handled))
			end_landing(tid, w, handled, true);
		handled = word_at(word_at(w->frame + exceptions.frame_values) +
				  8 * ((__u64)(__u32)b.level + 1));
	}
	return 0;
}

/* ---- hits ------------------------------------------------------------------------------- */

/* Is the running thread to be recorded, and ready for that? Takes note of what the hit is about. */
__noinline int begin_work(__u64 id, __u64 runtime, __u64 frame, __u32 kind)
{
	struct hit hit = { .frame = frame, .kind = kind };
	__u32 tid = id;
	struct thread_state *t = thread_of(tid);
	struct exception_work *w;

	if (kind == VTBPF_SITE_HANDLED) {
		if (!t || !t->ready || t->verdict == VERDICT_IGNORE)
			return 0;
	} else if (!thread_of_hit(&hit, id)) {
		return 0;
	}
	w = work_begin(tid);
	if (!w)
		return 0;
	w->runtime = runtime;
	w->frame = has_object(&hit) ? frame_of_object(frame) : frame;
	w->n_caught = 0;
	return 1;
}

__noinline int tell_all_caught(__u32 tid)
{
	struct exception_work *w = work_of(tid);

	for (__u32 i = 0; w && i < CAUGHT_MAX && i < w->n_caught; i++)
		tell_caught(tid, w->caught[i].exc, w->caught[i].ts);
	return 0;
}

static __always_inline void take_exception(struct pt_regs *ctx, __u64 index)
{
	const volatile struct vtbpf_exception_site *place = &exception_sites[index];
	__u64 id = current_ids(), frame, instr;
	__u32 tid = id;

	frame = read_place(ctx, place->site.frame_reg, place->site.frame_at,
			   place->site.flags & VTBPF_SITE_FRAME_IN_WORD);
	instr = read_reg(ctx, place->site.instr_reg);
	/* Processes that are followed have the file at other addresses. */
	if (!begin_work(id, exception_runtime + read_ip(ctx) - place->vaddr, frame,
			place->site.kind))
		return;
	if (place->site.kind == VTBPF_SITE_HANDLED) {
		find_thread_states(tid);
		end_handling(tid, instr);
		tell_all_caught(tid);
		return;
	}
	if (!look_at_raised(tid))
		return;
	note_landing(tid);
	if (exceptions.index_unit) {
		end_replaced(tid);
		tell_all_caught(tid);
	}
	tell_raised(tid);
}

#endif
