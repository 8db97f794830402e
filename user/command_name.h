/* SPDX-License-Identifier: GPL-2.0-only */
/* What a process is called for its command line: the script, -m or -c of a Python. */
#ifndef VTBPF_COMMAND_NAME_H
#define VTBPF_COMMAND_NAME_H

#include <stddef.h>

/* Of a command line whose arguments end in a NUL each, the last one, too. snprintf's return value, 0 when
 * it is empty. */
int command_name(const char *command, size_t len, char *buf, size_t size);

#endif
