/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to the two forms of `vtbpf report`: what both of them show, and in what order. */
#ifndef VTBPF_REPORT_WRITER_H
#define VTBPF_REPORT_WRITER_H

#include "../decode/report.h"
#include "../report_options.h"
#include "profile_writer.h"

/* Numbers of functions in the order that was asked for, those that were never called left out, the
 * caller's to free. NULL when out of memory. */
uint32_t *report_writer__order(const struct report *r, enum report_sort sort, size_t *n);

/* Sorts in place. */
void report_writer__sort_files(const struct report *r, enum report_sort sort);
void report_writer__sort_here(const struct report *r, struct report_thread *th,
			      enum report_sort sort);

/* How many calls there were, of which so many were seen: more, where only a part of the time was
 * traced. */
uint64_t report_writer__scaled(const struct profile *p, uint64_t seen);

#endif
