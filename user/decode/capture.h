/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads a capture file record by record, in constant memory.
 *
 * The file may be torn (vtbpf or the machine died), damaged or hostile: every record handed out
 * lies wholly in the buffer, and reading stops for good at the first one that cannot be right.
 */
#ifndef VTBPF_CAPTURE_H
#define VTBPF_CAPTURE_H

#include <linux/types.h>
#include <stddef.h>
#include <stdint.h>

#include "../../bpf/vtbpf.h"

struct capture;

/* Opens the capture file at path. 0, or a negative errno with a sentence in why: -EMEDIUMTYPE when
 * the file is no capture (the sentence says what it looks like). */
int capture__open(const char *path, struct capture **out, char *why, size_t why_size);

/* The same of an open file, which the capture owns from then on, also when this fails. */
int capture__open_fd(int fd, struct capture **out, char *why, size_t why_size);
void capture__free(struct capture *c);

/* The records of `more` follow those of c, which owns it from then on: the two are read as one. A
 * file that is torn or damaged ends there, and the next one goes on. */
void capture__append(struct capture *c, struct capture *more);

/* The next record, valid until the next call: 1; 0 at the end (see capture__damage); or a negative
 * errno when the file cannot be read. */
int capture__next(struct capture *c, const struct vtbpf_rec **rec);

/* Says that the record just handed out makes no sense: the capture ends before it. */
void capture__reject(struct capture *c);

/* Why reading stopped before the end of the file, NULL if it did not. */
const char *capture__damage(const struct capture *c);

/* Where the next record starts, in bytes; and going back (or on) to such a place. A capture read
 * once to its end never gives more records than it did the first time, even if the file grows. */
uint64_t capture__tell(const struct capture *c);
int capture__seek(struct capture *c, uint64_t offset);

/* Where the first record starts, and the size of the file when it was opened. */
uint64_t capture__start(const struct capture *c);
uint64_t capture__size(const struct capture *c);

#endif
