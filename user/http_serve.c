// SPDX-License-Identifier: GPL-2.0-only
#include "http_serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "http_request.h"

#define CONNECTIONS 16
#define HEAD_MAX 8192
#define WAKE_MAX 4
/* A browser may connect and then ask nothing for a while. */
#define READ_SECONDS 10
#define WRITE_SECONDS 60 /* without any progress */
#define DRAIN_SECONDS 2	 /* for the client to close first */

enum state { FREE, READING, WRITING, DRAINING };

struct connection {
	enum state state;
	int fd;
	time_t deadline;
	bool counts; /* its end means that the file was fetched */
	size_t n_in, n_out, sent;
	off_t at, end; /* of the file: what is still to send */
	char in[HEAD_MAX], out[1024];
};

struct http_server {
	const struct http_file *file;
	off_t size;
	int fd;
	uint16_t port;
	bool fetched;
	struct connection connections[CONNECTIONS];
};

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* ---- answers ---------------------------------------------------------------------------- */

static void answer(struct connection *c, const char *status, const char *more, off_t length)
{
	int n = snprintf(c->out, sizeof(c->out),
			 "HTTP/1.1 %s\r\n%sContent-Length: %lld\r\nCache-Control: no-store\r\n"
			 "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
			 "Connection: close\r\n\r\n",
			 status, more, (long long)length);

	c->n_out = n > 0 && (size_t)n < sizeof(c->out) ? (size_t)n : 0;
	c->state = WRITING;
	c->deadline = now() + WRITE_SECONDS;
}

static void refuse(struct connection *c, const char *status, const char *more)
{
	answer(c, status, more, 0);
}

static bool host_is_ours(const struct http_server *s, struct http_span host)
{
	static const char *const names[] = { "127.0.0.1", "localhost" };
	char want[32];

	for (size_t i = 0; host.p && i < 2; i++) {
		snprintf(want, sizeof(want), s->port == 80 ? "%s" : "%s:%u", names[i], s->port);
		if (host.n == strlen(want) && !strncasecmp(host.p, want, host.n))
			return true;
	}
	return false;
}

/* What lets pages of file->origin read the answer, also where the browser asks beforehand whether a
 * page of the internet may reach into this machine (Private Network Access). */
static void cors(const struct http_file *file, enum http_method method, char *text, size_t size)
{
	*text = '\0';
	if (!file->origin)
		return;
	snprintf(text, size,
		 "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n"
		 "Cross-Origin-Resource-Policy: cross-origin\r\n%s",
		 file->origin,
		 method == HTTP_OPTIONS ? "Access-Control-Allow-Methods: GET, HEAD\r\n"
					  "Access-Control-Allow-Private-Network: true\r\n" :
					  "");
}

static void respond(const struct http_server *s, struct connection *c, const struct http_request *r)
{
	const struct http_file *file = s->file;
	char more[512], allowed[320];

	if (!host_is_ours(s, r->host)) {
		refuse(c, "403 Forbidden", "");
	} else if (!http_span__is(r->target, file->path)) {
		refuse(c, "404 Not Found", "");
	} else if (r->method == HTTP_OTHER) {
		refuse(c, "405 Method Not Allowed", "Allow: GET, HEAD, OPTIONS\r\n");
	} else {
		cors(file, r->method, allowed, sizeof(allowed));
		if (r->method == HTTP_OPTIONS) {
			snprintf(more, sizeof(more), "Allow: GET, HEAD, OPTIONS\r\n%s", allowed);
			answer(c, "204 No Content", more, 0);
			return;
		}
		snprintf(more, sizeof(more), "Content-Type: %s\r\n%s", file->type, allowed);
		answer(c, "200 OK", more, s->size);
		if (r->method == HTTP_GET) {
			c->end = s->size;
			c->counts = !file->origin || http_span__is(r->origin, file->origin);
		}
	}
}

/* ---- connections ------------------------------------------------------------------------ */

static void drop(struct connection *c)
{
	close(c->fd);
	c->state = FREE;
}

/* Closing while something that the client sent lies unread could cost it the end of our answer. */
static void drain(struct connection *c)
{
	shutdown(c->fd, SHUT_WR);
	c->state = DRAINING;
	c->deadline = now() + DRAIN_SECONDS;
}

static void finish(struct http_server *s, struct connection *c)
{
	if (c->counts)
		s->fetched = true;
	drop(c);
}

