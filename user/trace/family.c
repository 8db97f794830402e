// SPDX-License-Identifier: GPL-2.0-only
#include "family.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <uthash.h>

#include "../log.h"
#include "family_state.h"

/* ---- who is who ------------------------------------------------------------------------- */

int family__new(struct recording *r)
{
	if (!r->cfg->tracer.follow)
		return 0;
	r->family = calloc(1, sizeof(*r->family));
	return r->family ? 0 : -ENOMEM;
}

static void forget_threads(struct family *f, pid_t pid)
{
	struct thread_of *t, *tmp;

	HASH_ITER(hh, f->threads, t, tmp) {
		if (t->relative->pid != pid)
			continue;
		HASH_DEL(f->threads, t);
		free(t);
	}
}

void relative__free_parts(struct family *f, struct relative *m)
{
	f->ignored_gone += m->names ? thread_names__ignored(m->names) : 0;
	idle_threads__free(m->idle);
	string_repair__free(m->repair);
	thread_names__free(m->names);
	py_reader__free(m->reader);
	m->idle = NULL;
	m->repair = NULL;
	m->names = NULL;
	m->reader = NULL;
}

void relative__forget_program(struct family *f, struct relative *m)
{
	forget_threads(f, m->pid);
	relative__free_parts(f, m);
	m->kin = NULL;
	m->met = false;
	m->seen = m->runs_ours = m->runs_other = m->announced = m->told = false;
}

bool family__is_led(const struct recording *r)
{
	return r->cfg->family != 0;
}

static void drop(struct family *f, struct relative *m)
{
	relative__forget_program(f, m);
	HASH_DEL(f->all, m);
	free(m);
}

void family__free(struct recording *r)
{
	struct relative *m, *tmp;

	if (!r->family)
		return;
	HASH_ITER(hh, r->family->all, m, tmp)
		drop(r->family, m);
	free(r->family);
	r->family = NULL;
}

struct relative *relative__of(const struct family *f, pid_t pid)
{
	struct relative *m;

	HASH_FIND_INT(f->all, &pid, m);
	return m;
}

struct relative *relative__add(struct family *f, pid_t pid, pid_t ppid)
{
	struct relative *m = relative__of(f, pid);

	if (m)
		return m;
	m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->pid = pid;
	m->ppid = ppid;
	HASH_ADD_INT(f->all, pid, m);
	return m;
}

static void note_thread(struct family *f, pid_t tid, struct relative *m)
{
	struct thread_of *t;

	HASH_FIND_INT(f->threads, &tid, t);
	if (!t) {
		t = calloc(1, sizeof(*t));
		if (!t)
			return;
		t->tid = tid;
		HASH_ADD_INT(f->threads, tid, t);
	}
	t->relative = m;
}

/* NULL: the target's. */
static struct relative *whose(const struct family *f, const struct vtbpf_rec *rec)
{
	pid_t tid = rec->tid;
	struct thread_of *t;

	if (rec->kind == VTBPF_REC_THREAD)
		return relative__of(f, ((const struct vtbpf_rec_thread *)rec)->tgid);
	if (rec->kind == VTBPF_REC_CODE)
		return relative__of(f, ((const struct vtbpf_rec_code *)rec)->tgid);
	HASH_FIND_INT(f->threads, &tid, t);
	return t ? t->relative : NULL;
}

struct thread_names *family__names(struct recording *r, const struct vtbpf_rec *rec)
{
	struct relative *m = r->family ? whose(r->family, rec) : NULL;

	if (m && m->pid != r->cfg->target->pid)
		return m->names;
	return m && m->names ? m->names : r->names;
}

struct string_repair *family__repair(struct recording *r, const struct vtbpf_rec *rec)
{
	struct relative *m = r->family ? whose(r->family, rec) : NULL;

	return m && m->repair ? m->repair : r->repair;
}

/* ---- what the kernel side tells --------------------------------------------------------- */

static void on_fork(struct recording *r, const struct vtbpf_rec_fork *rec)
{
	const struct relative *parent = relative__of(r->family, rec->ppid);
	struct relative *m = relative__add(r->family, rec->rec.tid, rec->ppid);

	if (!m || m->since) /* it was met before the record came */
		return;
	m->since = rec->ts;
	m->look_at = rec->ts + LOOK_AFTER_FORK_NS;
	m->bias = parent && parent->reader ? parent->bias : r->cfg->target->load_bias;
	if (parent)
		m->executed = parent->executed && !parent->runs_ours;
	else
		m->executed = rec->ppid != (uint32_t)r->cfg->target->pid;
	if (rec->rec.flags & VTBPF_F_NOT_FOLLOWED)
		relative__missed(r, m, "", "too many processes are followed already");
}

