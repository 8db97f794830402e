/* SPDX-License-Identifier: GPL-2.0-only */
/* What `vtbpf report` is asked for. */
#ifndef VTBPF_REPORT_OPTIONS_H
#define VTBPF_REPORT_OPTIONS_H

#include <stdint.h>

enum report_sort {
	REPORT_BY_SELF,
	REPORT_BY_TOTAL,
	REPORT_BY_CALLS,
	REPORT_BY_MIN,
	REPORT_BY_MEAN,
	REPORT_BY_P50,
	REPORT_BY_P99,
	REPORT_BY_MAX,
	REPORT_BY_NAME,
};

/* What the table of functions, or instead of it, is of. */
enum report_rows { REPORT_FUNCTIONS, REPORT_FILES, REPORT_THREADS };

struct report_options {
	enum report_sort sort;
	enum report_rows rows;
	uint64_t limit; /* rows; 0: not asked for */
};

#endif
