// SPDX-License-Identifier: GPL-2.0-only
#include "member.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../log.h"

static _Noreturn void child_main(int (*run)(void *ctx, struct member_link *link), void *ctx,
				 struct member_link *link, pid_t supervisor)
{
	prctl(PR_SET_NAME, "vtbpf-member");
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != supervisor) /* it died before it could be asked for */
		_exit(1);
	log_set_progress(false);
	_exit(run(ctx, link));
}

int member__start(struct member *m, int (*run)(void *ctx, struct member_link *link), void *ctx)
{
	pid_t self = getpid();
	int fds[2], err;

	memset(m, 0, sizeof(*m));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return -errno;
	fflush(NULL);
	m->pid = fork();
	if (!m->pid) {
		struct member_link link = { .fd = fds[1] };

		close(fds[0]);
		child_main(run, ctx, &link, self);
	}
	err = m->pid < 0 ? -errno : 0;
	close(fds[1]);
	m->fd = fds[0];
	if (!err)
		return 0;
	close(m->fd);
	memset(m, 0, sizeof(*m));
	return err;
}

int member__receive(struct member *m)
{
	struct member_report report;
	ssize_t n;

	if (m->ended)
		return 0;
	do {
		n = recv(m->fd, &report, sizeof(report), MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n == sizeof(report)) {
		report.capture[sizeof(report.capture) - 1] = '\0';
		report.last_words[sizeof(report.last_words) - 1] = '\0';
		m->report = report;
	} else { /* it died: what it had said of a capture holds */
		m->report.news = MEMBER_ENDED;
		m->report.status = 1;
		m->report.last_words[0] = '\0';
	}
	m->ended = m->report.news == MEMBER_ENDED;
	return 1;
}

void member__cut(struct member *m)
{
	if (m->pid && !m->ended)
		send(m->fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int member__adopt(struct member *m, pid_t pid)
{
	const struct member_order order = { .adopt = pid };

	if (!m->pid || m->ended)
		return -ESRCH;
	return send(m->fd, &order, sizeof(order), MSG_NOSIGNAL) == sizeof(order) ? 0 : -errno;
}

void member__stop(struct member *m)
{
	if (!m->pid || m->ended)
		return;
	kill(m->pid, SIGTERM);
}

void member__free(struct member *m)
{
	if (!m->pid)
		return;
	close(m->fd);
	while (waitpid(m->pid, NULL, 0) < 0 && errno == EINTR)
		;
	memset(m, 0, sizeof(*m));
}

void member__tell(const struct member_link *link, const struct member_report *report)
{
	while (send(link->fd, report, sizeof(*report), MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}
