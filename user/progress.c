// SPDX-License-Identifier: GPL-2.0-only
#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "log.h"

#define NS 1000000000ULL
#define LONG (2 * NS)	 /* what takes less needs no line */
#define WATCHED (NS / 2) /* before that, no one knows how long it will take */
#define BAR_COLUMNS 20

static struct progress current;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS + (uint64_t)ts.tv_nsec;
}

void progress__start(bool on)
{
	memset(&current, 0, sizeof(current));
	current.on = on;
	if (on)
		current.began = now_ns();
}

void progress__stage(const struct progress_stage *stage)
{
	if (!current.on)
		return;
	current.from = current.stage.until;
	current.stage = *stage;
	current.stage_began = now_ns();
	current.done = 0;
}

/* The part of all the work that is done. */
static double part_of(const struct progress *p)
{
	double part = 0;

	if (p->stage.expected)
		part = (double)p->done / (double)p->stage.expected;
	if (part > 1)
		part = 1;
	return p->from + part * (p->stage.until - p->from);
}

static void put_rate(const struct progress *p, uint64_t now, char *text, size_t size)
{
	double seconds = (double)(now - p->stage_began) / NS, rate;

	rate = seconds > 0 ? (double)p->done / seconds / 1e6 : 0;
	snprintf(text, size, p->stage.unit == PROGRESS_BYTES ? "%.0f MB/s" : "%.1f M calls/s",
		 rate);
}

static void put_time(double seconds, char *text, size_t size)
{
	unsigned int s = (unsigned int)(seconds + 0.5);

	if (s < 60)
		snprintf(text, size, "%u s", s);
	else
		snprintf(text, size, "%u:%02u min", s / 60, s % 60);
}

bool progress__line(const struct progress *p, uint64_t now, char *line, size_t size)
{
	double part = part_of(p), took = (double)(now - p->began);
	char bar[BAR_COLUMNS + 1], rate[32], left[32];
	unsigned int full = (unsigned int)(part * BAR_COLUMNS);

	if (!p->on || part <= 0 || now - p->began < WATCHED || took / part < (double)LONG)
		return false;
	memset(bar, '.', BAR_COLUMNS);
	memset(bar, '#', full < BAR_COLUMNS ? full : BAR_COLUMNS);
	bar[BAR_COLUMNS] = '\0';
	put_rate(p, now, rate, sizeof(rate));
	put_time(took * (1 - part) / part / NS, left, sizeof(left));
	snprintf(line, size, "%s [%s] %.0f%%, %s, %s left", p->stage.what, bar, part * 100, rate,
		 left);
	return true;
}

void progress__add(uint64_t done)
{
	char line[128];

	if (!current.on)
		return;
	current.done += done;
	if (progress__line(&current, now_ns(), line, sizeof(line)))
		log_progress("%s", line);
}

void progress__stop(void)
{
	if (current.on)
		log_progress(NULL);
	current.on = false;
}
