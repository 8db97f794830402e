/* SPDX-License-Identifier: GPL-2.0-only */
/* What the trace of one process (cmd_trace.c) and of several (cmd_fleet.c) have in common. */
#ifndef VTBPF_TRACING_H
#define VTBPF_TRACING_H

#include <signal.h>

#include "options.h"

struct member_link;
struct recording_result;

/* What can be known before tracing: may the output be written, are the privileges there? EXIT_OK, or
 * another exit status after a message. */
int trace__check(const struct options *o);

/* From then on signals wait in a descriptor, which is returned: there is no moment in which one could
 * leave the target with probes and no one to remove them, or the output half written. Or a negative
 * errno. */
int trace__block_signals(sigset_t *old);

/* Is the output a capture, which grows under its name? */
bool trace__is_capture(const struct options *o);

/* What the capture lies beside: the output, unless that is no plain file (a pipe, /dev/stdout). */
const char *trace__capture_neighbour(const struct options *o);

unsigned int trace__count_threads(pid_t pid);

/* Why a recording of the process ended, where that is worth a line. */
void trace__say_end(const struct recording_result *res, pid_t pid);

/* Is it one for cmd_fleet()? */
bool fleet__is_wanted(const struct options *o);

/* Records process o->pid as one of several, and tells what becomes of it. The exit status. */
int trace__member(const struct options *o, struct member_link *link);

#endif
