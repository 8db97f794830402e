// SPDX-License-Identifier: GPL-2.0-only
/* What a thread compresses is what was written, in its order; its errors come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "../../user/write/outbuf.h"

#define LINES 400000
#define PATH_SIZE 64

static int temporary(char *path)
{
	int fd;

	strcpy(path, "/tmp/vtbpf-gzip.XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	return fd;
}

static void write_lines(struct outbuf *o, unsigned int n)
{
	char line[64];
	unsigned int i;

	for (i = 0; i < n; i++)
		outbuf__write(o, line,
			      (size_t)snprintf(line, sizeof(line), "%u %x\n", i, i * 2654435761u));
}

static void check_lines(const char *path, unsigned int n)
{
	gzFile f = gzopen(path, "rb");
	char line[64], want[64];
	unsigned int i;

	assert_non_null(f);
	for (i = 0; i < n; i++) {
		snprintf(want, sizeof(want), "%u %x\n", i, i * 2654435761u);
		assert_non_null(gzgets(f, line, sizeof(line)));
		assert_string_equal(line, want);
	}
	assert_null(gzgets(f, line, sizeof(line)));
	assert_true(gzeof(f));
	gzclose(f);
}

static void check_whole(unsigned int lines)
{
	char path[PATH_SIZE];
	struct outbuf o;
	struct stat st;
	int fd = temporary(path);

	assert_int_equal(outbuf__init(&o, fd, true), 0);
	write_lines(&o, lines);
	assert_int_equal(outbuf__finish(&o), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(o.bytes, st.st_size);
	close(fd);
	check_lines(path, lines);
	unlink(path);
}

static void test_whole(void **state)
{
	(void)state;
	check_whole(0);
	check_whole(1);
	check_whole(LINES); /* many times the queue */
}

/* Where no thread can be made, it is done without one. */
static void test_no_thread(void **state)
{
	const struct rlimit none = { 0, 0 };
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (!pid) {
		/* root may have as many processes as it likes */
		if (setrlimit(RLIMIT_NPROC, &none) || (!getuid() && setuid(65534)))
			_exit(1);
		check_whole(LINES);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_error_comes_back(void **state)
{
	int fd = open("/dev/full", O_WRONLY);
	struct outbuf o;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(outbuf__init(&o, fd, true), 0);
	write_lines(&o, LINES * 4);
	assert_int_equal(o.err, -ENOSPC); /* already: who writes much must not go on for nothing */
	assert_int_equal(outbuf__finish(&o), -ENOSPC);
	assert_int_equal(outbuf__init(&o, fd, true), 0);
	write_lines(&o, 3);
	assert_int_equal(o.err, 0);
	assert_int_equal(outbuf__finish(&o), -ENOSPC);
	close(fd);
}

static void test_dropped(void **state)
{
	char path[PATH_SIZE];
	int fd = temporary(path);
	struct outbuf o;

	(void)state;
	assert_int_equal(outbuf__init(&o, fd, true), 0);
	write_lines(&o, LINES);
	outbuf__release(&o);
	assert_int_equal(outbuf__init(&o, fd, true), 0);
	outbuf__release(&o);
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_no_thread),
		cmocka_unit_test(test_error_comes_back),
		cmocka_unit_test(test_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
