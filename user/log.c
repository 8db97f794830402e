// SPDX-License-Identifier: GPL-2.0-only
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static enum log_level cur_level;
static bool progress_on = true;
static bool progress_shown;

/* Does stderr lead to the journal? It then wants each line's priority, as syslog(3) counts them
 * (sd-daemon(3)); JOURNAL_STREAM names the file it is (systemd.exec(5)). */
static bool is_journal(void)
{
	static int known = -1;
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	if (known < 0)
		known = stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
			!fstat(STDERR_FILENO, &st) && st.st_dev == dev && st.st_ino == ino;
	return known;
}

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
static void emit(int priority, const char *prefix, const char *fmt, va_list ap)
{
	char line[4096], mark[8] = "";
	int n;

	if (is_journal())
		snprintf(mark, sizeof(mark), "<%d>", priority);
	n = snprintf(line, sizeof(line), "%svtbpf: %s", mark, prefix);

	wipe_progress();
	vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	strcat(line, "\n");
	fputs(line, stderr);
	fflush(stderr);
}

#define DEFINE_LOG(name, priority, prefix, min_level) \
	void name(const char *fmt, ...)               \
	{                                             \
		va_list ap;                           \
                                                      \
		if (cur_level < (min_level))          \
			return;                       \
		va_start(ap, fmt);                    \
		emit(priority, prefix, fmt, ap);      \
		va_end(ap);                           \
	}

DEFINE_LOG(log_error, 3, "", LOG_QUIET)
DEFINE_LOG(log_warn, 4, "warning: ", LOG_QUIET)
DEFINE_LOG(log_info, 6, "", LOG_NORMAL)
DEFINE_LOG(log_verbose, 6, "", LOG_VERBOSE)
DEFINE_LOG(log_debug, 7, "", LOG_DEBUG)

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
