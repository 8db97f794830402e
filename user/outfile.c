// SPDX-License-Identifier: GPL-2.0-only
#include "outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES 100
#define RANDOM_CHARS 6

static bool parse_id(const char *text, unsigned int *id)
{
	unsigned long value;
	char *end;

	if (!text || *text < '0' || *text > '9')
		return false;
	errno = 0;
	value = strtoul(text, &end, 10);
	*id = (unsigned int)value;
	/* the largest id means "unchanged" to chown(2) */
	return !errno && !*end && value < UINT_MAX;
}

bool outfile__owner(uid_t *uid, gid_t *gid)
{
	unsigned int u, g;

	*uid = getuid();
	*gid = getgid();
	if (geteuid() || !parse_id(getenv("SUDO_UID"), &u) || !parse_id(getenv("SUDO_GID"), &g))
		return false;
	*uid = u;
	*gid = g;
	return true;
}

/* The number of our own open file that path names, or -1. What is behind it is what the caller of
 * vtbpf opened, a regular file too. */
static int own_descriptor(const char *path)
{
	static const char *const dirs[] = { "/dev/fd/", "/proc/self/fd/" };
	unsigned int fd;
	size_t i;

	if (!strcmp(path, "/dev/stdout"))
		return STDOUT_FILENO;
	if (!strcmp(path, "/dev/stderr"))
		return STDERR_FILENO;
	for (i = 0; i < 2; i++) {
		if (!strncmp(path, dirs[i], strlen(dirs[i])) &&
		    parse_id(path + strlen(dirs[i]), &fd) && fd <= INT_MAX)
			return (int)fd;
	}
	return -1;
}

bool outfile__is_stream(const char *path)
{
	struct stat st;

	if (own_descriptor(path) >= 0)
		return true;
	return !lstat(path, &st) && (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode));
}

