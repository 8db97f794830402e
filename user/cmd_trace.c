// SPDX-License-Identifier: GPL-2.0-only
/* The trace, step by step: target, plan, recording, conversion. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cmd_trace.h"
#include "commands.h"
#include "convert.h"
#include "discover/inner_pid.h"
#include "discover/probe_plan.h"
#include "discover/target.h"
#include "finish.h"
#include "log.h"
#include "outfile.h"
#include "overhead.h"
#include "trace/launch.h"
#include "trace/member.h"
#include "trace/privileges.h"
#include "trace/recording.h"
#include "trace/triggers.h"
#include "tracing.h"
#include "trace/tracer_early.h"

#define KIN_THREADS 128 /* there may be many processes of one interpreter */

struct trace {
	const struct options *o;
	struct launched launched; /* pid 0: none */
	int wrapper_fd; /* of that, where the target is another process, which it has started; or 0 */
	struct target target;
	struct probe_plan plan;
	struct gc_plan gc;   /* with --gc */
	struct gil_plan gil; /* with --gil */
	struct exception_plan exceptions;
	struct c_plan c_calls; /* with --c-calls */
	struct mark_site mark; /* offset 0: not found */
	struct tracer_early *early;
	struct capture_writer writer;
	struct recording_result result;
	struct member_link *link;    /* of one recording among others; NULL: it is alone */
	struct member_report report; /* to them */
	int capture_fd;
	char *capture_path;
	bool to_capture; /* the capture is the output */
	int signal_fd;
	sigset_t old_mask;
	struct own_cost own; /* since vtbpf began */
	struct str_list
		ignore; /* for the conversion; `vtbpf ctl` may take some out. Not our strings */
};

/* ---- target ----------------------------------------------------------------------------- */

/* There will be a target, in all likelihood: what all of them need is made while this one is found.
 * What functions are watched in are maps of another kind, and a member's are smaller. */
static void start_early(struct trace *tr)
{
	if (!tr->o->dry_run && !tr->o->triggers.n && !tr->link)
		tr->early = tracer_early__start(tr->o->buffer_bytes);
}

static int open_running(struct trace *tr)
{
	char why[512] = "";
	int err;

	start_early(tr);
	err = target__open(tr->o->pid, &tr->target, why, sizeof(why));
	if (!err)
		return EXIT_OK;
	tr->result.end = END_TARGET_EXIT; /* what is there is no target, or not any more */
	inner_pid__explain("/proc", tr->o->pid, why, sizeof(why));
	tr->report.pid_gone = err == -ESRCH;
	if (!tr->link || !tr->link->family || err != -ESRCH)
		log_error("process %d: %s", tr->o->pid, why);
	return err == -EACCES || err == -EPERM ? EXIT_NO_PRIVILEGE : EXIT_BAD_TARGET;
}

static int program_without_python(struct trace *tr)
{
	struct launched *l = &tr->launched;

	if (l->exec_errno)
		log_error("%s: %s", tr->o->program[0], strerror(l->exec_errno));
	else
		log_error("%s ended without running Python; nothing was traced", tr->o->program[0]);
	return launch__wait(l, tr->signal_fd);
}

/* It goes on until that ends, which may start further Pythons. */
static int watch_wrapper(struct trace *tr)
{
	tr->wrapper_fd = (int)syscall(SYS_pidfd_open, tr->launched.pid, 0);
	if (tr->wrapper_fd > 0)
		return EXIT_OK;
	log_error("cannot watch %s: %s", tr->o->program[0], strerror(errno));
	return EXIT_FAILED;
}

static int open_launched(struct trace *tr)
{
	int err = launch__start(&tr->launched, tr->o->program, &tr->old_mask, tr->o->follow);

	if (err)
		return EXIT_NO_PRIVILEGE;
	start_early(tr); /* no earlier: a process of several threads had better not fork */
	err = launch__until_python(&tr->launched, tr->signal_fd, &tr->target);
	if (err)
		return program_without_python(tr);
	return tr->target.pid == tr->launched.pid ? EXIT_OK : watch_wrapper(tr);
}

