/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of files of which an output has several: STEM-YYYYmmdd-HHMMSS-N.EXT beside it. */
#ifndef VTBPF_STAMPED_PATH_H
#define VTBPF_STAMPED_PATH_H

/* Where the extension of a path begins; of some formats it has two dots. Its end when it has none. */
const char *stamped_path__extension(const char *path);

/* A name of now that no file has, of which N is the next behind *count. A relative output's is below dir
 * (NULL: relative as well). The caller's to free; NULL when out of memory. */
char *stamped_path__new(const char *output, const char *dir, unsigned int *count);

#endif
