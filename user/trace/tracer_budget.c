// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the target's threads pay, as the kernel side counts it, and the end of a window that has cost
 * what it may: the kernel side wakes the holder, which ends it and waits for no one.
 */
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tracer_state.h"

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static uint64_t sum(const struct tracer *t)
{
	uint64_t ns = 0;

	for (size_t i = 0; i < SPENT_CELLS; i++)
		ns += __atomic_load_n(&t->skel->bss->spent[i].ns, __ATOMIC_RELAXED);
	return ns;
}

void tracer__limit(struct tracer *t, uint64_t ns)
{
	uint64_t most = 0;

	for (size_t i = 0; i < SPENT_CELLS; i++)
		if (t->skel->bss->spent[i].ns > most)
			most = t->skel->bss->spent[i].ns;
	__atomic_store_n(&t->skel->bss->spent_limit, most + ns, __ATOMIC_RELEASE);
}

void tracer__spend_by_cpu(struct tracer *t, bool by_cpu)
{
	t->skel->bss->spent_by_cpu = by_cpu;
}

uint64_t tracer__spent(const struct tracer *t)
{
	return t->spent_before + sum(t);
}

uint64_t tracer__holder_cpu(const struct tracer *t)
{
	return t->holder.cpu_ns;
}

int tracer__end_fd(const struct tracer *t)
{
	return t->budgeted && t->holder.pid > 0 ? t->holder.control_fd : -1;
}

struct tracer_edges tracer__edges(const struct tracer *t)
{
	return t->edges;
}

/* In the holder, before the probes go. */
static void stop(void *ctx)
{
	const struct attach_args *args = ctx;
	struct vtbpf_bpf *skel = args->t->skel;

	if (__atomic_exchange_n(&skel->bss->active, 0, __ATOMIC_SEQ_CST) && !skel->bss->stopped_ns)
		skel->bss->stopped_ns = now_ns();
	skel->bss->spent_at_stop = sum(args->t);
}

static int skip(void *ctx, void *data, size_t size)
{
	(void)ctx;
	(void)data;
	(void)size;
	return 0;
}

/* An alarm that stays would end the next window at once. */
static void empty_alarms(struct tracer *t)
{
	int fd = bpf_map__fd(t->skel->maps.alarms);
	struct ring_buffer *alarms = ring_buffer__new(fd, skip, NULL, NULL);

	if (alarms)
		ring_buffer__consume(alarms);
	ring_buffer__free(alarms);
}

void tracer__prepare_spending(struct tracer *t)
{
	empty_alarms(t);
	t->skel->bss->spent_at_start = 0;
	t->skel->bss->spent_at_stop = 0;
	t->skel->bss->stopped_ns = 0;
	t->holder.alarm_fd = bpf_map__fd(t->skel->maps.alarms);
	t->holder.ending = stop;
}

void tracer__begin_spending(struct tracer *t)
{
	t->skel->bss->spent_at_start = sum(t);
	t->skel->bss->start_ns = now_ns();
	__atomic_store_n(&t->skel->bss->active, 1, __ATOMIC_SEQ_CST);
}

void tracer__end_spending(struct tracer *t)
{
	uint64_t all = sum(t), stopped = t->skel->bss->spent_at_stop;

	t->edges.attach = t->skel->bss->spent_at_start;
	t->edges.detach = stopped && all > stopped ? all - stopped : 0;
	t->spent_before += all;
	for (size_t i = 0; i < SPENT_CELLS; i++)
		t->skel->bss->spent[i].ns = 0;
}
