/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * --async: the Task whose coroutine is resumed, and its name.
 *
 * A task's step resumes its outermost coroutine from C, and needs the Task afterwards. So a pointer to
 * it lies on the C stack, in that function's frame or among the registers that those it calls have
 * saved; and a pointer to an object of a Task's form, whose task_coro is the coroutine that is entered,
 * is the Task. That holds for every version, for every build, and for loops that are written in C, and
 * takes nothing but the Task's layout (struct TaskObj in Modules/_asynciomodule.c). It is looked for
 * when a coroutine is first entered, at the place where the last one was found; afterwards the
 * coroutine itself tells.
 */
#ifndef VTBPF_TASK_BPF_H
#define VTBPF_TASK_BPF_H

const volatile bool async_watched;
const volatile struct vtbpf_tasks tasks;

/* It wants bpf_loop(). */
static __always_inline bool async_on(void)
{
	return have_bpf_loop && async_watched;
}

volatile __u32 task_places; /* where the last Task was found, words from the stack pointer on */

#define TYPE_LONG (1UL << 24) /* tp_flags */

/* ---- the Task --------------------------------------------------------------------------- */

#define TASK_SIZE_MAX 4096 /* of instances of classes derived from Task */
#define STACK_WORDS 512	   /* that are searched */
#define GEN_FRAME 0x10	   /* gi_frame, up to 3.10 */
#define USER_END (1UL << 56)

/* Does an object that may be a Task, having the coroutine where Tasks do, look like one? */
static __always_inline bool is_task(__u64 task)
{
	__u64 type = word_at(task + attrs.ob_type), size;

	if (!type)
		return false;
	size = word_at(type + attrs.tp_basicsize);
	if (size < TASK_NAME(tasks) + 8U || size > TASK_SIZE_MAX)
		return false;
	return type_flags(word_at(task + TASK_NAME(tasks))) & (TYPE_UNICODE | TYPE_LONG);
}

static __always_inline bool is_task_of(__u64 task, __u64 coro)
{
	if (!task || task & 7 || task >= USER_END)
		return false;
	return word_at(task + tasks.task_coro) == coro && is_task(task);
}

/* gi_frame_state, or what was there before it (struct _PyGenObject, Include/cpython/genobject.h). */
static __always_inline bool coro_runs(__u64 coro)
{
	__u8 state = 0;

	if (layout.minor == 10)
		coro = word_at(coro + GEN_FRAME);
	if (!coro || bpf_probe_read_user(&state, 1, (void *)(coro + tasks.coro_state)))
		return false;
	return state == tasks.coro_runs;
}

/* What was freed has no references left; pointers to it may still lie on the stack. */
static __always_inline bool has_owner(__u64 object)
{
	return (__u32)word_at(object);
}

static __always_inline bool is_running_task(__u64 task)
{
	__u64 coro;

	if (!task || task & 7 || task >= USER_END)
		return false;
	coro = word_at(task + tasks.task_coro);
	if (!coro || coro & 7 || coro >= USER_END)
		return false;
	if (!(layout.flags & VTBPF_LAYOUT_FREE_THREADED) && !(has_owner(task) && has_owner(coro)))
		return false;
	return coro_runs(coro) && is_task(task);
}

struct task_search {
	__u64 sp;
	__u64 coro;
	__u64 found;
	__u64 running; /* a Task that runs, whatever its coroutine is */
	bool any;      /* that will do */
};

static long search_step(__u32 i, void *arg)
{
	struct task_search *s = arg;
	__u64 word = word_at(s->sp + 8 * (__u64)i);

	if (s->any && !s->running && is_running_task(word))
		s->running = word;
	if (!is_task_of(word, s->coro))
		return 0;
	s->found = word;
	task_places = i;
	return 1;
}

/* Registers that a function finds its caller's values in, and leaves there. */
#if defined(__TARGET_ARCH_x86)
#define USER_SP(regs) (&(regs)->sp)
#define SAVED_FIRST(regs) (&(regs)->r15) /* r15, r14, r13, r12, bp, bx lie side by side */
#define SAVED_REGS 6
#elif defined(__TARGET_ARCH_arm64)
#define USER_SP(regs) (&(regs)->user_regs.sp)
#define SAVED_FIRST(regs) (&(regs)->user_regs.regs[19])
#define SAVED_REGS 10
#endif

/* Up to 3.10 frames are entered where the interpreter has not saved its caller's registers yet. */
static __always_inline void search_regs(struct task_search *s, struct pt_regs *regs)
{
	__u64 word;

	for (int i = 0; i < SAVED_REGS; i++) {
		word = 0;
		bpf_probe_read_kernel(&word, sizeof(word), (__u64 *)SAVED_FIRST(regs) + i);
		if (!s->found && is_task_of(word, s->coro))
			s->found = word;
		if (s->any && !s->running && is_running_task(word))
			s->running = word;
	}
}

