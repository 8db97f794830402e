// SPDX-License-Identifier: GPL-2.0-only
#include "urgent.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>

#define BREATH 64 /* reads: a tenth of a millisecond or so; the change costs as much as three */

static struct {
	bool on;
	bool refused; /* not asked again */
	int policy;   /* what it was before */
	unsigned int reads;
} state;

static int become(int policy, int priority)
{
	const struct sched_param param = { .sched_priority = priority };

	return sched_setscheduler(0, policy, &param) ? -errno : 0;
}

static bool is_ordinary(int policy)
{
	policy &= ~SCHED_RESET_ON_FORK;
	return policy == SCHED_OTHER || policy == SCHED_BATCH || policy == SCHED_IDLE;
}

int urgent__begin(void)
{
	int err;

	if (state.on)
		return 0;
	if (state.refused)
		return -EPERM;
	state.policy = sched_getscheduler(0);
	if (state.policy < 0 || !is_ordinary(state.policy))
		return 0;
	/* the flag stays: to take it away may not be allowed */
	err = become(SCHED_FIFO | (state.policy & SCHED_RESET_ON_FORK), 1);
	state.on = !err;
	state.refused = err;
	return err;
}

void urgent__breathe(void)
{
	if (!state.on || ++state.reads % BREATH)
		return;
	urgent__end();
	urgent__begin();
}

void urgent__end(void)
{
	if (state.on && !become(state.policy, 0))
		state.on = false;
}
