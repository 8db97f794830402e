// SPDX-License-Identifier: GPL-2.0-only
#include "control.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS 16
#define BACKLOG 64
#define PATIENCE_NS 1000000000ULL /* for a client that says nothing */
#define TRIES 5

struct client {
	bool used;
	int fd;
	uint64_t since;
	bool waits; /* for the answer to its request */
	enum ctl_command command;
};

struct control {
	char *dir;
	int dir_fd, listen_fd, epoll_fd;
	char name[32];
	control_fn fn;
	void *ctx;
	struct client clients[CLIENTS];
};

/* ---- the socket ------------------------------------------------------------------------- */

/* Whoever is forked from us must not keep the socket or a client: they are ours to close. */
static struct control *listening;

static void close_in_child(void)
{
	if (!listening)
		return;
	close(listening->listen_fd);
	close(listening->epoll_fd);
	for (int i = 0; i < CLIENTS; i++)
		if (listening->clients[i].used)
			close(listening->clients[i].fd);
	listening = NULL;
}

static int open_dir(const char *dir)
{
	struct stat st;
	int fd, err = 0;

	if (mkdir(dir, 0700) && errno != EEXIST)
		return -errno;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (st.st_uid != geteuid())
		err = -EPERM;
	else if ((st.st_mode & 07777) != 0700 && fchmod(fd, 0700))
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* By way of the open directory, so that it is that one, whatever its name means by now. */
static void address(const struct control *c, const char *name, struct sockaddr_un *un)
{
	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	snprintf(un->sun_path, sizeof(un->sun_path), "/proc/self/fd/%d/%.32s", c->dir_fd, name);
}

static bool someone_listens(const struct sockaddr_un *un)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool yes;

	/* EAGAIN: it has more to do than it can take. */
	yes = fd >= 0 &&
	      (!connect(fd, (const struct sockaddr *)un, sizeof(*un)) || errno == EAGAIN);
	if (fd >= 0)
		close(fd);
	return yes;
}

/* Of traces that died without removing theirs. Who listens has the lock from bind to listen. */
static void remove_dead(const struct control *c)
{
	int fd = openat(c->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct sockaddr_un un;
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		if (d->d_type != DT_SOCK || strlen(d->d_name) > 32)
			continue;
		address(c, d->d_name, &un);
		if (!someone_listens(&un))
			unlinkat(c->dir_fd, d->d_name, 0);
	}
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
}

static int bind_name(struct control *c)
{
	struct sockaddr_un un;
	mode_t mask = umask(0177);
	int err;

	address(c, c->name, &un);
	err = bind(c->listen_fd, (struct sockaddr *)&un, sizeof(un)) ? -errno : 0;
	umask(mask);
	return err == -EADDRINUSE ? -EEXIST : err;
}

/* The lock keeps two that start at once from taking each other's new socket for a dead one. It is
 * not waited for long: whoever has it is done in a moment, or is no friend. */
static int lock_dir(int fd)
{
	for (int i = 0; i < 100; i++) {
		if (!flock(fd, LOCK_EX | LOCK_NB))
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		usleep(1000);
	}
	return -EBUSY;
}

static int listen_once(struct control *c)
{
	int err;

	c->dir_fd = open_dir(c->dir);
	if (c->dir_fd < 0)
		return c->dir_fd;
	err = lock_dir(c->dir_fd);
	if (err)
		return err;
	c->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	err = c->listen_fd < 0 ? -errno : 0;
	remove_dead(c);
	if (!err)
		err = bind_name(c);
	if (!err && listen(c->listen_fd, BACKLOG))
		err = -errno;
	flock(c->dir_fd, LOCK_UN);
	return err;
}

static void close_socket(struct control *c)
{
	if (c->listen_fd >= 0)
		close(c->listen_fd);
	if (c->dir_fd >= 0)
		close(c->dir_fd);
	c->listen_fd = c->dir_fd = -1;
}

static int watch(struct control *c, int fd, void *what)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLRDHUP, .data.ptr = what };

	return epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

static int start(struct control *c)
{
	int err = -ENOENT;

	/* The last trace to leave removes the directory, perhaps just before we bind in it. */
	for (int i = 0; i < TRIES && err == -ENOENT; i++) {
		close_socket(c);
		err = listen_once(c);
	}
	if (err)
		return err;
	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (c->epoll_fd < 0)
		err = -errno;
	if (!err)
		err = watch(c, c->listen_fd, NULL);
	if (err)
		unlinkat(c->dir_fd, c->name, 0);
	return err;
}

struct control *control__new(const char *dir, pid_t pid, control_fn fn, void *ctx)
{
	static bool registered;
	struct control *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;

