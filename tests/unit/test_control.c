// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/trace/control.h"

#define SECOND 1000000000ULL
#define STATUS CTL_GREETING "\0status"
#define DUMP CTL_GREETING "\0dump"

struct fixture {
	char top[64], dir[96], path[128];
	struct control *c;
	unsigned int served;
};

static enum control_result serve(void *ctx, const struct ctl_request *req, FILE *out)
{
	struct fixture *f = ctx;

	f->served++;
	if (req->command == CTL_DUMP)
		return CONTROL_LATER;
	fprintf(out, "number %u\n", f->served);
	return CONTROL_OK;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->top, "/tmp/vtbpf-control-XXXXXX");
	if (!mkdtemp(f->top))
		return -1;
	snprintf(f->dir, sizeof(f->dir), "%s/run", f->top);
	snprintf(f->path, sizeof(f->path), "%s/77.sock", f->dir);
	f->c = control__new(f->dir, 77, serve, f);
	*state = f;
	return f->c ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	control__free(f->c);
	unlink(f->path);
	unlink(f->dir);
	rmdir(f->dir);
	if (rmdir(f->top))
		return -1;
	free(f);
	return 0;
}

static int connect_path(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);

	strncpy(un.sun_path, path, sizeof(un.sun_path) - 1);
	if (!connect(fd, (struct sockaddr *)&un, sizeof(un)))
		return fd;
	close(fd);
	return -1;
}

static int client(struct fixture *f)
{
	int fd = connect_path(f->path);

	assert_true(fd >= 0);
	return fd;
}

