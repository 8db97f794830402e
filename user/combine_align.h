/* SPDX-License-Identifier: GPL-2.0-only */
/* How `vtbpf combine` puts traces on one clock. */
#ifndef VTBPF_COMBINE_ALIGN_H
#define VTBPF_COMBINE_ALIGN_H

enum combine_align {
	COMBINE_BY_HOST, /* by the machines and their clocks */
	COMBINE_BY_START,
	COMBINE_BY_MARKER,
};

#endif
