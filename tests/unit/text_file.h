/* SPDX-License-Identifier: GPL-2.0-only */
/* What a test wrote to a file, as text. */
#ifndef VTBPF_TEST_TEXT_FILE_H
#define VTBPF_TEST_TEXT_FILE_H

#include <stddef.h>

/* Up to 1 MB of it, the caller's. An empty or missing file fails the test. */
char *text_file__read(const char *path);

size_t occurrences(const char *text, const char *what);

/* Fails the test unless `what` stands in the file n times. */
void text_file__expect(const char *path, const char *what, size_t n);

#endif
