// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dumps: what was recorded so far as a trace of its own, while recording goes on. A child copies the
 * capture, adds what the kernel side still holds (open calls, calls not written yet), and converts
 * the copy, so that neither the recording nor its capture notices.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../log.h"
#include "../outfile.h"
#include "../stamped_path.h"
#include "recording_state.h"

#define COPY_BYTES (1 << 20)
#define EXPR_BYTES 4096
#define NAME_FOLLOWS 1 /* first character of the line with which a child tells its dump's name */
#define ROUNDS 64      /* of reading the ring: beyond that the target is faster than we are */

/* ---- what is in it ---------------------------------------------------------------------- */

uint64_t snapshot__collect(struct recording *r, struct held *held)
{
	r->held = held;
	if (!r->paused && !r->closed)
		tracer__peek(r->tracer, clock_ns(CLOCK_MONOTONIC), held__add, held);
	for (int i = 0; i < ROUNDS && tracer__poll(r->tracer) > 0; i++)
		;
	r->held = NULL;
	return r->closed ? r->res->stop : clock_ns(CLOCK_MONOTONIC);
}

/* ---- the child -------------------------------------------------------------------------- */

static bool cancelled(void)
{
	sigset_t set;

	return sigpending(&set) || sigismember(&set, SIGTERM) || sigismember(&set, SIGINT);
}

static int copy_bytes(int from, int to, uint64_t size)
{
	char *buf = malloc(COPY_BYTES);
	uint64_t at = 0;
	ssize_t n = 1;

	while (buf && at < size && n > 0 && !cancelled()) {
		size_t want = size - at < COPY_BYTES ? size - at : COPY_BYTES;

		n = pread(from, buf, want, at);
		if (n > 0)
			n = write(to, buf, n);
		if (n > 0)
			at += n;
	}
	free(buf);
	if (at == size)
		return 0;
	return !buf ? -ENOMEM : cancelled() ? -ECANCELED : n < 0 ? -errno : -EIO;
}

static void put_hit(struct capture_writer *w, const struct snapshot *d, pid_t pid)
{
	size_t expr = strlen(d->expr), name = strlen(d->hit.name);
	union {
		struct vtbpf_rec_hit hit;
		char room[sizeof(struct vtbpf_rec_hit) + EXPR_BYTES + HIT_NAME_BYTES + 8];
	} u = {};

	if (expr > EXPR_BYTES)
		expr = EXPR_BYTES;
	u.hit.rec.len = (sizeof(u.hit) + expr + name + 7) & ~7UL;
	u.hit.rec.kind = VTBPF_REC_HIT;
	u.hit.rec.tid = d->hit.tid ? d->hit.tid : pid;
	u.hit.ts = d->hit.ts;
	u.hit.value = d->hit.value;
	u.hit.expr_bytes = expr;
	u.hit.name_bytes = name;
	memcpy(u.room + sizeof(u.hit), d->expr, expr);
	memcpy(u.room + sizeof(u.hit) + expr, d->hit.name, name);
	capture_writer__append(w, &u.hit.rec);
}

/* When the oldest calls ended that the dump has: what it is for counts from its own moment. */
static uint64_t since(const struct recording *r, const struct snapshot *d, uint64_t end)
{
	return flight__since(r, d->asker == DUMP_FOR_HIT ? d->hit.ts : end);
}

/* The writer goes on, in this process only, in the copy. */
static int complete_copy(struct recording *r, const struct snapshot *d, int fd,
			 const struct held *held, uint64_t end)
{
	int err = copy_bytes(r->w->fd, fd, r->w->written);

	if (err)
		return err;
	r->w->fd = fd;
	flight__write(r, since(r, d, end), end);
	if (d->asker == DUMP_FOR_HIT)
		put_hit(r->w, d, r->cfg->target->pid);
	held__write(held, r->w, since(r, d, end), end);
	if (!r->closed && r->paused)
		window__put_pause(r, end);
	else if (!r->closed)
		window__put_idle(r, end);
	pacing__put_window(r, end);
	sources__write(r->sources, r->cfg->target, r->w);
	wall_clock__put(r->w);
	capture_writer__end(r->w, end);
	return r->w->err;
}

/* ---- names ------------------------------------------------------------------------------ */

/* Whole, as others are told of it. malloc'ed. */
static char *dump_path(struct recording *r)
{
	char *cwd = getcwd(NULL, 0);
	char *path = stamped_path__new(r->cfg->output, cwd, &r->n_dumps);

	free(cwd);
	return path;
}

/* ---- the child -------------------------------------------------------------------------- */

