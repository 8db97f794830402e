// SPDX-License-Identifier: GPL-2.0-only
/* Where the GIL is taken and given up: in the interpreters of this machine, and in machine code by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../../user/discover/gil_sites.h"
#include "fake_elf.h"
#include "pythons.h"

static struct probe_plan plan;
static struct gil_plan gil;
static char why[512];

/* ---- interpreters ----------------------------------------------------------------------- */

/* Each is a call: relative, or through a slot. */
static void check_places(int fd, const struct gil_places *places, size_t least)
{
	uint8_t code[2];

	assert_in_range(places->n, least, GIL_SITES_MAX);
	for (size_t i = 0; i < places->n; i++) {
		assert_int_equal(pread(fd, code, 2, (off_t)places->offsets[i]), 2);
		assert_true(code[0] == 0xe8 || (code[0] == 0xff && code[1] == 0x15));
	}
}

static void check_interpreter(int fd)
{
	assert_int_equal(gil_sites__find(fd, &plan, &gil, why, sizeof(why)), 0);
	if (plan.free_threaded) {
		assert_int_equal(gil.locks.n + gil.signals.n, 0);
		return;
	}
	check_places(fd, &gil.locks, 1);
	check_places(fd, &gil.signals, 2);
	assert_int_equal(gil.arg_reg, 5); /* rdi */
}

static void test_interpreters(void **state)
{
	glob_t found;
	size_t n = 0;

	(void)state;
	pythons__libraries(&found);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		int fd = open(found.gl_pathv[i], O_RDONLY | O_CLOEXEC);

		if (fd >= 0 && !probe_plan__identify(fd, &plan, why, sizeof(why))) {
			check_interpreter(fd);
			n++;
		}
		close(fd);
	}
	globfree(&found);
	if (!n)
		skip();
}

static void test_arm64(void **state)
{
	glob_t found;

	(void)state;
	pythons__arm64(&found);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		int fd = open(found.gl_pathv[i], O_RDONLY | O_CLOEXEC);

		if (fd >= 0 && !probe_plan__identify(fd, &plan, why, sizeof(why))) {
			assert_int_equal(gil_sites__find(fd, &plan, &gil, why, sizeof(why)),
					 -ENOTSUP);
			assert_non_null(strstr(why, "x86_64 only"));
		}
		close(fd);
	}
	globfree(&found);
}

/* ---- machine code ----------------------------------------------------------------------- */

#define TABLE (FAKE_DATA + 0x100)
#define LOCK (FAKE_CODE + 0x300)
#define SIGNAL (FAKE_CODE + 0x310)

static struct fake_elf elf;

/* A call at that offset of the code, whose length is 5. */
static void put_call(uint32_t at, uint64_t to)
{
	uint8_t code[5] = { 0xe8 };
	int32_t distance = (int32_t)(to - (FAKE_CODE + at + sizeof(code)));

	memcpy(code + 1, &distance, sizeof(distance));
	fake_elf__put(&elf, FAKE_CODE + at, code, sizeof(code));
}

/* Functions at 0x10 and 0x100, behind which the two that they call are. */
static int find_in_fake(void)
{
	static const uint32_t at[] = { 0x10, 0x100, 0x300 };
	const uint32_t n = sizeof(at) / sizeof(at[0]);
	uint8_t bytes[64] = { 1, 0x1b, 0x03, 0x3b };
	int fd, err;

	memcpy(bytes + 8, &n, 4);
	for (uint32_t i = 0; i < n; i++) {
		int32_t entry = (int32_t)(FAKE_CODE + at[i]) - TABLE;

		memcpy(bytes + 12 + 8 * (size_t)i, &entry, 4);
	}
	fake_elf__put(&elf, TABLE, bytes, 12 + 8 * (size_t)n);
	fake_elf__section(&elf, ".eh_frame_hdr", 1, TABLE, bytes, 12 + 8 * (size_t)n);
	fake_elf__symbol(&elf, "pthread_mutex_lock", LOCK);
	fake_elf__symbol(&elf, "pthread_cond_signal", SIGNAL);
	fake_elf__put(&elf, LOCK, "\xc3", 1);
	fake_elf__put(&elf, SIGNAL, "\xc3", 1);
	memset(&plan, 0, sizeof(plan));
	fd = fake_elf__open(&elf);
	err = gil_sites__find(fd, &plan, &gil, why, sizeof(why));
	close(fd);
	return err;
}

static void fill_with_nops(void)
{
	fake_elf__init(&elf);
	for (uint32_t at = 0; at < 0x320; at++)
		fake_elf__put(&elf, FAKE_CODE + at, "\x90", 1);
}

/* take_gil() with what it does last, and drop_gil(): of three locks one is worth a probe. */
static void test_roles(void **state)
{
	(void)state;
	fill_with_nops();
	put_call(0x20, LOCK);
	put_call(0x40, LOCK);
	put_call(0x60, SIGNAL);
	put_call(0x110, LOCK);
	put_call(0x120, SIGNAL);
	assert_int_equal(find_in_fake(), 0);
	assert_int_equal(gil.locks.n, 1);
	assert_int_equal(gil.locks.offsets[0], FAKE_CODE + 0x20);
	assert_int_equal(gil.signals.n, 2);
	assert_int_equal(gil.signals.offsets[0], FAKE_CODE + 0x60);
	assert_int_equal(gil.signals.offsets[1], FAKE_CODE + 0x120);
}

/* What looks like a call within another instruction is none: mov $0x..., %rax. */
static void test_inside_an_instruction(void **state)
{
	(void)state;
	fill_with_nops();
	put_call(0x20, LOCK);
	put_call(0x30, LOCK);
	put_call(0x60, SIGNAL);
	put_call(0x110, SIGNAL);
	fake_elf__put(&elf, FAKE_CODE + 0x1fe, "\x48\xb8", 2);
	put_call(0x200, SIGNAL);
	assert_int_equal(find_in_fake(), 0);
	assert_int_equal(gil.signals.n, 2);
}

static void test_not_shown(void **state)
{
	(void)state;
	fill_with_nops();
	put_call(0x20, LOCK);
	put_call(0x60, SIGNAL);
	assert_int_equal(find_in_fake(), -ENOTSUP);
	assert_non_null(strstr(why, "where it takes the GIL"));
	assert_int_equal(gil.locks.n + gil.signals.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interpreters), cmocka_unit_test(test_arm64),
		cmocka_unit_test(test_roles),	     cmocka_unit_test(test_inside_an_instruction),
		cmocka_unit_test(test_not_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
