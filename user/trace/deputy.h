/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Deputies: small processes with the ids of a traced process and no capabilities, which do for vtbpf
 * what must be done with that process's rights and no others: they open the files that it names, and
 * signal a program that vtbpf has started. One for each pair of ids, begun while vtbpf may still take
 * on these ids; they are there for all processes that vtbpf forks, and end with the last of them.
 */
#ifndef VTBPF_DEPUTY_H
#define VTBPF_DEPUTY_H

#include <sys/types.h>

/* There is to be a deputy with these ids. 0; -EPERM when vtbpf may not take them on; another negative
 * errno. */
int deputy__ensure(uid_t uid, gid_t gid);

/* Opens a file for reading as uid and gid may: path is seen from root_fd, a directory that is "/" for
 * it, its own last component is no link, and what is no file does not block. The caller's to close, or
 * a negative errno. */
int deputy__open(uid_t uid, gid_t gid, int root_fd, const char *path);

/* kill(2), by whoever may: vtbpf itself or a deputy. */
int deputy__kill(pid_t pid, int sig);

#endif