static int make_plan(struct trace *tr)
{
	char why[512] = "", version[16];
	/* Sampling needs no sites. */
	int err = (tr->o->hz ? probe_plan__identify :
			       probe_plan__make)(tr->target.interp_fd, &tr->plan, why, sizeof(why));

	if (!err && triggers__watches(&tr->o->triggers) & VTBPF_WATCH_RAISE)
		err = probe_plan__watch_exceptions(tr->target.interp_fd, &tr->plan, why,
						   sizeof(why));
	if (!err && tr->o->gc)
		err = gc_sites__find(tr->target.interp_fd, &tr->plan, &tr->gc, why, sizeof(why));
	if (!err && tr->o->gil)
		err = gil_sites__find(tr->target.interp_fd, &tr->plan, &tr->gil, why, sizeof(why));
	if (!err && tr->o->exceptions)
		err = probe_plan__find_exceptions(tr->target.interp_fd, &tr->plan, &tr->exceptions,
						  why, sizeof(why));
	if (!err && tr->o->c_calls)
		err = probe_plan__find_c_calls(tr->target.interp_fd, &tr->plan, &tr->c_calls, why,
					       sizeof(why));
	if (err) {
		log_error("process %d (%s): %s", tr->target.pid, tr->target.interp, why);
		snprintf(tr->report.last_words, sizeof(tr->report.last_words),
			 "its interpreter cannot be traced: %.200s", why);
		return EXIT_BAD_TARGET;
	}
	log_verbose("process %d runs CPython %s from %s", tr->target.pid,
		    py_version_str(tr->plan.version, version, sizeof(version)), tr->target.interp);
	if (tr->o->gil && tr->plan.free_threaded)
		log_warn("--gil: process %d runs without a GIL (a free-threaded build)",
			 tr->target.pid);
	if (!tr->o->hz && mark_site__find(tr->target.interp_fd, &tr->mark))
		log_verbose("note: marks cannot be seen: it does not show where sys.audit() is");
	for (size_t i = 0; i < tr->plan.n_notes; i++)
		log_verbose("note: %s", tr->plan.notes[i]);
	return EXIT_OK;
}

/* ---- capture ---------------------------------------------------------------------------- */

static int open_capture(struct trace *tr)
{
	struct outfile f = {};
	int err;

	tr->to_capture = trace__is_capture(tr->o) && !tr->o->triggers.n && !tr->link;
	err = outfile__create(&f, trace__capture_neighbour(tr->o), ".vtb", 0600);
	if (err) {
		log_error("cannot create the capture beside %s: %s; name another place with -o",
			  tr->o->output, strerror(-err));
		return EXIT_FAILED;
	}
	tr->capture_fd = fcntl(f.fd, F_DUPFD_CLOEXEC, 3);
	tr->capture_path = strdup(tr->to_capture ? tr->o->output : f.tmp_path);
	if (tr->to_capture)
		err = outfile__commit(&f); /* it takes its name at once, and grows under it */
	else
		outfile__keep(&f);
	if (!err)
		err = capture_writer__init(&tr->writer, tr->capture_fd);
	if (err) {
		log_error("%s: %s", tr->capture_path, strerror(-err));
		return EXIT_FAILED;
	}
	log_verbose("the capture is %s", tr->capture_path);
	return EXIT_OK;
}

/* ---- recording -------------------------------------------------------------------------- */

/* All sites are attached. Scripts wait for this line, so it appears with -q too. */
static void on_attached(void *ctx)
{
	struct trace *tr = ctx;
	char version[16], inner[64] = "";

	if (tr->target.ns_pid != tr->target.pid)
		snprintf(inner, sizeof(inner), "; %d in its own pid namespace", tr->target.ns_pid);
	py_version_str(tr->plan.version, version, sizeof(version));
	if (tr->link && tr->link->family)
		log_info("traces %d, too (CPython %s%s)", tr->target.pid, version, inner);
	else
		log_error("tracing %d… (CPython %s%s)", tr->target.pid, version, inner);
	if (tr->launched.pid)
		launch__release(&tr->launched);
	if (!tr->link)
		return;
	tr->report.news = MEMBER_TRACING;
	tr->report.python = tr->plan.version;
	tr->report.start = tr->result.start;
	snprintf(tr->report.capture, sizeof(tr->report.capture), "%s", tr->capture_path);
	member__tell(tr->link, &tr->report);
}

/* In a child of the recording. */
static int dump(void *ctx, const char *from, const char *to)
{
	struct trace *tr = ctx;
	struct convert_options c = finish__options(tr->o, from);
	struct convert_summary sum;

	c.output = to;
	c.output_new = true;
	c.progress = false;
	c.filter.ignore_threads = tr->ignore.items;
	c.filter.n_ignore_threads = tr->ignore.n;
	finish__catch_signals();
	return convert__run(&c, &sum);
}