	if (!c)
		return NULL;
	c->dir_fd = c->listen_fd = c->epoll_fd = -1;
	c->fn = fn;
	c->ctx = ctx;
	c->dir = strdup(dir);
	snprintf(c->name, sizeof(c->name), "%d.sock", pid);
	if (c->dir)
		err = start(c);
	if (!err) {
		if (!registered)
			registered = !pthread_atfork(NULL, NULL, close_in_child);
		listening = c;
		return c;
	}
	close_socket(c);
	if (c->epoll_fd >= 0)
		close(c->epoll_fd);
	free(c->dir);
	free(c);
	errno = -err;
	return NULL;
}

static void hang_up(struct client *client)
{
	close(client->fd);
	memset(client, 0, sizeof(*client));
}

void control__free(struct control *c)
{
	if (!c)
		return;
	listening = NULL;
	for (int i = 0; i < CLIENTS; i++)
		if (c->clients[i].used)
			hang_up(&c->clients[i]);
	unlinkat(c->dir_fd, c->name, 0);
	rmdir(c->dir); /* fails when there are others, as it should */
	close_socket(c);
	close(c->epoll_fd);
	free(c->dir);
	free(c);
}

int control__fd(const struct control *c)
{
	return c->epoll_fd;
}

/* ---- clients ---------------------------------------------------------------------------- */

static void send_answer(struct client *client, enum control_result result, const char *text,
			size_t len)
{
	const char *head = result == CONTROL_OK ? "ok\n" : "error: ";
	struct iovec parts[] = {
		{ (void *)head, strlen(head) },
		{ (void *)text, len < CTL_ANSWER_MAX - 16 ? len : CTL_ANSWER_MAX - 16 },
	};
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = 2 };

	/* It is the only packet ever sent there, so there is room. Who does not take it has none. */
	sendmsg(client->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	hang_up(client);
}

static bool may_ask(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) && len == sizeof(peer) &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

/* Of those that have said nothing yet the one that came first makes room. */
static struct client *make_room(struct control *c)
{
	struct client *oldest = NULL;

	for (int i = 0; i < CLIENTS; i++) {
		struct client *client = &c->clients[i];

		if (!client->used)
			return client;
		if (!client->waits && (!oldest || client->since < oldest->since))
			oldest = client;
	}
	if (oldest)
		hang_up(oldest);
	return oldest;
}

static void let_in(struct control *c, int fd, uint64_t now)
{
	struct client *client = make_room(c);

	if (!client) {
		close(fd);
		return;
	}
	client->used = true;
	client->fd = fd;
	client->since = now;
	if (!may_ask(fd)) {
		static const char no[] = "only root, and who runs this trace, may control it\n";

		send_answer(client, CONTROL_ERROR, no, sizeof(no) - 1);
	} else if (watch(c, fd, client)) {
		hang_up(client);
	}
}

static void carry_out(struct control *c, struct client *client, const struct ctl_request *req)
{
	enum control_result result = CONTROL_ERROR;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	client->command = req->command;
	client->waits = true;
	if (out) {
		result = c->fn(c->ctx, req, out);
		fclose(out);
	}
	/* An answer may have been given meanwhile, to all that waited. */
	if (result != CONTROL_LATER && client->used)
		send_answer(client, result, text ? text : "", text ? len : 0);
	free(text);
}

static void hear(struct control *c, struct client *client)
{
	char packet[CTL_REQUEST_MAX + 1], why[256];
	struct ctl_request req;
	ssize_t n;

	/* One request a connection: what comes after it is not for us, or is the hang-up. */
	n = recv(client->fd, packet, sizeof(packet), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || client->waits) {
		hang_up(client);
		return;
	}
	if (!ctl_request__parse(packet, n, &req, why, sizeof(why)))
		carry_out(c, client, &req);
	else
		send_answer(client, CONTROL_ERROR, why, strlen(why));
}

static void let_all_in(struct control *c, uint64_t now)
{
	for (int i = 0; i < BACKLOG; i++) {
		int fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		let_in(c, fd, now);
	}
}

void control__serve(struct control *c, uint64_t now)
{
	struct epoll_event events[CLIENTS + 1];
	int n = epoll_wait(c->epoll_fd, events, CLIENTS + 1, 0);
	bool knock = false;

	for (int i = 0; i < n; i++) {
		struct client *client = events[i].data.ptr;

		if (!client)
			knock = true;
		else if (client->used)
			hear(c, client);
	}
	if (knock) /* last: a newcomer must not get a place that has an event in this list */
		let_all_in(c, now);
	for (int i = 0; i < CLIENTS; i++) {
		struct client *client = &c->clients[i];

		if (client->used && !client->waits && now > client->since + PATIENCE_NS)
			hang_up(client);
	}
}

void control__answer(struct control *c, enum ctl_command command, enum control_result result,
		     const char *text)
{
	for (int i = 0; c && i < CLIENTS; i++) {
		struct client *client = &c->clients[i];

		if (client->used && client->waits && client->command == command)
			send_answer(client, result, text, strlen(text));
	}
}
