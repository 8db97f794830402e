// SPDX-License-Identifier: GPL-2.0-only
#include "recording.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "../discover/py_args.h"
#include "../discover/py_jit.h"
#include "../log.h"
#include "family.h"
#include "kin.h"
#include "leftovers.h"
#include "member.h"
#include "recording_state.h"
#include "segment.h"
#include "self_check.h"

#define POLL_MS 20
#define POLL_CLOSED_MS 200
#define AFTER_CTRL_C_NS 1000000000ULL
#define SELF_CHECK_NS 1000000000ULL
#define END_CHECK_NS 100000000ULL /* how often a target without pidfd is looked for */

/* ---- warnings ---------------------------------------------------------------------------- */

void recording__warn(struct recording *r, const char *text)
{
	log_warn("%s", text);
	recording__put_text(r, VTBPF_TEXT_WARNING, text);
}

static void warn_of_jit(struct recording *r)
{
	/* The self-check would only find what is explained here. */
	r->misfit = r->jit;
	if (r->jit)
		recording__warn(
			r,
			"the target runs with CPython's JIT (PYTHON_JIT): calls inside code that it has "
			"compiled have no beginning that could be probed; they are counted as lost, at "
			"the time they end");
}

/* ---- start ------------------------------------------------------------------------------ */

/* The file belongs to the user whose process it is; and a security module may have a say. */
static int may_not_read(pid_t pid)
{
	log_error(
		"not permitted to read the memory of process %d: it is another user's, which takes "
		"CAP_DAC_READ_SEARCH, or /proc/sys/kernel/yama/ptrace_scope is 3",
		pid);
	return -EACCES;
}

static int prepare_args(const struct recording *r, struct vtbpf_args_layout *out)
{
	const struct target *t = r->cfg->target;

	if (!r->reader || py_reader__args(r->reader, out)) {
		log_error("--args: this interpreter does not show where its objects are");
		return -ENOTSUP;
	}
	py_args__types(t->interp_fd, t->load_bias, out);
	return 0;
}

static int make_parts(struct recording *r)
{
	const struct recording_config *cfg = r->cfg;
	struct thread_names_config names = {
		.pid = cfg->target->pid,
		.capture = r->w,
		.ignore = cfg->ignore_threads,
		.n_ignore = cfg->n_ignore_threads,
		.only = cfg->only_threads,
		.n_only = cfg->n_only_threads,
	};
	struct function_filter functions = *cfg->functions;
	struct tracer_config tracer = cfg->tracer;
	int err;

	r->jit = py_jit__active(cfg->plan, cfg->target->pid);
	tracer.jit = r->jit;
	tracer.triggers = triggers__watches(cfg->triggers);
	err = pacing__prepare(r, &tracer);
	if (err)
		return err;
	r->reader = py_reader__new(cfg->target->pid, cfg->plan, cfg->target->load_bias);
	if (!r->reader && (errno == EACCES || errno == EPERM))
		return may_not_read(cfg->target->pid);
	if (r->reader)
		py_reader__attrs(r->reader, &tracer.attrs);
	if ((tracer.sample_period_ns || tracer.triggers & VTBPF_WATCH_RAISE || tracer.exceptions) &&
	    sampler__prepare(r, &tracer))
		return -ENOTSUP;
	tracer.args = functions.args.n;
	if (tracer.args && prepare_args(r, &tracer.args_layout))
		return -ENOTSUP;
	r->tracer = tracer__new(cfg->plan, &tracer, recording__take, r);
	if (!r->tracer)
		return -errno;
	names.reader = r->reader;
	names.tracer = r->tracer;
	r->names = thread_names__new(&names);
	r->repair = string_repair__new(r->reader, NULL, r->w);
	r->exception_names.fd = cfg->target->interp_fd;
	r->sources = sources__new();
	functions.cwd = cfg->target->cwd;
	r->functions = function_verdicts__new(&functions, r->tracer);
	if (!r->reader || !r->names || !r->repair || !r->sources || !r->functions)
		return -ENOMEM;
	err = family__new(r);
	if (err)
		return err;
	return cfg->next_capture ? segment__begin(r) : flight__begin(r);
}

