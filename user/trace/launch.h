/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `vtbpf -- PROGRAM`: starts PROGRAM as the user who ran sudo and holds it where its Python
 * begins.
 *
 * PROGRAM may be a script, a shell wrapper or a pyenv shim that becomes Python only by a later
 * execve. Our own child is followed with ptrace, which stops it at each execve and, while its
 * dynamic loader maps libraries and for some time after (a program may load libpython itself), at
 * each system call, until a mapped file holds an interpreter. There it waits for the probes; then
 * it is let go for good. Where its descendants are to be traced, the first Python may also be one of
 * them, as of `sh -c 'python a.py; python b.py'`: until then they are followed in the same way. After that
 * nothing is.
 */
#ifndef VTBPF_LAUNCH_H
#define VTBPF_LAUNCH_H

#include <stdbool.h>
#include <sys/types.h>

#include "../discover/target.h"

struct tracee;

struct launched {
	pid_t pid;
	struct tracee *tracees; /* processes that ptrace follows */
	bool ended;		/* `status` is its wait status */
	int status;
	int exec_errno; /* why it could not be started; then ended is set */
	int failed_fd;	/* where the child tells that; -1 when read */
};

/* Starts argv; descendants: its Python may be one of them. The signals in `signal_fd` are blocked here
 * and get their old mask in the child. 0, or a negative errno after a message. */
int launch__start(struct launched *l, char **argv, const sigset_t *child_mask, bool descendants);

/* Runs it up to its Python. 0: that is held, and `t` is open for it; t->pid may be a descendant's.
 * -ENOENT: it ended before (l->ended). Another negative errno after a message. SIGINT and SIGTERM read
 * from signal_fd are handed to it. */
int launch__until_python(struct launched *l, int signal_fd, struct target *t);

/* Lets all go that is held or followed. */
void launch__release(struct launched *l);

/* Ends all that is held or followed, and the program itself. */
void launch__kill(struct launched *l);

/* Waits for its end and returns what a shell would show: its status, or 128 + signal. Signals from
 * signal_fd other than SIGINT (which it gets from the terminal itself) are handed to it. */
int launch__wait(struct launched *l, int signal_fd);

#endif
