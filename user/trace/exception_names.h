/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of exceptions' types that the kernel side could not read: it cannot fault a page in, and the
 * names of built-in types lie in pages of the interpreter's file that nobody may have touched, after a
 * fork above all.
 */
#ifndef VTBPF_EXCEPTION_NAMES_H
#define VTBPF_EXCEPTION_NAMES_H

#include <linux/types.h>
#include <stddef.h>
#include <stdint.h>

#include "../../bpf/vtbpf.h"

#define EXCEPTION_NAMES_SEGMENTS 16

/* Zeroed but for fd, the interpreter's file, which stays the caller's, it is ready. */
struct exception_names {
	int fd;
	size_t n;
	struct exception_names_segment {
		uint64_t vaddr, offset, size;
	} segments[EXCEPTION_NAMES_SEGMENTS];
	union {
		struct vtbpf_rec_event event;
		char room[sizeof(struct vtbpf_rec_event) + VTBPF_TYPE_LARGE + VTBPF_MESSAGE_LARGE +
			  8];
	} made;
};

/* The record, where it is an exception's with a name: from the interpreter's file, else from the thread's
 * memory, else `<unreadable>`. Any other one as it is. Valid until the next call. */
const struct vtbpf_rec *exception_names__complete(struct exception_names *n,
						  const struct vtbpf_rec *rec);

#endif