#define NAMES 1000 /* tried: traces of several processes write beside the same output */

/* To a name that nobody else has taken meanwhile, which the parent is told. */
static int convert(struct recording *r, struct snapshot *d, const char *capture)
{
	int err = r->cfg->dump(r->cfg->dump_ctx, capture, d->path);

	for (int i = 0; i < NAMES && err == -EEXIST; i++) {
		free(d->path);
		d->path = dump_path(r);
		err = d->path ? r->cfg->dump(r->cfg->dump_ctx, capture, d->path) : -ENOMEM;
	}
	if (!err)
		dprintf(STDERR_FILENO, "%c%s\n", NAME_FOLLOWS, d->path);
	return err;
}

static void child(struct recording *r, struct snapshot *d, const struct held *held, uint64_t end)
{
	struct outfile f = {};
	int err;

	prctl(PR_SET_NAME, "vtbpf-dump");
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	tracer__leave(r->tracer);
	dup2(d->fd, STDERR_FILENO);
	log_set_progress(false);
	if (nice(10) == -1)
		log_debug("a dump at full priority");
	err = outfile__create(&f, d->path, ".vtb", 0600);
	if (!err)
		err = complete_copy(r, d, f.fd, held, end);
	if (err)
		log_error("%s: %s", d->path, strerror(-err));
	else
		err = convert(r, d, f.tmp_path);
	outfile__abort(&f);
	_exit(err ? 1 : 0);
}

/* ---- the parent ------------------------------------------------------------------------- */

/* A full disk would end the trace itself. */
static bool has_room(const struct recording *r)
{
	struct recorder_use use = {};
	struct statvfs fs;

	if (r->recorder)
		recorder__use(r->recorder, &use);
	return fstatvfs(r->w->fd, &fs) ||
	       fs.f_bavail * fs.f_frsize > 2 * (r->w->written + use.bytes);
}

static int check_room(const struct recording *r, char *why, size_t why_size)
{
	if (!r->cfg->dump || outfile__is_stream(r->cfg->output)) {
		snprintf(why, why_size, "the output %s is no file: a dump has no place beside it",
			 r->cfg->output);
		return -EINVAL;
	}
	if (has_room(r))
		return 0;
	snprintf(why, why_size, "not enough room on the disk for a dump beside the trace");
	return -ENOSPC;
}

static int start_child(struct recording *r, struct snapshot *d, const struct held *held,
		       uint64_t end)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	fflush(NULL);
	d->n_said = 0;
	d->pid = fork();
	if (!d->pid) {
		close(fds[0]);
		d->fd = fds[1];
		child(r, d, held, end);
	}
	close(fds[1]);
	if (d->pid < 0) {
		d->pid = 0;
		close(fds[0]);
		return -errno;
	}
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	d->fd = fds[0];
	return 0;
}

static int begin(struct recording *r, struct snapshot *d)
{
	struct held held = {};
	uint64_t end;
	int err;

	d->path = dump_path(r);
	end = snapshot__collect(r, &held);
	err = d->path ? capture_writer__flush(r->w) : -ENOMEM;
	if (!err)
		err = start_child(r, d, &held, end);
	held__release(&held);
	if (!err)
		return 0;
	free(d->path);
	d->path = NULL;
	return err;
}

static struct snapshot *free_place(struct recording *r)
{
	for (size_t i = 0; i < DUMPS_AT_ONCE; i++)
		if (!r->dumps[i].pid)
			return &r->dumps[i];
	return NULL;
}

int snapshot__begin(struct recording *r, enum dump_asker asker, char *why, size_t why_size)
{
	struct snapshot *d = free_place(r);
	int err;

	for (size_t i = 0; i < DUMPS_AT_ONCE; i++)
		if (r->dumps[i].pid && r->dumps[i].asker == asker)
			return 0; /* who asks gets that one */
	err = check_room(r, why, why_size);
	if (err)
		return err;
	if (!d) {
		snprintf(why, why_size, "%d dumps are being written; ask again", DUMPS_AT_ONCE);
		return -EBUSY;
	}
	d->asker = asker;
	err = begin(r, d);
	if (err)
		snprintf(why, why_size, "%s", strerror(-err));
	return err;
}

int snapshot__for_hit(struct recording *r, const struct hit *hit, const char *expr)
{
	struct snapshot *d = free_place(r);
	char why[512] = "";
	int err;

	if (!d)
		return -EBUSY;
	err = check_room(r, why, sizeof(why));
	d->asker = DUMP_FOR_HIT;
	d->hit = *hit;
	d->expr = expr;
	if (!err) {
		err = begin(r, d);
		if (err)
			snprintf(why, sizeof(why), "%s", strerror(-err));
	}
	if (err)
		log_error("%s: no dump: %s", expr, why);
	return err;
}

