/* SPDX-License-Identifier: GPL-2.0-only */
/* The calls of a Chrome trace that the filters keep, as a profile. */
#ifndef VTBPF_CHROME_PROFILE_H
#define VTBPF_CHROME_PROFILE_H

#include "chrome_filter.h"
#include "profile.h"

/* Reads from the filter's reader, once the filter is started, into an empty profile. 0 or a
 * negative errno, after which the filter's `why` may have a sentence. */
int chrome_profile__read(struct chrome_filter *f, struct profile *p);

#endif
