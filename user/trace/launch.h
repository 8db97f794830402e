/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `vtbpf -- PROGRAM`: starts PROGRAM as the user who ran sudo and holds it where its Python
 * begins.
 *
 * PROGRAM may be a script, a shell wrapper or a pyenv shim that becomes Python only by a later
 * execve. Our own child is followed with ptrace, which stops it at each execve and, while its
 * dynamic loader maps libraries and for some time after (a program may load libpython itself), at
 * each system call, until a mapped file holds an interpreter. There it waits for the probes; then
 * it is let go for good. Processes that it starts itself are not touched.
 */
#ifndef VTBPF_LAUNCH_H
#define VTBPF_LAUNCH_H

#include <stdbool.h>
#include <sys/types.h>

#include "../discover/target.h"

struct launched {
	pid_t pid;
	bool ended; /* `status` is its wait status */
	int status;
	int exec_errno; /* why it could not be started; then ended is set */
	int failed_fd;	/* where the child tells that; -1 when read */
};

/* Starts argv. The signals in `signal_fd` are blocked here and get their old mask in the child.
 * 0, or a negative errno after a message. */
int launch__start(struct launched *l, char **argv, const sigset_t *child_mask);

/* Runs it up to its Python. 0: it is held, and `t` is open for it. -ENOENT: it ended before
 * (l->ended). Another negative errno after a message. SIGINT and SIGTERM read from signal_fd are
 * handed to it. */
int launch__until_python(struct launched *l, int signal_fd, struct target *t);

/* Lets it go. */
void launch__release(struct launched *l);

/* Waits for its end and returns what a shell would show: its status, or 128 + signal. Signals from
 * signal_fd other than SIGINT (which it gets from the terminal itself) are handed to it. */
int launch__wait(struct launched *l, int signal_fd);

#endif
