/* SPDX-License-Identifier: GPL-2.0-only */
/* Which threads and calls reach the output. */
#ifndef VTBPF_FILTER_H
#define VTBPF_FILTER_H

#include <stdbool.h>

#include "../slice_filter.h"
#include "thread_table.h"

/* Does the filter keep the thread, by all that the capture says of it, former names too? */
bool filter__keeps_thread(const struct slice_filter *f, const struct thread *th);

/* The i-th part of the filter (0, 1, ...) as an option: "--ignore-thread NAME". snprintf's return
 * value; 0 when there are not so many. */
int filter__text(const struct slice_filter *f, size_t i, char *buf, size_t size);

#endif
