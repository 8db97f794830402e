/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * --async: a task's outermost coroutine has a track of its own, from where arrows lead to the tasks
 * that it awaits; and how late event loops are.
 */
#ifndef VTBPF_ASYNC_BPF_H
#define VTBPF_ASYNC_BPF_H

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TASKS_MAX);
	__type(key, struct task_key);
	__type(value, struct task_state);
} task_states SEC(".maps");

/* co_flags, Include/cpython/code.h, all versions. */
#define CO_COROUTINE 0x80
#define CO_ITERABLE_COROUTINE 0x100
#define CO_ASYNC_GENERATOR 0x200
#define CO_AWAITABLE (CO_COROUTINE | CO_ITERABLE_COROUTINE)

static __always_inline void tell_name(struct task_state *s, __u64 name, __u32 tid)
{
	if (name && name != s->name && !emit_task_name(name, tid, s->track))
		s->name = name;
}

/* ---- a task runs ------------------------------------------------------------------------ */

static __always_inline __u64 coro_of(__u64 frame)
{
	if (layout.flags & VTBPF_LAYOUT_FRAME_IS_OBJECT)
		return word_at(frame + tasks.frame_coro);
	return frame - tasks.frame_coro;
}

#define SHIMS_MOST 2 /* between a frame and its caller */

static __always_inline __u64 real_caller(__u64 frame)
{
	struct frame_link link;

	for (int i = 0; i < SHIMS_MOST; i++) {
		if (!frame || !frame_is_shim(frame) || frame_read_link(frame, &link))
			break;
		frame = link.previous;
	}
	return frame;
}

/* trio resumes its tasks' coroutines from this one function (trio/_core/_run.py). */
static __always_inline bool is_trio(__u64 code)
{
	return code && STR_IS(word_at(code + layout.code_name), "unrolled_run");
}

static __noinline struct task_state *task_new(const struct task_key *key, __u64 task)
{
	struct task_state fresh = { .task = task };

	fresh.track = TASK_TRACKS_FROM + new_id(ID_OF_TASK);
	if (bpf_map_update_elem(&task_states, key, &fresh, BPF_ANY))
		return 0;
	return bpf_map_lookup_elem(&task_states, key);
}

static __always_inline __u32 code_flags(__u64 code)
{
	__u32 flags = 0;

	bpf_probe_read_user(&flags, sizeof(flags), (void *)(code + layout.code_flags));
	return flags;
}

/* Who is not awaited by a coroutine may be the outermost one of a task: its Task, 1 for a task of trio's,
 * 0. With `any` it may be any coroutine of the task that runs. */
static __always_inline __u64 task_at_entry(__u64 coro, __u64 previous, bool any)
{
	struct frame_link link = {};
	__u64 caller = real_caller(previous);

	if (caller)
		frame_read_link(caller, &link);
	if (link.code && code_flags(link.code) & (CO_AWAITABLE | CO_ASYNC_GENERATOR))
		return 0;
	return is_trio(link.code) ? 1 : task_search(coro, any);
}

/* Which frames may be of a task although they are not of its outermost coroutine? */
enum task_inner { INNER_NONE, INNER_GENERATOR, INNER_ANY };

/*
 * The track of the task whose outermost coroutine is entered in `frame`; 0: it is none's.
 *
 * What is thrown into a task resumes the innermost of its coroutines, and the others when those within
 * have ended (_gen_throw() in Objects/genobject.c): on the task's track, too. From 3.11 on those
 * outside are linked, but for what stands around an asynchronous generator; before, none is, and those
 * that go on look as if the task's step had called them.
 */
__noinline __u32 task_enter(__u32 tid, __u64 frame, enum task_inner inner)
{
	struct thread_state *t = async_on() ? thread_of(tid) : 0;
	struct task_key key = { .tid = tid };
	struct frame_link link;
	struct task_state *s;
	__u64 task, coro;
	__u32 flags;

	if (!t || frame_read_link(frame, &link))
		return 0;
	flags = code_flags(link.code);
	if (!(flags & (CO_AWAITABLE | CO_ASYNC_GENERATOR)))
		return 0;
	coro = key.coro = coro_of(frame);
	s = bpf_map_lookup_elem(&task_states, &key);
	task = s ? s->task : 0;
	if (!is_task_of(task, coro))
		task = task_at_entry(coro, link.previous,
				     inner == INNER_ANY || (inner && flags & CO_ASYNC_GENERATOR));
	if (!task)
		return 0;
	if (task == 1)
		task = 0;
	else
		key.coro = word_at(task + tasks.task_coro);
	if (key.coro != coro)
		s = bpf_map_lookup_elem(&task_states, &key);
	t->thrown = key.coro;
	if (!s || s->task != task)
		s = task_new(&key, task);
	if (!s)
		return 0;
	tell_name(s,
		  task ? word_at(task + TASK_NAME(tasks)) : word_at(link.code + layout.code_name),
		  tid);
	t->loop = 1;
	return s->track;
}

