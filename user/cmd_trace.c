// SPDX-License-Identifier: GPL-2.0-only
/* The trace, step by step: target, plan, recording, conversion. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

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
#include "units.h"

struct trace {
	const struct options *o;
	struct launched launched; /* pid 0: none */
	struct target target;
	struct probe_plan plan;
	struct gc_plan gc;     /* with --gc */
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

static int open_launched(struct trace *tr)
{
	int err = launch__start(&tr->launched, tr->o->program, &tr->old_mask);

	if (err)
		return EXIT_NO_PRIVILEGE;
	start_early(tr); /* no earlier: a process of several threads had better not fork */
	err = launch__until_python(&tr->launched, tr->signal_fd, &tr->target);
	return err ? program_without_python(tr) : EXIT_OK;
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
	if (err) {
		log_error("process %d (%s): %s", tr->target.pid, tr->target.interp, why);
		return EXIT_BAD_TARGET;
	}
	log_verbose("process %d runs CPython %s from %s", tr->target.pid,
		    py_version_str(tr->plan.version, version, sizeof(version)), tr->target.interp);
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
	log_error("tracing %d… (CPython %s%s)", tr->target.pid,
		  py_version_str(tr->plan.version, version, sizeof(version)), inner);
	if (tr->launched.pid)
		launch__release(&tr->launched);
	if (!tr->link)
		return;
	tr->report.news = MEMBER_TRACING;
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

static int copy_list(const struct str_list *from, struct str_list *to)
{
	to->items = calloc(from->n + 1, sizeof(*to->items));
	if (!to->items)
		return -ENOMEM;
	to->n = from->n;
	for (size_t i = 0; i < from->n; i++)
		to->items[i] = from->items[i];
	return 0;
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
			.gc = tr->gc.n ? &tr->gc : NULL,
			.mark = tr->mark.offset ? &tr->mark : NULL,
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
		.cut_fd = tr->link ? tr->link->fd : -1,
		.signal_fd = tr->signal_fd,
		.attached = on_attached,
		.attached_ctx = tr,
		.launched = tr->launched.pid != 0,
	};
	int err = copy_list(&o->ignore_threads, &tr->ignore);

	if (!err)
		err = recording__run(&cfg, &tr->writer, &tr->result);
	return err ? not_recorded(tr, err) : EXIT_OK;
}

/* ---- output ----------------------------------------------------------------------------- */

static int capture_is_short(struct trace *tr)
{
	if (!access(tr->capture_path, F_OK))
		log_error("%s: %s; what was captured until then is kept there: "
			  "vtbpf convert %s -o OUT",
			  tr->capture_path, strerror(-tr->result.capture_err), tr->capture_path);
	else
		log_error("%s: %s, and the file is gone; what was captured is lost",
			  tr->capture_path, strerror(-tr->result.capture_err));
	return EXIT_FAILED;
}

static void say_samples(const struct trace *tr, const char *size)
{
	const struct vtbpf_sample_counters *n = &tr->result.samples;

	log_info("wrote %s (%s): %llu samples taken, %.1f s, %llu lost, %llu unreadable",
		 tr->capture_path, size, (unsigned long long)n->taken,
		 (tr->result.stop - tr->result.start) / 1e9, (unsigned long long)n->lost,
		 (unsigned long long)n->unreadable);
}

static int finish_capture(struct trace *tr)
{
	const struct vtbpf_counters *n = &tr->result.counters;
	struct convert_summary left_out = {
		.ignored = n->ignored,
		.ignored_threads = tr->result.ignored_threads,
		.hidden = n->hidden,
		.too_short = n->below_min,
		.too_deep = n->too_deep,
		.too_old = tr->result.overwritten,
	};
	char size[32] = "";
	struct stat st;

	finish__say_removed(&left_out);
	if (!fstat(tr->capture_fd, &st))
		format_size(st.st_size, size, sizeof(size));
	if (tr->o->hz) {
		say_samples(tr, size);
		overhead__say(&tr->result);
		return EXIT_OK;
	}
	log_info("wrote %s (%s): %llu calls, %.1f s, %llu lost", tr->capture_path, size,
		 (unsigned long long)tr->result.calls, (tr->result.stop - tr->result.start) / 1e9,
		 (unsigned long long)tr->result.lost);
	overhead__say(&tr->result);
	return tr->result.end == END_FAILED ? EXIT_FAILED : EXIT_OK;
}