char *outfile__directory(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (outfile__is_stream(path))
		return NULL;
	if (!slash)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static int open_dir(const char *path, const char *base)
{
	size_t n = (size_t)(base - path);
	char *dir = n ? strndup(path, n) : strdup(".");
	int fd, err;

	if (!dir)
		return -ENOMEM;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = -errno;
	free(dir);
	return fd < 0 ? err : fd;
}

/* BASE + infix + ".": what comes before the random characters. BASE is cut where the name would get
 * too long for a file system. */
static int name_tmp(struct outfile *f, const char *infix)
{
	size_t room = NAME_MAX - strlen(infix) - 1 - RANDOM_CHARS;

	if (asprintf(&f->tmp, "%.*s%s.XXXXXX", (int)room, f->base, infix) < 0) {
		f->tmp = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int randomise(char *name)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	char *p = name + strlen(name) - RANDOM_CHARS;
	unsigned char bytes[RANDOM_CHARS];
	size_t i;

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -EIO;
	for (i = 0; i < sizeof(bytes); i++)
		p[i] = chars[bytes[i] % (sizeof(chars) - 1)];
	return 0;
}

static int create_tmp(struct outfile *f, mode_t mode)
{
	int tries, err;

	for (tries = 0; tries < TRIES; tries++) {
		err = randomise(f->tmp);
		if (err)
			return err;
		f->fd = openat(f->dirfd, f->tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			       mode);
		if (f->fd >= 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

static int give_to_owner(struct outfile *f)
{
	uid_t uid;
	gid_t gid;

	/* Some file systems know no owners: that is no reason to have no output. */
	if (outfile__owner(&uid, &gid) && fchown(f->fd, uid, gid) < 0 && errno != EPERM &&
	    errno != EOPNOTSUPP)
		return -errno;
	return 0;
}

static int set_paths(struct outfile *f, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;

	if (!*base || !strcmp(base, ".") || !strcmp(base, ".."))
		return *path ? -EISDIR : -ENOENT;
	f->path = strdup(path);
	f->base = strdup(base);
	if (!f->path || !f->base)
		return -ENOMEM;
	f->dirfd = open_dir(path, base);
	return f->dirfd < 0 ? f->dirfd : 0;
}

static int make_tmp(struct outfile *f, const char *infix, mode_t mode)
{
	size_t dir_len = strlen(f->path) - strlen(f->base);
	int err = name_tmp(f, infix);

	if (!err)
		err = create_tmp(f, mode);
	if (err) {
		free(f->tmp); /* there is nothing to remove under this name */
		f->tmp = NULL;
		return err;
	}
	if (asprintf(&f->tmp_path, "%.*s%s", (int)dir_len, f->path, f->tmp) < 0) {
		f->tmp_path = NULL;
		return -ENOMEM;
	}
	return give_to_owner(f);
}

/* A device or pipe is written straight through: fd is all there is. */
static int open_stream(struct outfile *f, const char *path)
{
	f->path = strdup(path);
	f->base = strdup(path);
	if (!f->path || !f->base)
		return -ENOMEM;
	/* Opening the name again would write over a regular file from its begin. */
	if (own_descriptor(path) >= 0)
		f->fd = fcntl(own_descriptor(path), F_DUPFD_CLOEXEC, 3);
	else
		f->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	return f->fd < 0 ? -errno : 0;
}

/* The temporary file of an output that has no directory of its own. */
static const char *scratch_path(char *buf, size_t size)
{
	const char *dir = getenv("TMPDIR");

	snprintf(buf, size, "%s/vtbpf", dir && *dir == '/' ? dir : "/tmp");
	return buf;
}

int outfile__create(struct outfile *f, const char *path, const char *infix, mode_t mode)
{
	char scratch[PATH_MAX];
	int err;

	memset(f, 0, sizeof(*f));
	f->fd = f->dirfd = -1;
	if (outfile__is_stream(path) && !*infix) {
		err = open_stream(f, path);
	} else {
		if (outfile__is_stream(path))
			path = scratch_path(scratch, sizeof(scratch));
		err = set_paths(f, path);
		if (!err)
			err = make_tmp(f, infix, mode);
	}
	if (err)
		outfile__abort(f);
	return err;
}

static void release(struct outfile *f)
{
	/* Descriptor 0 in a zeroed outfile is not ours. */
	if (f->fd > 0)
		close(f->fd);
	if (f->dirfd > 0)
		close(f->dirfd);
	free(f->path);
	free(f->base);
	free(f->tmp);
	free(f->tmp_path);
	memset(f, 0, sizeof(*f));
	f->fd = f->dirfd = -1;
}

/*
 * ext4 writes a file to disk when it is renamed over another one (auto_da_alloc), which for a large
 * trace takes longer than making it. Exchanging the two is as atomic and has no such cost.
 */
static bool exchange(struct outfile *f)
{
	struct stat st;

	if (fstatat(f->dirfd, f->base, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return false;
	if (renameat2(f->dirfd, f->tmp, f->dirfd, f->base, RENAME_EXCHANGE) < 0)
		return false;
	unlinkat(f->dirfd, f->tmp, 0);
	return true;
}

/* Gives the file its name, which must be free. Not every file system can rename so. */
static int take_free_name(struct outfile *f)
{
	if (!renameat2(f->dirfd, f->tmp, f->dirfd, f->base, RENAME_NOREPLACE))
		return 0;
	if (errno == EEXIST || linkat(f->dirfd, f->tmp, f->dirfd, f->base, 0))
		return -errno;
	unlinkat(f->dirfd, f->tmp, 0);
	return 0;
}

int outfile__commit(struct outfile *f)
{
	int err = 0;

	if (f->tmp && f->keep_existing)
		err = take_free_name(f);
	else if (f->tmp && !exchange(f) && renameat(f->dirfd, f->tmp, f->dirfd, f->base) < 0)
		err = -errno;
	if (err) {
		outfile__abort(f);
		return err;
	}
	/* close(2) reports errors that a network file system kept back */
	if (f->fd > 0 && close(f->fd) < 0 && errno != EINTR)
		err = -errno;
	f->fd = -1;
	release(f);
	return err;
}

void outfile__abort(struct outfile *f)
{
	if (f->tmp)
		unlinkat(f->dirfd, f->tmp, 0);
	release(f);
}

void outfile__keep(struct outfile *f)
{
	release(f);
}