void snapshot__on_signal(struct recording *r)
{
	char why[512] = "";

	if (snapshot__begin(r, DUMP_FOR_SIGNAL, why, sizeof(why)))
		log_error("SIGUSR1: no dump: %s", why);
}

/* The child's messages, one line after the other: without the name, which is said again. */
static void tell(struct recording *r, const struct snapshot *d, bool whole)
{
	char text[sizeof(d->said) + 64];
	const char *said = d->said;

	if (!strncmp(said, "vtbpf: ", 7))
		said += 7;
	if (whole)
		snprintf(text, sizeof(text), "%s\n", d->path);
	else
		snprintf(text, sizeof(text), "%s",
			 *said ? said : "the dump ended before it was whole\n");
	if (d->asker == DUMP_FOR_CTL) {
		control__answer(r->control, CTL_DUMP, whole ? CONTROL_OK : CONTROL_ERROR, text);
		return;
	}
	text[strcspn(text, "\n")] = '\0';
	if (whole && d->asker == DUMP_FOR_HIT)
		log_info("%s (%s): wrote %s", d->expr, d->hit.name, text);
	else if (whole)
		log_info("wrote %s", text);
	else
		log_error("%s: no dump: %s", d->asker == DUMP_FOR_HIT ? d->expr : "SIGUSR1", text);
	r->res->dumps += whole && d->asker == DUMP_FOR_HIT;
}

/* It may have another one than it began with. */
static void take_name(struct snapshot *d)
{
	char *name = memchr(d->said, NAME_FOLLOWS, d->n_said), *copy;

	if (!name || !strchr(name, '\n'))
		return;
	copy = strndup(name + 1, strcspn(name + 1, "\n"));
	if (!copy)
		return;
	free(d->path);
	d->path = copy;
}

static void finish(struct recording *r, struct snapshot *d)
{
	int status = -1;

	while (waitpid(d->pid, &status, 0) < 0 && errno == EINTR)
		;
	d->said[d->n_said] = '\0';
	take_name(d);
	tell(r, d, WIFEXITED(status) && !WEXITSTATUS(status));
	close(d->fd);
	free(d->path);
	d->path = NULL;
	d->pid = 0;
}

static void look_after(struct recording *r, struct snapshot *d)
{
	char buf[512];
	ssize_t n;

	while ((n = read(d->fd, buf, sizeof(buf))) > 0) {
		size_t room = sizeof(d->said) - 1 - d->n_said;

		if ((size_t)n > room)
			n = room;
		memcpy(d->said + d->n_said, buf, n);
		d->n_said += n;
	}
	if (!n)
		finish(r, d);
}

void snapshot__tick(struct recording *r)
{
	for (size_t i = 0; i < DUMPS_AT_ONCE; i++)
		if (r->dumps[i].pid)
			look_after(r, &r->dumps[i]);
}

static void give_up(struct recording *r, struct snapshot *d)
{
	kill(d->pid, SIGTERM);
	if (r->triggers)
		d->n_said = snprintf(d->said, sizeof(d->said), "the dump was abandoned\n");
	else
		d->n_said = snprintf(d->said, sizeof(d->said),
				     "the trace has ended, and will be in %s: the dump was given "
				     "up\n",
				     r->cfg->output);
	if (d->n_said >= sizeof(d->said))
		d->n_said = sizeof(d->said) - 1;
	finish(r, d);
}

void snapshot__end(struct recording *r)
{
	for (size_t i = 0; i < DUMPS_AT_ONCE; i++)
		if (r->dumps[i].pid)
			give_up(r, &r->dumps[i]);
}

bool snapshot__wait(struct recording *r)
{
	struct pollfd fds[DUMPS_AT_ONCE + 1];
	bool any = false;

	for (size_t i = 0; i < DUMPS_AT_ONCE; i++) {
		fds[i] = (struct pollfd){ .fd = r->dumps[i].pid ? r->dumps[i].fd : -1,
					  .events = POLLIN };
		any |= r->dumps[i].pid;
	}
	if (!any)
		return false;
	fds[DUMPS_AT_ONCE] = (struct pollfd){ .fd = r->cfg->signal_fd, .events = POLLIN };
	poll(fds, DUMPS_AT_ONCE + 1, -1);
	if (fds[DUMPS_AT_ONCE].revents & POLLIN && recording__next_signal(r) != SIGUSR1) {
		snapshot__end(r);
		return true;
	}
	snapshot__tick(r);
	return true;
}
