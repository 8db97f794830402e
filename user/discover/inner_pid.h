/* SPDX-License-Identifier: GPL-2.0-only */
/* Process ids as programs in containers know them: what `ps` shows there is not what /proc shows here. */
#ifndef VTBPF_INNER_PID_H
#define VTBPF_INNER_PID_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Adds to the sentence in why, which says what is wrong with process pid, the Python processes of this
 * machine that call themselves so in a pid namespace of their own, if there are any: the pid may have
 * been read in a container. proc is "/proc", or a copy of one for a test.
 */
void inner_pid__explain(const char *proc, pid_t pid, char *why, size_t size);

#endif
