/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The source files of the code that ran, for the viewer. The target names them, so they are opened
 * with the target's own rights, inside its own root, and only if they are plain files of bounded
 * size: vtbpf must not read for the target what the target may not read.
 */
#ifndef VTBPF_SOURCES_H
#define VTBPF_SOURCES_H

#include "../discover/target.h"
#include "capture_writer.h"

struct sources;

struct sources *sources__new(void);
void sources__free(struct sources *s);

/* Notes the file name in a string record, if it is one. */
void sources__note(struct sources *s, const struct vtbpf_rec_str *rec);

/* Reads the files noted and writes them to the capture. */
void sources__write(struct sources *s, const struct target *t, struct capture_writer *w);

#endif