/* The Task that has the coroutine, which the running thread is just entering from C; with `any` the
 * one that runs, where none has it; 0: there is none. */
__noinline __u64 task_search(__u64 coro, bool any)
{
	struct task_search s = { .coro = coro, .any = any };
	struct pt_regs *regs;

	if (!async_on())
		return 0;
	regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	if (bpf_probe_read_kernel(&s.sp, sizeof(s.sp), USER_SP(regs)))
		return 0;
	if (search_step(task_places & (STACK_WORDS - 1), &s))
		return s.found;
	if (layout.flags & VTBPF_LAYOUT_FRAME_IS_OBJECT)
		search_regs(&s, regs);
	if (s.found)
		return s.found;
	bpf_loop(STACK_WORDS, search_step, &s, 0);
	return s.found ? s.found : s.running;
}

/* ---- names ------------------------------------------------------------------------------ */

#define NAME_SMALL (256 - sizeof(struct vtbpf_rec_event))
#define NAME_LARGE (4096 - sizeof(struct vtbpf_rec_event)) /* longer ones are cut */

static __always_inline struct vtbpf_rec_event *reserve_event(__u32 tid, __u16 what, __u32 track,
							     const __u32 room)
{
	struct vtbpf_rec_event *r =
		bpf_ringbuf_reserve(&events, sizeof(struct vtbpf_rec_event) + room, 0);

	if (!r) {
		__sync_fetch_and_add(&events_lost, 1);
		return 0;
	}
	__builtin_memset(r, 0, sizeof(*r));
	fill_prefix(&r->rec, VTBPF_REC_EVENT, sizeof(*r) + room, tid);
	r->what = what;
	r->track = track;
	return r;
}

/* The string as the event's text; cut, at a whole character, where it is longer than room. */
static __always_inline void put_text(struct vtbpf_rec_event *r, const struct str_header *h,
				     const __u32 room)
{
	__u32 bytes = h->length * h->width;

	asm volatile("" : "+r"(bytes)); /* keep the bound where the verifier sees it */
	if (bytes > room)
		bytes = room & ~3;
	if (bpf_probe_read_user(r->data, bytes, (void *)h->data))
		bytes = 0;
	r->text[0].bytes = bytes;
	r->text[0].width = h->width;
}

static __always_inline int emit_name_str(const struct str_header *h, __u32 tid, __u32 track,
					 const __u32 room)
{
	struct vtbpf_rec_event *r = reserve_event(tid, VTBPF_EVENT_TRACK_NAME, track, room);

	if (!r)
		return -1;
	put_text(r, h, room);
	bpf_ringbuf_submit(r, wakeup_flags());
	return 0;
}

#define DIGITS 20
#define PREFIX 5

/* A Task without a name keeps its number until it is asked for its name (3.12 on): "Task-%d". */
static __always_inline int emit_name_number(__u64 number, __u32 tid, __u32 track)
{
	struct vtbpf_rec_event *r = reserve_event(tid, VTBPF_EVENT_TRACK_NAME, track, NAME_SMALL);
	const char prefix[PREFIX] = { 'T', 'a', 's', 'k', '-' };
	char digits[DIGITS];
	__u32 n = 0;

	if (!r)
		return -1;
	for (__u32 i = 0; i < DIGITS; i++) {
		digits[DIGITS - 1 - i] = '0' + number % 10;
		if (number || !i)
			n++;
		number /= 10;
	}
	for (__u32 i = 0; i < PREFIX; i++)
		r->data[i] = prefix[i];
	for (__u32 i = 0; i < DIGITS; i++)
		if (i >= DIGITS - n && i - (DIGITS - n) < DIGITS)
			r->data[PREFIX + i - (DIGITS - n)] = digits[i];
	r->text[0].bytes = PREFIX + n;
	r->text[0].width = 1;
	bpf_ringbuf_submit(r, wakeup_flags());
	return 0;
}

#define LONG_DIGIT 0x3fffffff /* of 30 bits */

/* `name` is a str or an int. 0, or -1 when it was not told. */
__noinline int emit_task_name(__u64 name, __u32 tid, __u32 track)
{
	struct str_header h = {};
	__u64 digits;

	if (!async_on())
		return 0;
	if (tasks.long_tag && type_flags(name) & TYPE_LONG) {
		digits = word_at(name + tasks.long_tag + 8);
		if (word_at(name + tasks.long_tag) >> 3 > 1)
			digits = (digits & LONG_DIGIT) | (digits >> 32 & LONG_DIGIT) << 30;
		else
			digits &= LONG_DIGIT;
		return emit_name_number(digits, tid, track);
	}
	str_read_header(name, &h);
	if (h.length * h.width <= NAME_SMALL)
		return emit_name_str(&h, tid, track, NAME_SMALL);
	return emit_name_str(&h, tid, track, NAME_LARGE);
}

#endif
