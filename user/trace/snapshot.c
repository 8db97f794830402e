// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dumps: what was recorded so far as a trace of its own, while recording goes on. A child copies the
 * capture, adds what the kernel side still holds (open calls, calls not written yet), and converts
 * the copy, so that neither the recording nor its capture notices.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <uthash.h>

#include "../log.h"
#include "../outfile.h"
#include "recording_state.h"

#define COPY_BYTES (1 << 20)
#define ROUNDS 64 /* of reading the ring: beyond that the target is faster than we are */

/* ---- what the kernel side holds --------------------------------------------------------- */

/* What makes a call out among all. */
struct held_key {
	uint64_t start;
	uint32_t tid, track, depth, _pad;
};

struct held_call {
	struct held_key key;
	struct vtbpf_rec *rec; /* NULL: it was written meanwhile */
	UT_hash_handle hh;
};

static struct held_key key_of(const struct vtbpf_rec *rec)
{
	const struct vtbpf_rec_call *call = (const void *)rec;
	struct held_key key = { .start = call->start, .tid = rec->tid, .depth = call->depth };

	if (rec->kind == VTBPF_REC_CALL_TRACK)
		key.track = ((const struct vtbpf_rec_call_track *)rec)->track;
	return key;
}

static bool is_call(const struct vtbpf_rec *rec)
{
	return rec->kind == VTBPF_REC_CALL || rec->kind == VTBPF_REC_CALL_TRACK;
}

/* Takes a copy of a record that the sweep of the running maps yields. */
static int hold(void *ctx, const struct vtbpf_rec *rec)
{
	struct held *held = ctx;
	struct held_call *c, *same;

	c = calloc(1, sizeof(*c));
	if (!c || !(c->rec = malloc(rec->len))) {
		free(c);
		return -ENOMEM;
	}
	memcpy(c->rec, rec, rec->len);
	if (is_call(rec))
		c->key = key_of(rec);
	else /* made up: no call starts at its own number in the list */
		c->key = (struct held_key){ .tid = UINT32_MAX, .start = HASH_COUNT(held->calls) };
	HASH_FIND(hh, held->calls, &c->key, sizeof(c->key), same);
	if (same) {
		free(c->rec);
		free(c);
		return 0;
	}
	HASH_ADD(hh, held->calls, key, sizeof(c->key), c);
	return 0;
}

/* A call comes through the ring: it is in the capture, and no longer held. */
void snapshot__written(struct recording *r, const struct vtbpf_rec *rec)
{
	struct held_key key = key_of(rec);
	struct held_call *c;

	HASH_FIND(hh, r->held->calls, &key, sizeof(key), c);
	if (!c)
		return;
	free(c->rec);
	c->rec = NULL;
}

static void free_held(struct held *held)
{
	struct held_call *c, *tmp;

	HASH_ITER(hh, held->calls, c, tmp) {
		HASH_DEL(held->calls, c);
		free(c->rec);
		free(c);
	}
}

/* In the order of the sweep: callees before callers. */
static void write_held(const struct held *held, struct capture_writer *w, uint64_t since,
		       uint64_t end)
{
	for (struct held_call *c = held->calls; c; c = c->hh.next) {
		struct vtbpf_rec_call *call = (void *)c->rec;

		if (!call)
			continue;
		if (is_call(c->rec) && c->rec->flags & VTBPF_F_OPEN_END)
			call->dur = end > call->start ? end - call->start : 0;
		if (!is_call(c->rec) || call->start + call->dur >= since)
			capture_writer__append(w, c->rec);
	}
}

/* What is held, and then the ring, so that nothing falls between the two. Returns the moment up to
 * which all is there. */
