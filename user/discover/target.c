// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../urgent.h"
#include "elf_image.h"
#include "mapped_file.h"
#include "proc_maps.h"
#include "target.h"

#define MAX_CMDLINE (1u << 20)
#define MAX_SEEN 4096 /* distinct mapped files looked at */

/* What an opening tells the user when it fails. */
struct reason {
	char *why;
	size_t size;
};

static int fail(const struct reason *r, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(const struct reason *r, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->why, r->size, fmt, ap);
	va_end(ap);
	return err;
}

static FILE *open_proc(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return fopen(path, "re");
}

/* Turns the errno of a failed access to /proc/PID into the answer. */
static int fail_access(const struct reason *r, pid_t pid, int err)
{
	if (err == ENOENT || err == ESRCH)
		return fail(r, -ESRCH, "no such process");
	if (err == EACCES || err == EPERM)
		return fail(r, -EACCES,
			    "not permitted to look into process %d; run vtbpf as root, "
			    "or with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH",
			    (int)pid);
	return fail(r, -err, "cannot read /proc/%d: %s", (int)pid, strerror(err));
}

/* ---- /proc/PID/status and stat ---------------------------------------------------------- */

/* The last number on the line: NSpid counts from the outermost namespace to the innermost. */
static pid_t last_number(const char *text)
{
	pid_t last = 0;
	char *end;

	for (;;) {
		long n = strtol(text, &end, 10);

		if (end == text)
			return last;
		last = (pid_t)n;
		text = end;
	}
}

static void read_status_line(struct target *t, const char *line, char *state, pid_t *tgid)
{
	unsigned int id;

	if (strncmp(line, "State:", 6) == 0)
		sscanf(line + 6, " %c", state);
	else if (strncmp(line, "Tgid:", 5) == 0)
		*tgid = last_number(line + 5);
	else if (strncmp(line, "NSpid:", 6) == 0)
		t->ns_pid = last_number(line + 6);
	else if (sscanf(line, "Uid: %*u %*u %*u %u", &id) == 1)
		t->uid = id;
	else if (sscanf(line, "Gid: %*u %*u %*u %u", &id) == 1)
		t->gid = id;
}

static int read_status(struct target *t, const struct reason *r)
{
	FILE *in = open_proc(t->pid, "status");
	pid_t tgid = t->pid;
	char line[256], state = '?';

	if (!in)
		return fail_access(r, t->pid, errno);
	t->ns_pid = t->pid;
	while (fgets(line, sizeof(line), in))
		read_status_line(t, line, &state, &tgid);
	fclose(in);
	if (state == 'Z' || state == 'X')
		return fail(r, -ESRCH,
			    "no such process: it has ended and only waits for its parent "
			    "(zombie)");
	if (tgid != t->pid)
		return fail(r, -EINVAL,
			    "it is a thread of process %d; give the process id, and the "
			    "thread to --only-thread",
			    (int)tgid);
	return 0;
}

static int read_stat(struct target *t, const struct reason *r)
{
	char buf[1024], *name_end;
	FILE *in = open_proc(t->pid, "stat");
	size_t n;

	if (!in)
		return fail_access(r, t->pid, errno);
	n = fread(buf, 1, sizeof(buf) - 1, in);
	fclose(in);
	buf[n] = '\0';
	name_end = strrchr(buf, ')'); /* the name may hold anything, parentheses too */
	if (!name_end || sscanf(name_end + 1,
				" %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
				"%*d %*d %*d %" SCNu64,
				&t->proc_start) != 1)
		return fail(r, -EIO, "cannot read /proc/%d/stat", (int)t->pid);
	return 0;
}

/* ---- what is nice to know --------------------------------------------------------------- */

static void read_comm(struct target *t)
{
	FILE *in = open_proc(t->pid, "comm");

	if (!in)
		return;
	if (fgets(t->comm, sizeof(t->comm), in))
		t->comm[strcspn(t->comm, "\n")] = '\0';
	fclose(in);
}

static void read_cmdline(struct target *t)
{
	FILE *in = open_proc(t->pid, "cmdline");
	char chunk[4096], *grown;
	size_t n;

	while (in && t->cmdline_len < MAX_CMDLINE && (n = fread(chunk, 1, sizeof(chunk), in)) > 0) {
		grown = realloc(t->cmdline, t->cmdline_len + n);
		if (!grown)
			break;
		t->cmdline = grown;
		memcpy(t->cmdline + t->cmdline_len, chunk, n);
		t->cmdline_len += n;
	}
	if (in)
		fclose(in);
}

/* The part of a host path that the process sees: below its own root directory. */
static const char *below_root(const struct target *t, const char *path)
{
	char link[64], root[4096];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/root", (int)t->pid);
	n = readlink(link, root, sizeof(root) - 1);
	if (n <= 1 || strncmp(path, root, (size_t)n) != 0)
		return path;
	if (path[n] == '\0')
		return "/";
	return path[n] == '/' ? path + n : path;
}

static void read_cwd(struct target *t)
{
	char path[64], link[4096];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/cwd", (int)t->pid);
	n = readlink(path, link, sizeof(link) - 1);
	if (n <= 0)
		return;
	link[n] = '\0';
	t->cwd = strdup(below_root(t, link));
}

/* ---- the interpreter among the mapped files --------------------------------------------- */

struct file_id {
	unsigned int dev_major, dev_minor;
	uint64_t inode;
};

struct search {
	struct target *t;
	bool likely_only; /* files whose name says python */
	size_t n_seen;
	struct file_id seen[MAX_SEEN];
	bool denied; /* what may be the interpreter could not be opened without more rights */
};

