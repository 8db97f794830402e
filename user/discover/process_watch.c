// SPDX-License-Identifier: GPL-2.0-only
#include "process_watch.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define TEXT_MAX (128 * 1024) /* of a command line; what is longer is compared so far */
#define YOUNG_NS 5000000000ULL
#define SELDOM 10 /* others are looked at in one scan of so many */
#define RETRY_FIRST_NS 250000000ULL
#define RETRY_MAX_NS 10000000000ULL
#define CGROUP_ROOT "/sys/fs/cgroup"

struct seen {
	pid_t pid;
	uint64_t start; /* clock ticks since boot: tells a pid that is used again */
	uint64_t since; /* when it was seen first, ns */
	uint64_t retry_at, retry_ns;
	unsigned int scan; /* in which it was there last */
	bool taken;
	bool due; /* to be looked at in the next scan */
	UT_hash_handle hh;
};

struct process_watch {
	const char *proc;
	struct process_rules rules;
	struct seen *seen;
	unsigned int scans;
	char *text;
};

struct process_watch *process_watch__new(const char *proc, const struct process_rules *rules)
{
	struct process_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->proc = proc;
	w->rules = *rules;
	w->text = malloc(TEXT_MAX + 1);
	if (w->text)
		return w;
	free(w);
	return NULL;
}

static void forget(struct process_watch *w, struct seen *s)
{
	HASH_DEL(w->seen, s);
	free(s);
}

void process_watch__free(struct process_watch *w)
{
	struct seen *s, *tmp;

	if (!w)
		return;
	HASH_ITER(hh, w->seen, s, tmp)
		forget(w, s);
	free(w->text);
	free(w);
}

/* ---- one process ------------------------------------------------------------------------ */

/* The file's bytes in w->text, with a NUL behind. Their number, 0 when there are none. */
static size_t read_text(struct process_watch *w, pid_t pid, const char *file)
{
	char path[512];
	size_t len = 0;
	ssize_t n = 1;
	int fd;

	snprintf(path, sizeof(path), "%s/%d/%s", w->proc, pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	while (n > 0 && len < TEXT_MAX) {
		n = read(fd, w->text + len, TEXT_MAX - len);
		len += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	w->text[len] = '\0';
	return len;
}

/* Field 22 of stat; the name in field 2 may hold anything, a parenthesis too. */
static uint64_t start_of(struct process_watch *w, pid_t pid)
{
	char *p = read_text(w, pid, "stat") ? strrchr(w->text, ')') : NULL;

	for (int field = 2; p && field < 22; field++) {
		p = strchr(p, ' ');
		p += p ? 1 : 0;
	}
	return p ? strtoull(p, NULL, 10) : 0;
}

static bool fits_command_line(struct process_watch *w, pid_t pid)
{
	const struct str_list *globs = w->rules.command_lines;
	size_t len = globs->n ? read_text(w, pid, "cmdline") : 0;

	while (len && !w->text[len - 1]) /* setproctitle() leaves many */
		len--;
	if (!len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!w->text[i])
			w->text[i] = ' ';
	for (size_t i = 0; i < globs->n; i++)
		if (!fnmatch(globs->items[i], w->text, 0))
			return true;
	return false;
}

static bool is_below(const char *path, const char *top, size_t top_len)
{
	return !strncmp(path, top, top_len) && (!path[top_len] || path[top_len] == '/');
}

/* One line: HIERARCHY:CONTROLLERS:PATH. Of version 1 the controllers are a directory, too. */
static bool fits_cgroup_line(const char *line, const char *want)
{
	const char *controllers = strchr(line, ':');
	const char *path = controllers ? strchr(++controllers, ':') : NULL;
	size_t top = strlen(CGROUP_ROOT), len, n;

	if (!path++)
		return false;
	if (is_below(want, CGROUP_ROOT, top))
		want += top;
	for (len = strlen(want); len && want[len - 1] == '/'; len--)
		;
	if (is_below(path, want, len))
		return true;
	n = (size_t)(path - 1 - controllers);
	return n && len > n + 1 && !strncmp(want + 1, controllers, n) &&
	       is_below(path, want + 1 + n, len - 1 - n);
}

static bool fits_cgroup(struct process_watch *w, pid_t pid)
{
	const struct str_list *cgroups = w->rules.cgroups;
	char *line, *save;

	if (!cgroups->n || !read_text(w, pid, "cgroup"))
		return false;
	for (line = strtok_r(w->text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		for (size_t i = 0; i < cgroups->n; i++)
			if (fits_cgroup_line(line, cgroups->items[i]))
				return true;
	return false;
}

/* ---- all of them ------------------------------------------------------------------------ */

static struct seen *see(struct process_watch *w, pid_t pid, uint64_t now)
{
	struct seen *s;

	HASH_FIND_INT(w->seen, &pid, s);
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return NULL;
		s->pid = pid;
		s->since = now;
		HASH_ADD_INT(w->seen, pid, s);
		if (!s->hh.tbl) {
			free(s);
			return NULL;
		}
	}
	s->scan = w->scans;
	return s;
}

static void look_at(struct process_watch *w, struct seen *s, uint64_t now, process_found_fn fn,
		    void *ctx)
{
	uint64_t start;

	if (!s->due && now - s->since > YOUNG_NS && (w->scans + (unsigned int)s->pid) % SELDOM)
		return;
	s->due = false;
	start = start_of(w, s->pid);
	if (start != s->start) {
		s->start = start;
		s->since = now;
		s->retry_at = s->retry_ns = 0;
		s->taken = false;
	}
	if (s->taken || now < s->retry_at)
		return;
	if (!fits_command_line(w, s->pid) && !fits_cgroup(w, s->pid))
		return;
	s->taken = fn(ctx, s->pid);
	s->retry_ns = s->retry_ns ? s->retry_ns * 2 : RETRY_FIRST_NS;
	if (s->retry_ns > RETRY_MAX_NS)
		s->retry_ns = RETRY_MAX_NS;
	s->retry_at = now + s->retry_ns;
}

int process_watch__scan(struct process_watch *w, uint64_t now, process_found_fn fn, void *ctx)
{
	DIR *dir = opendir(w->proc);
	struct seen *s, *tmp;
	struct dirent *d;

	if (!dir)
		return -errno;
	w->scans++;
	while ((d = readdir(dir))) {
		if (!isdigit((unsigned char)d->d_name[0]))
			continue;
		s = see(w, atoi(d->d_name), now);
		if (s)
			look_at(w, s, now, fn, ctx);
	}
	closedir(dir);
	HASH_ITER(hh, w->seen, s, tmp)
		if (s->scan != w->scans)
			forget(w, s);
	return 0;
}

void process_watch__again(struct process_watch *w, pid_t pid)
{
	struct seen *s;

	HASH_FIND_INT(w->seen, &pid, s);
	if (!s)
		return;
	s->taken = false;
	s->due = true;
	s->retry_at = s->retry_ns = 0;
}
