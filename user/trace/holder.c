// SPDX-License-Identifier: GPL-2.0-only
#include "holder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../urgent.h"

struct holder_reply {
	int err;
	char why[512];
};

/* Signals meant for vtbpf (Ctrl-C goes to the whole foreground group) must not reach the holder. */
static void ignore_signals(void)
{
	static const int sigs[] = { SIGINT,  SIGTERM, SIGHUP,  SIGQUIT, SIGPIPE,
				    SIGUSR1, SIGUSR2, SIGTSTP, SIGALRM };

	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		signal(sigs[i], SIG_IGN);
	setsid();
}

static void wait_for_end(int fd, int alarm_fd)
{
	struct pollfd fds[] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = alarm_fd ? alarm_fd : -1, .events = POLLIN },
	};

	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
}

/*
 * Probes are set and removed under the target's memory lock, for which its threads wait when they hit
 * one meanwhile. So nothing ordinary may push the holder off its CPU while it has the lock: it runs
 * for some milliseconds in all. Without CAP_SYS_NICE it does without.
 */
static void hurry(void)
{
	if (urgent__begin())
		setpriority(PRIO_PROCESS, 0, -20);
}

/* The terminal and pipes of vtbpf must see their end when vtbpf goes, not when the holder does. */
static void leave_stdio(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; null >= 0 && fd < 3; fd++)
		dup2(null, fd);
}

static void holder_main(const struct holder *h, int fd,
			int (*attach)(void *ctx, char *why, size_t why_size), void *ctx)
{
	struct holder_reply reply = {};

	prctl(PR_SET_NAME, "vtbpf-holder");
	ignore_signals();
	hurry();
	reply.err = attach(ctx, reply.why, sizeof(reply.why));
	leave_stdio();
	if (send(fd, &reply, sizeof(reply), MSG_NOSIGNAL) == sizeof(reply) && !reply.err)
		wait_for_end(fd, h->alarm_fd);
	if (!reply.err && h->ending)
		h->ending(ctx);
	_exit(0); /* and with it go the links */
}

int holder__start(struct holder *h, int (*attach)(void *ctx, char *why, size_t why_size), void *ctx,
		  char *why, size_t why_size)
{
	struct holder_reply reply = {};
	int fds[2];
	ssize_t n;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return -errno;
	fflush(NULL);
	h->pid = fork();
	if (h->pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return -errno;
	}
	if (!h->pid) {
		close(fds[0]);
		holder_main(h, fds[1], attach, ctx);
	}
	close(fds[1]);
	h->control_fd = fds[0];
	do {
		n = recv(fds[0], &reply, sizeof(reply), 0);
	} while (n < 0 && errno == EINTR);
	if (n != sizeof(reply)) {
		reply.err = -ECHILD;
		snprintf(reply.why, sizeof(reply.why), "the attaching process ended unexpectedly");
	}
	if (!reply.err)
		return 0;
	holder__stop(h);
	snprintf(why, why_size, "%s", reply.why);
	return reply.err;
}

void holder__release(struct holder *h)
{
	if (h->pid > 0 && h->control_fd >= 0)
		close(h->control_fd);
	h->control_fd = -1;
}

static uint64_t ns_of(const struct timeval *tv)
{
	return tv->tv_sec * 1000000000ULL + tv->tv_usec * 1000ULL;
}

int holder__stop(struct holder *h)
{
	struct rusage used = {};

	if (h->pid <= 0)
		return 0;
	holder__release(h);
	while (wait4(h->pid, NULL, 0, &used) < 0 && errno == EINTR)
		;
	h->cpu_ns += ns_of(&used.ru_utime) + ns_of(&used.ru_stime);
	h->pid = 0;
	return 0;
}
