/* SPDX-License-Identifier: GPL-2.0-only */
/* For tests of converting: a directory for what is read and written, and the options for that. */
#ifndef VTBPF_CONVERT_FIXTURE_H
#define VTBPF_CONVERT_FIXTURE_H

#include "../../user/convert.h"
#include "capture_builder.h"

struct fixture {
	char dir[64], in[128], more[128], out[128];
	struct capture_builder b; /* begun */
	struct convert_options opts;
	struct convert_summary sum;
	char text[16384]; /* the test's */
};

/* For cmocka. The second fails when anything but in, more and out is left in the directory. */
int convert_fixture__setup(void **state);
int convert_fixture__teardown(void **state);

#define CONVERT_TEST(test) \
	cmocka_unit_test_setup_teardown(test, convert_fixture__setup, convert_fixture__teardown)

#endif
