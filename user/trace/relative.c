// SPDX-License-Identifier: GPL-2.0-only
/* One process of those that are followed: what it runs, and what it and its threads are called. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../discover/proc_task.h"
#include "../command_name.h"
#include "../log.h"
#include "bystanders.h"
#include "family_state.h"

#define NAME_MAX_BYTES PROCESS_NAME_MAX
#define LIST_NS 250000000ULL
#define NAME_AGAIN_NS 10000000ULL
#define NAME_GIVEN_UP_NS 3000000000ULL /* after its start */

/* ---- the capture ------------------------------------------------------------------------ */

static void comm_of(pid_t pid, char comm[VTBPF_COMM_LEN])
{
	struct proc_task t;

	memset(comm, 0, VTBPF_COMM_LEN);
	if (!proc_task__read(pid, pid, &t))
		memcpy(comm, t.comm, strnlen(t.comm, VTBPF_COMM_LEN - 1));
}

static void put_missed(struct recording *r, const struct relative *m, const char *comm,
		       const char *why)
{
	union {
		struct vtbpf_rec_missed m;
		char bytes[sizeof(struct vtbpf_rec_missed) + NAME_MAX_BYTES];
	} rec = {};
	size_t n = strnlen(why, NAME_MAX_BYTES);

	memcpy(rec.m.comm, comm, strnlen(comm, sizeof(rec.m.comm)));
	rec.m.rec = (struct vtbpf_rec){ .len = (sizeof(rec.m) + n + 7) / 8 * 8,
					.kind = VTBPF_REC_MISSED,
					.tid = m->pid };
	rec.m.ppid = m->ppid;
	rec.m.bytes = n;
	memcpy(rec.bytes + sizeof(rec.m), why, n);
	capture_writer__append(r->w, &rec.m.rec);
}

void relative__missed(struct recording *r, struct relative *m, const char *comm, const char *why)
{
	char now[VTBPF_COMM_LEN];

	if (family__is_led(r) || m->told)
		return;
	m->told = true;
	if (!*comm) {
		comm_of(m->pid, now);
		comm = now;
	}
	log_error("process %d (%.*s) is not traced: %s", m->pid, VTBPF_COMM_LEN, comm, why);
	put_missed(r, m, comm, why);
}

void relative__late(struct recording *r, const struct relative *m, uint64_t ns)
{
	char text[160], comm[VTBPF_COMM_LEN];

	snprintf(text, sizeof(text),
		 "process %d runs an interpreter that none ran before: it is traced from %.0f ms "
		 "after its start on",
		 m->pid, ns / 1e6);
	recording__warn(r, text);
	snprintf(text, sizeof(text),
		 "its first %.0f ms are missing: it runs an interpreter that none ran before",
		 ns / 1e6);
	comm_of(m->pid, comm);
	put_missed(r, m, comm, text);
}

static void put_process(struct recording *r, struct relative *m, const char *name)
{
	union {
		struct vtbpf_rec_process p;
		char bytes[sizeof(struct vtbpf_rec_process) + NAME_MAX_BYTES];
	} rec = {};
	size_t n = strnlen(name, NAME_MAX_BYTES);

	rec.p.rec = (struct vtbpf_rec){ .len = (sizeof(rec.p) + n + 7) / 8 * 8,
					.kind = VTBPF_REC_PROCESS,
					.tid = m->pid };
	rec.p.ppid = m->ppid;
	rec.p.bytes = n;
	memcpy(rec.bytes + sizeof(rec.p), name, n);
	capture_writer__append(r->w, &rec.p.rec);
}

static void put_ns_pid(struct recording *r, const struct relative *m)
{
	struct vtbpf_rec_ns_pid rec = {
		.rec = { .len = sizeof(rec), .kind = VTBPF_REC_NS_PID, .tid = m->pid },
		.ns_pid = m->reader->ns_pid,
	};

	if (rec.ns_pid && rec.ns_pid != (__u32)m->pid)
		capture_writer__append(r->w, &rec.rec);
}

/* ---- getting to know it ----------------------------------------------------------------- */

