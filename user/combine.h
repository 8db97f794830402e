/* SPDX-License-Identifier: GPL-2.0-only */
/* Several traces as one, on one clock: drives decode/ and write/. */
#ifndef VTBPF_COMBINE_H
#define VTBPF_COMBINE_H

#include "combine_align.h"
#include "convert.h"

struct combine_options {
	struct convert_options convert; /* its input and more_inputs: all that are combined */
	enum combine_align align;
	const char *marker; /* name of an event, or of its function; NULL: any that all have */
};

/* Captures become JSON first, in unnamed temporary files beside the output. Says on stderr how each
 * input was aligned. 0 or a negative errno after a message. */
int combine__run(const struct combine_options *o, struct convert_summary *sum);

#endif
