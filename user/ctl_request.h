/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What `vtbpf ctl` says to a running trace, over a SOCK_SEQPACKET socket of the Unix domain.
 *
 * A request is one packet: words, each ended by a NUL: CTL_GREETING, the command, its argument if it
 * takes one. The answer is one packet of text: "ok\n" or "error: " and a sentence, then what the
 * command has to say. Then the connection ends.
 */
#ifndef VTBPF_CTL_REQUEST_H
#define VTBPF_CTL_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define CTL_DIR "/run/vtbpf"
#define CTL_GREETING "vtbpf-ctl-1"
#define CTL_REQUEST_MAX 4096
#define CTL_ANSWER_MAX 65536

enum ctl_command {
	CTL_STATUS,
	CTL_PAUSE,
	CTL_RESUME,
	CTL_IGNORE_THREAD,
	CTL_UNIGNORE_THREAD,
	CTL_IGNORE_FUNCTION,
	CTL_DUMP,
	CTL_STOP,
	CTL_COMMANDS
};

struct ctl_request {
	enum ctl_command command;
	const char *arg; /* NULL where the command takes none */
};

const char *ctl_request__name(enum ctl_command command);

/* Checks command name and argument (NULL: none given) and fills req. 0, or -EINVAL with a sentence in
 * why. req->arg is arg. */
int ctl_request__make(const char *name, const char *arg, struct ctl_request *req, char *why,
		      size_t why_size);

/* The request as a packet of at most CTL_REQUEST_MAX bytes. Its length, or -E2BIG. */
ssize_t ctl_request__format(const struct ctl_request *req, char *packet);

/* A packet of len bytes, of any origin, as a request. 0, or -EINVAL with a sentence in why. req->arg
 * points into the packet. */
int ctl_request__parse(const char *packet, size_t len, struct ctl_request *req, char *why,
		       size_t why_size);

#endif
