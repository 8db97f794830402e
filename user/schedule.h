/* SPDX-License-Identifier: GPL-2.0-only */
/* --active: the hours of a day in which something is to be done. */
#ifndef VTBPF_SCHEDULE_H
#define VTBPF_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* Minutes since midnight; until is no part of it. Across midnight when until < from. */
struct schedule_span {
	unsigned int from, until;
};

/* "09:00-18:00", "22:30-6:00", "18:00-24:00". 0 or -EINVAL. */
int schedule__parse(const char *text, struct schedule_span *span);

/* Is `now` in one of the spans, by the clocks of the local time zone? With none of them: always. */
bool schedule__is_active(const struct schedule_span *spans, size_t n, time_t now);

#endif
