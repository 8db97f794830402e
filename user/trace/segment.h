/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A recording in segments: capture after capture of one recording that goes on. The probes stay, and
 * each record of the kernel side goes to one of the captures, so no call is missed and none is in two
 * as ended. A call that runs when a segment ends is cut off there (open at the end), and goes on in the
 * next (open at the start). Each capture is whole by itself: what was said of code objects and threads
 * is said again in each.
 *
 * Samples lie in the capture of their moment, and each capture counts its own. Windows are whole in one:
 * the next capture begins between two of them.
 */
#ifndef VTBPF_SEGMENT_H
#define VTBPF_SEGMENT_H

#include <stdint.h>

#include "capture_writer.h"

struct recording;
struct segments;

/* From now on all that the recording's writer is given passes through here. 0 or -ENOMEM. */
int segment__begin(struct recording *r);
void segment__free(struct segments *s);

/* Ends the capture now, and begins the next one, which cfg->next_capture opens. 0 or a negative errno:
 * then the recording cannot go on. */
int segment__cut(struct recording *r);

#endif
