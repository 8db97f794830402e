// SPDX-License-Identifier: GPL-2.0-only
#include "fleet.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../array.h"
#include "../discover/target.h"
#include "../log.h"
#include "fleet_state.h"
#include "recording_state.h"

#define TICK_MS 250
#define TARGET_IS_BAD 4 /* enum exit_code */
#define AT_ONCE 2	/* recordings that are being started: each takes some 0.3 s of a CPU */

/* ---- segments --------------------------------------------------------------------------- */

int fleet__open_segment(struct fleet *f)
{
	struct segment *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->next = f->segments;
	s->opened = clock_ns(CLOCK_MONOTONIC);
	f->segments = s;
	return 0;
}

static void add_capture(struct segment *s, const char *path)
{
	if (ARRAY_ONE_MORE(s->out.captures, s->out.n))
		return;
	s->out.captures[s->out.n] = strdup(path);
	s->out.n += s->out.captures[s->out.n] != NULL;
}

static void note_end(struct segment *s, const struct member_report *r)
{
	if (r->start && (!s->out.start || r->start < s->out.start))
		s->out.start = r->start;
	if (r->stop > s->out.stop)
		s->out.stop = r->stop;
	if (r->capture[0] && !r->short_capture)
		add_capture(s, r->capture);
}

static void hand_out(struct fleet *f, struct segment *s)
{
	struct segment **at = &f->segments;

	f->cfg->segment(f->cfg->ctx, &s->out);
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	for (size_t i = 0; i < s->out.n; i++)
		free(s->out.captures[i]);
	free(s->out.captures);
	free(s);
}

/* The segments that are over, and all of whose recordings have ended. */
static void hand_out_whole(struct fleet *f)
{
	struct segment *s = f->segments->next, *next;

	for (; s; s = next) {
		next = s->next;
		if (!s->live)
			hand_out(f, s);
	}
}

/* ---- recordings ------------------------------------------------------------------------- */

/* A recording of the process, to be started. NULL when out of memory. */
static struct recorder_of *add_recorder(struct fleet *f, pid_t target)
{
	struct recorder_of *r = calloc(1, sizeof(*r)), **at = &f->all;

	if (!r)
		return NULL;
	r->target = target;
	while (*at) /* in the order in which they came */
		at = &(*at)->next;
	*at = r;
	return r;
}

static int run_child(void *ctx, struct member_link *link)
{
	const struct recorder_of *r = ctx;
	const struct fleet_config *cfg = r->fleet->cfg;

	link->in_segments = cfg->rotate_ns || cfg->rotate_bytes;
	return cfg->run(cfg->ctx, r->target, link);
}

static void drop(struct fleet *f, struct recorder_of *r)
{
	struct recorder_of **at = &f->all;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	member__free(&r->member);
	free(r);
}

/* Who leads the family, or is about to; NULL: nobody so far. */
static struct recorder_of *leader(const struct fleet *f)
{
	struct recorder_of *r = f->cfg->family ? f->all : NULL;

	while (r && r->state == RECORDER_WAITS)
		r = r->next;
	return r;
}

/* It is followed by who leads the family. */
static void let_adopt(struct fleet *f, struct recorder_of *by, struct recorder_of *r)
{
	struct target t = {};
	char why[512] = "";
	int err = target__open(r->target, &t, why, sizeof(why));

	target__close(&t);
	if (!err) {
		err = member__adopt(&by->member, r->target);
		snprintf(why, sizeof(why), "%s", strerror(-err));
	}
	if (err) {
		log_error("process %d: %s", r->target, why);
		f->res->status = f->res->status ? f->res->status : TARGET_IS_BAD;
	}
	drop(f, r);
}

