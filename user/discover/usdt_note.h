/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SystemTap's .note.stapsdt: the static probes (USDT) compiled into a file.
 */
#ifndef VTBPF_USDT_NOTE_H
#define VTBPF_USDT_NOTE_H

#include <stdbool.h>
#include <stddef.h>

#include "elf_image.h"
#include "probe_plan.h"

/* Reads at most max notes; returns how many. Damaged ones and those outside of the file's segments
 * are left out. Several sites of one name are several entries. */
size_t usdt_note__read(const struct elf_image *img, struct usdt_site *sites, size_t max);

/* Parses one note. base is where the file's .stapsdt.base lies, 0 when it has none. */
bool usdt_note__parse(const struct elf_image *img, const struct elf_note *note, uint64_t base,
		      struct usdt_site *site);

#endif
