// SPDX-License-Identifier: GPL-2.0-only
#include "deputy.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../caps.h"

#define DEPUTIES 64
#define PATIENCE_MS 5000 /* a file system may answer late, or never */

struct request {
	int sig; /* 0: open the path */
	pid_t pid;
	char path[PATH_MAX];
};

struct answer {
	int err;
};

/* What goes with a request: where to look, and where the answer goes. An answer has the file. */
enum { ROOT, ANSWER, N_FDS };

static struct deputy {
	uid_t uid;
	gid_t gid;
	int fd; /* the end of its socket that we have */
} deputies[DEPUTIES];
static size_t n_deputies;

/* ---- messages --------------------------------------------------------------------------- */

static int send_fds(int to, const void *data, size_t size, const int *fds, size_t n)
{
	char room[CMSG_SPACE(N_FDS * sizeof(int))] = "";
	struct iovec part = { (void *)data, size };
	struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1 };
	struct cmsghdr *head;

	if (n) {
		msg.msg_control = room;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		head = CMSG_FIRSTHDR(&msg);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(head), fds, n * sizeof(int));
	}
	return sendmsg(to, &msg, MSG_NOSIGNAL) == (ssize_t)size ? 0 : -EPIPE;
}

/* fds has room for n and gets those that came, -1 for the others. The size of the message, 0 at the
 * end, or a negative errno. */
static ssize_t receive_fds(int from, void *data, size_t size, int *fds, size_t n)
{
	char room[CMSG_SPACE(N_FDS * sizeof(int))];
	struct iovec part = { data, size };
	struct msghdr msg = { .msg_iov = &part,
			      .msg_iovlen = 1,
			      .msg_control = room,
			      .msg_controllen = CMSG_SPACE(n * sizeof(int)) };
	struct cmsghdr *head;
	ssize_t got;

	memset(fds, 0xff, n * sizeof(int));
	do {
		got = recvmsg(from, &msg, MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	head = CMSG_FIRSTHDR(&msg);
	if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
	    head->cmsg_len <= CMSG_LEN(n * sizeof(int)))
		memcpy(fds, CMSG_DATA(head), head->cmsg_len - CMSG_LEN(0));
	return got;
}

/* ---- the deputy ------------------------------------------------------------------------- */

/* Root's deputy may read what root may: a root process could. */
static int take_on(uid_t uid, gid_t gid)
{
	uint64_t keep = uid ? 0 : CAP_MASK(CAP_DAC_READ_SEARCH);

	if (setgroups(0, NULL) && geteuid() != uid)
		return -errno;
	if (setresgid(gid, gid, gid) && geteuid() != uid)
		return -errno;
	if (setresuid(uid, uid, uid))
		return -errno;
	prctl(PR_SET_DUMPABLE, 0); /* others with these ids must not get at our memory */
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return caps__keep(keep);
}

/* Whatever else is open here concerns nobody with these ids. */
static int keep_only(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; i < 3; i++)
		dup2(null, i);
	fd = dup2(fd, 3);
	if (syscall(SYS_close_range, 4U, ~0U, 0U)) /* Linux 5.9 */
		for (int i = 4; i < sysconf(_SC_OPEN_MAX); i++)
			close(i);
	return fd;
}

static int open_inside(int root_fd, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

static void carry_out(const struct request *req, const int fds[N_FDS])
{
	struct answer answer = {};
	int file = -1;

	if (req->sig)
		answer.err = kill(req->pid, req->sig) ? -errno : 0;
	else
		file = open_inside(fds[ROOT], req->path);
	if (!req->sig && file < 0)
		answer.err = file;
	send_fds(fds[ANSWER], &answer, sizeof(answer), &file, file >= 0);
	if (file >= 0)
		close(file);
}

static void ignore_signals(void)
{
	static const int sigs[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGTSTP };

	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		signal(sigs[i], SIG_IGN);
}

static _Noreturn void deputy_main(int fd, uid_t uid, gid_t gid)
{
	struct answer ready = {};
	struct request req;
	int fds[N_FDS];

	prctl(PR_SET_NAME, "vtbpf-deputy");
	ignore_signals();
	fd = keep_only(fd);
	ready.err = take_on(uid, gid);
	if (send_fds(fd, &ready, sizeof(ready), NULL, 0) || ready.err)
		_exit(1);
	while (receive_fds(fd, &req, sizeof(req), fds, N_FDS) == sizeof(req)) {
		req.path[sizeof(req.path) - 1] = '\0';
		carry_out(&req, fds);
		for (int i = 0; i < N_FDS; i++)
			if (fds[i] >= 0)
				close(fds[i]);
	}
	_exit(0);
}

/* ---- those who ask ---------------------------------------------------------------------- */

static const struct deputy *find(uid_t uid, gid_t gid)
{
	for (size_t i = 0; i < n_deputies; i++)
		if (deputies[i].uid == uid && deputies[i].gid == gid)
			return &deputies[i];
	return NULL;
}

/* Waits for an answer. 0 and perhaps a file, or a negative errno. */
static int hear(int fd, int *file)
{
	struct pollfd news = { .fd = fd, .events = POLLIN };
	struct answer answer = { .err = -ETIMEDOUT };

	*file = -1;
	if (poll(&news, 1, PATIENCE_MS) == 1 &&
	    receive_fds(fd, &answer, sizeof(answer), file, 1) != sizeof(answer))
		return -EPIPE;
	return answer.err;
}

int deputy__ensure(uid_t uid, gid_t gid)
{
	int fds[2], none, err;
	pid_t pid;

	if (find(uid, gid))
		return 0;
	if (n_deputies == DEPUTIES)
		return -ENOSPC;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return -errno;
	fflush(NULL);
	pid = fork();
	if (!pid)
		deputy_main(fds[1], uid, gid);
	err = pid < 0 ? -errno : 0;
	close(fds[1]);
	if (!err)
		err = hear(fds[0], &none);
	if (err) {
		close(fds[0]);
		return err;
	}
	deputies[n_deputies++] = (struct deputy){ uid, gid, fds[0] };
	return 0;
}

static int ask(const struct deputy *d, const struct request *req, int root_fd, int *file)
{
	int fds[2], err;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return -errno;
	err = send_fds(d->fd, req, sizeof(*req), (int[]){ root_fd, fds[1] }, N_FDS);
	close(fds[1]);
	if (!err)
		err = hear(fds[0], file);
	close(fds[0]);
	return err;
}

int deputy__open(uid_t uid, gid_t gid, int root_fd, const char *path)
{
	struct request req = {};
	int file = -1, err;

	if (strlen(path) >= sizeof(req.path))
		return -ENAMETOOLONG;
	err = deputy__ensure(uid, gid);
	if (err)
		return err;
	strcpy(req.path, path);
	err = ask(find(uid, gid), &req, root_fd, &file);
	return err ? err : file;
}

int deputy__kill(pid_t pid, int sig)
{
	const struct request req = { .sig = sig, .pid = pid };
	int err = kill(pid, sig) ? -errno : 0, file;

	for (size_t i = 0; i < n_deputies && err == -EPERM; i++)
		err = ask(&deputies[i], &req, deputies[i].fd, &file);
	return err;
}
