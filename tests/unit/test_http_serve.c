// SPDX-License-Identifier: GPL-2.0-only
/* A server and its clients in one process: each step of the server is made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../user/http_serve.h"

#define SIZE (3 << 20) /* more than socket buffers take at once */
#define ORIGIN "https://ui.perfetto.dev"

struct fixture {
	struct http_file file;
	struct http_server *server;
	char *got; /* room for an answer */
	size_t n;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char block[1024];

	f->file.fd = memfd_create("page", MFD_CLOEXEC);
	for (size_t i = 0; i < SIZE; i += sizeof(block)) {
		memset(block, 'a' + (int)(i / sizeof(block) % 26), sizeof(block));
		assert_int_equal(write(f->file.fd, block, sizeof(block)), sizeof(block));
	}
	f->file.path = "/secret/page.html";
	f->file.type = "text/html";
	f->got = malloc(SIZE + 4096);
	f->server = http_server__new(&f->file, 0);
	assert_non_null(f->server);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	http_server__free(f->server);
	close(f->file.fd);
	free(f->got);
	free(f);
	return 0;
}

static int connect_to(struct fixture *f)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(http_server__port(f->server)),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

/* Steps and reads until the server has closed. */
static void read_answer(struct fixture *f, int fd)
{
	ssize_t n = -1;

	f->n = 0;
	while (n) {
		n = recv(fd, f->got + f->n, SIZE + 4095 - f->n, 0);
		if (n > 0)
			f->n += (size_t)n;
		else if (n)
			http_server__step(f->server, NULL, 0); /* waits, so only if we do */
	}
	f->got[f->n] = '\0';
}

static void ask(struct fixture *f, const char *text)
{
	int fd = connect_to(f);

	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	read_answer(f, fd);
	close(fd);
	http_server__step(f->server, NULL, 0); /* takes note of that */
}

/* The request with our port in place of PORT. */
static void ask_at(struct fixture *f, const char *method, const char *path, const char *headers)
{
	char text[1024];

	snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s\r\n", method, path,
		 http_server__port(f->server), headers);
	ask(f, text);
}

static void expect(const struct fixture *f, const char *status)
{
	if (strncmp(f->got + 9, status, strlen(status)))
		fail_msg("not %s: %.60s", status, f->got);
}

static const char *body(const struct fixture *f)
{
	return strstr(f->got, "\r\n\r\n") + 4;
}

static void test_get(void **state)
{
	struct fixture *f = *state;
	const char *text;

	ask_at(f, "GET", "/secret/page.html", "");
	expect(f, "200");
	assert_non_null(strstr(f->got, "Content-Length: 3145728\r\n"));
	assert_non_null(strstr(f->got, "Content-Type: text/html\r\n"));
	assert_null(strstr(f->got, "Access-Control"));
	text = body(f);
	assert_int_equal(f->got + f->n - text, SIZE);
	for (size_t i = 0; i < SIZE; i++)
		assert_int_equal(text[i], 'a' + (int)(i / 1024 % 26));
	assert_true(http_server__fetched(f->server));
}

static void test_head(void **state)
{
	struct fixture *f = *state;

	ask_at(f, "HEAD", "/secret/page.html", "");
	expect(f, "200");
	assert_non_null(strstr(f->got, "Content-Length: 3145728\r\n"));
	assert_string_equal(body(f), "");
	assert_false(http_server__fetched(f->server));
}

static void test_nothing_else(void **state)
{
	static const char *const paths[] = { "/",
					     "/secret/",
					     "/secret/page.html?",
					     "//secret/page.html",
					     "/secret/../secret/page.html",
					     "/favicon.ico",
					     "*" };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		ask_at(f, "GET", paths[i], "");
		expect(f, "404");
		assert_string_equal(body(f), "");
	}
	ask_at(f, "POST", "/secret/page.html", "Content-Length: 0\r\n");
	expect(f, "405");
	ask(f, "nonsense\r\n\r\n");
	expect(f, "400");
	assert_false(http_server__fetched(f->server));
}

static void ask_by_name(struct fixture *f, const char *before, const char *after)
{
	char text[256];

	snprintf(text, sizeof(text), "GET /secret/page.html HTTP/1.1\r\nHost: %s%u%s\r\n\r\n",
		 before, http_server__port(f->server), after);
	ask(f, text);
}

