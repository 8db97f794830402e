/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The frames of the running thread, found and walked by whoever interrupts it. What is read is the target's
 * memory, at any moment: a stack of which one piece makes no sense is bad as a whole.
 */
#ifndef VTBPF_SAMPLE_FRAMES_BPF_H
#define VTBPF_SAMPLE_FRAMES_BPF_H

/* ---- configuration ---------------------------------------------------------------------- */

const volatile struct vtbpf_states states;

/* Also of threads whose exceptions are watched. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32); /* tid */
	__type(value, struct sampled_thread);
} sample_threads SEC(".maps");

struct sampled_thread no_sampled_thread; /* always zero: there is no room for one on the stack */

/* ---- reading ---------------------------------------------------------------------------- */

/* Reads bytes [from, to) of the structure at addr to the start of w->raw. Bounds are constants. */
static __always_inline int walk_read(struct sample_walk *w, __u64 addr, __u32 from, __u32 to)
{
	__u32 size = to - from;

	if (from >= to || size > sizeof(w->raw))
		return -1;
	return bpf_probe_read_user(w->raw, size, (void *)(addr + from));
}

static __always_inline __u64 raw_word(const struct sample_walk *w, __u32 at)
{
	if (at > sizeof(w->raw) - 8)
		return 0;
	return *(__u64 *)((char *)w->raw + at);
}

static __always_inline __u32 raw_int(const struct sample_walk *w, __u32 at)
{
	if (at > sizeof(w->raw) - 4)
		return 0;
	return *(__u32 *)((char *)w->raw + at);
}

static __always_inline __u32 higher(__u32 a, __u32 b)
{
	return a > b ? a : b;
}

static __always_inline __u32 lower(__u32 a, __u32 b)
{
	return a < b ? a : b;
}

static __always_inline __u64 mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 29;
}

/* ---- the thread's states ---------------------------------------------------------------- */

static __noinline struct sampled_thread *sampled_thread_of(__u32 tid, __u64 start_time)
{
	struct sampled_thread *t = bpf_map_lookup_elem(&sample_threads, &tid);

	if (t && t->start_time == start_time)
		return t;
	bpf_map_update_elem(&sample_threads, &tid, &no_sampled_thread, BPF_ANY);
	t = bpf_map_lookup_elem(&sample_threads, &tid);
	if (t)
		t->start_time = start_time;
	return t;
}

/* A walk over the states of all threads of all interpreters, newest first. */
struct state_search {
	struct sampled_thread *t;
	__u64 interp, tstate;
	__u64 ident;
};

static long state_step(__u32 i __attribute__((unused)), void *arg)
{
	struct state_search *s = arg;
	__u32 n;

	if (!s->tstate) {
		s->interp = s->interp ? word_at(s->interp + states.interp_next) :
					s->t->newest_interp;
		if (!s->interp)
			return 1;
		s->tstate = word_at(s->interp + states.interp_threads);
		return 0;
	}
	if (word_at(s->tstate + states.tstate_ident) == s->ident) {
		n = s->t->n;
		if (n >= SAMPLED_STATES)
			return 1;
		s->t->tstate[n & (SAMPLED_STATES - 1)] = s->tstate;
		s->t->n = n + 1;
	}
	s->tstate = word_at(s->tstate + states.tstate_next);
	return 0;
}

#define STATES_MANY 16384
#define STATES_FEW 64		/* without bpf_loop() */
#define SEARCH_AGAIN_NS 1000000 /* doubles with each search that finds nothing */
#define SEARCH_AGAIN_LOG2 10

/* Finds the states of the running thread: an interpreter that it enters makes it one more. A thread
 * that has none may be about to get one, or be no business of Python's. */
static __noinline void find_states(struct sampled_thread *t, __u64 newest, __u64 now)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct state_search s = { .t = t, .ident = THREAD_POINTER(task) };

	t->newest_interp = newest;
	t->ident = s.ident;
	t->n = 0;
	if (have_bpf_loop)
		bpf_loop(STATES_MANY, state_step, &s, 0);
	else
		for (int i = 0; i < STATES_FEW; i++)
			if (state_step(i, &s))
				break;
	t->misses = t->n ? 0 : t->misses + 1;
	t->search_at = now + (SEARCH_AGAIN_NS << lower(t->misses, SEARCH_AGAIN_LOG2));
}

/* ---- frames ----------------------------------------------------------------------------- */

#define CODE_FROM attrs.ob_type
#define CODE_TO                                                                                    \
	(higher(higher(layout.code_filename, layout.code_name),                                    \
		higher(layout.code_firstlineno, higher(layout.code_version, layout.code_flags))) + \
	 8)