static uint64_t collect(struct recording *r, struct held *held)
{
	r->held = held;
	if (!r->paused)
		tracer__peek(r->tracer, clock_ns(CLOCK_MONOTONIC), hold, held);
	for (int i = 0; i < ROUNDS && tracer__poll(r->tracer) > 0; i++)
		;
	r->held = NULL;
	return clock_ns(CLOCK_MONOTONIC);
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

/* The writer goes on, in this process only, in the copy. */
static int complete_copy(struct recording *r, int fd, const struct held *held, uint64_t end)
{
	int err = copy_bytes(r->w->fd, fd, r->w->written);

	if (err)
		return err;
	r->w->fd = fd;
	flight__dump(r, end);
	write_held(held, r->w, flight__since(r, end), end);
	if (r->paused)
		window__put_pause(r, end);
	else
		window__put_idle(r, end);
	sources__write(r->sources, r->cfg->target, r->w);
	capture_writer__end(r->w, end);
	return r->w->err;
}

static void child(struct recording *r, const struct snapshot *d, const struct held *held,
		  uint64_t end)
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
		err = complete_copy(r, f.fd, held, end);
	if (err)
		log_error("%s: %s", d->path, strerror(-err));
	else
		err = r->cfg->dump(r->cfg->dump_ctx, f.tmp_path, d->path);
	outfile__abort(&f);
	_exit(err ? 1 : 0);
}

/* ---- names ------------------------------------------------------------------------------ */

/* Where the extension begins: .json.gz is one. */
static const char *extension_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	const char *dot = strrchr(base, '.');
	size_t len = strlen(base);

	if (len > 8 && !strcmp(base + len - 8, ".json.gz"))
		return base + len - 8;
	return dot && dot != base ? dot : base + len;
}

/* STEM-YYYYmmdd-HHMMSS-N.EXT beside the output, a name that is not taken; malloc'ed. */
static char *dump_path(struct recording *r)
{
	const char *output = r->cfg->output, *ext = extension_of(output);
	char *cwd = *output == '/' ? NULL : getcwd(NULL, 0);
	char stamp[32], *path = NULL;
	time_t now = time(NULL);
	struct stat st;
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm);
	do {
		free(path);
		if (asprintf(&path, "%s%s%.*s-%s-%u%s", cwd ? cwd : "", cwd ? "/" : "",
			     (int)(ext - output), output, stamp, ++r->n_dumps, ext) < 0)
			path = NULL;
	} while (path && !lstat(path, &st));
	free(cwd);
	return path;
}

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

/* ---- the parent ------------------------------------------------------------------------- */

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
	end = collect(r, &held);
	err = d->path ? capture_writer__flush(r->w) : -ENOMEM;
	if (!err)
		err = start_child(r, d, &held, end);
	free_held(&held);
	if (!err)
		return 0;
	free(d->path);
	d->path = NULL;
	return err;
}

int snapshot__begin(struct recording *r, enum dump_asker asker, char *why, size_t why_size)
{
	struct snapshot *d = NULL;
	int err;

	for (size_t i = 0; i < DUMPS_AT_ONCE; i++) {
		if (!r->dumps[i].pid)
			d = &r->dumps[i];
		else if (r->dumps[i].asker == asker)
			return 0; /* who asks gets that one */
	}
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

void snapshot__on_signal(struct recording *r)
{
	char why[512] = "";

	if (snapshot__begin(r, DUMP_FOR_SIGNAL, why, sizeof(why)))
		log_error("SIGUSR1: no dump: %s", why);
}

/* The child's messages, one line after the other: without the name, which is said again. */
static void tell(struct recording *r, const struct snapshot *d, bool whole)
{
	char text[PATH_MAX + 64];
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
	if (whole)
		log_info("wrote %s", text);
	else
		log_error("SIGUSR1: no dump: %s", text);
}

static void finish(struct recording *r, struct snapshot *d)
{
	int status = -1;

	while (waitpid(d->pid, &status, 0) < 0 && errno == EINTR)
		;
	d->said[d->n_said] = '\0';
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
	d->n_said = snprintf(d->said, sizeof(d->said),
			     "the trace has ended, and will be in %s: the dump was given up\n",
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
