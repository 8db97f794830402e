// SPDX-License-Identifier: GPL-2.0-only
#include "kin.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "../array.h"
#include "../log.h"
#include "family_state.h"
#include "member.h"

#define KIN_MAX 64 /* interpreters */
#define HURRY_NICE (-10)

struct kin {
	dev_t dev; /* the file */
	ino_t ino;
	pid_t pid; /* for which it was started */
	bool traces;
	char failure[MEMBER_WORDS];
	struct member member;
	struct kin *next;
};

/* ---- starting --------------------------------------------------------------------------- */

struct start {
	struct recording *r;
	pid_t pid;
};

/* Until the probes are in, each moment is one of which calls are missed: some 0.1 s of work, once for an
 * interpreter, goes before what others do. */
static int nice_before;

static void hurry(void)
{
	errno = 0;
	nice_before = getpriority(PRIO_PROCESS, 0);
	if ((nice_before != -1 || !errno) && nice_before > HURRY_NICE &&
	    setpriority(PRIO_PROCESS, 0, HURRY_NICE))
		log_debug("no priority for a recording that begins: %s", strerror(errno));
}

void kin__attached(void)
{
	if (setpriority(PRIO_PROCESS, 0, nice_before))
		log_debug("a recording keeps its priority: %s", strerror(errno));
}

static int run(void *ctx, struct member_link *link)
{
	const struct start *s = ctx;
	const struct recording_config *cfg = s->r->cfg;

	hurry();
	tracer__leave(s->r->tracer);
	link->family_fd = tracer__family_fd(s->r->tracer);
	link->family = cfg->target->pid;
	return cfg->run_kin(cfg->kin_ctx, s->pid, link);
}

static struct kin *find(const struct family *f, const struct stat *st, size_t *n)
{
	struct kin *k = f->kin;

	*n = 0;
	while (k && (k->dev != st->st_dev || k->ino != st->st_ino)) {
		k = k->next;
		++*n;
	}
	return k;
}

struct kin *kin__of(struct recording *r, const struct target *t)
{
	struct start start = { .r = r, .pid = t->pid };
	struct stat st;
	struct kin *k;
	size_t n;
	int err;

	if (fstat(t->interp_fd, &st))
		return NULL;
	k = find(r->family, &st, &n);
	if (k || n >= KIN_MAX)
		return k;
	k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	k->dev = st.st_dev;
	k->ino = st.st_ino;
	k->pid = t->pid;
	err = member__start(&k->member, run, &start);
	if (err) {
		log_error("process %d: cannot start its recording: %s", t->pid, strerror(-err));
		free(k);
		return NULL;
	}
	k->next = r->family->kin;
	r->family->kin = k;
	return k;
}

uint32_t kin__version(const struct kin *k)
{
	return k->traces && !k->member.ended ? k->member.report.python : 0;
}

const char *kin__failure(const struct kin *k)
{
	return k->failure[0] ? k->failure : NULL;
}

/* ---- what they say ---------------------------------------------------------------------- */

static void on_tracing(struct recording *r, struct kin *k)
{
	uint64_t start = k->member.report.start;

	k->traces = true;
	for (struct relative *m = r->family->all; m; m = m->hh.next)
		if (m->kin == k) {
			if (!m->met && start > m->since) /* its probes came while it ran */
				relative__late(r, m, start - m->since);
			relative__is_traced(m, k->member.report.python);
		}
}

static void keep_capture(struct recording *r, const struct member_report *report)
{
	struct recording_result *res = r->res;
	char *path = report->capture[0] ? strdup(report->capture) : NULL;

	if (!path)
		return;
	if (report->short_capture || ARRAY_ONE_MORE(res->kin_captures, res->n_kin)) {
		log_error("what was captured of process %d is kept: %s", report->pid, path);
		free(path);
		return;
	}
	res->kin_captures[res->n_kin++] = path;
}

static void unlink_from(struct family *f, struct kin *k)
{
	struct kin **at = &f->kin;

	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
}

/* It is not known any more: whoever runs its interpreter now, or next, starts another one. */
static void forget(struct recording *r, struct kin *k)
{
	for (struct relative *m = r->family->all; m; m = m->hh.next) {
		if (m->kin != k)
			continue;
		m->kin = NULL;
		m->look_at = 1;
	}
	unlink_from(r->family, k);
	free(k);
}

static void on_ended(struct recording *r, struct kin *k)
{
	struct member_report *report = &k->member.report;
	bool traced = k->traces;

	keep_capture(r, report);
	snprintf(k->failure, sizeof(k->failure), "%s",
		 *report->last_words ? report->last_words : "its recording has failed");
	if (!traced && !report->pid_gone) /* else its end is told of */
		for (struct relative *m = r->family->all; m; m = m->hh.next)
			if (m->kin == k)
				relative__missed(r, m, "", k->failure);
	member__free(&k->member);
	k->member.ended = true;
	if (report->pid_gone && !traced)
		forget(r, k);
}

static void listen_to(struct recording *r, struct kin *k)
{
	while (member__receive(&k->member)) {
		if (k->member.report.news == MEMBER_TRACING)
			on_tracing(r, k);
		if (!k->member.ended)
			continue;
		on_ended(r, k);
		return;
	}
}

void kin__listen(struct recording *r)
{
	struct kin *next;

	for (struct kin *k = r->family->kin; k; k = next) {
		next = k->next;
		if (!k->member.ended)
			listen_to(r, k);
	}
}

/* ---- the end ---------------------------------------------------------------------------- */

void kin__stop(struct recording *r)
{
	if (!r->family)
		return;
	for (struct kin *k = r->family->kin; k; k = k->next)
		member__stop(&k->member);
}

void kin__collect(struct recording *r)
{
	while (r->family && r->family->kin) {
		struct kin *k = r->family->kin;
		struct pollfd news = { .fd = k->member.fd, .events = POLLIN };

		while (k == r->family->kin && !k->member.ended) {
			poll(&news, 1, -1);
			listen_to(r, k);
		}
		if (k == r->family->kin)
			forget(r, k);
	}
}
