// SPDX-License-Identifier: GPL-2.0-only
#include "thread_names.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "../discover/py_tids.h"
#include "../log.h"
#include "../urgent.h"

struct known_thread {
	pid_t tid; /* host */
	uint64_t ident;
	uint64_t root_self;  /* its Thread object, 0 unknown */
	uint64_t start_time; /* as the kernel side told, 0 unknown: tells a reused tid apart */
	char *name;	     /* Python's, NULL unknown */
	char comm[VTBPF_COMM_LEN];
	bool ignored;
	bool decided;
	UT_hash_handle hh;
};

struct thread_names {
	struct thread_names_config cfg;
	struct known_thread *threads;
	unsigned int nameless; /* threads with events that had no Python name yet */
	bool announced;	       /* the capture has begun: news are written */
	uint64_t next_scan;
	uint64_t backoff;
};

#define FIRST_RETRY_NS 2000000ULL
#define LAST_RETRY_NS 1000000000ULL

struct thread_names *thread_names__new(const struct thread_names_config *cfg)
{
	struct thread_names *n = calloc(1, sizeof(*n));

	if (n)
		n->cfg = *cfg;
	return n;
}

void thread_names__free(struct thread_names *n)
{
	struct known_thread *k, *tmp;

	if (!n)
		return;
	HASH_ITER(hh, n->threads, k, tmp) {
		HASH_DEL(n->threads, k);
		free(k->name);
		free(k);
	}
	free(n);
}

static void read_comm(pid_t pid, pid_t tid, char *comm)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", pid, tid);
	f = fopen(path, "re");
	if (!f)
		return;
	if (fgets(comm, VTBPF_COMM_LEN, f))
		comm[strcspn(comm, "\n")] = '\0';
	fclose(f);
}

/* ---- verdicts --------------------------------------------------------------------------- */

static bool is_ignored(const struct thread_names *n, const struct known_thread *k)
{
	struct thread_ids ids = {
		.tid = k->tid, .ident = k->ident, .name = k->name, .comm = k->comm
	};

	if (thread_selector__any(n->cfg.ignore, n->cfg.n_ignore, &ids))
		return true;
	return n->cfg.n_only && !thread_selector__any(n->cfg.only, n->cfg.n_only, &ids);
}

/*
 * Before a thread's Python name is known only "ignore" can be told from its comm or ids; that
 * another name would save it under --only-thread is not known yet, so it is traced until then and
 * decode drops what was too much.
 */
static void decide(struct thread_names *n, struct known_thread *k, bool name_final)
{
	bool ignored = is_ignored(n, k);

	if (ignored && !k->name && n->cfg.n_only && !name_final)
		ignored = false;
	if (k->decided && ignored == k->ignored)
		return;
	if (k->decided || ignored)
		tracer__set_ignored(n->cfg.tracer, k->tid, ignored);
	k->decided = true;
	k->ignored = ignored;
}

/* ---- what is known ---------------------------------------------------------------------- */

static struct known_thread *get_thread(struct thread_names *n, pid_t tid)
{
	struct known_thread *k;

	HASH_FIND_INT(n->threads, &tid, k);
	if (k)
		return k;
	k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	k->tid = tid;
	HASH_ADD_INT(n->threads, tid, k);
	return k;
}

