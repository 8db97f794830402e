// SPDX-License-Identifier: GPL-2.0-only
#include "syscall_names.h"

#include <linux/types.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "../../bpf/vtbpf.h"

static const char *const names[VTBPF_SYSCALLS] = {
#include "syscalls.inc" /* made of the machine's <sys/syscall.h>: see the Makefile */
};

char *syscall_names__text(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	for (size_t i = 0; i < VTBPF_SYSCALLS; i++)
		fprintf(f, "%s\n", names[i] ? names[i] : "");
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}
