// SPDX-License-Identifier: GPL-2.0-only
/* What the writer writes is read back with the reader that conversions use. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/decode/capture.h"
#include "../../user/trace/capture_writer.h"

static int start(struct capture_writer *w)
{
	int fd = memfd_create("capture", 0);

	assert_true(fd >= 0);
	assert_int_equal(capture_writer__init(w, fd), 0);
	return fd;
}

static struct capture *finish(struct capture_writer *w)
{
	struct capture *c;
	char why[256];

	assert_int_equal(capture_writer__flush(w), 0);
	capture_writer__free(w);
	assert_int_equal(lseek(w->fd, 0, SEEK_SET), 0);
	assert_int_equal(capture__open_fd(w->fd, &c, why, sizeof(why)), 0);
	return c;
}

static void test_records_pass_through(void **state)
{
	struct vtbpf_rec_call call = {
		.rec = { .len = sizeof(call), .kind = VTBPF_REC_CALL, .tid = 7 },
		.start = 5,
		.dur = 9,
		.code = 3,
	};
	const struct vtbpf_rec *rec;
	struct capture_writer w;
	struct capture *c;
	int n = 0;

	(void)state;
	start(&w);
	for (int i = 0; i < 100000; i++) /* more than the buffer */
		capture_writer__append(&w, &call.rec);
	capture_writer__end(&w, 99);
	c = finish(&w);
	for (; capture__next(c, &rec) == 1 && rec->kind == VTBPF_REC_CALL; n++)
		assert_memory_equal(rec, &call, sizeof(call));
	assert_int_equal(n, 100000);
	assert_int_equal(rec->kind, VTBPF_REC_END);
	assert_int_equal(capture__next(c, &rec), 0);
	assert_null(capture__damage(c));
	capture__free(c);
}

static void test_long_text_is_split(void **state)
{
	const size_t size = 50000;
	const struct vtbpf_rec *rec;
	struct capture_writer w;
	struct capture *c;
	char *text = malloc(size);
	size_t got = 0;
	bool more = true;

	(void)state;
	for (size_t i = 0; i < size; i++)
		text[i] = 'a' + i % 26;
	start(&w);
	capture_writer__text(&w, VTBPF_TEXT_PLAN, text, size);
	c = finish(&w);
	while (more) {
		const struct vtbpf_rec_text *t;

		assert_int_equal(capture__next(c, &rec), 1);
		t = (const void *)rec;
		assert_int_equal(t->what, VTBPF_TEXT_PLAN);
		assert_memory_equal(t->text, text + got, t->bytes);
		got += t->bytes;
		more = rec->flags & VTBPF_F_MORE;
	}
	assert_int_equal(got, size);
	capture__free(c);
	free(text);
}

static void test_code_string(void **state)
{
	static const uint32_t points[] = { 'a', 0xe9, 0x76d1, 0x1f40d };
	const struct vtbpf_rec *rec;
	const struct vtbpf_rec_str *s;
	struct capture_writer w;
	struct capture *c;

	(void)state;
	start(&w);
	capture_writer__code_str(&w, 12, VTBPF_STR_NAME, "aé监🐍");
	c = finish(&w);
	assert_int_equal(capture__next(c, &rec), 1);
	s = (const void *)rec;
	assert_int_equal(s->code, 12);
	assert_int_equal(s->which, VTBPF_STR_NAME);
	assert_int_equal(s->width, 4);
	assert_int_equal(s->length, 4);
	assert_int_equal(s->bytes, sizeof(points));
	assert_memory_equal(s->data, points, sizeof(points));
	capture__free(c);
}

static void test_full_disk(void **state)
{
	struct vtbpf_rec_thread_exit r = {
		.rec = { .len = sizeof(r), .kind = VTBPF_REC_THREAD_EXIT },
	};
	struct capture_writer w;
	int fd = open("/dev/full", O_WRONLY);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(capture_writer__init(&w, fd), -ENOSPC);
	capture_writer__append(&w, &r.rec);
	assert_int_equal(capture_writer__flush(&w), -ENOSPC);
	assert_int_equal(w.written, 0);
	capture_writer__free(&w);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records_pass_through),
		cmocka_unit_test(test_long_text_is_split),
		cmocka_unit_test(test_code_string),
		cmocka_unit_test(test_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
