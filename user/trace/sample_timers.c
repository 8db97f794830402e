// SPDX-License-Identifier: GPL-2.0-only
#include "sample_timers.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../discover/proc_task.h"

struct timer_config {
	int prog_fd;
	uint64_t period_ns;
};

#define MAX_ROUNDS 50
#define SPARE_FDS 64

/* Copies go to threads only where the kernel can tell (Linux 5.13: inherit_thread); else to forked
 * children, too, whose samples the BPF program does not take. */
static int open_timer(pid_t tid, uint64_t period_ns)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.size = sizeof(attr),
		.sample_period = period_ns,
		.disabled = 1,
		.inherit = 1,
		.inherit_thread = 1,
	};
	int fd = syscall(SYS_perf_event_open, &attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0 && errno == EINVAL) {
		attr.inherit_thread = 0;
		fd = syscall(SYS_perf_event_open, &attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	}
	return fd < 0 ? -errno : fd;
}

/*
 * When the kernel switches between two threads whose timers are all copies of the same ones, it leaves
 * the timers to run and only swaps what they count for; on Linux 6.18 they were seen to count no more
 * after that. Where the parent has an event that is not copied, it does not take its threads' for equal.
 */
static int open_uncopied(pid_t tid)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY,
		.size = sizeof(attr),
	};

	return syscall(SYS_perf_event_open, &attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

/* An event of its own that comes and goes does for a thread that is there already. */
void sample_timers__separate(pid_t tid)
{
	int fd = open_uncopied(tid);

	if (fd >= 0)
		close(fd);
}

/* 0, also when the thread is gone. */
static int add_timer(pid_t tid, const struct timer_config *cfg)
{
	int fd = open_timer(tid, cfg->period_ns);

	if (fd < 0)
		return fd == -ESRCH ? 0 : fd;
	open_uncopied(tid);
	if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, cfg->prog_fd) || ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))
		return -errno;
	return 0;
}

static bool has_tid(const pid_t *tids, size_t n, pid_t tid)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (tids[mid] < tid)
			low = mid + 1;
		else
			high = mid;
	}
	return low < n && tids[low] == tid;
}

/* As many descriptors as there are threads; root may raise its limit. */
static void make_room(size_t n_threads)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= n_threads + SPARE_FDS)
		return;
	limit.rlim_cur = n_threads + SPARE_FDS;
	if (limit.rlim_max < limit.rlim_cur)
		limit.rlim_max = limit.rlim_cur;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* One look at the threads: those that the last one did not see get a timer. How many these were, or
 * a negative errno. Replaces the list. */
static int add_timers(pid_t pid, pid_t **known, size_t *n_known, const struct timer_config *cfg)
{
	pid_t *tids = NULL;
	size_t n = 0;
	int err = proc_task__list(pid, &tids, &n), added = 0;

	if (err)
		return err;
	make_room(*n_known + n);
	for (size_t i = 0; !err && i < n; i++) {
		if (has_tid(*known, *n_known, tids[i]))
			continue;
		err = add_timer(tids[i], cfg);
		added++;
	}
	free(*known);
	*known = tids;
	*n_known = n;
	return err ? err : added;
}

/* A thread that started since the last look has a copy of its parent's timer, if that had one then,
 * and if that had its program; so it gets one of its own, until a look finds no new thread. */
int sample_timers__open(pid_t pid, int prog_fd, uint64_t period_ns, char *why, size_t why_size)
{
	const struct timer_config cfg = { prog_fd, period_ns };
	pid_t *known = NULL;
	size_t n_known = 0;
	int added = 1;

	for (int i = 0; i < MAX_ROUNDS && added > 0; i++)
		added = add_timers(pid, &known, &n_known, &cfg);
	free(known);
	if (added >= 0)
		return 0;
	snprintf(why, why_size, "the kernel refuses timers for its threads: %s", strerror(-added));
	return added;
}
