/* SPDX-License-Identifier: GPL-2.0-only */
/* The CPythons of this machine, for tests that want real ones: found generically, none is
 * needed. */
#ifndef PYTHONS_H
#define PYTHONS_H

#include <glob.h>

/* ELF files that may hold an interpreter: of /usr, /usr/local, pyenv's versions and the cache of
 * scripts/fetch-pythons.sh. Free it with globfree(). */
void pythons__libraries(glob_t *found);

/* The same of another machine, arm64, which can only be read. */
void pythons__arm64(glob_t *found);

/* Files with debug information of the types in an interpreter's headers; each has a link of the name
 * `interpreter` beside it. */
void pythons__types(glob_t *found);

/* Programs to start: python3.X of the same places. */
void pythons__programs(glob_t *found);

#endif
