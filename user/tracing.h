/* SPDX-License-Identifier: GPL-2.0-only */
/* What the trace of one process (cmd_trace.c) and of several (cmd_fleet.c) have in common. */
#ifndef VTBPF_TRACING_H
#define VTBPF_TRACING_H

#include <signal.h>

#include "options.h"

struct member_link;

/* What can be known before tracing: may the output be written, are the privileges there? EXIT_OK, or
 * another exit status after a message. */
int trace__check(const struct options *o);

/* From then on signals wait in a descriptor, which is returned: there is no moment in which one could
 * leave the target with probes and no one to remove them, or the output half written. Or a negative
 * errno. */
int trace__block_signals(sigset_t *old);

/* Is it one for cmd_fleet()? */
bool fleet__is_wanted(const struct options *o);

/* Records process o->pid as one of several, and tells what becomes of it. The exit status. */
int trace__member(const struct options *o, struct member_link *link);

#endif
