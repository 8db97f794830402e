/* SPDX-License-Identifier: GPL-2.0-only */
/* Builds captures record by record, for tests of what reads them. Running out of memory ends the
 * test. */
#ifndef VTBPF_CAPTURE_BUILDER_H
#define VTBPF_CAPTURE_BUILDER_H

#include <linux/types.h>
#include <stddef.h>
#include <stdint.h>

#include "../../bpf/vtbpf.h"

struct capture_builder {
	unsigned char *data;
	size_t len, room;
};

/* Starts with the file header. */
void builder__init(struct capture_builder *b);
void builder__release(struct capture_builder *b);

/* A record of n bytes behind its prefix, padded to 8; returns it, all zero behind the prefix. The
 * pointer holds until the next record. */
void *builder__record(struct capture_builder *b, uint8_t kind, uint32_t tid, size_t n);

void builder__session(struct capture_builder *b, uint32_t pid, uint64_t start);
void builder__end(struct capture_builder *b, uint64_t ts);
void builder__text(struct capture_builder *b, enum vtbpf_text_what what, const char *text,
		   size_t n);

struct build_thread {
	uint32_t tid, pid;
	uint64_t start_time;
	const char *comm;
};
void builder__thread(struct capture_builder *b, const struct build_thread *t);
void builder__thread_exit(struct capture_builder *b, uint32_t tid, uint64_t ts);
void builder__thread_name(struct capture_builder *b, uint32_t tid, const char *name,
			  uint64_t ident);

/* A code object with both its strings: UTF-8, up to 256 characters. */
void builder__code(struct capture_builder *b, uint32_t id, const char *name, const char *file);

struct build_str {
	uint32_t code, offset, length; /* length: code points of the whole */
	uint8_t which, width;
};
void builder__str(struct capture_builder *b, const struct build_str *s, const void *data, size_t n);

struct build_call {
	uint32_t tid, code, track;
	uint64_t start, end;
	uint16_t depth;
	uint8_t flags;
};
void builder__call(struct capture_builder *b, const struct build_call *c);

/* What is no call: text is UTF-8, and may be NULL. */
struct build_event {
	uint32_t tid, code, track;
	uint16_t what;
	uint64_t start, end;
	int64_t value[VTBPF_EVENT_VALUES];
	const char *text[VTBPF_EVENT_TEXTS];
	size_t bytes; /* of the first text, where it is no string */
	uint8_t flags;
};
void builder__event(struct capture_builder *b, const struct build_event *e);
void builder__lost(struct capture_builder *b, uint32_t tid, const struct vtbpf_rec_lost *l);
void builder__source(struct capture_builder *b, const char *data, uint8_t flags);

/* Writes the capture to an unnamed file and returns its descriptor; or to a file of that path. */
int builder__fd(const struct capture_builder *b);
void builder__save(const struct capture_builder *b, const char *path);

/* The capture, opened; released with capture__free. */
struct capture *builder__open(const struct capture_builder *b);

#endif
