// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "thread_names_state.h"

#define FIRST_RETRY_NS 2000000ULL
#define SCAN_NS 1000000000ULL /* so often names are looked at again ... */
#define SCAN_SHARE 20	      /* ... but no more than this part of the time */

struct thread_names *thread_names__new(const struct thread_names_config *cfg)
{
	struct thread_names *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->cfg = *cfg;
	n->keep_before = UINT64_MAX;
#if defined(__x86_64__)
	n->ident_known = true; /* pthread_self() is the thread pointer: glibc, musl */
#endif
	return n;
}

void known_thread__forget(struct thread_names *n, struct known_thread *k)
{
	HASH_DEL(n->threads, k);
	str_pieces__reset(&k->pieces);
	free(k->name);
	free(k);
}

void thread_names__restart(struct thread_names *n)
{
	struct known_thread *k, *tmp;

	HASH_ITER(hh, n->threads, k, tmp)
		known_thread__forget(n, k);
	n->nameless = 0;
	n->keep_before = UINT64_MAX;
}

void thread_names__free(struct thread_names *n)
{
	if (!n)
		return;
	thread_names__restart(n);
	free(n);
}

uint64_t thread_names__clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---- verdicts --------------------------------------------------------------------------- */

/* A name counts from when the thread has it, also for what is known as something else later. */
static void select_thread(const struct thread_names *n, struct known_thread *k)
{
	struct thread_ids ids = {
		.tid = k->tid, .ident = k->ident, .name = k->name, .comm = k->comm
	};

	k->ignore |= thread_selector__any(n->cfg.ignore, n->cfg.n_ignore, &ids);
	k->only |= thread_selector__any(n->cfg.only, n->cfg.n_only, &ids);
}

/*
 * Before a thread's Python name is known only "ignore" can be told from its comm or ids; that
 * another name would save it under --only-thread is not known yet, so it is traced until then and
 * decode drops what was too much.
 */
static void decide(struct thread_names *n, struct known_thread *k, bool name_final)
{
	struct thread_verdict verdict = { .start_time = k->start_time,
					  .start_ticks = k->start_ticks };
	bool ignored;

	select_thread(n, k);
	ignored = k->ignore || (n->cfg.n_only && !k->only && (k->name || name_final));
	if (k->decided && ignored == k->ignored)
		return;
	verdict.verdict = ignored ? VERDICT_IGNORE : VERDICT_TRACE;
	if (k->decided || ignored)
		tracer__decide_thread(n->cfg.tracer, k->tid, &verdict);
	k->decided = true;
	k->ignored = ignored;
}

void thread_names__select(struct thread_names *n, const char **ignore, size_t n_ignore)
{
	struct known_thread *k;

	n->cfg.ignore = ignore;
	n->cfg.n_ignore = n_ignore;
	for (k = n->threads; k; k = k->hh.next) {
		k->ignore = false;
		if (!k->gone)
			decide(n, k, !k->awaited);
	}
}

/* ---- what is known ---------------------------------------------------------------------- */

struct known_thread *known_thread__find(const struct thread_names *n, pid_t tid)
{
	struct known_thread *k;

	HASH_FIND_INT(n->threads, &tid, k);
	return k;
}

struct known_thread *known_thread__get(struct thread_names *n, pid_t tid)
{
	struct known_thread *k = known_thread__find(n, tid);

	if (k)
		return k;
	k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	k->tid = tid;
	k->early = !n->announced;
	HASH_ADD_INT(n->threads, tid, k);
	return k;
}