static void test_other_hosts(void **state)
{
	struct fixture *f = *state;

	ask_by_name(f, "evil.example:", "");
	expect(f, "403");
	ask_by_name(f, "localhost.evil.example:", "");
	expect(f, "403");
	ask_by_name(f, "127.0.0.1:", "0");
	expect(f, "403");
	ask_by_name(f, "127.0.0.1:1", "");
	expect(f, "403");
	ask(f, "GET /secret/page.html HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
	expect(f, "403");
	ask(f, "GET /secret/page.html HTTP/1.0\r\n\r\n");
	expect(f, "403");
	ask_by_name(f, "LocalHost:", "");
	expect(f, "200");
}

static void test_another_origin(void **state)
{
	struct fixture *f = *state;

	f->file.origin = ORIGIN;
	ask_at(f, "OPTIONS", "/secret/page.html",
	       "Origin: " ORIGIN "\r\nAccess-Control-Request-Private-Network: true\r\n");
	expect(f, "204");
	assert_non_null(strstr(f->got, "Access-Control-Allow-Origin: " ORIGIN "\r\n"));
	assert_non_null(strstr(f->got, "Access-Control-Allow-Private-Network: true\r\n"));
	ask_at(f, "GET", "/secret/page.html", "Origin: https://evil.example\r\n");
	assert_non_null(strstr(f->got, "Access-Control-Allow-Origin: " ORIGIN "\r\n"));
	ask_at(f, "GET", "/secret/page.html", "");
	assert_false(http_server__fetched(f->server)); /* so far by others only */
	ask_at(f, "GET", "/secret/page.html", "Origin: " ORIGIN "\r\n");
	expect(f, "200");
	assert_true(http_server__fetched(f->server));
}

static void test_slow_clients(void **state)
{
	struct fixture *f = *state;
	int idle[15], fd;
	char text[200];

	for (size_t i = 0; i < 15; i++) {
		idle[i] = connect_to(f);
		http_server__step(f->server, NULL, 0);
	}
	ask_at(f, "GET", "/secret/page.html", ""); /* there is one place left */
	expect(f, "200");
	fd = connect_to(f);
	snprintf(text, sizeof(text), "GET /secret/page.html HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n",
		 http_server__port(f->server));
	for (const char *p = text; *p; p++) {
		assert_int_equal(send(fd, p, 1, 0), 1);
		http_server__step(f->server, NULL, 0);
	}
	read_answer(f, fd);
	expect(f, "200");
	assert_int_equal(f->got + f->n - body(f), SIZE);
	close(fd);
	for (size_t i = 0; i < 15; i++)
		close(idle[i]);
}

static void test_too_long(void **state)
{
	struct fixture *f = *state;
	char *text = malloc(10001);

	memset(text, 'x', 10000);
	text[10000] = '\0';
	memcpy(text, "GET / HTTP/1.1\r\nA:", 18);
	ask(f, text);
	expect(f, "431");
	free(text);
}

static void test_aborted(void **state)
{
	struct fixture *f = *state;
	char text[200];
	int fd = connect_to(f);

	snprintf(text, sizeof(text), "GET /secret/page.html HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n",
		 http_server__port(f->server));
	assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
	for (size_t i = 0; i < 3; i++)
		http_server__step(f->server, NULL, 0);
	close(fd);
	ask_at(f, "HEAD", "/secret/page.html", "");
	expect(f, "200");
	assert_false(http_server__fetched(f->server));
}

static void test_wake(void **state)
{
	struct fixture *f = *state;
	int fds[2] = { eventfd(0, EFD_CLOEXEC), eventfd(1, EFD_CLOEXEC) };

	assert_int_equal(http_server__step(f->server, fds, 2), 1);
	close(fds[0]);
	close(fds[1]);
}

static void test_port_in_use(void **state)
{
	struct fixture *f = *state;

	assert_null(http_server__new(&f->file, http_server__port(f->server)));
	assert_int_equal(errno, EADDRINUSE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_get),		 TEST(test_head),    TEST(test_nothing_else),
		TEST(test_other_hosts),	 TEST(test_wake),    TEST(test_another_origin),
		TEST(test_slow_clients), TEST(test_aborted), TEST(test_too_long),
		TEST(test_port_in_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
