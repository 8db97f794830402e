// SPDX-License-Identifier: GPL-2.0-only
/* Which files a target can make vtbpf read: plain ones inside its root, and no others. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/decode/capture.h"
#include "../../user/trace/sources.h"

struct fixture {
	char dir[64]; /* the target's root */
	struct target target;
	struct sources *sources;
};

static void put_file(struct fixture *f, const char *name, const char *text)
{
	char path[256];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static void put_link(struct fixture *f, const char *to, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	assert_int_equal(symlink(to, path), 0);
}

static int setup(void **state)
{
	static struct fixture f;
	char path[128];

	strcpy(f.dir, "/tmp/vtbpf-sources-XXXXXX");
	assert_non_null(mkdtemp(f.dir));
	f.target.root_fd = open(f.dir, O_PATH | O_DIRECTORY);
	f.target.uid = getuid();
	f.target.gid = getgid();
	f.target.cwd = (char *)"/work";
	snprintf(path, sizeof(path), "%s/work", f.dir);
	mkdir(path, 0755);
	put_file(&f, "plain.py", "print()\n");
	put_file(&f, "work/relative.py", "rel\n");
	put_link(&f, "/plain.py", "link.py");
	put_link(&f, "/etc", "outside");
	snprintf(path, sizeof(path), "%s/fifo.py", f.dir);
	mkfifo(path, 0644);
	snprintf(path, sizeof(path), "%s/big.py", f.dir);
	close(open(path, O_CREAT | O_WRONLY, 0644));
	assert_int_equal(truncate(path, (4 << 20) + 1), 0);
	f.sources = sources__new();
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	sources__free(f->sources);
	close(f->target.root_fd);
	snprintf(command, sizeof(command), "rm -r %s", f->dir);
	return system(command);
}

static void note(struct fixture *f, const char *path)
{
	char room[512] = "";
	struct vtbpf_rec_str *s = (void *)room;

	s->which = VTBPF_STR_FILENAME;
	s->width = 1;
	s->bytes = s->length = strlen(path);
	memcpy(s->data, path, s->bytes);
	sources__note(f->sources, s);
}

/* All that was written, names and texts one after another. */
static void written(struct fixture *f, char *out, size_t size)
{
	const struct vtbpf_rec *rec;
	struct capture_writer w;
	struct capture *c;
	char why[128];
	size_t len = 0;

	assert_int_equal(capture_writer__init(&w, memfd_create("capture", 0)), 0);
	sources__write(f->sources, &f->target, &w);
	capture_writer__flush(&w);
	capture_writer__free(&w);
	assert_int_equal(lseek(w.fd, 0, SEEK_SET), 0);
	assert_int_equal(capture__open_fd(w.fd, &c, why, sizeof(why)), 0);
	while (capture__next(c, &rec) == 1) {
		const struct vtbpf_rec_source *s = (const void *)rec;

		assert_true(len + s->bytes < size);
		memcpy(out + len, s->data, s->bytes);
		len += s->bytes;
	}
	out[len] = '\0';
	capture__free(c);
}

static void test_plain_file(void **state)
{
	char out[4096];

	note(*state, "/plain.py");
	note(*state, "/plain.py");
	written(*state, out, sizeof(out));
	assert_string_equal(out, "/plain.pyprint()\n");
}

static void test_relative_file(void **state)
{
	char out[4096];

	note(*state, "relative.py");
	written(*state, out, sizeof(out));
	assert_string_equal(out, "relative.pyrel\n");
}

static void test_what_is_not_read(void **state)
{
	static const char *const names[] = {
		"<string>",	   "<frozen importlib._bootstrap>",
		"/fifo.py",	   "/big.py",
		"/missing.py",	   "/link.py",
		"/outside/passwd", "../../../../etc/passwd",
		"/work",	   "/proc/self/environ",
	};
	char out[4096];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		note(*state, names[i]);
	written(*state, out, sizeof(out));
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_plain_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_relative_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_not_read, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
