// SPDX-License-Identifier: GPL-2.0-only
#include "log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static enum log_level cur_level;
static bool progress_on = true;
static bool progress_shown;

void log_set_level(enum log_level level)
{
	cur_level = level;
}

enum log_level log_level(void)
{
	return cur_level;
}

void log_set_progress(bool on)
{
	progress_on = on;
}

static void wipe_progress(void)
{
	if (progress_shown)
		fputs("\r\033[K", stderr);
	progress_shown = false;
}

/* One write per line, so that lines of vtbpf and of the traced program do not mix. */
static void emit(const char *prefix, const char *fmt, va_list ap)
{
	char line[4096];
	int n = snprintf(line, sizeof(line), "vtbpf: %s", prefix);

	wipe_progress();
	vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	strcat(line, "\n");
	fputs(line, stderr);
	fflush(stderr);
}

#define DEFINE_LOG(name, prefix, min_level)  \
	void name(const char *fmt, ...)      \
	{                                    \
		va_list ap;                  \
                                             \
		if (cur_level < (min_level)) \
			return;              \
		va_start(ap, fmt);           \
		emit(prefix, fmt, ap);       \
		va_end(ap);                  \
	}

DEFINE_LOG(log_error, "", LOG_QUIET)
DEFINE_LOG(log_warn, "warning: ", LOG_QUIET)
DEFINE_LOG(log_info, "", LOG_NORMAL)
DEFINE_LOG(log_verbose, "", LOG_VERBOSE)
DEFINE_LOG(log_debug, "", LOG_DEBUG)

void log_progress(const char *fmt, ...)
{
	static struct timespec last;
	struct timespec now;
	va_list ap;

	if (!fmt) {
		wipe_progress();
		fflush(stderr);
		return;
	}
	if (!progress_on || cur_level < LOG_NORMAL || !isatty(STDERR_FILENO))
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if ((now.tv_sec - last.tv_sec) * 1000 + (now.tv_nsec - last.tv_nsec) / 1000000 < 100)
		return;
	last = now;
	fputs("\r\033[Kvtbpf: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fflush(stderr);
	progress_shown = true;
}
