// SPDX-License-Identifier: GPL-2.0-only
/* Stretches of recording: the whole trace is one, unless it is paused and resumed. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "../log.h"
#include "family.h"
#include "recording_state.h"

int window__attach(struct recording *r)
{
	const struct target *t = r->cfg->target;
	int err = r->sampling ? sampler__attach(r) :
				tracer__attach(r->tracer, t->pid, t->interp_fd);

	if (err)
		return err;
	family__meet(r);
	r->window_start = tracer__activate(r->tracer);
	r->window_stop = 0;
	off_cpu__look_at_sleepers(r, t->pid, 0);
	return 0;
}

int window__open(struct recording *r)
{
	/* Verdicts first, so that not one event of an ignored thread is recorded. */
	thread_names__scan(r->names);
	return window__attach(r);
}

void window__look_at_idle(struct recording *r)
{
	if (r->sampling) {
		sampler__look_at_sleepers(r);
		return;
	}
	idle_threads__free(r->idle);
	r->idle = idle_threads__new(r->reader, r->cfg->target->pid);
	family__look_at_idle(r);
}

void window__put_idle(struct recording *r, uint64_t end)
{
	struct idle_span span = {
		.pid = r->cfg->target->pid,
		.start = r->window_start,
		.end = end,
		.min_duration_ns = r->cfg->tracer.min_duration_ns,
		.max_stack_depth = r->cfg->tracer.max_stack_depth,
		.tracer = r->tracer,
		.names = r->names,
	};

	if (r->idle && r->res->end != END_TARGET_EXEC)
		idle_threads__write(r->idle, &span, r->w);
	family__put_idle(r, end);
}

/* There is no time to look at all threads for each of many windows. */
static bool is_one_of_many(const struct recording *r)
{
	return r->pacing.in_windows && !r->res->end;
}

int window__close(struct recording *r)
{
	int err;

	r->window_stop = tracer__deactivate(r->tracer);
	if (r->window_stop < r->newest_end) /* it had ended by itself, while calls were ending */
		r->window_stop = r->newest_end;
	err = r->res->end == END_TARGET_EXIT && !family__lives_on(r) ?
		      tracer__detach_gone(r->tracer, &r->res->holder) :
		      tracer__detach(r->tracer);
	string_repair__run(r->repair);
	family__complete(r);
	if (r->res->end != END_TARGET_EXIT && r->res->end != END_TARGET_EXEC && !is_one_of_many(r))
		thread_names__scan(r->names); /* names that changed since */
	tracer__sweep(r->tracer, r->window_stop);
	sampler__ended(r, r->window_stop);
	window__put_idle(r, r->window_stop);
	return err;
}

int window__pause(struct recording *r)
{
	int err = window__close(r);

	r->paused = true;
	r->pauses++;
	tracer__reset(r->tracer);
	flight__restart(r);
	return err;
}

void window__put_pause(struct recording *r, uint64_t to)
{
	struct vtbpf_rec_pause rec = {
		.rec = { .len = sizeof(rec), .kind = VTBPF_REC_PAUSE, .tid = r->cfg->target->pid },
		.from = r->window_stop,
		.to = to,
	};

	capture_writer__append(r->w, &rec.rec);
}

/* While nobody looked the process may have become another program. Its pages may lie where those of the
 * old one lay, and come from the same file: many services begin anew by executing themselves. */
static bool same_program(struct recording *r)
{
	const struct target *t = r->cfg->target;
	struct target now = {};
	struct stat then_st, now_st;
	char why[512];
	bool same = !py_reader__is_gone(r->reader) &&
		    !target__open(t->pid, &now, why, sizeof(why)) &&
		    now.proc_start == t->proc_start && now.load_bias == t->load_bias &&
		    !fstat(t->interp_fd, &then_st) && !fstat(now.interp_fd, &now_st) &&
		    then_st.st_dev == now_st.st_dev && then_st.st_ino == now_st.st_ino;

	target__close(&now);
	return same;
}

int window__resume(struct recording *r)
{
	uint64_t stopped = r->window_stop;
	int err;

	if (!family__lost_target(r) && !same_program(r)) {
		recording__end_with(r, END_TARGET_EXEC);
		return -ESRCH;
	}
	/* Threads may be gone and their ids other threads' by now: all is learned anew. */
	tracer__forget_verdicts(r->tracer);
	thread_names__restart(r->names);
	err = window__open(r);
	if (err)
		return err;
	r->paused = false;
	r->paused_ns += r->window_start - stopped;
	r->window_stop = stopped;
	window__put_pause(r, r->window_start);
	sampler__began(r, r->window_start);
	r->window_stop = 0;
	window__look_at_idle(r);
	return 0;
}