/* Recordings that wait are started, some at a time. */
static void start_some(struct fleet *f)
{
	struct recorder_of *r, *next, *by;
	int err;

	for (r = f->all; r && f->starting < AT_ONCE && !f->ending; r = next) {
		next = r->next;
		if (r->state != RECORDER_WAITS)
			continue;
		by = leader(f);
		if (by && by->state == RECORDER_STARTS)
			break;
		if (by) {
			let_adopt(f, by, r);
			continue;
		}
		r->fleet = f;
		r->segment = f->segments;
		err = member__start(&r->member, run_child, r);
		if (err) {
			log_error("process %d: cannot start its recording: %s", r->target,
				  strerror(-err));
			f->res->status = f->res->status ? f->res->status : 1;
			drop(f, r);
			continue;
		}
		r->state = RECORDER_STARTS;
		r->segment->live++;
		f->starting++;
	}
}

static void on_tracing(struct fleet *f, struct recorder_of *r)
{
	r->state = RECORDER_TRACES;
	f->starting--;
	f->res->traced++;
}

/* Its capture belongs to the segment that was; it goes on in the present one. */
static void on_cut(struct fleet *f, struct recorder_of *r)
{
	note_end(r->segment, &r->member.report);
	r->segment->live--;
	r->segment = f->segments;
	r->segment->live++;
	r->cuts = false;
	r->member.report.start = r->member.report.stop;
	r->member.report.capture[0] = '\0'; /* not known so far */
}

/* Who fits a rule was a Python a moment ago, and may be gone before it is traced: that is no failure. */
static bool came_and_went(const struct fleet *f, const struct recorder_of *r)
{
	if (r->state != RECORDER_STARTS || r->member.report.end != END_TARGET_EXIT)
		return false;
	for (size_t i = 0; i < f->cfg->n_pids; i++)
		if (f->cfg->pids[i] == r->target)
			return false;
	return true;
}

static void on_ended(struct fleet *f, struct recorder_of *r)
{
	const struct member_report *report = &r->member.report;
	bool fleeting = came_and_went(f, r);
	bool goes_on = (report->end == END_TARGET_EXEC || fleeting) && f->watch && !f->ending;

	f->starting -= r->state == RECORDER_STARTS;
	if (report->status && !f->res->status && !fleeting)
		f->res->status = report->status;
	if (f->cfg->ended)
		f->cfg->ended(f->cfg->ctx, report);
	note_end(r->segment, report);
	r->segment->live--;
	if (goes_on)
		process_watch__again(f->watch, r->target);
	drop(f, r);
}

static void listen_to_all(struct fleet *f)
{
	struct recorder_of *r, *next;

	for (r = f->all; r; r = next) {
		next = r->next;
		while (r->state != RECORDER_WAITS && member__receive(&r->member)) {
			if (r->member.report.news == MEMBER_TRACING && r->state == RECORDER_STARTS)
				on_tracing(f, r);
			else if (r->member.report.news == MEMBER_SEGMENT)
				on_cut(f, r);
			else if (r->member.report.news == MEMBER_CAPTURE)
				note_end(r->segment, &r->member.report);
			if (!r->member.ended)
				continue;
			on_ended(f, r);
			break;
		}
	}
}

/* ---- who is traced ---------------------------------------------------------------------- */

static bool is_known(const struct fleet *f, pid_t pid)
{
	const struct recorder_of *r = f->all;

	while (r && r->target != pid)
		r = r->next;
	return r || pid == getpid();
}

/* Not every process that fits is a Python, or one yet. */
static bool on_found(void *ctx, pid_t pid)
{
	struct fleet *f = ctx;
	struct target t = {};
	char why[512] = "";
	int err;

	if (is_known(f, pid))
		return true;
	err = target__open(pid, &t, why, sizeof(why));
	target__close(&t);
	if (err) {
		log_verbose("process %d fits, but: %s", pid, why);
		return false;
	}
	return add_recorder(f, pid);
}

static void look_around(struct fleet *f, uint64_t now)
{
	if (!f->watch || now < f->next_scan)
		return;
	f->next_scan = now + TICK_MS * 1000000ULL;
	process_watch__scan(f->watch, now, on_found, f);
	if (!f->all && !f->said_waiting)
		log_info("no Python process fits so far; waiting for one");
	f->said_waiting = true;
}

/* ---- the course ------------------------------------------------------------------------- */

