/* SPDX-License-Identifier: GPL-2.0-only */
/* Opens an address in the user's web browser, never as root. */
#ifndef VTBPF_BROWSER_H
#define VTBPF_BROWSER_H

#include <stdbool.h>
#include <sys/types.h>

struct browser {
	pid_t pid;
	int fd; /* a pidfd: can be read when what was started has ended; -1: none */
};

/* May a browser be opened? NULL, or why not: root, no display. $BROWSER, if set, is taken for one. */
const char *browser__missing(void);

/* Starts what $BROWSER names ("command:command", %s stands for the address, else it comes last), else
 * xdg-open and the like, as the user that we are, in a session of its own; its output goes nowhere.
 * 0 or a negative errno. */
int browser__open(struct browser *b, const char *url);

/* Once fd can be read: did it fail? Browsers that stay in the foreground never get here. */
bool browser__failed(struct browser *b);

#endif
