/* SPDX-License-Identifier: GPL-2.0-only */
/* What a function was called with, as Python's repr() would write it where that is known. */
#ifndef VTBPF_ARG_TEXT_H
#define VTBPF_ARG_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "decoder.h"

/* One argument of a record. Points into its bytes, which may hold anything. */
struct arg {
	struct event_string name;
	uint64_t length; /* as in struct vtbpf_arg */
	uint8_t kind;	 /* as on the wire: any value */
	struct event_string value;
};

/* Takes the argument at the begin of what is left, and goes on behind it. False at the end, and where
 * nothing of sense follows. */
bool arg__next(struct event_bytes *left, struct arg *arg);

#define ARG_TEXT_MAX 4096

/* Writes the argument's name or value to out, which has room for ARG_TEXT_MAX bytes, as UTF-8. Returns
 * how many they are. */
size_t arg__put_name(const struct arg *arg, char *out);
size_t arg__put_value(const struct arg *arg, char *out);

#endif
