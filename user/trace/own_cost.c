// SPDX-License-Identifier: GPL-2.0-only
#include "own_cost.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define SLACK \
	10 /* tenth of the time: less idle time than that is between the turns of busy threads */

static uint64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Of all CPUs together, ns: the fields nice, idle and iowait (proc_stat(5)). What runs with a lower
 * priority makes room before the target does. */
static uint64_t read_idle(void)
{
	unsigned long long nice = 0, idle = 0, iowait = 0;
	FILE *f = fopen("/proc/stat", "re");
	int n = f ? fscanf(f, "cpu %*u %llu %*u %llu %llu", &nice, &idle, &iowait) : 0;

	if (f)
		fclose(f);
	return n == 3 ? (nice + idle + iowait) * (1000000000ULL / sysconf(_SC_CLK_TCK)) : 0;
}

double own_cost__busy(uint64_t cpu, uint64_t idle, uint64_t wall)
{
	uint64_t enough = cpu + wall / SLACK;

	return !enough || idle >= enough ? 0 : 1 - (double)idle / enough;
}

void own_cost__init(struct own_cost *o)
{
	*o = (struct own_cost){
		.idle = read_idle(),
		.at = read_clock(CLOCK_MONOTONIC),
		.busy = 1,
	};
}

uint64_t own_cost__take(struct own_cost *o)
{
	uint64_t now = read_clock(CLOCK_MONOTONIC), idle = read_idle();
	uint64_t cpu = read_clock(CLOCK_PROCESS_CPUTIME_ID), used = cpu - o->cpu;
	uint64_t left = idle - o->idle;

	left -= left < used ? left : used; /* vtbpf is of low priority itself */
	o->busy = own_cost__busy(used, left, now - o->at);
	*o = (struct own_cost){ .cpu = cpu, .idle = idle, .at = now, .busy = o->busy };
	return used * o->busy;
}
