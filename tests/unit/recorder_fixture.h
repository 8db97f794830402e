/* SPDX-License-Identifier: GPL-2.0-only */
/* For tests of the flight recorder: what it would write, told in a word per record. */
#ifndef VTBPF_RECORDER_FIXTURE_H
#define VTBPF_RECORDER_FIXTURE_H

#include <stdio.h>

#include "../../user/trace/recorder.h"

struct fixture {
	FILE *file;
	struct capture_writer w; /* what is appended goes to the recorder, as in a recording */
	struct recorder *rec;
	unsigned int forgotten; /* code objects */
	/* A letter and a number: what the record is, and what tells it from its like. As snprintf. */
	int (*describe)(const struct vtbpf_rec *rec, char *text, size_t size);
};

/* For cmocka; the recorder begins with recorder_fixture__begin. */
int recorder_fixture__setup(void **state);
int recorder_fixture__teardown(void **state);

#define RECORDER_TEST(test) \
	cmocka_unit_test_setup_teardown(test, recorder_fixture__setup, recorder_fixture__teardown)

/* Of cfg, what to call when a code object is forgotten is the fixture's. */
void recorder_fixture__begin(struct fixture *f, struct recorder_config cfg);

/* Fails the test unless these are the records of a dump since then. */
void assert_written(struct fixture *f, uint64_t since, const char *expected);

#endif
