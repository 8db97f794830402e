// SPDX-License-Identifier: GPL-2.0-only
#include "py_child.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- interpreters ------------------------------------------------------------------------- */

struct interpreters interpreters;

/* Adds path unless it is a script (pyenv's shims are) or is there under another name. */
static void add_interpreter(struct interpreters *all, const char *path)
{
	char magic[4] = "", *real = realpath(path, NULL);
	size_t i;
	int fd;

	if (!real || all->n >= PY_CHILD_MAX_INTERPRETERS)
		goto out;
	fd = open(real, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		goto out;
	if (read(fd, magic, 4) != 4 || memcmp(magic, ELFMAG, SELFMAG) || access(real, X_OK)) {
		close(fd);
		goto out;
	}
	close(fd);
	for (i = 0; i < all->n; i++) {
		if (!strcmp(all->paths[i], real))
			goto out;
	}
	all->paths[all->n++] = real;
	return;
out:
	free(real);
}

static void add_matches(struct interpreters *all, const char *dir, const char *rest)
{
	char pattern[4096];
	glob_t g = { 0 };
	size_t i;

	snprintf(pattern, sizeof(pattern), "%s/%s", dir, rest);
	if (glob(pattern, 0, NULL, &g) == 0) {
		for (i = 0; i < g.gl_pathc; i++)
			add_interpreter(all, g.gl_pathv[i]);
	}
	globfree(&g);
}

static void find(struct interpreters *all)
{
	static const char *const names[] = { "python3.[89]", "python3.1[0-5]", "python3.1[345]t" };
	const char *root = getenv("PYENV_ROOT"), *home = getenv("HOME");
	char *path = strdup(getenv("PATH") ? getenv("PATH") : "/usr/bin"), *dir, *save = NULL;
	char pyenv[4096], below[64];
	size_t i;

	snprintf(pyenv, sizeof(pyenv), "%s%s",
		 root ? root :
		 home ? home :
			"",
		 root ? "" : "/.pyenv");
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		add_matches(all, "/usr/bin", names[i]);
		snprintf(below, sizeof(below), "versions/*/bin/%s", names[i]);
		add_matches(all, pyenv, below);
	}
	for (dir = strtok_r(path, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
		for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			add_matches(all, dir, names[i]);
	}
	free(path);
}

int interpreters__setup(void **state)
{
	(void)state;
	find(&interpreters);
	if (!interpreters.n)
		printf("# skip: no CPython 3.8 to 3.15 is installed\n");
	return 0;
}

int interpreters__teardown(void **state)
{
	(void)state;
	while (interpreters.n)
		free(interpreters.paths[--interpreters.n]);
	return 0;
}

/* ---- a child ------------------------------------------------------------------------------ */

static void run_child(const char *python, const char *script, const char *mode, int in, int out)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	/* -S: what site-packages import at the start is not the test's */
	execl(python, python, "-S", "-W", "ignore", script, mode, (char *)NULL);
	_exit(127);
}

bool py_child__start(struct py_child *c, const char *python, const char *script, const char *mode)
{
	int in[2], out[2];

	memset(c, 0, sizeof(*c));
	c->in = c->out = -1;
	c->buffer = malloc(PY_CHILD_LINE);
	if (!c->buffer || pipe2(in, O_CLOEXEC))
		return false;
	if (pipe2(out, O_CLOEXEC)) {
		close(in[0]);
		close(in[1]);
		return false;
	}
	c->pid = fork();
	if (c->pid == 0)
		run_child(python, script, mode, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	c->in = in[1];
	c->out = out[0];
	return c->pid > 0;
}

/* Drops the line that c->line is from the buffer. */
static void drop_line(struct py_child *c)
{
	size_t len;

	if (!c->line)
		return;
	len = strlen(c->line) + 1;
	memmove(c->buffer, c->buffer + len, c->have - len);
	c->have -= len;
	c->line = NULL;
}

bool py_child__line(struct py_child *c)
{
	char *end;
	ssize_t n;

	drop_line(c);
	for (;;) {
		end = memchr(c->buffer, '\n', c->have);
		if (end) {
			*end = '\0';
			c->line = c->buffer;
			return true;
		}
		if (c->have == PY_CHILD_LINE)
			return false;
		n = read(c->out, c->buffer + c->have, PY_CHILD_LINE - c->have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		c->have += n;
	}
}

void py_child__stop(struct py_child *c)
{
	if (c->in >= 0)
		close(c->in);
	if (c->out >= 0)
		close(c->out);
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0);
	}
	free(c->buffer);
	memset(c, 0, sizeof(*c));
}

/* ---- its plan ----------------------------------------------------------------------------- */

struct mapping {
	char path[1024];
	unsigned long long base;
	bool library;
};

/* The first mapping of libpython, else of an executable called python. */
static bool find_interpreter(pid_t pid, struct mapping *m)
{
	char path[64], line[2048], *file, *name;
	FILE *f;

	memset(m, 0, sizeof(*m));
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (!m->library && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		file = strchr(line, '/');
		name = file ? strrchr(file, '/') + 1 : NULL;
		if (!name || (strncmp(name, "libpython3.", 11) && strncmp(name, "python3", 7)))
			continue;
		m->library = name[0] == 'l';
		if (!m->library && m->path[0])
			continue;
		snprintf(m->path, sizeof(m->path), "%s", file);
		m->base = strtoull(line, NULL, 16);
	}
	fclose(f);
	return m->path[0];
}

struct py_reader *py_child__reader(pid_t pid, char *why, size_t why_size)
{
	struct probe_plan *plan = calloc(1, sizeof(*plan));
	struct py_reader *r = NULL;
	struct mapping m;
	Elf64_Ehdr header;
	int fd = -1;

	snprintf(why, why_size, "no interpreter is mapped");
	if (!plan || !find_interpreter(pid, &m))
		goto out;
	fd = open(m.path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, &header, sizeof(header), 0) != sizeof(header))
		goto out;
	if (probe_plan__make(fd, plan, why, why_size))
		goto out;
	snprintf(why, why_size, "no reader");
	/* position-independent files of CPython start at address 0 */
	r = py_reader__new(pid, plan, header.e_type == ET_DYN ? m.base : 0);
	if (!r)
		snprintf(why, why_size, "no reader: %s", strerror(errno));
out:
	if (fd >= 0)
		close(fd);
	free(plan);
	return r;
}
