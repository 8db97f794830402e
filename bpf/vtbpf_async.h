/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The part of the contract (vtbpf.h, which includes this) for asyncio's tasks: no capture holds it. */
#ifndef VTBPF_ASYNC_H
#define VTBPF_ASYNC_H

/* Where the BPF side finds what tells tasks, in bytes. Filled by trace/tracer_async.c; rodata. */
struct vtbpf_tasks {
	__u16 frame_coro; /* how far before a coroutine's frame the coroutine lies; up to 3.10 where in
			     the frame there is a pointer to it */
	__u16 task_coro; /* TaskObj: task_coro; before it lies task_fut_waiter, behind it task_name */
	__u16 long_tag; /* an int's lv_tag, its digits behind it (3.12 on); 0: names are no ints */
	__u16 awaited_by; /* TaskObj: task_awaited_by (3.14 on); 0: there is none */
	__u16 coro_state; /* in a coroutine, a byte that is coro_runs while it runs; 3.10: in its frame */
	__u16 coro_runs;
	__u16 frame_stop; /* up to 3.10: what a frame that suspends has set. 3.10: f_state, a byte that
			     is -1; before: f_stacktop, that is not 0 */
};

#define TASK_WAITER(tasks) ((tasks).task_coro - 8)
#define TASK_NAME(tasks) ((tasks).task_coro + 8)

/* A task is known by its outermost coroutine, and by the thread of its loop. */
struct task_key {
	__u64 coro;
	__u32 tid;
	__u32 _pad;
};

#define TASK_AWAITERS 4 /* that suspended since it last ran, and are told of */

struct task_awaiter {
	__u64 since;
	__u32 track;
	__u32 arrow; /* its number */
};

struct task_state {
	__u64 task; /* the Task; 0: not one of asyncio's */
	__u64 name; /* the object that was told to be its name; 0: none yet */
	__u32 track;
	__u32 n_awaiters;
	__u64 since; /* it is suspended; 0: it runs, or has not been seen to suspend */
	__u64 told;  /* since when the one was that an arrow came from last */
	struct task_awaiter awaiters[TASK_AWAITERS];
};

#define TASKS_MAX 65536

/* Numbers of tasks' tracks begin here: those of greenlets are below. */
#define TASK_TRACKS_FROM (1U << 24)

#endif