#define NAME_OF_CODE 0x65646f63 /* "code", and a NUL */

/* Is the type called "code"? Learnt once: it is one of the interpreter's own. */
static __noinline bool learn_code_type(struct sample_walk *w, __u64 type)
{
	__u64 name = 0;

	if (w->process.code_type || !type || word_at(type + attrs.tp_flags) & TYPE_HEAP)
		return false;
	if (bpf_probe_read_user(&name, 5, (void *)word_at(type + states.tp_name)) ||
	    name != NAME_OF_CODE)
		return false;
	w->process.code_type = type;
	return true;
}

/* Looks at the code object closely. What of it makes the stack another one goes into the hash. */
static __always_inline int look_at_code(struct sample_walk *w, __u64 code)
{
	__u64 type, name;

	if (walk_read(w, code, CODE_FROM, CODE_TO))
		return -1;
	type = raw_word(w, 0);
	name = raw_word(w, layout.code_name - CODE_FROM);
	w->hash = mix(w->hash, raw_word(w, layout.code_filename - CODE_FROM));
	w->hash = mix(w->hash, name);
	w->hash = mix(w->hash, raw_int(w, layout.code_firstlineno - CODE_FROM) |
				       (__u64)(layout.code_version ?
						       raw_int(w, layout.code_version - CODE_FROM) :
						       str_fingerprint(name))
					       << 32);
	return type == w->process.code_type || learn_code_type(w, type) ? 0 : -1;
}

#define FRAME_FROM lower(layout.frame_code, layout.frame_previous)
#define FRAME_TO                                                     \
	higher(higher(layout.frame_code, layout.frame_previous) + 8, \
	       layout.frame_owner ? layout.frame_owner + 1U : 0)

/* A byte of the frame in w->raw; 0 when there is no such field. */
static __always_inline __u8 frame_byte(const struct sample_walk *w, __u32 field)
{
	__u32 at = field - FRAME_FROM;

	if (!field || at >= sizeof(w->raw))
		return 0;
	return ((unsigned char *)w->raw)[at];
}

static __always_inline bool raw_is_shim(const struct sample_walk *w)
{
	return layout.frame_owner && frame_byte(w, layout.frame_owner) >= layout.owner_first_shim;
}

/*
 * In 3.11 and 3.12 each call of the interpreter by C has a structure of its own that points to its
 * frame. It is linked before it does, so that for some instructions what it points to may be anything.
 * The outermost frame of that call must have been called by the frame that the structure before points
 * to.
 */
static __always_inline void check_entry(struct sample_walk *w)
{
	if (states.cframe_frame == VTBPF_NO_FIELD || w->checked)
		return;
	if (layout.frame_owner && !w->n && !w->frame &&
	    frame_byte(w, layout.frame_owner) == layout.owner_generator && !states.frame_is_entry)
		w->torn = 1;
	if (states.frame_is_entry ? !frame_byte(w, states.frame_is_entry) : !w->on_shim)
		return;
	w->checked = 1;
	if (w->frame != w->below)
		w->bad = 1;
}

#define RETURN_VALUE_311 83

/*
 * 3.11: the newest frame may be linked before it has its caller's address, and then still has that of
 * who used its place before. That one has returned, mostly, and who returns calls nobody but destructors,
 * by way of C. A generator that is done, in particular, has no caller either.
 */
static __always_inline void check_caller(struct sample_walk *w)
{
	__u64 instr = raw_word(w, states.frame_instr - FRAME_FROM);
	__u8 opcode = 0;

	if (!states.frame_is_entry)
		return;
	if (!w->n) {
		w->inlined = !frame_byte(w, states.frame_is_entry);
	} else if (w->n == 1 && w->inlined) {
		bpf_probe_read_user(&opcode, 1, (void *)instr);
		if (opcode == RETURN_VALUE_311)
			w->bad = 1;
	}
	if (!w->frame && frame_byte(w, layout.frame_owner) == layout.owner_generator)
		w->bad = 1;
}

