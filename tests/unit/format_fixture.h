/* SPDX-License-Identifier: GPL-2.0-only */
/* For tests of formats: a capture, or a Chrome trace, is converted, and the output is there as text. */
#ifndef VTBPF_FORMAT_FIXTURE_H
#define VTBPF_FORMAT_FIXTURE_H

#include "../../user/convert.h"
#include "capture_builder.h"

struct fixture {
	char dir[64], in[128], out[128];
	struct capture_builder b;
	struct convert_options opts;
	struct convert_summary sum;
	char *text; /* of the output, inflated */
	size_t n;
};

/* For cmocka. The capture has process 100 with a thread "Main;Thread" and the functions main, leaf and
 * one with a hostile name. */
int format_fixture__setup(void **state);
int format_fixture__teardown(void **state);

#define FORMAT_TEST(test) \
	cmocka_unit_test_setup_teardown(test, format_fixture__setup, format_fixture__teardown)

/* A call of thread 100. */
void add_call(struct fixture *f, uint32_t code, uint64_t start, uint64_t end, uint16_t depth);

/* main( leaf leaf hostile( leaf ) ), and main again without callees */
void add_calls(struct fixture *f);

/* Samples, of a period of 1000 ns: main>leaf thrice, main once, and no Python code once. */
void add_samples(struct fixture *f);

/* Converts what is at f->in; or the capture; or that JSON. Fails the test unless it succeeds. */
void convert(struct fixture *f, const char *format);
void convert_capture(struct fixture *f, const char *format);
void convert_json(struct fixture *f, const char *format, const char *json);

/* Fails the test unless what stands in the output. */
void has(const struct fixture *f, const char *what);

#endif
