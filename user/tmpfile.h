/* SPDX-License-Identifier: GPL-2.0-only */
/* Temporary files without a name: gone with their descriptor. */
#ifndef VTBPF_TMPFILE_H
#define VTBPF_TMPFILE_H

/* A new one in dir or, where that is NULL, in $TMPDIR or /var/tmp; for reading and writing. A
 * descriptor or a negative errno. */
int tmpfile__open(const char *dir);

#endif
