// SPDX-License-Identifier: GPL-2.0-only
/* The trace of several processes, and what else makes it a service: one file, or file after file. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands.h"
#include "convert.h"
#include "daemon.h"
#include "finish.h"
#include "log.h"
#include "rotation.h"
#include "trace/fleet.h"
#include "tracing.h"

/* A file of the rotation that a child is writing. */
struct writing {
	pid_t pid;
	char *path;
	struct writing *next;
};

struct service {
	const struct options *o;
	struct options member; /* what each recording is told */
	struct rotation rotation;
	struct pidfile pidfile;
	struct writing *writing;
	char (*last_words)[MEMBER_WORDS]; /* of recordings that are over: for their segment's end */
	size_t n_last_words;
	int status;
};

static bool rotates(const struct options *o)
{
	return o->rotate_ns || o->rotate_bytes;
}

/* ---- recordings ------------------------------------------------------------------------- */

static int run_member(void *ctx, pid_t pid, struct member_link *link)
{
	struct service *s = ctx;

	s->member.pid = pid;
	return trace__member(&s->member, link);
}

static void on_ended(void *ctx, const struct member_report *report)
{
	struct service *s = ctx;
	void *more;

	if (!*report->last_words)
		return;
	more = realloc(s->last_words, (s->n_last_words + 1) * sizeof(*s->last_words));
	if (!more) {
		log_info("%s", report->last_words);
		return;
	}
	s->last_words = more;
	memcpy(s->last_words[s->n_last_words++], report->last_words, MEMBER_WORDS);
}

static void on_tracing(void *ctx)
{
	struct service *s = ctx;

	if (s->o->pidfile)
		pidfile__write(&s->pidfile, s->o->pidfile); /* it says so if it cannot */
	daemon__notify("READY=1");
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
	c.output_new = rotates(s->o);
	c.more_inputs = (const char **)seg->captures + 1;
	c.n_more_inputs = seg->n - 1;
	c.filter = (struct slice_filter){ .max_stack_depth = -1 };
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

static void written(struct service *s, struct writing *w, int status)
{
	struct writing **at = &s->writing;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		rotation__written(&s->rotation, w->path);
	else
		s->status = EXIT_FAILED;
	free(w->path);
	free(w);
}

/* Files that are whole by now; with `all`, waits for the others. */
static void look_after_files(struct service *s, bool all)
{
	struct writing *w, *next;
	int status;
	pid_t got;

	for (w = s->writing; w; w = next) {
		next = w->next;
		do {
			got = waitpid(w->pid, &status, all ? 0 : WNOHANG);
		} while (got < 0 && errno == EINTR);
		if (got == w->pid)
			written(s, w, status);
	}
}

static void tick(void *ctx)
{
	look_after_files(ctx, false);
}

/* In a child, so that tracing goes on. It is not to take much from the programs that are traced. */
static int write_beside(struct service *s, const struct fleet_segment *seg, char *path)
{
	struct writing *w = calloc(1, sizeof(*w)), **at = &s->writing;

	if (!w)
		return -ENOMEM;
	fflush(NULL);
	w->pid = fork();
	if (!w->pid) {
		prctl(PR_SET_NAME, "vtbpf-writer");
		log_set_progress(false);
		if (nice(10) == -1)
			log_debug("a file is written at full priority");
		_exit(write_segment(s, seg, path));
	}
	if (w->pid < 0) {
		free(w);
		return -errno;
	}
	w->path = path;
	while (*at) /* the order of the files is that of time */
		at = &(*at)->next;
	*at = w;
	return 0;
}

static void rotate(struct service *s, const struct fleet_segment *seg)
{
	char *path = rotation__next_path(&s->rotation);
	int err = path ? 0 : -ENOMEM;

	if (!err && !seg->last) {
		err = write_beside(s, seg, path);
		if (!err)
			return;
	}
	if (seg->last) {
		look_after_files(s, true);
		if (!err && !write_segment(s, seg, path))
			rotation__written(&s->rotation, path);
		else
			s->status = EXIT_FAILED;
	} else {
		log_error("cannot write a file: %s", strerror(-err));
		say_kept(seg);
		s->status = EXIT_FAILED;
	}
	free(path);
}

static void write_or_wait(struct service *s, const struct fleet_segment *seg)
{
	if (!seg->n) {
		if (seg->last)
			look_after_files(s, true);
		return;
	}
	if (rotates(s->o))
		rotate(s, seg);
	else
		s->status = write_segment(s, seg, s->o->output);
}

static void on_segment(void *ctx, const struct fleet_segment *seg)
{
	struct service *s = ctx;

	if (seg->last)
		daemon__notify("STOPPING=1");
	write_or_wait(s, seg);
	for (size_t i = 0; i < s->n_last_words; i++)
		log_info("%s", s->last_words[i]);
	free(s->last_words);
	s->last_words = NULL;
	s->n_last_words = 0;
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
		.family = o->follow,
		.duration_ns = o->duration_ns,
		.rotate_ns = o->rotate_ns,
		.rotate_bytes = o->rotate_bytes,
		.max_memory = o->max_memory,
		.signal_fd = signal_fd,
		.run = run_member,
		.ended = on_ended,
		.tracing = on_tracing,
		.segment = on_segment,
		.tick = tick,
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
	return o->several || rotates(o) || o->max_memory || o->pidfile;
}

int cmd_fleet(const struct options *o)
{
	struct service s = { .o = o, .member = *o };
	sigset_t old;
	int fd, status;

	s.member.duration_ns = 0;
	s.member.n_pids = 0;
	s.member.several = false;
	s.member.rotate_ns = s.member.rotate_bytes = 0;
	s.member.max_memory = 0;
	s.member.small_maps = o->several && !o->follow;
	if (o->dry_run)
		return dry_run(&s);
	status = trace__check(o);
	if (status)
		return status;
	if (o->pidfile && pidfile__check(o->pidfile))
		return EXIT_FAILED;
	if (rotation__start(&s.rotation, o->output, o->keep))
		return EXIT_FAILED;
	fd = trace__block_signals(&old);
	status = fd < 0 ? EXIT_FAILED : trace_all(&s, fd);
	pidfile__remove(&s.pidfile);
	rotation__free(&s.rotation);
	return status;
}
