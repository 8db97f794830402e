/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes a capture: the header, then records as they come. After the first failed write (disk full,
 * file system gone) nothing more is written and `err` tells why; callers may look at it once at the
 * end. What was written before is a good capture.
 */
#ifndef VTBPF_CAPTURE_WRITER_H
#define VTBPF_CAPTURE_WRITER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/types.h>

#include "../../bpf/vtbpf.h"

struct capture_writer {
	int fd;		  /* the caller's */
	int err;	  /* first error, negative errno */
	uint64_t written; /* bytes in the file */
	size_t used;
	char *buf;
	/* Set: gets every record in the file's stead (recorder.h). */
	void (*sink)(void *ctx, const struct vtbpf_rec *rec);
	void *sink_ctx;
};

/* Starts a capture on fd. 0 or a negative errno. */
int capture_writer__init(struct capture_writer *w, int fd);
void capture_writer__free(struct capture_writer *w);

/* Appends a record. Returns w->err. */
int capture_writer__append(struct capture_writer *w, const struct vtbpf_rec *rec);

/* Hands all to the kernel: from then on it survives our death. Returns w->err. */
int capture_writer__flush(struct capture_writer *w);

/* Records that user space makes. Long text is split. */
void capture_writer__text(struct capture_writer *w, enum vtbpf_text_what what, const char *text,
			  size_t len);
void capture_writer__thread_name(struct capture_writer *w, pid_t tid, pid_t tgid, uint64_t ident,
				 const char *name, const char *comm);
void capture_writer__source(struct capture_writer *w, const char *path, const char *text,
			    size_t len);
/* A string of code object `code`, as UTF-8. */
void capture_writer__code_str(struct capture_writer *w, uint32_t code, enum vtbpf_str_which which,
			      const char *utf8);
void capture_writer__end(struct capture_writer *w, uint64_t ts);

#endif
