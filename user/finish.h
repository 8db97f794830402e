/* SPDX-License-Identifier: GPL-2.0-only */
/* What `convert` and the end of a trace have in common: the conversion and the last line. */
#ifndef VTBPF_FINISH_H
#define VTBPF_FINISH_H

#include <stdint.h>

#include "convert.h"
#include "options.h"

/* The conversion of `input` that the options ask for. Its arrays point into o. */
struct convert_options finish__options(const struct options *o, const char *input);

/* From now on Ctrl-C and SIGTERM cancel the conversion. Signals that were blocked are let in. */
void finish__catch_signals(void);

/* Prints what the filters left out, if anything. */
void finish__say_removed(const struct convert_summary *sum);

/* The same, and the last line; trace_ns is how long was traced, 0
 * unknown. */
void finish__say(const char *output, const struct convert_summary *sum, uint64_t trace_ns);

/* What --max-overhead allowed, and what it came to; as parts of the time. */
struct finish_overhead {
	double stated, achieved, worst; /* worst of any 10 s */
	unsigned int windows;
	double coverage;
	bool in_windows;
	double sample_hz; /* of samples, in the time that was sampled, ns */
	uint64_t sampled_ns;
};

/* "overhead: stated…", without an end of the line. */
void finish__format_overhead(const struct finish_overhead *o, char *text, size_t size);

#endif
