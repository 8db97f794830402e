/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Preloaded into vtbpf: its wall clock jumps by an hour, to and fro, at each look. The machine's own
 * clock, which others use, stays as it is.
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long step(void)
{
	static unsigned int looks;

	return __atomic_fetch_add(&looks, 1, __ATOMIC_RELAXED) / 2 % 2 ? 3600 : -3600;
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	int err = (int)syscall(SYS_clock_gettime, clock, ts);

	if (!err && clock == CLOCK_REALTIME)
		ts->tv_sec += step();
	return err;
}

time_t time(time_t *at)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (at)
		*at = ts.tv_sec;
	return ts.tv_sec;
}
