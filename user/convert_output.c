// SPDX-License-Identifier: GPL-2.0-only
/* May the output be written? */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "convert.h"
#include "log.h"
#include "outfile.h"
#include "write/own_file.h"
#include "write/writer.h"

#define OUTPUT_MODE 0666
#define WHY_SIZE 256

static int check_existing(const char *path, bool named)
{
	struct stat st;
	bool own;
	int fd;

	if (lstat(path, &st) < 0)
		return 0;
	if (S_ISDIR(st.st_mode)) {
		log_error("%s: is a directory; name a file with -o", path);
		return -EISDIR;
	}
	if (S_ISBLK(st.st_mode) || S_ISSOCK(st.st_mode)) {
		log_error("%s: not a file that can be written; name another with -o", path);
		return -EINVAL;
	}
	if (named)
		return 0;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	own = fd >= 0 && S_ISREG(st.st_mode) && own_file__check(fd);
	if (fd >= 0)
		close(fd);
	if (own)
		return 0;
	log_error("%s: exists and was not written by vtbpf; to replace it, name it with -o", path);
	return -EEXIST;
}

static int check_stream(const char *path, bool named)
{
	if (!named) {
		log_error("%s: not a regular file; name an output with -o", path);
		return -EEXIST;
	}
	if (access(path, W_OK) < 0) {
		log_error("%s: cannot be written: %s", path, strerror(errno));
		return -errno;
	}
	return 0;
}

/* The one sure way to know whether a file can be made in the directory is to make one. */
static int try_create(const char *path)
{
	struct outfile f;
	int err = outfile__create(&f, path, "", OUTPUT_MODE);

	if (err) {
		log_error("%s: cannot be written: %s; name another file with -o", path,
			  strerror(-err));
		return err;
	}
	outfile__abort(&f);
	return 0;
}

int convert__check_output(const char *output, const char *format, bool output_named)
{
	char why[WHY_SIZE];
	bool stream = outfile__is_stream(output);
	int err = stream ? 0 : check_existing(output, output_named);

	if (err)
		return err;
	if (!writer__find(format, output, why, sizeof(why))) {
		log_error("%s: %s", output, why);
		return -EINVAL;
	}
	return stream ? check_stream(output, output_named) : try_create(output);
}
