/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The process that owns the links.
 *
 * A process that is killed while it closes a uprobe link by a system call can leave the
 * breakpoints in the target (seen on Linux 6.18: "uprobe: ... failed to unregister, leaking
 * uprobe"). Links that go with the exit of their owner never did. So a small process attaches,
 * waits and exits, and does nothing else; it exits as well when its parent is gone, however that
 * ended.
 */
#ifndef VTBPF_HOLDER_H
#define VTBPF_HOLDER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct holder {
	pid_t pid;
	/* Its other end closes: exit. -1: it was closed. Hangs up when the holder goes by itself. */
	int control_fd;
	int alarm_fd; /* 0: none; else it exits, too, when this becomes readable */
	/* Runs in the holder, with attach's ctx, before it exits and all is detached; may be NULL. */
	void (*ending)(void *ctx);
	uint64_t cpu_ns; /* that it, and those started before, have used; of those that were stopped */
};

/* Runs attach(ctx, why, why_size) in a new process and returns when that is done. attach returns 0
 * or a negative errno with a sentence in why; what it attached must stay open in file descriptors.
 * 0, or attach's error with its sentence; then nothing is attached and no process is left. */
int holder__start(struct holder *h, int (*attach)(void *ctx, char *why, size_t why_size), void *ctx,
		  char *why, size_t why_size);

/* Lets it exit, and does not wait. holder__stop() must follow. Legal on a stopped one. */
void holder__release(struct holder *h);

/* Lets it exit and waits for that: the links are gone when this returns. Legal on a stopped one. */
int holder__stop(struct holder *h);

#endif