/* What came, "" for nothing yet, "-" for the end. */
static const char *answer(int fd)
{
	static char buf[256];
	ssize_t n = recv(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN ? "" : "-";
	buf[n] = '\0';
	return n ? buf : "-";
}

static void say(int fd, const char *packet, size_t len)
{
	assert_int_equal(send(fd, packet, len, MSG_NOSIGNAL), len);
}

static void test_modes(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(lstat(f->dir, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	assert_int_equal(lstat(f->path, &st), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0600);
	control__free(f->c);
	f->c = NULL;
	assert_int_equal(lstat(f->dir, &st), -1);
}

static void test_answers(void **state)
{
	struct fixture *f = *state;
	struct pollfd p = { .fd = control__fd(f->c), .events = POLLIN };
	int fd;

	assert_int_equal(poll(&p, 1, 0), 0);
	fd = client(f);
	assert_int_equal(poll(&p, 1, 1000), 1);
	control__serve(f->c, SECOND);
	say(fd, STATUS, sizeof(STATUS));
	assert_int_equal(poll(&p, 1, 1000), 1);
	control__serve(f->c, SECOND);
	assert_string_equal(answer(fd), "ok\nnumber 1\n");
	assert_string_equal(answer(fd), "-");
	close(fd);
	fd = client(f);
	say(fd, "nonsense", 8);
	control__serve(f->c, SECOND);
	control__serve(f->c, SECOND);
	assert_memory_equal(answer(fd), "error: ", 7);
	assert_int_equal(f->served, 1);
	close(fd);
}

static void test_later(void **state)
{
	struct fixture *f = *state;
	int one = client(f), other = client(f), gone = client(f);

	say(one, DUMP, sizeof(DUMP));
	say(other, DUMP, sizeof(DUMP));
	say(gone, DUMP, sizeof(DUMP));
	control__serve(f->c, SECOND);
	control__serve(f->c, SECOND);
	assert_int_equal(f->served, 3);
	close(gone);
	control__serve(f->c, 100 * SECOND); /* who waits may wait long */
	assert_string_equal(answer(one), "");
	control__answer(f->c, CTL_STOP, CONTROL_OK, "not theirs");
	control__answer(f->c, CTL_DUMP, CONTROL_ERROR, "no room");
	assert_string_equal(answer(one), "error: no room");
	assert_string_equal(answer(other), "error: no room");
	close(one);
	close(other);
}

/* More than there is room for, none of which says a word, do not keep others out. */
static void test_silent(void **state)
{
	struct fixture *f = *state;
	int silent[40], fd;

	for (int i = 0; i < 40; i++) {
		silent[i] = client(f);
		control__serve(f->c, SECOND + i);
	}
	fd = client(f);
	say(fd, STATUS, sizeof(STATUS));
	control__serve(f->c, 2 * SECOND - 1);
	control__serve(f->c, 2 * SECOND - 1);
	assert_string_equal(answer(fd), "ok\nnumber 1\n");
	assert_string_equal(answer(silent[0]), "-");
	assert_string_equal(answer(silent[39]), "");
	control__serve(f->c, 3 * SECOND);
	assert_string_equal(answer(silent[39]), "-");
	for (int i = 0; i < 40; i++)
		close(silent[i]);
	close(fd);
}

static void test_other_user(void **state)
{
	struct fixture *f = *state;
	int status;
	pid_t pid;

	if (geteuid()) {
		print_message("skipped: only root can become another user\n");
		skip();
	}
	/* Should the directory and the socket ever be open to others: the trace is not. */
	assert_int_equal(chmod(f->top, 0755) || chmod(f->dir, 0755) || chmod(f->path, 0666), 0);
	pid = fork();
	if (!pid) {
		int fd = setresuid(65534, 65534, 65534) ? -1 : connect_path(f->path);

		if (fd < 0)
			_exit(2);
		send(fd, STATUS, sizeof(STATUS), MSG_NOSIGNAL);
		for (int i = 0; i < 500 && !*answer(fd); i++)
			usleep(10000);
		_exit(0);
	}
	for (int i = 0; i < 500 && !waitpid(pid, &status, WNOHANG); i++) {
		control__serve(f->c, SECOND);
		usleep(10000);
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(f->served, 0);
}

static void test_stale(void **state)
{
	struct fixture *f = *state;
	struct control *second;
	char other[128];

	errno = 0;
	second = control__new(f->dir, 77, serve, f);
	assert_null(second);
	assert_int_equal(errno, EEXIST);
	second = control__new(f->dir, 78, serve, f);
	assert_non_null(second);
	control__free(second);
	assert_int_equal(access(f->path, F_OK), 0);
	/* One that dies without a word. */
	control__free(f->c);
	if (!fork()) {
		f->c = control__new(f->dir, 77, serve, f);
		_exit(f->c && control__new(f->dir, 78, serve, f) ? 0 : 1);
	}
	wait(NULL);
	assert_int_equal(access(f->path, F_OK), 0);
	snprintf(other, sizeof(other), "%s/78.sock", f->dir);
	assert_int_equal(access(other, F_OK), 0);
	f->c = control__new(f->dir, 77, serve, f);
	assert_non_null(f->c);
	assert_int_equal(access(other, F_OK), -1); /* whoever comes next removes it */
	close(client(f));
}

/* What is forked from us holds neither the socket nor a client's connection. */
static void test_children(void **state)
{
	struct fixture *f = *state;
	int fd = client(f), fds[2], begun[2];
	pid_t pid;
	char c;

	control__serve(f->c, SECOND);
	assert_int_equal(pipe(fds) || pipe(begun), 0);
	pid = fork();
	if (!pid) {
		close(fds[1]);
		_exit(write(begun[1], "", 1) != 1 || read(fds[0], &c, 1) ? 1 : 0);
	}
	assert_int_equal(read(begun[0], &c, 1), 1);
	control__free(f->c);
	f->c = NULL;
	assert_string_equal(answer(fd), "-");
	assert_int_equal(connect_path(f->path), -1);
	close(fds[1]);
	waitpid(pid, NULL, 0);
	close(fds[0]);
	close(begun[0]);
	close(begun[1]);
	close(fd);
}

static void test_bad_directories(void **state)
{
	struct fixture *f = *state;
	char link[128];

	control__free(f->c);
	snprintf(link, sizeof(link), "%s/link", f->top);
	assert_int_equal(symlink("/tmp", link), 0);
	f->c = control__new(link, 77, serve, f);
	assert_null(f->c);
	assert_int_equal(unlink(link), 0);
	snprintf(link, sizeof(link), "%s/none/there", f->top);
	f->c = control__new(link, 77, serve, f);
	assert_null(f->c);
	assert_int_equal(errno, ENOENT);
	if (!geteuid()) {
		assert_int_equal(mkdir(f->dir, 0700) || chown(f->dir, 65534, -1), 0);
		f->c = control__new(f->dir, 77, serve, f);
		assert_null(f->c);
		assert_int_equal(errno, EPERM);
		assert_int_equal(rmdir(f->dir), 0);
	}
	assert_int_equal(mkdir(f->dir, 0777) || chmod(f->dir, 0777), 0);
	f->c = control__new(f->dir, 77, serve, f);
	assert_non_null(f->c);
	test_modes(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_modes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_user, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stale, setup, teardown),
		cmocka_unit_test_setup_teardown(test_children, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_directories, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
