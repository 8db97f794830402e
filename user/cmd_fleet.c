// SPDX-License-Identifier: GPL-2.0-only
/* The trace of several processes. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "convert.h"
#include "finish.h"
#include "log.h"
#include "trace/fleet.h"
#include "tracing.h"

struct service {
	const struct options *o;
	struct options member; /* what each recording is told */
	int status;
};

/* ---- recordings ------------------------------------------------------------------------- */

static int run_member(void *ctx, pid_t pid, struct member_link *link)
{
	struct service *s = ctx;

	s->member.pid = pid;
	return trace__member(&s->member, link);
}

/* ---- output ----------------------------------------------------------------------------- */

static void say_kept(const struct fleet_segment *seg)
{
	for (size_t i = 0; i < seg->n; i++)
		log_error(
			"the capture is kept: %s; 'vtbpf convert CAPTURE... -o OUT' makes a trace "
			"of one or more",
			seg->captures[i]);
}

/* What each recording left out, it has said in its capture: nothing is to be left out again, by who
 * knows only what was asked for at the beginning. */
static int write_segment(const struct service *s, const struct fleet_segment *seg, const char *path)
{
	struct convert_options c = finish__options(s->o, seg->captures[0]);
	struct convert_summary sum;
	int err;

	c.output = path;
	c.more_inputs = (const char **)seg->captures + 1;
	c.n_more_inputs = seg->n - 1;
	c.filter = (struct slice_filter){
		.min_duration_ns = s->o->min_duration_ns,
		.max_stack_depth = s->o->max_stack_depth,
	};
	finish__catch_signals();
	err = convert__run(&c, &sum);
	if (err) {
		say_kept(seg);
		return EXIT_FAILED;
	}
	for (size_t i = 0; i < seg->n; i++)
		unlink(seg->captures[i]);
	finish__say(path, &sum, seg->stop > seg->start ? seg->stop - seg->start : 0);
	return EXIT_OK;
}

static void on_segment(void *ctx, const struct fleet_segment *seg)
{
	struct service *s = ctx;

	if (seg->n)
		s->status = write_segment(s, seg, s->o->output);
}

/* ---- the whole -------------------------------------------------------------------------- */

static int dry_run(const struct service *s)
{
	struct options one = s->member;
	int status = EXIT_OK;

	if (!s->o->n_pids) {
		log_error("--dry-run: of which processes? give them with -p");
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < s->o->n_pids && !status; i++) {
		one.pid = s->o->pids[i];
		status = cmd_trace(&one);
	}
	return status;
}

static int trace_all(struct service *s, int signal_fd)
{
	const struct options *o = s->o;
	const struct fleet_config cfg = {
		.pids = o->pids,
		.n_pids = o->n_pids,
		.rules = { &o->match, &o->cgroups },
		.duration_ns = o->duration_ns,
		.signal_fd = signal_fd,
		.run = run_member,
		.segment = on_segment,
		.ctx = s,
	};
	struct fleet_result res;
	int err = fleet__run(&cfg, &res);

	if (err)
		log_error("%s", strerror(-err));
	if (!res.traced && !res.status && !err)
		log_error("no process that fits could be traced");
	if (res.status && !s->status)
		s->status = res.status;
	if (!res.traced && !s->status)
		s->status = EXIT_BAD_TARGET;
	return err ? EXIT_FAILED : s->status;
}

bool fleet__is_wanted(const struct options *o)
{
	return o->several;
}

int cmd_fleet(const struct options *o)
{
	struct service s = { .o = o, .member = *o };
	sigset_t old;
	int fd, status;

	s.member.duration_ns = 0;
	s.member.n_pids = 0;
	s.member.several = false;
	s.member.small_maps = o->several;
	if (o->dry_run)
		return dry_run(&s);
	status = trace__check(o);
	if (status)
		return status;
	fd = trace__block_signals(&old);
	status = fd < 0 ? EXIT_FAILED : trace_all(&s, fd);
	return status;
}