static bool same_str(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/*
 * Of a thread without an event nothing is written if it came later than the trace: its id may have
 * been another's, whose end is not in the capture yet.
 */
static void announce(struct thread_names *n, const struct known_thread *k)
{
	if (n->announced && (k->start_time || k->early))
		capture_writer__thread_name(n->cfg.capture, k->tid, n->cfg.pid, k->ident, k->name,
					    k->comm);
}

void known_thread__learn(struct thread_names *n, struct known_thread *k, const struct news *news)
{
	bool is_new = !k->decided || news->first_event;

	is_new |= news->ident && news->ident != k->ident;
	is_new |= *news->comm && strncmp(news->comm, k->comm, sizeof(k->comm));
	if (news->ident)
		k->ident = news->ident;
	if (*news->comm)
		snprintf(k->comm, sizeof(k->comm), "%s", news->comm);
	if (news->name && same_str(news->name, k->name)) {
		free(news->name);
	} else if (news->name) {
		free(k->name);
		k->name = news->name;
		is_new = true;
	}
	decide(n, k, news->name_final);
	if (is_new)
		announce(n, k);
}

void thread_names__announce(struct thread_names *n)
{
	const struct known_thread *k;

	n->announced = true;
	n->early_ticks = thread_names__clock(CLOCK_BOOTTIME) / VTBPF_TICK_NS;
	n->next_scan = thread_names__clock(CLOCK_MONOTONIC) + SCAN_NS;
	for (k = n->threads; k; k = k->hh.next)
		announce(n, k);
}

/* ---- what the kernel side tells --------------------------------------------------------- */

void thread_names__note_reuse(struct thread_names *n, const struct vtbpf_rec_thread *rec)
{
	struct known_thread *k = known_thread__find(n, rec->rec.tid);
	struct vtbpf_rec_thread_exit end = {
		.rec = { .len = sizeof(end), .kind = VTBPF_REC_THREAD_EXIT, .tid = rec->rec.tid },
		.ts = rec->start_time,
	};

	if (!k || k->start_time == rec->start_time ||
	    (!k->start_time && !k->gone && k->start_ticks == rec->start_boottime / VTBPF_TICK_NS))
		return;
	if (!k->gone && n->announced)
		capture_writer__append(n->cfg.capture, &end.rec);
	n->ignored_gone += k->ignored;
	known_thread__forget(n, k);
}

/* What threading.get_ident() returns in the thread, 0 when that is not known. */
static uint64_t ident_of(struct thread_names *n, const struct known_thread *k,
			 const struct vtbpf_rec_thread *rec)
{
	if (!n->ident_known && k->ident && rec->thread_pointer) {
		n->ident_distance = rec->thread_pointer - k->ident;
		n->ident_known = true;
	}
	return n->ident_known && rec->thread_pointer ? rec->thread_pointer - n->ident_distance : 0;
}

void thread_names__note_new(struct thread_names *n, const struct vtbpf_rec_thread *rec)
{
	struct known_thread *k;
	struct news news = { .first_event = true };
	char comm[VTBPF_COMM_LEN] = "";

	thread_names__note_reuse(n, rec);
	k = known_thread__get(n, rec->tgid ? rec->rec.tid : 0);
	if (!k)
		return;
	news.comm = comm;
	memcpy(comm, rec->comm, sizeof(comm) - 1);
	if (!k->start_time)
		k->decided = false; /* a verdict that did not reach it is given again */
	k->start_time = rec->start_time;
	k->start_ticks = rec->start_boottime / VTBPF_TICK_NS;
	k->root_self = rec->root_self;
	k->awaited = rec->rec.flags & VTBPF_F_NAME_FOLLOWS;
	news.ident = ident_of(n, k, rec);
	if (!k->awaited) {
		news.name = known_thread__name_from_object(n, k);
		n->nameless += !news.name && !k->name;
		n->backoff = FIRST_RETRY_NS;
		n->next_scan = 0;
	}
	known_thread__learn(n, k, &news);
}

void thread_names__note_name(struct thread_names *n, const struct vtbpf_rec_str *rec)
{
	struct known_thread *k = known_thread__find(n, rec->rec.tid);
	struct news news = { .comm = "", .name_final = true };

	if (!k || !k->start_time)
		return;
	news.name = str_pieces__add(&k->pieces, rec);
	if (!news.name && rec->width)
		return;
	if (!news.name) /* its memory was not there for the kernel side */
		news.name = known_thread__name_from_object(n, k);
	k->awaited = false;
	n->nameless += !news.name && !k->name;
	known_thread__learn(n, k, &news);
}

void thread_names__note_exit(struct thread_names *n, const struct vtbpf_rec *rec)
{
	struct known_thread *k = known_thread__find(n, rec->tid);

	if (!k || k->gone)
		return;
	tracer__forget_thread(n->cfg.tracer, k->tid, k->start_time);
	k->gone = true;
	if (k->early || k->start_time < n->keep_before)
		return;
	n->ignored_gone += k->ignored;
	known_thread__forget(n, k);
}

/* ---- now and then ----------------------------------------------------------------------- */

void thread_names__tick(struct thread_names *n, uint64_t now)
{
	uint64_t took;

	if (n->keep_before == UINT64_MAX)
		n->keep_before = now;
	if (now < n->next_scan)
		return;
	if (thread_names__scan(n) == -ESRCH)
		n->nameless = 0;
	took = thread_names__clock(CLOCK_MONOTONIC) - now;
	n->backoff = n->nameless && n->backoff < SCAN_NS / 2 ? n->backoff * 2 : SCAN_NS;
	n->next_scan = now + (n->backoff > SCAN_SHARE * took ? n->backoff : SCAN_SHARE * took);
}

bool thread_names__had_event(const struct thread_names *n, pid_t tid)
{
	const struct known_thread *k = known_thread__find(n, tid);

	return k && k->start_time;
}

bool thread_names__is_ignored(const struct thread_names *n, pid_t tid)
{
	const struct known_thread *k = known_thread__find(n, tid);

	return k && k->ignored;
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
	size_t count = n->ignored_gone;

	for (k = n->threads; k; k = k->hh.next)
		count += k->ignored;
	return count;
}