static const char *const interpreter_symbols[] = { "_PyEval_EvalFrameDefault", "PyEval_EvalFrameEx",
						   NULL };

static bool looks_likely(const char *path)
{
	const char *base = strrchr(path, '/');

	return strstr(base ? base : path, "python") != NULL;
}

/* Remembers the file; false when it was looked at before. */
static bool first_sight(struct search *s, const struct proc_map *map)
{
	const struct file_id id = { map->dev_major, map->dev_minor, map->inode };
	size_t i;

	for (i = 0; i < s->n_seen; i++) {
		if (s->seen[i].inode == id.inode && s->seen[i].dev_major == id.dev_major &&
		    s->seen[i].dev_minor == id.dev_minor)
			return false;
	}
	if (s->n_seen == MAX_SEEN)
		return false;
	s->seen[s->n_seen++] = id;
	return true;
}

static int try_mapping(const struct proc_map *map, void *arg)
{
	struct search *s = arg;
	const char *path;
	uint64_t vaddr;
	int fd;

	if (!map->exec || !map->inode || (s->likely_only && !looks_likely(map->path)) ||
	    !first_sight(s, map))
		return 0;
	path = below_root(s->t, map->path);
	fd = mapped_file__open(s->t->pid, map, s->t->root_fd, path);
	if (fd < 0) {
		s->denied |= fd == -EACCES && looks_likely(map->path);
		return 0;
	}
	urgent__end(); /* what follows is between us and the file */
	if (!elf_file__defines(fd, interpreter_symbols) ||
	    !elf_file__code_vaddr(fd, map->offset, &vaddr)) {
		close(fd);
		urgent__begin();
		return 0;
	}
	s->t->interp_fd = fd;
	s->t->load_bias = map->start - vaddr;
	snprintf(s->t->interp, sizeof(s->t->interp), "%s", path);
	return 1;
}

/* Walks the mappings once. 1 found, 0 not, or a negative errno. */
static int search_maps(struct search *s, const struct reason *r)
{
	FILE *in = open_proc(s->t->pid, "maps");
	int found;

	if (!in)
		return fail_access(r, s->t->pid, errno);
	s->n_seen = 0;
	urgent__begin();
	found = proc_maps__each(in, try_mapping, s);
	urgent__end();
	if (found < 0)
		found = fail(r, -ENOMEM, "out of memory");
	else if (!found && ferror(in))
		found = fail_access(r, s->t->pid, errno);
	fclose(in);
	return found;
}

static int find_interpreter(struct target *t, const struct reason *r)
{
	struct search *s = calloc(1, sizeof(*s));
	bool denied;
	int found;

	if (!s)
		return fail(r, -ENOMEM, "out of memory");
	s->t = t;
	s->likely_only = true;
	found = search_maps(s, r);
	if (!found) {
		s->likely_only = false;
		found = search_maps(s, r);
	}
	denied = s->denied;
	free(s);
	if (found < 0)
		return found;
	if (!found && denied)
		return fail(r, -EACCES,
			    "not permitted to open the interpreter that it has mapped: where the "
			    "file is not the one of that name any more, or not readable by "
			    "everybody, CAP_SYS_ADMIN and CAP_DAC_READ_SEARCH are needed; run "
			    "vtbpf as root");
	if (!found)
		return fail(r, -ENOENT,
			    "nothing that it has mapped holds a CPython; is it a Python "
			    "program, and does its interpreter export its symbols?");
	return 0;
}

/* ---- the whole -------------------------------------------------------------------------- */

static int open_handles(struct target *t, const struct reason *r)
{
	char path[64];

	t->pidfd = (int)syscall(SYS_pidfd_open, t->pid, 0);
	if (t->pidfd < 0 && errno == ESRCH)
		return fail_access(r, t->pid, ESRCH);
	snprintf(path, sizeof(path), "/proc/%d/root", (int)t->pid);
	t->root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return t->root_fd < 0 ? fail_access(r, t->pid, errno) : 0;
}

int target__open(pid_t pid, struct target *t, char *why, size_t why_size)
{
	const struct reason r = { why, why_size };
	int err;

	memset(t, 0, sizeof(*t));
	t->pid = pid;
	t->pidfd = t->root_fd = t->interp_fd = -1;
	if (pid <= 0)
		return fail(&r, -ESRCH, "no such process");
	err = read_status(t, &r);
	if (!err)
		err = read_stat(t, &r);
	if (!err)
		err = open_handles(t, &r);
	if (!err) {
		read_comm(t);
		urgent__begin();
		read_cmdline(t);
		urgent__end();
		read_cwd(t);
		err = find_interpreter(t, &r);
	}
	if (err)
		target__close(t);
	return err;
}

bool target__has_ended(const struct target *t)
{
	struct pollfd fd = { .fd = t->pidfd, .events = POLLIN };

	if (t->pidfd < 0) /* before Linux 5.3 */
		return kill(t->pid, 0) && errno == ESRCH;
	return poll(&fd, 1, 0) == 1;
}

static void close_fd(int *fd)
{
	if (*fd > 0)
		close(*fd);
	*fd = -1;
}

void target__close(struct target *t)
{
	close_fd(&t->pidfd);
	close_fd(&t->root_fd);
	close_fd(&t->interp_fd);
	free(t->cmdline);
	free(t->cwd);
	t->cmdline = NULL;
	t->cwd = NULL;
	t->cmdline_len = 0;
}