/* The recording goes on in another capture. */
static int next_capture(void *ctx, uint64_t start, uint64_t stop)
{
	struct trace *tr = ctx;
	int old_fd = tr->capture_fd;

	tr->report.news = MEMBER_SEGMENT;
	tr->report.start = start;
	tr->report.stop = stop;
	member__tell(tr->link, &tr->report);
	free(tr->capture_path);
	capture_writer__free(&tr->writer);
	if (open_capture(tr))
		return -EIO;
	close(old_fd);
	tr->report.news = MEMBER_TRACING;
	tr->report.start = stop;
	snprintf(tr->report.capture, sizeof(tr->report.capture), "%s", tr->capture_path);
	member__tell(tr->link, &tr->report);
	return 0;
}

/* In a child: what runs another interpreter in the family that is followed. */
static int run_kin(void *ctx, pid_t pid, struct member_link *link)
{
	const struct trace *tr = ctx;
	struct options o = *tr->o;

	link->types_fd = tracer_early__types_fd(tr->early);
	o.pid = pid;
	o.program = NULL;
	o.duration_ns = 0;
	o.small_maps = true;
	if (!o.buffer_named)
		o.buffer_bytes = SEVERAL_BUFFER;
	return trace__member(&o, link);
}

static void configure_family(const struct trace *tr, struct recording_config *cfg)
{
	const struct member_link *kin = tr->link && tr->link->family ? tr->link : NULL;

	cfg->wrapper = tr->wrapper_fd > 0 ? tr->launched.pid : 0;
	cfg->wrapper_fd = tr->wrapper_fd;
	cfg->run_kin = run_kin;
	cfg->kin_ctx = (void *)tr;
	if (!kin)
		return;
	cfg->family = kin->family;
	cfg->tracer.family_fd = kin->family_fd;
	cfg->tracer.types_fd = kin->types_fd;
	cfg->tracer.threads = KIN_THREADS;
}

static int not_recorded(struct trace *tr, int err)
{
	if (target__has_ended(&tr->target)) {
		log_error("process %d: it ended before it could be traced", tr->target.pid);
		tr->result.end = END_TARGET_EXIT;
		return EXIT_BAD_TARGET;
	}
	return err == -EPERM || err == -EACCES || err == -E2BIG ? EXIT_NO_PRIVILEGE : EXIT_FAILED;
}

static void configure_events(const struct trace *tr, struct tracer_config *cfg)
{
	cfg->gc = tr->gc.n ? &tr->gc : NULL;
	cfg->gil = tr->gil.signals.n ? &tr->gil : NULL;
	cfg->mark = tr->mark.offset ? &tr->mark : NULL;
	cfg->exceptions = tr->exceptions.n ? &tr->exceptions : NULL;
	cfg->c_calls = tr->c_calls.n ? &tr->c_calls : NULL;
	cfg->c_follow_caller = tr->o->functions.include_files.n;
}

static int record(struct trace *tr)
{
	const struct options *o = tr->o;
	struct budget_config budget = { .stated = o->max_overhead,
					.start = tr->own.at,
					.own = tr->own };
	struct recording_config cfg = {
		.target = &tr->target,
		.plan = &tr->plan,
		.tracer = {
			.ring_bytes = o->buffer_bytes,
			.min_duration_ns = o->min_duration_ns,
			.max_stack_depth = o->max_stack_depth,
			.small = o->small_maps,
			.threads = o->small_maps ? trace__count_threads(tr->target.pid) : 0,
			.early = tr->early,
			.variant = o->hz ? TRACER_SAMPLES : TRACER_BEST,
			.sample_period_ns = o->hz ? 1000000000 / o->hz : 0,
			.sample_sleeps = o->wall,
			.sched = o->sched,
			.follow = o->follow,
			.async = o->async,
		},
		.duration_ns = o->duration_ns,
		.ignore_threads = o->ignore_threads.items,
		.n_ignore_threads = o->ignore_threads.n,
		.only_threads = o->only_threads.items,
		.n_only_threads = o->only_threads.n,
		.functions = &o->functions,
		.sample_rate = o->sample_rate,
		.budget = o->max_overhead ? &budget : NULL,
		.active = o->active,
		.n_active = o->n_active,
		.tracer_entries = o->tracer_entries,
		.keep_ns = o->keep_ns,
		.triggers = &o->triggers,
		.after_ns = o->after_ns,
		.cool_down_ns = o->cool_down_ns,
		.max_dumps = o->max_dumps,
		.filters = o->filters.items,
		.n_filters = o->filters.n,
		.ignore_in_decode = &tr->ignore,
		.output = o->output,
		.dump = dump,
		.dump_ctx = tr,
		.next_capture = tr->link && tr->link->in_segments ? next_capture : NULL,
		.order_fd = tr->link ? tr->link->fd : -1,
		.signal_fd = tr->signal_fd,
		.attached = on_attached,
		.attached_ctx = tr,
		.launched = tr->launched.pid != 0,
	};
	int err = str_list__copy(&o->ignore_threads, &tr->ignore);

	configure_family(tr, &cfg);
	configure_events(tr, &cfg.tracer);
	if (!err)
		err = recording__run(&cfg, &tr->writer, &tr->result);
	return err ? not_recorded(tr, err) : EXIT_OK;
}

