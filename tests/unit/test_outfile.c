// SPDX-License-Identifier: GPL-2.0-only
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
#include <sys/stat.h>
#include <unistd.h>

#include "../../user/outfile.h"
#include "../../user/write/html_page.h"
#include "../../user/write/own_file.h"

struct fixture {
	char dir[64];
	char path[400];
	struct outfile file;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/vtbpf-outfile-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/out.json", f->dir);
	unsetenv("SUDO_UID");
	unsetenv("SUDO_GID");
	*state = f;
	return 0;
}

/* Fails when anything but the output is left in the directory. */
static int teardown(void **state)
{
	struct fixture *f = *state;
	int err;

	unlink(f->path);
	err = rmdir(f->dir);
	free(f);
	return err;
}

static void expect_content(const char *path, const char *want)
{
	char got[256] = "";
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(read(fd, got, sizeof(got) - 1) >= 0);
	close(fd);
	assert_string_equal(got, want);
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void make(struct fixture *f, const char *text)
{
	assert_int_equal(outfile__create(&f->file, f->path, "", 0666), 0);
	assert_int_equal(write(f->file.fd, text, strlen(text)), strlen(text));
}

static void test_appears_when_whole(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	mode_t mask = umask(027);

	make(f, "new");
	assert_int_equal(access(f->path, F_OK), -1);
	assert_int_equal(access(f->file.tmp_path, F_OK), 0);
	assert_int_equal(strncmp(f->file.tmp, "out.json.", 9), 0);
	assert_int_equal(strlen(f->file.tmp), 9 + 6);
	assert_int_equal(outfile__commit(&f->file), 0);
	expect_content(f->path, "new");
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	outfile__abort(&f->file); /* legal after commit */
	umask(mask);
}

static void test_replaces(void **state)
{
	struct fixture *f = *state;

	put(f->path, "old");
	make(f, "new");
	expect_content(f->path, "old");
	assert_int_equal(outfile__commit(&f->file), 0);
	expect_content(f->path, "new");
}

static void test_abort_leaves_the_old(void **state)
{
	struct fixture *f = *state;
	struct outfile zeroed = { 0 };

	put(f->path, "old");
	make(f, "new");
	outfile__abort(&f->file);
	expect_content(f->path, "old");
	outfile__abort(&zeroed);
	outfile__keep(&zeroed);
	assert_true(fcntl(0, F_GETFD) >= 0); /* descriptor 0 was not closed */
}

static void test_keep_leaves_the_capture(void **state)
{
	struct fixture *f = *state;
	char tmp[512];

	assert_int_equal(outfile__create(&f->file, f->path, ".vtb", 0600), 0);
	assert_int_equal(strncmp(f->file.tmp, "out.json.vtb.", 13), 0);
	snprintf(tmp, sizeof(tmp), "%s", f->file.tmp_path);
	outfile__keep(&f->file);
	assert_int_equal(unlink(tmp), 0);
}

/* A link under the output's name is replaced, what it names is not touched. */
static void test_does_not_follow_links(void **state)
{
	struct fixture *f = *state;
	char victim[512];
	struct stat st;

	snprintf(victim, sizeof(victim), "%s/victim", f->dir);
	put(victim, "precious");
	assert_int_equal(symlink(victim, f->path), 0);
	make(f, "new");
	assert_int_equal(outfile__commit(&f->file), 0);
	expect_content(victim, "precious");
	assert_int_equal(lstat(f->path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(unlink(victim), 0);
}

static void test_long_name(void **state)
{
	struct fixture *f = *state;
	size_t n = strlen(f->dir) + 1;

	memset(f->path + n, 'n', 255);
	f->path[n + 255] = '\0';
	make(f, "x");
	assert_int_equal(strlen(f->file.tmp), 255);
	assert_int_equal(outfile__commit(&f->file), 0);
	expect_content(f->path, "x");
}

static void test_bad_paths(void **state)
{
	struct fixture *f = *state;
	struct outfile *o = &f->file;

	assert_int_equal(outfile__create(o, "", "", 0666), -ENOENT);
	assert_int_equal(outfile__create(o, "/tmp/", "", 0666), -EISDIR);
	assert_int_equal(outfile__create(o, "..", "", 0666), -EISDIR);
	assert_int_equal(outfile__create(o, "/nonexistent/a/b", "", 0666), -ENOENT);
	assert_int_equal(outfile__create(o, "/etc/passwd/x", "", 0666), -ENOTDIR);
}

static void test_streams(void **state)
{
	struct fixture *f = *state;

	assert_true(outfile__is_stream("/dev/null"));
	assert_true(outfile__is_stream("/dev/stdout"));
	assert_true(outfile__is_stream("/dev/fd/1"));
	assert_false(outfile__is_stream(f->path));
	assert_int_equal(outfile__create(&f->file, "/dev/null", "", 0666), 0);
	assert_null(f->file.tmp);
	assert_int_equal(write(f->file.fd, "x", 1), 1);
	assert_int_equal(outfile__commit(&f->file), 0);
	/* a capture beside it has to lie elsewhere */
	setenv("TMPDIR", f->dir, 1);
	assert_int_equal(outfile__create(&f->file, "/dev/stdout", ".vtb", 0600), 0);
	assert_int_equal(strncmp(f->file.tmp_path, f->dir, strlen(f->dir)), 0);
	outfile__abort(&f->file);
	unsetenv("TMPDIR");
}

static void test_belongs_to_the_user_of_sudo(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	uid_t uid;
	gid_t gid;

	if (geteuid()) {
		print_message("SKIP: only root can give files away\n");
		skip();
	}
	setenv("SUDO_UID", "1234", 1);
	setenv("SUDO_GID", "2345", 1);
	assert_true(outfile__owner(&uid, &gid));
	make(f, "x");
	assert_int_equal(outfile__commit(&f->file), 0);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_uid, 1234);
	assert_int_equal(st.st_gid, 2345);
	setenv("SUDO_UID", "12x", 1);
	assert_false(outfile__owner(&uid, &gid));
	setenv("SUDO_UID", "-1", 1);
	assert_false(outfile__owner(&uid, &gid));
	setenv("SUDO_UID", "4294967295", 1); /* (uid_t)-1 */
	assert_false(outfile__owner(&uid, &gid));
	assert_int_equal(uid, getuid());
}

static bool owns(struct fixture *f, const char *text)
{
	int fd;
	bool own;

	put(f->path, text);
	fd = open(f->path, O_RDONLY | O_CLOEXEC);
	own = own_file__check(fd);
	close(fd);
	return own;
}

static void test_own_files(void **state)
{
	struct fixture *f = *state;

	assert_true(owns(f, "VTBPFcap and so on"));
	assert_true(owns(f, "{\"traceEvents\":[],\"vtbpf\":{}}"));
	assert_true(owns(f, " \n{ \"vtbpf\" : 1, \"traceEvents\": []}"));
	assert_true(owns(f, "{\"a\":\"}\\\"\",\"vtbpf\":{\"written_by\":\"vtbpf 0.1.0\"}}\n"));
	assert_true(owns(f, HTML_PAGE_MARK "\n<html>"));
	assert_false(owns(f, "<!DOCTYPE html><html><!-- vtbpf trace -->"));
	assert_false(owns(f, ""));
	assert_false(owns(f, "{\"traceEvents\":[{\"vtbpf\":1}]}"));
	assert_false(owns(f, "{\"traceEvents\":\"vtbpf\"}"));
	assert_false(owns(f, "{\"a\":\"\\\"vtbpf\\\":\"}"));
	assert_false(owns(f, "{\"xvtbpf\":1,\"vtbpfx\":2}"));
	assert_false(owns(f, "[{\"vtbpf\":1}]"));
	assert_false(owns(f, "vtbpf"));
	assert_false(owns(f, "x,\"written_by\":\"vtbpf 0.1.0\"}}\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_appears_when_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replaces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_abort_leaves_the_old, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keep_leaves_the_capture, setup, teardown),
		cmocka_unit_test_setup_teardown(test_does_not_follow_links, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_streams, setup, teardown),
		cmocka_unit_test_setup_teardown(test_belongs_to_the_user_of_sudo, setup, teardown),
		cmocka_unit_test_setup_teardown(test_own_files, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
