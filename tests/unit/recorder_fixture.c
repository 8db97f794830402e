// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "recorder_fixture.h"

int recorder_fixture__setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->file = tmpfile();
	assert_non_null(f->file);
	assert_int_equal(capture_writer__init(&f->w, fileno(f->file)), 0);
	*state = f;
	return 0;
}

int recorder_fixture__teardown(void **state)
{
	struct fixture *f = *state;

	recorder__free(f->rec);
	capture_writer__free(&f->w);
	fclose(f->file);
	free(f);
	return 0;
}

static void count_forgotten(void *ctx, uint32_t code)
{
	struct fixture *f = ctx;

	(void)code;
	f->forgotten++;
}

void recorder_fixture__begin(struct fixture *f, struct recorder_config cfg)
{
	cfg.forget = count_forgotten;
	cfg.ctx = f;
	f->rec = recorder__new(&cfg);
	assert_non_null(f->rec);
	f->w.sink = recorder__push;
	f->w.sink_ctx = f->rec;
}

void assert_written(struct fixture *f, uint64_t since, const char *expected)
{
	const size_t head = sizeof(struct vtbpf_capture_header);
	int fd = fileno(f->file);
	char text[4096] = "";
	uint64_t buf[4096];
	struct vtbpf_rec *rec = (struct vtbpf_rec *)buf;
	size_t n = 0;

	assert_int_equal(ftruncate(fd, head), 0);
	assert_int_equal(lseek(fd, head, SEEK_SET), head);
	f->w.sink = NULL;
	recorder__write(f->rec, &f->w, since);
	capture_writer__flush(&f->w);
	f->w.sink = recorder__push;
	assert_int_equal(lseek(fd, head, SEEK_SET), head);
	while (read(fd, rec, sizeof(*rec)) == sizeof(*rec)) {
		assert_in_range(rec->len, sizeof(*rec), sizeof(buf));
		assert_int_equal(read(fd, rec + 1, rec->len - sizeof(*rec)),
				 rec->len - sizeof(*rec));
		n += f->describe(rec, text + n, sizeof(text) - n);
		assert_true(n < sizeof(text));
	}
	assert_string_equal(text, expected);
}
