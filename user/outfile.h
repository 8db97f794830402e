/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Output files of a program that runs as root: made beside their final name without following
 * links, given to the user who ran sudo, renamed into place only when whole.
 */
#ifndef VTBPF_OUTFILE_H
#define VTBPF_OUTFILE_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct outfile {
	int fd;		    /* open for writing; the caller writes, outfile__commit() closes */
	int dirfd;	    /* directory of the output */
	bool keep_existing; /* set by the caller: commit fails with -EEXIST rather than replace */
	char *path;	    /* as the user gave it */
	char *base;	    /* its last component */
	char *tmp;	    /* temporary name in dirfd */
	char *tmp_path;	    /* the same for messages: directory as the user gave it + tmp */
};

/* Does path name a device, a pipe, or one of our own open files (/dev/stdout, /dev/fd/N)? Such an
 * output is written straight through: outfile__create opens it, tmp is NULL, and nothing is renamed
 * or removed; with an infix (a capture beside such an output) a file in $TMPDIR or /tmp is made
 * instead. */
bool outfile__is_stream(const char *path);

/* The directory in which a file of that path lies, the caller's to free. NULL for a stream, or when out
 * of memory. */
char *outfile__directory(const char *path);

/* Creates path's temporary file: PATH's directory / BASE + infix + six random characters, O_EXCL,
 * mode `mode` & ~umask, owned by SUDO_UID:SUDO_GID where vtbpf runs under sudo. infix "" gives
 * BASE.XXXXXX, ".vtb" gives BASE.vtb.XXXXXX. 0 or a negative errno. */
int outfile__create(struct outfile *f, const char *path, const char *infix, mode_t mode);

/* Renames the temporary file to its name and closes it (fsync is not called). */
int outfile__commit(struct outfile *f);

/* Removes the temporary file and closes it. Legal on a zeroed or committed f. */
void outfile__abort(struct outfile *f);

/* Frees f and closes fds but leaves the temporary file where it is. */
void outfile__keep(struct outfile *f);

/* Ids of the user who ran sudo (SUDO_UID, SUDO_GID), or our own. false when not under sudo. */
bool outfile__owner(uid_t *uid, gid_t *gid);

#endif
