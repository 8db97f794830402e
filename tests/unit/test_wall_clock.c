// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../../user/trace/wall_clock.h"

static int64_t now(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* What a reader makes of it lies between the two clocks read around it. */
static void is_where_the_clocks_are(void **state)
{
	int64_t first = now(CLOCK_MONOTONIC), wall = now(CLOCK_REALTIME);
	struct wall_clock c;

	(void)state;
	wall_clock__read(&c);
	assert_in_range(c.at, first, now(CLOCK_MONOTONIC));
	assert_true((int64_t)c.at + c.offset >= wall - 1000000);
	assert_true((int64_t)c.at + c.offset <= now(CLOCK_REALTIME) + 1000000);
	assert_in_range(c.error, 1, 16100000000);
}

static void is_in_the_capture(void **state)
{
	struct capture_writer w = {};
	unsigned long long at, error;
	char data[512] = "", *text;
	long long offset;
	int fd = memfd_create("capture", MFD_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(capture_writer__init(&w, fd), 0);
	wall_clock__put(&w);
	assert_int_equal(capture_writer__flush(&w), 0);
	assert_true(pread(fd, data, sizeof(data) - 1, 0) > (ssize_t)sizeof(struct vtbpf_rec_text));
	text = data + sizeof(struct vtbpf_capture_header);
	assert_int_equal(((struct vtbpf_rec_text *)text)->what, VTBPF_TEXT_CLOCK);
	text = ((struct vtbpf_rec_text *)text)->text;
	assert_int_equal(sscanf(text, "%llu %lld %llu", &at, &offset, &error), 3);
	assert_true(at <= (uint64_t)now(CLOCK_MONOTONIC));
	capture_writer__free(&w);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_where_the_clocks_are),
		cmocka_unit_test(is_in_the_capture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