static int begin(struct recording *r)
{
	const struct recording_config *cfg = r->cfg;
	int err = make_parts(r);

	if (!err && !cfg->launched)
		leftovers__clear(cfg->target->pid, cfg->target->interp_fd);
	if (!err && !r->pacing.on)
		err = window__open(r);
	if (err)
		return err;
	r->res->start = r->pacing.on ? clock_ns(CLOCK_MONOTONIC) : r->window_start;
	r->next_self_check = r->res->start + SELF_CHECK_NS;
	if (cfg->duration_ns)
		r->deadline = r->res->start + cfg->duration_ns;
	recording__put_session(r, r->res->start);
	if (!r->pacing.on)
		sampler__began(r, r->window_start);
	if (r->pacing.on)
		thread_names__scan(r->names);
	thread_names__announce(r->names);
	warn_of_jit(r);
	commands__listen(r);
	if (r->pacing.on)
		return pacing__begin(r);
	if (cfg->attached)
		cfg->attached(cfg->attached_ctx);
	window__look_at_idle(r);
	return 0;
}

/* ---- while it runs ---------------------------------------------------------------------- */

void recording__end_with(struct recording *r, enum recording_end why)
{
	if (!r->res->end)
		r->res->end = why;
}

bool recording__is_on(const struct recording *r)
{
	return !r->paused && !pacing__is_closed(r);
}

int recording__next_signal(struct recording *r)
{
	struct signalfd_siginfo si;

	return read(r->cfg->signal_fd, &si, sizeof(si)) == sizeof(si) ? (int)si.ssi_signo : 0;
}

static void take_signal(struct recording *r)
{
	int number = recording__next_signal(r);

	if (!number)
		return;
	if (number == SIGUSR1) {
		snapshot__on_signal(r);
		return;
	}
	if (number == SIGINT && r->cfg->family) /* of the terminal; who leads the family decides */
		return;
	/* A second one must not be swallowed while we wait for the program to go. */
	if (r->cfg->launched && number == SIGINT && !r->res->signal) {
		r->res->signal = number;
		r->deadline = clock_ns(CLOCK_MONOTONIC) + AFTER_CTRL_C_NS;
		return;
	}
	r->res->signal = number;
	recording__end_with(r, END_SIGNAL);
}

static void check_target(struct recording *r, uint64_t now)
{
	if (r->cfg->target->pidfd >= 0 || now < r->next_check)
		return;
	r->next_check = now + END_CHECK_NS;
	if (kill(r->cfg->target->pid, 0) && errno == ESRCH && !family__outlives_target(r))
		recording__end_with(r, END_TARGET_EXIT);
}

static void warn_of_lost_events(struct recording *r)
{
	uint64_t lost = tracer__lost_events(r->tracer);
	char text[128];

	if (!lost)
		return;
	snprintf(text, sizeof(text), "%llu events that are no calls were lost: raise --buffer-size",
		 (unsigned long long)lost);
	recording__warn(r, text);
}

/* Twice: when there has been a second's worth of calls, so that nobody waits for a bad trace, and at
 * the end. Said once. */
static void check_plan(struct recording *r)
{
	struct vtbpf_counters counters;
	char text[768];

	r->next_self_check = 0;
	if (r->misfit)
		return;
	tracer__counters(r->tracer, &counters);
	r->misfit = self_check__contradicts(&counters, text, sizeof(text));
	if (!r->misfit)
		return;
	recording__warn(r, text);
}

static void show_progress(struct recording *r, uint64_t now)
{
	static uint64_t next; /* counting walks over all threads: not for every poll */
	struct vtbpf_counters s;

	if (now < next || !isatty(STDERR_FILENO))
		return;
	next = now + 250000000;
	tracer__counters(r->tracer, &s);
	log_progress("%s %d: %.1f s, %llu calls, %llu lost, %.1f MB; Ctrl-C ends",
		     r->paused		  ? "paused" :
		     pacing__is_closed(r) ? "waiting for" :
					    "tracing",
		     r->cfg->target->pid, (now - r->res->start) / 1e9, (unsigned long long)s.calls,
		     (unsigned long long)s.lost, (r->w->written + r->w->used) / 1e6);
}

static void wait_for_news(struct recording *r, struct pollfd *fds, size_t n)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC), ns;
	struct timespec ts;
	int most;

	/* Between two windows nothing comes from the kernel; samples may wait. */
	most = pacing__may_doze(r) ? POLL_CLOSED_MS : flight__wait_ms(r, POLL_MS);
	ns = thread_names__wait_ms(r->names, now, most);
	ns = pacing__wait(r, now, ns * 1000000);
	ns = family__wait(r, now, ns);
	if (r->backlog)
		ns = 0;
	ts = (struct timespec){ .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
	ppoll(fds, n, &ts, NULL);
}

static void take_order(struct recording *r, uint64_t now)
{
	struct member_order order;
	ssize_t n = read(r->cfg->order_fd, &order, sizeof(order));

	if (n == 1 && r->segments)
		r->cut_due = now;
	else if (n == sizeof(order))
		family__adopt(r, order.adopt);
}

