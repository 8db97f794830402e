/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A Chrome trace as it is, less the events that the filters leave out. Events that stay are copied byte
 * for byte, as is all that stands beside them; "vtbpf" gets what the filters did.
 */
#ifndef VTBPF_CHROME_COPY_H
#define VTBPF_CHROME_COPY_H

#include "../decode/chrome_filter.h"
#include "outbuf.h"

/* Copies from the filter's reader, once the filter is started. 0 or a negative errno; errors
 * of writing stick in `out`. */
int chrome_copy__write(struct chrome_filter *f, struct outbuf *out);

#endif