/* The next frame. 1: no more, or w->bad. */
static long frame_step(__u32 i __attribute__((unused)), void *arg)
{
	struct sample_walk *w = *(struct sample_walk **)arg;
	__u64 frame = w->frame, code;
	__u32 n = w->n;

	if (!frame)
		return 1;
	if (n >= VTBPF_MAX_SAMPLED) {
		w->truncated = 1;
		return 1;
	}
	if (walk_read(w, frame, FRAME_FROM, FRAME_TO)) {
		w->bad = 1;
		return 1;
	}
	code = raw_word(w, layout.frame_code - FRAME_FROM);
	w->frame = raw_word(w, layout.frame_previous - FRAME_FROM);
	w->on_shim = raw_is_shim(w);
	check_entry(w);
	check_caller(w);
	if (w->bad)
		return 1;
	if (w->on_shim)
		return 0;
	if (layout.flags & VTBPF_LAYOUT_TAGGED_CODE)
		code &= ~7ULL;
	w->hash = mix(w->hash, code);
	if (n < SAMPLE_CLOSELY && look_at_code(w, code)) {
		w->bad = 1;
		return 1;
	}
	w->code[n & (VTBPF_MAX_SAMPLED - 1)] = code;
	w->n = n + 1;
	w->root = frame;
	return 0;
}

#define FRAMES_MANY (2 * VTBPF_MAX_SAMPLED + 2) /* a shim may stand between any two frames */
#define FRAMES_FEW 48				/* without bpf_loop() */

/* Walks from w->frame outwards. */
static __noinline void walk_sampled(struct sample_walk *w)
{
	if (have_bpf_loop)
		bpf_loop(FRAMES_MANY, frame_step, &w, 0);
	else
		for (int i = 0; i < FRAMES_FEW; i++)
			if (frame_step(i, &w))
				break;
	if (w->frame && !w->bad)
		w->truncated = 1;
	/* From 3.12 on a frame of the interpreter's own is at the bottom of each stack; one that is
	 * being linked or unlinked seems to have nothing beneath it. */
	if (layout.minor >= 12 && !w->frame && !w->on_shim)
		w->bad = 1;
	if (states.cframe_frame != VTBPF_NO_FIELD && !w->frame && !w->checked)
		w->bad = 1;
}

/* A place to go back to, and to walk again from another frame. */
struct walk_start {
	__u64 hash, root;
	__u32 n;
};

static __always_inline void walk_again(struct sample_walk *w, const struct walk_start *start,
				       __u64 frame)
{
	w->hash = start->hash;
	w->root = start->root;
	w->n = start->n;
	w->bad = w->truncated = w->checked = w->torn = 0;
	w->frame = frame;
	if (frame)
		walk_sampled(w);
}

/* The frames of a state that C's calls of the interpreter have structures for, of which the innermost
 * is at cframe. Where that does not yet point to its frame, what the one before points to runs. */
#define TSTATE_BYTES 1024 /* at most: the first of these structures lies in the state itself */

static __noinline void walk_cframes(struct sample_walk *w, __u64 state, __u64 cframe)
{
	struct walk_start start = { w->hash, w->root, w->n };
	__u64 top[2] = {}, before[2] = {};

	if (cframe - state <= TSTATE_BYTES)
		return; /* the first, for when nothing runs */
	if (bpf_probe_read_user(top, sizeof(top), (void *)(cframe + states.cframe_frame)) ||
	    bpf_probe_read_user(before, sizeof(before), (void *)(top[1] + states.cframe_frame)) ||
	    (!before[0] && top[1] - state > TSTATE_BYTES)) {
		w->bad = 1; /* it does not point to the one before yet */
		return;
	}
	w->below = before[0];
	walk_again(w, &start, top[0]);
	if ((top[0] && !w->bad) || w->torn)
		return;
	w->below = before[1] ? word_at(before[1] + states.cframe_frame) : 0;
	walk_again(w, &start, before[0]);
}

/* Innermost frame of a state, or what points to it; 0 when it runs nothing; *state is 0 when it is not
 * the thread's. */
static __always_inline __u64 frame_of_state(struct sample_walk *w, __u64 *state, __u64 ident)
{
	if (walk_read(w, *state, states.tstate_frame, states.tstate_ident + 8) ||
	    raw_word(w, states.tstate_ident - states.tstate_frame) != ident) {
		*state = 0;
		return 0;
	}
	return raw_word(w, 0);
}

/* All frames of the running thread into w: -1 when its states are to be found anew. */
static __noinline int walk_states(struct sample_walk *w, struct sampled_thread *t)
{
	__u64 state, frame;

	w->n = w->bad = w->truncated = 0;
	w->hash = 0;
	w->root = 0;
	for (__u32 i = 0; i < SAMPLED_STATES; i++) {
		if (i >= t->n || w->bad || w->truncated)
			break;
		state = t->tstate[i];
		frame = frame_of_state(w, &state, t->ident);
		if (!state)
			return -1;
		if (frame && states.cframe_frame != VTBPF_NO_FIELD) {
			walk_cframes(w, state, frame);
			continue;
		}
		w->frame = frame;
		if (frame)
			walk_sampled(w);
	}
	return 0;
}

#endif