static bool same_file(int one, int other)
{
	struct stat a, b;

	return !fstat(one, &a) && !fstat(other, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* What runs another interpreter is recorded, once this recording is under way, by another one. */
static void find_kin(struct recording *r, struct relative *m, const struct target *t)
{
	if (r->cfg->run_kin && !family__is_led(r) && r->window_start)
		m->kin = kin__of(r, t);
}

/* True: it runs the target's interpreter. */
static bool look_at_program(struct recording *r, struct relative *m)
{
	struct target t = {};
	char why[512] = "";

	if (!target__open(m->pid, &t, why, sizeof(why))) {
		m->runs_ours = same_file(t.interp_fd, r->cfg->target->interp_fd);
		m->runs_other = !m->runs_ours;
		if (m->runs_other)
			find_kin(r, m, &t);
		m->bias = t.load_bias;
		command_name(t.cmdline, t.cmdline_len, m->command, sizeof(m->command));
	}
	target__close(&t);
	return m->runs_ours;
}

void relative__is_traced(struct relative *m, uint32_t version)
{
	char text[16];

	if (m->adopted)
		log_error("tracing %d… (CPython %s)", m->pid,
			  py_version_str(version, text, sizeof(text)));
	m->adopted = false;
}

static int make_parts(struct recording *r, struct relative *m)
{
	const struct recording_config *cfg = r->cfg;
	struct thread_names_config names = {
		.pid = m->pid,
		.tracer = r->tracer,
		.capture = r->w,
		.ignore = cfg->ignore_threads,
		.n_ignore = cfg->n_ignore_threads,
		.only = cfg->only_threads,
		.n_only = cfg->n_only_threads,
	};

	if (r->ignoring_since) {
		names.ignore = r->ignore.items;
		names.n_ignore = r->ignore.n;
	}
	m->reader = names.reader = py_reader__new(m->pid, cfg->plan, m->bias);
	m->names = m->reader ? thread_names__new(&names) : NULL;
	m->repair = m->reader ?
			    string_repair__new(m->reader, m->executed ? NULL : r->reader, r->w) :
			    NULL;
	return m->names && m->repair ? 0 : -ENOMEM;
}

void relative__get_to_know(struct recording *r, struct relative *m)
{
	if (m->announced)
		return;
	if (!m->reader && m->executed)
		look_at_program(r, m);
	put_process(r, m, m->command);
	m->runs_ours = m->announced = true;
	relative__is_traced(m, r->cfg->plan->version);
	if (!m->reader && make_parts(r, m)) {
		relative__free_parts(r->family, m); /* it is gone: what it called is in the trace */
		return;
	}
	m->name_at = 1;
	put_ns_pid(r, m);
	thread_names__scan(m->names);
	thread_names__announce(m->names);
}

/* multiprocessing names it soon after its start; a child that it did not start keeps "MainProcess". */
static void look_at_name(struct recording *r, struct relative *m, uint64_t now)
{
	char *name = py_process_name(m->reader);
	bool named = name && strcmp(name, "MainProcess") != 0;

	if (named)
		put_process(r, m, name);
	/* `now` may be a little before `since`, of a record that has just come. */
	m->name_at = named || now > m->since + NAME_GIVEN_UP_NS ? 0 : now + NAME_AGAIN_NS;
	free(name);
}

/* A child that went on without an event so far is in the trace, too. */
static void look(struct recording *r, struct relative *m, uint64_t now)
{
	const char *why;

	m->look_at = 0;
	if (!m->executed || look_at_program(r, m)) {
		relative__get_to_know(r, m);
		tracer__claim_target(r->tracer, m->pid);
		if (m->met)
			off_cpu__look_at_sleepers(r, m->pid, m->since);
		m->idle = m->reader && !m->idle ? idle_threads__new(m->reader, m->pid) : m->idle;
		return;
	}
	if (m->runs_other) {
		why = m->kin ? kin__failure(m->kin) : "it runs another interpreter than the target";
		if (why)
			relative__missed(r, m, "", why);
		else if (m->kin && kin__version(m->kin))
			relative__is_traced(m, kin__version(m->kin));
		return;
	}
	m->look_again = m->look_again * 2 < LOOK_MAX_NS ? m->look_again * 2 : LOOK_MAX_NS;
	m->look_at = now + m->look_again;
}

/* ---- those that are there --------------------------------------------------------------- */

static pid_t parent_of(pid_t pid)
{
	char path[64], line[512], *p;
	int ppid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	p = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	if (p && sscanf(p + 1, " %*c %d", &ppid) != 1)
		ppid = 0;
	fclose(f);
	return ppid;
}

static void meet(struct recording *r, pid_t pid, pid_t ppid)
{
	struct relative *m = relative__add(r->family, pid, ppid);

	if (!m)
		return;
	m->executed = true; /* it may be anything */
	m->look_at = 1;
	m->look_again = LOOK_AFTER_EXEC_NS;
	m->met = true;
	m->since = r->window_start ? clock_ns(CLOCK_MONOTONIC) : 0;
	if (tracer__add_target(r->tracer, pid, m->since))
		relative__missed(r, m, "", "too many processes are followed already");
}

/* Processes whose parent is one of ours, and that are not known yet. */
static size_t meet_children(struct recording *r)
{
	pid_t self = getpid(), pid, ppid;
	DIR *dir = opendir("/proc");
	struct dirent *d;
	size_t n = 0;

	while (dir && (d = readdir(dir))) {
		if (!isdigit((unsigned char)d->d_name[0]))
			continue;
		pid = atoi(d->d_name);
		if (pid == self || pid == r->cfg->target->pid || relative__of(r->family, pid))
			continue;
		ppid = parent_of(pid);
		if (ppid != r->cfg->target->pid && !relative__of(r->family, ppid))
			continue;
		meet(r, pid, ppid);
		n++;
	}
	if (dir)
		closedir(dir);
	return n;
}

/* One that who leads the family has noted. */
static void meet_listed(void *ctx, pid_t pid)
{
	struct recording *r = ctx;

	if (pid != r->cfg->target->pid && !relative__of(r->family, pid))
		meet(r, pid, parent_of(pid));
}

void family__adopt(struct recording *r, pid_t pid)
{
	struct relative *m;

	if (!r->family || pid == r->cfg->target->pid)
		return;
	if (!relative__of(r->family, pid)) {
		meet(r, pid, parent_of(pid));
		while (meet_children(r))
			;
	}
	m = relative__of(r->family, pid);
	if (!m)
		return;
	m->adopted = true;
	if (m->announced)
		relative__is_traced(m, r->cfg->plan->version);
	else if (m->kin && kin__version(m->kin))
		relative__is_traced(m, kin__version(m->kin));
}

static bool is_one_of_us(const void *ctx, pid_t pid)
{
	const struct recording *r = ctx;

	return pid == getpid() || pid == r->cfg->target->pid || relative__of(r->family, pid);
}

static void tell_of_bystanders(struct recording *r)
{
	const struct target *t = r->cfg->target;
	struct stat st;
	size_t n;

	if (r->family->bystanders_told || fstat(t->interp_fd, &st))
		return;
	r->family->bystanders_told = true;
	n = bystanders__count("/proc", st.st_ino, t->interp, is_one_of_us, r);
	if (n)
		log_warn(
			"%zu other process%s run%s %s: while children are followed, %s calls are slowed "
			"down, too; --no-follow leaves %s alone",
			n, n == 1 ? "" : "es", n == 1 ? "s" : "", t->interp,
			n == 1 ? "its" : "their", n == 1 ? "it" : "them");
}

void family__meet(struct recording *r)
{
	struct relative *m, *tmp;

	if (!r->family)
		return;
	if (family__is_led(r)) {
		tracer__each_target(r->tracer, meet_listed, r);
		return; /* there is a process that runs already: they are looked at later */
	}
	if (r->cfg->wrapper)
		meet(r, r->cfg->wrapper, getpid());
	while (meet_children(r)) /* their children, too, and those that came meanwhile */
		;
	HASH_ITER(hh, r->family->all, m, tmp)
		if (look_at_program(r, m) && !make_parts(r, m))
			thread_names__scan(m->names); /* verdicts before the first event */
	tell_of_bystanders(r);
}

void family__look_at_idle(struct recording *r)
{
	struct relative *m, *tmp;
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	if (!r->family)
		return;
	HASH_ITER(hh, r->family->all, m, tmp)
		if (m->look_at == 1)
			look(r, m, now);
	if (!family__is_led(r))
		return;
	kin__attached();
	tell_of_bystanders(r);
}

void family__put_idle(struct recording *r, uint64_t end)
{
	struct idle_span span = {
		.end = end,
		.min_duration_ns = r->cfg->tracer.min_duration_ns,
		.max_stack_depth = r->cfg->tracer.max_stack_depth,
		.tracer = r->tracer,
	};

	for (struct relative *m = r->family ? r->family->all : NULL; m; m = m->hh.next) {
		span.pid = m->pid;
		span.names = m->names;
		span.start = m->since > r->window_start ? m->since : r->window_start;
		if (m->idle)
			idle_threads__write(m->idle, &span, r->w);
	}
}

/* ---- time -------------------------------------------------------------------------------------- */

void family__tick(struct recording *r, uint64_t now)
{
	if (!r->family)
		return;
	kin__listen(r);
	if (family__is_led(r) && now >= r->family->list_at) {
		r->family->list_at = now + LIST_NS;
		tracer__each_target(r->tracer, meet_listed, r);
	}
	for (struct relative *m = r->family->all; m; m = m->hh.next) {
		if (m->look_at && now >= m->look_at)
			look(r, m, now);
		if (m->names)
			thread_names__tick(m->names, now);
		if (m->reader && m->name_at && now >= m->name_at)
			look_at_name(r, m, now);
	}
	if (r->family->target_gone && !family__is_led(r) && r->cfg->wrapper_fd <= 0 &&
	    !family__lives_on(r))
		recording__end_with(r, relative__of(r->family, r->cfg->target->pid) ?
					       END_TARGET_EXEC :
					       END_TARGET_EXIT);
}

uint64_t family__wait(const struct recording *r, uint64_t now, uint64_t most)
{
	const struct relative *m = r->family ? r->family->all : NULL;

	for (; m && most; m = m->hh.next)
		if (m->look_at && m->look_at < now + most)
			most = m->look_at > now ? m->look_at - now : 0;
	return most;
}