/* ---- a step that runs when the trace begins --------------------------------------------- */

struct begun_ctx {
	struct open_stack *s;
	__u32 depth;
	__u32 at; /* of the outermost coroutine */
	__u32 track;
	bool found;
};

static long find_coro_step(__u32 i, void *arg)
{
	struct begun_ctx *c = arg;
	struct frame_link link;

	if (i >= c->depth || frame_read_link(stack_at(c->s, i)->frame, &link))
		return 1;
	if (!(code_flags(link.code) & CO_AWAITABLE))
		return 0;
	c->at = i;
	c->found = true;
	return 1;
}

static long move_step(__u32 i, void *arg)
{
	struct begun_ctx *c = arg;
	struct open_frame *f = stack_at(c->s, c->at + i);

	if (c->at + i >= c->depth)
		return 1;
	f->track = c->track;
	f->depth = i;
	return 0;
}

static __always_inline void begun_loop(struct begun_ctx *c, bool move)
{
	bpf_loop(VTBPF_MAX_DEPTH, move ? (void *)move_step : (void *)find_coro_step, c, 0);
}

/* The frames that were running before the thread's first event are open: those of a task, if one is
 * among them, go to its track. */
__noinline int task_running(__u32 tid)
{
	struct thread_state *t = async_on() ? thread_of(tid) : 0;
	struct begun_ctx c = {};
	struct open_frame *f;

	c.s = t ? stack_of(t) : 0;
	if (!c.s)
		return 0;
	c.depth = t->depth;
	begun_loop(&c, false);
	if (!c.found)
		return 0;
	f = stack_at(c.s, c.at);
	c.track = task_enter(tid, f->frame, INNER_NONE);
	if (!c.track)
		return 0;
	begun_loop(&c, true);
	f->flags |= FRAME_TASK;
	return 0;
}

/* ---- arrows ----------------------------------------------------------------------------- */

static __always_inline void emit_arrow(const struct task_awaiter *a, __u32 tid, __u16 what,
				       __u32 track, __u64 now)
{
	struct vtbpf_rec_event *r = reserve_event(tid, what, track, 0);

	if (!r)
		return;
	r->start = now;
	r->value[0] = a->arrow;
	bpf_ringbuf_submit(r, wakeup_flags());
}

static __always_inline void arrow_between(const struct task_awaiter *a, __u32 tid,
					  struct task_state *to, __u64 now)
{
	emit_arrow(a, tid, VTBPF_EVENT_AWAIT, a->track, a->since);
	emit_arrow(a, tid, VTBPF_EVENT_AWAITED, to->track, now + 1);
	to->told = a->since;
}

/*
 * Who awaits a task by way of a future of its own, as gather(), wait(), shield() and TaskGroup do, is
 * the one that asyncio itself says, from 3.14 on (future_add_to_awaited_by() in Lib/asyncio/futures.py),
 * if it is one. Not while that awaits another task.
 */
static __always_inline void arrow_from_awaited_by(__u32 tid, struct task_state *s, __u64 now)
{
	__u64 awaiter = word_at(s->task + tasks.awaited_by), other;
	struct task_key key = { .tid = tid };
	struct task_awaiter a = {};
	struct task_state *from;

	if (!awaiter || awaiter & 7 || !is_task(awaiter))
		return;
	key.coro = word_at(awaiter + tasks.task_coro);
	from = bpf_map_lookup_elem(&task_states, &key);
	if (!from || from->task != awaiter || !from->since || from->since == s->told)
		return;
	other = word_at(awaiter + TASK_WAITER(tasks));
	if (!other || other & 7 || is_task(other))
		return;
	a.since = from->since;
	a.track = from->track;
	a.arrow = new_id(ID_OF_ARROW);
	arrow_between(&a, tid, s, now);
}

/* The task of that frame goes on: those that await it are told of, each by an arrow to here; none of
 * what is left out. */
__noinline int task_entered(__u32 tid, __u64 frame, __u64 now, bool hidden)
{
	struct task_key key = { .tid = tid };
	struct task_state *s;

	if (!async_on())
		return 0;
	key.coro = coro_of(frame);
	s = bpf_map_lookup_elem(&task_states, &key);
	for (__u32 i = 0; s && i < TASK_AWAITERS; i++) {
		if (hidden || i >= s->n_awaiters)
			break;
		arrow_between(&s->awaiters[i], tid, s, now);
	}
	if (!s)
		return 0;
	s->n_awaiters = 0;
	s->since = 0;
	if (!hidden && s->task && tasks.awaited_by)
		arrow_from_awaited_by(tid, s, now);
	return 0;
}

