/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The calls of a profile as the slices of a page's timeline.
 *
 * Sections 'S' hold up to 32,768 slices of one track, callers before what they call, in columns: function
 * and flags, depth, the gap before it, duration. Where the track is backwards, the gap is that behind it.
 */
#ifndef VTBPF_HTML_SLICES_H
#define VTBPF_HTML_SLICES_H

#include "../decode/profile.h"
#include "html_page.h"

/* More than that, and the shortest are left out: what a browser opens in seconds, in less than a
 * gigabyte. */
#define HTML_SLICES_MAX 10000000

/* How long a call must be to be shown, ns, so that no more than max are. 0 or a negative errno. */
int html_slices__shortest(const struct profile *p, uint64_t max, uint64_t *shortest);

/* Writes the slices of track `index` that are no shorter, and adds how many there were to *n. 0 or a
 * negative errno. */
struct html_track {
	const struct profile *profile;
	const struct profile_track *track;
	uint64_t index, shortest;
};

int html_slices__write(struct html_page *h, const struct html_track *t, uint64_t *n);

#endif
