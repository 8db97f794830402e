// SPDX-License-Identifier: GPL-2.0-only
/* --async: asyncio's tasks, and how late event loops are. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../log.h"
#include "sweep.h"
#include "tracer_state.h"

#define SMALL_TASKS 8192

/*
 * struct TaskObj in Modules/_asynciomodule.c of 3.8.18, 3.9.18, 3.10.13, 3.11.7, 3.12.1, 3.13.5, 3.14
 * and 3.15; gi_iframe in Include/cpython/genobject.h (3.11, 3.12) and
 * Include/internal/pycore_interpframe_structs.h or pycore_genobject.h (later); f_gen,
 * f_stacktop and f_state in
 * Include/cpython/frameobject.h (3.8 to 3.10); lv_tag in Include/cpython/longintrepr.h.
 */
static const struct vtbpf_tasks layouts[] = {
	[8] = { .frame_coro = 0x60,
		.frame_stop = 0x48,
		.task_coro = 0x70,
		.coro_state = 0x18,
		.coro_runs = 1 },
	[9] = { .frame_coro = 0x60,
		.frame_stop = 0x48,
		.task_coro = 0x98,
		.coro_state = 0x18,
		.coro_runs = 1 },
	[10] = { .frame_coro = 0x58, .frame_stop = 0x6c, .task_coro = 0xa0, .coro_state = 0x6c },
	[11] = { .frame_coro = 0x50, .coro_state = 0x4b, .task_coro = 0x88 },
	[12] = { .frame_coro = 0x48, .coro_state = 0x43, .task_coro = 0x88, .long_tag = 0x10 },
	[13] = { .frame_coro = 0x48, .coro_state = 0x43, .task_coro = 0x78, .long_tag = 0x10 },
	[14] = { .frame_coro = 0x48,
		 .coro_state = 0x43,
		 .awaited_by = 0x60,
		 .task_coro = 0x80,
		 .long_tag = 0x10 },
	[15] = { .frame_coro = 0x48,
		 .coro_state = 0x43,
		 .coro_runs = 4,
		 .awaited_by = 0x60,
		 .task_coro = 0x80,
		 .long_tag = 0x10 },
};

#define LONGER_HEADER 0x10 /* of objects of free-threaded builds */

static bool find_layout(const struct vtbpf_layout *of, struct vtbpf_tasks *tasks)
{
	if (of->minor >= sizeof(layouts) / sizeof(layouts[0]) || !layouts[of->minor].task_coro)
		return false;
	*tasks = layouts[of->minor];
	if (of->flags & VTBPF_LAYOUT_FREE_THREADED) {
		tasks->frame_coro += LONGER_HEADER;
		tasks->coro_state += LONGER_HEADER;
		tasks->task_coro += LONGER_HEADER;
		tasks->long_tag += LONGER_HEADER;
		if (tasks->awaited_by)
			tasks->awaited_by += LONGER_HEADER;
	}
	return true;
}

void tracer_async__prepare(struct tracer *t, const struct tracer_config *cfg)
{
	struct vtbpf_tasks tasks;
	struct vtbpf_bpf *skel = t->skel;

	t->async = cfg->async && cfg->attrs.form != VTBPF_ATTRS_NONE &&
		   find_layout(&t->plan.layout, &tasks);
	if (cfg->async && !t->async)
		log_warn("--async: tasks are not shown: this interpreter's objects are not "
			 "known");
	bpf_program__set_autoload(skel->progs.on_syscall, t->async);
	bpf_program__set_autoload(skel->progs.on_syscall_end, t->async);
	bpf_map__set_autocreate(skel->maps.task_states, t->async);
	if (!t->async)
		return;
	if (cfg->small)
		bpf_map__set_max_entries(skel->maps.task_states, SMALL_TASKS);
	skel->rodata->async_watched = true;
	skel->rodata->tasks = tasks;
}

/* The links live as long as their descriptors: those of the holder. */
int tracer_async__attach(struct tracer *t, char *why, size_t why_size)
{
	if (!t->async ||
	    (bpf_program__attach_raw_tracepoint(t->skel->progs.on_syscall, "sys_enter") &&
	     bpf_program__attach_raw_tracepoint(t->skel->progs.on_syscall_end, "sys_exit")))
		return 0;
	snprintf(why, why_size, "cannot watch system calls: %s", strerror(errno));
	return -errno;
}

void tracer_async__reset(struct tracer *t)
{
	if (t->async)
		sweep__clear(bpf_map__fd(t->skel->maps.task_states));
}
