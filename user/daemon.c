// SPDX-License-Identifier: GPL-2.0-only
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"
#include "outfile.h"

/* The pid in the file, 0 when there is none. */
static pid_t read_pid(int fd)
{
	char text[32] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	return n > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

int pidfile__check(const char *path)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), err = 0;
	struct stat st;
	pid_t pid;

	if (fd < 0) {
		if (errno == ENOENT)
			return 0;
		err = -errno;
		log_error("%s: %s; name another file with --pidfile", path, strerror(-err));
		return err;
	}
	pid = read_pid(fd);
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		err = -EINVAL;
	else if (flock(fd, LOCK_SH | LOCK_NB) || (pid > 0 && (!kill(pid, 0) || errno == EPERM)))
		err = -EEXIST;
	close(fd);
	if (err == -EINVAL)
		log_error("%s: is no regular file; name another with --pidfile", path);
	else if (err)
		log_error("%s: names process %d, which runs; end it first, or name another file "
			  "with --pidfile",
			  path, pid);
	return err;
}

int pidfile__write(struct pidfile *f, const char *path)
{
	struct outfile out = {};
	char text[32];
	int n = snprintf(text, sizeof(text), "%d\n", getpid());
	int err = outfile__create(&out, path, "", 0644);
	int fd = err ? -1 : fcntl(out.fd, F_DUPFD_CLOEXEC, 3);

	if (!err && (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) || write(fd, text, (size_t)n) != n))
		err = -errno;
	if (err)
		outfile__abort(&out);
	else
		err = outfile__commit(&out);
	if (err) {
		log_error("%s: %s", path, strerror(-err));
		if (fd >= 0)
			close(fd);
		return err;
	}
	f->path = path;
	f->fd = fd;
	return 0;
}

void pidfile__remove(struct pidfile *f)
{
	if (f->fd <= 0)
		return;
	unlink(f->path);
	close(f->fd);
	f->fd = 0;
}

void daemon__notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (len < 2 || len >= sizeof(to.sun_path) || (*path != '/' && *path != '@'))
		return;
	memcpy(to.sun_path, path, len);
	if (*path == '@') /* of the abstract namespace */
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		log_verbose("cannot tell the service manager: %s", strerror(errno));
	close(fd);
}
