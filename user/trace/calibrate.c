// SPDX-License-Identifier: GPL-2.0-only
#include "calibrate.h"

#include <errno.h>
#include <link.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "empty_program.h"
#include "tracer.h"
#include "vtbpf.skel.h"

#define RUNS 7
#define HITS_EMULATED 20000
#define HITS_SINGLE_STEP 2000
#define QUICKER 20

/* Two functions whose first instruction is probed: one that the kernel emulates, one that it does not.
 * x86: a nop and a mov. arm64 simulates neither of these moves, but does a branch. */
__attribute__((noinline, aligned(64))) static void hit_emulated(void)
{
#if defined(__x86_64__)
	asm volatile(".globl vtbpf_hit_emulated\nvtbpf_hit_emulated:\n\tnop" ::: "memory");
#else
	asm volatile(".globl vtbpf_hit_emulated\nvtbpf_hit_emulated:\n\tb 1f\n1:" ::: "memory");
#endif
}

__attribute__((noinline, aligned(64))) static void hit_single_step(void)
{
#if defined(__x86_64__)
	asm volatile(".globl vtbpf_hit_single\nvtbpf_hit_single:\n\tmov %%eax, %%eax" ::: "memory");
#else
	asm volatile(".globl vtbpf_hit_single\nvtbpf_hit_single:\n\tmov x9, x9" ::: "x9", "memory");
#endif
}

extern const char vtbpf_hit_emulated[], vtbpf_hit_single[];

/* ---- where that is in our own file ------------------------------------------------------ */

struct find_segment {
	uintptr_t addr;
	uint64_t offset;
};

static int look_at_segments(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct find_segment *f = arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + ph->p_vaddr;

		if (ph->p_type != PT_LOAD || f->addr < start || f->addr >= start + ph->p_filesz)
			continue;
		f->offset = f->addr - start + ph->p_offset;
		return 1;
	}
	return 0;
}

/* ---- measuring ---------------------------------------------------------------------------- */

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t median_of_runs(void (*hit)(void), unsigned int hits)
{
	uint64_t runs[RUNS];

	for (int r = 0; r < RUNS; r++) {
		uint64_t start = cpu_ns();

		for (unsigned int i = 0; i < hits; i++)
			hit();
		runs[r] = (cpu_ns() - start) / hits;
	}
	qsort(runs, RUNS, sizeof(runs[0]), by_value);
	return runs[RUNS / 2];
}

static int measure(struct vtbpf_bpf *skel, const char *where, void (*hit)(void), unsigned int hits,
		   uint64_t *ns)
{
	struct find_segment f = { .addr = (uintptr_t)where };
	struct bpf_link *link;
	uint64_t bare;

	if (!dl_iterate_phdr(look_at_segments, &f))
		return -ENOENT;
	bare = median_of_runs(hit, hits);
	link = bpf_program__attach_uprobe(skel->progs.on_nothing, false, getpid(), "/proc/self/exe",
					  f.offset);
	if (!link)
		return -errno;
	*ns = median_of_runs(hit, hits) - bare;
	bpf_link__destroy(link); /* breakpoints in vtbpf itself: no target to leave clean */
	return 0;
}

int calibrate__hit_cost(struct hit_cost *cost, enum calibrate_how how)
{
	unsigned int share = how == CALIBRATE_QUICK ? QUICKER : 1;
	struct vtbpf_bpf *skel;
	int err;

	tracer__route_messages();
	skel = empty_program__load(false);
	if (!skel)
		return -errno;
	err = measure(skel, vtbpf_hit_emulated, hit_emulated, HITS_EMULATED / share,
		      &cost->emulated_ns);
	if (!err)
		err = measure(skel, vtbpf_hit_single, hit_single_step, HITS_SINGLE_STEP / share,
			      &cost->single_step_ns);
	vtbpf_bpf__destroy(skel);
	return err;
}

/* ---- timers ----------------------------------------------------------------------------- */

#define TIMER_PERIOD_NS 100000
#define TIMER_RUN_NS 20000000ULL /* of CPU time */
#define LEAST_GAP_NS 500	 /* between two looks at the clock: something came in between */
#define LONGEST_GAP_NS 200000	 /* this thread was off its CPU */
#define LEAST_GAPS 20

static int open_timer(uint64_t period)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.size = sizeof(attr),
		.sample_period = period,
	};
	int fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static uint64_t wall_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* The gaps that the timer makes in a thread that does nothing but look at the clock: their mean. */
static int mean_gap(uint64_t *ns)
{
	uint64_t until = cpu_ns() + TIMER_RUN_NS, last = wall_ns(), now, sum = 0, n = 0;

	for (unsigned int i = 0; i % 64 || cpu_ns() < until; i++, last = now) {
		if (i % 64 == 0)
			last = wall_ns(); /* looking at CPU time took a while */
		now = wall_ns();
		if (now - last < LEAST_GAP_NS || now - last > LONGEST_GAP_NS)
			continue;
		sum += now - last;
		n++;
	}
	if (n < LEAST_GAPS)
		return -ENODATA;
	*ns = sum / n;
	return 0;
}

int calibrate__timer_cost(uint64_t *ns)
{
	int fd = open_timer(TIMER_PERIOD_NS), err;

	if (fd < 0)
		return fd;
	err = mean_gap(ns);
	close(fd);
	return err;
}

#define SWITCHES 30 /* for each of RUNS */

static uint64_t time_requests(int fd, unsigned long first, unsigned long second)
{
	uint64_t runs[RUNS];

	for (int r = 0; r < RUNS; r++) {
		uint64_t start = cpu_ns();

		for (int i = 0; i < SWITCHES; i++) {
			ioctl(fd, first, 0);
			ioctl(fd, second, 0);
		}
		runs[r] = (cpu_ns() - start) / SWITCHES;
	}
	qsort(runs, RUNS, sizeof(runs[0]), by_value);
	return runs[RUNS / 2];
}

/* The kernel stops the timer when the thread loses its CPU, and sets it when it gets one, as it does when
 * it is turned off and on: together what each time on a CPU costs. */
int calibrate__switch_cost(uint64_t period, uint64_t *ns)
{
	int fd = open_timer(period);
	uint64_t both, nothing;

	if (fd < 0)
		return fd;
	both = time_requests(fd, PERF_EVENT_IOC_DISABLE, PERF_EVENT_IOC_ENABLE);
	nothing = time_requests(fd, PERF_EVENT_IOC_ENABLE, PERF_EVENT_IOC_ENABLE);
	close(fd);
	*ns = both > nothing ? both - nothing : 0;
	return 0;
}
