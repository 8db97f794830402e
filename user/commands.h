/* SPDX-License-Identifier: GPL-2.0-only */
/* The subcommands. Each gets the parsed options and returns vtbpf's exit status. */
#ifndef VTBPF_COMMANDS_H
#define VTBPF_COMMANDS_H

#include "options.h"

int cmd_trace(const struct options *o);
int cmd_fleet(const struct options *o);
int cmd_convert(const struct options *o);
int cmd_combine(const struct options *o);
int cmd_diff(const struct options *o);
int cmd_report(const struct options *o);
int cmd_doctor(const struct options *o);
int cmd_threads(const struct options *o);
int cmd_ctl(const struct options *o);
int cmd_view(const struct options *o);

#endif