/* Up to 3.10 frames suspend where they end, too. */
static __always_inline bool frame_suspends(__u64 frame, bool at_site)
{
	__s8 state = 0;

	if (!tasks.frame_stop)
		return at_site;
	if (layout.minor < 10)
		return word_at(frame + tasks.frame_stop);
	bpf_probe_read_user(&state, sizeof(state), (void *)(frame + tasks.frame_stop));
	return state == -1;
}

/* The task whose coroutine is left; one within the outermost may be, too, after throw(). */
static __always_inline struct task_state *task_left(struct thread_state *t, struct task_key *key)
{
	struct task_state *s = bpf_map_lookup_elem(&task_states, key);

	if (!s) {
		key->coro = t->thrown;
		s = bpf_map_lookup_elem(&task_states, key);
	}
	t->thrown = 0;
	return s;
}

/* The outermost coroutine of a task suspends, or ends. */
__noinline int task_leave(__u32 tid, __u64 frame, __u64 now, __u32 suspends, bool hidden)
{
	struct thread_state *t = async_on() ? thread_of(tid) : 0;
	struct task_key key = { .tid = tid };
	struct task_state *s;

	if (!t)
		return 0;
	key.coro = coro_of(frame);
	s = task_left(t, &key);
	suspends = frame_suspends(frame, suspends);
	if (!s || (!suspends && key.coro != coro_of(frame)))
		return 0;
	if (s->task && word_at(s->task + tasks.task_coro) == key.coro)
		tell_name(s, word_at(s->task + TASK_NAME(tasks)), tid);
	t->awaiting = suspends && !hidden ? s->task : 0;
	t->awaiting_track = s->track;
	t->awaiting_since = now - 1; /* it is still running then */
	s->since = t->awaiting ? t->awaiting_since : 0;
	if (!suspends)
		bpf_map_delete_elem(&task_states, &key);
	return 0;
}

/*
 * What a task waits for is known when its step is over, which is before anything else happens in the
 * thread; and it cannot be over before the task that it waits for has run.
 */
__noinline int task_awaits(__u32 tid)
{
	struct thread_state *t = async_on() ? thread_of(tid) : 0;
	struct task_key key = { .tid = tid };
	__u64 task, other;
	struct task_state *s;

	if (!t)
		return 0;
	task = t->awaiting;
	t->awaiting = 0;
	other = word_at(task + TASK_WAITER(tasks));
	if (!other || other & 7 || !is_task(other))
		return 0;
	key.coro = word_at(other + tasks.task_coro);
	if (!key.coro) /* it has ended */
		return 0;
	s = bpf_map_lookup_elem(&task_states, &key);
	if (!s || s->task != other) /* it has not begun */
		s = task_new(&key, other);
	if (!s || s->n_awaiters >= TASK_AWAITERS)
		return 0;
	s->awaiters[s->n_awaiters & (TASK_AWAITERS - 1)] = (struct task_awaiter){
		.since = t->awaiting_since,
		.track = t->awaiting_track,
		.arrow = new_id(ID_OF_ARROW),
	};
	s->n_awaiters++;
	return 0;
}

/* ---- loops ------------------------------------------------------------------------------ */

/* epoll_wait(), epoll_pwait(), epoll_pwait2(): what selectors.EpollSelector and libuv wait by. */
#if defined(__TARGET_ARCH_x86)
#define NUMBER_AT __builtin_offsetof(struct pt_regs, orig_ax)
#define IS_POLL(n) ((n) == 232 || (n) == 281 || (n) == 441)
#elif defined(__TARGET_ARCH_arm64)
#define NUMBER_AT __builtin_offsetof(struct pt_regs, syscallno)
#define IS_POLL(n) ((n) == 22 || (n) == 441)
#endif

static __always_inline bool is_poll(__u32 number)
{
	return IS_POLL(number);
}

static __always_inline __u32 number_of(const struct pt_regs *regs)
{
	__u32 number = 0;

	bpf_probe_read_kernel(&number, sizeof(number), (const void *)regs + NUMBER_AT);
	return number;
}

/* A loop is done with what was ready, and asks for more: so late may what became ready have been that
 * did so right after it had asked the last time. */
static __always_inline void loop_polls(void)
{
	__u64 now = bpf_ktime_get_ns();
	__u32 tid = (__u32)current_ids();
	struct thread_state *t = thread_of(tid);
	struct vtbpf_rec_event *r;

	if (!active || !t || t->dead || !t->loop || !t->polled || t->verdict == VERDICT_IGNORE)
		return;
	r = reserve_event(tid, VTBPF_EVENT_LOOP_LAG, 0, 0);
	if (r) {
		r->start = now;
		r->value[0] = (now - t->polled) / 1000;
		bpf_ringbuf_submit(r, wakeup_flags());
	}
	t->polled = 0;
}

static __always_inline void loop_polled(void)
{
	struct thread_state *t = thread_of((__u32)current_ids());

	if (t && !t->dead && t->loop)
		t->polled = bpf_ktime_get_ns();
}

#endif