static void cut(struct recording *r)
{
	r->cut_due = 0;
	if (segment__cut(r))
		recording__end_with(r, END_CAPTURE);
}

/* What descends from it may be there still. */
static bool target_is_gone(struct recording *r, struct pollfd *pidfd)
{
	if (pidfd->revents & POLLIN)
		pidfd->fd = -1;
	else if (pidfd->fd >= 0 || r->cfg->target->pidfd < 0)
		return false;
	return !family__outlives_target(r);
}

static void loop(struct recording *r)
{
	struct pollfd fds[] = {
		{ .fd = tracer__fd(r->tracer), .events = POLLIN },
		{ .fd = r->cfg->signal_fd, .events = POLLIN },
		{ .fd = r->cfg->target->pidfd, .events = POLLIN },
		{ .fd = r->control ? control__fd(r->control) : -1, .events = POLLIN },
		[4 ... 4 + DUMPS_AT_ONCE] = { .fd = -1, .events = POLLIN },
		{ .fd = r->segments || r->family ? r->cfg->order_fd : -1, .events = POLLIN },
		{ .fd = r->cfg->wrapper_fd > 0 ? r->cfg->wrapper_fd : -1, .events = POLLIN },
	};

	while (!r->res->end) {
		uint64_t now;

		for (size_t i = 0; i < DUMPS_AT_ONCE; i++)
			fds[4 + i].fd = r->dumps[i].pid ? r->dumps[i].fd : -1;
		fds[4 + DUMPS_AT_ONCE].fd = tracer__end_fd(r->tracer);
		wait_for_news(r, fds, sizeof(fds) / sizeof(fds[0]));
		now = clock_ns(CLOCK_MONOTONIC);
		/* Before the ring, which may have much to tell: a command takes effect at once. */
		if (r->control)
			control__serve(r->control, now);
		pacing__tick(r, now);
		snapshot__tick(r);
		r->backlog = tracer__poll(r->tracer) > 0;
		thread_names__tick(r->names, now);
		family__tick(r, now);
		flight__tick(r, now);
		if (capture_writer__flush(r->w))
			recording__end_with(r, END_CAPTURE);
		if (fds[1].revents & POLLIN)
			take_signal(r);
		if (target_is_gone(r, &fds[2]) || fds[6 + DUMPS_AT_ONCE].revents & POLLIN)
			recording__end_with(r, END_TARGET_EXIT);
		if (fds[5 + DUMPS_AT_ONCE].revents & POLLIN)
			take_order(r, now);
		if (r->cut_due && pacing__may_cut(r))
			cut(r);
		check_target(r, now);
		if (r->next_self_check && now >= r->next_self_check)
			check_plan(r);
		if (r->deadline && now >= r->deadline)
			recording__end_with(r, r->res->signal ? END_SIGNAL : END_DURATION);
		show_progress(r, now);
	}
	log_progress(NULL);
}

/* ---- end -------------------------------------------------------------------------------- */

/* The last window ends, or the last pause does. */
static int end(struct recording *r)
{
	int err = 0;

	kin__stop(r);
	if (!r->triggers)
		snapshot__end(r);
	if (r->pacing.on) {
		err = pacing__end(r);
	} else if (r->paused) {
		r->res->stop = clock_ns(CLOCK_MONOTONIC);
		window__put_pause(r, r->res->stop);
	} else {
		err = window__close(r);
		r->res->stop = r->window_stop;
	}
	r->closed = true;
	if (r->cfg->launched && r->res->end == END_TARGET_EXIT)
		family__say_left(r);
	commands__end(r);
	kin__collect(r);
	check_plan(r);
	warn_of_lost_events(r);
	flight__end(r);
	sources__write(r->sources, r->cfg->target, r->w);
	wall_clock__put(r->w);
	capture_writer__end(r->w, r->res->stop);
	r->res->capture_err = r->w->err;
	return err;
}

static void free_parts(struct recording *r)
{
	commands__free(r);
	pacing_samples__release(r);
	idle_threads__free(r->idle);
	family__free(r);
	sources__free(r->sources);
	recorder__free(r->recorder);
	segment__free(r->segments);
	triggers__free(r->triggers);
	function_verdicts__free(r->functions);
	string_repair__free(r->repair);
	thread_names__free(r->names);
	py_reader__free(r->reader);
	tracer__free(r->tracer);
}

int recording__run(const struct recording_config *cfg, struct capture_writer *w,
		   struct recording_result *res)
{
	struct recording r = { .cfg = cfg, .w = w, .res = res };
	int err;

	memset(res, 0, sizeof(*res));
	err = begin(&r);
	if (!err) {
		loop(&r);
		err = end(&r);
	}
	free_parts(&r);
	return err;
}
