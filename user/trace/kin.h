/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes of a family that run another interpreter than its target: one recording for each such
 * interpreter, in a child of its own (member.h). It shares the map of who belongs to the family, which
 * the first recording keeps: so what runs that interpreter is traced wherever it comes, and from its
 * first call on once the probes lie in the file.
 */
#ifndef VTBPF_KIN_H
#define VTBPF_KIN_H

#include <stdint.h>
#include <sys/types.h>

#include "../discover/target.h"

struct kin;
struct recording;

/* Who records what runs the interpreter of t: it is there already, or is started. NULL: it cannot be,
 * after a message. */
struct kin *kin__of(struct recording *r, const struct target *t);

/* Some times a second: hears what they say. */
void kin__listen(struct recording *r);

/* PY_VERSION_HEX once it records, else 0. Why it cannot, NULL while it may. */
uint32_t kin__version(const struct kin *k);
const char *kin__failure(const struct kin *k);

/* In such a recording: its probes are in, there is no hurry any more. */
void kin__attached(void);

/* The recording ends: so do they; and waits for that. The captures are the result's then. */
void kin__stop(struct recording *r);
void kin__collect(struct recording *r);

#endif