static void on_exec(struct recording *r, const struct vtbpf_rec_exec *rec)
{
	struct relative *m = relative__add(r->family, rec->rec.tid, 0);

	if (!m)
		return;
	if (m->pid == r->cfg->target->pid) {
		r->family->target_gone = true;
		idle_threads__free(r->idle);
		r->idle = NULL;
	}
	relative__forget_program(r->family, m);
	m->executed = true;
	m->since = rec->ts;
	m->look_at = rec->ts;
	m->look_again = LOOK_AFTER_EXEC_NS;
}

/* It ran Python, and none of its calls is in the trace. */
static const char *why_missed(const struct relative *m, const struct vtbpf_rec_process_exit *rec)
{
	if (!m->executed || m->seen || m->told || rec->seen)
		return NULL;
	if (m->runs_other)
		return "it ended before the probes were in its interpreter, which none ran before";
	return strncmp(rec->comm, "python", 6) ? NULL : "it ended before vtbpf could look at it";
}

static void on_end(struct recording *r, const struct vtbpf_rec_process_exit *rec)
{
	struct relative *m = relative__of(r->family, rec->rec.tid);
	char comm[VTBPF_COMM_LEN + 1] = "";
	const char *why;

	tracer__forget_target(r->tracer, rec->rec.tid);
	if (!m)
		return;
	memcpy(comm, rec->comm, sizeof(rec->comm));
	why = why_missed(m, rec);
	if (why)
		relative__missed(r, m, comm, why);
	drop(r->family, m);
}

/* A first event: it runs the target's interpreter. */
static void on_event(struct recording *r, pid_t pid, pid_t tid)
{
	struct relative *m = relative__of(r->family, pid);

	if (!m && family__is_led(r) && pid != r->cfg->target->pid) {
		m = relative__add(r->family, pid, 0); /* it came while this recording did */
		if (m)
			m->executed = true;
	}
	if (!m)
		return;
	m->seen = true;
	relative__get_to_know(r, m);
	note_thread(r->family, tid, m);
}

bool family__take(struct recording *r, const struct vtbpf_rec *rec)
{
	if (!r->family)
		return false;
	switch (rec->kind) {
	case VTBPF_REC_FORK:
		on_fork(r, (const struct vtbpf_rec_fork *)rec);
		return true;
	case VTBPF_REC_EXEC:
		on_exec(r, (const struct vtbpf_rec_exec *)rec);
		return true;
	case VTBPF_REC_PROCESS_EXIT:
		on_end(r, (const struct vtbpf_rec_process_exit *)rec);
		return true;
	case VTBPF_REC_THREAD:
		on_event(r, ((const struct vtbpf_rec_thread *)rec)->tgid, rec->tid);
		return false;
	case VTBPF_REC_CODE:
		on_event(r, ((const struct vtbpf_rec_code *)rec)->tgid, rec->tid);
		return false;
	}
	return false;
}

/* ---- the end ---------------------------------------------------------------------------- */

/* Of a program that was just executed it is not known yet what it is. */
static bool is_followed(const struct relative *m, uint64_t now)
{
	return !m->executed || m->seen || m->runs_ours || (m->kin && !kin__failure(m->kin)) ||
	       now - m->since < UNKNOWN_NS;
}

bool family__lives_on(const struct recording *r)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	if (!r->family)
		return false;
	if (r->cfg->wrapper && !r->family->target_gone)
		return true;
	for (const struct relative *m = r->family->all; m; m = m->hh.next)
		if (is_followed(m, now))
			return true;
	return false;
}

bool family__outlives_target(struct recording *r)
{
	if (r->family && r->cfg->wrapper_fd > 0) {
		r->family->target_gone = true;
		return true;
	}
	if (!r->family || r->cfg->launched || (!family__is_led(r) && !family__lives_on(r)))
		return false;
	r->family->target_gone = true;
	return true;
}

bool family__lost_target(const struct recording *r)
{
	return r->family && r->family->target_gone;
}

void family__complete(struct recording *r)
{
	if (!r->family)
		return;
	for (struct relative *m = r->family->all; m; m = m->hh.next) {
		if (m->repair)
			string_repair__run(m->repair);
		if (m->names)
			thread_names__scan(m->names);
	}
}

void family__say_left(const struct recording *r)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	if (!r->family)
		return;
	if (r->cfg->wrapper && !target__has_ended(r->cfg->target))
		log_error("process %d goes on, and is no longer traced", r->cfg->target->pid);
	for (const struct relative *m = r->family->all; m; m = m->hh.next)
		if (is_followed(m, now) && (m->seen || m->runs_ours || m->kin || !m->executed))
			log_error("process %d goes on, and is no longer traced", m->pid);
}

void family__select(struct recording *r)
{
	if (!r->family)
		return;
	for (struct relative *m = r->family->all; m; m = m->hh.next)
		if (m->names)
			thread_names__select(m->names, r->ignore.items, r->ignore.n);
}

size_t family__ignored(const struct recording *r)
{
	size_t n = r->family ? r->family->ignored_gone : 0;

	for (const struct relative *m = r->family ? r->family->all : NULL; m; m = m->hh.next)
		n += m->names ? thread_names__ignored(m->names) : 0;
	return n;
}
