/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The socket through which a running trace is controlled: <dir>/PID.sock, for root and for who runs
 * vtbpf. Nothing here ever blocks, whatever a client does or does not do.
 */
#ifndef VTBPF_CONTROL_H
#define VTBPF_CONTROL_H

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "../ctl_request.h"

struct control;

enum control_result {
	CONTROL_OK,
	CONTROL_ERROR, /* the text written is one sentence that says why */
	CONTROL_LATER, /* control__answer() will tell */
};

/* Carries out a request and writes what there is to say to `out`. */
typedef enum control_result (*control_fn)(void *ctx, const struct ctl_request *req, FILE *out);

/*
 * Listens in directory `dir`, which is made when it is not there, and must be a directory of ours
 * and not a link; its mode becomes 0700. The socket of a trace that died is replaced. NULL with
 * errno, which is EEXIST when another trace of the process is there and listens.
 */
struct control *control__new(const char *dir, pid_t pid, control_fn fn, void *ctx);

/* Removes the socket, and the directory when it is empty. Whoever waits is hung up on. */
void control__free(struct control *c);

/* Readable when there is something to serve. */
int control__fd(const struct control *c);

/* Serves whoever asks, and drops those that connected and say nothing. now: CLOCK_MONOTONIC, ns. */
void control__serve(struct control *c, uint64_t now);

/* Answers all that wait for `command`. */
void control__answer(struct control *c, enum ctl_command command, enum control_result result,
		     const char *text);

#endif
