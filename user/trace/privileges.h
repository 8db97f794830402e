/* SPDX-License-Identifier: GPL-2.0-only */
/* What this user and this kernel allow, found out before anything is touched. */
#ifndef VTBPF_PRIVILEGES_H
#define VTBPF_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* 0, or -EPERM (a capability is missing) or -EOPNOTSUPP (the kernel lacks something), with what is
 * missing and how to get it in why. */
int privileges__check(char *why, size_t why_size);

/* Prints each capability and kernel feature with yes or no, for `doctor`. false: tracing cannot
 * work. */
bool privileges__report(FILE *out);

#endif
