/* SPDX-License-Identifier: GPL-2.0-only */
/* The calls of a profile, or its samples, added up by stack. */
#ifndef VTBPF_PROFILE_STACKS_H
#define VTBPF_PROFILE_STACKS_H

#include "profile.h"
#include "stack_tree.h"

/* Adds the calls of a track beneath node root, or, where the profile is sampled, its samples: `self` is
 * then what they stand for. frame_of: by the profile's function numbers, what to call
 * them in the tree. 0 or a negative errno. */
int profile_stacks__add(const struct profile *p, const struct profile_track *t,
			struct stack_tree *tree, uint32_t root, const uint32_t *frame_of);

#endif
