/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text of any origin on a terminal. What would move the cursor, change colours or turn the
 * direction of writing is shown as \xNN or \uNNNN, what is not UTF-8 as U+FFFD.
 */
#ifndef VTBPF_TERMINAL_H
#define VTBPF_TERMINAL_H

#include <stddef.h>

struct terminal_text {
	char *text; /* for printing, ended by NUL */
	size_t columns;
};

/* Makes s, or its beginning and an ellipsis where it needs more than max_columns, printable. text is
 * the caller's to free, NULL without memory. */
struct terminal_text terminal__text(const char *s, size_t max_columns);

#endif