static bool same_str(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static void announce(struct thread_names *n, const struct known_thread *k)
{
	capture_writer__thread_name(n->cfg.capture, k->tid, n->cfg.pid, k->ident, k->name, k->comm);
}

/* Takes over what was read of a thread; writes it down when it is news. name becomes ours. */
static void learn(struct thread_names *n, struct known_thread *k, uint64_t ident, char *name,
		  bool name_final)
{
	char comm[VTBPF_COMM_LEN] = "";
	bool news;

	read_comm(n->cfg.pid, k->tid, comm);
	if (!*comm)
		memcpy(comm, k->comm, sizeof(comm));
	news = !k->decided || (ident && ident != k->ident) || (name && !same_str(name, k->name)) ||
	       strcmp(comm, k->comm);
	if (ident)
		k->ident = ident;
	if (name) {
		free(k->name);
		k->name = name;
	}
	memcpy(k->comm, comm, sizeof(comm));
	decide(n, k, name_final);
	if (news && n->announced)
		announce(n, k);
}

void thread_names__announce(struct thread_names *n)
{
	const struct known_thread *k;

	n->announced = true;
	for (k = n->threads; k; k = k->hh.next)
		announce(n, k);
}

/* The thread's id as it knows it itself, 0 when it is gone. */
static pid_t inner_tid(const struct thread_names *n, pid_t tid)
{
	char path[64];
	pid_t inner;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", n->cfg.pid, tid);
	return py_tids__read_ns(path, NULL, &inner) ? 0 : inner;
}

/* The name by way of the Thread object that the thread's outermost frame has as `self`. It may be
 * too early (the thread enters its id there after its first calls) or too late (it is gone): then
 * NULL. */
static char *name_from_object(const struct thread_names *n, const struct known_thread *k)
{
	pid_t inner = k->root_self ? inner_tid(n, k->tid) : 0;
	char *name;

	if (!inner)
		return NULL;
	urgent__begin();
	name = py_thread_name(n->cfg.reader, k->root_self, inner);
	urgent__end();
	return name;
}

/* Threads that Python knows nothing of: started by C code, or not yet registered. */
static void learn_native(struct thread_names *n)
{
	char path[64];
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", n->cfg.pid);
	dir = opendir(path);
	if (!dir)
		return;
	while ((d = readdir(dir))) {
		pid_t tid = atoi(d->d_name);
		struct known_thread *k = tid > 0 ? get_thread(n, tid) : NULL;

		if (k && !k->name)
			learn(n, k, 0, name_from_object(n, k), k->decided);
	}
	closedir(dir);
}

static unsigned int count_nameless(const struct thread_names *n)
{
	const struct known_thread *k;
	unsigned int count = 0;

	for (k = n->threads; k; k = k->hh.next)
		count += !k->name;
	return count;
}

int thread_names__scan(struct thread_names *n)
{
	struct py_threads threads = {};
	int err;

	urgent__begin();
	err = py_threads__read(n->cfg.reader, &threads);
	urgent__end();
	if (!err)
		err = py_threads__map_tids(&threads, n->cfg.pid);
	for (size_t i = 0; !err && i < threads.n; i++) {
		struct py_thread *p = &threads.threads[i];
		struct known_thread *k = p->tid ? get_thread(n, p->tid) : NULL;

		if (!k)
			continue;
		learn(n, k, p->ident, p->name, true);
		p->name = NULL;
	}
	py_threads__free(&threads);
	learn_native(n);
	n->nameless = count_nameless(n);
	return err;
}

/* The id belonged to another thread before: nothing of that one holds any more. */
static void forget_predecessor(struct known_thread *k, uint64_t start_time)
{
	if (k->start_time && k->start_time != start_time) {
		free(k->name);
		k->name = NULL;
		k->ident = 0;
		k->comm[0] = '\0';
		k->decided = k->ignored = false;
	}
	k->start_time = start_time;
}

void thread_names__note_new(struct thread_names *n, const struct vtbpf_rec_thread *rec)
{
	struct known_thread *k = get_thread(n, rec->tgid ? rec->rec.tid : 0);
	char *name;

	if (!k)
		return;
	forget_predecessor(k, rec->start_time);
	k->root_self = rec->root_self;
	name = name_from_object(n, k);
	if (!*k->comm)
		memcpy(k->comm, rec->comm, sizeof(k->comm));
	learn(n, k, 0, name, false);
	n->nameless++;
	n->backoff = FIRST_RETRY_NS;
	n->next_scan = 0;
}

void thread_names__tick(struct thread_names *n, uint64_t now)
{
	if (!n->nameless || now < n->next_scan)
		return;
	if (thread_names__scan(n) == -ESRCH)
		n->nameless = 0;
	n->backoff = n->backoff ? n->backoff * 2 : FIRST_RETRY_NS;
	if (n->backoff > LAST_RETRY_NS)
		n->backoff = LAST_RETRY_NS;
	n->next_scan = now + n->backoff;
}

bool thread_names__had_event(const struct thread_names *n, pid_t tid)
{
	const struct known_thread *k;

	HASH_FIND_INT(n->threads, &tid, k);
	return k && k->start_time;
}

int thread_names__wait_ms(const struct thread_names *n, uint64_t now, int most)
{
	if (!n->nameless || n->next_scan >= now + most * 1000000ULL)
		return most;
	return n->next_scan > now ? (n->next_scan - now) / 1000000 + 1 : 1;
}

size_t thread_names__ignored(const struct thread_names *n)
{
	const struct known_thread *k;
	size_t count = 0;

	for (k = n->threads; k; k = k->hh.next)
		count += k->ignored;
	return count;
}
