/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages. All go to stderr, one line each, as "vtbpf: what: why; what to do". A progress line,
 * when one stands on the terminal, is wiped before a message and drawn again later.
 */
#ifndef VTBPF_LOG_H
#define VTBPF_LOG_H

#include <stdarg.h>
#include <stdbool.h>

enum log_level { LOG_QUIET = -1, LOG_NORMAL = 0, LOG_VERBOSE = 1, LOG_DEBUG = 2 };

void log_set_level(enum log_level level);
enum log_level log_level(void);

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));   /* always shown */
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));    /* always shown */
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));    /* not with -q */
void log_verbose(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* with -v */
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));   /* with -v -v */

/* Draws (or with fmt NULL wipes) the one progress line; nothing when stderr is no terminal or
 * progress is off. Call it as often as you like: it draws at most ten times a second. */
void log_progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_set_progress(bool on);

#endif