static void take_signal(struct fleet *f)
{
	struct signalfd_siginfo si;

	if (read(f->cfg->signal_fd, &si, sizeof(si)) != sizeof(si))
		return;
	if (si.ssi_signo != SIGUSR1) {
		f->ending = true;
		return;
	}
	for (struct recorder_of *r = f->all; r; r = r->next)
		if (r->state == RECORDER_TRACES)
			kill(r->member.pid, SIGUSR1);
}

/* Waits for news, at most a tick. While it ends, further signals are left for what comes after. */
static int wait_for_news(struct fleet *f)
{
	size_t n = 0, room = 1;
	struct pollfd *fds;

	for (struct recorder_of *r = f->all; r; r = r->next)
		room++;
	fds = calloc(room, sizeof(*fds));
	if (!fds)
		return -ENOMEM;
	fds[n++] = (struct pollfd){ .fd = f->ending ? -1 : f->cfg->signal_fd, .events = POLLIN };
	for (struct recorder_of *r = f->all; r; r = r->next)
		if (r->state != RECORDER_WAITS)
			fds[n++] = (struct pollfd){ .fd = r->member.fd, .events = POLLIN };
	poll(fds, n, TICK_MS);
	if (fds[0].revents & POLLIN)
		take_signal(f);
	free(fds);
	return 0;
}

static void show_progress(const struct fleet *f, uint64_t now)
{
	size_t n = 0;

	for (const struct recorder_of *r = f->all; r; r = r->next)
		n += r->state == RECORDER_TRACES;
	log_progress("tracing %zu processes: %.1f s; Ctrl-C ends", n, (now - f->start) / 1e9);
}

static void say_tracing(struct fleet *f)
{
	if (f->said_tracing || f->starting || (!f->watch && !f->res->traced))
		return;
	for (const struct recorder_of *r = f->all; r; r = r->next)
		if (r->state == RECORDER_WAITS)
			return;
	f->said_tracing = true;
	f->start = clock_ns(CLOCK_MONOTONIC);
	if (f->cfg->tracing)
		f->cfg->tracing(f->cfg->ctx);
}

static int follow(struct fleet *f)
{
	int err = 0;

	while (!f->ending && !err) {
		uint64_t now = clock_ns(CLOCK_MONOTONIC);

		look_around(f, now);
		start_some(f);
		if (!f->all && !f->watch)
			break;
		err = wait_for_news(f);
		listen_to_all(f);
		hand_out_whole(f);
		say_tracing(f);
		now = clock_ns(CLOCK_MONOTONIC);
		fleet__rotate(f, now);
		if (f->cfg->duration_ns && f->said_tracing && now - f->start >= f->cfg->duration_ns)
			f->ending = true;
		if (f->cfg->tick)
			f->cfg->tick(f->cfg->ctx);
		show_progress(f, now);
	}
	log_progress(NULL);
	return err;
}

static void end_all(struct fleet *f)
{
	struct recorder_of *r, *next;

	f->ending = true;
	for (r = f->all; r; r = next) {
		next = r->next;
		if (r->state == RECORDER_WAITS)
			drop(f, r);
		else
			member__stop(&r->member);
	}
	while (f->all) {
		if (wait_for_news(f))
			break;
		listen_to_all(f);
	}
	hand_out_whole(f);
	f->segments->out.last = true;
	hand_out(f, f->segments);
}

int fleet__run(const struct fleet_config *cfg, struct fleet_result *res)
{
	struct fleet f = { .cfg = cfg, .res = res };
	int err = fleet__open_segment(&f);

	memset(res, 0, sizeof(*res));
	if (err)
		return err;
	if (cfg->rules.command_lines->n || cfg->rules.cgroups->n) {
		f.watch = process_watch__new("/proc", &cfg->rules);
		err = f.watch ? 0 : -ENOMEM;
	}
	for (size_t i = 0; i < cfg->n_pids && !err; i++)
		if (!is_known(&f, cfg->pids[i]))
			err = add_recorder(&f, cfg->pids[i]) ? 0 : -ENOMEM;
	if (!err)
		err = follow(&f);
	end_all(&f);
	process_watch__free(f.watch);
	return err;
}
