/* SPDX-License-Identifier: GPL-2.0-only */
/* Was an existing file written by vtbpf, so that it may be replaced without being named? */
#ifndef VTBPF_OWN_FILE_H
#define VTBPF_OWN_FILE_H

#include <stdbool.h>

/* How a reader of a few bytes knows vtbpf's files: the end of its JSON, and the comment in its gzip
 * header. */
#define OWN_FILE_JSON_KEY "written_by"
#define OWN_FILE_JSON_VALUE "vtbpf "
#define OWN_FILE_GZIP_COMMENT "vtbpf trace"

/* Is the file open at fd a capture, or a JSON trace with a top-level "vtbpf" key, plain or gzip? fd
 * is read from its begin on and stays the caller's. */
bool own_file__check(int fd);

#endif