/* With triggers there is nothing but their dumps. */
static int finish_dumps(struct trace *tr)
{
	const struct hits_sums *hits = &tr->result.hits;
	unsigned long long suppressed = hits->suppressed, beyond = hits->beyond;

	unlink(tr->capture_path);
	log_info("wrote %u dump%s: %llu calls, %.1f s, %llu hits suppressed (%llu in a cool-down, "
		 "%llu beyond --max-dumps %u), %llu lost",
		 tr->result.dumps, tr->result.dumps == 1 ? "" : "s",
		 (unsigned long long)tr->result.calls, (tr->result.stop - tr->result.start) / 1e9,
		 suppressed + beyond, suppressed, beyond, tr->o->max_dumps,
		 (unsigned long long)tr->result.lost);
	return tr->result.dumps < hits->taken ? EXIT_FAILED : EXIT_OK;
}

static int finish(struct trace *tr)
{
	struct convert_options c = finish__options(tr->o, tr->capture_path);
	struct convert_summary sum;
	int err;

	tr->report.short_capture = tr->result.capture_err;
	if (tr->result.capture_err)
		return capture_is_short(tr);
	if (tr->o->triggers.n) {
		tr->report.capture[0] = '\0';
		return finish_dumps(tr);
	}
	if (tr->link) {
		overhead__format(&tr->result, tr->target.pid, tr->report.last_words,
				 sizeof(tr->report.last_words));
		return EXIT_OK;
	}
	if (tr->to_capture)
		return finish_capture(tr);
	c.filter.ignore_threads = tr->ignore.items;
	c.filter.n_ignore_threads = tr->ignore.n;
	finish__catch_signals();
	err = convert__run(&c, &sum);
	if (err) {
		log_error("the capture is kept: vtbpf convert %s -o OUT", tr->capture_path);
		return EXIT_FAILED;
	}
	unlink(tr->capture_path);
	finish__say(tr->o->output, &sum, tr->result.stop - tr->result.start);
	overhead__say(&tr->result);
	return tr->result.end == END_FAILED ? EXIT_FAILED : EXIT_OK;
}

/* ---- the whole -------------------------------------------------------------------------- */

static int trace_target(struct trace *tr)
{
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
	if (status) {
		unlink(tr->capture_path); /* nothing was traced */
		tr->report.capture[0] = '\0';
		return status;
	}
	trace__say_end(&tr->result, tr->target.pid);
	return finish(tr);
}

/* A program that was started but is not traced must not run on unseen. */
static int end_program(struct trace *tr, int status)
{
	int program;

	if (!tr->launched.pid)
		return status;
	if (!tr->result.start && !tr->launched.ended)
		kill(tr->launched.pid, SIGKILL);
	program = launch__wait(&tr->launched, tr->signal_fd);
	if (!tr->result.start)
		return status;
	return program ? program : status;
}

static void release(struct trace *tr)
{
	holder__stop(&tr->result.holder);
	tracer_early__free(tr->early);
	capture_writer__free(&tr->writer);
	if (tr->capture_fd >= 0)
		close(tr->capture_fd);
	free(tr->capture_path);
	free(tr->ignore.items);
	target__close(&tr->target);
}

int trace__member(const struct options *o, struct member_link *link)
{
	struct trace tr = { .o = o, .capture_fd = -1, .link = link };
	int status = EXIT_FAILED;

	if (o->max_overhead)
		overhead__begin(&tr.own);
	tr.signal_fd = trace__block_signals(&tr.old_mask);
	if (tr.signal_fd >= 0)
		status = open_running(&tr);
	if (!status)
		status = trace_target(&tr);
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
