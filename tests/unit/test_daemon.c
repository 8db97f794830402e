// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../user/daemon.h"

static void write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_pidfile(void **state)
{
	char dir[] = "/tmp/vtbpf-daemon-XXXXXX", path[64], text[32], wanted[32];
	struct pidfile f = {};
	FILE *in;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/pid", dir);
	assert_int_equal(pidfile__check(path), 0);
	write_text(path, "4194303\n"); /* nobody has it */
	assert_int_equal(pidfile__check(path), 0);
	write_text(path, "");
	assert_int_equal(pidfile__check(path), 0);
	write_text(path, "1\n");
	assert_int_equal(pidfile__check(path), -EEXIST);
	assert_int_equal(pidfile__check(dir), -EINVAL);
	unlink(path);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(pidfile__check(path), -ELOOP);
	unlink(path);
	assert_int_equal(pidfile__write(&f, path), 0);
	assert_int_equal(pidfile__check(path), -EEXIST);
	in = fopen(path, "r");
	assert_non_null(in);
	assert_non_null(fgets(text, sizeof(text), in));
	fclose(in);
	snprintf(wanted, sizeof(wanted), "%d\n", getpid());
	assert_string_equal(text, wanted);
	pidfile__remove(&f);
	assert_int_equal(access(path, F_OK), -1);
	pidfile__remove(&f);
	assert_int_equal(rmdir(dir), 0);
}

static void expect_notified(const struct sockaddr_un *at, socklen_t len, const char *name)
{
	char got[64] = "";
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	assert_int_equal(bind(fd, (const struct sockaddr *)at, len), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	daemon__notify("READY=1");
	assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), 7);
	assert_string_equal(got, "READY=1");
	close(fd);
}

static void test_notify(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char name[64];
	int n;

	(void)state;
	n = snprintf(name, sizeof(name), "@vtbpf-test-%d", getpid());
	memcpy(at.sun_path, name, (size_t)n);
	at.sun_path[0] = '\0';
	expect_notified(&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n), name);
	snprintf(at.sun_path, sizeof(at.sun_path), "/tmp/vtbpf-test-%d.sock", getpid());
	expect_notified(&at, sizeof(at), at.sun_path);
	unlink(at.sun_path);
	daemon__notify("READY=1"); /* nobody listens */
	unsetenv("NOTIFY_SOCKET");
	daemon__notify("READY=1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pidfile),
		cmocka_unit_test(test_notify),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
