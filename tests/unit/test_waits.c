// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "../../user/trace/waits.h"

static const struct py_gil gil = { .wait_begin = 0x1000, .wait_end = 0x10c0 };

static uint32_t wait_of(long number, uint64_t first, uint64_t second)
{
	struct proc_syscall call = { .number = number, .args = { first, second } };

	return waits__of_call(&call, &gil, 1);
}

static void test_calls(void **state)
{
	(void)state;
	assert_int_equal(wait_of(SYS_read, 0, 0), VTBPF_WAIT_IO);
	assert_int_equal(wait_of(SYS_clock_nanosleep, 1, 1), VTBPF_WAIT_SLEEP);
	assert_int_equal(wait_of(SYS_semop, 1, 1), VTBPF_WAIT_LOCK);
	assert_int_equal(wait_of(SYS_wait4, 1, 1), VTBPF_WAIT_OFF_CPU);
	assert_int_equal(wait_of(-1, 0, 0), VTBPF_WAIT_OFF_CPU);
	assert_int_equal(wait_of(100000, 0, 0), VTBPF_WAIT_OFF_CPU);
}

/* The futex of a GIL is in its condition variables. */
static void test_futex(void **state)
{
	(void)state;
	assert_int_equal(wait_of(SYS_futex, 0xfff, 0), VTBPF_WAIT_LOCK);
	assert_int_equal(wait_of(SYS_futex, 0x1000, 0), VTBPF_WAIT_GIL);
	assert_int_equal(wait_of(SYS_futex, 0x10bf, 0), VTBPF_WAIT_GIL);
	assert_int_equal(wait_of(SYS_futex, 0x10c0, 0), VTBPF_WAIT_LOCK);
}

/* To wait for none of no files is to sleep. */
static void test_no_files(void **state)
{
	(void)state;
	assert_int_equal(wait_of(SYS_pselect6, 0, 1), VTBPF_WAIT_SLEEP);
	assert_int_equal(wait_of(SYS_pselect6, 1, 0), VTBPF_WAIT_IO);
	assert_int_equal(wait_of(SYS_ppoll, 1, 0), VTBPF_WAIT_SLEEP);
	assert_int_equal(wait_of(SYS_ppoll, 0, 1), VTBPF_WAIT_IO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_futex),
		cmocka_unit_test(test_no_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