static bool again(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static void on_readable(struct http_server *s, struct connection *c)
{
	bool reading = c->state == READING;
	struct http_request r;
	ssize_t n;

	n = recv(c->fd, reading ? c->in + c->n_in : c->in, HEAD_MAX - (reading ? c->n_in : 0), 0);
	if (again(n))
		return;
	if (!reading) {
		if (n <= 0)
			finish(s, c);
		return;
	}
	if (n <= 0) {
		drop(c);
		return;
	}
	c->n_in += (size_t)n;
	n = http_request__parse(c->in, c->n_in, &r);
	if (n > 0)
		respond(s, c, &r);
	else if (n < 0)
		refuse(c, "400 Bad Request", "");
	else if (c->n_in == HEAD_MAX)
		refuse(c, "431 Request Header Fields Too Large", "");
}

static void on_writable(const struct http_server *s, struct connection *c)
{
	ssize_t n;

	if (c->sent < c->n_out)
		n = send(c->fd, c->out + c->sent, c->n_out - c->sent, MSG_NOSIGNAL);
	else
		n = sendfile(c->fd, s->file->fd, &c->at, (size_t)(c->end - c->at));
	if (again(n))
		return;
	if (n <= 0) { /* gone; or the file has become shorter */
		drop(c);
		return;
	}
	if (c->sent < c->n_out)
		c->sent += (size_t)n;
	c->deadline = now() + WRITE_SECONDS;
	if (c->sent == c->n_out && c->at == c->end)
		drain(c);
}

static struct connection *free_slot(struct http_server *s)
{
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (s->connections[i].state == FREE)
			return &s->connections[i];
	return NULL;
}

static void accept_one(struct http_server *s)
{
	struct connection *c = free_slot(s);
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	c->state = READING;
	c->fd = fd;
	c->deadline = now() + READ_SECONDS;
	c->counts = false;
	c->n_in = c->n_out = c->sent = 0;
	c->at = c->end = 0;
}

static void expire(struct http_server *s)
{
	time_t t = now();

	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &s->connections[i];

		if (c->state == FREE || t < c->deadline)
			continue;
		if (c->state == DRAINING)
			finish(s, c);
		else
			drop(c);
	}
}

/* ---- the server ------------------------------------------------------------------------- */

static int serve(struct http_server *s, short *revents)
{
	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &s->connections[i];

		if (c->state == FREE || !revents[i])
			continue;
		if (c->state == WRITING)
			on_writable(s, c);
		else
			on_readable(s, c);
	}
	expire(s);
	return -1;
}

int http_server__step(struct http_server *s, const int *wake, unsigned int n_wake)
{
	struct pollfd fds[CONNECTIONS + 1 + WAKE_MAX];
	short revents[CONNECTIONS];
	bool busy = false;
	unsigned int i;

	for (i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &s->connections[i];

		fds[i].fd = c->state == FREE ? -1 : c->fd;
		fds[i].events = c->state == WRITING ? POLLOUT : POLLIN;
		busy = busy || c->state != FREE;
	}
	fds[i] = (struct pollfd){ .fd = free_slot(s) ? s->fd : -1, .events = POLLIN };
	for (i = 0; i < n_wake && i < WAKE_MAX; i++)
		fds[CONNECTIONS + 1 + i] = (struct pollfd){ .fd = wake[i], .events = POLLIN };
	if (poll(fds, CONNECTIONS + 1 + i, busy ? 1000 : -1) < 0)
		return -1;
	for (i = 0; i < n_wake && i < WAKE_MAX; i++)
		if (fds[CONNECTIONS + 1 + i].revents)
			return (int)i;
	for (i = 0; i < CONNECTIONS; i++)
		revents[i] = fds[i].revents;
	if (fds[CONNECTIONS].revents)
		accept_one(s);
	return serve(s, revents);
}

static int listen_on(struct http_server *s, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int one = 1;

	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return -errno;
	/* A port may be taken again at once after the last server on it; not while there is one. */
	if (setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(s->fd, (struct sockaddr *)&a, sizeof(a)) || listen(s->fd, CONNECTIONS) ||
	    getsockname(s->fd, (struct sockaddr *)&a, &len))
		return -errno;
	s->port = ntohs(a.sin_port);
	return 0;
}

struct http_server *http_server__new(const struct http_file *file, uint16_t port)
{
	struct http_server *s = calloc(1, sizeof(*s));
	struct stat st;
	int err;

	if (!s)
		return NULL;
	s->file = file;
	s->fd = -1;
	err = fstat(file->fd, &st) ? -errno : listen_on(s, port);
	if (!err) {
		s->size = st.st_size;
		return s;
	}
	http_server__free(s);
	errno = -err;
	return NULL;
}

void http_server__free(struct http_server *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (s->connections[i].state != FREE)
			drop(&s->connections[i]);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

uint16_t http_server__port(const struct http_server *s)
{
	return s->port;
}

bool http_server__fetched(const struct http_server *s)
{
	return s->fetched;
}
