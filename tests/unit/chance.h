/* SPDX-License-Identifier: GPL-2.0-only */
/* Random numbers, always the same ones: a test that fails does so again. */
#ifndef VTBPF_TEST_CHANCE_H
#define VTBPF_TEST_CHANCE_H

#include <math.h>
#include <stdint.h>

/* Between 0 and 1, neither of them. The sequence depends on *seed alone. */
static inline double uniform(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return ((double)(*seed >> 11) + 0.5) / 9007199254740992.0;
}

/* Of mean 0 and deviation 1. */
static inline double normal(uint64_t *seed)
{
	return sqrt(-2 * log(uniform(seed))) * cos(2 * M_PI * uniform(seed));
}

#endif