/* ---- the whole -------------------------------------------------------------------------- */

static struct trace_end end_of(struct trace *tr)
{
	return (struct trace_end){
		.o = tr->o,
		.pid = tr->target.pid,
		.capture_path = tr->capture_path,
		.capture_fd = tr->capture_fd,
		.to_capture = tr->to_capture,
		.is_member = tr->link,
		.result = &tr->result,
		.report = &tr->report,
		.ignore = &tr->ignore,
	};
}

static int trace_target(struct trace *tr)
{
	struct trace_end end;
	int status;

	status = make_plan(tr);
	if (status)
		return status;
	if (tr->o->dry_run) {
		probe_plan__print(&tr->plan, tr->target.interp, stdout);
		return EXIT_OK;
	}
	status = open_capture(tr);
	if (status)
		return status;
	status = record(tr);
	end = end_of(tr);
	if (status) {
		trace__remove_captures(&end); /* nothing was traced */
		tr->report.capture[0] = '\0';
		return status;
	}
	trace__say_end(&tr->result, tr->target.pid);
	return trace__finish(&end);
}

/* A program that was started but is not traced must not run on unseen. */
static int end_program(struct trace *tr, int status)
{
	int program;

	if (!tr->launched.pid)
		return status;
	if (!tr->result.start)
		launch__kill(&tr->launched);
	program = launch__wait(&tr->launched, tr->signal_fd);
	if (!tr->result.start)
		return status;
	return program ? program : status;
}

static void release(struct trace *tr)
{
	holder__stop(&tr->result.holder);
	tracer_early__free(tr->early);
	if (tr->wrapper_fd > 0)
		close(tr->wrapper_fd);
	capture_writer__free(&tr->writer);
	if (tr->capture_fd >= 0)
		close(tr->capture_fd);
	free(tr->capture_path);
	for (size_t i = 0; i < tr->result.n_kin; i++)
		free(tr->result.kin_captures[i]);
	free(tr->result.kin_captures);
	free(tr->ignore.items);
	target__close(&tr->target);
}

/* Captures of other interpreters: who makes the output of this one makes it of those, too. */
static void tell_of_kin(const struct trace *tr)
{
	struct member_report report = tr->report;

	report.news = MEMBER_CAPTURE;
	report.stop = tr->result.stop;
	for (size_t i = 0; i < tr->result.n_kin && *tr->report.capture; i++) {
		snprintf(report.capture, sizeof(report.capture), "%s", tr->result.kin_captures[i]);
		member__tell(tr->link, &report);
	}
}

int trace__member(const struct options *o, struct member_link *link)
{
	struct trace tr = { .o = o, .capture_fd = -1, .link = link, .report.pid = o->pid };
	int status = EXIT_FAILED;

	if (o->max_overhead)
		overhead__begin(&tr.own);
	tr.signal_fd = trace__block_signals(&tr.old_mask);
	if (tr.signal_fd >= 0)
		status = open_running(&tr);
	if (!status)
		status = trace_target(&tr);
	tell_of_kin(&tr);
	tr.report.news = MEMBER_ENDED;
	tr.report.status = status;
	tr.report.end = tr.result.end;
	tr.report.stop = tr.result.stop;
	release(&tr);
	member__tell(link, &tr.report);
	return status;
}

int cmd_trace(const struct options *o)
{
	struct trace tr = { .o = o, .capture_fd = -1 };
	int status;

	if (fleet__is_wanted(o))
		return cmd_fleet(o);
	status = trace__check(o);

	if (status)
		return status;
	if (o->max_overhead)
		overhead__begin(&tr.own);
	tr.signal_fd = trace__block_signals(&tr.old_mask);
	if (tr.signal_fd < 0)
		return EXIT_FAILED;
	status = o->program ? open_launched(&tr) : open_running(&tr);
	if (!status && !tr.launched.ended)
		status = end_program(&tr, trace_target(&tr));
	release(&tr);
	return status;
}
