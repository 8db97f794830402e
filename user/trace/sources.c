// SPDX-License-Identifier: GPL-2.0-only
#include "sources.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uthash.h>

#include "../log.h"
#include "../utf.h"
#include "deputy.h"

#define MAX_FILE_BYTES (4 << 20)
#define MAX_TOTAL_BYTES (128 << 20)
#define MAX_FILES 20000

struct source_name {
	char *path;
	UT_hash_handle hh;
};

struct sources {
	struct source_name *names;
	size_t total;
};

struct sources *sources__new(void)
{
	return calloc(1, sizeof(struct sources));
}

void sources__free(struct sources *s)
{
	struct source_name *n, *tmp;

	if (!s)
		return;
	HASH_ITER(hh, s->names, n, tmp) {
		HASH_DEL(s->names, n);
		free(n->path);
		free(n);
	}
	free(s);
}

/* ---- names ------------------------------------------------------------------------------ */

/* A path that is whole in one record and can be one. NUL and surrogates cannot be in a file name as
 * Python passes it to the system; such a name is not looked for. */
static char *path_of(const struct vtbpf_rec_str *rec)
{
	size_t n = rec->width ? rec->bytes / rec->width : 0;
	char *path, *end;

	if (!n || rec->offset || n != rec->length || n > PATH_MAX)
		return NULL;
	path = malloc(n * 4 + 1);
	if (!path)
		return NULL;
	end = path;
	for (size_t i = 0; i < n; i++) {
		uint32_t c = ucs__at(rec->data, i, rec->width);

		if (!c || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff) {
			free(path);
			return NULL;
		}
		end = utf8__put(c, end);
	}
	*end = '\0';
	return path;
}

void sources__note(struct sources *s, const struct vtbpf_rec_str *rec)
{
	struct source_name *n;
	char *path;

	if (rec->which != VTBPF_STR_FILENAME || HASH_COUNT(s->names) >= MAX_FILES)
		return;
	path = path_of(rec);
	if (!path)
		return;
	HASH_FIND_STR(s->names, path, n);
	n = n || *path == '<' ? NULL : calloc(1, sizeof(*n));
	if (!n) {
		free(path);
		return;
	}
	n->path = path;
	HASH_ADD_KEYPTR(hh, s->names, path, strlen(path), n);
}

/* ---- files ------------------------------------------------------------------------------ */

static int open_for(const struct target *t, const char *path)
{
	char full[PATH_MAX];

	if (*path != '/') {
		if (!t->cwd ||
		    snprintf(full, sizeof(full), "%s/%s", t->cwd, path) >= (int)sizeof(full))
			return -1;
		path = full;
	}
	return deputy__open(t->uid, t->gid, t->root_fd, path);
}

/* The file's text, malloc'ed, with its size; NULL when it is not a readable file of our kind. */
static char *read_file(const struct target *t, const char *path, size_t *size)
{
	int fd = open_for(t, path);
	struct stat st;
	char *text = NULL;
	size_t have = 0;
	ssize_t n;

	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size <= MAX_FILE_BYTES)
		text = malloc(st.st_size + 1);
	while (text && have < (size_t)st.st_size) {
		n = read(fd, text + have, st.st_size - have);
		if (n <= 0)
			break;
		have += n;
	}
	close(fd);
	*size = have;
	return text;
}

static void write_one(struct sources *s, const struct target *t, const char *path,
		      struct capture_writer *w)
{
	size_t size;
	char *text = read_file(t, path, &size);

	if (text && s->total + size <= MAX_TOTAL_BYTES) {
		capture_writer__source(w, path, text, size);
		s->total += size;
	}
	free(text);
}

void sources__write(struct sources *s, const struct target *t, struct capture_writer *w)
{
	int err = s->names ? deputy__ensure(t->uid, t->gid) : 0;
	struct source_name *n;

	if (err)
		log_verbose("sources: none are read, since it takes the rights of user %u: %s",
			    t->uid, strerror(-err));
	for (n = err ? NULL : s->names; n; n = n->hh.next)
		write_one(s, t, n->path, w);
	log_verbose("sources: %zu bytes of %u files", s->total, HASH_COUNT(s->names));
}
