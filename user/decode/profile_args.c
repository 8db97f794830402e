// SPDX-License-Identifier: GPL-2.0-only
#include "profile_args.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../array.h"
#include "../tmpfile.h"

struct profile_args {
	FILE *file;
	char *text; /* of the call read last */
	size_t room;
};

/* A call in the file: this, then lengths of the texts, then the texts. */
struct head {
	uint64_t track, start, dur, n;
};

void profile_args__free(struct profile_args *args)
{
	if (!args)
		return;
	if (args->file)
		fclose(args->file);
	free(args->text);
	free(args);
}

static int open_file(struct profile *p)
{
	int fd;

	if (p->args)
		return 0;
	p->args = calloc(1, sizeof(*p->args));
	if (!p->args)
		return -ENOMEM;
	fd = tmpfile__open(p->dir);
	if (fd < 0)
		return fd;
	p->args->file = fdopen(fd, "w+");
	if (p->args->file)
		return 0;
	close(fd);
	return -ENOMEM;
}

int profile_args__add(struct profile *p, const struct profile_args_call *call)
{
	const struct head head = { call->track, call->start, call->dur, call->n };
	uint64_t lengths[2 * VTBPF_MAX_ARGS];
	int err = open_file(p);
	FILE *f;

	if (err)
		return err;
	f = p->args->file;
	for (size_t i = 0; i < 2 * call->n; i++)
		lengths[i] = call->text[i].n;
	fwrite(&head, sizeof(head), 1, f);
	fwrite(lengths, sizeof(lengths[0]), 2 * call->n, f);
	for (size_t i = 0; i < 2 * call->n; i++)
		fwrite(call->text[i].p, 1, call->text[i].n, f);
	return ferror(f) ? -EIO : 0;
}

int profile_args__rewind(struct profile *p)
{
	if (!p->args)
		return 0;
	return fflush(p->args->file) || fseek(p->args->file, 0, SEEK_SET) ? -errno : 0;
}

int profile_args__next(struct profile *p, struct profile_args_call *call)
{
	uint64_t lengths[2 * VTBPF_MAX_ARGS];
	struct profile_args *args = p->args;
	struct head head;
	size_t all = 0;

	if (!args || fread(&head, sizeof(head), 1, args->file) != 1)
		return args && ferror(args->file) ? -EIO : 0;
	if (fread(lengths, sizeof(lengths[0]), 2 * head.n, args->file) != 2 * head.n)
		return -EIO;
	*call = (struct profile_args_call){ head.track, head.start, head.dur, head.n, {} };
	for (size_t i = 0; i < 2 * head.n; i++)
		all += lengths[i];
	if (ARRAY_RESERVE(args->text, args->room, all + 1))
		return -ENOMEM;
	if (fread(args->text, 1, all, args->file) != all)
		return -EIO;
	all = 0;
	for (size_t i = 0; i < 2 * head.n; i++) {
		call->text[i] = (struct profile_text){ args->text + all, lengths[i] };
		all += lengths[i];
	}
	return 1;
}
